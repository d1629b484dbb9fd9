//! An event as the record keeps it: its line as it came, its identity, and its frozen time.

use std::sync::Arc;

use gatepost_model::{
    BootId, LogId, Micros, SiteId, UnitId, Wall,
    event::{Class, Form, Happening, Line},
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::core::placement::mono_of;

/// One event of the record.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredEvent {
    /// The site.
    pub site: SiteId,
    /// The unit.
    pub unit: UnitId,
    /// The unit's log.
    pub log: LogId,
    /// Its number in the log; of a gap, the first that it stands for.
    pub seq: u64,
    /// How many numbers it takes: 1, of a gap more.
    pub n: u64,
    /// The boot whose monotonic clock it has.
    pub boot: BootId,
    /// Monotonic time; of a gap, its end.
    pub mono_us: Micros,
    /// When it happened: given at its first commit, never changed.
    pub time: Wall,
    /// How far that may be off, milliseconds.
    pub time_error_ms: u64,
    /// What the time rests on.
    pub source: TimeSource,
    /// When the hub got it.
    pub received: Wall,
    /// The line, byte for byte.
    pub line: Arc<str>,
    /// The line, read.
    pub entry: Line,
    /// How the line is written, as [`Line::with_form`] has found.
    pub form: Form,
}

/// What an event's time rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TimeSource {
    /// The unit's clock.
    Unit,
    /// The hub's clock at receipt.
    Hub,
    /// What is known of the time before and after.
    Estimated,
    /// The unit's clock, which the hub's contradicts.
    Disputed,
}

impl TimeSource {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Unit, Self::Hub, Self::Estimated, Self::Disputed];

    /// Its word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unit => "unit",
            Self::Hub => "hub",
            Self::Estimated => "estimated",
            Self::Disputed => "disputed",
        }
    }
}

impl StoredEvent {
    /// As it was stored; nothing if it cannot be read again.
    pub(super) fn of(record: &Record<'_>, line: &str) -> Option<Self> {
        let (entry, form) = Line::with_form(line.as_bytes()).ok()?;
        let mut sources = TimeSource::ALL.into_iter();
        Some(Self {
            site: record.site.parse().ok()?,
            unit: record.unit.parse().ok()?,
            log: record.log.parse().ok()?,
            seq: record.seq,
            n: match &entry {
                Line::Event(_) => 1,
                Line::Gap(gap) => gap.n,
            },
            boot: record.boot.parse().ok()?,
            mono_us: mono_of(&entry),
            time: record.time,
            time_error_ms: record.time_error_ms,
            source: sources.find(|it| it.as_str() == record.source)?,
            received: record.received,
            line: line.into(),
            entry,
            form,
        })
    }

    /// The kind's word; `gap` for a gap.
    pub fn kind(&self) -> &str {
        match &self.entry {
            Line::Event(event) => event.happening.kind(),
            Line::Gap(_) => "gap",
        }
    }

    /// What happened; nothing of a gap.
    pub fn happening(&self) -> Option<&Happening> {
        match &self.entry {
            Line::Event(event) => Some(&event.happening),
            Line::Gap(_) => None,
        }
    }

    /// What goes first when the disk is full.
    pub fn class(&self) -> Class {
        match &self.entry {
            Line::Event(event) => event.happening.class(),
            Line::Gap(gap) => gap.class,
        }
    }

    /// Made in test mode: kept and shown, counted nowhere.
    pub fn is_test(&self) -> bool {
        matches!(&self.entry, Line::Event(event) if event.test)
    }

    /// Its time is that of the unit's own clock, which the unit trusted when it happened and the hub's
    /// does not contradict. A time by an anchor may be what the hub itself told the unit.
    pub fn is_by_the_units_clock(&self) -> bool {
        let is_stamped = matches!(&self.entry, Line::Event(event) if event.at.is_some());
        is_stamped && self.source == TimeSource::Unit
    }

    /// As the API shows it: the wire's fields, and the record's. Where a newer unit's field bears
    /// the name of one of the record's, the record's stands.
    pub fn to_json(&self) -> Value {
        let record = Record {
            site: self.site.as_str(),
            unit: self.unit.as_str(),
            log: self.log.as_str(),
            seq: self.seq,
            boot: self.boot.as_str(),
            time: self.time,
            time_error_ms: self.time_error_ms,
            source: self.source.as_str(),
            received: self.received,
        };
        record.to_json(&self.line)
    }
}

/// The record's fields of an event, as a store reads them back.
pub(super) struct Record<'a> {
    pub(super) site: &'a str,
    pub(super) unit: &'a str,
    pub(super) log: &'a str,
    pub(super) seq: u64,
    pub(super) boot: &'a str,
    pub(super) time: Wall,
    pub(super) time_error_ms: u64,
    pub(super) source: &'a str,
    pub(super) received: Wall,
}

impl Record<'_> {
    /// With the fields of its line.
    pub(super) fn to_json(&self, line: &str) -> Value {
        // What is stored was read as an object before; if it cannot be now, its own fields are
        // missing and nothing else is.
        let mut fields: Map<String, Value> = serde_json::from_str(line).unwrap_or_default();
        let mut put = |name: &str, value: Value| {
            fields.insert(name.to_owned(), value);
        };
        put("site", self.site.into());
        put("unit", self.unit.into());
        put("log", self.log.into());
        put("seq", self.seq.into());
        put("boot", self.boot.into());
        put("time", self.time.to_string().into());
        put("time_error_ms", self.time_error_ms.into());
        put("time_source", self.source.into());
        put("received", self.received.to_string().into());
        Value::Object(fields)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(line: &str) -> StoredEvent {
        let (entry, form) = Line::with_form(line.as_bytes()).unwrap();
        StoredEvent {
            site: "binjiang".parse().unwrap(),
            unit: "gate-1".parse().unwrap(),
            log: "9f2c".parse().unwrap(),
            seq: 7,
            n: 1,
            boot: "6f1c".parse().unwrap(),
            mono_us: 5,
            time: Wall::parse("2026-11-23T07:31:00.5Z").unwrap(),
            time_error_ms: 12,
            source: TimeSource::Disputed,
            received: Wall::parse("2026-11-23T07:31:01Z").unwrap(),
            line: line.into(),
            entry,
            form,
        }
    }

    #[test]
    fn the_record_says_what_the_line_cannot() {
        let event = stored(
            r#"{"mono_us":5,"kind":"weather","wind":3,"seq":"mine","time":"never","test":true}"#,
        );
        assert_eq!(event.kind(), "weather");
        assert!(event.is_test());
        assert_eq!(
            event.to_json(),
            serde_json::json!({
                "mono_us": 5, "kind": "weather", "wind": 3, "test": true,
                "site": "binjiang", "unit": "gate-1", "log": "9f2c", "seq": 7, "boot": "6f1c",
                "time": "2026-11-23T07:31:00.500Z", "time_error_ms": 12,
                "time_source": "disputed", "received": "2026-11-23T07:31:01.000Z",
            })
        );
    }

    #[test]
    fn a_gap_has_a_kind_and_a_class_and_is_no_test() {
        let event = stored(
            r#"{"kind":"gap","n":3,"cause":"shed","class":"telemetry","from_mono_us":1,"to_mono_us":5,"watched":[],"chain":"5b1e0c9a77d2f014"}"#,
        );
        assert_eq!((event.kind(), event.class()), ("gap", Class::Telemetry));
        assert!(!event.is_test() && event.happening().is_none());
        assert_eq!(event.to_json()["n"], 3);
    }
}
