//! What the hub knows besides the history: watermarks, presence, counts, proofs, verdicts, alerts.
//!
//! State changes only by applying [`Change`]s, and only after they were committed. Start-up is the
//! same changes, read back. What is not stored ([`Change::is_durable`]) is what a restart should
//! forget: who was heard when, and which slots have been looked at.

mod change;
mod draft;
mod due;
mod restart;
mod rows;

use std::{collections::BTreeMap, sync::Arc};

use gatepost_dashboard::view::{
    AlertView, AuditEntry, EntryCounts, EpisodeView, ExcuseView, HandOverView, HandRound,
    RollCallView, UnitConfig,
};
use gatepost_model::{LaneId, LogId, Site, SiteId, UnitId, Wall, Zone};

use super::{
    alerts::Book,
    coverage::Sight,
    downtime::Lived,
    fever::MeasuringRow,
    headcount::{HourTable, Tally},
    paging::{self, Post},
    quarantine::Shelf,
    rounds::PlanRow,
    trouble,
};
use crate::calendar::SiteZone;

pub use change::{AnyKey, AnyRow, Change};
pub use draft::{Draft, Part, SiteDraft};
pub use due::Due;
pub use rows::{
    BatchAge, CommandsRow, FaultRow, Judged, LaneRow, LogRow, Presence, Prompt, QuarterRow,
    ReadingRow, RoundRow, Row, SaidRow, SlotRow, TallyRow, UnitRow,
};

/// Rows by their key.
pub type Table<R> = BTreeMap<<R as Row>::Key, R>;

/// Everything.
#[derive(Debug, Clone, PartialEq)]
pub struct State {
    /// Each site. Readers keep a site as it was while the hub goes on.
    pub sites: BTreeMap<SiteId, Arc<SiteState>>,
    /// The hub as a site of its own: its recipients, and what people did with alerts that are of no
    /// known site. Units, lanes and plans it has none.
    pub hub: Arc<SiteState>,
    /// All alerts.
    pub alerts: Book,
    /// What was set aside as whole batches.
    pub shelf: Shelf,
    /// Messages to people.
    pub post: Post,
    /// When the hub lived, and when not.
    pub lived: Lived,
    /// When each site must be looked at.
    pub due: Due<SiteId>,
    /// When each alert that calls must be: it may be somebody else's turn.
    pub calls: Due<u64>,
    /// Since when units could have been heard without a break; none while the broker is out of reach.
    pub listening_since: Option<Wall>,
}

impl Default for State {
    fn default() -> Self {
        let hub = trouble::site("UTC".to_owned(), Vec::new());
        Self {
            sites: BTreeMap::new(),
            hub: Arc::new(SiteState::new(hub)),
            alerts: Book::default(),
            shelf: Shelf::default(),
            post: Post::default(),
            lived: Lived::default(),
            due: Due::default(),
            calls: Due::default(),
            listening_since: None,
        }
    }
}

/// One site.
#[derive(Debug, Clone, PartialEq)]
pub struct SiteState {
    /// Its settings.
    pub site: Site,
    /// Its time zone.
    pub zone: SiteZone,
    /// Watermarks by unit and log.
    pub logs: Table<LogRow>,
    /// What is known of its units.
    pub units: Table<UnitRow>,
    /// What is known of its lanes.
    pub lanes: Table<LaneRow>,
    /// What was measured lately, by log and lane.
    pub measuring: Table<MeasuringRow>,
    /// Screenings by lane and quarter of an hour; movements are in `hours`.
    pub quarters: Table<QuarterRow>,
    /// Movements by lane and quarter of an hour.
    pub hours: HourTable,
    /// Headcounts' sums.
    pub tallies: Table<TallyRow>,
    /// The newest reading of each sensor and quantity.
    pub readings: Table<ReadingRow>,
    /// Faults that are open.
    pub faults: Table<FaultRow>,
    /// Rounds as far as the record has them.
    pub rounds: Table<RoundRow>,
    /// Plans by the day from which each holds.
    pub plans: Table<PlanRow>,
    /// Verdicts on slots.
    pub slots: Table<SlotRow>,
    /// Fever episodes.
    pub episodes: Table<EpisodeView>,
    /// Roll-calls.
    pub roll_calls: Table<RollCallView>,
    /// Why planned rounds need not be done.
    pub excuses: Table<ExcuseView>,
    /// Rounds that no unit saw.
    pub hand_rounds: Table<HandRound>,
    /// Hand-overs of shifts.
    pub hand_overs: Table<HandOverView>,
    /// Entries by day.
    pub entries: Table<EntryCounts>,
    /// What commands with an idempotency key came to.
    pub said: Table<SaidRow>,
    /// Configurations that units are to run with.
    pub configs: Table<UnitConfig>,
    /// Commands to units.
    pub commands: Table<CommandsRow>,
    /// The newest entry of the audit trail; those before it are only in the journal.
    pub audit: Option<AuditEntry>,
    /// What its units could see, and when.
    pub sight: Arc<Sight>,
    /// Who was heard when.
    pub presence: BTreeMap<UnitId, Presence>,
    /// How far slots were looked at, and what must be looked at again.
    pub judged: Judged,
    /// When rows that nobody needs were last forgotten.
    pub pruned_at: Option<Wall>,
}

