//! One store's history brought to the other, while no hub serves.
//!
//! Events go over in the order of their times, a page at a time, and how far it has come is written
//! down with them: a copy that was cut off goes on there, and what is there already is left as it is. At
//! the end both stores are read from the beginning, and what the one has must be what the other has, by
//! number and by checksum.
//!
//! What one of them has only added up, because the site keeps its events no longer, does not go over: each
//! store adds up its own events. Nor do events of such a time go there, where they would be counted twice.
//! Both are said.

use std::{collections::BTreeMap, path::Path, sync::Arc, thread, time::Duration};

use gatepost_dashboard::ports::{EventQuery, ReadError};
use gatepost_model::{LogId, SiteId, UnitId, Wall};
use sha2::{Digest, Sha256};

use super::{
    embedded::Embedded,
    event::StoredEvent,
    influx::{self, Forwarder, Influx, Pace, forward::Round},
    journal::{FILE, Journal, LoadError, OpenError, StoreError},
};
use crate::{clock::Clock, core::Commit};

/// From where to where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// From the journal's own file to InfluxDB.
    ToInflux,
    /// From InfluxDB to the journal's own file.
    ToEmbedded,
}

impl Way {
    fn name(self) -> &'static str {
        match self {
            Self::ToInflux => "copied_to_influx",
            Self::ToEmbedded => "copied_to_embedded",
        }
    }
}

