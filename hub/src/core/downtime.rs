//! When the hub itself was down. What fell due meanwhile is judged when it is back, by the record; that
//! there was such a time is said, because nobody was told anything in it.

use chrono::TimeDelta;
use gatepost_model::Wall;
use serde::{Deserialize, Serialize};

use super::state::{Change, Draft};

/// The hub lived through this time, and through those before with a pause between.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lived {
    /// The hub was alive then.
    pub last: Option<Wall>,
    /// When it was not, oldest first; the newest [`MOST`].
    pub downs: Vec<Down>,
}

/// A time in which the hub was down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Down {
    /// It was last known to live then.
    pub from: Wall,
    /// It began again then.
    pub to: Wall,
}

/// So often it is noted that the hub lives.
const EVERY: TimeDelta = TimeDelta::minutes(1);
/// A pause that is longer than this is told.
const LONGEST_PAUSE: TimeDelta = TimeDelta::seconds(150);
/// So many are kept.
const MOST: usize = 50;

/// The hub began.
pub(super) fn start(draft: &mut Draft<'_>, now: Wall) {
    let mut lived = draft.base().lived.clone();
    if let Some(last) = lived.last.filter(|last| now > last.plus(LONGEST_PAUSE)) {
        lived.downs.push(Down {
            from: last,
            to: now,
        });
        let more = lived.downs.len().saturating_sub(MOST);
        lived.downs.drain(..more);
    }
    lived.last = Some(now);
    draft.more.push(Change::Lived(lived));
}

/// The hub lives.
pub(super) fn tick(draft: &mut Draft<'_>, now: Wall) {
    let known = &draft.base().lived;
    if known.last.is_none_or(|last| now >= last.plus(EVERY)) {
        let lived = Lived {
            last: Some(now),
            downs: known.downs.clone(),
        };
        draft.more.push(Change::Lived(lived));
    }
}

#[cfg(test)]
mod tests {
    use crate::core::{Core, Settings, input::Input, testing::wall};

    #[test]
    fn a_pause_is_told_and_a_quick_restart_is_none() {
        let begin = wall("2026-11-23T07:31:00Z");
        let mut core = Core::new(Settings::new("0123456789abcdef".to_owned()));
        let mut turn = |minutes: i64, input: Input| {
            let decision = core.decide(begin.plus_micros(minutes * 60_000_000), [input]);
            core.apply(&decision.commit);
            core.state().lived.downs.clone()
        };
        assert!(turn(0, Input::Started).is_empty());
        for minute in 0..10 {
            turn(minute, Input::Tick);
        }
        assert!(turn(11, Input::Started).is_empty());
        let downs = turn(60, Input::Started);
        let at = |minutes: i64| begin.plus_micros(minutes * 60_000_000);
        assert_eq!(
            (downs.len(), downs[0].from, downs[0].to),
            (1, at(11), at(60))
        );
    }
}
