//! The history in the journal's own SQLite file.
//!
//! | table | holds |
//! |---|---|
//! | `event_word` | sites, kinds, lanes, sensors, quantities, zones, directions and boots, as numbers |
//! | `event_log` | the logs of units, as numbers |
//! | `event` | one row an event that is no plain reading, by `(log, seq)`: its line as it came, and what is asked for by |
//! | `event_latest` | the newest reading of each sensor and quantity, by the time of measuring, as of the last sealing |
//! | `reading_series` | the series of readings: log, boot, sensor, quantity, zone, and the family that it shares blocks with |
//! | `reading_journal` | readings that are not sealed: one packed row a commit and hour |
//! | `reading_block` | sealed readings: one block an hour and family of series, in columns, each series summed up |
//! | `reading_sealing` | how far the hour is that is being sealed |
//! | `reading_log` | the last sealed number of each log |
//! | `aggregate`, `aggregate_series` | what hours and days come to whose events have gone |
//! | `reading_damaged` | blocks that were set aside because their checksum is wrong |
//!
//! Times are microseconds since 1970. Nearly all of a record is readings: a commit appends them to the
//! journal, they are held in memory until their hour is over, and then sealed. Whatever cannot be made
//! again from a block byte for byte stays a row. Counting and summing rows are scans of one index
//! alone; buckets are made here, since only the site's calendar knows their borders. Writing happens
//! in the journal's transaction ([`Writer`]), so that an event, the state that follows from it and the
//! watermark become durable together; reading has connections of its own that cannot write.

mod aggregate;
mod block;
mod catalog;
mod damage;
mod held;
mod kin;
mod logs;
mod memory;
mod pack;
mod packing;
mod point;
mod read;
mod readings;
mod retain;
mod roll;
mod rows;
mod scan;
mod seal;
mod sum;
mod sums;
mod verify;
mod writer;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use gatepost_dashboard::{
    ports::{EventQuery, ReadError},
    view::EventPage,
};
use gatepost_model::{SiteId, Wall};
use rusqlite::{Connection, OpenFlags};

use memory::{Memory, Shared};

use super::event::StoredEvent;
use super::port::{CountFilter, EventStore, LatestReading, Question, Stats, StatsFilter};

pub(super) use aggregate::Aggregate;
pub(super) use held::Held;
pub(super) use point::wall;
pub(super) use read::{Place, id};
pub(super) use retain::{AHEAD, Class, before};
pub(super) use rows::Columns;
pub(super) use sum::{Sum, billionths};
pub(super) use sums::{Group, Sums};

pub use retain::{Kept, Retained};
pub use seal::{SealError, Sealed};
pub use verify::{Verified, verify};
pub use writer::{Appended, Writer};

/// Makes the tables, if they are not there.
pub fn schema(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(SCHEMA)?;
    connection.execute_batch(sums::SCHEMA)?;
    // Older hubs wrote these tables without checksums.
    for table in ["event", "event_latest", "reading_series"] {
        if !connection.column_exists(None, table, "check32")? {
            let sql = format!("ALTER TABLE {table} ADD COLUMN check32 INTEGER");
            connection.execute_batch(&sql)?;
        }
    }
    // Older hubs kept blocks of each series: those series go on without kin.
    if !connection.column_exists(None, "reading_series", "family")? {
        connection.execute_batch("ALTER TABLE reading_series ADD COLUMN family INTEGER")?;
    }
    Ok(())
}

