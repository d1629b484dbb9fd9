//! What is known of wall time over all boots whose events may still have to be sent.
//!
//! An event carries its own wall time only if the clock was right when it happened. What a boot
//! learns later, from a time server or from the hub, is kept here as its anchor and goes into the
//! header of its batches. A boot that never learned gets bounds: it lies between the last moment
//! known before it and the first one known after it. Bounds are tightened to the batch, by the
//! monotonic distance of its first event from the boot's beginning and of its last event from the
//! boot's end; so the slack, and with it the middle that the hub takes, is the same for each batch
//! of a boot, and events keep their true distances across batches.

use gatepost_model::{
    BootId, Wall,
    time::Micros,
    wire::{Anchor, Bounds},
};
use serde::{Deserialize, Serialize};

use super::wall::signed_span;
use crate::time::BoardTime;

/// Boots that are remembered; the oldest goes first.
const MAX_BOOTS: usize = 256;

/// No unit with this software ran before this day: the floor for a unit's first boots.
const FLOOR: &str = "2026-01-01T00:00:00Z";

/// What a free quartz may drift, parts per million.
const DRIFT_PPM: i64 = 100;

/// The boots, in order; the last one is running.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Boots(Vec<Span>);

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Span {
    boot: BootId,
    first_us: Micros,
    last_us: Micros,
    anchor: Option<Anchor>,
}

/// How a batch's header tells the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeaderTime {
    /// The boot has touched the wall.
    Anchor(Anchor),
    /// It has not, but boots around it have.
    Bounds(Bounds),
    /// Nothing is known yet.
    Unknown,
}

impl Boots {
    /// The boot that runs.
    pub fn current(&self) -> Option<&BootId> {
        self.0.last().map(|span| &span.boot)
    }

    /// A boot begins, or goes on after a restart of the agent.
    pub fn begin(&mut self, boot: &BootId, now: BoardTime) {
        match self.0.last_mut() {
            Some(span) if span.boot == *boot => span.last_us = span.last_us.max(now.0),
            _ => {
                if self.0.len() == MAX_BOOTS {
                    self.0.remove(0);
                }
                self.0.push(Span {
                    boot: boot.clone(),
                    first_us: now.0,
                    last_us: now.0,
                    anchor: None,
                });
            }
        }
    }

    /// An event of a boot is recorded.
    pub fn saw(&mut self, boot: &BootId, at: Micros) {
        if let Some(span) = self.0.iter_mut().rev().find(|span| span.boot == *boot) {
            span.last_us = span.last_us.max(at);
            span.first_us = span.first_us.min(at);
        }
    }

    /// The running boot learns the time; true if that is better than what it knew.
    pub fn learn(&mut self, anchor: Anchor) -> bool {
        let Some(span) = self.0.last_mut() else {
            return false;
        };
        let better = span.anchor.is_none_or(|known| anchor.err_ms < known.err_ms);
        if better {
            span.anchor = Some(anchor);
        }
        better
    }

    /// Where the running boot touches the wall, if it does.
    pub fn anchor(&self) -> Option<Anchor> {
        self.0.last()?.anchor
    }

    /// As it is kept on disk: the running boot's end, which moves with every event, is left out; it
    /// is found again in the spool.
    pub fn kept(&self) -> Self {
        let mut kept = self.clone();
        if let Some(span) = kept.0.last_mut() {
            span.last_us = span.first_us;
        }
        kept
    }

    /// How the header of a batch tells the time of its events from `first` to `last`.
    pub fn header_time(&self, boot: &BootId, first: Micros, last: Micros) -> HeaderTime {
        let Some(index) = self.0.iter().rposition(|span| span.boot == *boot) else {
            return HeaderTime::Unknown;
        };
        let span = &self.0[index];
        if let Some(anchor) = span.anchor {
            return HeaderTime::Anchor(anchor);
        }
        let before = self.0[index + 1..]
            .iter()
            .find_map(|later| later.wall(later.first_us, 1));
        let Some(before) = before else {
            return HeaderTime::Unknown;
        };
        let length = signed_span(BoardTime(span.first_us), BoardTime(span.last_us));
        let latest_start = before.plus_micros(-length);
        let after = self.0[..index]
            .iter()
            .rev()
            .find_map(|earlier| earlier.wall(earlier.last_us, -1))
            .or_else(|| Wall::parse(FLOOR).ok())
            .unwrap_or(latest_start)
            .min(latest_start);
        let from_start = signed_span(BoardTime(span.first_us), BoardTime(first));
        let to_end = signed_span(BoardTime(last), BoardTime(span.last_us));
        HeaderTime::Bounds(Bounds {
            after: after.plus_micros(from_start),
            before: before.plus_micros(-to_end),
        })
    }
}