impl SiteState {
    /// A site of which nothing is known yet. Its zone is UTC if its name is none, which whoever
    /// takes settings in has checked.
    pub fn new(site: Site) -> Self {
        let zone = SiteZone::parse(&site.time_zone).unwrap_or(SiteZone::UTC);
        Self {
            site,
            zone,
            logs: Table::<LogRow>::new(),
            units: Table::<UnitRow>::new(),
            lanes: Table::<LaneRow>::new(),
            measuring: Table::<MeasuringRow>::new(),
            quarters: Table::<QuarterRow>::new(),
            hours: HourTable::default(),
            tallies: Table::<TallyRow>::new(),
            readings: Table::<ReadingRow>::new(),
            faults: Table::<FaultRow>::new(),
            rounds: Table::<RoundRow>::new(),
            plans: Table::<PlanRow>::new(),
            slots: Table::<SlotRow>::new(),
            episodes: Table::<EpisodeView>::new(),
            roll_calls: Table::<RollCallView>::new(),
            excuses: Table::<ExcuseView>::new(),
            hand_rounds: Table::<HandRound>::new(),
            hand_overs: Table::<HandOverView>::new(),
            entries: Table::<EntryCounts>::new(),
            said: Table::<SaidRow>::new(),
            configs: Table::<UnitConfig>::new(),
            commands: Table::<CommandsRow>::new(),
            audit: None,
            sight: Arc::new(Sight::default()),
            presence: BTreeMap::new(),
            judged: Judged::default(),
            pruned_at: None,
        }
    }

    /// Events that a unit holds and the hub does not have: by the last number that the unit named,
    /// and the watermark now.
    pub fn waiting(&self, unit: &UnitId) -> u64 {
        let Some(alive) = self.presence.get(unit).and_then(|it| it.alive.as_ref()) else {
            return 0;
        };
        let through = self
            .logs
            .get(&(unit.clone(), alive.log.clone()))
            .map_or(0, |log| log.through);
        alive.last.saturating_sub(through)
    }

    /// Whether a unit's backlog is arriving: it is there and holds events while the newest that the
    /// hub has is old, or what came last was old when it came.
    pub fn is_catching_up(&self, unit: &UnitId, now: Wall) -> bool {
        let Some(presence) = self.presence.get(unit) else {
            return false;
        };
        let row = self.units.get(unit);
        let interval_s = row.map_or(10, |row| row.interval_s);
        let offline_us = i64::try_from(interval_s.saturating_mul(5_000_000)).unwrap_or(i64::MAX);
        let is_there = presence
            .contact_at
            .is_some_and(|at| now.micros_since(at) <= offline_us);
        let data_at = row.and_then(|row| row.data_at);
        let lags = data_at.is_none_or(|at| now.micros_since(at) > LAG_US);
        let arrives_old = presence.batch.is_some_and(|batch| {
            now.micros_since(batch.received) < ARRIVING_US
                && batch.received.micros_since(batch.newest) > OLD_AT_RECEIPT_US
        });
        (is_there && lags && self.waiting(unit) > 0) || arrives_old
    }

    /// All units that are known or expected, in order.
    pub fn unit_ids(&self) -> Vec<UnitId> {
        let mut ids: Vec<UnitId> = self.units.keys().chain(&self.site.units).cloned().collect();
        ids.sort();
        ids.dedup();
        ids
    }

