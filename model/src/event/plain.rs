//! Readings in the one form in which units write them.
//!
//! Nearly all of a record is readings, so their lines are read without the general way, which takes
//! five times as long. What is written in any other form, by a newer or a foreign unit, goes the
//! general way. A line that is read here is the very one that [`Event::to_line`](super::Event::to_line)
//! makes of what was read: who keeps what was read keeps the line.

use super::Stamp;
use crate::{
    site::Zone,
    time::{MAX_MICROS, Micros, Wall},
};

/// A reading's line, read.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PlainReading<'a> {
    /// Monotonic time.
    pub mono_us: Micros,
    /// Wall time, if the unit trusted its clock.
    pub at: Option<Stamp>,
    /// The sensor's name; not looked at yet.
    pub sensor: &'a str,
    /// What was measured.
    pub quantity: &'a str,
    /// The number.
    pub value: f64,
    /// Where.
    pub zone: Option<Zone>,
}

impl<'a> PlainReading<'a> {
    /// Reads a line, if it is a reading in that form.
    pub fn read(line: &'a str) -> Option<Self> {
        let mut rest = Rest(line);
        rest.skip("{\"mono_us\":")?;
        let mono_us = rest.whole().filter(|it| *it <= MAX_MICROS)?;
        let at = match rest.skip(",\"at\":\"") {
            None => None,
            Some(()) => {
                let text = rest.take(24)?;
                let at = Wall::parse(text).ok().filter(|at| at.is_written(text))?;
                rest.skip("\",\"err_ms\":")?;
                let err_ms = rest.whole()?;
                Some(Stamp { at, err_ms })
            }
        };
        rest.skip(",\"kind\":\"reading\",\"sensor\":\"")?;
        let sensor = rest.text()?;
        rest.skip(",\"quantity\":\"")?;
        let quantity = rest.text()?;
        rest.skip(",\"value\":")?;
        let value = rest.number()?;
        let zone = match rest.skip(",\"zone\":\"") {
            None => None,
            Some(()) => Some(rest.text()?.parse().ok()?),
        };
        rest.skip("}")?;
        rest.0.is_empty().then_some(Self {
            mono_us,
            at,
            sensor,
            quantity,
            value,
            zone,
        })
    }
}

/// What is still to be read.
struct Rest<'a>(&'a str);

impl<'a> Rest<'a> {
    fn skip(&mut self, text: &str) -> Option<()> {
        self.0 = self.0.strip_prefix(text)?;
        Some(())
    }

    fn take(&mut self, bytes: usize) -> Option<&'a str> {
        let (taken, rest) = self.0.split_at_checked(bytes)?;
        self.0 = rest;
        Some(taken)
    }

    fn while_is(&mut self, belongs: impl Fn(u8) -> bool) -> &'a str {
        let end = self.0.bytes().position(|byte| !belongs(byte));
        // What belongs is ASCII, so that this is a border of characters.
        self.take(end.unwrap_or(self.0.len())).unwrap_or_default()
    }

    /// A whole number without a needless zero before it.
    fn whole(&mut self) -> Option<u64> {
        let digits = self.while_is(|byte| byte.is_ascii_digit());
        let is_plain = digits == "0" || !digits.starts_with('0');
        digits.parse().ok().filter(|_| is_plain)
    }

    /// A text that needs no escape, and the quote behind it.
    fn text(&mut self) -> Option<&'a str> {
        let text =
            self.while_is(|byte| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\'));
        self.skip("\"").map(|()| text)
    }

    /// A number as it is written.
    fn number(&mut self) -> Option<f64> {
        let text = self.while_is(|byte| byte.is_ascii_digit() || b"+-.e".contains(&byte));
        let number: f64 = text.parse().ok()?;
        let mut written = [0; 32];
        let mut free = &mut written[..];
        serde_json::to_writer(&mut free, &number).ok()?;
        let length = 32 - free.len();
        (written[..length] == *text.as_bytes()).then_some(number)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::event::{Event, Happening, Line, LineError, Reading, Stamp, plain::PlainReading};
    use crate::{Wall, Zone};

    fn general(line: &str) -> Result<Line, LineError> {
        Line::read(line.as_bytes())
    }

    proptest! {
        #[test]
        fn what_units_write_is_read_as_the_general_way_reads_it(
            mono_us in 0..=crate::time::MAX_MICROS,
            at in prop::option::of((0..7_258_118_399_999_i64, any::<u64>())),
            names in ("[a-z0-9-]{1,32}", "[ -~]{0,20}"),
            value in prop_oneof![
                any::<f64>().prop_filter("finite", |value| value.is_finite()),
                (-400_000..400_000_i64).prop_map(|n| n as f64 / 100.0),
            ],
            zone in 0..5_usize,
        ) {
            let event = Event {
                mono_us,
                at: at.map(|(millis, err_ms)| Stamp {
                    at: Wall::from_micros(millis * 1000).unwrap(),
                    err_ms,
                }),
                test: false,
                happening: Happening::Reading(Reading {
                    sensor: names.0.parse().unwrap(),
                    quantity: names.1.clone(),
                    value,
                    zone: Zone::ALL.get(zone).copied(),
                }),
            };
            let line = event.to_line();
            // The general way may miss the last of 17 digits.
            if value.abs() < 1e6 && (value * 100.0).fract() == 0.0 {
                prop_assert_eq!(general(&line), Ok(Line::Event(event.clone())));
            }
            let needs_escape = names.1.contains(['"', '\\']);
            prop_assert_eq!(PlainReading::read(&line).is_none(), needs_escape);
            if !needs_escape {
                prop_assert_eq!(Line::from_bytes(line.as_bytes()), Ok(Line::Event(event)));
            }
        }

        #[test]
        fn a_line_that_is_touched_is_read_as_the_general_way_reads_it(
            at in any::<prop::sample::Index>(),
            byte in any::<u8>(),
            cut in any::<bool>(),
        ) {
            let mut line = br#"{"mono_us":1000,"at":"2026-11-23T20:00:00.001Z","err_ms":12,"kind":"reading","sensor":"yard-env","quantity":"ambient_c","value":-18.5,"zone":"living"}"#.to_vec();
            let at = at.index(line.len());
            if cut {
                line.remove(at);
            } else {
                line[at] = byte;
            }
            let read = Line::from_bytes(&line);
            prop_assert_eq!(&read, &Line::read(&line));
            if let Some(text) = std::str::from_utf8(&line).ok()
                && PlainReading::read(text).is_some()
                && let Ok(Line::Event(event)) = read
            {
                prop_assert_eq!(event.to_line(), text);
            }
        }
    }
}
