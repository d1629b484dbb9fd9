//! One site, live.

use chrono::TimeDelta;
use gatepost_dashboard::{
    ports::ReadError,
    view::{SiteSnapshot, Today},
};
use gatepost_model::{SiteId, Wall, Zone};

use super::{
    alerts, find, headcount,
    lane::{self, Day},
    slots, unit, zone,
};
use crate::core::state::{SiteState, State};

/// A site's snapshot.
pub fn snapshot(
    state: &State,
    id: &SiteId,
    grace: TimeDelta,
    troubles: Vec<String>,
    now: Wall,
) -> Result<SiteSnapshot, ReadError> {
    let site = find(state, id)?;
    let listening_since = state.listening_since;
    let day = Day::of(site, listening_since, now);
    let slots = slots::today(site, grace, now);
    let settings = &site.site;
    Ok(SiteSnapshot {
        id: settings.id.clone(),
        name: settings.name.clone(),
        time_zone: settings.time_zone.clone(),
        local_date: site.zone.day_of(now).to_string(),
        day_start: day.start,
        day_end: day.end,
        headcount: headcount::of(site, None, now),
        today: today(site, &day),
        lanes: settings
            .lanes
            .iter()
            .map(|lane| lane::view(site, lane, &day))
            .collect(),
        zones: Zone::ALL
            .into_iter()
            .map(|zone| zone::view(site, zone, &slots, listening_since, now))
            .collect(),
        units: unit::all(site, listening_since, now),
        alerts: alerts::worst_first(state.open_alerts(id)),
        troubles,
    })
}

/// People through the lanes that lead into the site.
pub(super) fn today(site: &SiteState, day: &Day) -> Today {
    let mut today = Today {
        into: 0,
        out: 0,
        unclear: 0,
    };
    for lane in site.people_lanes(None) {
        let counts = site.hours.sum(&lane, day.start, day.end);
        today.into += counts.into;
        today.out += counts.out;
        today.unclear += counts.unclear;
    }
    today
}
