//! The only file that reads a clock.
//!
//! [`HostClock`] is the process's own, for timers; [`UnitClock`] is the machine's, in which the kernel
//! stamps edges, together with what the kernel thinks of its wall time.

use std::{
    io,
    time::{Duration, Instant},
};

use gatepost_discipline::discipline;
use gatepost_model::Wall;
use rustix::time::{ClockId, clock_gettime};

use crate::time::{BoardTime, HostTime, micros};

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

/// The machine's clocks: those of a board whose inputs the kernel stamps.
#[derive(Debug, Clone, Copy, Default)]
pub struct UnitClock;

/// What the machine's wall clock shows, and how far it can be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WallReading {
    /// What it shows.
    pub wall: Wall,
    /// The kernel's bound on its error in milliseconds, while a time server disciplines it.
    pub synced_err_ms: Option<u64>,
}

impl UnitClock {
    /// `CLOCK_MONOTONIC`, in which the kernel stamps edges.
    pub fn monotonic(self) -> BoardTime {
        let now = clock_gettime(ClockId::Monotonic);
        let seconds = u64::try_from(now.tv_sec).unwrap_or_default();
        let nanos = u64::try_from(now.tv_nsec).unwrap_or_default();
        BoardTime(seconds * 1_000_000 + nanos / 1000)
    }

    /// The wall clock with the kernel's own view of it; none if it shows a time that no event can
    /// bear.
    pub fn wall(self) -> io::Result<Option<WallReading>> {
        let kernel = discipline()?;
        let now = clock_gettime(ClockId::Realtime);
        let micros = now.tv_sec.saturating_mul(1_000_000) + now.tv_nsec / 1000;
        Ok(Wall::from_micros(micros).map(|wall| WallReading {
            wall,
            synced_err_ms: kernel
                .synchronised
                .then(|| kernel.max_error_us.div_ceil(1000)),
        }))
    }
}
