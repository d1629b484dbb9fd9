//! Answers from what is known: the live part from the core's state, the history from the store.
//!
//! A question takes what it needs of the state and lets go of it before it asks the store, so that
//! the engine never waits for a disk that a reader waits for.

pub mod alerts;
mod audit;
pub mod fleet;
mod headcount;
mod lane;
mod quarantine;
pub mod site;
mod slots;
mod unit;
mod zone;

use std::{
    path::PathBuf,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard},
};

use chrono::{NaiveDate, TimeDelta};
use gatepost_dashboard::{
    ports::{AlertQuery, EventQuery, ReadError, Readiness, SeriesQuery, SiteRead},
    view::{
        AlertView, AuditEntry, CommandView, ComplianceView, DowntimeView, EntryCounts, EpisodeView,
        EventPage, HandOverView, IsolationView, LatestView, MeasuredView, MessageView,
        QuarantineItem, RecipientView, RollCallView, Series, SettingsView, SiteRow, SiteSnapshot,
        SlotView, ThroughputView, UnitConfig, UnitView,
    },
};
use gatepost_model::{SiteId, UnitId, Wall};

use crate::{
    clock::Clock,
    core::{
        Core,
        downtime::Down,
        isolation::register,
        measured::measured,
        paging::MessageRow,
        rounds::compliance,
        settings,
        state::{SiteState, State},
        throughput::throughput,
        trouble::HUB,
    },
    health::Health,
    metrics::Metrics,
    series::{self, Source},
    store::{journal, port::EventStore},
};

/// What is known.
pub struct ReadModel {
    /// The core's state.
    pub core: Arc<RwLock<Core>>,
    /// The history.
    pub store: Arc<dyn EventStore>,
    /// Where the journal is.
    pub data: PathBuf,
    /// Whether the parts work.
    pub health: Arc<Health>,
    /// What was counted.
    pub metrics: Arc<Metrics>,
    /// Time.
    pub clock: Clock,
}

impl ReadModel {
    fn core(&self) -> RwLockReadGuard<'_, Core> {
        self.core.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// A site as it is now, to be looked at while the hub goes on.
    fn site_state(&self, id: &SiteId) -> Result<Arc<SiteState>, ReadError> {
        find(self.core().state(), id).cloned()
    }

    /// Likewise, if the unit is known there or expected.
    fn site_with_unit(&self, id: &SiteId, unit: &UnitId) -> Result<Arc<SiteState>, ReadError> {
        let site = self.site_state(id)?;
        if site.unit_ids().contains(unit) {
            return Ok(site);
        }
        Err(ReadError::NotFound {
            what: "unit",
            id: unit.to_string(),
        })
    }
}

/// A site of the state.
fn find<'s>(state: &'s State, id: &SiteId) -> Result<&'s Arc<SiteState>, ReadError> {
    state.sites.get(id).ok_or_else(|| ReadError::NotFound {
        what: "site",
        id: id.to_string(),
    })
}

impl SiteRead for ReadModel {
    fn now(&self) -> Wall {
        self.clock.now()
    }

    fn sites(&self) -> Result<Vec<SiteRow>, ReadError> {
        let core = self.core();
        Ok(fleet::rows(
            core.state(),
            core.settings().slot_grace,
            self.now(),
        ))
    }

    fn site(&self, id: &SiteId) -> Result<SiteSnapshot, ReadError> {
        let core = self.core();
        let grace = core.settings().slot_grace;
        site::snapshot(core.state(), id, grace, self.health.troubles(), self.now())
    }

    fn events(&self, site: &SiteId, query: &EventQuery) -> Result<EventPage, ReadError> {
        self.site_state(site)?;
        self.store.events(site, query)
    }

    fn series(&self, id: &SiteId, query: &SeriesQuery) -> Result<Series, ReadError> {
        let site = self.site_state(id)?;
        let source = Source {
            site: &site.site,
            zone: site.zone,
            store: &*self.store,
            sight: &site.sight,
            anchor: site.tally(None).map(|tally| tally.anchor),
            now: self.now(),
        };
        series::series(&source, query)
    }

