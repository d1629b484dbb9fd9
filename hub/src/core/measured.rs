//! Morning and evening: how many of those who passed were measured. People have no names here, so it
//! is a share of passages and says of nobody that he was or was not measured.

use chrono::NaiveDate;
use gatepost_dashboard::view::{GapReason, MeasuredView, MeasuringGap};
use gatepost_model::{LaneId, Wall, Zone};

use super::{
    coverage::{Join, Subject},
    headcount::HourTable,
    prune::oldest,
    rounds::Plans,
    state::{SiteState, people_lanes},
};

/// Of the site and of each zone with lanes of people, in each of the windows of a day by the settings
/// that held on it; none of a day whose counts are forgotten.
pub fn measured(state: &SiteState, date: NaiveDate, now: Wall) -> Option<Vec<MeasuredView>> {
    let (site, calendar) = Plans::of(state).on(date);
    if calendar.day_bounds(date).0 < oldest(now) {
        return None;
    }
    let zones = Zone::ALL.into_iter().filter(|zone| site.zone(*zone).used);
    let places = [None].into_iter().chain(zones.map(Some));
    let with_lanes = places.map(|of| (of, people_lanes(site, of)));
    let views = with_lanes
        .filter(|(_, lanes)| !lanes.is_empty())
        .flat_map(|(of, lanes)| {
            let hours = site.measuring.iter();
            let held = hours.filter(|it| site.holds_on(it.on, date));
            held.map(|it| calendar.span(date, it.start, it.end))
                .map(|window| of_window(state, of, &lanes, window, now))
                .collect::<Vec<_>>()
        });
    Some(views.collect())
}

fn of_window(
    state: &SiteState,
    zone: Option<Zone>,
    lanes: &[LaneId],
    (start, end): (Wall, Wall),
    now: Wall,
) -> MeasuredView {
    let passed_until = end.min(now);
    let mut view = MeasuredView {
        zone,
        start,
        end,
        passed: 0,
        unclear: 0,
        measured: 0,
        share: None,
        watched: 0.0,
        without: Vec::new(),
        gaps: Vec::new(),
    };
    // Counts are by quarters of an hour: those that the window touches.
    let first = HourTable::quarter_of(start);
    for lane in lanes {
        let quarters = state
            .quarters
            .range((lane.clone(), first)..(lane.clone(), end));
        let (mut passed, mut measured) = (0, 0);
        for (_, quarter) in quarters {
            passed += quarter.counts.into + quarter.counts.out;
            measured += quarter.screened;
            view.unclear += quarter.counts.unclear;
        }
        view.passed += passed;
        view.measured += measured;
        if passed > 0 && measured == 0 {
            view.without.push(lane.clone());
            let why = match is_measured(state, lane, now) {
                true => GapReason::NobodyMeasured,
                false => GapReason::NoThermometer,
            };
            view.gaps.push(MeasuringGap {
                lane: lane.clone(),
                from: start,
                to: passed_until,
                why,
            });
        }
        let subject = Subject::Lane(lane.clone());
        let unseen = state.sight.unseen(&subject, start, passed_until);
        // The newest minutes are not lost: a unit tells every five at most what it watched.
        let is_one =
            |(from, to): &(Wall, Wall)| *to < now || now.micros_since(*from) > PROOF_AFTER_US;
        let lost = unseen.into_iter().filter(is_one);
        view.gaps.extend(lost.map(|(from, to)| MeasuringGap {
            lane: lane.clone(),
            from,
            to,
            why: GapReason::OutOfReach,
        }));
    }
    // Who was measured twice, or turned away after it, is not more than everybody.
    view.share = (view.passed > 0).then(|| (view.measured as f64 / view.passed as f64).min(1.0));
    let subjects: Vec<Subject> = lanes.iter().cloned().map(Subject::Lane).collect();
    let shares = state
        .sight
        .coverage(&subjects, Join::All, &[start, end], now);
    view.watched = shares.first().copied().unwrap_or(0.0);
    view
}

/// Whether anybody was measured at a lane, as far back as its counts go.
fn is_measured(state: &SiteState, lane: &LaneId, now: Wall) -> bool {
    let all = (lane.clone(), oldest(now))..=(lane.clone(), now);
    state.quarters.range(all).any(|(_, it)| it.screened > 0)
}

