//! What the record needs between two turns: hours that are over are sealed, and what a site does not
//! keep any longer goes. A slice at a time, so that no turn waits long.

use std::{
    sync::{PoisonError, RwLock},
    time::Duration,
};

use tracing::warn;

use super::chain;
use crate::{
    clock::{Clock, Stopwatch},
    core::{Core, state::SiteState},
    store::{
        embedded::{Kept, Retained},
        journal::Journal,
    },
};

/// Between two looks at what is too old.
const REST: Duration = Duration::from_secs(3600);
/// Before the first one: units have something more urgent to tell after a start.
const FIRST_REST: Duration = Duration::from_secs(60);

/// What goes on between two turns.
#[derive(Debug)]
pub(super) struct Housekeeping {
    seals: bool,
    retains: bool,
    /// The sites as they were when the look began; none while it rests.
    sites: Option<Vec<Kept>>,
    rested: Stopwatch,
    rest: Duration,
}

impl Housekeeping {
    pub(super) fn new(clock: &Clock) -> Self {
        Self {
            seals: true,
            retains: true,
            sites: None,
            rested: clock.stopwatch(),
            rest: FIRST_REST,
        }
    }

    /// Does a slice of what is due. What fails stays as it is and is tried again; a disk that is full
    /// is noticed by the next commit.
    pub(super) fn work(&mut self, journal: &mut Journal, core: &RwLock<Core>, clock: &Clock) {
        let sealed = self.seal(journal, clock);
        noted(
            &mut self.seals,
            sealed,
            "an hour of readings cannot be sealed; it stays in the journal",
        );
        let retained = self.retain(journal, core, clock);
        noted(
            &mut self.retains,
            retained,
            "what is too old cannot be taken out of the record; it stays",
        );
    }

    fn seal(&self, journal: &mut Journal, clock: &Clock) -> rusqlite::Result<()> {
        journal.seal(clock.now()).map(|_| ())
    }

    fn retain(
        &mut self,
        journal: &mut Journal,
        core: &RwLock<Core>,
        clock: &Clock,
    ) -> rusqlite::Result<()> {
        let sites = match &self.sites {
            Some(sites) => sites,
            None if self.rested.elapsed() < self.rest => return Ok(()),
            None => {
                let core = core.read().unwrap_or_else(PoisonError::into_inner);
                let sites = core.state().sites.values();
                self.sites.insert(sites.map(|site| kept(site)).collect())
            }
        };
        let retained = journal.retain(clock.now(), sites);
        // What failed is not tried at once: the disk may have no room.
        if !matches!(retained, Ok(Retained::Slice)) {
            self.sites = None;
            self.rested = clock.stopwatch();
            self.rest = REST;
        }
        retained.map(|_| ())
    }
}

fn kept(site: &SiteState) -> Kept {
    Kept {
        site: site.site.id.clone(),
        zone: site.zone,
        retention: site.site.retention,
    }
}

/// Says what failed, if it worked before.
fn noted(works: &mut bool, result: rusqlite::Result<()>, what: &str) {
    if let Err(error) = &result
        && *works
    {
        warn!(error = chain(error), "{what}");
    }
    *works = result.is_ok();
}
