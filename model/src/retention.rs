//! How long a site keeps what.
//!
//! An event is kept as it came for a while; then only what it adds to its site-local hour, and later
//! only what it adds to its day: how many, the smallest, the mean, the largest. The share of the time
//! that was watched is kept for each of them.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// How long a site keeps what, by class of data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Retention {
    /// Readings of sensors, and heartbeats.
    pub telemetry: Keep,
    /// Skin temperatures of people.
    pub screenings: Keep,
    /// All other events: passages, entries, rounds, faults.
    pub record: Keep,
}

impl Default for Retention {
    fn default() -> Self {
        let keep = |raw, hourly| Keep {
            raw,
            hourly,
            daily: Span::Forever,
        };
        Self {
            telemetry: keep(Span::Days(400), Span::Days(1_830)),
            screenings: keep(Span::Days(400), Span::Days(1_830)),
            record: keep(Span::Forever, Span::Forever),
        }
    }
}

impl Retention {
    /// Each class with its name.
    pub fn classes(&self) -> [(&'static str, Keep); 3] {
        [
            ("telemetry", self.telemetry),
            ("screenings", self.screenings),
            ("record", self.record),
        ]
    }
}

/// How long one class of data is kept, counted from when it happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Keep {
    /// Each event as it came.
    pub raw: Span,
    /// What each site-local hour comes to. Not shorter than `raw`.
    pub hourly: Span,
    /// What each site-local day comes to. Not shorter than `hourly`.
    pub daily: Span,
}

impl Default for Keep {
    fn default() -> Self {
        Self {
            raw: Span::Forever,
            hourly: Span::Forever,
            daily: Span::Forever,
        }
    }
}

impl Keep {
    /// Whether what is coarser is kept at least as long as what is finer.
    pub fn is_ordered(&self) -> bool {
        self.raw <= self.hourly && self.hourly <= self.daily
    }
}

/// A time for which something is kept: a number of days, or `"forever"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Span {
    /// At least 1.
    Days(u16),
    /// For as long as the record is kept.
    Forever,
}

const FOREVER: &str = "forever";

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Days(days) => write!(f, "{days}"),
            Self::Forever => f.write_str(FOREVER),
        }
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Days(days) => serializer.serialize_u16(*days),
            Self::Forever => serializer.serialize_str(FOREVER),
        }
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = Span;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(
                    f,
                    "a number of days from 1 to {}, or \"{FOREVER}\"",
                    u16::MAX
                )
            }
            fn visit_u64<E: de::Error>(self, days: u64) -> Result<Span, E> {
                match u16::try_from(days) {
                    Ok(days @ 1..) => Ok(Span::Days(days)),
                    _ => Err(E::invalid_value(de::Unexpected::Unsigned(days), &self)),
                }
            }
            fn visit_i64<E: de::Error>(self, days: i64) -> Result<Span, E> {
                match u64::try_from(days) {
                    Ok(days) => self.visit_u64(days),
                    Err(_) => Err(E::invalid_value(de::Unexpected::Signed(days), &self)),
                }
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Span, E> {
                if text == FOREVER {
                    return Ok(Span::Forever);
                }
                Err(E::invalid_value(de::Unexpected::Str(text), &self))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_days_or_forever_and_nothing_else() {
        let read = |text: &str| serde_json::from_str::<Keep>(text);
        let keep = read(r#"{"raw":30,"hourly":400,"daily":"forever"}"#).unwrap();
        assert_eq!((keep.raw, keep.daily), (Span::Days(30), Span::Forever));
        assert!(keep.is_ordered());
        assert_eq!(read(&serde_json::to_string(&keep).unwrap()).unwrap(), keep);
        assert!(!read(r#"{"hourly":7}"#).unwrap().is_ordered());
        for wrong in ["0", "-1", "65536", "1.5", "\"always\"", "null"] {
            let error = read(&format!(r#"{{"raw":{wrong}}}"#)).unwrap_err();
            assert!(error.to_string().contains("number of days"), "{error}");
        }
        assert!(
            Retention::default()
                .classes()
                .iter()
                .all(|(_, keep)| keep.is_ordered())
        );
    }
}
