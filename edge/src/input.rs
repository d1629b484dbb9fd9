//! Inputs as the core takes them, and the recorded form in which `replay` and the simulated board
//! give them: JSON lines.
//!
//! ```text
//! {"mono_us":0,"boot":"6f1c…"}                                            a boot begins
//! {"mono_us":1000000,"clock":"2026-11-23T07:31:00Z","synced":true}        the wall clock from here on
//! {"mono_us":1250000,"input":"people-a","level":1}                        a pin
//! {"mono_us":1300000,"input":"people-ir","skin_c":34.82,"ambient_c":18.4} a measuring sensor's answer
//! {"mono_us":1260000,"input":"people-a","lost":3}                         edges of it that nobody saw
//! {"mono_us":1310000,"input":"people-ir","error":"pec"}                   its failure
//! {"mono_us":9000000,"link":"down"}                                       the simulated link to the broker
//! {"mono_us":9100000,"tick":true}                                         time passes
//! ```
//!
//! A line is read once, without building a JSON tree: history is driven through here at some
//! hundred thousand lines a second. Fields that are not known are quantities if they are numbers
//! and are ignored otherwise.

mod line;

use std::{borrow::Cow, collections::HashMap, fmt};

use gatepost_model::{BootId, Wall, time::MAX_MICROS, wire::MAX_TEXT};
use serde::{
    Deserialize, Deserializer,
    de::{self, IgnoredAny, MapAccess, Visitor},
};

use crate::time::BoardTime;

/// Which input of a unit: its place in the wiring.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InputIx(pub usize);

/// One thing that the board says.
#[derive(Debug, Clone, PartialEq)]
pub struct Input {
    /// When, in the board's time.
    pub mono: BoardTime,
    /// What.
    pub what: What,
}

/// What a board can say.
#[derive(Debug, Clone, PartialEq)]
pub enum What {
    /// A boot begins, or the agent has just begun to watch within a boot.
    Boot(BootId),
    /// The wall clock at this moment, and whether a time server disciplines it.
    Clock {
        /// What it shows.
        wall: Wall,
        /// Whether that can be trusted.
        synced: bool,
        /// The bound on its error that the kernel gives, milliseconds.
        err_ms: Option<u64>,
    },
    /// Edges of a pin before its next level are known to be lost.
    Lost {
        /// Which pin.
        input: InputIx,
        /// How many at least.
        edges: u32,
    },
    /// A pin's level after inversion: true is beam broken, button pressed, pulse.
    Level {
        /// Which pin.
        input: InputIx,
        /// Its level.
        level: bool,
    },
    /// A sensor's answer.
    Measured {
        /// Which sensor.
        input: InputIx,
        /// Names of quantities with their values, in the order of the line.
        values: Vec<(String, f64)>,
    },
    /// A sensor gave no answer, or a wrong one.
    Failed {
        /// Which sensor.
        input: InputIx,
        /// In its words.
        error: String,
    },
    /// The simulated link to the broker was cut (false) or mended.
    Link(bool),
    /// Time passes.
    Tick,
}

/// Why a recorded line cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InputError {
    /// No JSON object with `mono_us`, or a field of the wrong type.
    #[error("no recorded input: {0}")]
    Json(String),
    /// A monotonic time beyond what can be recorded.
    #[error("`mono_us` {0} is out of range")]
    Range(u64),
    /// An input that the configuration does not name.
    #[error("the configuration names no input `{0}`")]
    UnknownInput(String),
    /// Nothing that a board says.
    #[error("neither boot, clock, input, link nor tick")]
    Nothing,
}

/// The names of a unit's inputs.
#[derive(Debug, Clone, Default)]
pub struct InputNames {
    by_name: HashMap<String, InputIx>,
    names: Vec<String>,
}

impl InputNames {
    /// The input of that name, made known if it was not.
    pub fn intern(&mut self, name: &str) -> InputIx {
        if let Some(input) = self.find(name) {
            return input;
        }
        let input = InputIx(self.names.len());
        self.by_name.insert(name.to_owned(), input);
        self.names.push(name.to_owned());
        input
    }

    /// The input of that name.
    pub fn find(&self, name: &str) -> Option<InputIx> {
        self.by_name.get(name).copied()
    }

    /// How many there are; every [`InputIx`] made here is below it.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// An input's name.
    pub fn name(&self, input: InputIx) -> &str {
        self.names.get(input.0).map_or("", String::as_str)
    }