/// So long after it was watched a stretch may still be unproven: two heartbeats on a metered link.
const PROOF_AFTER_US: i64 = 10 * 60 * 1_000_000;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::core::{
        Core, Settings,
        input::Input,
        state::Row,
        testing::{Log, site, wall},
    };

    #[test]
    fn a_share_of_those_who_passed_and_of_the_time_that_was_watched() {
        // 08:21 to 08:31 on the site.
        let now = wall("2026-11-23T00:31:00Z");
        let mut core = Core::new(Settings::new("0123456789abcdef".to_owned()));
        let mut log = Log::new("gate-1", "a");
        let boot = json!({ "version": "1", "config": "c", "reason": "boot", "lanes": ["people"],
            "sensors": [] });
        log.event(1_000_000, "boot", boot);
        for second in 2..6 {
            log.passage(second * 1_000_000);
        }
        for (attempt, second) in [(1, 6), (2, 7), (1, 8)] {
            let screening = json!({ "lane": "people", "id": format!("p{}", second / 8),
                "attempt": attempt, "skin_c": 34.9, "rule": "rel-1", "verdict": "normal" });
            log.event(second * 1_000_000, "screening", screening);
        }
        let watched = json!({ "watched_from_mono_us": 0, "clock": "unset" });
        log.event(600_000_000, "heartbeat", watched);
        for input in [Input::Site(site()), log.input(0..log.lines.len(), now)] {
            let decision = core.decide(now, [input]);
            core.apply(&decision.commit);
        }
        let state = &core.state().sites["s"];
        let today = state.zone.day_of(now);
        let said = measured(state, today, now).unwrap();
        let brief: Vec<_> = said
            .iter()
            .map(|it| (it.zone, it.passed, it.measured, it.share, it.without.len()))
            .collect();
        assert_eq!(brief, [(None, 4, 2, Some(0.5), 0), (None, 0, 0, None, 0)]);
        // Ten minutes of the 151 that have passed since six.
        assert!(
            (said[0].watched - 600.0 / 9_060.0).abs() < 0.001,
            "{said:?}"
        );
        assert_eq!(said[1].watched, 0.0);
        // From six until the unit began; of the evening nothing has passed.
        let (from, to) = (wall("2026-11-22T22:00:00Z"), now.plus_micros(-600_000_000));
        let lane: LaneId = "people".parse().unwrap();
        let out_of_reach = MeasuringGap {
            lane: lane.clone(),
            from,
            to,
            why: GapReason::OutOfReach,
        };
        assert_eq!(said[0].gaps, std::slice::from_ref(&out_of_reach));
        assert_eq!(said[1].gaps, []);

        // As if nobody had been measured this morning; and never.
        let of_today = |it: &Wall| *it >= from;
        let keys: Vec<_> = state.quarters.keys().cloned().collect();
        for (others, why) in [
            (true, GapReason::NobodyMeasured),
            (false, GapReason::NoThermometer),
        ] {
            let mut silent = SiteState::clone(state);
            for key in keys.iter().filter(|(_, start)| of_today(start)) {
                let mut row = state.quarters[key].clone();
                if others {
                    let mut earlier = row.clone();
                    earlier.start = HourTable::quarter_of(from.plus_micros(-3_600_000_000));
                    silent.quarters.insert(earlier.key(), earlier);
                }
                row.screened = 0;
                silent.quarters.insert(row.key(), row);
            }
            let gaps = &measured(&silent, today, now).unwrap()[0].gaps;
            let in_all = MeasuringGap {
                lane: lane.clone(),
                from,
                to: now,
                why,
            };
            assert_eq!(gaps, &[in_all, out_of_reach.clone()]);
        }

        // A window that begins within a quarter of an hour has that quarter.
        let mut later = site();
        later.plan_holds_from = Some(today.succ_opt().unwrap());
        later.measuring[0].start = chrono::NaiveTime::from_hms_opt(8, 20, 0).unwrap();
        let mut narrow = SiteState::clone(state);
        narrow.site = later.clone();
        narrow.plans.clear();
        assert_eq!(measured(&narrow, today, now).unwrap()[0].passed, 4);

        // Other settings from tomorrow on change nothing of today; what is forgotten is not nothing.
        later.measuring.clear();
        for input in [Input::Tick, Input::Site(later), Input::Tick, Input::Tick] {
            let decision = core.decide(now, [input]);
            core.apply(&decision.commit);
        }
        let state = &core.state().sites["s"];
        assert_eq!(measured(state, today, now).unwrap(), said);
        let tomorrow = today.succ_opt().unwrap();
        assert_eq!(measured(state, tomorrow, now), Some(Vec::new()));
        let long_after = now.plus(chrono::TimeDelta::days(71));
        assert_eq!(measured(state, today, long_after), None);
    }
}
