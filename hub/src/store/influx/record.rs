//! The field `record` of a point: with the point's tags and time, all that the record knows of an
//! event, to be read back byte for byte: pure.
//!
//! `BOOT THOUSANDS OFFSET ERROR SOURCE DELAY FORM REST`, parted by blanks:
//!
//! | part | means |
//! |---|---|
//! | `BOOT` | the boot |
//! | `THOUSANDS` | the sequence divided by 1,000; the rest of it is in the point's nanoseconds |
//! | `OFFSET` | wall time minus monotonic time, microseconds |
//! | `ERROR` | how far the time may be off, milliseconds |
//! | `SOURCE` | what the time rests on: 0 unit, 1 hub, 2 estimated, 3 disputed |
//! | `DELAY` | time of receipt minus time, microseconds |
//! | `FORM`, `REST` | `line` and the line as it came; `plain` or `stamped` and a reading's number, where the line can be made again from it, without or with the time in it |
//!
//! Differences instead of times, because they stay the same for long and pack to nearly nothing.

use std::{fmt::Write, sync::Arc};

use gatepost_model::{
    LogId, SiteId, UnitId, Wall,
    event::{Event, Happening, Line, Reading, Stamp},
};

use crate::{
    core::placement::mono_of,
    store::event::{StoredEvent, TimeSource},
};

/// Events of one log with the same microsecond are told apart by the point's nanoseconds.
pub(super) const APART: u64 = 1000;

/// A point's time, nanoseconds since 1970.
pub(super) fn nanos(event: &StoredEvent) -> Option<i64> {
    let apart = i64::try_from(event.seq % APART).ok()?;
    event.time.micros().checked_mul(1000)?.checked_add(apart)
}

/// Writes the field of an event.
pub(super) fn write(out: &mut String, event: &StoredEvent) {
    let time = event.time.micros();
    let head = format_args!(
        "{} {} {} {} {} {} ",
        event.boot,
        event.seq / APART,
        time.wrapping_sub(event.mono_us.cast_signed()),
        event.time_error_ms,
        event.source as u8,
        event.received.micros().wrapping_sub(time),
    );
    // Writing to a text cannot fail.
    let _ = out.write_fmt(head);
    match plain(event) {
        Some((value, is_stamped)) => {
            out.push_str(if is_stamped { "stamped " } else { "plain " });
            push_number(out, value);
        }
        None => {
            out.push_str("line ");
            out.push_str(&event.line);
        }
    }
}

/// A number in the shortest form that is read back as the same.
pub(super) fn push_number(out: &mut String, value: f64) {
    match serde_json::Number::from_f64(value) {
        // Writing to a text cannot fail.
        Some(number) => drop(write!(out, "{number}")),
        None => out.push('0'),
    }
}

/// A reading's number, if its line is what this version would write; and whether its time is in it.
fn plain(stored: &StoredEvent) -> Option<(f64, bool)> {
    let Line::Event(event) = &stored.entry else {
        return None;
    };
    let Happening::Reading(reading) = &event.happening else {
        return None;
    };
    let stamp = Stamp {
        at: stored.time,
        err_ms: stored.time_error_ms,
    };
    let is_plain = !event.test
        && event.at.is_none_or(|at| at == stamp)
        && event.to_line() == *stored.line
        // A time with more digits than its line would be another one.
        && (event.at.is_none() || stored.time.micros() % 1000 == 0);
    is_plain.then_some((reading.value, event.at.is_some()))
}

/// What a point says beside the field.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tags {
    pub(super) site: SiteId,
    pub(super) unit: UnitId,
    pub(super) log: LogId,
    /// Sensor, quantity and zone of a reading; its number is not looked at.
    pub(super) reading: Option<Reading>,
}

