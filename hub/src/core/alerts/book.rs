//! All alerts, found by number and by cause.

use std::collections::{BTreeMap, BTreeSet};

use gatepost_dashboard::view::AlertView;
use gatepost_model::{SiteId, Wall, alert::AlertState};

use super::{Cause, cleared_at, fever_waits_since, people::off_the_shelf_at};

/// All alerts.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Book {
    all: BTreeMap<u64, AlertView>,
    open: BTreeSet<u64>,
    open_at: BTreeMap<SiteId, BTreeSet<u64>>,
    by_cause: BTreeMap<Cause, Last>,
    waiting: Waiting,
}

/// The newest alerts of a cause.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Last {
    open: Option<u64>,
    newest: u64,
}

impl Last {
    fn take(&mut self, alert: &AlertView) {
        if alert.state != AlertState::Resolved {
            self.open = Some(self.open.map_or(alert.id, |id| id.max(alert.id)));
        } else if self.open == Some(alert.id) {
            self.open = None;
        }
        self.newest = self.newest.max(alert.id);
    }
}

/// Open alerts that time alone changes, by since or until when: a look costs what is due.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Waiting {
    /// On the shelf until then.
    pub(super) shelved: BTreeSet<(Wall, u64)>,
    /// Their cause is gone since then.
    pub(super) gone: BTreeSet<(Wall, u64)>,
    /// Fevers that nobody answered since then.
    pub(super) fevers: BTreeSet<(Wall, u64)>,
}

impl Waiting {
    fn put(&mut self, alert: &AlertView) {
        self.each(alert, |set, at| {
            set.insert((at, alert.id));
        });
    }

    fn take_out(&mut self, alert: &AlertView) {
        self.each(alert, |set, at| {
            set.remove(&(at, alert.id));
        });
    }

    fn each(
        &mut self,
        alert: &AlertView,
        mut change: impl FnMut(&mut BTreeSet<(Wall, u64)>, Wall),
    ) {
        if let Some(until) = off_the_shelf_at(alert) {
            change(&mut self.shelved, until);
        }
        if let Some(at) = cleared_at(alert) {
            change(&mut self.gone, at);
        }
        if let Some(since) = fever_waits_since(alert) {
            change(&mut self.fevers, since);
        }
    }
}

impl Book {
    /// Sets an alert.
    pub fn put(&mut self, alert: AlertView) {
        if alert.state == AlertState::Resolved {
            self.open.remove(&alert.id);
            if let Some(open) = self.open_at.get_mut(&alert.site) {
                open.remove(&alert.id);
                if open.is_empty() {
                    self.open_at.remove(&alert.site);
                }
            }
        } else {
            self.open.insert(alert.id);
            self.open_at
                .entry(alert.site.clone())
                .or_default()
                .insert(alert.id);
        }
        self.by_cause
            .entry(Cause::of(&alert))
            .or_default()
            .take(&alert);
        if let Some(before) = self.all.get(&alert.id) {
            self.waiting.take_out(before);
        }
        self.waiting.put(&alert);
        self.all.insert(alert.id, alert);
    }

    /// One alert.
    pub fn get(&self, id: u64) -> Option<&AlertView> {
        self.all.get(&id)
    }

    /// Those that are not resolved, oldest first.
    pub fn open(&self) -> impl Iterator<Item = &AlertView> {
        self.open.iter().filter_map(|id| self.all.get(id))
    }

    /// Those of a site that are not resolved, oldest first.
    pub fn open_at(&self, site: &SiteId) -> impl Iterator<Item = &AlertView> {
        let open = self.open_at.get(site).into_iter().flatten();
        open.filter_map(|id| self.all.get(id))
    }

    /// All, oldest first.
    pub fn all(&self) -> impl DoubleEndedIterator<Item = &AlertView> {
        self.all.values()
    }
}

/// All alerts, with changes over them.
#[derive(Debug)]
pub struct BookDraft<'a> {
    base: &'a Book,
    /// A cause that can go away must stay away for this long, microseconds.
    pub(super) hold_us: i64,
    over: BTreeMap<u64, AlertView>,
    by_cause: BTreeMap<Cause, Last>,
}

impl<'a> BookDraft<'a> {
    /// Nothing is changed yet.
    pub fn new(base: &'a Book, hold_us: i64) -> Self {
        Self {
            base,
            hold_us,
            over: BTreeMap::new(),
            by_cause: BTreeMap::new(),
        }
    }

    /// One alert as it is in this turn.
    pub fn get(&self, id: u64) -> Option<&AlertView> {
        self.over.get(&id).or_else(|| self.base.get(id))
    }

    /// Those that are not resolved in this turn.
    pub fn open(&self) -> impl Iterator<Item = &AlertView> {
        let kept = self
            .base
            .open()
            .filter(|alert| !self.over.contains_key(&alert.id));
        let changed = self.over.values();
        kept.chain(changed.filter(|alert| alert.state != AlertState::Resolved))
    }

    /// Those of a site that are not resolved in this turn.
    pub fn open_at(&self, site: &SiteId) -> impl Iterator<Item = &AlertView> {
        let kept = self
            .base
            .open_at(site)
            .filter(|alert| !self.over.contains_key(&alert.id));
        let changed = self.over.values().filter(move |alert| alert.site == *site);
        kept.chain(changed.filter(|alert| alert.state != AlertState::Resolved))
    }

    /// The open alert of a cause.
    pub fn open_of(&self, cause: &Cause) -> Option<&AlertView> {
        self.last(cause).open.and_then(|id| self.get(id))
    }

    /// What is changed.
    pub fn into_changed(self) -> impl Iterator<Item = AlertView> {
        let base = self.base;
        self.over
            .into_values()
            .filter(|alert| base.get(alert.id) != Some(alert))
    }

    /// Whether an alert was touched in this turn.
    pub fn is_touched(&self, id: u64) -> bool {
        self.over.contains_key(&id)
    }

    /// What was touched in this turn.
    pub(super) fn changed(&self) -> impl Iterator<Item = &AlertView> {
        self.over.values()
    }

    /// The newest alert of a cause, open or not.
    pub fn newest_of(&self, cause: &Cause) -> Option<&AlertView> {
        self.get(self.last(cause).newest)
    }

    /// Alerts that a look at what waits finds, and all that were touched in this turn, as they are.
    pub(super) fn due<'s, I>(&'s self, due: impl FnOnce(&'s Waiting) -> I) -> Vec<AlertView>
    where
        I: Iterator<Item = &'s (Wall, u64)>,
    {
        let due = due(&self.base.waiting).map(|(_, id)| *id);
        let ids: BTreeSet<u64> = due.chain(self.over.keys().copied()).collect();
        ids.into_iter()
            .filter_map(|id| self.get(id))
            .cloned()
            .collect()
    }

    pub(super) fn next_id(&self) -> u64 {
        let newest = |map: &BTreeMap<u64, AlertView>| map.last_key_value().map_or(0, |(id, _)| *id);
        newest(&self.base.all).max(newest(&self.over)) + 1
    }

    pub(super) fn put(&mut self, alert: AlertView) -> u64 {
        let id = alert.id;
        let cause = Cause::of(&alert);
        let mut last = self.last(&cause);
        last.take(&alert);
        self.by_cause.insert(cause, last);
        self.over.insert(id, alert);
        id
    }

    fn last(&self, cause: &Cause) -> Last {
        let base = || self.base.by_cause.get(cause).copied();
        self.by_cause
            .get(cause)
            .copied()
            .or_else(base)
            .unwrap_or_default()
    }
}
