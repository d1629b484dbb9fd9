//! Times: what a unit's monotonic clock says, what the wall clock says, and how sure that is.

use std::fmt;

use chrono::{DateTime, Datelike, SecondsFormat, TimeDelta, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// `CLOCK_MONOTONIC` of one boot, in microseconds. Comparable only within that boot.
pub type Micros = u64;

/// The largest monotonic time that is taken for one: 2^53 - 1 µs, 285 years, exact in every JSON reader.
pub const MAX_MICROS: Micros = (1 << 53) - 1;

/// Wall-clock time in UTC. On the wire RFC 3339 with milliseconds (`2026-11-23T07:30:57.552Z`);
/// readable are the years 1970 to 2199, so that nanoseconds since 1970 fit 64 bits in every store.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Wall(pub DateTime<Utc>);

/// A time outside the years that the record can hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the time {0} is outside 1970 to 2199")]
pub struct WallRange(pub String);

impl Wall {
    /// From microseconds since 1970, if within range.
    pub fn from_micros(micros: i64) -> Option<Self> {
        DateTime::from_timestamp_micros(micros)
            .map(Self)
            .filter(|wall| wall.in_range())
    }

    /// Microseconds since 1970.
    pub fn micros(self) -> i64 {
        self.0.timestamp_micros()
    }

    /// This time moved by `micros`, held at the ends of the range.
    pub fn plus_micros(self, micros: i64) -> Self {
        let moved = self
            .micros()
            .saturating_add(micros)
            .clamp(0, MAX_WALL_MICROS);
        Self(DateTime::from_timestamp_micros(moved).unwrap_or(self.0))
    }

    /// `self - other` in microseconds.
    pub fn micros_since(self, other: Self) -> i64 {
        self.micros() - other.micros()
    }

    /// This time moved by a span, held at the ends of the range.
    pub fn plus(self, span: TimeDelta) -> Self {
        self.plus_micros(span.num_microseconds().unwrap_or(i64::MAX))
    }

    /// From RFC 3339.
    pub fn parse(text: &str) -> Result<Self, WallRange> {
        DateTime::parse_from_rfc3339(text)
            .map(|time| Self(time.with_timezone(&Utc)))
            .ok()
            .filter(|wall| wall.in_range())
            .ok_or_else(|| WallRange(text.chars().take(40).collect()))
    }

    fn in_range(self) -> bool {
        (1970..2200).contains(&self.0.year()) && self.0.timestamp() >= 0
    }
}

/// 2199-12-31T23:59:59.999999Z in microseconds since 1970.
const MAX_WALL_MICROS: i64 = 7_258_118_399_999_999;

impl From<DateTime<Utc>> for Wall {
    fn from(time: DateTime<Utc>) -> Self {
        Self(time)
    }
}

impl fmt::Display for Wall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.to_rfc3339_opts(SecondsFormat::Millis, true))
    }
}

impl fmt::Debug for Wall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Wall {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Wall {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = Wall;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an RFC 3339 time between 1970 and 2199")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Wall, E> {
                Wall::parse(text).map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Visitor)
    }
}

/// What a unit knows of its wall clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Clock {
    /// The kernel says that a time server disciplines it.
    Synced,
    /// It was right once in this boot and runs on by itself; the error grows.
    Holdover,
    /// Never right in this boot.
    Unset,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wall_is_exact_to_the_millisecond_on_the_wire() {
        let wall = Wall::parse("2026-11-23T15:30:57.552+08:00").unwrap();
        assert_eq!(wall.to_string(), "2026-11-23T07:30:57.552Z");
        assert_eq!(Wall::from_micros(wall.micros()), Some(wall));
    }

    #[test]
    fn wall_refuses_what_a_store_could_not_hold() {
        for text in [
            "1969-12-31T23:59:59Z",
            "2200-01-01T00:00:00Z",
            "0001-01-01T00:00:00Z",
            "noon",
        ] {
            assert!(Wall::parse(text).is_err(), "{text}");
        }
        let end = Wall::parse("2199-12-31T23:59:59Z").unwrap();
        assert_eq!(end.plus_micros(i64::MAX).micros(), MAX_WALL_MICROS);
    }
}