    /// Lanes of people that lead into the site, or into one of its zones.
    pub fn people_lanes(&self, into: Option<Zone>) -> Vec<LaneId> {
        people_lanes(&self.site, into)
    }

    /// The sum of a headcount: of the site, or of a zone.
    pub fn tally(&self, of: Option<Zone>) -> Option<&Tally> {
        self.tallies.get(&of).map(|row| &row.tally)
    }

    /// The watermark of a log.
    pub fn log(&self, unit: &UnitId, log: &LogId) -> Option<&LogRow> {
        self.logs.get(&(unit.clone(), log.clone()))
    }
}

/// Lanes of people that lead into a site, or into one of its zones, by settings of that site.
pub fn people_lanes(site: &Site, into: Option<Zone>) -> Vec<LaneId> {
    let lanes = site.lanes.iter();
    lanes
        .filter(|lane| lane.kind == gatepost_model::LaneKind::People)
        .filter(|lane| match lane.leads_to {
            gatepost_model::LeadsTo::Site => into.is_none(),
            gatepost_model::LeadsTo::Zone(zone) => into == Some(zone),
        })
        .map(|lane| lane.id.clone())
        .collect()
}

/// The newest data may be this old before a unit that holds events is behind.
const LAG_US: i64 = 60_000_000;
/// Batches come at least this often while a backlog arrives.
const ARRIVING_US: i64 = 10_000_000;
/// Events that are older than this when they come are a backlog's.
const OLD_AT_RECEIPT_US: i64 = 120_000_000;

impl State {
    /// The alerts of a site that are open.
    pub fn open_alerts(&self, site: &SiteId) -> impl Iterator<Item = &AlertView> {
        self.alerts.open_at(site)
    }

    /// Takes over a committed change. The same change again changes nothing.
    pub fn apply(&mut self, change: &Change) {
        match change {
            Change::Site(site) | Change::StoredSite(site) => match self.sites.get_mut(&site.id) {
                Some(known) => {
                    // Others may be told now, or at other times.
                    let open = self.alerts.open_at(&site.id);
                    open.for_each(|alert| self.calls.at_once(&alert.id));
                    self.due.at_once(&site.id);
                    let known = Arc::make_mut(known);
                    known.zone = SiteZone::parse(&site.time_zone).unwrap_or(SiteZone::UTC);
                    known.site = site.clone();
                    known.judged = Judged::default();
                }
                None => {
                    self.due.at_once(&site.id);
                    let new = Arc::new(SiteState::new(site.clone()));
                    self.sites.insert(site.id.clone(), new);
                }
            },
            Change::Alert(alert) => {
                let before = self.alerts.get(alert.id);
                let says = |alert: &AlertView| (paging::calls(alert), alert.severity);
                if before.map_or((false, alert.severity), says) != says(alert) {
                    self.calls.at_once(&alert.id);
                }
                self.alerts.put(alert.clone());
            }
            Change::Called(alert, Some(next)) => self.calls.set(alert, *next),
            Change::Called(alert, None) => self.calls.forget(alert),
            Change::Lived(lived) => self.lived = lived.clone(),
            Change::Message(row) => self.post.put(row.clone()),
            Change::Forgotten(message) => self.post.remove(*message),
            Change::Shelf(change) => self.shelf.apply(change),
            Change::Withdrawn(_) => {}
            Change::Listening(since) => {
                self.listening_since = *since;
                self.sites.keys().for_each(|site| self.due.at_once(site));
            }
            Change::Put(site, row) => {
                self.note_row(site, row);
                self.edit(site, |state| state.put(row));
            }
            Change::Remove(site, key) => self.edit(site, |state| state.remove(key)),
            Change::Watched(site, joined) => self.edit(site, |state| {
                Arc::make_mut(&mut state.sight).watches.apply(joined);
            }),
            Change::Heard(site, unit, presence) => {
                let known = self.sites.get(site).and_then(|it| it.presence.get(unit));
                if known.is_none_or(|known| known.interval_s() != presence.interval_s()) {
                    self.due.at_once(site);
                }
                self.edit(site, |state| {
                    state.presence.insert(unit.clone(), presence.clone());
                });
            }
            Change::Judged(site, judged) => {
                match judged.next {
                    Some(next) if judged.stale.is_none() => self.due.by(site, next),
                    _ => self.due.at_once(site),
                }
                self.edit(site, |state| state.judged = judged.clone());
            }
            Change::Looked(site, next) => self.due.set(site, *next),
            Change::Pruned(site, at) => self.edit(site, |state| state.pruned_at = Some(*at)),
        }
    }

