//! An event's line: how it is written, and what of a line can be read.

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::{Event, Gap, Happening, PlainReading, Reading, Stamp};
use crate::time::{MAX_MICROS, Micros, Wall};

/// Why a line is no event.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LineError {
    /// Not JSON, or not an object with `kind` and `mono_us`, or a known kind with a wrong field.
    #[error("{0}")]
    Json(String),
    /// A number outside what it can be.
    #[error("`{field}` is {value}, which is out of range")]
    Range {
        /// The field.
        field: &'static str,
        /// Its value.
        value: String,
    },
    /// A gap where only events can be.
    #[error("a gap cannot stand here")]
    Gap,
}

impl LineError {
    /// A stable code for the quarantine.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Json(_) => "bad_line",
            Self::Range { .. } => "out_of_range",
            Self::Gap => "bad_gap",
        }
    }
}

#[derive(Deserialize)]
struct Head {
    kind: String,
    mono_us: Option<Micros>,
    at: Option<Wall>,
    err_ms: Option<u64>,
    #[serde(default)]
    test: bool,
}

/// How a line is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// The very line that [`Event::to_line`] makes of the reading that was read: who keeps the one
    /// keeps the other.
    Plain,
    /// Any other: no reading, or written by a newer or a foreign unit.
    Other,
}

/// One line of a batch: an event, or what stands in the place of events that are gone.
#[derive(Debug, Clone, PartialEq)]
pub enum Line {
    /// An event.
    Event(Event),
    /// Events that the unit no longer has.
    Gap(Gap),
}

impl Line {
    /// Reads a line.
    pub fn from_bytes(line: &[u8]) -> Result<Self, LineError> {
        Self::with_form(line).map(|(line, _)| line)
    }

    /// Reads a line, and how it is written.
    pub fn with_form(line: &[u8]) -> Result<(Self, Form), LineError> {
        let plain = std::str::from_utf8(line).ok().and_then(PlainReading::read);
        if let Some(plain) = plain
            && let Ok(sensor) = plain.sensor.parse()
        {
            let reading = Reading {
                sensor,
                quantity: plain.quantity.to_owned(),
                value: plain.value,
                zone: plain.zone,
            };
            let event = Event {
                mono_us: plain.mono_us,
                at: plain.at,
                test: false,
                happening: Happening::Reading(reading),
            };
            return Ok((Self::Event(event), Form::Plain));
        }
        Self::read(line).map(|line| (line, Form::Other))
    }

    /// Reads a line of any form.
    pub(super) fn read(line: &[u8]) -> Result<Self, LineError> {
        let head: Head = json(line)?;
        if head.kind == "gap" {
            let gap: Gap = json(line)?;
            within("n", gap.n, 1, MAX_MICROS)?;
            within("to_mono_us", gap.to_mono_us, gap.from_mono_us, MAX_MICROS)?;
            return Ok(Self::Gap(gap));
        }
        let mono_us = head
            .mono_us
            .ok_or_else(|| LineError::Json("missing field `mono_us`".to_owned()))?;
        within("mono_us", mono_us, 0, MAX_MICROS)?;
        let at = head.at.map(|at| Stamp {
            at,
            err_ms: head.err_ms.unwrap_or(0),
        });
        let happening = Happening::read(&head.kind, line)?;
        Ok(Self::Event(Event {
            mono_us,
            at,
            test: head.test,
            happening,
        }))
    }
}

impl Gap {
    /// The gap as it stands in a batch, without a line end.
    pub fn to_line(&self) -> String {
        #[derive(Serialize)]
        struct Form<'a> {
            kind: &'static str,
            #[serde(flatten)]
            gap: &'a Gap,
        }
        to_json(&Form {
            kind: "gap",
            gap: self,
        })
    }
}

impl Event {
    /// The line that is written, sent and chained: made once. Without a line end.
    ///
    /// A [`Happening::Unknown`] has no line of its own; its own bytes are what is kept.
    pub fn to_line(&self) -> String {
        #[derive(Serialize)]
        struct Form<'a> {
            mono_us: Micros,
            #[serde(skip_serializing_if = "Option::is_none")]
            at: Option<Wall>,
            #[serde(skip_serializing_if = "Option::is_none")]
            err_ms: Option<u64>,
            #[serde(skip_serializing_if = "std::ops::Not::not")]
            test: bool,
            #[serde(flatten)]
            happening: &'a Happening,
        }
        to_json(&Form {
            mono_us: self.mono_us,
            at: self.at.map(|stamp| stamp.at),
            err_ms: self.at.map(|stamp| stamp.err_ms),
            test: self.test,
            happening: &self.happening,
        })
    }

    /// Reads a line that must be an event.
    pub fn from_line(line: &[u8]) -> Result<Self, LineError> {
        match Line::from_bytes(line)? {
            Line::Event(event) => Ok(event),
            Line::Gap(_) => Err(LineError::Gap),
        }
    }
}

