//! How many people are inside: in minus out since an anchor, with an honest band.
//!
//! The band is widened by one for each movement whose direction is unknown, for the time in which a
//! lane was not watched by what usually passes that lane at that hour of the day, and by what the
//! lanes miscount. Where there is no such history there is no band. Its lower end is raised by what
//! came in since a time of the last days: there were not less than none then. All is computed from
//! sets and sums, so the order in which the record arrives does not matter.

mod band;
mod hours;
mod usual;

use gatepost_dashboard::view::Headcount;
use gatepost_model::{LaneId, Wall};
use serde::{Deserialize, Serialize};

use self::band::Doubt;
use super::coverage::Sight;
use crate::calendar::SiteZone;

pub use hours::{Counts, HourTable, Movement};

/// Where a headcount begins: a roll-call, or the record's beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Anchor {
    /// Movements from here on count.
    pub at: Wall,
    /// How many were inside then.
    pub count: i64,
    /// People were counted then: nothing earlier moves it.
    #[serde(default)]
    pub called: bool,
}

/// The sum since an anchor, over lanes that lead to the same place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Where it begins.
    pub anchor: Anchor,
    /// What moved since.
    pub counts: Counts,
}

impl Tally {
    /// Nothing moved yet.
    pub fn new(anchor: Anchor) -> Self {
        Self {
            anchor,
            counts: Counts::default(),
        }
    }

    /// Counts one movement, unless it was before the anchor.
    pub fn add(&mut self, at: Wall, movement: Movement) {
        if at >= self.anchor.at {
            self.counts.add(movement);
        }
    }

    /// How many are inside by the sum alone; less than 0 if some left unseen who came unseen.
    pub fn raw(&self) -> i64 {
        self.anchor.count.saturating_add(self.counts.balance())
    }
}

/// What the band is judged by.
#[derive(Debug, Clone, Copy)]
pub struct Basis<'a> {
    /// The lanes that lead there.
    pub lanes: &'a [LaneId],
    /// What passed them.
    pub hours: &'a HourTable,
    /// When they were watched.
    pub sight: &'a Sight,
    /// The site's zone: what usually passes depends on the local hour.
    pub zone: SiteZone,
    /// The hub's time.
    pub now: Wall,
    /// An unwatched tail up to `now` that is no longer than this, microseconds, is only the time
    /// that proof takes to arrive.
    pub lag_us: i64,
    /// Share of people whom a lane does not count, or counts twice.
    pub count_error: f64,
}

type Range = (Wall, Wall);

/// The headcount with its band.
pub fn headcount(tally: &Tally, basis: &Basis<'_>) -> Headcount {
    let since = tally.anchor.at;
    let doubt = Doubt::since(since, basis);
    let raw = tally.raw();
    let estimate = raw.max(0);
    let (low, high) = doubt
        .of(&tally.counts, since)
        .map(|reach| {
            // The estimate is the sum, even where more must be there than it says.
            let least = doubt.at_least(since);
            let low = raw.saturating_sub(reach.below).max(least).min(estimate);
            let high = raw.saturating_add(reach.above).max(least).max(estimate);
            (low.max(0), high)
        })
        .unzip();
    Headcount {
        estimate,
        low,
        high,
        since,
        unclear: tally.counts.unclear,
        unwatched_s: u64::try_from(doubt.unwatched_us(since) / 1_000_000).unwrap_or(0),
    }
}

#[cfg(test)]
mod month;
#[cfg(test)]
mod tests;
