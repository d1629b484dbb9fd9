//! What a boot knows of wall time: a line through the last moment at which the clock was trusted,
//! with an error that grows once nobody disciplines the clock any more.

use gatepost_model::{Wall, event::Stamp, time::Clock, wire::Anchor};

use crate::time::BoardTime;

/// The error of a clock that a time server disciplines, milliseconds, where the board does not tell
/// the kernel's own bound; and the least that is claimed where it does.
const SYNCED_ERR_MS: u64 = 10;
/// What a free quartz may drift, parts per million.
const DRIFT_PPM: u64 = 100;

/// One boot's wall clock.
#[derive(Debug, Clone, Default)]
pub struct WallClock {
    fix: Option<(BoardTime, Wall)>,
    /// The error at the fix, milliseconds.
    fix_err_ms: u64,
    /// Since when nobody disciplines the clock.
    free_since: Option<BoardTime>,
}

impl WallClock {
    /// The board tells what its clock shows, whether that can be trusted, and how far.
    pub fn handle_clock(&mut self, now: BoardTime, wall: Wall, synced: bool, err_ms: Option<u64>) {
        if synced {
            self.fix = Some((now, wall));
            self.fix_err_ms = err_ms.unwrap_or_default().max(SYNCED_ERR_MS);
            self.free_since = None;
        } else if self.fix.is_some() && self.free_since.is_none() {
            self.free_since = Some(now);
        }
    }

    /// The agent goes on within a boot that a time server had told the time: it may still be right,
    /// but nobody says so.
    pub fn handle_resumed(&mut self, anchor: Anchor, now: BoardTime) {
        if self.fix.is_none() && anchor.err_ms <= SYNCED_ERR_MS {
            self.fix = Some((BoardTime(anchor.mono_us), anchor.wall));
            self.fix_err_ms = SYNCED_ERR_MS;
            self.free_since = Some(now);
        }
    }

    /// In one word.
    pub fn clock(&self) -> Clock {
        match (self.fix, self.free_since) {
            (None, _) => Clock::Unset,
            (Some(_), None) => Clock::Synced,
            (Some(_), Some(_)) => Clock::Holdover,
        }
    }

    /// The wall time of a moment of this boot with its error, to the millisecond; none before the
    /// clock was ever right.
    pub fn stamp(&self, at: BoardTime) -> Option<Stamp> {
        let (mono, wall) = self.fix?;
        let micros = wall
            .plus_micros(signed_span(mono, at))
            .plus_micros(500)
            .micros();
        let at_ms = Wall::from_micros(micros - micros.rem_euclid(1000))?;
        let free = self
            .free_since
            .map_or(0, |since| at.0.saturating_sub(since.0));
        let drift_ms = free.saturating_mul(DRIFT_PPM) / 1_000_000_000;
        Some(Stamp {
            at: at_ms,
            err_ms: self.fix_err_ms.saturating_add(drift_ms),
        })
    }

    /// The same as an anchor for the events before the clock was right.
    pub fn anchor(&self) -> Option<Anchor> {
        let (mono, wall) = self.fix?;
        Some(Anchor {
            mono_us: mono.0,
            wall,
            err_ms: self.fix_err_ms,
        })
    }
}

/// `to - from` in microseconds.
pub(super) fn signed_span(from: BoardTime, to: BoardTime) -> i64 {
    i64::try_from(to.0).unwrap_or(i64::MAX) - i64::try_from(from.0).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wall(text: &str) -> Wall {
        Wall::parse(text).unwrap()
    }

    #[test]
    fn time_is_told_once_it_is_known_and_its_error_grows_in_holdover() {
        let mut clock = WallClock::default();
        clock.handle_clock(BoardTime(5), wall("1970-01-01T00:00:07Z"), false, None);
        assert_eq!(
            (clock.clock(), clock.stamp(BoardTime(9))),
            (Clock::Unset, None)
        );

        clock.handle_clock(
            BoardTime(1_000_000),
            wall("2026-11-23T07:31:00Z"),
            true,
            None,
        );
        let stamp = clock.stamp(BoardTime(3_500_600)).unwrap();
        assert_eq!(stamp.at, wall("2026-11-23T07:31:02.501Z"));
        assert_eq!(stamp.err_ms, SYNCED_ERR_MS);
        assert_eq!(
            clock.stamp(BoardTime(0)).unwrap().at,
            wall("2026-11-23T07:30:59Z")
        );

        clock.handle_clock(
            BoardTime(10_000_000),
            wall("2026-11-23T07:31:09Z"),
            false,
            None,
        );
        assert_eq!(clock.clock(), Clock::Holdover);
        let day = 86_400 * 1_000_000;
        let stamp = clock.stamp(BoardTime(10_000_000 + day)).unwrap();
        assert_eq!(stamp.err_ms, SYNCED_ERR_MS + 8640);
    }
}
