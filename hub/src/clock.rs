//! The only file that reads a clock.

use std::time::{Duration, Instant};

use gatepost_model::Wall;

/// The hub's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct Clock;

impl Clock {
    /// Wall time, in whole milliseconds as the record keeps times.
    #[expect(
        clippy::disallowed_methods,
        reason = "the clock is read here and nowhere else"
    )]
    pub fn now(self) -> Wall {
        let now = Wall::from(chrono::Utc::now());
        now.plus_micros(-(now.micros().rem_euclid(1000)))
    }

    /// A stopwatch that begins now.
    #[expect(
        clippy::disallowed_methods,
        reason = "the clock is read here and nowhere else"
    )]
    pub fn stopwatch(self) -> Stopwatch {
        Stopwatch(Instant::now())
    }
}

/// Time since a moment, by the monotonic clock.
#[derive(Debug, Clone, Copy)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// How long ago it began.
    pub fn elapsed(self) -> Duration {
        self.0.elapsed()
    }
}
