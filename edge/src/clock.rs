//! The only file that reads a clock.

use std::time::{Duration, Instant};

use crate::time::{HostTime, micros};

/// The process's monotonic clock.
#[derive(Debug, Clone, Copy)]
pub struct HostClock {
    start: Instant,
}

impl HostClock {
    /// A clock that begins now.
    #[expect(
        clippy::disallowed_methods,
        reason = "the clock is read here and nowhere else"
    )]
    pub fn start() -> Self {
        Self {
            start: Instant::now(),
        }
    }

    /// Time since the clock began.
    #[expect(
        clippy::disallowed_methods,
        reason = "the clock is read here and nowhere else"
    )]
    pub fn now(self) -> HostTime {
        HostTime(micros(Instant::now().duration_since(self.start)))
    }

    /// Sleeps until `time`; at once if it has passed.
    pub async fn sleep_until(self, time: HostTime) {
        tokio::time::sleep_until((self.start + Duration::from_micros(time.0)).into()).await;
    }
}
