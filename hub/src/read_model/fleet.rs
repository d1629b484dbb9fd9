//! All sites, one row each.

use chrono::TimeDelta;
use gatepost_dashboard::{
    ports::ReadError,
    view::{LaneBrief, SiteRow, ZoneBrief},
};
use gatepost_model::{SiteId, Wall};

use super::{
    alerts, find, headcount,
    lane::{self, Day},
    site::today,
    slots, unit, zone,
};
use crate::core::state::{SiteState, State};

/// All rows, worst first: by each site's worst alert, those without one last.
pub fn rows(state: &State, grace: TimeDelta, now: Wall) -> Vec<SiteRow> {
    let ids = state.sites.keys();
    let mut rows: Vec<SiteRow> = ids
        .filter_map(|id| row(state, id, grace, now).ok())
        .collect();
    rows.sort_by_key(|row| {
        let rank = row.worst.as_ref().map(alerts::rank);
        (rank.is_none(), rank, row.id.clone())
    });
    rows
}

/// A site's row.
pub fn row(state: &State, id: &SiteId, grace: TimeDelta, now: Wall) -> Result<SiteRow, ReadError> {
    let site = find(state, id)?;
    let settings = &site.site;
    let listening_since = state.listening_since;
    let day = Day::of(site, listening_since, now);
    let ids = site.unit_ids();
    let online = unit::states(site, listening_since, now)
        .into_iter()
        .filter(|state| zone::is_heard(*state))
        .count();
    let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    Ok(SiteRow {
        id: settings.id.clone(),
        name: settings.name.clone(),
        time_zone: settings.time_zone.clone(),
        local_date: site.zone.day_of(now).to_string(),
        alerts: alerts::counts(state.open_alerts(id)),
        worst: state
            .open_alerts(id)
            .min_by_key(|alert| alerts::rank(alert))
            .cloned(),
        headcount: headcount::of(site, None, now),
        today: today(site, &day),
        lanes: lanes(site, listening_since, now),
        zones: slots::briefs(site, grace, now),
        units_online: count(online),
        units_total: count(ids.len()),
        data_at: site.units.values().filter_map(|row| row.data_at).max(),
        catching_up: ids.iter().any(|unit| site.is_catching_up(unit, now)),
        waiting: ids.iter().map(|unit| site.waiting(unit)).sum(),
    })
}

/// Today's counts of each lane.
pub fn lanes(site: &SiteState, listening_since: Option<Wall>, now: Wall) -> Vec<LaneBrief> {
    let day = Day::of(site, listening_since, now);
    let lanes = site.site.lanes.iter();
    lanes.map(|lane| lane::brief(site, lane, &day)).collect()
}

/// Today's verdicts of each zone.
pub fn zones(site: &SiteState, grace: TimeDelta, now: Wall) -> Vec<ZoneBrief> {
    slots::briefs(site, grace, now)
}
