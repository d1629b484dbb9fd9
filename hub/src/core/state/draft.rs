//! The state as a turn would make it, while it is still being decided.

use std::collections::BTreeMap;

use gatepost_dashboard::view::{
    AuditEntry, EntryCounts, EpisodeView, ExcuseView, HandOverView, HandRound, RollCallView,
    UnitConfig,
};
use gatepost_model::{Micros, Site, SiteId, UnitId, Wall};

use super::{
    AnyKey, AnyRow, Change, CommandsRow, FaultRow, Judged, LaneRow, LogRow, Presence, QuarterRow,
    ReadingRow, RoundRow, Row, SaidRow, SiteState, SlotRow, State, Table, TallyRow, UnitRow,
};
use crate::core::{
    alerts::{BookDraft, Cause, Occurrence},
    coverage::{Blind, BootKey, Watch, Watching},
    fever::MeasuringRow,
    paging::PostDraft,
    quarantine::ShelfDraft,
    rounds::PlanRow,
};

/// A table with changes over it.
#[derive(Debug)]
pub struct TableDraft<'a, R: Row> {
    base: &'a Table<R>,
    over: BTreeMap<R::Key, Option<R>>,
}

impl<'a, R: Row> TableDraft<'a, R> {
    fn new(base: &'a Table<R>) -> Self {
        Self {
            base,
            over: BTreeMap::new(),
        }
    }

    /// The row as it is in this turn.
    pub fn get(&self, key: &R::Key) -> Option<&R> {
        match self.over.get(key) {
            Some(changed) => changed.as_ref(),
            None => self.base.get(key),
        }
    }

    /// The row to be changed in place, made first if it is not there.
    pub fn edit(&mut self, key: R::Key, make: impl FnOnce() -> R) -> &mut R {
        let base = self.base;
        let at = self.over.entry(key);
        let known = match &at {
            std::collections::btree_map::Entry::Occupied(_) => None,
            std::collections::btree_map::Entry::Vacant(vacant) => base.get(vacant.key()).cloned(),
        };
        at.or_insert(known).get_or_insert_with(make)
    }

    /// Sets a row.
    pub fn put(&mut self, row: R) {
        self.over.insert(row.key(), Some(row));
    }

    /// Takes a row away.
    pub fn remove(&mut self, key: R::Key) {
        self.over.insert(key, None);
    }

    /// All rows as they are in this turn, those that were changed last.
    pub fn iter(&self) -> impl Iterator<Item = &R> {
        let kept = self
            .base
            .iter()
            .filter(|(key, _)| !self.over.contains_key(key))
            .map(|(_, row)| row);
        kept.chain(self.over.values().flatten())
    }

    /// Rows that were touched in this turn.
    pub fn changed_rows(&self) -> impl Iterator<Item = &R> {
        self.over.values().flatten()
    }

    /// What differs from the base.
    fn changed(self) -> impl Iterator<Item = (R::Key, Option<R>)> {
        let base = self.base;
        self.over
            .into_iter()
            .filter(|(key, row)| base.get(key) != row.as_ref())
    }
}

