//! A row of the journal with events that wait for InfluxDB: packed text, one line an event: pure.
//!
//! `UNIT LOG BOOT SEQ N MONO TIME ERROR SOURCE RECEIVED TWIN LINE`, parted by tabs: whole numbers,
//! microseconds, `SOURCE` and `TWIN` as digits, and the event's line as it came, which has no line end.
//! Packed by zlib, whose checksum tells a damaged row.

use std::fmt::Write as _;

use gatepost_model::{SiteId, Wall, event::Line};

use crate::store::{
    event::{StoredEvent, TimeSource},
    zipped,
};

/// An event that waits.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Waiting {
    pub(crate) event: StoredEvent,
    /// Its point bears the tag `twin`.
    pub(super) twin: bool,
}

/// A row that cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the row is damaged")]
pub(super) struct Damaged;

/// Appends an event to the text of a row.
pub(crate) fn push(text: &mut String, event: &StoredEvent, twin: bool) {
    let line = format_args!(
        "{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\n",
        event.unit,
        event.log,
        event.boot,
        event.seq,
        event.n,
        event.mono_us,
        event.time.micros(),
        event.time_error_ms,
        event.source as u8,
        event.received.micros(),
        u8::from(twin),
        event.line,
    );
    // Writing to a text cannot fail.
    let _ = text.write_fmt(line);
}

/// Reads a row of a site.
pub(super) fn read(site: &SiteId, data: &[u8]) -> Result<Vec<Waiting>, Damaged> {
    let text = zipped::unpack(data).map_err(|_| Damaged)?;
    let lines = text.strip_suffix('\n').ok_or(Damaged)?.split('\n');
    lines.map(|line| one(site, line).ok_or(Damaged)).collect()
}

/// Reads an event of a row.
pub(crate) fn one(site: &SiteId, line: &str) -> Option<Waiting> {
    let mut parts = line.splitn(12, '\t');
    let mut part = || parts.next();
    let (unit, log, boot) = (part()?, part()?, part()?);
    let (seq, n, mono_us) = (part()?, part()?, part()?);
    let (time, error, source) = (part()?, part()?, part()?);
    let (received, twin, line) = (part()?, part()?, part()?);
    let (entry, form) = Line::with_form(line.as_bytes()).ok()?;
    let micros = |text: &str| Wall::from_micros(text.parse().ok()?);
    let source: usize = source.parse().ok()?;
    Some(Waiting {
        event: StoredEvent {
            site: site.clone(),
            unit: unit.parse().ok()?,
            log: log.parse().ok()?,
            seq: seq.parse().ok()?,
            n: n.parse().ok()?,
            boot: boot.parse().ok()?,
            mono_us: mono_us.parse().ok()?,
            time: micros(time)?,
            time_error_ms: error.parse().ok()?,
            source: *TimeSource::ALL.get(source)?,
            received: micros(received)?,
            entry,
            form,
            line: line.into(),
        },
        twin: twin == "1",
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::contract;

    #[test]
    fn a_row_comes_back_or_is_told_to_be_damaged() {
        let mut events = contract::every_kind();
        events.extend(contract::a_day().into_iter().take(50));
        events[3].seq = u64::MAX;
        events[3].source = TimeSource::Disputed;
        let mut text = String::new();
        let waiting: Vec<Waiting> = (0..)
            .zip(events)
            .map(|(n, event)| Waiting {
                event,
                twin: n % 3 == 0,
            })
            .collect();
        for it in &waiting {
            push(&mut text, &it.event, it.twin);
        }
        let mut data = zipped::pack(&text);
        assert_eq!(read(&contract::site(), &data).unwrap(), waiting);
        for at in [0, data.len() / 2, data.len() - 1] {
            data[at] ^= 16;
            assert_eq!(read(&contract::site(), &data), Err(Damaged), "{at}");
            data[at] ^= 16;
        }
        data.pop();
        assert_eq!(read(&contract::site(), &data), Err(Damaged));
    }
}
