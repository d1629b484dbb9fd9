//! Beams, loops and their wires: what bodies cover becomes edges, late, bouncing, and sometimes dropped.

use rand::{RngExt, rngs::StdRng};

use crate::bodies::Body;

/// The simulation's step, seconds.
const STEP: f64 = 0.001;

/// What is wrong with the wires.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Nothing beyond bounces.
    None,
    /// One edge in twenty never arrives.
    Drops,
}

/// What senses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sense {
    /// A through-beam pair.
    Beam,
    /// A loop of wire in the road with a detector's relay behind it.
    Loop,
}

/// Half a loop's length along the way, metres.
pub(crate) const LOOP_REACH: f64 = 0.5;

/// A pair of beams or loops.
#[derive(Debug)]
pub(crate) struct Beams {
    spacing: f64,
    reach: f64,
    fault: Fault,
    /// Each sensor's delay when it is broken and when it clears, seconds.
    delays: [(f64, f64); 2],
}

impl Beams {
    pub(crate) fn new(spacing: f64, sense: Sense, fault: Fault, dice: &mut StdRng) -> Self {
        // Through-beam sensors: a fraction of a millisecond to a few, not the same both ways. A loop's
        // detector looks again some ten times a second, and its relay holds on.
        let (on, off) = match sense {
            Sense::Beam => (0.0002..0.004, 0.0002..0.006),
            Sense::Loop => (0.03..0.15, 0.1..0.3),
        };
        let mut delay = || {
            (
                dice.random_range(on.clone()),
                dice.random_range(off.clone()),
            )
        };
        Self {
            spacing,
            reach: match sense {
                Sense::Beam => 0.0,
                Sense::Loop => LOOP_REACH,
            },
            fault,
            delays: [delay(), delay()],
        }
    }

    /// Edges in the order of their times, microseconds.
    pub(crate) fn edges(
        &self,
        bodies: &[Body],
        dice: &mut StdRng,
    ) -> Vec<(u64, &'static str, bool)> {
        let mut edges = Vec::new();
        for (beam, pin) in ["a", "b"].into_iter().enumerate() {
            let (on, off) = self.delays[beam];
            let spans = broken(self.spacing * beam as f64, self.reach, bodies);
            let late = spans.into_iter().map(|(from, to)| (from + on, to + off));
            for (from, to) in joined(late.collect()) {
                self.edge(pin, from, true, dice, &mut edges);
                self.edge(pin, to, false, dice, &mut edges);
            }
        }
        edges.sort_by_key(|edge| edge.0);
        edges
    }

    /// An edge, now and then with bounces before it settles.
    fn edge(
        &self,
        pin: &'static str,
        at: f64,
        level: bool,
        dice: &mut StdRng,
        edges: &mut Vec<(u64, &'static str, bool)>,
    ) {
        let mut at = at;
        let mut push = |at: f64, level: bool, dice: &mut StdRng| {
            if self.fault == Fault::None || !dice.random_bool(0.05) {
                edges.push(((at * 1e6) as u64, pin, level));
            }
        };
        push(at, level, dice);
        while dice.random_bool(0.3) {
            for level in [!level, level] {
                at += dice.random_range(0.0002..0.0015);
                push(at, level, dice);
            }
        }
    }
}

/// When a beam is broken by anybody: spans that do not touch, in order.
fn broken(beam: f64, reach: f64, bodies: &[Body]) -> Vec<(f64, f64)> {
    let spans = bodies.iter().flat_map(|body| broken_by(beam, reach, body));
    joined(spans.collect())
}

fn joined(mut spans: Vec<(f64, f64)>) -> Vec<(f64, f64)> {
    spans.sort_by(|one, other| one.0.total_cmp(&other.0));
    let mut joined: Vec<(f64, f64)> = Vec::new();
    for (from, to) in spans {
        match joined.last_mut() {
            Some(last) if from <= last.1 => last.1 = last.1.max(to),
            _ => joined.push((from, to)),
        }
    }
    joined
}

fn broken_by(beam: f64, reach: f64, body: &Body) -> Vec<(f64, f64)> {
    let mut spans = Vec::new();
    let mut since = None;
    let mut at = body.begins();
    while at <= body.ends() {
        match (since, body.covers(beam, reach, at)) {
            (None, true) => since = Some(at),
            (Some(from), false) => {
                spans.push((from, at));
                since = None;
            }
            _ => {}
        }
        at += STEP;
    }
    spans.extend(since.map(|from| (from, body.ends())));
    spans
}
