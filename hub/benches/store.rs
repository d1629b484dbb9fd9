//! The embedded store beside plain rows in SQLite, and beside InfluxDB 2 where `GATEPOST_INFLUXD` names
//! its program (`tests/influxd/binary` builds it), on one machine in one run: how fast readings go
//! in, what they take at rest, how fast questions are answered, how fast it opens again, and what is
//! written to the disk. Prints figures; asserts nothing.
//!
//! `STORE_POINTS` is how many readings go in (default 10,000,000: 17 hours of them); the peers get 600,000.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a bench prints, may panic, and measures time"
)]

#[path = "store/influxd.rs"]
mod influxd;
#[path = "shared/process.rs"]
mod process;

use std::{
    path::Path,
    time::{Duration, Instant},
};

use gatepost_hub::{
    core::Commit,
    store::{
        embedded::{Embedded, Sealed},
        event::{StoredEvent, TimeSource},
        journal::Journal,
        port::{EventStore, StatsFilter},
    },
};
use gatepost_model::{
    BootId, LogId, SiteId, UnitId, Wall,
    event::{Event, Form, Happening, Line, Reading, Stamp},
};
use influxd::Influxd;
use rusqlite::{Connection, params};

const UNITS: usize = 2_500;
const SENSORS: [&str; 4] = ["yard-env", "hall-env", "people-ir", "cpu"];
const BATCH: usize = 5_000;
/// So many readings the peers get at most.
const PEERS: usize = 600_000;
/// Each sensor is read so often, microseconds: a unit's default.
const EVERY: i64 = 60_000_000;

fn main() {
    let points = std::env::var("STORE_POINTS").ok();
    let points: usize = points.map_or(10_000_000, |text| text.parse().unwrap());
    ingest(points);
    card();
}

/// Readings as units make them: four sensors at once a minute, each unit with a phase, a jitter and a
/// delay of its own. The four bear one copy of the unit's names, as what a message brought does.
struct Units {
    units: Vec<String>,
    begun: i64,
    dice: u64,
    next: usize,
    seqs: Vec<u64>,
    site: SiteId,
}

impl Units {
    fn new(units: usize) -> Self {
        Self {
            units: (0..units).map(|n| format!("gate-{n}")).collect(),
            begun: Wall::parse("2026-11-01T00:00:00Z").unwrap().micros(),
            dice: 1,
            next: 0,
            seqs: vec![0; units],
            site: site(),
        }
    }

    fn roll(&mut self, sides: u64) -> u64 {
        self.dice ^= self.dice << 13;
        self.dice ^= self.dice >> 7;
        self.dice ^= self.dice << 17;
        self.dice % sides
    }

    /// The next readings, all units in turn.
    fn batch(&mut self, readings: usize) -> Vec<StoredEvent> {
        let mut batch = Vec::with_capacity(readings);
        while batch.len() < readings {
            let (round, unit) = (self.next / self.units.len(), self.next % self.units.len());
            self.next += 1;
            let phase = unit as i64 * 23_456;
            let mono = 90_000_000 + round as i64 * EVERY + phase + self.roll(900) as i64;
            // Now and then something passes in between.
            self.seqs[unit] += 1 + self.roll(3);
            let received = (mono + self.begun) / 1000 * 1000 + 30_000 + self.roll(60) as i64 * 1000;
            let names = Names {
                site: self.site.as_str().parse().unwrap(),
                unit: self.units[unit].parse().unwrap(),
                log: "9f2c4e5b1e0c9a77".parse().unwrap(),
                boot: "6f1c2d3e".parse().unwrap(),
            };
            for (at, sensor) in SENSORS.into_iter().enumerate() {
                self.seqs[unit] += 1;
                let base = [1830, 2140, 3460, 5120][at] + (round / 7 % 50) as i64;
                let value = (base + self.roll(12) as i64) as f64 / 100.0;
                let (mono, seq) = (mono + at as i64 * 310, self.seqs[unit]);
                batch.push(self.event(&names, seq, mono, received, sensor, value));
            }
        }
        batch
    }

    fn event(
        &self,
        names: &Names,
        seq: u64,
        mono: i64,
        received: i64,
        sensor: &str,
        value: f64,
    ) -> StoredEvent {
        let time = Wall::from_micros((mono + self.begun) / 1000 * 1000).unwrap();
        let event = Event {
            mono_us: mono as u64,
            at: Some(Stamp {
                at: time,
                err_ms: 12,
            }),
            test: false,
            happening: Happening::Reading(Reading {
                sensor: sensor.parse().unwrap(),
                quantity: "ambient_c".to_owned(),
                value,
                zone: None,
            }),
        };
        StoredEvent {
            site: names.site.clone(),
            unit: names.unit.clone(),
            log: names.log.clone(),
            seq,
            n: 1,
            boot: names.boot.clone(),
            mono_us: mono as u64,
            time,
            time_error_ms: 12,
            source: TimeSource::Unit,
            received: Wall::from_micros(received).unwrap(),
            line: event.to_line().into(),
            entry: Line::Event(event),
            form: Form::Plain,
        }
    }
}

