//! Zones, live.

use gatepost_dashboard::view::{Freshness, Measured, SlotView, ZoneView};
use gatepost_model::{UnitId, Wall, Zone, unit::UnitState};

use super::{
    headcount,
    lane::{freshness, is_all_told},
};
use crate::core::{
    liveness,
    state::{ReadingRow, SiteState},
};

/// What is measured in a zone.
const AMBIENT: &str = "ambient_c";
/// Until two readings have told how often they come, microseconds.
const USUAL_INTERVAL_US: i64 = 300_000_000;

pub(super) fn view(
    site: &SiteState,
    zone: Zone,
    slots: &[SlotView],
    listening_since: Option<Wall>,
    now: Wall,
) -> ZoneView {
    let settings = site.site.zone(zone);
    let serving = serving(site, zone);
    let states: Vec<UnitState> = serving
        .iter()
        .map(|unit| liveness::state(site, unit, listening_since, now))
        .collect();
    let online = states.iter().filter(|state| is_heard(**state)).count();
    let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    ZoneView {
        id: zone,
        used: settings.used,
        name: settings.name,
        ambient: ambient(site, zone, listening_since, now),
        headcount: headcount::of(site, Some(zone), now),
        slots: slots
            .iter()
            .filter(|slot| slot.zone == zone)
            .cloned()
            .collect(),
        units_online: count(online),
        units_total: count(serving.len()),
    }
}

/// Heard within 5 intervals.
pub(super) fn is_heard(state: UnitState) -> bool {
    matches!(
        state,
        UnitState::Online | UnitState::Late | UnitState::Stale
    )
}

/// Units that see a zone's rounds, or measure in it.
fn serving(site: &SiteState, zone: Zone) -> Vec<UnitId> {
    let measure = |unit: &UnitId| {
        let mut readings = site.readings.values();
        readings.any(|row| row.unit == *unit && row.zone == Some(zone))
    };
    site.units
        .values()
        .filter(|row| row.zones.contains(&zone) || measure(&row.unit))
        .map(|row| row.unit.clone())
        .collect()
}

fn ambient(site: &SiteState, zone: Zone, listening_since: Option<Wall>, now: Wall) -> Measured {
    let newest = site
        .readings
        .values()
        .filter(|row| row.zone == Some(zone) && row.quantity == AMBIENT)
        .max_by_key(|row| row.at);
    let Some(row) = newest else {
        let state = if is_all_told(site) {
            Freshness::Empty
        } else {
            Freshness::NoDataYet
        };
        return Measured {
            value: None,
            at: None,
            interval_s: None,
            state,
            state_since: None,
        };
    };
    let interval_us = row.interval_us.unwrap_or(USUAL_INTERVAL_US).max(1);
    let state = age_of(row, interval_us, now).max(
        match liveness::state(site, &row.unit, listening_since, now) {
            UnitState::Offline => freshness(UnitState::Offline),
            _ => Freshness::Fresh,
        },
    );
    Measured {
        value: Some(row.value),
        at: Some(row.at),
        interval_s: row
            .interval_us
            .and_then(|us| u64::try_from((us + 500_000) / 1_000_000).ok()),
        state,
        state_since: (state > Freshness::Fresh).then(|| row.at.plus_micros(interval_us * 2)),
    }
}

fn age_of(row: &ReadingRow, interval_us: i64, now: Wall) -> Freshness {
    let age_us = now.micros_since(row.at);
    if age_us > interval_us.saturating_mul(3) {
        Freshness::Stale
    } else if age_us > interval_us.saturating_mul(2) {
        Freshness::Late
    } else {
        Freshness::Fresh
    }
}
