//! The live stream: a snapshot for whoever comes, then what changes, serialised once for all.
//!
//! A scope (the fleet, or a site) is a model of what its readers have. When something changed, it is
//! made anew, compared with what the readers have ([`diff`]), and the difference goes out: the first
//! at once, then at most every `delta`. Alerts go out at once. Revisions go on from the clock at
//! start, so that a reader of an earlier process never takes this one's for its own.

pub mod diff;
mod public;
mod scope;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock},
    time::Duration,
};

use chrono::TimeDelta;
use gatepost_dashboard::{
    ports::{LiveStream, ReadError, Scope, Subscription},
    view::AlertView,
};
use gatepost_model::{SiteId, alert::Outcome};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::{
    clock::{Clock, Stopwatch},
    core::{Core, state::Change},
    health::Health,
    outbox::Outbox,
    read_model,
};
use public::Public;
use scope::Readers;

/// Without any change a model is made anew this often: ages and days pass.
const REFRESH: Duration = Duration::from_secs(2);
/// Retained topics are for tools that read along, and follow more slowly.
const PUBLISH: Duration = Duration::from_secs(1);
/// Without any change they are looked at this often, for a day that begins, and for a broker that
/// lost them.
const PUBLISH_ALL: Duration = Duration::from_secs(60);

/// The live streams.
#[derive(Debug)]
pub struct Live {
    core: Arc<RwLock<Core>>,
    outbox: Arc<Outbox>,
    health: Arc<Health>,
    clock: Clock,
    delta: Duration,
    scopes: Mutex<Scopes>,
    touched: Mutex<Touched>,
    wake: Condvar,
}

#[derive(Debug, Default)]
struct Scopes {
    /// The newest revision of scopes that nobody reads any more.
    newest: u64,
    readers: BTreeMap<Option<SiteId>, Readers>,
}

/// What changed since the streams were last told.
#[derive(Debug, Default)]
struct Touched {
    sites: BTreeSet<SiteId>,
    alerts: Vec<AlertView>,
}

impl Live {
    /// Streams of what a core knows.
    pub fn new(
        core: Arc<RwLock<Core>>,
        outbox: Arc<Outbox>,
        health: Arc<Health>,
        clock: Clock,
        delta: Duration,
    ) -> Self {
        Self {
            core,
            outbox,
            health,
            clock,
            delta,
            scopes: Mutex::default(),
            touched: Mutex::default(),
            wake: Condvar::new(),
        }
    }

    /// Something changed: the streams will tell. Never waits for a reader.
    pub fn touch(&self, changes: &[Change]) {
        if changes.is_empty() {
            return;
        }
        let mut touched = lock(&self.touched);
        for change in changes {
            match change {
                Change::Site(site) | Change::StoredSite(site) => {
                    touched.sites.insert(site.id.clone());
                }
                Change::Alert(alert) => {
                    touched.sites.insert(alert.site.clone());
                    touched.alerts.push(alert.clone());
                }
                Change::Put(site, _)
                | Change::Remove(site, _)
                | Change::Watched(site, _)
                | Change::Heard(site, ..) => {
                    if !touched.sites.contains(site) {
                        touched.sites.insert(site.clone());
                    }
                }
                Change::Shelf(_)
                | Change::Withdrawn(_)
                | Change::Judged(..)
                | Change::Looked(..)
                | Change::Lived(_)
                | Change::Message(_)
                | Change::Forgotten(_)
                | Change::Called(..)
                | Change::Pruned(..)
                | Change::Listening(_) => {}
            }
        }
        drop(touched);
        self.wake.notify_one();
    }

    /// Tells readers what changed, until it is told to stop. Runs on a thread of its own.
    pub fn run(&self, stop: &CancellationToken) {
        let mut pace = Pace {
            told: None,
            refreshed: self.clock.stopwatch(),
            published: None,
            published_all: None,
        };
        let mut public = Public::default();
        let mut sites = BTreeSet::new();
        while !stop.is_cancelled() {
            let touched = self.wait(&pace, !sites.is_empty());
            for alert in &touched.alerts {
                self.tell_alert(alert);
            }
            sites.extend(touched.sites);
            let is_refresh = pace.refreshed.elapsed() >= REFRESH;
            let may_tell = pace.told.is_none_or(|told| told.elapsed() >= self.delta);
            if !(is_refresh || (may_tell && !sites.is_empty())) {
                continue;
            }
            pace.told = Some(self.clock.stopwatch());
            if is_refresh {
                pace.refreshed = self.clock.stopwatch();
            }
            self.tell((!is_refresh).then_some(&sites));
            public.touched.append(&mut sites);
            self.publish(&mut public, &mut pace);
        }
    }

