//! Movements counted by time.

use std::collections::BTreeMap;

use gatepost_model::{Direction, LaneId, Wall, event::Happening};
use serde::{Deserialize, Serialize};

/// What moved in a lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Movement {
    /// One passage.
    Passage(Direction),
    /// Something moved, direction unknown.
    Unclear,
}

impl Movement {
    /// The movement that an event tells, with its lane.
    pub fn of(happening: &Happening) -> Option<(&LaneId, Self)> {
        match happening {
            Happening::Passage(passage) => Some((&passage.lane, Self::Passage(passage.dir))),
            Happening::Unclear(unclear) => Some((&unclear.lane, Self::Unclear)),
            _ => None,
        }
    }
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
    pub fn add(&mut self, movement: Movement) {
        let count = match movement {
            Movement::Passage(Direction::In) => &mut self.into,
            Movement::Passage(Direction::Out) => &mut self.out,
            Movement::Unclear => &mut self.unclear,
        };
        *count += 1;
    }

    /// In minus out.
    pub fn balance(&self) -> i64 {
        let signed = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
        signed(self.into).saturating_sub(signed(self.out))
    }

    pub(super) fn plus(self, other: Self) -> Self {
        Self {
            into: self.into + other.into,
            out: self.out + other.out,
            unclear: self.unclear + other.unclear,
        }
    }
}

/// Movements of a site's lanes by quarters of an hour: hours and days of every zone of today begin
/// on one, also where the zone is 5:30 or 5:45 from UTC.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HourTable {
    lanes: BTreeMap<LaneId, BTreeMap<i64, Counts>>,
}

impl HourTable {
    /// Counts one movement; answers the quarter's beginning and its counts now, to be stored.
    pub fn add(&mut self, lane: &LaneId, at: Wall, movement: Movement) -> (Wall, Counts) {
        let quarter = quarter(at);
        let quarters = match self.lanes.get_mut(lane) {
            Some(quarters) => quarters,
            None => self.lanes.entry(lane.clone()).or_default(),
        };
        let counts = quarters.entry(quarter).or_default();
        counts.add(movement);
        (Self::quarter_of(at), *counts)
    }

    /// Sets the counts of the quarter that `at` is in, as they were stored.
    pub fn put(&mut self, lane: LaneId, at: Wall, counts: Counts) {
        let quarters = self.lanes.entry(lane).or_default();
        quarters.insert(quarter(at), counts);
    }

    /// Forgets the quarter that `at` is in.
    pub fn remove(&mut self, lane: &LaneId, at: Wall) {
        if let Some(quarters) = self.lanes.get_mut(lane) {
            quarters.remove(&quarter(at));
            if quarters.is_empty() {
                self.lanes.remove(lane);
            }
        }
    }

    /// The counts of the quarter that `at` is in; zero where nothing moved.
    pub fn get(&self, lane: &LaneId, at: Wall) -> Counts {
        let quarters = self.lanes.get(lane);
        quarters
            .and_then(|quarters| quarters.get(&quarter(at)))
            .copied()
            .unwrap_or_default()
    }

    /// The sum over the quarters that begin in `[from, to)`.
    pub fn sum(&self, lane: &LaneId, from: Wall, to: Wall) -> Counts {
        let (first, end) = (first_quarter(from), first_quarter(to));
        let Some(quarters) = self.lanes.get(lane).filter(|_| first < end) else {
            return Counts::default();
        };
        quarters
            .range(first..end)
            .fold(Counts::default(), |sum, (_, counts)| sum.plus(*counts))
    }

    /// The sums over lanes and between edges, which are in order and begin a quarter each.
    pub(super) fn sums(&self, lanes: &[LaneId], edges: &[Wall]) -> Vec<Counts> {
        let edges: Vec<i64> = edges.iter().map(|edge| first_quarter(*edge)).collect();
        let mut sums = vec![Counts::default(); edges.len().saturating_sub(1)];
        let (Some(first), Some(end)) = (edges.first(), edges.last()) else {
            return sums;
        };
        for quarters in lanes.iter().filter_map(|lane| self.lanes.get(lane)) {
            let mut at = 0;
            for (quarter, counts) in quarters.range(first..end) {
                while edges[at + 1] <= *quarter {
                    at += 1;
                }
                sums[at] = sums[at].plus(*counts);
            }
        }
        sums
    }

    /// The beginning of the quarter that a moment is in.
    pub fn quarter_of(at: Wall) -> Wall {
        at.plus_micros(quarter(at) * QUARTER_US - at.micros())
    }
}

const QUARTER_US: i64 = 900_000_000;

fn quarter(at: Wall) -> i64 {
    at.micros().div_euclid(QUARTER_US)
}

/// The first quarter that begins at or after a moment.
fn first_quarter(at: Wall) -> i64 {
    (at.micros() + QUARTER_US - 1).div_euclid(QUARTER_US)
}