/// What a message says of where it comes from.
struct Names {
    site: SiteId,
    unit: UnitId,
    log: LogId,
    boot: BootId,
}

fn site() -> SiteId {
    "binjiang".parse().unwrap()
}

fn ingest(points: usize) {
    println!(
        "== {points} readings of {} series, batches of {BATCH}",
        UNITS * 4
    );
    let folder = tempfile::tempdir().unwrap();
    let mut journal = Journal::open(folder.path()).unwrap();
    let mut units = Units::new(UNITS);
    let (mut commits, mut sealing) = (Vec::new(), Duration::ZERO);
    let mut given = 0;
    while given < points {
        let events = units.batch(BATCH);
        given += events.len();
        let now = events[0].received;
        let commit = Commit {
            events,
            changes: Vec::new(),
        };
        let begun = Instant::now();
        journal.commit(&commit).unwrap();
        commits.push(begun.elapsed());
        let begun = Instant::now();
        journal.seal(now).unwrap();
        sealing += begun.elapsed();
    }
    let committing: Duration = commits.iter().sum();
    let rate = |n: usize, took: Duration| n as f64 / took.as_secs_f64();
    let ours = rate(given, committing + sealing);
    commits.sort();
    println!(
        "ingest: {ours:.0} points/s (commits {committing:.2?}, sealing {sealing:.2?}, commit p50 \
         {:.2?} p99 {:.2?})",
        commits[commits.len() / 2],
        commits[commits.len() * 99 / 100],
    );
    println!("memory: {} kB peak", process::peak_memory("self"));

    // The peers, with the same batches.
    let mut units = Units::new(UNITS);
    let mut plain = Plain::new(&folder.path().join("plain.sqlite"));
    let mut took = Duration::ZERO;
    let mut influxd = Influxd::start();
    let theirs = points.min(PEERS) / BATCH * BATCH;
    for _ in 0..theirs / BATCH {
        let events = units.batch(BATCH);
        let begun = Instant::now();
        plain.append(&events);
        took += begun.elapsed();
        if let Some(influxd) = &mut influxd {
            influxd.append(&events);
        }
    }
    let rows = rate(theirs, took);
    println!("plain rows: {rows:.0} points/s; ratio {:.1}", ours / rows);
    if let Some(influxd) = influxd {
        influxd.report(ours);
        influxd::outage(&mut Units::new(UNITS), theirs, ours);
    }
    let store = journal.history().unwrap();
    latest(&store);
    drop((journal, store));
    let begun = Instant::now();
    let mut journal = Journal::open(folder.path()).unwrap();
    println!("reopened with its open hours in {:.1?}", begun.elapsed());

    let end = Wall::parse("2027-02-01T00:00:00Z").unwrap();
    while journal.seal(end).unwrap() != Sealed::Nothing {}
    let (ours, rows) = (
        used(&folder.path().join("journal.sqlite")) as f64 / given as f64,
        used(&folder.path().join("plain.sqlite")) as f64 / theirs as f64,
    );
    println!(
        "at rest: {ours:.2} bytes a point, its blocks alone {:.2}; plain rows {rows:.2}; ratio {:.1}",
        blocks(&folder.path().join("journal.sqlite")) / given as f64,
        rows / ours
    );

    tables(&folder.path().join("journal.sqlite"), given);

    // One unit that has been there for 30 days.
    let mut month = Units::new(1);
    month.site = "xinghe".parse().unwrap();
    for _ in 0..30 * 24 {
        let commit = Commit {
            events: month.batch(240),
            changes: Vec::new(),
        };
        journal.commit(&commit).unwrap();
    }
    while journal.seal(end).unwrap() != Sealed::Nothing {}
    let store = journal.history().unwrap();
    let which = StatsFilter::Readings {
        quantity: "ambient_c".to_owned(),
        sensor: Some("yard-env".parse().unwrap()),
        zone: None,
    };
    for (name, n, width) in [("24 h by 1 min", 1_440, 60), ("30 d by 1 h", 720, 3_600)] {
        let edges: Vec<Wall> = (0..=n)
            .map(|at| Wall::from_micros(month.begun + at * width * 1_000_000).unwrap())
            .collect();
        timed(name, || {
            store.stats(&month.site, &which, &edges).unwrap();
        });
    }
}

