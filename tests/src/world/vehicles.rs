//! Cars and lorries: by day, one after the other, lorries with gaps between cab, body and trailer.

use gatepost_model::Direction;

use super::{
    beams::{Beams, Body, CAR, GOODS, crossing, turn},
    day::{DayBuilder, Happening, WallUs, seconds},
    dice::Dice,
    truth::What,
};

const CARS: u64 = 30;
const LORRIES: u64 = 18;
/// Between two vehicles in one lane: longer than any gap within one.
const APART_S: f64 = 6.0;

/// A day's vehicles.
pub fn vehicles(day: &mut DayBuilder, dice: &mut Dice) {
    lane(day, CAR, CARS, car, dice);
    lane(day, GOODS, LORRIES, lorry, dice);
}

fn lane(day: &mut DayBuilder, beams: Beams, n: u64, body: fn(&mut Dice) -> Body, dice: &mut Dice) {
    let mut walks: Vec<(WallUs, Direction)> = Vec::new();
    for _ in 0..n {
        let from = dice.around(11.0, 2.6).clamp(5.5, 21.0);
        let to = (from + dice.between(0.2, 6.0)).min(22.8);
        walks.push((day.span.hour(from), Direction::In));
        walks.push((day.span.hour(to), Direction::Out));
    }
    walks.sort_by_key(|(wish, _)| *wish);
    let mut free = 0;
    for (wish, dir) in walks {
        let start = wish.max(free);
        // Somebody on foot looks into the lane, or a car thinks better of it.
        let start = if dice.chance(0.03) {
            let (signals, end) = turn(beams, dir, start, dice);
            let uturn = Happening {
                lane: Some(beams.lane),
                ..Happening::new(What::Uturn, end)
            };
            day.happens(uturn, signals);
            end + seconds(APART_S)
        } else {
            start
        };
        let (signals, end) = crossing(beams, dir, &body(dice), start, dice);
        let passage = Happening {
            lane: Some(beams.lane),
            dir: Some(dir),
            ..Happening::new(What::Passage, end)
        };
        day.happens(passage, signals);
        free = end + seconds(APART_S + dice.between(0.0, 10.0));
    }
}

fn car(dice: &mut Dice) -> Body {
    let mut body = Body::of_length(dice.between(3.8, 5.1), dice.between(1.4, 3.5));
    if dice.chance(0.1) {
        body.stops = Some((dice.between(0.5, 3.5), dice.between(2.0, 20.0)));
    }
    body
}

fn lorry(dice: &mut Dice) -> Body {
    let cab = dice.between(1.9, 2.5);
    let mut at = cab;
    let mut solid = vec![(0.0, cab)];
    let bodies = if dice.chance(0.35) { 2 } else { 1 };
    for _ in 0..bodies {
        let gap = dice.between(0.35, 1.1);
        let length = dice.between(5.0, 8.5);
        solid.push((at + gap, at + gap + length));
        at += gap + length;
    }
    let mut body = Body {
        solid,
        pace: dice.between(0.9, 2.4),
        stops: None,
    };
    if dice.chance(0.3) {
        // Papers: stands with the cab or the body in the beams.
        let at = if dice.chance(0.5) {
            cab * 0.5
        } else {
            cab + 3.0
        };
        body.stops = Some((at, dice.between(5.0, 45.0)));
    }
    body
}