impl Happening {
    fn read(kind: &str, line: &[u8]) -> Result<Self, LineError> {
        Ok(match kind {
            "boot" => Self::Boot(json(line)?),
            "heartbeat" => Self::Heartbeat(json(line)?),
            "passage" => Self::Passage(json(line)?),
            "unclear" => Self::Unclear(json(line)?),
            "entry" => Self::Entry(json(line)?),
            "screening" => Self::Screening(json(line)?),
            "reading" => Self::Reading(json(line)?),
            "round" => Self::Round(json(line)?),
            "fault" => Self::Fault(json(line)?),
            "cleared" => Self::Cleared(json(line)?),
            "calibration" => Self::Calibration(json(line)?),
            other => {
                // Only an object with its kind is an event; anything else is no line of ours.
                json::<serde_json::Map<String, Value>>(line)?;
                Self::Unknown(other.chars().take(crate::wire::MAX_TEXT).collect())
            }
        })
    }
}

fn json<T: DeserializeOwned>(line: &[u8]) -> Result<T, LineError> {
    serde_json::from_slice(line).map_err(|error| LineError::Json(error.to_string()))
}

pub(crate) fn to_json<T: Serialize>(value: &T) -> String {
    // Nothing here can fail to serialise: keys are strings, numbers are finite or become null.
    serde_json::to_string(value).unwrap_or_default()
}

fn within(field: &'static str, value: u64, from: u64, to: u64) -> Result<(), LineError> {
    if (from..=to).contains(&value) {
        Ok(())
    } else {
        Err(LineError::Range {
            field,
            value: value.to_string(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Unclear, UnclearReason};

    #[test]
    fn the_documented_lines_are_read_and_written_back() {
        let lines = [
            r#"{"mono_us":81230000000,"at":"2026-11-23T07:30:57.552Z","err_ms":12,"kind":"passage","lane":"people","dir":"in","duration_ms":412}"#,
            r#"{"mono_us":81230100000,"at":"2026-11-23T07:30:57.652Z","err_ms":12,"kind":"screening","lane":"people","id":"6f1c-people-81229900000","attempt":1,"skin_c":34.82,"ambient_c":18.4,"baseline_c":34.55,"delta_c":0.27,"rule":"rel-1","verdict":"normal"}"#,
        ];
        for line in lines {
            assert_eq!(Event::from_line(line.as_bytes()).unwrap().to_line(), line);
        }
    }

    #[test]
    fn a_newer_kind_is_an_event_and_a_newer_field_is_ignored() {
        let event = Event::from_line(br#"{"mono_us":1,"kind":"weather","wind":3}"#).unwrap();
        assert_eq!(event.happening.kind(), "weather");
        let event = Event::from_line(
            br#"{"mono_us":1,"kind":"unclear","lane":"people","reason":"fog","x":[]}"#,
        )
        .unwrap();
        assert!(matches!(
            event.happening,
            Happening::Unclear(Unclear {
                reason: UnclearReason::Other,
                ..
            })
        ));
    }

    #[test]
    fn impossible_lines_are_refused_with_a_code() {
        let cases: [(&str, &str); 8] = [
            ("", "bad_line"),
            ("[]", "bad_line"),
            (
                r#"{"kind":"passage","lane":"people","dir":"in","duration_ms":1}"#,
                "bad_line",
            ),
            (
                r#"{"mono_us":1,"kind":"passage","lane":"people","dir":"up","duration_ms":1}"#,
                "bad_line",
            ),
            (
                r#"{"mono_us":1,"kind":"passage","lane":"PEOPLE","dir":"in","duration_ms":1}"#,
                "bad_line",
            ),
            (
                r#"{"mono_us":9007199254740992,"kind":"reading","sensor":"a","quantity":"q","value":1}"#,
                "out_of_range",
            ),
            (
                r#"{"mono_us":1,"kind":"reading","sensor":"a","quantity":"q","value":1e999}"#,
                "bad_line",
            ),
            (
                r#"{"mono_us":1,"at":"0001-01-01T00:00:00Z","kind":"reading","sensor":"a","quantity":"q","value":1}"#,
                "bad_line",
            ),
        ];
        for (line, code) in cases {
            assert_eq!(
                Event::from_line(line.as_bytes()).unwrap_err().code(),
                code,
                "{line}"
            );
        }
    }
}
