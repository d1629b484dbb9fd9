//! People at the gate: they come in the morning, go out for lunch, leave in the evening; one at a
//! time through the lane, measured and waved in by the guard.
//!
//! The lane is single file, so that two beams can tell everybody apart; the exception are pairs
//! that walk out abreast, of whom the lane sees one ([`What::Unclear`] stands for the other).

use gatepost_model::{Direction, event::ScreeningVerdict};

use super::{
    beams::{Body, PEOPLE, crossing, press, turn},
    day::{DayBuilder, Happening, Signal, WallUs, seconds},
    dice::Dice,
    faces::{Queue, ROOM_C},
    sites::{Plan, Shape},
    truth::What,
    weather::outside_c,
};

/// People a day; some of them enter again after lunch, so that the guard has some 360 entries.
const WORKERS: u64 = 270;
const CUSTOMERS: u64 = 330;
const PATIENTS: u64 = 210;
/// A clinic never sleeps: whoever comes at any hour.
const EMERGENCIES: u64 = 130;
/// Visitors of any hour, at any site.
const ERRANDS: u64 = 40;

const FEVER: f64 = 0.003;
const REFUSED: f64 = 0.02;
const HESITATES: f64 = 0.05;
const TURNS_ROUND: f64 = 0.02;
const FOLLOWS_CLOSELY: f64 = 0.3;
/// Of those who go out, the share beside whom somebody walks if there is somebody: what the lane misses
/// at most.
pub(super) const ABREAST: f64 = 0.03;
const BUS_ERROR: f64 = 0.0008;

/// One wish to pass the lane.
struct Walk {
    wish: WallUs,
    dir: Direction,
    person: u64,
}

/// A day's people; with a queue of faces they have those.
pub fn people(
    day: &mut DayBuilder,
    plan: &Plan,
    seed: u64,
    faces: Option<Queue<'_>>,
    dice: &mut Dice,
) {
    let mut walks = visits(day, plan.shape, dice);
    walks.sort_by_key(|walk| walk.wish);
    let mut gate = Gate {
        day,
        dice,
        free: 0,
        ambient: None,
        faces,
        air: |at| outside_c(plan, seed, at),
    };
    let mut turned_away = std::collections::BTreeSet::new();
    let mut walks = walks.into_iter().peekable();
    while let Some(walk) = walks.next() {
        match walk.dir {
            Direction::In => {
                if !gate.enters(&walk) {
                    turned_away.insert(walk.person);
                }
            }
            Direction::Out if turned_away.contains(&walk.person) => {}
            Direction::Out => {
                let beside = walks
                    .next_if(|next| {
                        next.dir == Direction::Out
                            && next.wish - walk.wish < seconds(20.0)
                            && gate.dice.chance(ABREAST)
                    })
                    .map(|next| next.person)
                    .filter(|person| !turned_away.contains(person));
                gate.leaves(&walk, beside);
            }
        }
    }
}

fn visits(day: &DayBuilder, shape: Shape, dice: &mut Dice) -> Vec<Walk> {
    let mut walks = Vec::new();
    let mut person = 0;
    let mut visit = |from: f64, to: f64, walks: &mut Vec<Walk>| {
        person += 1;
        let (from, to) = (from.max(0.1), to.min(23.7));
        if from < to {
            let mut walk = |hour, dir| {
                let wish = day.span.hour(hour);
                walks.push(Walk { wish, dir, person });
            };
            walk(from, Direction::In);
            walk(to, Direction::Out);
        }
    };
    match shape {
        Shape::Works => {
            for _ in 0..WORKERS {
                let from = dice.around(6.9, 0.45);
                let to = dice.around(18.1, 0.6);
                if dice.chance(0.25) {
                    let lunch = dice.around(11.9, 0.2);
                    visit(from, lunch, &mut walks);
                    visit(lunch + dice.between(0.4, 1.0), to, &mut walks);
                } else {
                    visit(from, to, &mut walks);
                }
            }
        }
        Shape::Mall => {
            for _ in 0..CUSTOMERS {
                let from = if dice.chance(0.55) {
                    dice.around(18.0, 1.6)
                } else {
                    dice.around(13.0, 2.0)
                };
                let from = from.clamp(9.5, 21.3);
                visit(from, (from + dice.between(0.3, 2.8)).min(22.2), &mut walks);
            }
        }
        Shape::Clinic => {
            for _ in 0..EMERGENCIES {
                let from = dice.between(0.1, 23.4);
                visit(from, from + dice.between(0.2, 3.0), &mut walks);
            }
            for _ in 0..PATIENTS {
                let from = if dice.chance(0.6) {
                    dice.around(9.4, 1.3)
                } else {
                    dice.between(6.0, 22.5)
                };
                visit(from, from + dice.between(0.3, 4.0), &mut walks);
            }
        }
    }
    for _ in 0..ERRANDS {
        let from = dice.between(0.2, 23.0);
        visit(from, from + dice.between(0.2, 1.4), &mut walks);
    }
    walks
}