    /// Reads a recorded line, without its line end.
    pub fn read(&self, line: &[u8]) -> Result<Input, InputError> {
        let raw: Raw<'_> =
            serde_json::from_slice(line).map_err(|error| InputError::Json(error.to_string()))?;
        let mono = raw
            .mono_us
            .ok_or_else(|| InputError::Json("missing field `mono_us`".to_owned()))?;
        if mono > MAX_MICROS {
            return Err(InputError::Range(mono));
        }
        let mono = BoardTime(mono);
        let what = self.what(raw)?;
        Ok(Input { mono, what })
    }

    fn what(&self, raw: Raw<'_>) -> Result<What, InputError> {
        if let Some(name) = raw.input {
            let input = self
                .find(&name)
                .ok_or_else(|| InputError::UnknownInput(short(&name)))?;
            return match (raw.level, raw.error, raw.lost) {
                (Some(level), _, _) => Ok(What::Level { input, level }),
                (None, Some(error), _) => {
                    let error = short(&error);
                    Ok(What::Failed { input, error })
                }
                (None, None, Some(edges)) => Ok(What::Lost { input, edges }),
                (None, None, None) if !raw.values.is_empty() => {
                    let values = raw.values;
                    Ok(What::Measured { input, values })
                }
                (None, None, None) => Err(InputError::Nothing),
            };
        }
        if let Some(boot) = raw.boot {
            return boot
                .parse()
                .map(What::Boot)
                .map_err(|error| InputError::Json(format!("`boot`: {error}")));
        }
        if let Some(clock) = raw.clock {
            let (synced, err_ms) = (raw.synced, raw.err_ms);
            return Wall::parse(&clock)
                .map(|wall| What::Clock {
                    wall,
                    synced,
                    err_ms,
                })
                .map_err(|error| InputError::Json(error.to_string()));
        }
        match raw.link.as_deref() {
            Some("up") => return Ok(What::Link(true)),
            Some("down") => return Ok(What::Link(false)),
            Some(other) => {
                let other = short(other);
                return Err(InputError::Json(format!(
                    "`link` is `up` or `down`, not `{other}`"
                )));
            }
            None => {}
        }
        if raw.tick {
            Ok(What::Tick)
        } else {
            Err(InputError::Nothing)
        }
    }
}

fn short(text: &str) -> String {
    text.chars().take(MAX_TEXT / 4).collect()
}

#[derive(Default)]
struct Raw<'a> {
    mono_us: Option<u64>,
    boot: Option<Cow<'a, str>>,
    clock: Option<Cow<'a, str>>,
    synced: bool,
    err_ms: Option<u64>,
    input: Option<Cow<'a, str>>,
    level: Option<bool>,
    lost: Option<u32>,
    error: Option<Cow<'a, str>>,
    link: Option<Cow<'a, str>>,
    tick: bool,
    values: Vec<(String, f64)>,
}

/// A text that is borrowed from the line wherever it has no escapes.
struct Text<'a>(Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Seen;
        impl<'de> Visitor<'de> for Seen {
            type Value = Text<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text")
            }
            fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Borrowed(text)))
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(Seen)
    }
}