impl Span {
    /// The wall time of a moment of this boot, moved by its error towards `sign`.
    fn wall(&self, at: Micros, sign: i64) -> Option<Wall> {
        let anchor = self.anchor?;
        let span = signed_span(BoardTime(anchor.mono_us), BoardTime(at));
        let drift = span.saturating_abs() / 1_000_000 * DRIFT_PPM;
        let err = i64::try_from(anchor.err_ms)
            .unwrap_or(0)
            .saturating_mul(1000);
        Some(
            anchor
                .wall
                .plus_micros(span)
                .plus_micros(sign * err.saturating_add(drift)),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIN: u64 = 60_000_000;

    fn boot(name: &str) -> BootId {
        name.parse().unwrap()
    }

    fn anchor(mono_us: u64, wall: &str) -> Anchor {
        Anchor {
            mono_us,
            wall: Wall::parse(wall).unwrap(),
            err_ms: 0,
        }
    }

    /// Boot a knew the time, b never did, c learns it.
    fn three() -> Boots {
        let mut boots = Boots::default();
        boots.begin(&boot("a"), BoardTime(0));
        boots.learn(anchor(0, "2026-11-23T07:00:00Z"));
        boots.saw(&boot("a"), 60 * MIN);
        boots.begin(&boot("b"), BoardTime(0));
        boots.saw(&boot("b"), 30 * MIN);
        boots.begin(&boot("c"), BoardTime(0));
        boots
    }

    #[test]
    fn a_boot_without_time_is_bounded_by_its_neighbours() {
        let mut boots = three();
        let unknown = boots.header_time(&boot("b"), 0, 30 * MIN);
        assert_eq!(unknown, HeaderTime::Unknown);
        boots.learn(anchor(10 * MIN, "2026-11-23T10:10:00Z"));
        let HeaderTime::Bounds(all) = boots.header_time(&boot("b"), 0, 30 * MIN) else {
            panic!("bounds");
        };
        // Minus and plus the drift of an hour and of ten minutes.
        assert_eq!(all.after, Wall::parse("2026-11-23T07:59:59.640Z").unwrap());
        assert_eq!(all.before, Wall::parse("2026-11-23T10:00:00.060Z").unwrap());
    }

    #[test]
    fn the_slack_is_the_same_for_every_batch_of_a_boot() {
        let mut boots = three();
        boots.learn(anchor(0, "2026-11-23T10:00:00Z"));
        let slack = |first: u64, last: u64| {
            let HeaderTime::Bounds(bounds) = boots.header_time(&boot("b"), first, last) else {
                panic!("bounds");
            };
            let span = signed_span(BoardTime(first), BoardTime(last));
            bounds.before.micros_since(bounds.after) - span
        };
        assert_eq!(slack(0, 30 * MIN), slack(MIN, 2 * MIN));
        assert_eq!(slack(0, 30 * MIN), slack(29 * MIN, 30 * MIN));
    }

    #[test]
    fn a_better_anchor_replaces_a_worse_one_and_bounds_never_cross() {
        let mut boots = Boots::default();
        boots.begin(&boot("a"), BoardTime(0));
        boots.saw(&boot("a"), 60 * MIN);
        boots.begin(&boot("b"), BoardTime(0));
        assert!(boots.learn(Anchor {
            err_ms: 1000,
            ..anchor(0, "2005-07-24T00:00:00Z")
        }));
        assert!(!boots.learn(Anchor {
            err_ms: 1000,
            ..anchor(0, "2005-07-25T00:00:00Z")
        }));
        assert!(boots.learn(anchor(0, "2005-07-24T00:00:01Z")));
        let HeaderTime::Bounds(bounds) = boots.header_time(&boot("a"), 0, 60 * MIN) else {
            panic!("bounds");
        };
        assert!(bounds.after <= bounds.before, "{bounds:?}");
    }

    #[test]
    fn the_running_boots_end_is_not_kept() {
        let mut boots = three();
        let kept = boots.kept();
        boots.saw(&boot("c"), 5 * MIN);
        assert_eq!(boots.kept(), kept);
    }
}