/// The lane with its queue.
struct Gate<'a, 'f, Air> {
    day: &'a mut DayBuilder,
    dice: &'a mut Dice,
    /// When the lane is free again.
    free: WallUs,
    /// The air when it was last asked for.
    ambient: Option<(WallUs, f64)>,
    /// Whose temperatures people have, if not anybody's.
    faces: Option<Queue<'f>>,
    air: Air,
}

impl<Air: Fn(WallUs) -> f64> Gate<'_, '_, Air> {
    /// Somebody comes to the gate; false if he may not enter.
    fn enters(&mut self, walk: &Walk) -> bool {
        let mut now = walk.wish.max(self.free);
        if self.dice.chance(TURNS_ROUND) {
            now = self.turns_round(now, Direction::In, walk.person)
                + seconds(self.dice.between(5.0, 40.0));
        }
        now += seconds(self.dice.between(0.8, 2.0));
        let feverish;
        (now, feverish) = match self.faces.take() {
            Some(mut queue) => {
                let found = self.is_looked_at(now, walk.person, &mut queue);
                self.faces = Some(queue);
                found
            }
            None => self.is_anybody(now, walk.person),
        };
        now += seconds(self.dice.between(0.8, 2.0));
        let (outcome, pin) = if feverish {
            ("isolated", "people-isolated")
        } else if self.dice.chance(REFUSED) {
            ("refused", "people-refused")
        } else {
            ("admitted", "people-admitted")
        };
        let (signals, at) = press(pin, now, self.dice);
        let entry = Happening {
            lane: Some(PEOPLE.lane),
            person: Some(name(walk.person)),
            outcome: Some(outcome),
            ..Happening::new(What::Entry, at)
        };
        self.day.happens(entry, signals);
        now = at + seconds(self.dice.between(0.9, 1.8));
        if outcome == "admitted" {
            now = self.passes(now, Direction::In, walk.person, None);
        } else if outcome == "refused" && self.dice.chance(0.3) {
            now = self.turns_round(now, Direction::In, walk.person);
        }
        self.free = now + seconds(self.dice.between(0.7, 1.6));
        outcome == "admitted"
    }

    /// Anybody is measured; when that is over, and whether he has a fever.
    fn is_anybody(&mut self, mut now: WallUs, person: u64) -> (WallUs, bool) {
        let feverish = self.dice.chance(FEVER);
        let body = if feverish {
            self.dice.between(37.9, 39.4)
        } else {
            self.dice.around(36.6, 0.22).min(37.3)
        };
        if self.dice.chance(BUS_ERROR) {
            self.day.noise([(now, Signal::Failed("people-ir"))]);
            now += seconds(self.dice.between(0.8, 1.6));
        }
        self.measured(now, person, body);
        if feverish {
            // The lamp asks for another look; two of two are enough.
            now += seconds(self.dice.between(3.5, 4.5));
            self.measured(now, person, body);
        }
        (now, feverish)
    }