/// Why a copy does not go on. It can be begun again.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// One of both cannot be read.
    #[error("the history cannot be read: {0}")]
    Read(ReadError),
    /// The journal cannot be opened.
    #[error("the journal cannot be opened")]
    Open(#[from] OpenError),
    /// The sites cannot be read.
    #[error("the sites cannot be read")]
    Sites(#[from] LoadError),
    /// The target takes nothing.
    #[error("the copy cannot be written")]
    Write(#[from] StoreError),
    /// InfluxDB takes nothing.
    #[error("InfluxDB does not take what is copied: {0}")]
    Influx(String),
    /// The journal cannot be used.
    #[error("the journal cannot be used")]
    Journal(#[from] rusqlite::Error),
}

/// What both stores have of a site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copied {
    /// The site.
    pub site: SiteId,
    /// Events of the source.
    pub events: u64,
    /// Their checksum, whatever their order.
    pub checksum: u64,
    /// The same of the target, for the stretches of logs that the source has.
    pub found: (u64, u64),
    /// Up to when one of both has events of a kind only added up: of these and before, nothing
    /// was copied or compared.
    pub added_up: BTreeMap<String, Wall>,
}

impl Copied {
    /// Whether all came over.
    pub fn is_whole(&self) -> bool {
        (self.events, self.checksum) == self.found
    }
}

/// The two stores and the journal that the target's writer belongs to.
#[derive(Debug)]
pub struct Copy {
    /// The journal, opened for the target.
    pub journal: Journal,
    /// The one in the journal's file.
    pub embedded: Embedded,
    /// The one in InfluxDB.
    pub influx: Influx,
    /// What brings over what waits.
    pub forwarder: Forwarder,
    /// From where to where.
    pub way: Way,
    /// Events of a page.
    pub page: usize,
}

impl Copy {
    /// Opens both stores of a data directory that no hub serves from.
    pub fn open(
        data: &Path,
        client: Arc<influx::Client>,
        pace: Pace,
        way: Way,
    ) -> Result<Self, CopyError> {
        let journal = match way {
            Way::ToInflux => Journal::open_before_influx(data, u64::MAX)?,
            Way::ToEmbedded => Journal::open(data)?,
        };
        let influx = match journal.influx(Arc::clone(&client)) {
            Some(influx) => influx,
            None => Influx::open(&data.join(FILE), client)?,
        };
        Ok(Self {
            embedded: journal.history()?,
            forwarder: influx.forwarder(Clock, pace)?,
            journal,
            influx,
            way,
            page: PAGE,
        })
    }

    /// Copies all sites; tells after each page how many events of it are done.
    pub fn run(&mut self, mut told: impl FnMut(&SiteId, u64)) -> Result<Vec<Copied>, CopyError> {
        // What waits belongs to InfluxDB, whichever way the copy goes.
        self.forward()?;
        let sites = self.journal.sites()?;
        let mut copied = Vec::new();
        for site in sites.iter().map(|site| &site.id) {
            let added_up = self.added_up(site).map_err(CopyError::Read)?;
            self.site(site, &added_up, &mut told)?;
            copied.push(self.verify(site, added_up)?);
        }
        Ok(copied)
    }

    fn site(
        &mut self,
        site: &SiteId,
        added_up: &BTreeMap<String, Wall>,
        told: &mut impl FnMut(&SiteId, u64),
    ) -> Result<(), CopyError> {
        let mut done = 0;
        let mut cursor = self.journal.note(self.way.name(), site)?;
        loop {
            let (mut events, next) = self.page(self.way, site, cursor.clone())?;
            events.retain(|event| is_whole_then(added_up, event));
            done += events.len() as u64;
            // Logs are written in order, which is what a store is quick at.
            events.sort_by(|a, b| key(a).cmp(&key(b)));
            self.journal.commit(&Commit {
                events,
                changes: Vec::new(),
            })?;
            self.forward()?;
            told(site, done);
            let Some(next) = next else {
                // Whole: the next copy looks at all of it again, for what comes late.
                self.journal.forget_note(self.way.name(), site)?;
                return Ok(());
            };
            self.journal.put_note(self.way.name(), site, &next)?;
            cursor = Some(next);
        }
    }

    /// Up to when one of both has events of a kind only added up.
    fn added_up(&self, site: &SiteId) -> Result<BTreeMap<String, Wall>, ReadError> {
        let mut added_up = self.embedded.added_up(site)?;
        for (kind, end) in self.influx.added_up(site)? {
            let known = added_up.entry(kind).or_insert(end);
            *known = end.max(*known);
        }
        Ok(added_up)
    }

    /// Brings to InfluxDB what waits for it.
    fn forward(&mut self) -> Result<(), CopyError> {
        let mut tries = 0;
        loop {
            match self.forwarder.round() {
                Ok(Round::Idle) => return Ok(()),
                Ok(Round::Sent(_)) => tries = 0,
                Ok(Round::Wait { why, pause }) => {
                    tries += 1;
                    if tries > MOST_TRIES {
                        return Err(CopyError::Influx(why));
                    }
                    thread::park_timeout(pause.min(LONGEST_PAUSE));
                }
                Err(influx::forward::ForwardError(error)) => return Err(error.into()),
            }
        }
    }

    /// A page of the source, or of the target if asked for the other way.
    fn page(
        &self,
        way: Way,
        site: &SiteId,
        cursor: Option<String>,
    ) -> Result<(Vec<StoredEvent>, Option<String>), CopyError> {
        let query = EventQuery {
            limit: self.page,
            cursor,
            ..EventQuery::default()
        };
        let page = match way {
            Way::ToInflux => self.embedded.page(site, &query),
            Way::ToEmbedded => self.influx.page(site, &query),
        };
        page.map_err(CopyError::Read)
    }

    fn verify(&self, site: &SiteId, added_up: BTreeMap<String, Wall>) -> Result<Copied, CopyError> {
        // The first and the last number of each log of the source.
        let mut logs: BTreeMap<(UnitId, LogId), (u64, u64)> = BTreeMap::new();
        let mut whole = (0, 0);
        self.walk(self.way, site, |event| {
            if !is_whole_then(&added_up, event) {
                return;
            }
            let log = (event.unit.clone(), event.log.clone());
            let ends = logs.entry(log).or_insert((event.seq, event.seq));
            *ends = (ends.0.min(event.seq), ends.1.max(event.seq));
            whole = more(whole, event);
        })?;
        let other = match self.way {
            Way::ToInflux => Way::ToEmbedded,
            Way::ToEmbedded => Way::ToInflux,
        };
        let mut found = (0, 0);
        self.walk(other, site, |event| {
            let log = (event.unit.clone(), event.log.clone());
            let ends = logs.get(&log);
            let is_asked = ends.is_some_and(|(first, last)| (*first..=*last).contains(&event.seq));
            if is_asked && is_whole_then(&added_up, event) {
                found = more(found, event);
            }
        })?;
        Ok(Copied {
            site: site.clone(),
            events: whole.0,
            checksum: whole.1,
            found,
            added_up,
        })
    }

    fn walk(
        &self,
        way: Way,
        site: &SiteId,
        mut each: impl FnMut(&StoredEvent),
    ) -> Result<(), CopyError> {
        let mut cursor = None;
        loop {
            let (events, next) = self.page(way, site, cursor)?;
            events.iter().for_each(&mut each);
            match next {
                Some(next) => cursor = Some(next),
                None => return Ok(()),
            }
        }
    }
}

/// Events of a page, usually.
pub const PAGE: usize = 5000;
/// So often in a row InfluxDB may fail.
const MOST_TRIES: u32 = 10;
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Whether both stores have, or may have, an event of that time itself.
fn is_whole_then(added_up: &BTreeMap<String, Wall>, event: &StoredEvent) -> bool {
    let end = added_up.get(event.kind());
    end.is_none_or(|end| event.time >= *end)
}

fn key(event: &StoredEvent) -> (&str, &str, u64) {
    (event.unit.as_str(), event.log.as_str(), event.seq)
}

/// Adds an event to a number and a checksum that does not depend on the order.
fn more((events, checksum): (u64, u64), event: &StoredEvent) -> (u64, u64) {
    let mut text = String::new();
    influx::pack(&mut text, event, false);
    let digest = Sha256::digest(text.as_bytes());
    let first = digest
        .first_chunk::<8>()
        .map_or(0, |first| u64::from_le_bytes(*first));
    (events + 1, checksum.wrapping_add(first))
}
