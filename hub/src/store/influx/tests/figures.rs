//! Figures, asserted nowhere: how fast points go over, what they weigh there, how long questions take.
//!
//! `cargo test --release -p gatepost-hub --lib figures -- --ignored --nocapture`

use std::{fs, path::Path, thread, time::Duration};

use gatepost_model::event::{Event, Form, Happening, Line, Reading, Stamp};

use super::*;
use crate::store::event::TimeSource;

/// A reading as a unit with a clock writes it, a second or so after the minute.
fn reading(unit: usize, sensor: usize, seq: u64, minute: i64) -> StoredEvent {
    let jitter = (seq as i64 * 7919 + sensor as i64 * 104_729) % 1000 * 1000;
    let time = contract::wall("2026-10-24T00:00:00Z").plus_micros(minute * 60_000_000 + jitter);
    let mono_us = 1_000_000_000 + minute.unsigned_abs() * 60_000_000 + jitter.unsigned_abs();
    let value = 18.0 + ((seq as f64 / 97.0).sin() * 80.0).round() / 16.0;
    let event = Event {
        mono_us,
        at: Some(Stamp {
            at: time,
            err_ms: 12,
        }),
        test: false,
        happening: Happening::Reading(Reading {
            sensor: format!("env-{sensor}").parse().unwrap(),
            quantity: "ambient_c".to_owned(),
            value,
            zone: None,
        }),
    };
    StoredEvent {
        site: contract::site(),
        unit: format!("gate-{unit}").parse().unwrap(),
        log: "log-1".parse().unwrap(),
        seq,
        n: 1,
        boot: "6f1c2a9d".parse().unwrap(),
        mono_us,
        time,
        time_error_ms: 12,
        source: TimeSource::Unit,
        received: time.plus_micros(250_000),
        line: event.to_line().into(),
        entry: Line::Event(event),
        form: Form::Plain,
    }
}

fn bytes_under(path: &Path, ending: &str) -> u64 {
    let entries = fs::read_dir(path).into_iter().flatten().flatten();
    entries
        .map(|entry| match entry.metadata() {
            Ok(data) if data.is_dir() => bytes_under(&entry.path(), ending),
            Ok(data) if entry.file_name().to_string_lossy().ends_with(ending) => data.len(),
            _ => 0,
        })
        .sum()
}

#[test]
#[ignore = "prints figures"]
fn figures() {
    let Some(server) = server() else { return };
    let stage = Stage::new(server, When::Never);
    let engine = server.folder().join("engine/data");
    let before = bytes_under(&engine, ".tsm");
    // One gauge a minute for 30 days, and 199 for a thousand minutes.
    let mut events: Vec<StoredEvent> = (0..43_200)
        .map(|minute| reading(0, 0, minute as u64 + 1, minute))
        .collect();
    for unit in 1..11 {
        let mut seq = 0;
        for minute in 42_200..43_200 {
            for sensor in 0..20 {
                seq += 1;
                events.push(reading(unit, sensor, seq, minute));
            }
        }
    }
    let all = events.len() as f64;
    let watch = Clock.stopwatch();
    for chunk in events.chunks(5000) {
        stage.append(chunk);
    }
    println!(
        "into the journal: {:.0} events/s",
        all / watch.elapsed().as_secs_f64()
    );
    let waiting = stage.influx.shared.pending();
    println!(
        "waiting in the journal: {:.1} bytes an event",
        waiting as f64 / all
    );
    let watch = Clock.stopwatch();
    stage.forward();
    println!(
        "to InfluxDB: {:.0} points/s",
        all / watch.elapsed().as_secs_f64()
    );

    let site = contract::site();
    let which = |sensor: Option<&str>| StatsFilter::Readings {
        quantity: "ambient_c".to_owned(),
        sensor: sensor.map(|sensor| sensor.parse().unwrap()),
        zone: None,
    };
    let end = contract::wall("2026-11-23T00:00:00Z");
    let edges = |buckets: i64, minutes: i64| -> Vec<Wall> {
        (0..=buckets)
            .rev()
            .map(|n| end.plus_micros(-n * minutes * 60_000_000))
            .collect()
    };
    let (minutes, hours) = (edges(1440, 1), edges(720, 60));
    let timed = |name: &str, ask: &dyn Fn()| {
        let mut times: Vec<Duration> = (0..21)
            .map(|_| {
                let watch = Clock.stopwatch();
                ask();
                watch.elapsed()
            })
            .collect();
        times.sort();
        println!("{name}: p50 {:.1?}", times[10]);
    };
    timed("24 h by 1 min", &|| {
        let stats = stage
            .influx
            .stats(&site, &which(Some("env-0")), &minutes)
            .unwrap();
        assert!(stats.iter().flatten().count() > 1000);
    });
    timed("30 d by 1 h", &|| {
        let stats = stage
            .influx
            .stats(&site, &which(Some("env-0")), &hours)
            .unwrap();
        assert!(stats.iter().flatten().count() > 700);
    });
    timed("latest of 201 gauges", &|| {
        assert_eq!(stage.influx.latest(&site).unwrap().len(), 201);
    });

    // Packed once the cache is written down.
    let mut last = 0;
    for _ in 0..60 {
        thread::park_timeout(Duration::from_secs(2));
        let now = bytes_under(&engine, ".tsm") - before;
        if now > 0 && now == last {
            println!("at rest in InfluxDB: {:.1} bytes a point", now as f64 / all);
            return;
        }
        last = now;
    }
    println!("InfluxDB has not packed what it has: {last} bytes so far");
}
