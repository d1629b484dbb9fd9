//! How fast people come through each lane, and whether measuring is slower than they arrive.

use gatepost_dashboard::view::ThroughputView;
use gatepost_model::{LaneKind, Wall};

use super::{headcount::HourTable, state::SiteState};

/// Whoever is measured so soon after the one before, seconds, for a quarter of an hour and more, has
/// stood in a queue: to step up, be measured and go takes about as long.
const BACK_TO_BACK_S: f64 = 10.0;
/// Fewer than this, or in less time, minutes, tell nothing of a queue.
const LEAST_SCREENED: u64 = 20;
const LEAST_MINUTES: f64 = 10.0;
const QUARTER_US: i64 = 900_000_000;

/// Of each lane, over the last full quarter of an hour and what has passed of this one, from the first of
/// them on in which somebody came.
pub fn throughput(state: &SiteState, now: Wall) -> Vec<ThroughputView> {
    let from = HourTable::quarter_of(now).plus_micros(-QUARTER_US);
    let lanes = state.site.lanes.iter();
    lanes
        .map(|lane| {
            let quarters = state
                .quarters
                .range((lane.id.clone(), from)..(lane.id.clone(), now));
            let (mut passed, mut screened) = (0, 0);
            let came = quarters.filter(|(_, it)| it.screened + it.counts.into + it.counts.out > 0);
            let mut first = None;
            for (_, quarter) in came {
                first.get_or_insert(quarter.start);
                passed += quarter.counts.into + quarter.counts.out;
                screened += quarter.screened;
            }
            let from = first.unwrap_or(from);
            let minutes = now.micros_since(from) as f64 / 60e6;
            let seconds_between = (screened > 0).then(|| minutes * 60.0 / screened as f64);
            let is_queue = screened >= LEAST_SCREENED
                && minutes >= LEAST_MINUTES
                && seconds_between.is_some_and(|seconds| seconds <= BACK_TO_BACK_S);
            ThroughputView {
                lane: lane.id.clone(),
                from,
                to: now,
                passed,
                screened,
                per_minute: passed as f64 / minutes,
                seconds_between,
                second_lane: lane.kind == LaneKind::People && is_queue,
            }
        })
        .collect()
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

    /// What is said of a lane where somebody is screened every so many seconds for ten minutes.
    fn every(seconds: u64) -> ThroughputView {
        // Ten minutes after a quarter of an hour began.
        let now = wall("2026-11-23T07:40:00Z");
        let mut core = Core::new(Settings::new("0123456789abcdef".to_owned()));
        let mut log = Log::new("gate-1", "a");
        for second in (0..600).step_by(usize::try_from(seconds).unwrap()) {
            let screening = json!({ "lane": "people", "id": format!("p{second}"), "attempt": 1,
                "skin_c": 34.9, "rule": "rel-1", "verdict": "normal" });
            log.event(second * 1_000_000, "screening", screening);
            log.passage(second * 1_000_000 + 1);
        }
        let batches = (0..log.lines.len()).step_by(400).map(|first| {
            let end = (first + 400).min(log.lines.len());
            log.input(first..end, now)
        });
        for input in [Input::Site(site())].into_iter().chain(batches) {
            let decision = core.decide(now, [input]);
            core.apply(&decision.commit);
        }
        throughput(&core.state().sites["s"], now).remove(0)
    }

    #[test]
    fn a_second_lane_is_needed_when_people_stand_in_a_queue() {
        let busy = every(4);
        assert_eq!(
            (busy.passed, busy.screened, busy.second_lane),
            (150, 150, true)
        );
        // Ten minutes: in the quarter before nobody came.
        assert_eq!(busy.per_minute, 15.0);
        assert_eq!(busy.seconds_between, Some(4.0));
        assert!(every(9).second_lane);
        assert!(!every(12).second_lane);
    }
}
