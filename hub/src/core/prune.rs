//! Rows that no judgement needs any more: the events stay in the record for as long as the site says.

use chrono::TimeDelta;
use gatepost_model::Wall;

use super::{state::Part, verdicts::REACH};

/// Rounds and counts are kept beyond what verdicts ([`REACH`]) and headcounts (60 days) look at, and a
/// round may belong to a slot a week away.
const KEPT: TimeDelta = TimeDelta::days(REACH.num_days() + 10);
/// Between two looks at a site.
const EVERY: TimeDelta = TimeDelta::days(1);

/// What was before may be forgotten.
pub(super) fn oldest(now: Wall) -> Wall {
    now.plus(-KEPT)
}

/// Forgets what is old, once a day.
pub(super) fn tick(part: &mut Part<'_, '_>, now: Wall) {
    let base = part.site.base;
    if base.pruned_at.is_some_and(|at| now < at.plus(EVERY)) {
        return;
    }
    part.site.pruned_at = Some(now);
    let oldest = oldest(now);
    let rounds = base.rounds.iter();
    let old = rounds.filter(|(_, row)| row.seen.ended.unwrap_or(row.seen.started) < oldest);
    for (key, _) in old {
        part.site.rounds.remove(key.clone());
    }
    for key in base.quarters.keys().filter(|(_, start)| *start < oldest) {
        part.site.quarters.remove(key.clone());
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::core::{
        Core, Settings,
        input::Input,
        testing::{Log, site, wall},
    };

    #[test]
    fn what_no_judgement_needs_is_forgotten_and_verdicts_stay() {
        let begin = wall("2026-11-23T02:00:00Z");
        let mut core = Core::new(Settings::new("0123456789abcdef".to_owned()));
        let mut log = Log::new("gate-1", "a");
        let boot = json!({ "version": "1", "config": "c", "reason": "boot", "lanes": ["people"],
            "sensors": [], "zones": ["living"] });
        log.event(1_000_000, "boot", boot);
        log.passage(2_000_000);
        let round = json!({ "zone": "living", "round": "r", "phase": "ended", "litres": 3.0,
            "started_mono_us": 3_000_000, "pump_s": 9.0, "evidence": "button+flow" });
        log.event(500_000_000, "round", round);
        let mut turn = |days: i64, input: Input| {
            let now = begin.plus_micros(days * 86_400_000_000);
            let decision = core.decide(now, [input]);
            core.apply(&decision.commit);
            let site = &core.state().sites["s"];
            let done = site
                .slots
                .values()
                .filter(|row| row.proof.is_some())
                .count();
            (site.rounds.len(), site.quarters.len(), done)
        };
        turn(0, Input::Site(site()));
        turn(0, log.input(0..3, begin));
        assert_eq!(turn(0, Input::Tick), (1, 1, 1));
        assert_eq!(turn(69, Input::Tick), (1, 1, 1));
        assert_eq!(turn(71, Input::Tick), (0, 0, 1));
        // Settings that are taken anew look at all again that is looked at.
        turn(72, Input::Site(site()));
        assert_eq!(turn(72, Input::Tick), (0, 0, 1));
    }
}
