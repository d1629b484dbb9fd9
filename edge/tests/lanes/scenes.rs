//! Who comes through the lane, and what truly passed.

use rand::{RngExt, rngs::StdRng};

use crate::{
    beams::{LOOP_REACH, Sense},
    bodies::{Arm, Body, Point, Stretch, Sway},
};

/// What truly passed.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Truth {
    pub(crate) into: u32,
    pub(crate) out: u32,
}

/// A kind of happening at a lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Scene {
    /// 40 a minute, one after the other, both ways; some hesitate.
    SingleFile,
    /// One who walks through.
    Walker,
    /// One who stops on the way.
    Hesitating,
    /// One with a rucksack, or a box carried before the chest.
    Laden,
    /// Comes as far as into the beams, turns, goes back.
    UTurn,
    /// Something stands in a beam.
    Blocked,
    /// A pram before its pusher.
    Pram,
    /// The second half a metre to a metre behind the first.
    CloseFollower,
    /// The second touches the first.
    OnTheHeels,
    /// One in and one out at the same moment, side by side.
    Crossing,
    /// Two side by side, the same way.
    Abreast,
    /// Single file with one edge in twenty lost.
    DroppedEdges,
    /// A car.
    Car,
    /// Cab, body, often a trailer, with gaps.
    Lorry,
    /// The same, standing for its papers with any part in the beams.
    LorryThatStops,
    /// A lorry over two loops.
    LoopLorry,
    /// Two lorries over two loops, one soon after the other.
    LoopTwo,
    /// A loop whose detector says for minutes that something stands there.
    LoopStuck,
}

impl Scene {
    pub(crate) const ALL: [Self; 18] = [
        Self::SingleFile,
        Self::Walker,
        Self::Hesitating,
        Self::Laden,
        Self::UTurn,
        Self::Blocked,
        Self::Pram,
        Self::CloseFollower,
        Self::OnTheHeels,
        Self::Crossing,
        Self::Abreast,
        Self::DroppedEdges,
        Self::Car,
        Self::Lorry,
        Self::LorryThatStops,
        Self::LoopLorry,
        Self::LoopTwo,
        Self::LoopStuck,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::SingleFile => "single file, 40 a minute",
            Self::Walker => "one walker",
            Self::Hesitating => "one who stops on the way",
            Self::Laden => "one with a rucksack or a box",
            Self::UTurn => "U-turn",
            Self::Blocked => "beam blocked",
            Self::Pram => "pram and pusher",
            Self::CloseFollower => "close follower (0.5 to 1 m)",
            Self::OnTheHeels => "on the heels (touching)",
            Self::Crossing => "one in, one out, side by side",
            Self::Abreast => "two abreast, the same way",
            Self::DroppedEdges => "single file, 5 % of edges lost",
            Self::Car => "car",
            Self::Lorry => "lorry, gaps and trailer",
            Self::LorryThatStops => "lorry that stops in the beams",
            Self::LoopLorry => "loops: lorry, gaps and trailer",
            Self::LoopTwo => "loops: two lorries, 2 to 4 s apart",
            Self::LoopStuck => "loops: one that is stuck",
        }
    }

    pub(crate) fn kind(self) -> &'static str {
        match self {
            Self::Car => "car",
            Self::Lorry
            | Self::LorryThatStops
            | Self::LoopLorry
            | Self::LoopTwo
            | Self::LoopStuck => "goods",
            _ => "people",
        }
    }

    pub(crate) fn is_vehicles(self) -> bool {
        self.kind() != "people"
    }

    pub(crate) fn sense(self) -> Sense {
        match self {
            Self::LoopLorry | Self::LoopTwo | Self::LoopStuck => Sense::Loop,
            _ => Sense::Beam,
        }
    }

    /// Farther apart than the widest gap in a vehicle, metres; of loops from middle to middle.
    pub(crate) fn vehicle_spacing(self) -> f64 {
        match (self, self.sense()) {
            (Self::Car, _) => 1.0,
            (_, Sense::Beam) => 2.5,
            (_, Sense::Loop) => 3.0,
        }
    }

    pub(crate) fn plays(self) -> u32 {
        match self {
            // Each is many people.
            Self::SingleFile | Self::DroppedEdges => 40,
            // Long ones.
            Self::Blocked | Self::LorryThatStops | Self::LoopStuck => 60,
            _ => 300,
        }
    }

    pub(crate) fn bodies(self, spacing: f64, dice: &mut StdRng) -> (Vec<Body>, Truth) {
        let mut people = People { spacing, dice };
        match self {
            Self::SingleFile | Self::DroppedEdges => people.file(50),
            Self::Walker => people.alone(false, false),
            Self::Hesitating => people.alone(true, false),
            Self::Laden => people.alone(false, true),
            Self::UTurn => (vec![people.turn()], Truth::default()),
            Self::Blocked => (vec![people.standing()], Truth::default()),
            Self::Pram => people.pram(),
            Self::CloseFollower => {
                let gap = people.dice.random_range(0.5..1.0);
                people.follower(gap)
            }
            Self::OnTheHeels => {
                let gap = people.dice.random_range(0.0..0.1);
                people.follower(gap)
            }
            Self::Crossing => people.crossing(),
            Self::Abreast => people.abreast(),
            Self::Car => vehicle(&[(0.0, 4.2)], spacing, false, dice),
            Self::Lorry => lorry(spacing, false, dice),
            Self::LorryThatStops => lorry(spacing, true, dice),
            Self::LoopLorry => lorry(spacing, false, dice),
            Self::LoopTwo => two_lorries(spacing, dice),
            Self::LoopStuck => (vec![stuck_loop(spacing, dice)], Truth::default()),
        }
    }
}

