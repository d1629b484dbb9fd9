//! Which rounds a site has planned.

use chrono::{Days, NaiveDate};
use gatepost_model::{Site, Wall, Zone, site::Window};
use serde::{Deserialize, Serialize};

use crate::calendar::SiteZone;

/// A planned round: a zone and its due window `[start, end)`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slot {
    /// `{zone}-{local date}-{number}`, unique on the site.
    pub id: String,
    /// The zone.
    pub zone: Zone,
    /// The site-local day in which the window opens.
    pub date: NaiveDate,
    /// Number of the window in that day, from 1.
    pub number: u32,
    /// When the window opens.
    pub start: Wall,
    /// When it closes.
    pub end: Wall,
}

/// The slots whose windows touch `[from, to)`, by start, then zone, then number: of zones that are
/// used, from the day on from which the site plans.
///
/// A window that the clock jumps over as a whole is empty (`start == end`) on that day, and no slot.
pub fn slots_between(site: &Site, zone: SiteZone, from: Wall, to: Wall) -> Vec<Slot> {
    let Some(plan_from) = site.plan_from else {
        return Vec::new();
    };
    if from >= to {
        return Vec::new();
    }
    // A window that began on the day before may reach into the range.
    let day_before = zone.day_of(from).checked_sub_days(Days::new(1));
    let first = day_before.unwrap_or(NaiveDate::MIN).max(plan_from);
    let last = zone.day_of(to);
    let mut slots: Vec<Slot> = Zone::ALL
        .into_iter()
        .flat_map(|id| slots_of(site, zone, id, first, last))
        .filter(|slot| slot.end > from && slot.start < to)
        .collect();
    slots.sort_by_key(|slot| (slot.start, slot.zone, slot.number));
    slots
}

/// When the zone's next window after `slot` opens; none if no other is planned within a week.
pub fn next_start(site: &Site, zone: SiteZone, slot: &Slot) -> Option<Wall> {
    let last = slot
        .date
        .checked_add_days(Days::new(7))
        .unwrap_or(slot.date);
    slots_of(site, zone, slot.zone, slot.date, last)
        .map(|other| other.start)
        .filter(|start| *start > slot.start)
        .min()
}

fn slots_of(
    site: &Site,
    zone: SiteZone,
    id: Zone,
    first: NaiveDate,
    last: NaiveDate,
) -> impl Iterator<Item = Slot> {
    let settings = site.zone(id);
    let windows = if settings.used {
        settings.windows
    } else {
        Vec::new()
    };
    first
        .iter_days()
        .take_while(move |date| *date <= last)
        .flat_map(move |date| {
            let numbered = (1_u32..).zip(windows.clone());
            numbered.filter_map(move |(number, window)| slot(zone, id, date, number, window))
        })
}

fn slot(zone: SiteZone, id: Zone, date: NaiveDate, number: u32, window: Window) -> Option<Slot> {
    let ends_on = if window.end > window.start {
        date
    } else {
        date.checked_add_days(Days::new(1))?
    };
    let slot = Slot {
        id: format!("{id}-{date}-{number}"),
        zone: id,
        date,
        number,
        start: zone.instant(date, window.start),
        end: zone.instant(ends_on, window.end),
    };
    (slot.start < slot.end).then_some(slot)
}
