//! Times: what a unit's monotonic clock says, what the wall clock says, and how sure that is.

use std::fmt;

use chrono::{DateTime, Datelike, NaiveDate, SecondsFormat, TimeDelta, Timelike, Utc};
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
    #[inline]
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
        from_form(text)
            .or_else(|| {
                DateTime::parse_from_rfc3339(text)
                    .ok()
                    .map(|it| it.to_utc())
            })
            .map(Self)
            .filter(|wall| wall.in_range())
            .ok_or_else(|| WallRange(text.chars().take(40).collect()))
    }

    /// Whether a text is the one in which this time is written.
    pub fn is_written(self, text: &str) -> bool {
        to_form(self.0).is_some_and(|form| form == text.as_bytes())
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
        match to_form(self.0) {
            Some(form) => f.write_str(std::str::from_utf8(&form).unwrap_or_default()),
            None => f.write_str(&self.0.to_rfc3339_opts(SecondsFormat::Millis, true)),
        }
    }
}

/// Every event's line has a time in this one form, so it is written and read without the general
/// way, which takes five times as long.
const FORM: &[u8; 24] = b"0000-00-00T00:00:00.000Z";

/// Where the numbers of the form are, and how many digits they have.
const NUMBERS: [(usize, usize); 7] = [(0, 4), (5, 2), (8, 2), (11, 2), (14, 2), (17, 2), (20, 3)];

/// A time in the form, if it has a year of four digits and is no leap second.
fn to_form(time: DateTime<Utc>) -> Option<[u8; 24]> {
    let (date, of_day) = (time.date_naive(), time.time());
    let year = u32::try_from(date.year()).ok().filter(|it| *it < 10_000)?;
    let millis = of_day.nanosecond() / 1_000_000;
    let parts = [
        year,
        date.month(),
        date.day(),
        of_day.hour(),
        of_day.minute(),
        of_day.second(),
        millis,
    ];
    let mut form = *FORM;
    for ((at, digits), mut part) in NUMBERS.into_iter().zip(parts) {
        for place in form[at..at + digits].iter_mut().rev() {
            *place = b'0' + (part % 10) as u8;
            part /= 10;
        }
    }
    (millis < 1000).then_some(form)
}

/// The time of a text in the form.
fn from_form(text: &str) -> Option<DateTime<Utc>> {
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
    let time = date.and_hms_milli_opt(hour, minute, second, millis)?;
    Some(time.and_utc())
}

impl fmt::Debug for Wall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Wall {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match to_form(self.0) {
            Some(form) => serializer.serialize_str(std::str::from_utf8(&form).unwrap_or_default()),
            None => serializer.collect_str(self),
        }
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

    proptest::proptest! {
        #[test]
        fn the_short_way_is_the_general_way(micros in 0..MAX_WALL_MICROS) {
            let wall = Wall::from_micros(micros).unwrap();
            let text = wall.to_string();
            proptest::prop_assert_eq!(&text, &wall.0.to_rfc3339_opts(SecondsFormat::Millis, true));
            let general = DateTime::parse_from_rfc3339(&text).unwrap();
            proptest::prop_assert_eq!(from_form(&text), Some(general.to_utc()));
        }
    }

    #[test]
    fn what_is_in_another_form_goes_the_general_way() {
        for text in [
            "2026-11-23T07:30:57Z",
            "2026-11-23T07:30:57.552+00:00",
            "2016-12-31T23:59:60.500Z",
            "2026-11-23t07:30:57.552z",
        ] {
            assert_eq!(from_form(text), None, "{text}");
            let general = DateTime::parse_from_rfc3339(text).unwrap().to_utc();
            let wall = Wall::parse(text).unwrap();
            assert_eq!(wall.0, general, "{text}");
            let written = general.to_rfc3339_opts(SecondsFormat::Millis, true);
            assert_eq!(wall.to_string(), written);
        }
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
