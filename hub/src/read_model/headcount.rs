//! How many are inside, of the site or of a zone.

use gatepost_dashboard::view::Headcount;
use gatepost_model::{Wall, Zone};

use crate::core::{
    headcount::{Basis, headcount},
    state::SiteState,
};

/// Heartbeats come every 60 s, on a metered link as seldom as `alive`: so long proof takes to
/// arrive, microseconds.
pub(super) fn proof_lag_us(site: &SiteState) -> i64 {
    let slowest = site.units.values().map(|unit| unit.interval_s).max();
    let seconds = slowest.unwrap_or(0).clamp(60, 3600) * 5 / 2;
    i64::try_from(seconds).unwrap_or(0) * 1_000_000
}

/// The headcount; none where no lane of people leads there, or nothing was seen yet.
pub(super) fn of(site: &SiteState, zone: Option<Zone>, now: Wall) -> Option<Headcount> {
    let lanes = site.people_lanes(zone);
    let tally = site.tally(zone).filter(|_| !lanes.is_empty())?;
    let basis = Basis {
        lanes: &lanes,
        hours: &site.hours,
        sight: &site.sight,
        zone: site.zone,
        now,
        lag_us: proof_lag_us(site),
        count_error: site.site.count_error,
    };
    Some(headcount(tally, &basis))
}
