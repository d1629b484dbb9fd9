//! How many people are inside: in minus out, with an honest band.

use std::collections::BTreeMap;

use gatepost_dashboard::view::Headcount;
use gatepost_model::{Direction, LaneId, Wall};
use serde::{Deserialize, Serialize};

use super::coverage::Sight;
use crate::calendar::SiteZone;

/// What moved in a lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Movement {
    /// One passage.
    Passage(Direction),
    /// Direction unknown.
    Unclear,
}

/// Movements counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// In.
    #[serde(rename = "in")]
    pub into: u64,
    /// Out.
    pub out: u64,
    /// Direction unknown.
    pub unclear: u64,
}

impl Counts {
    /// Counts one movement.
    pub fn add(&mut self, _movement: Movement) {
        unimplemented!()
    }
}

/// Movements of a site's lanes by hours of UTC.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HourTable {
    lanes: BTreeMap<LaneId, BTreeMap<i64, Counts>>,
}

impl HourTable {
    /// Counts one movement; answers the hour's beginning and its new counts, to be stored.
    pub fn add(&mut self, _lane: &LaneId, _at: Wall, _movement: Movement) -> (Wall, Counts) {
        let _ = &self.lanes;
        unimplemented!()
    }

    /// Sets an hour, as it was stored.
    pub fn put(&mut self, _lane: LaneId, _hour: Wall, _counts: Counts) {
        unimplemented!()
    }

    /// An hour's counts; zero where nothing moved. `at` is any moment in it.
    pub fn get(&self, _lane: &LaneId, _at: Wall) -> Counts {
        unimplemented!()
    }
}

/// Where a headcount begins: a roll-call, or the record's beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Anchor {
    /// Movements from here on count.
    pub at: Wall,
    /// How many were inside then.
    pub count: i64,
}

/// The sum since an anchor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Where it begins.
    pub anchor: Anchor,
    /// What moved since.
    pub counts: Counts,
}

impl Tally {
    /// Nothing moved yet.
    pub fn new(_anchor: Anchor) -> Self {
        unimplemented!()
    }

    /// Counts one movement, unless it was before the anchor.
    pub fn add(&mut self, _at: Wall, _movement: Movement) {
        unimplemented!()
    }

    /// In minus out, unclamped.
    pub fn raw(&self) -> i64 {
        unimplemented!()
    }
}

/// What the band is judged by.
#[derive(Debug, Clone, Copy)]
pub struct Basis<'a> {
    /// The lanes that lead there.
    pub lanes: &'a [LaneId],
    /// What passed them, by hours.
    pub hours: &'a HourTable,
    /// When they were watched.
    pub sight: &'a Sight,
    /// The site's zone: what usually passes depends on the local hour.
    pub zone: SiteZone,
    /// The hub's time.
    pub now: Wall,
    /// An unwatched tail up to `now` that is no longer than this is only the time that proof takes.
    pub lag_us: i64,
}

/// The headcount with its band.
pub fn headcount(_tally: &Tally, _basis: &Basis<'_>) -> Headcount {
    unimplemented!()
}
