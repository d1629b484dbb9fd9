//! The two clocks of a unit, as two types that cannot be mixed up.
//!
//! Lanes, rounds, screening and heartbeats run in [`BoardTime`], which the board gives with every
//! input and which a simulated board may run faster than life. Commits, acks, back-off and presence
//! run in [`HostTime`], the process's own monotonic clock. Neither is a wall time.

use std::time::Duration;

use gatepost_model::Micros;

/// Monotonic time of the board within one boot, in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct BoardTime(pub Micros);

/// Monotonic time of this process, in microseconds since it started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct HostTime(pub u64);

impl BoardTime {
    /// This time later by a span.
    pub fn plus(self, span: Duration) -> Self {
        Self(self.0.saturating_add(micros(span)))
    }

    /// How long ago `earlier` was; nothing if it was not earlier.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }
}

impl HostTime {
    /// This time later by a span.
    pub fn plus(self, span: Duration) -> Self {
        Self(self.0.saturating_add(micros(span)))
    }

    /// How long ago `earlier` was; nothing if it was not earlier.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }
}

/// A span in whole microseconds.
pub fn micros(span: Duration) -> u64 {
    u64::try_from(span.as_micros()).unwrap_or(u64::MAX)
}