const SCHEMA: &str = "
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
        check32 INTEGER,
        PRIMARY KEY (log, seq)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX IF NOT EXISTS event_by_kind
        ON event (site, kind, time, test, lane, dir, zone, sensor, quantity, value);
    DROP INDEX IF EXISTS event_by_time;
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
        check32 INTEGER,
        PRIMARY KEY (site, unit, sensor, quantity)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS reading_series (
        id INTEGER PRIMARY KEY,
        log INTEGER NOT NULL,
        boot INTEGER NOT NULL,
        sensor INTEGER NOT NULL,
        quantity INTEGER NOT NULL,
        zone TEXT,
        check32 INTEGER,
        family INTEGER
    ) STRICT;
    CREATE TABLE IF NOT EXISTS reading_journal (
        id INTEGER PRIMARY KEY,
        hour INTEGER NOT NULL,
        data BLOB NOT NULL
    ) STRICT;
    CREATE TABLE IF NOT EXISTS reading_block (
        key INTEGER PRIMARY KEY,
        data BLOB NOT NULL
    ) STRICT;
    CREATE TABLE IF NOT EXISTS reading_sealing (
        one INTEGER PRIMARY KEY CHECK (one = 1),
        hour INTEGER NOT NULL,
        below INTEGER NOT NULL,
        through INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE IF NOT EXISTS reading_log (
        log INTEGER PRIMARY KEY,
        through INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE IF NOT EXISTS reading_damaged (
        id INTEGER PRIMARY KEY,
        key INTEGER NOT NULL,
        data BLOB NOT NULL
    ) STRICT;
";

/// Reads of the history.
#[derive(Debug)]
pub struct Embedded {
    file: PathBuf,
    shared: Arc<Shared>,
    /// Connections that nobody uses now.
    idle: Mutex<Vec<Connection>>,
}

impl Embedded {
    /// Opens a journal's file that nobody writes to. It must be there, with its tables.
    pub fn open(file: &Path) -> rusqlite::Result<Self> {
        let store = Self::new(file, Arc::default());
        let first = store.connect()?;
        let shared = Arc::new(Shared::load(&first)?);
        Ok(Self { shared, ..store })
    }

    /// Reads what a writer writes to the file.
    pub fn of(writer: &Writer, file: &Path) -> rusqlite::Result<Self> {
        let store = Self::new(file, Arc::clone(&writer.shared));
        let first = store.connect()?;
        store.idle().push(first);
        Ok(store)
    }

    /// A page of events with all that is known of them, and where the next begins.
    pub(in crate::store) fn page(
        &self,
        site: &SiteId,
        query: &EventQuery,
    ) -> Result<(Vec<StoredEvent>, Option<String>), ReadError> {
        let (events, next) = self.ask(|asked| read::page(asked, site, query, StoredEvent::of))?;
        Ok((events.into_iter().flatten().collect(), next))
    }

    fn new(file: &Path, shared: Arc<Shared>) -> Self {
        Self {
            file: file.to_owned(),
            shared,
            idle: Mutex::default(),
        }
    }

    fn connect(&self) -> rusqlite::Result<Connection> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&self.file, flags)?;
        connection.busy_timeout(BUSY)?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        Ok(connection)
    }

    /// Up to when events of each kind are only there added up, because the site keeps them no longer.
    pub(super) fn added_up(&self, site: &SiteId) -> Result<BTreeMap<String, Wall>, ReadError> {
        self.ask(|asked| read::added_up(asked.connection, site).map_err(unavailable))
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Connection>> {
        // A list of connections is whole whatever panicked while it was held.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks on a connection of its own, so that a long answer holds up nobody.
    fn ask<T>(
        &self,
        question: impl FnOnce(&Asked<'_>) -> Result<T, ReadError>,
    ) -> Result<T, ReadError> {
        let idle = self.idle().pop();
        let connection = match idle {
            Some(connection) => connection,
            None => self.connect().map_err(unavailable)?,
        };
        let answer = question(&Asked {
            connection: &connection,
            shared: &self.shared,
        });
        let has_ended = connection.is_autocommit() || connection.execute_batch("ROLLBACK").is_ok();
        let mut idle = self.idle();
        if has_ended && idle.len() < MOST_IDLE {
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

/// A question under way: what is in memory, and a transaction that sees the rest as it was then.
struct Asked<'a> {
    connection: &'a Connection,
    shared: &'a Shared,
}

impl Asked<'_> {
    /// Takes something from memory and begins the transaction at the same moment.
    fn begin<T>(&self, take: impl FnOnce(&Memory) -> T) -> rusqlite::Result<T> {
        let memory = self.shared.read();
        self.connection.execute_batch("BEGIN")?;
        // The transaction begins with the first read.
        self.connection
            .prepare_cached("SELECT hour FROM reading_sealing")?
            .exists([])?;
        Ok(take(&memory))
    }
}

impl EventStore for Embedded {
    fn events(&self, site: &SiteId, query: &EventQuery) -> Result<EventPage, ReadError> {
        self.ask(|asked| read::events(asked, site, query))
    }

    fn counts(
        &self,
        site: &SiteId,
        which: &CountFilter,
        edges: &[Wall],
    ) -> Result<Vec<u64>, ReadError> {
        self.ask(|asked| read::counts(asked, site, which, edges).map_err(unavailable))
    }

    fn stats(
        &self,
        site: &SiteId,
        which: &StatsFilter,
        edges: &[Wall],
    ) -> Result<Vec<Option<Stats>>, ReadError> {
        self.ask(|asked| read::stats(asked, site, which, edges).map_err(unavailable))
    }

    fn latest(&self, site: &SiteId) -> Result<Vec<LatestReading>, ReadError> {
        Ok(readings::latest(&self.shared.read(), site))
    }

    fn untold(
        &self,
        site: &SiteId,
        which: Question<'_>,
        edges: &[Wall],
    ) -> Result<Vec<(Wall, Wall)>, ReadError> {
        self.ask(|asked| read::untold(asked, site, which, edges).map_err(unavailable))
    }
}

#[cfg(test)]
pub(crate) mod tests;
