//! Morning and evening: how many of those who passed were measured. People have no names here, so it
//! is a share of passages and says of nobody that he was or was not measured.

use chrono::NaiveDate;
use gatepost_dashboard::view::MeasuredView;
use gatepost_model::{LaneId, Wall, Zone};

use super::{
    coverage::{Join, Subject},
    state::SiteState,
};

/// Of the site and of each zone with lanes of people, in each of the site's windows of a day.
pub fn measured(state: &SiteState, date: NaiveDate, now: Wall) -> Vec<MeasuredView> {
    let zones = Zone::ALL
        .into_iter()
        .filter(|zone| state.site.zone(*zone).used);
    let places = [None].into_iter().chain(zones.map(Some));
    let with_lanes = places.map(|of| (of, state.people_lanes(of)));
    with_lanes
        .filter(|(_, lanes)| !lanes.is_empty())
        .flat_map(|(of, lanes)| {
            let hours = state.site.measuring.iter();
            let held = hours.filter(|it| state.site.holds_on(it.on, date));
            held.map(|it| state.zone.span(date, it.start, it.end))
                .map(|window| of_window(state, of, &lanes, window, now))
                .collect::<Vec<_>>()
        })
        .collect()
}

fn of_window(
    state: &SiteState,
    zone: Option<Zone>,
    lanes: &[LaneId],
    (start, end): (Wall, Wall),
    now: Wall,
) -> MeasuredView {
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
    };
    for lane in lanes {
        let quarters = state
            .quarters
            .range((lane.clone(), start)..(lane.clone(), end));
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
        }
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::core::{
        Core, Settings,
        input::Input,
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
        let said = measured(state, state.zone.day_of(now), now);
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
    }
}
