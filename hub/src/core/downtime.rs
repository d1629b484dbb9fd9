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

impl Lived {
    /// When the hub could first see what happened then: at once, or when it was back.
    pub fn awake_after(&self, at: Wall) -> Wall {
        let newest = self.downs.last();
        let asleep = newest.filter(|down| (down.from..down.to).contains(&at));
        asleep.map_or(at, |down| down.to)
    }
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
    use gatepost_model::alert::{AlertKind, AlertState};
    use serde_json::json;

    use crate::core::{
        Core, Settings,
        input::Input,
        testing::{Log, site, wall},
    };

    /// What became of the missed rounds of a day in which the hub was down until then, minutes after
    /// eight on the site; the unit lived through all of it.
    fn missed_after_sleep(back: i64) -> Vec<(AlertState, String)> {
        let begin = wall("2026-11-23T00:00:00Z");
        let at = |minutes: i64| begin.plus_micros(minutes * 60_000_000);
        let mut core = Core::new(Settings::new("0123456789abcdef".to_owned()));
        let mut turn = |minutes: i64, input: Input| {
            let decision = core.decide(at(minutes), [input]);
            core.apply(&decision.commit);
        };
        let mut log = Log::new("gate-1", "a");
        let boot = json!({ "version": "1", "config": "c", "reason": "boot", "lanes": ["people"],
            "sensors": [], "zones": ["living"], "at": at(0), "err_ms": 5 });
        log.event(1_000_000, "boot", boot);
        let watched = json!({ "watched_from_mono_us": 0, "clock": "synced", "at": at(back),
            "err_ms": 5 });
        log.event(back.unsigned_abs() * 60_000_000, "heartbeat", watched);
        for input in [
            Input::Site(site()),
            Input::Started,
            Input::Listening(true),
            log.input(0..1, at(0)),
        ] {
            turn(0, input);
        }
        (0..5).for_each(|minute| turn(minute, Input::Tick));
        turn(back, Input::Started);
        turn(back, log.input(1..2, at(back)));
        (back..back + 3).for_each(|minute| turn(minute, Input::Tick));
        let alerts = core.state().alerts.all();
        let missed = alerts.filter(|it| it.kind == AlertKind::MissedRound);
        let ends = |params: &serde_json::Value| params.as_str().unwrap_or_default().to_owned();
        missed
            .map(|it| (it.state, ends(&it.params["end"])))
            .collect()
    }

    #[test]
    fn what_fell_due_while_the_hub_slept_is_told_when_it_is_back() {
        let missed = missed_after_sleep(14 * 60);
        assert!(!missed.is_empty());
        for (state, end) in missed {
            assert_eq!(state, AlertState::Raised, "{end}");
        }
    }

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
