//! Times: what a unit's monotonic clock says, what the wall clock says, and how sure that is.

use std::fmt;

use chrono::{DateTime, Datelike, NaiveDate, TimeDelta, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// `CLOCK_MONOTONIC` of one boot, in microseconds. Comparable only within that boot.
pub type Micros = u64;

/// The largest monotonic time that is taken for one: 2^53 - 1 µs, 285 years, exact in every JSON reader.
pub const MAX_MICROS: Micros = (1 << 53) - 1;

/// Wall-clock time in UTC, whole microseconds. On the wire RFC 3339 with milliseconds
/// (`2026-11-23T07:30:57.552Z`); the years are 1970 to 2199, so that nanoseconds since 1970 fit 64 bits in
/// every store. A leap second is the first second of the next minute, as clocks of computers count.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Wall(i64);

/// A time outside the years that the record can hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the time {0} is outside 1970 to 2199")]
pub struct WallRange(pub String);

impl Wall {
    /// 1970-01-01T00:00:00Z, the earliest.
    pub const EPOCH: Self = Self(0);

    /// From microseconds since 1970, if within range.
    pub fn from_micros(micros: i64) -> Option<Self> {
        (0..=MAX_WALL_MICROS)
            .contains(&micros)
            .then_some(Self(micros))
    }

    /// Microseconds since 1970.
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// As the calendar's library has it.
    pub fn to_utc(self) -> DateTime<Utc> {
        DateTime::from_timestamp_micros(self.0).unwrap_or_default()
    }

    /// This time moved by `micros`, held at the ends of the range.
    pub fn plus_micros(self, micros: i64) -> Self {
        Self(self.0.saturating_add(micros).clamp(0, MAX_WALL_MICROS))
    }

    /// `self - other` in microseconds.
    pub const fn micros_since(self, other: Self) -> i64 {
        self.0 - other.0
    }

    /// This time moved by a span, held at the ends of the range.
    pub fn plus(self, span: TimeDelta) -> Self {
        self.plus_micros(span.num_microseconds().unwrap_or(i64::MAX))
    }

    /// From RFC 3339.
    pub fn parse(text: &str) -> Result<Self, WallRange> {
        from_form(text)
            .or_else(|| {
                let time = DateTime::parse_from_rfc3339(text).ok()?;
                Some(time.timestamp_micros())
            })
            .and_then(Self::from_micros)
            .ok_or_else(|| WallRange(text.chars().take(40).collect()))
    }

    /// Whether a text is the one in which this time is written.
    pub fn is_written(self, text: &str) -> bool {
        self.to_form() == text.as_bytes()
    }
}

/// 2199-12-31T23:59:59.999999Z in microseconds since 1970.
const MAX_WALL_MICROS: i64 = 7_258_118_399_999_999;

/// Held at the ends of the range.
impl From<DateTime<Utc>> for Wall {
    fn from(time: DateTime<Utc>) -> Self {
        Self::EPOCH.plus_micros(time.timestamp_micros())
    }
}

impl fmt::Display for Wall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(std::str::from_utf8(&self.to_form()).unwrap_or_default())
    }
}

/// Every event's line has a time in this one form, so it is written and read without the general
/// way, which takes five times as long.
const FORM: &[u8; 24] = b"0000-00-00T00:00:00.000Z";

/// Where the numbers of the form are, and how many digits they have.
const NUMBERS: [(usize, usize); 7] = [(0, 4), (5, 2), (8, 2), (11, 2), (14, 2), (17, 2), (20, 3)];

impl Wall {
    fn to_form(self) -> [u8; 24] {
        let millis = self.0.unsigned_abs() / 1000;
        let of_day = (millis % DAY_MS) as u32;
        let date = NaiveDate::from_epoch_days((millis / DAY_MS) as i32).unwrap_or_default();
        let (year, millis) = (date.year().unsigned_abs(), of_day % 1000);
        let mut form = *FORM;
        for (at, number) in [
            (0, year / 100),
            (2, year % 100),
            (5, date.month()),
            (8, date.day()),
            (11, of_day / 3_600_000),
            (14, of_day / 60_000 % 60),
            (17, of_day / 1000 % 60),
            (20, millis / 10),
        ] {
            form[at] += (number / 10) as u8;
            form[at + 1] += (number % 10) as u8;
        }
        form[22] += (millis % 10) as u8;
        form
    }
}

const DAY_MS: u64 = 24 * 3_600_000;

/// The time of a text in the form, microseconds since 1970.
fn from_form(text: &str) -> Option<i64> {
    let text: &[u8; 24] = text.as_bytes().try_into().ok()?;
    let is_alike = |(is, form): (&u8, &u8)| {
        if *form == b'0' {
            is.is_ascii_digit()
        } else {
            is == form
        }
    };
    if !text.iter().zip(FORM).all(is_alike) {
        return None;
    }
    let [year, month, day, hour, minute, second, millis] = NUMBERS.map(|(at, digits)| {
        let digits = text[at..at + digits].iter();
        digits.fold(0, |number, digit| number * 10 + u32::from(digit - b'0'))
    });
    let date = NaiveDate::from_ymd_opt(year.cast_signed(), month, day)?;
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let of_day = ((hour * 60 + minute) * 60 + second) * 1000 + millis;
    let millis = i64::from(date.to_epoch_days()) * DAY_MS.cast_signed() + i64::from(of_day);
    Some(millis * 1000)
}

impl fmt::Debug for Wall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Wall {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(std::str::from_utf8(&self.to_form()).unwrap_or_default())
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
    use chrono::SecondsFormat;

    use super::*;

    #[test]
    fn wall_is_exact_to_the_millisecond_on_the_wire() {
        let wall = Wall::parse("2026-11-23T15:30:57.552+08:00").unwrap();
        assert_eq!(wall.to_string(), "2026-11-23T07:30:57.552Z");
        assert_eq!(Wall::from_micros(wall.micros()), Some(wall));
    }

    proptest::proptest! {
        #[test]
        fn the_short_way_is_the_general_way(micros in 0..MAX_WALL_MICROS) {
            let wall = Wall::from_micros(micros).unwrap();
            let text = wall.to_string();
            let general = wall.to_utc().to_rfc3339_opts(SecondsFormat::Millis, true);
            proptest::prop_assert_eq!(&text, &general);
            let general = DateTime::parse_from_rfc3339(&text).unwrap();
            proptest::prop_assert_eq!(from_form(&text), Some(general.timestamp_micros()));
        }
    }

    #[test]
    fn what_is_in_another_form_goes_the_general_way() {
        for text in [
            "2026-11-23T07:30:57Z",
            "2026-11-23T07:30:57.552+00:00",
            "2026-11-23t07:30:57.552z",
        ] {
            assert_eq!(from_form(text), None, "{text}");
            let general = DateTime::parse_from_rfc3339(text).unwrap().to_utc();
            let wall = Wall::parse(text).unwrap();
            assert_eq!(wall.to_utc(), general, "{text}");
            let written = general.to_rfc3339_opts(SecondsFormat::Millis, true);
            assert_eq!(wall.to_string(), written);
            assert_eq!(wall.is_written(text), written == text);
        }
        let leap = Wall::parse("2016-12-31T23:59:60.500Z").unwrap();
        assert_eq!(leap.to_string(), "2017-01-01T00:00:00.500Z");
        assert!(Wall::parse("2026-02-30T00:00:00.000Z").is_err());
        assert!(Wall::parse("2026-02-20T25:00:00.000Z").is_err());
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
