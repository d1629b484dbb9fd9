//! The history in InfluxDB 2, behind the journal.
//!
//! An event becomes durable, and is acknowledged, in the journal as with any store (`waiting`). From
//! there an ordered forwarder brings it over by line protocol, one request at a time ([`forward`]).
//! Questions go to InfluxDB in Flux and are joined with what waits (`read`). All of it speaks the 2.x
//! HTTP interface and nothing else, so that InfluxDB Cloud or another server with that interface does as
//! well.
//!
//! What a site does not keep any longer is added up in a file of the hub's and taken out (`retain`).
//!
//! What a point looks like is in `line`, what an answer means in [`Answer`].
//!
//! The HTTP client is a blocking one: the forwarder has a thread of its own that waits for one answer
//! at a time, and reads of a history run on threads that may wait.

mod answer;
mod client;
mod damage;
mod flux;
pub mod forward;
mod gone;
mod line;
mod open_end;
mod packed;
mod read;
mod record;
mod refused;
mod retain;
mod table;
mod twin;
mod waiting;
mod words;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError},
    time::Duration,
};

use gatepost_dashboard::{
    ports::{EventQuery, ReadError},
    view::EventPage,
};
use gatepost_model::{SiteId, Wall};
use rusqlite::{Connection, OpenFlags};

use self::{gone::Going, open_end::OpenEnd, read::Question, waiting::Shared};
use super::{
    embedded::{self, Class, Sums},
    event::StoredEvent,
    port::{self, CountFilter, EventStore, LatestReading, Stats, StatsFilter},
};
use crate::clock::Clock;

pub use answer::Answer;
pub use client::{Client, Place, QueryError, Retention, SetupError};
pub use damage::{Verified, verify};
pub use forward::{Forwarder, Pace};
pub(crate) use packed::{one as unpack, push as pack};
pub use refused::Refused;
pub(crate) use refused::refused;
pub use retain::Slice;
pub use waiting::{AppendError, Appended, Writer};

/// Makes the tables, if they are not there.
pub fn schema(connection: &Connection) -> rusqlite::Result<()> {
    waiting::schema(connection)
}

/// Reads all hours and days of a journal's file whose points have gone. It may be in use.
pub fn verify_sums(file: &Path) -> rusqlite::Result<embedded::Verified> {
    let sums = gone::read(file)?;
    Ok(sums
        .map(|sums| sums.verify())
        .transpose()?
        .unwrap_or_default())
}

/// Reads of the history.
#[derive(Debug)]
pub struct Influx {
    client: Arc<Client>,
    shared: Arc<Shared>,
    file: PathBuf,
}

impl Influx {
    /// Reads what a writer writes to a journal's file, and what was brought over from there.
    pub fn of(writer: &Writer, file: &Path, client: Arc<Client>) -> Self {
        Self {
            client,
            shared: Arc::clone(&writer.shared),
            file: file.to_owned(),
        }
    }

    /// Reads what waits in a journal's file that nobody writes to, and what was brought over from there.
    pub fn open(file: &Path, client: Arc<Client>) -> rusqlite::Result<Self> {
        let connection = Connection::open(file)?;
        schema(&connection)?;
        let writer = Writer::open(&connection, u64::MAX)?;
        Ok(Self::of(&writer, file, client))
    }

    /// What brings over what waits.
    pub fn forwarder(&self, clock: Clock, pace: Pace) -> rusqlite::Result<Forwarder> {
        let (client, shared) = (Arc::clone(&self.client), Arc::clone(&self.shared));
        Forwarder::new(client, shared, &self.file, clock, pace)
    }

    /// A page of events with all that is known of them, and where the next begins.
    pub(super) fn page(
        &self,
        site: &SiteId,
        query: &EventQuery,
    ) -> Result<(Vec<StoredEvent>, Option<String>), ReadError> {
        self.ask(site, |question| question.page(query))
    }

