//! Which rounds a site has planned.

use chrono::{Days, NaiveDate};
use gatepost_model::{Wall, Zone, plan::Window};
use serde::{Deserialize, Serialize};

use super::Plans;
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
/// used, on the days that their plan of that day says.
///
/// A window that the clock jumps over as a whole is empty (`start == end`) on that day, and no slot.
pub fn slots_between(plans: &Plans<'_>, from: Wall, to: Wall) -> Vec<Slot> {
    if from >= to {
        return Vec::new();
    }
    // No zone's day is further from that of UTC than one; and a window that began on the day before
    // may reach into the range.
    let first = date_of(from).checked_sub_days(Days::new(2));
    let last = date_of(to).checked_add_days(Days::new(1));
    let (first, last) = (
        first.unwrap_or(NaiveDate::MIN),
        last.unwrap_or(NaiveDate::MAX),
    );
    let mut slots: Vec<Slot> = Zone::ALL
        .into_iter()
        .flat_map(|id| slots_of(plans, id, first, last))
        .filter(|slot| slot.end > from && slot.start < to)
        .collect();
    slots.sort_by_key(|slot| (slot.start, slot.zone, slot.number));
    slots
}

/// When the zone's next window after `slot` opens; none if no other is planned within two weeks.
pub fn next_start(plans: &Plans<'_>, slot: &Slot) -> Option<Wall> {
    let last = slot.date.checked_add_days(Days::new(14));
    slots_of(plans, slot.zone, slot.date, last.unwrap_or(slot.date))
        .map(|other| other.start)
        .filter(|start| *start > slot.start)
        .min()
}

fn date_of(at: Wall) -> NaiveDate {
    at.to_utc().date_naive()
}

fn slots_of<'p>(
    plans: &'p Plans<'_>,
    id: Zone,
    first: NaiveDate,
    last: NaiveDate,
) -> impl Iterator<Item = Slot> + use<'p> {
    let dates = first.iter_days().take_while(move |date| *date <= last);
    dates.flat_map(move |date| {
        let (site, zone) = plans.on(date);
        let windows = site.windows_on(id, date).into_iter();
        windows.filter_map(move |(number, window)| slot(zone, id, date, number, window))
    })
}

fn slot(zone: SiteZone, id: Zone, date: NaiveDate, number: u32, window: Window) -> Option<Slot> {
    let (start, end) = zone.span(date, window.start, window.end);
    let slot = Slot {
        id: format!("{id}-{date}-{number}"),
        zone: id,
        date,
        number,
        start,
        end,
    };
    (slot.start < slot.end).then_some(slot)
}
