//! Planned rounds with their verdicts.

use chrono::TimeDelta;
use gatepost_dashboard::view::{SlotView, Verdict, ZoneBrief};
use gatepost_model::{Wall, Zone};

use crate::core::{
    rounds::{Plans, Slot, slots_between},
    state::{SiteState, SlotRow},
    verdicts::provisional,
};

/// Slots whose windows touch `[from, to)`.
pub(super) fn between(
    site: &SiteState,
    from: Wall,
    to: Wall,
    grace: TimeDelta,
    now: Wall,
) -> Vec<SlotView> {
    slots_between(&Plans::of(site), from, to)
        .into_iter()
        .map(|slot| view(site, slot, grace, now))
        .collect()
}

/// The site's slots of its day: those whose windows open in it.
pub(super) fn today(site: &SiteState, grace: TimeDelta, now: Wall) -> Vec<SlotView> {
    let date = site.zone.day_of(now);
    let (start, end) = site.zone.day_bounds(date);
    let day = date.to_string();
    let mut slots = between(site, start, end, grace, now);
    slots.retain(|slot| slot.date == day);
    slots
}

/// The verdicts of today's slots of each zone.
pub(super) fn briefs(site: &SiteState, grace: TimeDelta, now: Wall) -> Vec<ZoneBrief> {
    let slots = today(site, grace, now);
    Zone::ALL
        .into_iter()
        .map(|zone| ZoneBrief {
            id: zone,
            used: site.site.zone(zone).used,
            verdicts: slots
                .iter()
                .filter(|slot| slot.zone == zone)
                .map(|slot| slot.verdict)
                .collect(),
        })
        .collect()
}

fn view(site: &SiteState, slot: Slot, grace: TimeDelta, now: Wall) -> SlotView {
    let row = site.slots.get(&(slot.end, slot.id.clone()));
    let verdict = row.map_or_else(|| provisional(&slot, grace, now), |row| row.verdict);
    let since = row.map_or_else(|| began(verdict, &slot, grace), |row| row.since);
    SlotView {
        excuse: site.excuses.get(&slot.id).cloned(),
        id: slot.id,
        zone: slot.zone,
        date: slot.date.to_string(),
        number: slot.number,
        start: slot.start,
        end: slot.end,
        verdict,
        since,
        proof: row.and_then(|row: &SlotRow| row.proof.clone()),
        history: row.map(|row| row.history.clone()).unwrap_or_default(),
    }
}

/// Since when a slot that was never looked at has its verdict.
fn began(verdict: Verdict, slot: &Slot, grace: TimeDelta) -> Wall {
    match verdict {
        Verdict::Upcoming => slot.start.plus(-TimeDelta::days(1)),
        Verdict::Unknown => slot.end.plus(grace),
        _ => slot.start,
    }
}
