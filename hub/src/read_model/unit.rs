//! Units, live.

use gatepost_dashboard::view::{ConfigBrief, FaultView, LogView, UnitView};
use gatepost_model::{UnitId, Wall, unit::UnitState};

use crate::core::{
    liveness,
    state::{FaultRow, SiteState},
};

pub(super) fn all(site: &SiteState, listening_since: Option<Wall>, now: Wall) -> Vec<UnitView> {
    let ids = site.unit_ids();
    ids.iter()
        .map(|unit| view(site, unit, listening_since, now))
        .collect()
}

pub(super) fn states(site: &SiteState, listening_since: Option<Wall>, now: Wall) -> Vec<UnitState> {
    let ids = site.unit_ids();
    ids.iter()
        .map(|unit| liveness::state(site, unit, listening_since, now))
        .collect()
}

pub(super) fn view(
    site: &SiteState,
    unit: &UnitId,
    listening_since: Option<Wall>,
    now: Wall,
) -> UnitView {
    let row = site.units.get(unit);
    let presence = site.presence.get(unit);
    let contact_at = presence
        .and_then(|presence| presence.contact_at)
        .max(row.and_then(|row| row.heard_at));
    let data_at = row.and_then(|row| row.data_at);
    let age_s = |at: Wall| now.micros_since(at).max(0) as f64 / 1e6;
    let logs: Vec<LogView> = site
        .logs
        .values()
        .filter(|log| log.unit == *unit)
        .map(|row| LogView {
            log: row.log.clone(),
            through: row.through,
            lost: row.lost,
        })
        .collect();
    UnitView {
        id: unit.clone(),
        state: liveness::state(site, unit, listening_since, now),
        contact_at,
        contact_age_s: contact_at.map(age_s),
        data_at,
        data_age_s: data_at.map(age_s),
        interval_s: row.map_or(10, |row| row.interval_s),
        waiting: site.waiting(unit),
        catching_up: site.is_catching_up(unit, now),
        clock: row.and_then(|row| row.clock),
        version: row.and_then(|row| row.version.clone()),
        lanes: row.map(|row| row.lanes.clone()).unwrap_or_default(),
        zones: row.map(|row| row.zones.clone()).unwrap_or_default(),
        faults: site
            .faults
            .values()
            .filter(|fault| fault.unit == *unit)
            .map(fault)
            .collect(),
        config: site.configs.get(unit).map(|config| ConfigBrief {
            wanted: config.version,
            applied: config.applied,
            result: config.result,
        }),
        lost: logs.iter().map(|log| log.lost).sum(),
        logs,
    }
}

pub(super) fn fault(row: &FaultRow) -> FaultView {
    FaultView {
        sensor: row.sensor.clone(),
        code: row.code,
        since: row.since,
    }
}
