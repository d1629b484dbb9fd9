//! What is known of a unit's presence, by its `alive` messages alone.

use serde::{Deserialize, Serialize};

/// How long ago a unit was last heard, in its own intervals (10 s, on a metered link 300 s).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnitState {
    /// Expected by the site, but never heard.
    NoDataYet,
    /// Heard within 2 intervals.
    Online,
    /// More than 2 intervals ago, or its last will came.
    Late,
    /// More than 3 intervals ago.
    Stale,
    /// More than 5 intervals ago.
    Offline,
}

impl UnitState {
    /// A unit that was silent for more than so many of its intervals is offline.
    pub const OFFLINE_AFTER: u64 = 5;

    /// The state after `silent_us` microseconds without a word, at an interval of `interval_us`.
    ///
    /// Late after 2, stale after 3, offline after 5 intervals. A last will is a hint only: it makes the
    /// unit late at once, never offline.
    pub fn after_silence(silent_us: u64, interval_us: u64, last_will: bool) -> Self {
        let interval = interval_us.max(1);
        match silent_us {
            us if us > interval.saturating_mul(Self::OFFLINE_AFTER) => Self::Offline,
            us if us > interval.saturating_mul(3) => Self::Stale,
            us if us > interval.saturating_mul(2) || last_will => Self::Late,
            _ => Self::Online,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thresholds_are_exclusive() {
        let at = |silent| UnitState::after_silence(silent, 10, false);
        assert_eq!(
            [at(20), at(21), at(30), at(31), at(50), at(51)],
            [
                UnitState::Online,
                UnitState::Late,
                UnitState::Late,
                UnitState::Stale,
                UnitState::Stale,
                UnitState::Offline
            ]
        );
        assert_eq!(UnitState::after_silence(0, 10, true), UnitState::Late);
        assert_eq!(UnitState::after_silence(51, 10, true), UnitState::Offline);
    }
}
