//! Which plan held on which day: a plan that was changed never rewrites what was.

use chrono::{Days, NaiveDate};
use gatepost_model::{Site, Wall};
use serde::{Deserialize, Serialize};

use crate::{
    calendar::SiteZone,
    core::state::{Part, Row, SiteState, Table},
};

/// Settings whose plan holds from a site-local day on, until the next.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlanRow {
    /// The day.
    pub from: NaiveDate,
    /// The settings.
    pub site: Site,
}

impl Row for PlanRow {
    type Key = NaiveDate;

    fn key(&self) -> NaiveDate {
        self.from
    }
}

/// The plans of a site by day.
#[derive(Debug, Clone, Copy)]
pub struct Plans<'a> {
    rows: Option<&'a Table<PlanRow>>,
    now: &'a Site,
}

impl<'a> Plans<'a> {
    /// Those that a site has had.
    pub fn of(state: &'a SiteState) -> Self {
        Self {
            rows: Some(&state.plans),
            now: &state.site,
        }
    }

    /// One that never changes.
    pub fn always(site: &'a Site) -> Self {
        Self {
            rows: None,
            now: site,
        }
    }

    /// The settings by which a day is planned, and their time zone.
    pub fn on(&self, date: NaiveDate) -> (&'a Site, SiteZone) {
        let rows = self.rows.filter(|rows| !rows.is_empty());
        let held = rows.and_then(|rows| {
            let newest = rows.range(..=date).next_back();
            newest.or_else(|| rows.iter().next())
        });
        let site = held.map_or(self.now, |(_, row)| &row.site);
        // Whoever takes settings in has checked the name.
        let zone = SiteZone::parse(&site.time_zone).unwrap_or(SiteZone::UTC);
        (site, zone)
    }
}

/// Keeps the plan of a site's settings if it is a new one: it holds from tomorrow on, or from a later
/// day that the settings name.
pub(crate) fn keep(part: &mut Part<'_, '_>, now: Wall) {
    let base = part.site.base;
    let Some(newest) = base.plans.values().next_back() else {
        part.site.plans.put(PlanRow {
            from: NaiveDate::default(),
            site: base.site.clone(),
        });
        return;
    };
    let is_known = newest.site.has_the_plan_of(&base.site);
    if is_known && newest.site.plan_holds_from == base.site.plan_holds_from {
        return;
    }
    let (_, zone) = Plans::of(base).on(base.zone.day_of(now));
    let today = zone.day_of(now).max(base.zone.day_of(now));
    let tomorrow = today.checked_add_days(Days::new(1)).unwrap_or(today);
    let from = base
        .site
        .plan_holds_from
        .map_or(tomorrow, |it| it.max(tomorrow));
    // What was to come and never held is no plan any more.
    for row in base.plans.values().filter(|row| row.from > today) {
        part.site.plans.remove(row.from);
    }
    part.site.plans.put(PlanRow {
        from,
        site: base.site.clone(),
    });
}