    fn slots(&self, id: &SiteId, from: Wall, to: Wall) -> Result<Vec<SlotView>, ReadError> {
        if to.micros_since(from) > MOST_SLOT_DAYS.num_microseconds().unwrap_or(i64::MAX) {
            return Err(ReadError::Invalid {
                parameter: "to",
                reason: format!("at most {} days at once", MOST_SLOT_DAYS.num_days()),
            });
        }
        let grace = self.core().settings().slot_grace;
        let site = self.site_state(id)?;
        Ok(slots::between(&site, from, to, grace, self.now()))
    }

    fn compliance(
        &self,
        id: &SiteId,
        from: Wall,
        to: Wall,
    ) -> Result<Vec<ComplianceView>, ReadError> {
        let site = self.site_state(id)?;
        let known = site.slots.values();
        let within = known.filter(|row| row.slot.end > from && row.slot.start < to);
        Ok(compliance(within.map(|row| (&row.slot, row.verdict))))
    }

    fn alerts(&self, query: &AlertQuery) -> Result<(Vec<AlertView>, Option<String>), ReadError> {
        alerts::page(&self.core().state().alerts, query)
    }

    fn alert(&self, id: u64) -> Result<AlertView, ReadError> {
        let core = self.core();
        let known = core.state().alerts.get(id);
        known.cloned().ok_or_else(|| ReadError::NotFound {
            what: "alert",
            id: id.to_string(),
        })
    }

    fn latest(&self, site: Option<&SiteId>) -> Result<Vec<LatestView>, ReadError> {
        let sites = match site {
            Some(site) => vec![self.site_state(site)?.site.id.clone()],
            None => self.core().state().sites.keys().cloned().collect(),
        };
        let mut latest = Vec::new();
        for site in sites {
            let of_site = self.store.latest(&site)?.into_iter();
            latest.extend(of_site.map(|reading| LatestView {
                site: site.clone(),
                unit: reading.unit,
                sensor: reading.sensor,
                quantity: reading.quantity,
                zone: reading.zone,
                value: reading.value,
                time: reading.at,
            }));
        }
        Ok(latest)
    }

    fn units(&self) -> Result<Vec<(SiteId, UnitView)>, ReadError> {
        let core = self.core();
        let (state, now) = (core.state(), self.now());
        let sites = state.sites.iter();
        Ok(sites
            .flat_map(|(id, site)| {
                let units = unit::all(site, state.listening_since, now);
                units.into_iter().map(move |unit| (id.clone(), unit))
            })
            .collect())
    }

    fn unit(&self, id: &SiteId, unit: &UnitId) -> Result<UnitView, ReadError> {
        let site = self.site_with_unit(id, unit)?;
        let listening_since = self.core().state().listening_since;
        Ok(unit::view(&site, unit, listening_since, self.now()))
    }

    fn unit_config(&self, id: &SiteId, unit: &UnitId) -> Result<UnitConfig, ReadError> {
        let site = self.site_with_unit(id, unit)?;
        let config = site.configs.get(unit).cloned();
        Ok(config.unwrap_or_else(|| UnitConfig::none(id.clone(), unit.clone())))
    }

    fn settings(&self, id: &SiteId) -> Result<SettingsView, ReadError> {
        settings::view(&self.site_state(id)?.site)
            .map_err(|error| ReadError::Unavailable(error.to_string()))
    }

    fn unit_commands(&self, id: &SiteId, unit: &UnitId) -> Result<Vec<CommandView>, ReadError> {
        let site = self.site_with_unit(id, unit)?;
        let row = site.commands.get(unit);
        Ok(row.map(|row| row.newest.clone()).unwrap_or_default())
    }

    fn quarantine(
        &self,
        limit: usize,
        cursor: Option<&str>,
    ) -> Result<(Vec<QuarantineItem>, Option<String>), ReadError> {
        quarantine::page(&self.data, limit, cursor)
    }

    fn messages(&self, limit: usize, before: Option<u64>) -> Result<Vec<MessageView>, ReadError> {
        let core = self.core();
        let all = core.state().post.all().rev();
        let wanted = all.filter(|row| before.is_none_or(|before| row.id < before));
        Ok(wanted.take(limit).map(MessageRow::view).collect())
    }