/// A site with changes over it.
#[derive(Debug)]
pub struct SiteDraft<'a> {
    /// As it was before the turn.
    pub base: &'a SiteState,
    /// Watermarks.
    pub logs: TableDraft<'a, LogRow>,
    /// Units.
    pub units: TableDraft<'a, UnitRow>,
    /// Lanes.
    pub lanes: TableDraft<'a, LaneRow>,
    /// What was measured lately.
    pub measuring: TableDraft<'a, MeasuringRow>,
    /// Counts by quarters of an hour.
    pub quarters: TableDraft<'a, QuarterRow>,
    /// Headcounts' sums.
    pub tallies: TableDraft<'a, TallyRow>,
    /// Newest readings.
    pub readings: TableDraft<'a, ReadingRow>,
    /// Open faults.
    pub faults: TableDraft<'a, FaultRow>,
    /// Rounds.
    pub rounds: TableDraft<'a, RoundRow>,
    /// Plans.
    pub plans: TableDraft<'a, PlanRow>,
    /// Verdicts.
    pub slots: TableDraft<'a, SlotRow>,
    /// Fever episodes.
    pub episodes: TableDraft<'a, EpisodeView>,
    /// Roll-calls.
    pub roll_calls: TableDraft<'a, RollCallView>,
    /// Why planned rounds need not be done.
    pub excuses: TableDraft<'a, ExcuseView>,
    /// Rounds that no unit saw.
    pub hand_rounds: TableDraft<'a, HandRound>,
    /// Hand-overs of shifts.
    pub hand_overs: TableDraft<'a, HandOverView>,
    /// Entries by day.
    pub entries: TableDraft<'a, EntryCounts>,
    /// What commands with an idempotency key came to.
    pub said: TableDraft<'a, SaidRow>,
    /// Configurations that units are to run with.
    pub configs: TableDraft<'a, UnitConfig>,
    /// Commands to units.
    pub commands: TableDraft<'a, CommandsRow>,
    /// What people did in this turn.
    pub audit: Vec<AuditEntry>,
    /// Proofs of watching.
    pub proofs: Vec<Watch>,
    /// What boots said.
    pub watchings: Vec<Watching>,
    /// Blind times, opened or closed.
    pub blinds: Vec<Blind>,
    /// Who was heard.
    pub presence: BTreeMap<UnitId, Presence>,
    /// Which slots must be looked at.
    pub judged: Judged,
    /// It was looked at, and must be again then.
    pub next_look: Option<Wall>,
    /// Rows that nobody needs are forgotten in this turn.
    pub pruned_at: Option<Wall>,
    /// The settings from the next turn on.
    settings: Option<Site>,
    /// Whether those are what somebody else has stored.
    are_stored: bool,
}

impl<'a> SiteDraft<'a> {
    fn new(base: &'a SiteState) -> Self {
        Self {
            base,
            logs: TableDraft::new(&base.logs),
            units: TableDraft::new(&base.units),
            lanes: TableDraft::new(&base.lanes),
            measuring: TableDraft::new(&base.measuring),
            quarters: TableDraft::new(&base.quarters),
            tallies: TableDraft::new(&base.tallies),
            readings: TableDraft::new(&base.readings),
            faults: TableDraft::new(&base.faults),
            rounds: TableDraft::new(&base.rounds),
            plans: TableDraft::new(&base.plans),
            slots: TableDraft::new(&base.slots),
            episodes: TableDraft::new(&base.episodes),
            roll_calls: TableDraft::new(&base.roll_calls),
            excuses: TableDraft::new(&base.excuses),
            hand_rounds: TableDraft::new(&base.hand_rounds),
            hand_overs: TableDraft::new(&base.hand_overs),
            entries: TableDraft::new(&base.entries),
            said: TableDraft::new(&base.said),
            configs: TableDraft::new(&base.configs),
            commands: TableDraft::new(&base.commands),
            audit: Vec::new(),
            proofs: Vec::new(),
            watchings: Vec::new(),
            blinds: Vec::new(),
            presence: BTreeMap::new(),
            judged: base.judged.clone(),
            next_look: None,
            pruned_at: None,
            settings: None,
            are_stored: false,
        }
    }

    /// The settings as the turn has changed them.
    pub fn settings(&self) -> &Site {
        self.settings.as_ref().unwrap_or(&self.base.site)
    }

    /// Somebody else has stored settings.
    pub fn read_settings(&mut self, settings: Site) {
        self.settings = Some(settings);
        self.are_stored = true;
    }

    /// Somebody changes the settings through the hub.
    pub fn change_settings(&mut self, settings: Site) {
        self.settings = Some(settings);
        self.are_stored = false;
    }

    /// The presence of a unit, to be changed in place.
    pub fn presence(&mut self, unit: &UnitId) -> &mut Presence {
        let base = self.base;
        self.presence
            .entry(unit.clone())
            .or_insert_with(|| base.presence.get(unit).cloned().unwrap_or_default())
    }