/// The event of a point; nothing if it is none of Gatepost's.
pub(super) fn read(nanos: i64, tags: Tags, field: &str) -> Option<StoredEvent> {
    let mut parts = field.splitn(8, ' ');
    let mut part = || parts.next();
    let micros = nanos.div_euclid(1000);
    let time = Wall::from_micros(micros)?;
    let boot = part()?.parse().ok()?;
    let thousands: u64 = part()?.parse().ok()?;
    let offset: i64 = part()?.parse().ok()?;
    let time_error_ms = part()?.parse().ok()?;
    let source: usize = part()?.parse().ok()?;
    let delay: i64 = part()?.parse().ok()?;
    let (form, rest) = (part()?, part()?);
    let mono_us = micros.wrapping_sub(offset).cast_unsigned();
    let line: Arc<str> = match form {
        "line" => rest.into(),
        "plain" | "stamped" => {
            let at = (form == "stamped").then_some(Stamp {
                at: time,
                err_ms: time_error_ms,
            });
            let value = rest.parse().ok()?;
            let event = Event {
                mono_us,
                at,
                test: false,
                happening: Happening::Reading(Reading {
                    value,
                    ..tags.reading?
                }),
            };
            event.to_line().into()
        }
        _ => return None,
    };
    let (entry, form) = Line::with_form(line.as_bytes()).ok()?;
    let n = match &entry {
        Line::Event(_) => 1,
        Line::Gap(gap) => gap.n,
    };
    Some(StoredEvent {
        site: tags.site,
        unit: tags.unit,
        log: tags.log,
        seq: thousands
            .checked_mul(APART)?
            .checked_add(nanos.rem_euclid(1000).cast_unsigned())?,
        n,
        boot,
        mono_us: mono_of(&entry),
        time,
        time_error_ms,
        source: *TimeSource::ALL.get(source)?,
        received: Wall::from_micros(micros.checked_add(delay)?)?,
        line,
        entry,
        form,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::contract;

    fn again(event: &StoredEvent) -> (String, Option<StoredEvent>) {
        let mut field = String::new();
        write(&mut field, event);
        let reading = match event.happening() {
            Some(Happening::Reading(reading)) => Some(Reading {
                value: 0.0,
                ..reading.clone()
            }),
            _ => None,
        };
        let tags = Tags {
            site: event.site.clone(),
            unit: event.unit.clone(),
            log: event.log.clone(),
            reading,
        };
        let read = read(nanos(event).unwrap(), tags, &field);
        (field, read)
    }

    #[test]
    fn every_event_comes_back() {
        let mut events = contract::a_day();
        events.extend(contract::every_kind());
        let mut odd = contract::reading(1_234_567, 5, "yard-env", -0.0);
        odd.source = TimeSource::Disputed;
        odd.time = odd.time.plus_micros(123);
        odd.time_error_ms = u64::MAX;
        events.push(odd);
        for event in events {
            let (field, read) = again(&event);
            assert_eq!(read, Some(event), "{field}");
        }
    }

    #[test]
    fn a_reading_as_units_write_it_is_not_kept_as_a_line() {
        let event = contract::reading(7, 0, "yard-env", 18.5);
        let Line::Event(read_line) = &event.entry else {
            panic!("{event:?}");
        };
        let line = read_line.to_line();
        let event = contract::rewritten(event, line);
        let (field, read) = again(&event);
        assert!(field.ends_with(" plain 18.5"), "{field}");
        assert_eq!(read, Some(event));
    }

    #[test]
    fn what_is_none_of_ours_is_no_event() {
        let event = contract::reading(7, 0, "yard-env", 18.5);
        let tags = Tags {
            site: event.site,
            unit: event.unit,
            log: event.log,
            reading: None,
        };
        for field in [
            "",
            "boot 0 0 0 0 0 plain 1",
            "boot 0 0 0 9 0 line {}",
            "boot 0 0 0 0 0 line nothing",
            "boot 0 0 0 0 0 else 1",
        ] {
            assert_eq!(read(1_000_000, tags.clone(), field), None, "{field}");
        }
    }
}