    fn recipients(&self, id: &SiteId) -> Result<Vec<RecipientView>, ReadError> {
        let site = if id.as_str() == HUB {
            Arc::clone(&self.core().state().hub)
        } else {
            self.site_state(id)?
        };
        let core = self.core();
        let newest = |name: &str| {
            let mut all = core.state().post.all().rev();
            all.find(|row| row.site == *id && row.recipient == name)
        };
        let recipients = site.site.recipients.iter().map(|it| RecipientView {
            name: it.name.clone(),
            channel: it.channel.clone(),
            language: it.language,
            least: it.least,
            after_min: it.after_min,
            last: newest(&it.name).map(MessageRow::view),
        });
        Ok(recipients.collect())
    }

    fn hand_overs(&self, id: &SiteId) -> Result<Vec<HandOverView>, ReadError> {
        let site = self.site_state(id)?;
        Ok(site.hand_overs.values().rev().cloned().collect())
    }

    fn episodes(&self, id: &SiteId) -> Result<Vec<EpisodeView>, ReadError> {
        let mut all: Vec<EpisodeView> = self.site_state(id)?.episodes.values().cloned().collect();
        all.sort_by(|a, b| b.happened_at.cmp(&a.happened_at).then(a.id.cmp(&b.id)));
        Ok(all)
    }

    fn roll_calls(&self, id: &SiteId) -> Result<Vec<RollCallView>, ReadError> {
        let mut all: Vec<RollCallView> =
            self.site_state(id)?.roll_calls.values().cloned().collect();
        all.sort_by_key(|call| std::cmp::Reverse(call.at));
        Ok(all)
    }

    fn entries(&self, id: &SiteId) -> Result<Vec<EntryCounts>, ReadError> {
        let site = self.site_state(id)?;
        Ok(site.entries.values().rev().cloned().collect())
    }

    fn audit(
        &self,
        id: &SiteId,
        limit: usize,
        before: Option<u64>,
    ) -> Result<(Vec<AuditEntry>, bool), ReadError> {
        // The hub has a trail, too: of its own alerts and those of no known site.
        if id.as_str() != HUB {
            self.site_state(id)?;
        }
        audit::page(&self.data, id, limit, before)
    }

    fn measured(
        &self,
        id: &SiteId,
        date: Option<NaiveDate>,
    ) -> Result<Vec<MeasuredView>, ReadError> {
        let (site, now) = (self.site_state(id)?, self.now());
        let date = date.unwrap_or_else(|| site.zone.day_of(now));
        measured(&site, date, now).ok_or_else(|| ReadError::NotFound {
            what: "count of the day",
            id: date.to_string(),
        })
    }

    fn downtimes(&self) -> Result<Vec<DowntimeView>, ReadError> {
        let core = self.core();
        let downs = core.state().lived.downs.iter().rev();
        let view = |down: &Down| DowntimeView {
            from: down.from,
            to: down.to,
        };
        Ok(downs.map(view).collect())
    }

    fn throughput(&self, id: &SiteId) -> Result<Vec<ThroughputView>, ReadError> {
        Ok(throughput(&*self.site_state(id)?, self.now()))
    }

    fn isolation(&self, id: &SiteId) -> Result<IsolationView, ReadError> {
        let site = self.site_state(id)?;
        Ok(register(site.entries.values(), site.episodes.values()))
    }

    fn readiness(&self) -> Vec<Readiness> {
        self.health.readiness()
    }

    fn metrics(&self) -> String {
        let states: Vec<_> = {
            let core = self.core();
            let (state, now) = (core.state(), self.now());
            let sites = state.sites.values();
            sites
                .flat_map(|site| unit::states(site, state.listening_since, now))
                .collect()
        };
        let files = [journal::FILE.to_owned(), format!("{}-wal", journal::FILE)];
        let bytes =
            files.map(|name| std::fs::metadata(self.data.join(name)).map_or(0, |file| file.len()));
        self.metrics.text(states, bytes.iter().sum())
    }
}

/// The longest range of slots at once: a year and a day.
const MOST_SLOT_DAYS: TimeDelta = TimeDelta::days(366);