    /// Waits until something changed or is due.
    fn wait(&self, pace: &Pace, has_more: bool) -> Touched {
        let until_refresh = REFRESH.saturating_sub(pace.refreshed.elapsed());
        let until_told = match (has_more, pace.told) {
            (true, Some(told)) => self.delta.saturating_sub(told.elapsed()),
            (true, None) => Duration::ZERO,
            (false, _) => until_refresh,
        };
        let touched = lock(&self.touched);
        let (mut touched, _) = self
            .wake
            .wait_timeout_while(touched, until_refresh.min(until_told), |touched| {
                touched.sites.is_empty() && touched.alerts.is_empty()
            })
            .unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut touched)
    }

    /// Publishes the retained topics of sites that changed.
    fn publish(&self, public: &mut Public, pace: &mut Pace) {
        let is_due =
            |last: Option<Stopwatch>, every| last.is_none_or(|last| last.elapsed() >= every);
        if !is_due(pace.published, PUBLISH) {
            return;
        }
        let core = self.core.read().unwrap_or_else(PoisonError::into_inner);
        pace.published = Some(self.clock.stopwatch());
        if is_due(pace.published_all, PUBLISH_ALL) {
            pace.published_all = pace.published;
            public.forget(core.state().sites.keys());
        }
        public.publish(&core, self.clock.now(), &self.outbox);
    }

    fn tell_alert(&self, alert: &AlertView) {
        // Old news calls nobody.
        if alert.outcome == Some(Outcome::Late) {
            return;
        }
        let data = Arc::<str>::from(json!({ "alert": alert }).to_string());
        let scopes = lock(&self.scopes);
        for scope in [None, Some(alert.site.clone())] {
            if let Some(readers) = scopes.readers.get(&scope) {
                readers.alert(&data);
            }
        }
    }

    /// Makes the models anew that somebody reads: of these sites, or of all.
    fn tell(&self, sites: Option<&BTreeSet<SiteId>>) {
        let mut scopes = lock(&self.scopes);
        let Scopes { newest, readers } = &mut *scopes;
        readers.retain(|_, readers| {
            *newest = (*newest).max(readers.rev());
            readers.are_there()
        });
        for (scope, readers) in &mut scopes.readers {
            let is_touched = match (scope, sites) {
                (_, None) | (None, _) => true,
                (Some(site), Some(sites)) => sites.contains(site),
            };
            if is_touched {
                self.refresh(scope.as_ref(), readers, sites);
            }
        }
    }

    fn refresh(
        &self,
        scope: Option<&SiteId>,
        readers: &mut Readers,
        sites: Option<&BTreeSet<SiteId>>,
    ) {
        match self.model(scope, readers, sites) {
            Ok(model) => readers.tell(model, self.clock.now()),
            Err(error) => warn!(%error, "a live model cannot be made"),
        }
    }

    /// The model of a scope now.
    fn model(
        &self,
        scope: Option<&SiteId>,
        readers: &Readers,
        sites: Option<&BTreeSet<SiteId>>,
    ) -> Result<Value, ReadError> {
        let core = self.core.read().unwrap_or_else(PoisonError::into_inner);
        let now = self.clock.now();
        let grace = core.settings().slot_grace;
        // What is on the page is not the newest while a part of the hub does not work.
        let troubles = self.health.troubles();
        let model = match scope {
            Some(site) => to_json(read_model::site::snapshot(
                core.state(),
                site,
                grace,
                troubles,
                now,
            )?),
            None => {
                let mut fleet = fleet(&core, grace, readers, sites, now);
                fleet["troubles"] = troubles.into();
                fleet
            }
        };
        Ok(model)
    }
}

/// The fleet's rows; those of sites that were not touched are taken over as they are.
fn fleet(
    core: &Core,
    grace: TimeDelta,
    readers: &Readers,
    sites: Option<&BTreeSet<SiteId>>,
    now: gatepost_model::Wall,
) -> Value {
    let state = core.state();
    let known = readers.rows();
    let rows: Vec<Value> = state
        .sites
        .keys()
        .map(|id| {
            let kept = sites
                .filter(|sites| !sites.contains(id))
                .and_then(|_| known.get(id.as_str()));
            match kept {
                Some(row) => (*row).clone(),
                None => read_model::fleet::row(state, id, grace, now)
                    .map(to_json)
                    .unwrap_or_default(),
            }
        })
        .filter(|row| !row.is_null())
        .collect();
    json!({ "sites": rows })
}

/// A view as JSON. Views have texts as keys and finite numbers, so there is always one.
fn to_json<T: serde::Serialize>(view: T) -> Value {
    serde_json::to_value(view).unwrap_or_default()
}

/// When what was done last.
struct Pace {
    told: Option<Stopwatch>,
    refreshed: Stopwatch,
    published: Option<Stopwatch>,
    published_all: Option<Stopwatch>,
}

impl LiveStream for Live {
    fn subscribe(&self, scope: &Scope, last_rev: Option<u64>) -> Result<Subscription, ReadError> {
        let key = match scope {
            Scope::Fleet => None,
            Scope::Site(site) => Some(site.clone()),
        };
        let mut scopes = lock(&self.scopes);
        // Beyond any that a reader can have, of this process or an earlier one.
        let millis = u64::try_from(self.clock.now().micros() / 1000).unwrap_or(0);
        let first_rev = millis.max(scopes.newest + 1);
        let readers = scopes
            .readers
            .entry(key.clone())
            .or_insert_with(|| Readers::new(first_rev));
        let model = self.model(key.as_ref(), readers, None)?;
        readers.tell(model, self.clock.now());
        Ok(readers.join(last_rev, self.clock.now()))
    }

    fn build(&self) -> &str {
        gatepost_dashboard::build_id()
    }
}

/// What is behind these locks is whole whatever panicked while it was held.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