fn latest(store: &Embedded) {
    timed("latest of all 10,000", || {
        assert_eq!(store.latest(&site()).unwrap().len(), UNITS * SENSORS.len());
    });
}

fn timed(name: &str, ask: impl Fn()) {
    let mut took: Vec<Duration> = (0..50)
        .map(|_| {
            let begun = Instant::now();
            ask();
            begun.elapsed()
        })
        .collect();
    took.sort();
    println!("{name}: p50 {:.2?}, p99 {:.2?}", took[25], took[49]);
}

/// What a card is written by 50 readings a second: an hour of them with its sealing.
fn card() {
    // The hub gathers a trickle of readings for a quarter of a second.
    for (name, a_second) in [("four commits a second", 4), ("one commit a second", 1)] {
        let folder = tempfile::tempdir().unwrap();
        let mut journal = Journal::open(folder.path()).unwrap();
        let mut units = Units::new(750);
        let begun = Instant::now();
        let mut commit = |journal: &mut Journal, readings: usize| {
            let commit = Commit {
                events: units.batch(readings),
                changes: Vec::new(),
            };
            let now = commit.events[0].received;
            journal.commit(&commit).unwrap();
            journal.seal(now).unwrap();
        };
        // The series of all units are made before anything is counted.
        commit(&mut journal, 3_000);
        let before = process::written("self");
        for n in 0..3_600 * a_second {
            commit(&mut journal, 50 * (n + 1) / a_second - 50 * n / a_second);
        }
        let end = Wall::parse("2027-02-01T00:00:00Z").unwrap();
        while journal.seal(end).unwrap() != Sealed::Nothing {}
        let written = process::written("self") - before;
        let kept = used(&folder.path().join("journal.sqlite"));
        println!(
            "an hour of 50 readings/s, {name}: {:.1} kB/s written, {:.1} times what is kept \
             ({:.1?})",
            written as f64 / 3_600_000.0,
            written as f64 / kept as f64,
            begun.elapsed(),
        );
    }
}

/// Bytes of a database that hold something, after all that is written has gone into its file.
fn used(file: &Path) -> u64 {
    let connection = Connection::open(file).unwrap();
    let ask = |what: &str| -> u64 {
        connection
            .pragma_query_value(None, what, |row| row.get::<_, i64>(0))
            .unwrap()
            .unsigned_abs()
    };
    (ask("page_count") - ask("freelist_count")) * ask("page_size")
}

/// Bytes of all blocks, without the tables of series and newest readings, which do not grow with time.
fn blocks(file: &Path) -> f64 {
    let connection = Connection::open(file).unwrap();
    let sum = "SELECT total(length(data)) FROM reading_block";
    connection.query_row(sum, [], |row| row.get(0)).unwrap()
}

/// What each table and index takes, with its pages as they are filled.
fn tables(file: &Path, points: usize) {
    let connection = Connection::open(file).unwrap();
    let mut statement = connection
        .prepare("SELECT name, sum(pgsize) AS bytes FROM dbstat GROUP BY name ORDER BY bytes DESC")
        .unwrap();
    let mut rows = statement.query([]).unwrap();
    while let Some(row) = rows.next().unwrap() {
        let (name, bytes): (String, i64) = (row.get(0).unwrap(), row.get(1).unwrap());
        let each = bytes as f64 / points as f64;
        if each >= 0.01 {
            println!("  {name}: {each:.2} bytes a point");
        }
    }
}

/// One row a point, as one would write it at first.
struct Plain {
    connection: Connection,
}

impl Plain {
    fn new(file: &Path) -> Self {
        let connection = Connection::open(file).unwrap();
        connection
            .execute_batch(
                "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -32000;
                 CREATE TABLE point(series TEXT, time INTEGER, seq INTEGER, value REAL, error INTEGER,
                                    source INTEGER, PRIMARY KEY(series, time, seq)) WITHOUT ROWID;",
            )
            .unwrap();
        Self { connection }
    }

    fn append(&mut self, events: &[StoredEvent]) {
        let transaction = self.connection.transaction().unwrap();
        {
            let mut insert = transaction
                .prepare_cached("INSERT OR IGNORE INTO point VALUES (?1, ?2, ?3, ?4, ?5, ?6)")
                .unwrap();
            for event in events {
                let Some(Happening::Reading(reading)) = event.happening() else {
                    continue;
                };
                let series = format!("{}/{}", event.unit, reading.sensor);
                insert
                    .execute(params![
                        series,
                        event.time.micros(),
                        event.seq as i64,
                        reading.value,
                        event.time_error_ms as i64,
                        event.source as u8,
                    ])
                    .unwrap();
            }
        }
        transaction.commit().unwrap();
    }
}