struct People<'a> {
    spacing: f64,
    dice: &'a mut StdRng,
}

/// Of an adult, at the chest, metres.
pub(crate) const DEEPEST_TORSO: f64 = 0.36;

/// Far enough from the beams for nobody to be in them, metres.
const FAR: f64 = 2.0;

impl People<'_> {
    /// A torso; hands swing with the pace, so that none ever moves backwards over the ground.
    fn person(&mut self, forward: f64, pace: f64) -> Body {
        let half = self.dice.random_range(0.11..DEEPEST_TORSO / 2.0);
        let rate = 0.65 * pace;
        let phase = self.dice.random_range(0.0..std::f64::consts::TAU);
        let amplitude = self.dice.random_range(0.05..0.15) * pace;
        let arm = |phase| Arm {
            amplitude,
            rate,
            phase,
            half: 0.05,
        };
        Body {
            solid: vec![Stretch {
                from: -half,
                to: half,
            }],
            arms: vec![arm(phase), arm(phase + std::f64::consts::PI)],
            course: Vec::new(),
            forward,
            sway: None,
        }
    }

    fn pace(&mut self) -> f64 {
        self.dice.random_range(0.7..1.6)
    }

    /// From one side to the other; the body's middle passes beam A at about `at`.
    fn through(&mut self, forward: f64, at: f64, pace: f64, hesitates: bool) -> Vec<Point> {
        let side = |place: f64| {
            if forward > 0.0 {
                place
            } else {
                self.spacing - place
            }
        };
        let mut course = vec![(at - FAR / pace, side(-FAR))];
        let mut now = at;
        if hesitates {
            let stop = self.dice.random_range(-0.3..0.3);
            now += stop / pace;
            course.push((now, side(stop)));
            // Stands, rocking by a few centimetres.
            for _ in 0..self.dice.random_range(1..4) {
                now += self.dice.random_range(0.3..0.8);
                course.push((now, side(stop + self.dice.random_range(-0.03..0.03))));
            }
            now -= stop / pace;
        }
        course.push((now + FAR / pace, side(FAR)));
        course
    }

    fn walker(&mut self, forward: f64, at: f64, pace: f64, hesitates: bool) -> Body {
        let mut body = self.person(forward, pace);
        body.course = self.through(forward, at, pace, hesitates);
        if hesitates {
            // Who stands does not swing.
            body.arms.clear();
        } else {
            body.sway = Some(Sway {
                amplitude: self.dice.random_range(0.005..0.02),
                rate: 1.3 * pace,
                phase: self.dice.random_range(0.0..std::f64::consts::TAU),
            });
        }
        body
    }

    fn alone(&mut self, hesitates: bool, laden: bool) -> (Vec<Body>, Truth) {
        let (forward, pace) = (self.forward(), self.pace());
        let mut body = self.walker(forward, 8.0, pace, hesitates);
        if laden {
            let torso = body.solid[0];
            let load = self.dice.random_range(0.15..0.3);
            body.solid[0] = if self.dice.random_bool(0.5) {
                Stretch {
                    from: torso.from - load,
                    ..torso
                }
            } else {
                // Both arms hold it.
                body.arms.clear();
                Stretch {
                    to: torso.to + load,
                    ..torso
                }
            };
        }
        let mut truth = Truth::default();
        truth.passed(forward);
        (vec![body], truth)
    }

    fn forward(&mut self) -> f64 {
        if self.dice.random_bool(0.5) {
            1.0
        } else {
            -1.0
        }
    }

    fn file(&mut self, people: u32) -> (Vec<Body>, Truth) {
        let (mut bodies, mut truth, mut at) = (Vec::new(), Truth::default(), 5.0);
        for _ in 0..people {
            let forward = self.forward();
            let hesitates = self.dice.random_bool(0.05);
            let pace = self.pace();
            bodies.push(self.walker(forward, at, pace, hesitates));
            truth.passed(forward);
            at += self.dice.random_range(1.2..1.8) + if hesitates { 4.0 } else { 0.0 };
        }
        (bodies, truth)
    }

    fn turn(&mut self) -> Body {
        let forward = self.forward();
        let mut body = self.person(forward, 1.0);
        body.arms.clear();
        let side = |place: f64| {
            if forward > 0.0 {
                place
            } else {
                self.spacing - place
            }
        };
        // From the first beam to nearly out of the second: who leaves it has passed, twice.
        let depth = self
            .dice
            .random_range(-0.1..self.spacing + body.solid[0].to - 0.02);
        let (there, back) = (
            self.dice.random_range(0.7..1.4),
            self.dice.random_range(0.7..1.4),
        );
        let stands = self.dice.random_range(0.4..2.0);
        let arrives = 5.0 + (FAR + depth) / there;
        body.course = vec![
            (5.0, side(-FAR)),
            (arrives, side(depth)),
            (arrives + stands, side(depth)),
            (arrives + stands + (FAR + depth) / back, side(-FAR)),
        ];
        body
    }

    fn standing(&mut self) -> Body {
        let mut body = self.person(1.0, 1.0);
        body.arms.clear();
        let stays = self.dice.random_range(90.0..200.0);
        body.solid = vec![Stretch {
            from: -0.04,
            to: 0.04,
        }];
        body.course = vec![
            (5.0, -0.3),
            (5.5, 0.0),
            (5.5 + stays, 0.0),
            (6.0 + stays, -0.3),
        ];
        body
    }

    fn pram(&mut self) -> (Vec<Body>, Truth) {
        let forward = self.forward();
        let mut body = self.walker(forward, 8.0, 1.0, false);
        body.arms.clear();
        // Forearms reach to the handle.
        body.solid.push(Stretch {
            from: 0.1,
            to: self.dice.random_range(0.9..1.3),
        });
        let mut truth = Truth::default();
        truth.passed(forward);
        (vec![body], truth)
    }

    /// Two in a row, with a gap between their torsos.
    fn follower(&mut self, gap: f64) -> (Vec<Body>, Truth) {
        let (forward, pace) = (self.forward(), self.pace());
        let mut truth = Truth::default();
        let first = self.walker(forward, 8.0, pace, false);
        let second = self.person(forward, pace);
        let behind = gap + first.solid[0].to + second.solid[0].to;
        let course = self.through(forward, 8.0 + behind / pace, pace, false);
        truth.passed(forward);
        truth.passed(forward);
        (vec![first, Body { course, ..second }], truth)
    }

    fn crossing(&mut self) -> (Vec<Body>, Truth) {
        let apart = self.dice.random_range(-0.15..0.15);
        let (one, other) = (self.pace(), self.pace());
        let bodies = vec![
            self.walker(1.0, 8.0, one, false),
            self.walker(-1.0, 8.0 + apart, other, false),
        ];
        (bodies, Truth { into: 1, out: 1 })
    }

    fn abreast(&mut self) -> (Vec<Body>, Truth) {
        let (forward, pace) = (self.forward(), self.pace());
        let apart = self.dice.random_range(0.0..0.4) / pace;
        let mut truth = Truth::default();
        truth.passed(forward);
        truth.passed(forward);
        let bodies = vec![
            self.walker(forward, 8.0, pace, false),
            self.walker(forward, 8.0 + apart, pace, false),
        ];
        (bodies, truth)
    }
}

