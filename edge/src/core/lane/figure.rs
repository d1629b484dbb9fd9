//! How many bodies the times of two beams speak of, where their distance is known.
//!
//! Whoever walks through breaks and clears the beams a distance apart: that is the pace, twice, and how
//! long a beam was broken at that pace is how deep the body is. Two show themselves by what one cannot
//! be: quicker than anybody walks, turned round before anybody could, or deeper than one person and
//! not as long as a pram. Two who look like one (abreast with nothing sticking out, the one wholly
//! before the other) are one to two beams. The limits were found by the physical simulation of
//! docs/lanes.md, on one half of its plays, and held on the other.

use std::time::Duration;

use super::Side;
use crate::{config::Bodies, time::BoardTime};

/// A chest walks at up to 1.6 m/s, a hand that swings before it at twice that. Two who come from both
/// sides break the beams within any time.
const FASTEST_M_S: f64 = 3.2;

/// To turn round takes two steps, and a hurried step 0.3 s.
const TURNS: Duration = Duration::from_millis(600);

/// Hands swing with the pace: so far ahead and behind they make a body deeper, metres for each m/s.
const SWING_S: f64 = 0.17;

/// A pram and who pushes it are longer, two persons who touch shorter, metres.
const PRAM_M: f64 = 0.95;

/// What the times speak of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Figure {
    /// Nothing speaks against one.
    One,
    /// One passed; it is so deep that there may have been another.
    PerhapsTwo,
    /// No one body moves like this.
    NotOne,
}

/// When each beam was first broken and last cleared.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Times {
    now: (bool, bool),
    a: Span,
    b: Span,
}

#[derive(Debug, Clone, Copy, Default)]
struct Span {
    broken: Option<BoardTime>,
    cleared: Option<BoardTime>,
}

impl Span {
    fn take(&mut self, at: BoardTime, before: bool, now: bool) {
        if now {
            self.broken.get_or_insert(at);
        } else if before {
            self.cleared = Some(at);
        }
    }

    fn known(self) -> Option<(BoardTime, BoardTime)> {
        Some((self.broken?, self.cleared?))
    }
}

impl Times {
    /// Takes the two beams' state from `at` on.
    pub(super) fn take(&mut self, at: BoardTime, broken: (bool, bool)) {
        self.a.take(at, self.now.0, broken.0);
        self.b.take(at, self.now.1, broken.1);
        self.now = broken;
    }

    /// What they speak of, of somebody who broke the beam `near` first, and it last too if `turned`.
    pub(super) fn figure(&self, near: Side, turned: bool, bodies: Bodies) -> Figure {
        let (near, far) = match near {
            Side::A => (self.a, self.b),
            Side::B => (self.b, self.a),
        };
        // Who broke one beam only was never seen by two.
        let (Some(near), Some(far)) = (near.known(), far.known()) else {
            return Figure::One;
        };
        let seconds = |from: BoardTime, to: BoardTime| to.since(from).as_secs_f64();
        let breaking = seconds(near.0, far.0);
        let clearing = if turned {
            seconds(far.1, near.1)
        } else {
            seconds(near.1, far.1)
        };
        let quickest = bodies.spacing_m / FASTEST_M_S;
        if breaking < quickest || clearing < quickest {
            return Figure::NotOne;
        }
        if turned {
            return if near.1.since(near.0) < TURNS {
                Figure::NotOne
            } else {
                Figure::One
            };
        }
        let pace = 2.0 * bodies.spacing_m / (breaking + clearing);
        let depth = pace * (seconds(near.0, near.1) + seconds(far.0, far.1)) / 2.0;
        if (bodies.depth_m + SWING_S * pace..PRAM_M).contains(&depth) {
            Figure::PerhapsTwo
        } else {
            Figure::One
        }
    }
}
