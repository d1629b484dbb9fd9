//! Lanes, live.

use gatepost_dashboard::{
    ports::Step,
    view::{Freshness, HourBar, LaneBrief, LaneView},
};
use gatepost_model::{UnitId, Wall, site::Lane, unit::UnitState};

use super::{headcount::proof_lag_us, unit};
use crate::core::{
    coverage::{Blinded, Join, Subject},
    headcount::Counts,
    liveness,
    state::SiteState,
};

/// The site's day so far.
#[derive(Debug, Clone, Copy)]
pub(super) struct Day {
    pub(super) start: Wall,
    pub(super) end: Wall,
    pub(super) now: Wall,
    pub(super) listening_since: Option<Wall>,
}

impl Day {
    pub(super) fn of(site: &SiteState, listening_since: Option<Wall>, now: Wall) -> Self {
        let (start, end) = site.zone.day_bounds(site.zone.day_of(now));
        Self {
            start,
            end,
            now,
            listening_since,
        }
    }
}

pub(super) fn view(site: &SiteState, lane: &Lane, day: &Day) -> LaneView {
    let watch = Watch::of(site, lane, day);
    let counts = site.hours.sum(&lane.id, day.start, day.end);
    let (mut screened, mut fevers) = (0, 0);
    let quarters = site
        .quarters
        .range((lane.id.clone(), day.start)..(lane.id.clone(), day.end));
    for (_, quarter) in quarters {
        screened += quarter.screened;
        fevers += quarter.fevers;
    }
    let row = site.lanes.get(&lane.id);
    let hides = Blinded::Lane(lane.id.clone());
    LaneView {
        id: lane.id.clone(),
        kind: lane.kind,
        leads_to: lane.leads_to,
        name: lane.name.clone(),
        into: counts.into,
        out: counts.out,
        unclear: counts.unclear,
        screened,
        fevers,
        baseline_c: row.and_then(|row| row.baseline_c),
        warming_up: row.is_some_and(|row| row.warming_up),
        last_at: row.and_then(|row| row.last_at),
        state: watch.state,
        state_since: watch.state_since,
        catching_up: watch.catching_up,
        as_of: watch.as_of,
        coverage: watch.coverage,
        uncovered_s: watch.uncovered_s,
        hours: hours(site, lane, day, watch.judged_to),
        faults: site
            .faults
            .values()
            .filter(|fault| fault.concerns.contains(&hides))
            .map(unit::fault)
            .collect(),
    }
}

pub(super) fn brief(site: &SiteState, lane: &Lane, day: &Day) -> LaneBrief {
    let watch = Watch::of(site, lane, day);
    let counts = site.hours.sum(&lane.id, day.start, day.end);
    let is_known = watch.coverage > 0.0 || counts != Counts::default();
    LaneBrief {
        id: lane.id.clone(),
        kind: lane.kind,
        into: is_known.then_some(counts.into),
        out: is_known.then_some(counts.out),
        state: watch.state,
    }
}

/// How well a lane is watched today.
struct Watch {
    state: Freshness,
    state_since: Option<Wall>,
    catching_up: bool,
    as_of: Option<Wall>,
    /// Up to here the day is judged: the last stretch up to now is only proof under way.
    judged_to: Wall,
    coverage: f64,
    uncovered_s: u64,
}

impl Watch {
    fn of(site: &SiteState, lane: &Lane, day: &Day) -> Self {
        let watchers: Vec<&UnitId> = site
            .units
            .values()
            .filter(|row| row.lanes.contains(&lane.id))
            .map(|row| &row.unit)
            .collect();
        let best = watchers
            .iter()
            .map(|unit| {
                let state = liveness::state(site, unit, day.listening_since, day.now);
                (state, *unit)
            })
            .min();
        let state = match best {
            Some((state, _)) => freshness(state),
            // Every unit has said what it watches, and none of them watches this.
            None if is_all_told(site) => Freshness::Empty,
            None => Freshness::NoDataYet,
        };
        let subject = Subject::Lane(lane.id.clone());
        let seen = site.sight.seen(&subject, day.start, day.now, u64::MAX);
        let as_of = seen.last().map(|(_, end)| *end);
        let lag_us = proof_lag_us(site);
        let judged_to = as_of
            .filter(|at| state == Freshness::Fresh && day.now.micros_since(*at) <= lag_us)
            .unwrap_or(day.now);
        let passed = [day.start, judged_to.max(day.start)];
        let shares = site
            .sight
            .coverage(&[subject], Join::All, &passed, judged_to);
        let coverage = shares.first().copied().unwrap_or(0.0);
        let passed_s = passed[1].micros_since(passed[0]) as f64 / 1e6;
        let contact = best.and_then(|(_, unit)| {
            let presence = site.presence.get(unit).and_then(|it| it.contact_at);
            presence.or(site.units.get(unit).and_then(|row| row.heard_at))
        });
        Self {
            state,
            state_since: contact.filter(|_| state > Freshness::Fresh),
            catching_up: watchers
                .iter()
                .any(|unit| site.is_catching_up(unit, day.now)),
            as_of,
            judged_to,
            coverage,
            uncovered_s: (passed_s * (1.0 - coverage)).max(0.0).round() as u64,
        }
    }
}

pub(super) fn is_all_told(site: &SiteState) -> bool {
    let mut ids = site.unit_ids().into_iter().peekable();
    ids.peek().is_some()
        && ids.all(|unit| {
            site.units
                .get(&unit)
                .is_some_and(|row| row.said_at.is_some())
        })
}

pub(super) fn freshness(state: UnitState) -> Freshness {
    match state {
        UnitState::NoDataYet => Freshness::NoDataYet,
        UnitState::Online => Freshness::Fresh,
        UnitState::Late => Freshness::Late,
        UnitState::Stale => Freshness::Stale,
        UnitState::Offline => Freshness::Offline,
    }
}

/// The hours of the day that have begun.
fn hours(site: &SiteState, lane: &Lane, day: &Day, judged_to: Wall) -> Vec<HourBar> {
    // A day has few hours: there is always an answer.
    let edges = site
        .zone
        .edges(day.start, day.end, Step::Minutes(60))
        .unwrap_or_default();
    let subject = Subject::Lane(lane.id.clone());
    // An hour that has just begun is judged by what is proven of it, too.
    let shares = site
        .sight
        .coverage(&[subject], Join::All, &edges, judged_to);
    edges
        .windows(2)
        .zip(shares)
        .filter(|(hour, _)| hour[0] <= day.now)
        .map(|(hour, coverage)| {
            let counts = site.hours.sum(&lane.id, hour[0], hour[1]);
            let is_known = coverage > 0.0 || counts != Counts::default();
            HourBar {
                time: hour[0],
                into: is_known.then_some(counts.into),
                out: is_known.then_some(counts.out),
                coverage,
            }
        })
        .collect()
}