    /// What a row says of when its site must be looked at.
    fn note_row(&mut self, site: &SiteId, row: &AnyRow) {
        let Some(known) = self.sites.get(site) else {
            return;
        };
        match row {
            AnyRow::Unit(row) => {
                let before = known.units.get(&row.unit);
                let is_news = before.is_none_or(|before| {
                    before.offline != row.offline || before.interval_s != row.interval_s
                });
                if is_news {
                    self.due.at_once(site);
                }
            }
            AnyRow::Log(row) if known.log(&row.unit, &row.log).is_none() => self.due.at_once(site),
            AnyRow::Said(row) => self.due.by(site, row.forgotten_at()),
            _ => {}
        }
    }

    /// Changes of a site that is not known are for nobody.
    fn edit(&mut self, site: &SiteId, change: impl FnOnce(&mut SiteState)) {
        let hub = Some(&mut self.hub).filter(|hub| hub.site.id == *site);
        if let Some(state) = self.sites.get_mut(site).or(hub) {
            change(Arc::make_mut(state));
        }
    }
}

impl SiteState {
    fn put(&mut self, row: &AnyRow) {
        match row {
            AnyRow::Log(row) => drop(self.logs.insert(row.key(), row.clone())),
            AnyRow::Unit(row) => drop(self.units.insert(row.key(), row.clone())),
            AnyRow::Lane(row) => drop(self.lanes.insert(row.key(), row.clone())),
            AnyRow::Measuring(row) => drop(self.measuring.insert(row.key(), row.clone())),
            AnyRow::Quarter(row) => {
                self.hours.put(row.lane.clone(), row.start, row.counts);
                self.quarters.insert(row.key(), row.clone());
            }
            AnyRow::Tally(row) => drop(self.tallies.insert(row.key(), row.clone())),
            AnyRow::Reading(row) => drop(self.readings.insert(row.key(), row.clone())),
            AnyRow::Fault(row) => drop(self.faults.insert(row.key(), row.clone())),
            AnyRow::Round(row) => drop(self.rounds.insert(row.key(), row.clone())),
            AnyRow::Plan(row) => drop(self.plans.insert(row.key(), row.clone())),
            AnyRow::Slot(row) => drop(self.slots.insert(row.key(), row.clone())),
            AnyRow::Watch(watch) => drop(Arc::make_mut(&mut self.sight).watches.add(watch.clone())),
            AnyRow::Watching(watching) => {
                Arc::make_mut(&mut self.sight).put_watching(watching.clone());
            }
            AnyRow::Episode(row) => drop(self.episodes.insert(row.key(), row.clone())),
            AnyRow::RollCall(row) => drop(self.roll_calls.insert(row.key(), row.clone())),
            AnyRow::Excuse(row) => drop(self.excuses.insert(row.key(), row.clone())),
            AnyRow::HandRound(row) => drop(self.hand_rounds.insert(row.key(), row.clone())),
            AnyRow::HandOver(row) => drop(self.hand_overs.insert(row.key(), row.clone())),
            AnyRow::Entries(row) => drop(self.entries.insert(row.key(), row.clone())),
            AnyRow::Said(row) => drop(self.said.insert(row.key(), row.clone())),
            AnyRow::Config(row) => drop(self.configs.insert(row.key(), row.clone())),
            AnyRow::Commands(row) => drop(self.commands.insert(row.key(), row.clone())),
            AnyRow::Audit(row) => {
                if self.audit.as_ref().is_none_or(|known| known.n <= row.n) {
                    self.audit = Some(row.clone());
                }
            }
            AnyRow::Blind(blind) => Arc::make_mut(&mut self.sight).put_blind(blind.clone()),
        }
    }

    fn remove(&mut self, key: &AnyKey) {
        match key {
            AnyKey::Fault(key) => drop(self.faults.remove(key)),
            AnyKey::Said(key) => drop(self.said.remove(key)),
            AnyKey::Plan(key) => drop(self.plans.remove(key)),
            AnyKey::Round(key) => drop(self.rounds.remove(key)),
            AnyKey::Quarter((lane, start)) => {
                self.hours.remove(lane, *start);
                self.quarters.remove(&(lane.clone(), *start));
            }
        }
    }
}
