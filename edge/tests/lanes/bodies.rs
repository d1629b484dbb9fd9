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

    /// Whether it stands in a beam at `beam` metres.
    pub(crate) fn covers(&self, beam: f64, at: f64) -> bool {
        let ahead = (beam - self.place(at)) * self.forward;
        let arm = |arm: &Arm| {
            let hand = arm.amplitude * (std::f64::consts::TAU * arm.rate * at + arm.phase).sin();
            (ahead - hand).abs() <= arm.half
        };
        self.solid
            .iter()
            .any(|solid| (solid.from..=solid.to).contains(&ahead))
            || self.arms.iter().any(arm)
    }

    pub(crate) fn begins(&self) -> f64 {
        self.course.first().map_or(0.0, |point| point.0)
    }

    pub(crate) fn ends(&self) -> f64 {
        self.course.last().map_or(0.0, |point| point.0)
    }
}