impl Truth {
    fn passed(&mut self, forward: f64) {
        if forward > 0.0 {
            self.into += 1
        } else {
            self.out += 1
        }
    }
}

/// Metres from the front backwards.
fn vehicle(
    parts: &[(f64, f64)],
    spacing: f64,
    stops: bool,
    dice: &mut StdRng,
) -> (Vec<Body>, Truth) {
    let forward = if dice.random_bool(0.5) { 1.0 } else { -1.0 };
    let length = parts.last().map_or(0.0, |part| part.1);
    let (pace, far) = (dice.random_range(0.8..4.0), 5.0);
    let side = |place: f64| {
        if forward > 0.0 {
            place
        } else {
            spacing - place
        }
    };
    let mut course = vec![(5.0, side(-far))];
    let mut now = 5.0;
    let mut front = -far;
    if stops {
        front = dice.random_range(0.0..length + spacing);
        now += (far + front) / pace;
        course.push((now, side(front)));
        now += dice.random_range(5.0..60.0);
        course.push((now, side(front)));
    }
    let end = length + far;
    course.push((now + (end - front) / pace, side(end)));
    let solid = parts
        .iter()
        .map(|(from, to)| Stretch {
            from: -to,
            to: -from,
        })
        .collect();
    let mut truth = Truth::default();
    truth.passed(forward);
    let body = Body {
        solid,
        arms: Vec::new(),
        course,
        forward,
        sway: None,
    };
    (vec![body], truth)
}

