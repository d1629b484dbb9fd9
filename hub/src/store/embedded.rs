//! The history in the journal's own SQLite file.

use std::path::Path;

use gatepost_dashboard::{
    ports::{EventQuery, ReadError},
    view::EventPage,
};
use gatepost_model::{SiteId, Wall};
use rusqlite::{Connection, Transaction};

use super::{
    event::StoredEvent,
    port::{CountFilter, EventStore, LatestReading, Stats, StatsFilter},
};

/// Makes the tables, if they are not there.
pub fn schema(_connection: &Connection) -> rusqlite::Result<()> {
    unimplemented!()
}

/// Appends events in the journal's transaction. An event that is there already, by unit, log and
/// sequence, is left as it is. Answers how many were new.
pub fn append(_transaction: &Transaction<'_>, _events: &[StoredEvent]) -> rusqlite::Result<u64> {
    unimplemented!()
}

/// Reads of the history, on connections that cannot write.
#[derive(Debug)]
pub struct Embedded {}

impl Embedded {
    /// Opens the journal's file for reading.
    pub fn open(_file: &Path) -> rusqlite::Result<Self> {
        unimplemented!()
    }
}

impl EventStore for Embedded {
    fn events(&self, _site: &SiteId, _query: &EventQuery) -> Result<EventPage, ReadError> {
        unimplemented!()
    }

    fn counts(
        &self,
        _site: &SiteId,
        _which: &CountFilter,
        _edges: &[Wall],
    ) -> Result<Vec<u64>, ReadError> {
        unimplemented!()
    }

    fn stats(
        &self,
        _site: &SiteId,
        _which: &StatsFilter,
        _edges: &[Wall],
    ) -> Result<Vec<Option<Stats>>, ReadError> {
        unimplemented!()
    }

    fn latest(&self, _site: &SiteId) -> Result<Vec<LatestReading>, ReadError> {
        unimplemented!()
    }
}
