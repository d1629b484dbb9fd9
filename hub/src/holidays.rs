//! Public holidays and make-up work days out of a published calendar.
//!
//! Two kinds of files are read: iCalendar ([`icalendar`]) and a table ([`table`]). What cannot be
//! understood is refused with its line and nothing is guessed: a wrong day here is a round that is
//! called missed, or one that nobody makes.

mod icalendar;
mod table;

use std::collections::{BTreeMap, BTreeSet};

use chrono::{Datelike, Days, NaiveDate};
use encoding_rs::{GB18030, UTF_8};
use gatepost_model::{Site, Wall};

pub use self::icalendar::Unmarked;
use crate::{calendar::SiteZone, config::Mistakes};

/// What a day is by the calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A public holiday, 休.
    Holiday,
    /// A day of a weekend that is worked, 班.
    Work,
}

impl Kind {
    /// The kind's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Holiday => "holiday",
            Self::Work => "work",
        }
    }
}

/// What a file says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Holidays {
    /// Its days, each with what it is and how it is called there.
    pub days: BTreeMap<NaiveDate, (Kind, String)>,
    /// Entries that are neither holiday nor work day, as the lines and names that they have.
    pub left_out: Vec<(usize, String)>,
}

/// Reads a calendar; it is iCalendar if it begins as such a file does, and a table if not.
pub fn parse(text: &str, unmarked: Unmarked) -> Result<Holidays, Mistakes> {
    let first = text.trim_start().get(..icalendar::BEGIN.len());
    if first.is_some_and(|first| first.eq_ignore_ascii_case(icalendar::BEGIN)) {
        icalendar::parse(text, unmarked)
    } else {
        table::parse(text)
    }
}

/// The text of a file: in UTF-8 or UTF-16 as its mark says, in UTF-8, or else in GB18030, as
/// spreadsheets in China write it. `None` if it is none of them.
pub fn decode(bytes: &[u8]) -> Option<String> {
    for bytes in [bytes, &icalendar::with_whole_characters(bytes)] {
        let (text, _, has_errors) = UTF_8.decode(bytes);
        if !has_errors {
            return Some(text.into_owned());
        }
    }
    let text = GB18030.decode_without_bom_handling_and_without_replacement(bytes)?;
    Some(text.into_owned())
}

/// One day of a site that a calendar changes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Change {
    /// The day.
    pub date: NaiveDate,
    /// Whether it comes or goes.
    pub comes: bool,
    /// What it is or was.
    pub kind: Kind,
}

impl Holidays {
    /// The years whose days are replaced. A year of which there are days in December alone, before a
    /// year that goes on, is not one: a year's decree often begins with the last days of the one before.
    pub fn years(&self) -> BTreeSet<i32> {
        let mut years: BTreeSet<i32> = self.days.keys().map(Datelike::year).collect();
        let before = years.first().copied().filter(|_| years.len() > 1);
        if let (Some(before), Some((first, _))) = (before, self.days.first_key_value())
            && first.month() == 12
        {
            years.remove(&before);
        }
        years
    }

    /// Takes the days into a site's settings: those of a year that is replaced go first. Returns what
    /// is different now, in the order of the days.
    pub fn merge_into(&self, site: &mut Site) -> Vec<Change> {
        let years = self.years();
        let before = [site.holidays.clone(), site.work_days.clone()];
        let kinds = [Kind::Holiday, Kind::Work];
        for (days, kind) in [&mut site.holidays, &mut site.work_days]
            .into_iter()
            .zip(kinds)
        {
            days.retain(|date| !years.contains(&date.year()) && !self.days.contains_key(date));
            let own = self.days.iter().filter(|(_, (it, _))| *it == kind);
            days.extend(own.map(|(date, _)| *date));
        }
        let mut changes = Vec::new();
        let after = [&site.holidays, &site.work_days];
        for ((before, after), kind) in before.iter().zip(after).zip(kinds) {
            let change = |date: &NaiveDate| Change {
                date: *date,
                comes: after.contains(date),
                kind,
            };
            changes.extend(before.symmetric_difference(after).map(change));
        }
        changes.sort();
        changes
    }

    /// How a day that comes is called; nothing of one that goes.
    pub fn name_of(&self, change: &Change) -> &str {
        let known = self.days.get(&change.date).filter(|_| change.comes);
        known.map_or("", |(_, name)| name)
    }
}

/// The first site-local day that is planned by settings that are taken in now.
pub fn hold_from(site: &Site, now: Wall) -> NaiveDate {
    // Whoever takes settings in has checked the name.
    let zone = SiteZone::parse(&site.time_zone).unwrap_or(SiteZone::UTC);
    let today = zone.day_of(now);
    let tomorrow = today.checked_add_days(Days::new(1)).unwrap_or(today);
    site.plan_holds_from.map_or(tomorrow, |it| it.max(tomorrow))
}

/// Takes a day in, or says why it cannot be.
fn put(
    days: &mut BTreeMap<NaiveDate, (Kind, String)>,
    date: NaiveDate,
    kind: Kind,
    name: &str,
) -> Result<(), String> {
    if !YEARS.contains(&date.year()) {
        return Err(format!(
            "{date} is not in the years {} to {}",
            YEARS.start(),
            YEARS.end()
        ));
    }
    match days.get(&date) {
        Some((other, called)) if *other != kind => Err(format!(
            "{date} is a {} day here and a {} day (`{called}`) before",
            kind.as_str(),
            other.as_str()
        )),
        Some(_) => Ok(()),
        None => {
            days.insert(date, (kind, name.to_owned()));
            Ok(())
        }
    }
}

/// A calendar for other years is a slip of the pen.
const YEARS: std::ops::RangeInclusive<i32> = 2000..=2199;

#[cfg(test)]
mod tests;
