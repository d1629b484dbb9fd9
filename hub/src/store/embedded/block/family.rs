//! The form that is written: the series of a family beside each other, and once what they share.
//!
//! | part | holds |
//! |---|---|
//! | heads | of each series its number, how many, first and last time, smallest, largest and sum: a coarse bucket needs no more |
//! | sweeps | monotonic times, sequences, receipts, errors and sources of the first reading of each sweep |
//! | columns | of each series the sweeps it was in, its numbers, and how its readings differ from the sweeps' |
//!
//! Sensors are read in turn, one sweep after the other. A sweep ends, in the order of the log, before a
//! series would be in it twice: it is no more than a guess at what is alike, and whatever the points
//! are, they come back as they were. A column that a sweep does not make smaller stands for itself, and
//! one that differs in nothing takes no byte: a code says so of each column of each series.

mod read;
mod write;

pub(super) use read::Family;
pub(super) use write::write;

use super::{super::point::SeriesId, hour_begin, parts};

pub(super) const FORM: u8 = 2;

/// How a column of a series is written. A series has two bits for each of its columns but the numbers:
/// sweeps, monotonic times, wall times, sequences, receipts, errors, sources.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Coding {
    /// It is as the sweeps are.
    Same = 0,
    /// What it differs in from the sweeps.
    Beside = 1,
    /// By itself.
    Own = 2,
}

/// How wall times are told from monotonic ones.
#[derive(Debug, Clone, Copy)]
struct Clock {
    /// How far the clocks are apart, microseconds.
    drift: i64,
    /// Wall times are whole milliseconds.
    is_whole: bool,
}

impl Clock {
    /// The wall time of a monotonic one.
    fn time(self, mono: i64) -> i64 {
        let time = mono.wrapping_add(self.drift);
        if self.is_whole {
            time.div_euclid(1000).wrapping_mul(1000)
        } else {
            time
        }
    }

    /// What wall times are counted in, microseconds.
    fn unit(self) -> i64 {
        if self.is_whole { 1000 } else { 1 }
    }
}

/// How long after a time something was received.
fn delay(received_ms: i64, time: i64) -> i64 {
    received_ms.wrapping_sub(time.div_euclid(1000))
}

/// What a head is told from: the one before.
struct Before {
    series: SeriesId,
    first: i64,
    /// From the first to the last time.
    length: i64,
}

impl Before {
    /// Nothing is before the first head of a block.
    fn at(key: i64) -> Self {
        Self {
            series: parts(key).1,
            first: hour_begin(key),
            length: 0,
        }
    }
}
