//! A real InfluxDB 2 server beside the store, where `GATEPOST_INFLUXD` names its program.

use std::{
    fmt::Write as _,
    fs,
    net::TcpListener,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use gatepost_hub::store::event::StoredEvent;
use gatepost_model::event::Happening;

const TOKEN: &str = "bench-bench-bench";

/// A running server, with what it was given.
pub(crate) struct Influxd {
    url: String,
    child: Child,
    folder: tempfile::TempDir,
    given: usize,
    took: Duration,
}

impl Influxd {
    /// Nothing where there is no such program.
    pub(crate) fn start() -> Option<Self> {
        let program = std::env::var("GATEPOST_INFLUXD").ok()?;
        let folder = tempfile::tempdir().unwrap();
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let at = |name: &str| folder.path().join(name).display().to_string();
        let child = Command::new(program)
            .arg(format!("--http-bind-address=127.0.0.1:{port}"))
            .arg(format!("--bolt-path={}", at("bolt")))
            .arg(format!("--sqlite-path={}", at("sqlite")))
            .arg(format!("--engine-path={}", at("engine")))
            .args(["--reporting-disabled", "--log-level=error"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let url = format!("http://127.0.0.1:{port}/api/v2");
        let wanted = serde_json::json!({
            "username": "bench", "password": "bench-bench", "org": "o", "bucket": "b",
            "token": TOKEN,
        });
        let begun = Instant::now();
        while let Err(error) = ureq::post(format!("{url}/setup"))
            .content_type("application/json")
            .send(wanted.to_string())
        {
            assert!(begun.elapsed() < Duration::from_secs(60), "{error}");
            std::thread::sleep(Duration::from_millis(100));
        }
        Some(Self {
            url,
            child,
            folder,
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
        let answer = ureq::post(format!("{}/write?org=o&bucket=b&precision=ns", self.url))
            .header("authorization", format!("Token {TOKEN}"))
            .send(&lines);
        assert_eq!(answer.unwrap().status(), 204);
        self.took += begun.elapsed();
        self.given += events.len();
    }

    /// Says what it did, beside our own rate.
    pub(crate) fn report(mut self, ours: f64) {
        let rate = self.given as f64 / self.took.as_secs_f64();
        println!(
            "InfluxDB 2: {rate:.0} points/s; ratio {:.1}; memory {} kB",
            ours / rate,
            super::status_of(&self.child.id().to_string(), "VmRSS"),
        );
        let (from, to) = ("2026-11-01T00:00:00Z", "2026-11-02T00:00:00Z");
        for (name, every) in [("24 h by 1 min", "1m"), ("24 h by 1 h", "1h")] {
            let flux = format!(
                "from(bucket: \"b\") |> range(start: {from}, stop: {to})
                 |> filter(fn: (r) => r._measurement == \"reading\" and r.unit == \"gate-7\"
                           and r.sensor == \"yard-env\" and r._field == \"value\")
                 |> aggregateWindow(every: {every}, fn: mean, createEmpty: false)"
            );
            super::timed(&format!("InfluxDB 2, {name}"), || {
                let answer = ureq::post(format!("{}/query?org=o", self.url))
                    .header("authorization", format!("Token {TOKEN}"))
                    .content_type("application/vnd.flux")
                    .send(&flux);
                answer.unwrap().body_mut().read_to_string().unwrap();
            });
        }
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        let bytes = size(&self.folder.path().join("engine"));
        println!(
            "InfluxDB 2: {:.1} bytes a point with its log",
            bytes as f64 / self.given as f64
        );
    }
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