/// A number, or anything else, which is no quantity.
struct Number(Option<f64>);

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Seen;
        impl<'de> Visitor<'de> for Seen {
            type Value = Number;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("any JSON value")
            }
            fn visit_f64<E>(self, value: f64) -> Result<Number, E> {
                Ok(Number(Some(value)))
            }
            fn visit_u64<E>(self, value: u64) -> Result<Number, E> {
                Ok(Number(Some(value as f64)))
            }
            fn visit_i64<E>(self, value: i64) -> Result<Number, E> {
                Ok(Number(Some(value as f64)))
            }
            fn visit_bool<E>(self, _: bool) -> Result<Number, E> {
                Ok(Number(None))
            }
            fn visit_unit<E>(self) -> Result<Number, E> {
                Ok(Number(None))
            }
            fn visit_str<E>(self, _: &str) -> Result<Number, E> {
                Ok(Number(None))
            }
            fn visit_seq<A: de::SeqAccess<'de>>(self, mut seq: A) -> Result<Number, A::Error> {
                while seq.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Number(None))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Number, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Number(None))
            }
        }
        deserializer.deserialize_any(Seen)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Raw<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;
        impl<'de> Visitor<'de> for Fields {
            type Value = Raw<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object with `mono_us`")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Raw<'de>, A::Error> {
                let mut raw = Raw::default();
                while let Some(Text(key)) = map.next_key()? {
                    match key.as_ref() {
                        "mono_us" => raw.mono_us = Some(map.next_value()?),
                        "boot" => raw.boot = Some(map.next_value::<Text<'de>>()?.0),
                        "clock" => raw.clock = Some(map.next_value::<Text<'de>>()?.0),
                        "synced" => raw.synced = map.next_value()?,
                        "err_ms" => raw.err_ms = Some(map.next_value()?),
                        "lost" => raw.lost = Some(map.next_value()?),
                        "input" => raw.input = Some(map.next_value::<Text<'de>>()?.0),
                        "level" => {
                            raw.level = Some(match map.next_value::<u64>()? {
                                0 => false,
                                1 => true,
                                other => {
                                    let message = format!("`level` is 0 or 1, not {other}");
                                    return Err(de::Error::custom(message));
                                }
                            });
                        }
                        "error" => raw.error = Some(map.next_value::<Text<'de>>()?.0),
                        "link" => raw.link = Some(map.next_value::<Text<'de>>()?.0),
                        "tick" => raw.tick = map.next_value()?,
                        _ => {
                            let Number(value) = map.next_value()?;
                            if let Some(value) = value
                                && is_quantity(&key)
                                && raw.values.len() < MAX_QUANTITIES
                            {
                                raw.values.push((key.into_owned(), value));
                            }
                        }
                    }
                }
                Ok(raw)
            }
        }
        deserializer.deserialize_map(Fields)
    }
}

/// More than any sensor has; bounds what a hostile line can make us say.
const MAX_QUANTITIES: usize = 16;

fn is_quantity(name: &str) -> bool {
    (1..=32).contains(&name.len())
        && name
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn names() -> InputNames {
        let mut names = InputNames::default();
        names.intern("people-a");
        names.intern("people-ir");
        names
    }

    fn read(line: &str) -> Result<What, InputError> {
        names().read(line.as_bytes()).map(|input| input.what)
    }

    #[test]
    fn the_documented_lines_are_read() {
        let (a, ir) = (InputIx(0), InputIx(1));
        assert_eq!(
            read(r#"{"mono_us":0,"boot":"6f1c"}"#),
            Ok(What::Boot("6f1c".parse().unwrap()))
        );
        assert_eq!(
            read(r#"{"mono_us":1,"clock":"2026-11-23T07:31:00Z","synced":true}"#),
            Ok(What::Clock {
                wall: Wall::parse("2026-11-23T07:31:00Z").unwrap(),
                synced: true,
                err_ms: None
            })
        );
        assert_eq!(
            read(r#"{"mono_us":1,"input":"people-a","lost":3}"#),
            Ok(What::Lost { input: a, edges: 3 })
        );
        assert_eq!(
            read(r#"{"mono_us":1,"input":"people-a","level":1}"#),
            Ok(What::Level {
                input: a,
                level: true
            })
        );
        assert_eq!(
            read(r#"{"mono_us":1,"input":"people-ir","skin_c":34.82,"ambient_c":18,"note":"x"}"#),
            Ok(What::Measured {
                input: ir,
                values: vec![("skin_c".to_owned(), 34.82), ("ambient_c".to_owned(), 18.0)]
            })
        );
        assert_eq!(
            read(r#"{"mono_us":1,"input":"people-ir","error":"pec"}"#),
            Ok(What::Failed {
                input: ir,
                error: "pec".to_owned()
            })
        );
        assert_eq!(
            read(r#"{"mono_us":1,"link":"down"}"#),
            Ok(What::Link(false))
        );
        assert_eq!(read(r#"{"mono_us":1,"tick":true}"#), Ok(What::Tick));
    }

    #[test]
    fn other_lines_are_refused_with_their_reason() {
        assert_eq!(read(r#"{"mono_us":1}"#), Err(InputError::Nothing));
        assert_eq!(
            read(r#"{"mono_us":9007199254740992,"tick":true}"#),
            Err(InputError::Range(9_007_199_254_740_992))
        );
        assert_eq!(
            read(r#"{"mono_us":1,"input":"door","level":1}"#),
            Err(InputError::UnknownInput("door".to_owned()))
        );
        for line in [
            "",
            "[]",
            r#"{"tick":true}"#,
            r#"{"mono_us":-1,"tick":true}"#,
            r#"{"mono_us":1,"input":"people-a","level":2}"#,
            r#"{"mono_us":1,"boot":""}"#,
            r#"{"mono_us":1,"link":"sideways"}"#,
            r#"{"mono_us":1,"clock":"yesterday"}"#,
        ] {
            assert!(matches!(read(line), Err(InputError::Json(_))), "{line}");
        }
    }

    proptest! {
        #[test]
        fn hostile_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = names().read(&bytes);
        }

        #[test]
        fn hostile_fields_never_panic(
            key in "[a-z_]{0,6}|input|level|skin_c|boot",
            value in r#"-?[0-9]{1,20}|1e99|"[^"\\]{0,9}"|\[1,\{\}\]|null|true"#,
        ) {
            let _ = names().read(format!(r#"{{"mono_us":5,"{key}":{value}}}"#).as_bytes());
        }
    }
}