    /// One of a file's people is measured, again while the lamp asks for it; when that is over, and
    /// whether he has a fever and was found.
    fn is_looked_at(
        &mut self,
        mut now: WallUs,
        person: u64,
        queue: &mut Queue<'_>,
    ) -> (WallUs, bool) {
        let face = queue.face(person);
        let mut attempt = 0;
        let verdict = loop {
            let into_day = u64::try_from(now - self.day.span.from).unwrap_or(0);
            let (skin, verdict) = queue.attempt(&face, attempt, into_day);
            self.measures(now, face.subject, face.oral, (skin, ROOM_C));
            if verdict != ScreeningVerdict::Remeasure {
                break verdict;
            }
            attempt += 1;
            now += seconds(self.dice.between(3.5, 4.5));
        };
        queue.leave();
        let is_found = verdict == ScreeningVerdict::Fever && face.is_feverish();
        (now, is_found)
    }

    fn leaves(&mut self, walk: &Walk, beside: Option<u64>) {
        let mut now = walk.wish.max(self.free);
        if self.dice.chance(TURNS_ROUND) {
            now = self.turns_round(now, Direction::Out, walk.person)
                + seconds(self.dice.between(5.0, 40.0));
        }
        now = self.passes(now, Direction::Out, walk.person, beside);
        let pause = if self.dice.chance(FOLLOWS_CLOSELY) {
            self.dice.between(0.35, 0.8)
        } else {
            self.dice.between(0.8, 2.5)
        };
        self.free = now + seconds(pause);
    }

    fn measured(&mut self, at: WallUs, person: u64, body_c: f64) {
        let outside = match self.ambient {
            Some((asked, outside)) if at - asked < seconds(600.0) => outside,
            _ => (self.air)(at),
        };
        if self.ambient.is_none_or(|(_, known)| known != outside) {
            self.ambient = Some((at, outside));
        }
        // Under the gate's roof, and skin follows the air.
        let ambient = round(
            (outside + 6.0 + self.dice.around(0.0, 0.1)).clamp(4.0, 38.0),
            10.0,
        );
        let skin =
            34.5 + 0.1 * (ambient - 18.0) + 0.8 * (body_c - 36.6) + self.dice.around(0.0, 0.2);
        let body_c = round(body_c, 10.0);
        self.measures(at, person, body_c, (round(skin, 100.0), ambient));
    }

    /// The thermometer reads somebody's skin and the air, degC.
    fn measures(&mut self, at: WallUs, person: u64, body_c: f64, (skin, ambient): (f64, f64)) {
        let screening = Happening {
            lane: Some(PEOPLE.lane),
            person: Some(name(person)),
            body_c: Some(body_c),
            skin_c: Some(skin),
            ..Happening::new(What::Screening, at)
        };
        self.day
            .happens(screening, [(at, Signal::Skin("people-ir", skin, ambient))]);
    }

    fn passes(&mut self, at: WallUs, dir: Direction, person: u64, beside: Option<u64>) -> WallUs {
        let length = if beside.is_some() {
            self.dice.between(0.42, 0.6)
        } else {
            self.dice.between(0.24, 0.38)
        };
        let mut body = Body::of_length(length, self.dice.around(1.15, 0.13).clamp(0.6, 1.7));
        if self.dice.chance(HESITATES) {
            // In the middle of the lane: looks for the pass, answers the telephone.
            body.stops = Some((self.dice.between(0.05, length), self.dice.between(0.4, 4.0)));
        }
        let (signals, end) = crossing(PEOPLE, dir, &body, at, self.dice);
        let passage = Happening {
            lane: Some(PEOPLE.lane),
            dir: Some(dir),
            person: Some(name(person)),
            beside: beside.map(name),
            ..Happening::new(What::Passage, end)
        };
        self.day.happens(passage, signals);
        end
    }

    fn turns_round(&mut self, at: WallUs, from: Direction, person: u64) -> WallUs {
        let (signals, end) = turn(PEOPLE, from, at, self.dice);
        let uturn = Happening {
            lane: Some(PEOPLE.lane),
            person: Some(name(person)),
            ..Happening::new(What::Uturn, end)
        };
        self.day.happens(uturn, signals);
        end
    }
}

fn name(person: u64) -> String {
    format!("p{person}")
}

fn round(value: f64, parts: f64) -> f64 {
    (value * parts).round() / parts
}
