//! One passage while it lasts: what the beams show of it, and what it was.

use std::time::Duration;

use gatepost_model::{Direction, LaneKind, event::UnclearReason};

use super::{
    Side,
    figure::{Figure, Times},
};
use crate::{config, time::BoardTime};

/// Nobody who has left the first beam turns and is back in it sooner.
const TURNS: Duration = Duration::from_millis(350);

/// A hand is too thin to break both beams, but for the filter's few milliseconds.
const BODY: Duration = Duration::from_millis(10);

/// What is going through the beams, from the first one broken until both are clear for good.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) since: BoardTime,
    /// Of the sprayer.
    pub(super) pulses: u64,
    pub(super) first: Option<Side>,
    last: Option<Side>,
    pub(super) both: bool,
    /// Since when, and for how long in all, only the farther beam was broken.
    far_since: Option<BoardTime>,
    far_for: Duration,
    /// The nearer beam alone was broken after that,
    near_again: bool,
    /// and since then both,
    both_again: Option<BoardTime>,
    /// for longer than a hand: another body.
    second: bool,
    times: Times,
    pub(super) taint: Option<UnclearReason>,
    changed: BoardTime,
    pub(super) clear_since: Option<BoardTime>,
}

/// What passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Judgement {
    /// Nobody did.
    Nothing,
    /// One did.
    Passed(Direction),
    /// One did, and perhaps another beside them.
    PassedPerhapsTwo(Direction),
    /// It cannot be told.
    Unclear(UnclearReason),
}

impl Open {
    pub(super) fn begun(since: BoardTime) -> Self {
        Self {
            since,
            pulses: 0,
            first: None,
            last: None,
            both: false,
            far_since: None,
            far_for: Duration::ZERO,
            near_again: false,
            both_again: None,
            second: false,
            times: Times::default(),
            taint: None,
            changed: since,
            clear_since: None,
        }
    }

    /// Takes the two beams' state from `at` on.
    pub(super) fn changed_to(&mut self, at: BoardTime, broken: (bool, bool)) {
        self.times.take(at, broken);
        if let Some(since) = self.far_since.take() {
            self.far_for += at.since(since);
        }
        if let Some(since) = self.both_again.take() {
            self.second |= at.since(since) >= BODY;
        }
        // A state that did not last has no say: two beams that change at one instant have no order.
        let at_once = at == self.changed && at != self.since;
        let single = match broken {
            (true, false) => Some(Side::A),
            (false, true) => Some(Side::B),
            (true, true) => {
                if at == self.since {
                    self.first = None;
                }
                self.both = true;
                self.both_again = self.near_again.then_some(at);
                None
            }
            (false, false) => {
                self.clear_since = Some(at);
                if at_once {
                    self.last = None;
                }
                None
            }
        };
        if broken != (false, false) {
            self.clear_since = None;
        }
        if let Some(side) = single {
            if !self.both {
                self.first.get_or_insert(side);
            }
            if self.both && self.first.is_some() {
                if self.first == Some(side) {
                    self.near_again |= !self.far_for.is_zero();
                } else {
                    self.far_since = Some(at);
                }
            }
            self.last = Some(side);
        }
        self.changed = at;
    }

    pub(super) fn judge(&self, lane: &config::Lane) -> Judgement {
        if let Some(reason) = self.taint {
            return Judgement::Unclear(reason);
        }
        let turned = self.first == self.last;
        let figure = match (self.first, lane.bodies) {
            (Some(near), Some(bodies)) => self.times.figure(near, turned, bodies),
            _ => Figure::One,
        };
        let are_people = lane.kind == LaneKind::People;
        let crossed = turned && !self.far_for.is_zero() && self.far_for < TURNS;
        if are_people && (crossed || figure == Figure::NotOne) {
            return Judgement::Unclear(UnclearReason::Overlap);
        }
        // Whether a second body followed, or one went back and forth: by the far beam one left for good.
        let followed = are_people && !turned && self.second;
        let passed = if followed || figure == Figure::PerhapsTwo {
            Judgement::PassedPerhapsTwo
        } else {
            Judgement::Passed
        };
        match (self.first, self.last, self.both) {
            (Some(Side::A), Some(Side::B), true) => passed(Direction::In),
            (Some(Side::B), Some(Side::A), true) => passed(Direction::Out),
            (Some(first), Some(last), _) if first == last => Judgement::Nothing,
            _ => Judgement::Unclear(UnclearReason::Overlap),
        }
    }
}