    fn open_end(&self) -> Result<OpenEnd, ReadError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let opened = Connection::open_with_flags(&self.file, flags).and_then(|connection| {
            connection.busy_timeout(BUSY)?;
            Ok(OpenEnd::of(connection, Arc::clone(&self.shared)))
        });
        opened.map_err(unavailable)
    }

    fn ask<T>(
        &self,
        site: &SiteId,
        question: impl FnOnce(&Question<'_>) -> Result<T, ReadError>,
    ) -> Result<T, ReadError> {
        // What is guarded is in the journal and in InfluxDB, whatever panicked here.
        let gate = self.shared.gate.read();
        let _gate = gate.unwrap_or_else(PoisonError::into_inner);
        let open = self.open_end()?;
        let sums = self.sums()?;
        let going = match &sums {
            Some(sums) => Going::load(sums.connection()).map_err(unavailable)?,
            None => None,
        };
        question(&Question {
            client: &self.client,
            site,
            open: &open,
            sums: sums.as_ref(),
            going: going.as_ref(),
        })
    }

    /// Hours and days whose points have gone, if there ever were any.
    fn sums(&self) -> Result<Option<Sums>, ReadError> {
        gone::read(&self.file).map_err(unavailable)
    }

    /// Up to when events of each kind are only there added up, because the site keeps them no longer.
    pub(super) fn added_up(&self, site: &SiteId) -> Result<BTreeMap<String, Wall>, ReadError> {
        let added_up = self.sums()?.map(|sums| sums.added_up(site)).transpose();
        Ok(added_up.map_err(unavailable)?.unwrap_or_default())
    }
}

/// In WAL mode a reader waits for nobody but a recovery.
const BUSY: Duration = Duration::from_secs(5);

impl EventStore for Influx {
    fn events(&self, site: &SiteId, query: &EventQuery) -> Result<EventPage, ReadError> {
        let (events, next) = self.page(site, query)?;
        Ok(EventPage {
            events: events.iter().map(StoredEvent::to_json).collect(),
            next,
        })
    }

    fn counts(
        &self,
        site: &SiteId,
        which: &CountFilter,
        edges: &[Wall],
    ) -> Result<Vec<u64>, ReadError> {
        self.ask(site, |question| read::counts(question, which, edges))
    }

    fn stats(
        &self,
        site: &SiteId,
        which: &StatsFilter,
        edges: &[Wall],
    ) -> Result<Vec<Option<Stats>>, ReadError> {
        self.ask(site, |question| read::stats(question, which, edges))
    }

    fn latest(&self, site: &SiteId) -> Result<Vec<LatestReading>, ReadError> {
        self.open_end()?.latest(site)
    }

    /// What the bucket has let go that was not added up before, what is damaged, and where a question cuts
    /// an hour or a day.
    fn untold(
        &self,
        site: &SiteId,
        which: port::Question<'_>,
        edges: &[Wall],
    ) -> Result<Vec<(Wall, Wall)>, ReadError> {
        let (Some(first), Some(last)) = (edges.first(), edges.last()) else {
            return Ok(Vec::new());
        };
        let mut untold = self.shared.damaged.of_site(site, (*first, *last));
        let sums = self.sums()?;
        if let Some(sums) = &sums {
            untold.extend(sums.untold(site, which, edges).map_err(unavailable)?);
        }
        if let Some(oldest) = self.client.oldest(Clock.now()) {
            let kind = match which {
                port::Question::Counts(which) => &which.kind,
                port::Question::Stats(which) => read::kind_of(which),
            };
            let class = (site, Class::of_kind(kind));
            let since = match &sums {
                Some(sums) => gone::known_since(sums.connection(), class, oldest),
                None => Ok(oldest),
            };
            let since = since.map_err(unavailable)?;
            untold.extend((*first < since).then_some((*first, since)));
        }
        Ok(untold)
    }
}

fn unavailable(error: rusqlite::Error) -> ReadError {
    ReadError::Unavailable(error.to_string())
}

#[cfg(test)]
mod tests;