    /// The newest entry of the audit trail.
    pub fn last_audit(&self) -> Option<&AuditEntry> {
        self.audit.last().or(self.base.audit.as_ref())
    }

    /// The row of a unit, to be changed in place.
    pub fn unit(&mut self, unit: &UnitId) -> &mut UnitRow {
        self.units.edit(unit.clone(), || UnitRow::new(unit.clone()))
    }

    /// The newest word of a boot at or before a moment on what it watches, else its first.
    pub fn watching(&self, boot: &BootKey, at_mono: Micros) -> Option<&Watching> {
        let new = self
            .watchings
            .iter()
            .filter(|word| word.boot == *boot && word.from_mono <= at_mono)
            .max_by_key(|word| word.from_mono);
        let known = self.base.sight.watching(boot, at_mono);
        match (new, known) {
            (Some(new), Some(known)) if known.from_mono > new.from_mono => Some(known),
            (Some(new), _) => Some(new),
            (None, known) => known,
        }
    }

    fn changes(self, site: &SiteId, changes: &mut Vec<Change>) {
        fn puts<R: Row + Into<AnyRow>>(
            table: TableDraft<'_, R>,
            site: &SiteId,
            changes: &mut Vec<Change>,
        ) {
            let rows = table.changed().filter_map(|(_, row)| row);
            changes.extend(rows.map(|row| Change::Put(site.clone(), row.into())));
        }
        puts(self.logs, site, changes);
        puts(self.units, site, changes);
        puts(self.lanes, site, changes);
        puts(self.measuring, site, changes);
        puts(self.tallies, site, changes);
        puts(self.readings, site, changes);
        puts(self.slots, site, changes);
        puts(self.episodes, site, changes);
        puts(self.roll_calls, site, changes);
        puts(self.excuses, site, changes);
        puts(self.hand_rounds, site, changes);
        puts(self.hand_overs, site, changes);
        puts(self.entries, site, changes);
        puts(self.configs, site, changes);
        puts(self.commands, site, changes);
        let audit = self.audit.into_iter();
        changes.extend(audit.map(|row| Change::Put(site.clone(), row.into())));
        for (key, row) in self.rounds.changed() {
            changes.push(match row {
                Some(row) => Change::Put(site.clone(), row.into()),
                None => Change::Remove(site.clone(), AnyKey::Round(key)),
            });
        }
        for (key, row) in self.quarters.changed() {
            changes.push(match row {
                Some(row) => Change::Put(site.clone(), row.into()),
                None => Change::Remove(site.clone(), AnyKey::Quarter(key)),
            });
        }
        for (key, row) in self.plans.changed() {
            changes.push(match row {
                Some(row) => Change::Put(site.clone(), row.into()),
                None => Change::Remove(site.clone(), AnyKey::Plan(key)),
            });
        }
        for (key, row) in self.said.changed() {
            changes.push(match row {
                Some(row) => Change::Put(site.clone(), row.into()),
                None => Change::Remove(site.clone(), AnyKey::Said(key)),
            });
        }
        for (key, row) in self.faults.changed() {
            changes.push(match row {
                Some(row) => Change::Put(site.clone(), row.into()),
                None => Change::Remove(site.clone(), AnyKey::Fault(key)),
            });
        }
        let mut put = |row: AnyRow| changes.push(Change::Put(site.clone(), row));
        self.watchings.into_iter().for_each(|row| put(row.into()));
        self.blinds.into_iter().for_each(|row| put(row.into()));
        let joined = self.base.sight.watches.joined(self.proofs);
        changes.extend(
            joined
                .into_iter()
                .map(|joined| Change::Watched(site.clone(), joined)),
        );
        changes.extend(
            self.presence
                .into_iter()
                .filter(|(unit, presence)| self.base.presence.get(unit) != Some(presence))
                .map(|(unit, presence)| Change::Heard(site.clone(), unit, presence)),
        );
        if self.judged != self.base.judged {
            changes.push(Change::Judged(site.clone(), self.judged));
        }
        changes.extend(self.next_look.map(|at| Change::Looked(site.clone(), at)));
        changes.extend(self.pruned_at.map(|at| Change::Pruned(site.clone(), at)));
        // By new settings all is looked at anew.
        let change = match self.are_stored {
            true => Change::StoredSite,
            false => Change::Site,
        };
        changes.extend(self.settings.map(change));
    }
}

