//! What a moving body does to the two beams of a lane.
//!
//! Positions are metres along the lane: beam A, the outer one, at 0, beam B at the lane's spacing.
//! A body is one or more solid stretches (a lorry has gaps); it goes in or out at its pace and may
//! stand still for a while. Contacts and foliage make edges bounce for a few milliseconds.

use gatepost_model::Direction;

use super::{
    day::{Signal, WallUs, seconds},
    dice::Dice,
};

/// A lane's pins and the distance of its beams.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Beams {
    /// The lane's id.
    pub lane: &'static str,
    /// The outer beam.
    pub a: &'static str,
    /// The inner beam.
    pub b: &'static str,
    /// Metres between them.
    pub spacing: f64,
}

/// The people's lane.
pub const PEOPLE: Beams = Beams {
    lane: "people",
    a: "people-a",
    b: "people-b",
    spacing: 0.14,
};
/// The passenger cars' lane.
pub const CAR: Beams = Beams {
    lane: "car",
    a: "car-a",
    b: "car-b",
    spacing: 0.8,
};
/// The goods vehicles' lane.
pub const GOODS: Beams = Beams {
    lane: "goods",
    a: "goods-a",
    b: "goods-b",
    spacing: 0.8,
};

/// A body on its way.
#[derive(Debug, Clone, PartialEq)]
pub struct Body {
    /// Solid stretches from the front: `(from, to)` in metres behind the front.
    pub solid: Vec<(f64, f64)>,
    /// Metres a second.
    pub pace: f64,
    /// Stands still when its front has gone so far, for so many seconds.
    pub stops: Option<(f64, f64)>,
}

impl Body {
    /// One solid body.
    pub fn of_length(length: f64, pace: f64) -> Self {
        Self {
            solid: vec![(0.0, length)],
            pace,
            stops: None,
        }
    }

    /// Seconds after the front met the first beam at which the front has gone so far.
    fn reaches(&self, metres: f64) -> f64 {
        let standing = match self.stops {
            Some((at, span)) if metres > at => span,
            _ => 0.0,
        };
        metres / self.pace + standing
    }
}

/// The signals of one crossing, and when the last beam clears.
pub fn crossing(
    beams: Beams,
    dir: Direction,
    body: &Body,
    start: WallUs,
    dice: &mut Dice,
) -> (Vec<(WallUs, Signal)>, WallUs) {
    let (first, second) = match dir {
        Direction::In => (beams.a, beams.b),
        Direction::Out => (beams.b, beams.a),
    };
    let mut signals = Vec::new();
    for (pin, offset) in [(first, 0.0), (second, beams.spacing)] {
        for &(from, to) in &body.solid {
            let at = |metres: f64| start + seconds(body.reaches(metres + offset));
            bounce(pin, at(from), true, dice, &mut signals);
            bounce(pin, at(to), false, dice, &mut signals);
        }
    }
    signals.sort_by_key(|(at, _)| *at);
    let end = signals.last().map_or(start, |(at, _)| *at);
    (signals, end)
}

/// Somebody comes to the second beam, turns round and goes back; or does not even reach it.
pub fn turn(
    beams: Beams,
    from: Direction,
    start: WallUs,
    dice: &mut Dice,
) -> (Vec<(WallUs, Signal)>, WallUs) {
    let (first, second) = match from {
        Direction::In => (beams.a, beams.b),
        Direction::Out => (beams.b, beams.a),
    };
    let mut signals = Vec::new();
    let mut now = start;
    bounce(first, now, true, dice, &mut signals);
    if dice.chance(0.6) {
        now += seconds(dice.between(0.12, 0.4));
        bounce(second, now, true, dice, &mut signals);
        now += seconds(dice.between(0.3, 2.0));
        bounce(second, now, false, dice, &mut signals);
    }
    now += seconds(dice.between(0.12, 0.6));
    bounce(first, now, false, dice, &mut signals);
    let end = signals.last().map_or(start, |(at, _)| *at);
    (signals, end)
}

/// An edge, often with one or two bounces before it lasts: the last one is the edge that counts.
fn bounce(
    pin: &'static str,
    at: WallUs,
    level: bool,
    dice: &mut Dice,
    signals: &mut Vec<(WallUs, Signal)>,
) {
    let mut now = at;
    signals.push((now, Signal::Level(pin, level)));
    let bounces = match dice.whole(0, 10) {
        0..=5 => 0,
        6..=8 => 1,
        _ => 2,
    };
    for _ in 0..bounces {
        for back in [!level, level] {
            now += dice.whole(300, 1600) as i64;
            signals.push((now, Signal::Level(pin, back)));
        }
    }
}

/// A press of a button, and the moment that counts.
pub fn press(pin: &'static str, at: WallUs, dice: &mut Dice) -> (Vec<(WallUs, Signal)>, WallUs) {
    let mut signals = Vec::new();
    bounce(pin, at, true, dice, &mut signals);
    let counts = signals.last().map_or(at, |(at, _)| *at);
    let release = counts + seconds(dice.between(0.12, 0.5));
    bounce(pin, release, false, dice, &mut signals);
    (signals, counts)
}
