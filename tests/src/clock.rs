//! The only file of this crate that reads a clock.

use std::time::{Duration, Instant, SystemTime};

use crate::world::day::WallUs;

/// The machine's monotonic clock.
#[expect(
    clippy::disallowed_methods,
    reason = "the clock is read here and nowhere else"
)]
pub fn now() -> Instant {
    Instant::now()
}

/// The machine's wall clock, microseconds since 1970.
#[expect(
    clippy::disallowed_methods,
    reason = "the clock is read here and nowhere else"
)]
pub fn wall() -> WallUs {
    let since = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or(Duration::ZERO);
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

/// The world's time: it begins somewhere and runs at some pace.
#[derive(Debug, Clone, Copy)]
pub struct WorldClock {
    began: Instant,
    wall: WallUs,
    pace: f64,
}

impl WorldClock {
    /// The world's time is the machine's.
    pub fn real() -> Self {
        Self::at(wall(), 1.0)
    }

    /// The world's time is `wall` now, and runs at `pace` times life.
    pub fn at(wall: WallUs, pace: f64) -> Self {
        Self {
            began: now(),
            wall,
            pace,
        }
    }

    /// The same pace, from another time on.
    pub fn moved_to(&self, wall: WallUs) -> Self {
        Self::at(wall, self.pace)
    }

    /// What the world's clocks show.
    pub fn now(&self) -> WallUs {
        self.wall + self.micros(now() - self.began)
    }

    /// How much time of the world passes in a span of the machine's.
    pub fn micros(&self, span: Duration) -> i64 {
        (span.as_micros() as f64 * self.pace) as i64
    }
}

/// Time that is left until something must have come true.
#[derive(Debug, Clone, Copy)]
pub struct Deadline(Instant);

impl Deadline {
    /// So long from now.
    pub fn after(span: Duration) -> Self {
        Self(now() + span)
    }

    /// Whether it has passed.
    pub fn is_over(&self) -> bool {
        now() >= self.0
    }

    /// What is left of it.
    pub fn left(&self) -> Duration {
        self.0.saturating_duration_since(now())
    }
}