fn lorry(spacing: f64, stops: bool, dice: &mut StdRng) -> (Vec<Body>, Truth) {
    let cab = dice.random_range(1.6..2.4);
    let body = cab + dice.random_range(0.3..1.2);
    let end = body + dice.random_range(4.0..9.0);
    let mut parts = vec![(0.0, cab), (body, end)];
    if dice.random_bool(0.5) {
        let trailer = end + dice.random_range(1.0..2.0);
        parts.push((trailer, trailer + dice.random_range(5.0..8.0)));
    }
    vehicle(&parts, spacing, stops, dice)
}

/// The second comes over a loop two to four seconds after the first has left the last one.
fn two_lorries(spacing: f64, dice: &mut StdRng) -> (Vec<Body>, Truth) {
    let (mut bodies, mut truth) = lorry(spacing, false, dice);
    let (mut second, passed) = lorry(spacing, false, dice);
    let over = |body: &Body| {
        let span = ((body.begins() * 100.0) as u32)..((body.ends() * 100.0) as u32);
        let mut seen = span.map(|step| f64::from(step) / 100.0).filter(|at| {
            [0.0, spacing]
                .iter()
                .any(|place| body.covers(*place, LOOP_REACH, *at))
        });
        let first = seen.next().unwrap_or_default();
        (first, seen.next_back().unwrap_or(first))
    };
    let later = over(&bodies[0]).1 - over(&second[0]).0 + dice.random_range(2.0..4.0);
    for (at, _) in second.iter_mut().flat_map(|body| &mut body.course) {
        *at += later;
    }
    bodies.extend(second);
    truth.into += passed.into;
    truth.out += passed.out;
    (bodies, truth)
}

/// As if a car stood over one loop.
fn stuck_loop(spacing: f64, dice: &mut StdRng) -> Body {
    let place = if dice.random_bool(0.5) { 0.0 } else { spacing };
    let lasts = dice.random_range(700.0..900.0);
    Body {
        solid: vec![Stretch { from: 0.0, to: 0.1 }],
        arms: Vec::new(),
        course: vec![(5.0, place), (5.0 + lasts, place)],
        forward: 1.0,
        sway: None,
    }
}
