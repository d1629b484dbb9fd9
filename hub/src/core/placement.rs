//! When an event happened: given once, at its first commit, and never changed.
//!
//! In the order of trust:
//!
//! | what is known | time | error | source |
//! |---|---|---|---|
//! | the event's own `at` | that | its `err_ms` | unit |
//! | the boot's anchor | anchor + monotonic distance | the anchor's + 100 ppm of the distance | unit |
//! | it was sent in the boot in which it happened | the hub's clock at receipt - age | 1 s + 100 ppm of the age | hub |
//! | bounds | the batch in the middle of what they leave | half of that | estimated |
//! | nothing | likewise, between the unit's last known time and receipt | likewise | estimated |
//!
//! Where the unit's clock contradicts the hub's, what rests on the unit's clock is `disputed`; time
//! and error are kept. All times are whole milliseconds, as the record keeps them.

use gatepost_model::{
    Micros, Wall,
    event::{Line, Stamp},
    wire::{Bounds, Header},
};

use crate::store::event::TimeSource;

/// A unit's oscillator is this good.
const PPM: u64 = 100;
/// A message takes at most about this long from the unit to the hub, milliseconds.
const RECEIPT_MS: u64 = 1000;
/// The error of a time of which nothing at all is known, milliseconds: 30 days.
const NOTHING_KNOWN_MS: u64 = 30 * 24 * 3_600_000;
/// So far may rounding turn times back, microseconds: a stamp is rounded to the millisecond.
const ROUNDING_US: i64 = 2000;

/// When something happened, and how sure that is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Placed {
    /// When.
    pub time: Wall,
    /// How far that may be off, milliseconds.
    pub error_ms: u64,
    /// What it rests on.
    pub source: TimeSource,
}

/// Gives the lines of one batch their times, in order.
#[derive(Debug, Clone)]
pub struct Placer<'a> {
    header: &'a Header,
    received: Wall,
    basis: Basis,
    is_disputed: bool,
    last: Option<(Micros, Wall)>,
}

#[derive(Debug, Clone, Copy)]
enum Basis {
    Anchor,
    Receipt,
    Between {
        first_mono: Micros,
        first: Wall,
        error_ms: u64,
    },
}

impl<'a> Placer<'a> {
    /// For a batch whose lines span `span` in monotonic time. `last_known` is the time of the last
    /// event before them in the log, of a new log the unit's newest.
    pub fn new(
        header: &'a Header,
        span: (Micros, Micros),
        received: Wall,
        last_known: Option<Wall>,
        is_disputed: bool,
    ) -> Self {
        let basis = if header.anchor.is_some() {
            Basis::Anchor
        } else if header.boot == header.sent.boot {
            Basis::Receipt
        } else {
            between(header.bounds, span, received, last_known)
        };
        Self {
            header,
            received,
            basis,
            is_disputed,
            last: None,
        }
    }

    /// The next line's time.
    pub fn place(&mut self, mono_us: Micros, stamp: Option<Stamp>) -> Placed {
        let mut placed = self.at(mono_us, stamp);
        placed.time = whole_milliseconds(placed.time);
        if let Some((mono, time)) = self.last
            && mono_us >= mono
            && placed.time < time
            && time.micros_since(placed.time) <= ROUNDING_US
        {
            placed.time = time;
        }
        self.last = Some((mono_us, placed.time));
        placed
    }

    /// A moment beside the lines, as a stretch's beginning in a gap.
    pub fn at(&self, mono_us: Micros, stamp: Option<Stamp>) -> Placed {
        let by_unit = if self.is_disputed {
            TimeSource::Disputed
        } else {
            TimeSource::Unit
        };
        if let Some(stamp) = stamp {
            return Placed {
                time: stamp.at,
                error_ms: stamp.err_ms,
                source: by_unit,
            };
        }
        match self.basis {
            Basis::Anchor => self.header.anchor.map(|anchor| Placed {
                time: moved(anchor.wall, anchor.mono_us, mono_us),
                error_ms: anchor
                    .err_ms
                    .saturating_add(drift_ms(mono_us.abs_diff(anchor.mono_us))),
                source: by_unit,
            }),
            Basis::Between {
                first_mono,
                first,
                error_ms,
            } => Some(Placed {
                time: moved(first, first_mono, mono_us).min(self.received),
                error_ms,
                source: TimeSource::Estimated,
            }),
            Basis::Receipt => None,
        }
        .unwrap_or_else(|| {
            let sent = self.header.sent.mono_us.max(mono_us);
            Placed {
                time: moved(self.received, sent, mono_us),
                error_ms: RECEIPT_MS + drift_ms(sent - mono_us),
                source: TimeSource::Hub,
            }
        })
    }
}

fn between(
    bounds: Option<Bounds>,
    (first_mono, last_mono): (Micros, Micros),
    received: Wall,
    last_known: Option<Wall>,
) -> Basis {
    let length = signed(last_mono.saturating_sub(first_mono));
    let (after, before) = match (bounds, last_known) {
        (Some(bounds), _) => (bounds.after, bounds.before),
        (None, Some(after)) => (after.min(received), received),
        (None, None) => {
            return Basis::Between {
                first_mono,
                first: received.plus_micros(-length),
                error_ms: NOTHING_KNOWN_MS,
            };
        }
    };
    let slack = before.micros_since(after) - length;
    let half = slack.max(0) / 2;
    Basis::Between {
        first_mono,
        first: after.plus_micros(half),
        // Where the lines need more time than there is between the bounds, by so much one is wrong.
        error_ms: u64::try_from(half.max(-slack) / 1000).unwrap_or(0).max(1),
    }
}

/// The time of `mono_us`, if `from_mono` was at `wall`.
fn moved(wall: Wall, from_mono: Micros, mono_us: Micros) -> Wall {
    wall.plus_micros(signed(mono_us).saturating_sub(signed(from_mono)))
}

fn drift_ms(distance: Micros) -> u64 {
    distance.saturating_mul(PPM).div_ceil(1_000_000_000)
}

/// Monotonic times are below 2^53.
fn signed(mono_us: Micros) -> i64 {
    i64::try_from(mono_us).unwrap_or(i64::MAX)
}

fn whole_milliseconds(wall: Wall) -> Wall {
    wall.plus_micros(-(wall.micros().rem_euclid(1000)))
}

/// The monotonic time of a line; of a gap, its end.
pub fn mono_of(line: &Line) -> Micros {
    match line {
        Line::Event(event) => event.mono_us,
        Line::Gap(gap) => gap.to_mono_us,
    }
}

/// The monotonic span of lines.
pub fn span_of<'a>(lines: impl Iterator<Item = &'a Line>) -> Option<(Micros, Micros)> {
    let from_of = |line: &Line| match line {
        Line::Event(event) => event.mono_us,
        Line::Gap(gap) => gap.from_mono_us,
    };
    lines.fold(None, |span, line| {
        let (from, to) = (from_of(line), mono_of(line));
        Some(span.map_or((from, to), |(first, last): (Micros, Micros)| {
            (first.min(from), last.max(to))
        }))
    })
}

#[cfg(test)]
mod tests;
