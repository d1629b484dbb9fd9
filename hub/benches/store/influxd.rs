//! A real InfluxDB 2 server beside the store, where `GATEPOST_INFLUXD` names its program.

use std::{
    fmt::Write as _,
    fs,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use gatepost_hub::{
    clock::Clock,
    core::Commit,
    store::{
        event::StoredEvent,
        influx::{Client, Pace, Place, forward::Round},
        journal::Journal,
    },
};
use gatepost_model::event::Happening;
use influxd::{Influxd as Server, ORG, TOKEN};

use super::{BATCH, Units};

/// A running server, with what it was given.
pub(crate) struct Influxd {
    server: Server,
    given: usize,
    took: Duration,
}

impl Influxd {
    /// Nothing where there is no such program.
    pub(crate) fn start() -> Option<Self> {
        Some(Self {
            server: Server::start()?,
            given: 0,
            took: Duration::ZERO,
        })
    }

    /// Writes readings as the hub's forwarder would, but for compression.
    pub(crate) fn append(&mut self, events: &[StoredEvent]) {
        let mut lines = String::new();
        for event in events {
            let Some(Happening::Reading(reading)) = event.happening() else {
                continue;
            };
            writeln!(
                lines,
                "reading,site={},unit={},log={},sensor={},quantity={} value={},seq={}i,err_ms={}i,source={}i {}",
                event.site, event.unit, event.log, reading.sensor, reading.quantity, reading.value,
                event.seq, event.time_error_ms, event.source as u8,
                event.time.micros() * 1000 + (event.seq % 1000) as i64,
            )
            .unwrap();
        }
        let begun = Instant::now();
        let path = format!("write?org={ORG}&bucket=first&precision=ns");
        self.server.send(&path, "text/plain", &lines);
        self.took += begun.elapsed();
        self.given += events.len();
    }

    /// Says what it did, beside our own rate.
    pub(crate) fn report(self, ours: f64) {
        let rate = self.given as f64 / self.took.as_secs_f64();
        println!(
            "InfluxDB 2: {rate:.0} points/s; ratio {:.1}; memory {} kB",
            ours / rate,
            super::process::number(&self.server.pid().to_string(), "status", "VmRSS:"),
        );
        let (from, to) = ("2026-11-01T00:00:00Z", "2026-11-02T00:00:00Z");
        for (name, every) in [("24 h by 1 min", "1m"), ("24 h by 1 h", "1h")] {
            let flux = format!(
                "from(bucket: \"first\") |> range(start: {from}, stop: {to})
                 |> filter(fn: (r) => r._measurement == \"reading\" and r.unit == \"gate-7\"
                           and r.sensor == \"yard-env\" and r._field == \"value\")
                 |> aggregateWindow(every: {every}, fn: mean, createEmpty: false)"
            );
            super::timed(&format!("InfluxDB 2, {name}"), || {
                self.server.ask(&flux);
            });
        }
        let bytes = size(&self.server.folder().join("engine"));
        println!(
            "InfluxDB 2: {:.1} bytes a point with its log",
            bytes as f64 / self.given as f64
        );
    }
}

/// An outage of InfluxDB: readings wait in the journal, and go over when it is back. Says how fast that is,
/// beside the rate of the embedded store.
pub(crate) fn outage(units: &mut Units, points: usize, ours: f64) {
    let Some(server) = Server::start() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let client = Client::new(Place {
        url: server.url().to_owned(),
        org: ORG.to_owned(),
        bucket: "outage".to_owned(),
        token_file: server.token_file("token", TOKEN),
        ca_file: None,
    });
    let client = Arc::new(client.unwrap());
    client.set_up(None).unwrap();
    let mut journal = Journal::open_before_influx(folder.path(), u64::MAX).unwrap();
    let (mut given, mut took) = (0, Duration::ZERO);
    while given < points {
        let events = units.batch(BATCH);
        given += events.len();
        let changes = Vec::new();
        let begun = Instant::now();
        journal.commit(&Commit { events, changes }).unwrap();
        took += begun.elapsed();
    }
    let taken = given as f64 / took.as_secs_f64();
    let waiting = super::used(&folder.path().join("journal.sqlite"));
    let influx = journal.influx(client).unwrap();
    let mut forwarder = influx.forwarder(Clock, Pace::default()).unwrap();
    let resident = || super::process::number("self", "status", "VmRSS:");
    let before = resident();
    let (mut most, begun) = (before, Instant::now());
    loop {
        match forwarder.round().unwrap() {
            Round::Idle => break,
            Round::Sent(_) => most = most.max(resident()),
            Round::Wait { why, .. } => panic!("{why}"),
        }
    }
    let rate = given as f64 / begun.elapsed().as_secs_f64();
    println!(
        "an outage of InfluxDB 2: {taken:.0} points/s into the journal, {:.1} bytes a point there; \
         {rate:.0} points/s brought over afterwards, {:.2} of the embedded store's ingest; memory {before} \
         kB before, {most} kB at most meanwhile; an hour of 50 readings/s takes {:.1} s",
        waiting as f64 / given as f64,
        rate / ours,
        180_000.0 / rate,
    );
}

/// Bytes of all files in a folder.
fn size(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).unwrap().map(Result::unwrap);
    entries
        .map(|entry| match entry.metadata().unwrap() {
            it if it.is_dir() => size(&entry.path()),
            it => it.len(),
        })
        .sum()
}
