//! The history in the journal's own SQLite file.
//!
//! | table | holds |
//! |---|---|
//! | `event_word` | sites, kinds, lanes, sensors, quantities, zones, directions and boots, as numbers |
//! | `event_log` | the logs of units, as numbers |
//! | `event` | one row an event, by `(log, seq)`: its line as it came, and what is asked for by |
//! | `event_latest` | the newest reading of each sensor and quantity, by the time of measuring |
//!
//! Times are microseconds since 1970. Counting and summing are scans of one index alone, which holds
//! all that they ask for; buckets are made from it here, since only the site's calendar knows their
//! borders. Writing happens in the journal's transaction ([`append`]), so that an event, the state
//! that follows from it and the watermark become durable together; reading has connections of its
//! own that cannot write.

mod append;
mod read;

use std::{
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use gatepost_dashboard::{
    ports::{EventQuery, ReadError},
    view::EventPage,
};
use gatepost_model::{SiteId, Wall};
use rusqlite::{Connection, OpenFlags};

use super::port::{CountFilter, EventStore, LatestReading, Stats, StatsFilter};

pub use append::append;

/// Makes the tables, if they are not there.
pub fn schema(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(SCHEMA)
}

const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS event_word (
        id INTEGER PRIMARY KEY,
        word TEXT NOT NULL UNIQUE
    ) STRICT;
    CREATE TABLE IF NOT EXISTS event_log (
        id INTEGER PRIMARY KEY,
        site TEXT NOT NULL,
        unit TEXT NOT NULL,
        log TEXT NOT NULL,
        UNIQUE (site, unit, log)
    ) STRICT;
    CREATE TABLE IF NOT EXISTS event (
        log INTEGER NOT NULL,
        seq INTEGER NOT NULL,
        site INTEGER NOT NULL,
        kind INTEGER NOT NULL,
        time INTEGER NOT NULL,
        test INTEGER NOT NULL,
        lane INTEGER,
        dir INTEGER,
        zone INTEGER,
        sensor INTEGER,
        quantity INTEGER,
        value REAL,
        boot INTEGER NOT NULL,
        error_ms INTEGER NOT NULL,
        source INTEGER NOT NULL,
        received INTEGER NOT NULL,
        line TEXT NOT NULL,
        PRIMARY KEY (log, seq)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX IF NOT EXISTS event_by_kind
        ON event (site, kind, time, test, lane, dir, zone, sensor, quantity, value);
    CREATE INDEX IF NOT EXISTS event_by_time ON event (site, time);
    CREATE TABLE IF NOT EXISTS event_latest (
        site TEXT NOT NULL,
        unit TEXT NOT NULL,
        sensor TEXT NOT NULL,
        quantity TEXT NOT NULL,
        zone TEXT,
        value REAL NOT NULL,
        time INTEGER NOT NULL,
        log TEXT NOT NULL,
        seq INTEGER NOT NULL,
        PRIMARY KEY (site, unit, sensor, quantity)
    ) STRICT, WITHOUT ROWID;
";

/// Reads of the history.
#[derive(Debug)]
pub struct Embedded {
    file: PathBuf,
    /// Connections that nobody uses now.
    idle: Mutex<Vec<Connection>>,
}

impl Embedded {
    /// Opens the journal's file for reading. It must be there, with its tables.
    pub fn open(file: &Path) -> rusqlite::Result<Self> {
        let store = Self {
            file: file.to_owned(),
            idle: Mutex::default(),
        };
        let first = store.connect()?;
        store.idle().push(first);
        Ok(store)
    }

    fn connect(&self) -> rusqlite::Result<Connection> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&self.file, flags)?;
        connection.busy_timeout(BUSY)?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        Ok(connection)
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Connection>> {
        // A list of connections is whole whatever panicked while it was held.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks on a connection of its own, so that a long answer holds up nobody.
    fn ask<T>(
        &self,
        question: impl FnOnce(&Connection) -> Result<T, ReadError>,
    ) -> Result<T, ReadError> {
        let idle = self.idle().pop();
        let connection = match idle {
            Some(connection) => connection,
            None => self.connect().map_err(unavailable)?,
        };
        let answer = question(&connection);
        let mut idle = self.idle();
        if idle.len() < MOST_IDLE {
            idle.push(connection);
        }
        answer
    }
}

/// In WAL mode a reader waits for nobody but a recovery.
const BUSY: Duration = Duration::from_secs(5);

/// More statements than there are kinds of questions.
const STATEMENTS: usize = 32;

/// As many connections are kept as the blocking pool usually asks on at once.
const MOST_IDLE: usize = 8;

fn unavailable(error: rusqlite::Error) -> ReadError {
    ReadError::Unavailable(error.to_string())
}

impl EventStore for Embedded {
    fn events(&self, site: &SiteId, query: &EventQuery) -> Result<EventPage, ReadError> {
        self.ask(|connection| read::events(connection, site, query))
    }

    fn counts(
        &self,
        site: &SiteId,
        which: &CountFilter,
        edges: &[Wall],
    ) -> Result<Vec<u64>, ReadError> {
        self.ask(|connection| read::counts(connection, site, which, edges).map_err(unavailable))
    }

    fn stats(
        &self,
        site: &SiteId,
        which: &StatsFilter,
        edges: &[Wall],
    ) -> Result<Vec<Option<Stats>>, ReadError> {
        self.ask(|connection| read::stats(connection, site, which, edges).map_err(unavailable))
    }

    fn latest(&self, site: &SiteId) -> Result<Vec<LatestReading>, ReadError> {
        self.ask(|connection| read::latest(connection, site).map_err(unavailable))
    }
}

#[cfg(test)]
pub(crate) mod tests;
