//! Events for the cases.

use std::sync::Arc;

use gatepost_model::{SiteId, Wall, event::Line};
use serde_json::{Value, json};

use crate::store::event::{StoredEvent, TimeSource};

pub(crate) fn wall(text: &str) -> Wall {
    Wall::parse(text).unwrap()
}

pub(crate) fn site() -> SiteId {
    "binjiang".parse().unwrap()
}

/// An event of site `binjiang`, unit `gate-1`, log `log-1`, on the evening of 2026-11-23 in UTC.
pub(crate) fn event(seq: u64, second: i64, fields: Value) -> StoredEvent {
    let mut line = json!({"mono_us": seq * 1000});
    for (name, value) in fields.as_object().unwrap() {
        line[name] = value.clone();
    }
    let line = line.to_string();
    let (entry, form) = Line::with_form(line.as_bytes()).unwrap();
    let time = wall("2026-11-23T20:00:00Z").plus_micros(second * 1_000_000);
    StoredEvent {
        site: site(),
        unit: "gate-1".parse().unwrap(),
        log: "log-1".parse().unwrap(),
        seq,
        n: 1,
        boot: "boot-1".parse().unwrap(),
        mono_us: seq * 1000,
        time,
        time_error_ms: 12,
        source: TimeSource::Unit,
        received: time.plus_micros(1_000_000),
        entry,
        form,
        line: Arc::from(line),
    }
}

pub(crate) fn passage(seq: u64, second: i64, lane: &str, dir: &str) -> StoredEvent {
    let fields = json!({"kind": "passage", "lane": lane, "dir": dir, "duration_ms": 400});
    event(seq, second, fields)
}

pub(crate) fn reading(seq: u64, second: i64, sensor: &str, value: f64) -> StoredEvent {
    let fields = json!({"kind": "reading", "sensor": sensor, "quantity": "ambient_c", "value": value, "zone": "living"});
    event(seq, second, fields)
}

/// An event that says what another line says.
pub(crate) fn rewritten(event: StoredEvent, line: impl Into<Arc<str>>) -> StoredEvent {
    let line = line.into();
    let (entry, form) = Line::with_form(line.as_bytes()).unwrap();
    StoredEvent {
        line,
        entry,
        form,
        ..event
    }
}

pub(crate) fn test(event: StoredEvent) -> StoredEvent {
    let mut line: Value = serde_json::from_str(&event.line).unwrap();
    line["test"] = json!(true);
    rewritten(event, line.to_string())
}

/// One event of each kind that there is, with all its fields, and one of a kind to come.
pub(crate) fn every_kind() -> Vec<StoredEvent> {
    let fields = [
        json!({"kind": "boot", "version": "1.2.3", "config": "c0ffee", "lanes": ["people"], "sensors": ["yard-env"], "zones": ["living"], "reason": "boot"}),
        json!({"kind": "heartbeat", "watched_from_mono_us": 1, "uptime_s": 60, "clock": "synced", "waiting": 3, "disk_free": 1_u64 << 40, "cpu_c": 51.0, "undervoltage": false, "lost_edges": 0}),
        json!({"kind": "passage", "lane": "goods", "dir": "out", "duration_ms": 4000, "disinfected": true, "litres": 2.0}),
        json!({"kind": "unclear", "lane": "people", "reason": "overlap"}),
        json!({"kind": "entry", "lane": "people", "outcome": "refused", "reason": "no \"certificate\", 没有"}),
        json!({"kind": "screening", "lane": "people", "id": "s-1", "attempt": 1, "skin_c": 34.75, "ambient_c": 18.0, "baseline_c": 34.5, "delta_c": 0.25, "rule": "rel-1", "verdict": "normal"}),
        json!({"kind": "reading", "sensor": "yard-env", "quantity": "humidity", "value": 50.0, "zone": "isolation"}),
        json!({"kind": "round", "zone": "living", "round": "r-1", "phase": "ended", "started_mono_us": 1, "litres": 3.0, "pump_s": 60.0, "points": ["a", "b"], "evidence": "button+flow"}),
        json!({"kind": "fault", "sensor": "people-ir", "code": "bus_error", "detail": "pec\n2"}),
        json!({"kind": "cleared", "sensor": "people-ir", "code": "bus_error", "detail": ""}),
        json!({"kind": "calibration", "sensor": "living-flow", "quantity": "pulses_per_litre", "before": 450.0, "after": 440.5, "by": "李"}),
        json!({"kind": "weather", "wind": [1, 2.5], "seq": "its own", "nested": {"a": null}}),
    ];
    let seconds = 0_i64..;
    let events = (1..).zip(seconds).zip(fields);
    events
        .map(|((seq, second), fields)| event(seq, second, fields))
        .collect()
}

/// Readings and passages of two units over a day, with their numbers out of step with their times.
pub(crate) fn a_day() -> Vec<StoredEvent> {
    (0_i64..600)
        .map(|n| {
            let seq = u64::try_from(n / 2 + 1).unwrap();
            let second = n * 137 % 80_000;
            let mut event = match n % 3 {
                0 => passage(seq, second, "people", if n % 2 == 0 { "in" } else { "out" }),
                1 => reading(seq, second, "yard-env", (n % 17) as f64 / 4.0),
                _ => event(seq, second, json!({"kind": "screening", "lane": "people", "id": "s", "attempt": 1, "skin_c": 34.0 + (n % 8) as f64 / 4.0, "rule": "rel-1", "verdict": "normal"})),
            };
            if n % 2 == 0 {
                event.unit = "gate-2".parse().unwrap();
            }
            event
        })
        .collect()
}

/// A text that breaks what takes it for more than a text.
pub(super) const HOSTILE: &str = "a,b=c d\n\"e\\ ${r._value} 門 🚧\t%0a\u{7f}";
