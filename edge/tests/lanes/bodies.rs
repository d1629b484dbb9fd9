//! What moves through a lane: solid stretches along the way at the height of the beams, a course in
//! time, and arms that swing beside it.

/// A stretch that is solid at the beams' height, metres from the body's middle, forward.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stretch {
    pub(crate) from: f64,
    pub(crate) to: f64,
}

/// An arm: its hand swings around the body's middle.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Arm {
    /// Metres to each side.
    pub(crate) amplitude: f64,
    /// Swings a second.
    pub(crate) rate: f64,
    /// Of the swing, radians.
    pub(crate) phase: f64,
    /// Half the hand's depth, metres.
    pub(crate) half: f64,
}

/// A point of the course: at this second the middle is at this place. In between it is straight.
pub(crate) type Point = (f64, f64);

/// One body with its course. Place 0 is beam A, beam B lies at the spacing.
#[derive(Debug, Clone)]
pub(crate) struct Body {
    pub(crate) solid: Vec<Stretch>,
    pub(crate) arms: Vec<Arm>,
    pub(crate) course: Vec<Point>,
    /// Walking inwards or out: what is forward.
    pub(crate) forward: f64,
    /// How the trunk runs ahead and falls behind with each step.
    pub(crate) sway: Option<Sway>,
}

/// A trunk is fastest in mid-step and slowest as the heel lands: around its mean course it moves by a
/// centimetre or two, twice a stride.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sway {
    /// Metres to each side.
    pub(crate) amplitude: f64,
    /// Steps a second.
    pub(crate) rate: f64,
    /// Of the step, radians.
    pub(crate) phase: f64,
}

impl Sway {
    fn at(self, at: f64) -> f64 {
        self.amplitude * (std::f64::consts::TAU * self.rate * at + self.phase).sin()
    }
}

impl Body {
    fn place(&self, at: f64) -> f64 {
        let next = self.course.partition_point(|(time, _)| *time <= at);
        match (
            next.checked_sub(1).map(|last| self.course[last]),
            self.course.get(next),
        ) {
            (None, Some((_, first))) => *first,
            (Some((_, last)), None) => last,
            (Some((from, start)), Some((to, end))) => {
                start + (end - start) * (at - from) / (to - from)
            }
            (None, None) => f64::INFINITY,
        }
    }

    /// Whether it stands in a beam at `beam` metres, or over a loop that reaches so far to each side.
    pub(crate) fn covers(&self, beam: f64, reach: f64, at: f64) -> bool {
        let sway = self.sway.map_or(0.0, |sway| sway.at(at));
        let ahead = (beam - self.place(at)) * self.forward - sway;
        let arm = |arm: &Arm| {
            let hand = arm.amplitude * (std::f64::consts::TAU * arm.rate * at + arm.phase).sin();
            (ahead - hand).abs() <= arm.half + reach
        };
        self.solid
            .iter()
            .any(|solid| (solid.from - reach..=solid.to + reach).contains(&ahead))
            || self.arms.iter().any(arm)
    }

    /// From the first to the last place that is solid, hands left out, metres along the lane.
    pub(crate) fn outline(&self, at: f64) -> (f64, f64) {
        let ends = self
            .solid
            .iter()
            .flat_map(|solid| [solid.from, solid.to])
            .map(|end| self.place(at) + end * self.forward);
        ends.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), end| {
            (low.min(end), high.max(end))
        })
    }

    pub(crate) fn begins(&self) -> f64 {
        self.course.first().map_or(0.0, |point| point.0)
    }

    pub(crate) fn ends(&self) -> f64 {
        self.course.last().map_or(0.0, |point| point.0)
    }
}
