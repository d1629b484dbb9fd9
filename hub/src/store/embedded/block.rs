//! Sealed hours of readings: pure.
//!
//! A block holds an hour of a family of series: up to [`MOST_KIN`] of one boot and log, which are read in
//! sweeps and share nearly all but their numbers. Its last four bytes are a CRC-32 over all of it and
//! its key, so that a block cannot pass for another; its first one is the form. [`family`] is what is
//! written; [`former`] is what older hubs wrote, one series a block, until something late comes for it.

mod family;
mod former;
mod numbers;

use super::{
    pack::{Bytes, Malformed},
    point::{HOUR, Point, SeriesId},
    sum::Sum,
};

use family::Family;
#[cfg(test)]
pub(super) use former::seal as seal_former;

/// So many series share blocks at most: a question about one reads past the others.
pub(super) const MOST_KIN: usize = 16;
/// An hour has no more readings of a series than this: one each 100 microseconds.
const MOST: usize = 36_000_000;

/// Seals what the series of a family have: in the order of their numbers, none without points, each
/// one's points ordered by time and sequence.
pub(super) fn seal(key: i64, members: &[(SeriesId, Vec<Point>)]) -> Vec<u8> {
    finish(key, family::write(key, members))
}

/// A sealed block of which the checksum is right.
#[derive(Debug, Clone)]
pub(super) enum Block<'a> {
    Former(Head<'a>),
    Family(Family<'a>),
}

/// What a block says of a series without opening its columns.
#[derive(Debug, Clone)]
pub(super) struct Head<'a> {
    pub(super) series: SeriesId,
    n: usize,
    /// First and last time.
    pub(super) span: (i64, i64),
    /// All its numbers.
    pub(super) sum: Sum,
    /// The unit of its decimals; none where it has others.
    unit: Option<i64>,
    columns: Bytes<'a>,
}

impl<'a> Block<'a> {
    /// Checks a block.
    pub(super) fn open(key: i64, bytes: &'a [u8]) -> Result<Self, Malformed> {
        let (body, sum) = bytes.split_last_chunk::<4>().ok_or(Malformed)?;
        if checksum(key, body) != u32::from_le_bytes(*sum) {
            return Err(Malformed);
        }
        let mut rest = Bytes::new(body);
        match rest.byte()? {
            former::FORM => Ok(Self::Former(former::head(key, rest)?)),
            family::FORM => Ok(Self::Family(Family::open(key, rest)?)),
            _ => Err(Malformed),
        }
    }

    /// What it says of each of its series.
    pub(super) fn heads(&self) -> impl Iterator<Item = Result<Head<'a>, Malformed>> {
        let (former, family) = match self {
            Self::Former(head) => (Some(Ok(head.clone())), None),
            Self::Family(family) => (None, Some(family.heads())),
        };
        former.into_iter().chain(family.into_iter().flatten())
    }

    /// Times and numbers of a series.
    pub(super) fn measured(&self, head: &Head<'_>) -> Result<Vec<(i64, f64)>, Malformed> {
        match self {
            Self::Former(_) => former::measured(head),
            Self::Family(family) => family.measured(head),
        }
    }

    /// All its points, by series.
    pub(super) fn points(&self) -> Result<Vec<(SeriesId, Vec<Point>)>, Malformed> {
        match self {
            Self::Former(head) => Ok(vec![(head.series, former::points(head)?)]),
            Self::Family(family) => family.points(),
        }
    }
}

fn finish(key: i64, mut out: Vec<u8>) -> Vec<u8> {
    let sum = checksum(key, &out);
    out.extend_from_slice(&sum.to_le_bytes());
    out
}

fn checksum(key: i64, body: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&key.to_le_bytes());
    hasher.update(body);
    hasher.finalize()
}

/// Units give wall times in whole milliseconds of a clock that runs with the monotonic one: one
/// number tells all of them, if there is a distance between the clocks that rounds to each.
fn drift<'p>(points: impl Iterator<Item = &'p Point> + Clone) -> Option<i64> {
    let apart = |point: &Point| point.time.wrapping_sub(point.mono);
    let least = points.clone().map(apart).max()?;
    let most = points.clone().map(apart).min()?.checked_add(999)?;
    let is_whole = points.clone().all(|point| point.time % 1000 == 0);
    (is_whole && least <= most).then_some(least)
}

/// Where the hour of a key begins, microseconds since 1970.
fn hour_begin(key: i64) -> i64 {
    parts(key).0.wrapping_mul(HOUR)
}

/// The key of a block: hours in order, the families of an hour beside each other. A family bears the
/// number of its first series.
pub(super) fn key(hour: i64, family: SeriesId) -> i64 {
    hour << SERIES_BITS | i64::from(family)
}

/// The hour and family of a key.
pub(super) fn parts(key: i64) -> (i64, SeriesId) {
    (key >> SERIES_BITS, (key & (MOST_SERIES - 1)) as SeriesId)
}

const SERIES_BITS: u32 = 24;
/// The mask of a series in a key.
const MOST_SERIES: i64 = 1 << SERIES_BITS;
/// No series, and in its place any: a hub knows fewer than this.
pub(super) const ANY_SERIES: u32 = (1 << SERIES_BITS) - 1;

#[cfg(test)]
mod tests;