/// One site in a turn, with what all sites share.
#[derive(Debug)]
pub struct Part<'d, 'a> {
    /// Which site.
    pub id: &'a SiteId,
    /// The site.
    pub site: &'d mut SiteDraft<'a>,
    /// Alerts.
    pub alerts: &'d mut BookDraft<'a>,
    /// What was set aside.
    pub shelf: &'d mut ShelfDraft<'a>,
    /// Messages to people.
    pub post: &'d mut PostDraft<'a>,
}

impl Part<'_, '_> {
    /// Something is wrong on the site. Answers the alert, and whether it is a new one.
    pub fn raise(&mut self, cause: &Cause, occurrence: Occurrence, now: Wall) -> (u64, bool) {
        let severity = self.site.base.site.severity(cause.kind);
        self.alerts.raise(cause, severity, occurrence, now)
    }
}

/// The whole state with changes over it.
#[derive(Debug)]
pub struct Draft<'a> {
    base: &'a State,
    sites: BTreeMap<SiteId, SiteDraft<'a>>,
    /// Alerts.
    pub alerts: BookDraft<'a>,
    /// What was set aside.
    pub shelf: ShelfDraft<'a>,
    /// Messages to people.
    pub post: PostDraft<'a>,
    /// Changes that nothing later in the turn reads.
    pub more: Vec<Change>,
}

impl<'a> Draft<'a> {
    /// Nothing is changed yet.
    pub fn new(base: &'a State, hold_us: i64) -> Self {
        Self {
            base,
            sites: BTreeMap::new(),
            alerts: BookDraft::new(&base.alerts, hold_us),
            shelf: ShelfDraft::new(&base.shelf),
            post: PostDraft::new(&base.post),
            more: Vec::new(),
        }
    }

    /// The state before the turn.
    pub fn base(&self) -> &'a State {
        self.base
    }

    /// A site, if it is known, with what all sites share.
    pub fn part(&mut self, id: &SiteId) -> Option<Part<'_, 'a>> {
        let (id, base) = self.base.sites.get_key_value(id)?;
        Some(self.part_of(id, base))
    }

    /// The hub as a site of its own, with what all sites share.
    pub fn hub(&mut self) -> Part<'_, 'a> {
        let base = self.base;
        self.part_of(&base.hub.site.id, &base.hub)
    }

    fn part_of(&mut self, id: &'a SiteId, base: &'a SiteState) -> Part<'_, 'a> {
        let site = self
            .sites
            .entry(id.clone())
            .or_insert_with(|| SiteDraft::new(base));
        Part {
            id,
            site,
            alerts: &mut self.alerts,
            shelf: &mut self.shelf,
            post: &mut self.post,
        }
    }

    /// Something is wrong on a site that may not be known.
    pub fn raise(&mut self, cause: &Cause, occurrence: Occurrence, now: Wall) {
        let site = self.base.sites.get(&cause.site);
        let severity = site.map_or(cause.kind.severity(), |it| it.site.severity(cause.kind));
        self.alerts.raise(cause, severity, occurrence, now);
    }

    /// All that is changed.
    pub fn into_changes(mut self) -> Vec<Change> {
        self.alerts.relink();
        let mut changes = self.more;
        for (id, site) in self.sites {
            site.changes(&id, &mut changes);
        }
        changes.extend(self.alerts.into_changed().map(Change::Alert));
        changes.extend(self.shelf.into_changes().map(Change::Shelf));
        changes.extend(self.post.into_changes());
        changes
    }
}
