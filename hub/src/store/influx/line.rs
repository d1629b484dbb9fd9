//! One event as a line of line protocol: pure.
//!
//! | part | holds |
//! |---|---|
//! | measurement | `passage`, `unclear`, `entry`, `screening`, `reading`, `round`; `fault` (faults and their end), `unit_health` (heartbeats and starts), `other` (all else, and whatever is a test) |
//! | tags | ids: `site`, `unit`, `log`, and where the event has them `lane`, `dir`, `zone`, `sensor`, `quantity`; `kind` where the measurement has more than one; `test`; `twin` |
//! | fields | `seq`; `value`, the number that is summed up, and the same in whole billionths as `value_e9`; what the event says by its own name; `record` (see [`record`](super::record)) |
//! | time | the event's microsecond, times 1,000, plus the sequence modulo 1,000 |
//!
//! The time keeps apart what has one and the same microsecond in a log, up to 1,000 events; where that
//! would not do, `twin` does (see [`twin`](super::twin)). A sum of billionths is exact, so that it is
//! the same in whatever order and parts it was made.

use std::fmt::Write;

use gatepost_model::event::{Happening, Line};
use serde_json::Value;

use super::{
    record::{self, push_number},
    words::encode,
};
use crate::store::{
    embedded::{Columns, billionths},
    event::StoredEvent,
};

/// Why an event has no line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unfit {
    /// Whole numbers of InfluxDB end at 2^63.
    #[error("its sequence is beyond what InfluxDB can hold")]
    Sequence,
    /// Times in nanoseconds end in 2262.
    #[error("its time is beyond what InfluxDB can hold")]
    Time,
}

/// Where events of a kind are.
pub(super) fn measurement(kind: &str) -> &'static str {
    match kind {
        "passage" => "passage",
        "unclear" => "unclear",
        "entry" => "entry",
        "screening" => "screening",
        "reading" => "reading",
        "round" => "round",
        "fault" | "cleared" => "fault",
        "heartbeat" | "boot" => "unit_health",
        _ => OTHER,
    }
}

/// The measurement of everything that has none of its own, and of tests.
pub(super) const OTHER: &str = "other";

/// Whether a measurement has events of several kinds, told apart by the tag `kind`.
pub(super) fn has_kinds(measurement: &str) -> bool {
    matches!(measurement, "fault" | "unit_health" | OTHER)
}

/// Appends an event's line, with its line end. `twin` says that its time may be another's, too.
pub(super) fn write(out: &mut String, event: &StoredEvent, twin: bool) -> Result<(), Unfit> {
    let seq = i64::try_from(event.seq).map_err(|_| Unfit::Sequence)?;
    let nanos = record::nanos(event).ok_or(Unfit::Time)?;
    let (kind, is_test) = (event.kind(), event.is_test());
    let measurement = if is_test { OTHER } else { measurement(kind) };
    let columns = Columns::of(event);
    out.push_str(measurement);
    // In the order of their names, in which InfluxDB keeps them.
    tag(out, "dir", columns.dir);
    tag(out, "kind", has_kinds(measurement).then_some(kind));
    tag(out, "lane", columns.lane);
    tag(out, "log", Some(event.log.as_str()));
    tag(out, "quantity", columns.quantity);
    tag(out, "sensor", columns.sensor);
    tag(out, "site", Some(event.site.as_str()));
    tag(out, "test", is_test.then_some("true"));
    if twin {
        let _ = write!(out, ",twin={}", event.seq / record::APART);
    }
    tag(out, "unit", Some(event.unit.as_str()));
    tag(out, "zone", columns.zone.map(|zone| zone.as_str()));
    // Writing to a text cannot fail.
    let _ = write!(out, " seq={seq}i");
    if !is_test {
        if let Some(value) = columns.value {
            out.push_str(",value=");
            push_number(out, value);
            if let Some(whole) = billionths(value) {
                let _ = write!(out, ",value_e9={whole}i");
            }
        }
        named(out, event);
    }
    out.push_str(",record=");
    let mut field = String::new();
    record::write(&mut field, event);
    push_text(out, &field);
    let _ = writeln!(out, " {nanos}");
    Ok(())
}

fn tag(out: &mut String, name: &str, text: Option<&str>) {
    if let Some(text) = text {
        let _ = write!(out, ",{name}={}", encode(text));
    }
}

/// A text in quotes. Line ends may stand in it as they are.
fn push_text(out: &mut String, text: &str) {
    out.push('"');
    for letter in text.chars() {
        if matches!(letter, '"' | '\\') {
            out.push('\\');
        }
        out.push(letter);
    }
    out.push('"');
}

/// What an event says, by its own names, for whoever looks with other tools. Not a reading: all it says
/// is there already.
fn named(out: &mut String, event: &StoredEvent) {
    let said = match &event.entry {
        Line::Event(event) => match &event.happening {
            Happening::Reading(_) | Happening::Unknown(_) => return,
            happening => serde_json::to_value(happening),
        },
        Line::Gap(gap) => serde_json::to_value(gap),
    };
    let Ok(Value::Object(said)) = said else {
        return;
    };
    for (name, value) in said {
        if matches!(
            &*name,
            "kind" | "lane" | "dir" | "zone" | "sensor" | "quantity"
        ) {
            continue;
        }
        let before = out.len();
        let _ = write!(out, ",{name}=");
        match &value {
            Value::String(text) => push_text(out, text),
            Value::Bool(is) => drop(write!(out, "{is}")),
            // The type of a field is that of the event's field, whatever the number.
            Value::Number(number) => match (number.as_i64(), number.as_f64()) {
                (Some(whole), _) => drop(write!(out, "{whole}i")),
                (None, Some(value)) if number.is_f64() => push_number(out, value),
                _ => out.truncate(before),
            },
            Value::Array(_) | Value::Object(_) => push_text(out, &value.to_string()),
            Value::Null => out.truncate(before),
        }
    }
}

#[cfg(test)]
mod tests;
