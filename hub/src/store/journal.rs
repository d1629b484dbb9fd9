//! The journal: one SQLite file in which a turn becomes durable.
//!
//! Everything of a [`Commit`] is one transaction, with `synchronous=FULL`: it is there after a power
//! cut, or nothing of it is. There is one writer in the hub; the command line writes sites beside it
//! ([`Journal::change_sites`]), which the hub notices ([`Journal::changed_sites`]).

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use gatepost_model::{Site, SiteId, Wall};
use rusqlite::{Connection, OpenFlags, OptionalExtension, Transaction, TransactionBehavior};

use super::{
    embedded::{self, Embedded, Kept, Retained, SealError, Sealed},
    influx, state,
};
use crate::core::{
    Commit,
    quarantine::Aside,
    state::{Change, State},
};

/// The journal's file in the data directory.
pub const FILE: &str = "journal.sqlite";

/// Raised when older hubs could not read what is written.
const SCHEMA: i64 = 7;

/// The journal, open for writing.
#[derive(Debug)]
pub struct Journal {
    connection: Connection,
    path: PathBuf,
    history: History,
    turns: state::Turns,
    store: String,
    /// SQLite's count of what others committed.
    others: i64,
}

/// Where events go on from here.
#[derive(Debug)]
enum History {
    /// They stay in this file.
    Embedded(Box<embedded::Writer>),
    /// They wait in it for InfluxDB.
    Influx(influx::Writer),
}

/// Why the journal cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// SQLite cannot open or prepare it.
    #[error("cannot open {}", path.display())]
    Sqlite {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: rusqlite::Error,
    },
    /// It is a newer hub's.
    #[error("{} was written by a newer hub (schema {found}, this one knows {SCHEMA})", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its schema.
        found: i64,
    },
    /// No random number for a new record's name.
    #[error("the system gives no random numbers: {0}")]
    Random(getrandom::Error),
}

/// Why a turn did not become durable. Nothing of it was stored.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// SQLite refused.
    #[error("the journal cannot be written")]
    Sqlite(#[from] rusqlite::Error),
    /// A row has no JSON form.
    #[error("a row cannot be written as JSON")]
    Json(#[from] serde_json::Error),
    /// It does not go on from here.
    #[error("events cannot be kept for InfluxDB")]
    Waiting(#[from] influx::AppendError),
    /// The sites are not what this version wrote.
    #[error("the sites' settings cannot be read")]
    Sites(#[source] LoadError),
    /// Settings were to be changed, and somebody else wrote since [`Journal::changed_sites`] read them: he
    /// may have changed them.
    #[error("somebody else has written meanwhile")]
    Foreign,
    /// What earlier turns left cannot be put into the tables.
    #[error("what earlier turns left cannot be read")]
    Folding(#[from] LoadError),
}

impl StoreError {
    /// What a person can do about it.
    pub fn cure(&self) -> &'static str {
        match self {
            Self::Waiting(influx::AppendError::Full(_)) => {
                "see that InfluxDB takes what waits, or raise `journal_max_mb`"
            }
            _ => "see that the disk has room and is not read-only",
        }
    }
}

/// Why what is stored cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// SQLite cannot read it.
    #[error("the journal cannot be read")]
    Sqlite(#[from] rusqlite::Error),
    /// A row is not what this version wrote.
    #[error("row `{key}` of table `{table}` cannot be read")]
    Row {
        /// The table.
        table: String,
        /// Its key.
        key: String,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
}

impl Journal {
    /// Opens the journal of a data directory, making it if it is not there. Its events stay in it.
    pub fn open(data: &Path) -> Result<Self, OpenError> {
        Self::open_as(data, |connection| {
            let writer = embedded::Writer::open(connection)?;
            Ok(History::Embedded(Box::new(writer)))
        })
    }

    /// Opens the journal of a data directory, making it if it is not there. Its events wait in it for
    /// InfluxDB, up to so many bytes of them.
    pub fn open_before_influx(data: &Path, limit: u64) -> Result<Self, OpenError> {
        Self::open_as(data, |connection| {
            influx::schema(connection)?;
            influx::Writer::open(connection, limit).map(History::Influx)
        })
    }

    fn open_as(
        data: &Path,
        open: impl FnOnce(&Connection) -> rusqlite::Result<History>,
    ) -> Result<Self, OpenError> {
        let path = data.join(FILE);
        let sqlite = |source| OpenError::Sqlite {
            path: path.clone(),
            source,
        };
        let connection = Connection::open(&path).map_err(sqlite)?;
        connection.busy_timeout(BUSY).map_err(sqlite)?;
        let found: i64 = connection
            .pragma_query_value(None, "user_version", |row| row.get(0))
            .map_err(sqlite)?;
        if found > SCHEMA {
            return Err(OpenError::Newer { path, found });
        }
        prepare(&connection, found == 0).map_err(sqlite)?;
        if found < SCHEMA {
            let minted = mint().map_err(OpenError::Random)?;
            make_tables(&connection, &minted).map_err(sqlite)?;
        }
        let store = connection
            .query_row("SELECT value FROM meta WHERE key = 'store'", [], |row| {
                row.get(0)
            })
            .map_err(sqlite)?;
        let others = data_version(&connection).map_err(sqlite)?;
        let history = open(&connection).map_err(sqlite)?;
        let turns = state::Turns::open(&connection).map_err(sqlite)?;
        Ok(Self {
            connection,
            path,
            history,
            turns,
            store,
            others,
        })
    }

    /// The record's name: minted once with the file, so that a restored record is another one.
    pub fn store(&self) -> &str {
        &self.store
    }

    /// Reads the state back.
    pub fn load(&self, state: &mut State) -> Result<(), LoadError> {
        state::load(&self.connection, state)
    }

    /// Makes a turn durable, or nothing of it.
    pub fn commit(&mut self, commit: &Commit) -> Result<(), StoreError> {
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        let is_of_settings = |change: &Change| matches!(change, Change::Site(_));
        if commit.changes.iter().any(is_of_settings) && data_version(&transaction)? != self.others {
            return Err(StoreError::Foreign);
        }
        let waits = state::write(&transaction, &self.turns, &commit.changes)?;
        match &mut self.history {
            History::Embedded(history) => {
                let appended = history.append(&transaction, &commit.events)?;
                transaction.commit()?;
                history.confirm(appended);
            }
            History::Influx(history) => {
                history.begin();
                for change in &commit.changes {
                    if let Change::Withdrawn(refused) = change {
                        history.withdraw(&transaction, refused.row, &refused.event)?;
                    }
                }
                let appended = history.append(&transaction, &commit.events)?;
                transaction.commit()?;
                history.confirm(appended);
            }
        }
        self.turns.confirm(waits);
        Ok(())
    }

    /// Whether so many events may be kept here and no more.
    pub fn is_bounded(&self) -> bool {
        matches!(self.history, History::Influx(_))
    }

    /// Whether events were refused for want of room, and there was none since.
    pub fn is_full(&self) -> bool {
        match &self.history {
            History::Embedded(_) => false,
            History::Influx(history) => history.is_full(),
        }
    }

    /// Looks whether there is room where there was none.
    pub fn finds_room(&mut self) -> bool {
        match &mut self.history {
            History::Embedded(_) => false,
            History::Influx(history) => history.finds_room(),
        }
    }

    /// Reads of the history that stays in this file, as far as it is committed here.
    pub fn history(&self) -> rusqlite::Result<Embedded> {
        match &self.history {
            History::Embedded(history) => Embedded::of(history, &self.path),
            History::Influx(_) => Embedded::open(&self.path),
        }
    }

    /// Reads of the history that goes on to InfluxDB, if this one does.
    pub fn influx(&self, client: Arc<influx::Client>) -> Option<influx::Influx> {
        match &self.history {
            History::Embedded(_) => None,
            History::Influx(history) => Some(influx::Influx::of(history, &self.path, client)),
        }
    }

    /// Goes on with sealing the readings whose hour is over at `now`.
    pub fn seal(&mut self, now: Wall) -> Result<Sealed, SealError> {
        match &mut self.history {
            History::Embedded(history) => history.seal(&mut self.connection, now),
            History::Influx(_) => Ok(Sealed::Nothing),
        }
    }

    /// Does one slice of what sites do not keep any longer at `now`. They must be the same until it
    /// has answered that there is nothing.
    pub fn retain(&mut self, now: Wall, sites: &[Kept]) -> rusqlite::Result<Retained> {
        match &mut self.history {
            History::Embedded(history) => history.retain(&mut self.connection, now, sites),
            // The forwarder does it, who waits for the answers of InfluxDB.
            History::Influx(history) => {
                history.retain(now, sites);
                Ok(Retained::Nothing)
            }
        }
    }

    /// Points that the store refused and that are not in quarantine yet.
    pub fn refused(&self, most: usize) -> rusqlite::Result<Vec<influx::Refused>> {
        match &self.history {
            History::Embedded(_) => Ok(Vec::new()),
            History::Influx(_) => influx::refused(&self.connection, most),
        }
    }

    /// What is in quarantine under an id.
    pub fn aside(&self, id: u64) -> rusqlite::Result<Option<Aside>> {
        state::aside(&self.connection, id)
    }

    /// What was noted under a name for a site.
    pub fn note(&self, name: &str, site: &SiteId) -> rusqlite::Result<Option<String>> {
        self.connection
            .prepare_cached("SELECT value FROM meta WHERE key = ?1")?
            .query_row([format!("{name}/{site}")], |row| row.get(0))
            .optional()
    }

    /// Notes something under a name for a site.
    pub fn put_note(&self, name: &str, site: &SiteId, value: &str) -> rusqlite::Result<()> {
        self.connection
            .prepare_cached("INSERT OR REPLACE INTO meta(key, value) VALUES (?1, ?2)")?
            .execute([format!("{name}/{site}"), value.to_owned()])?;
        Ok(())
    }

    /// Nothing is noted under a name for a site any more.
    pub fn forget_note(&self, name: &str, site: &SiteId) -> rusqlite::Result<()> {
        self.connection
            .prepare_cached("DELETE FROM meta WHERE key = ?1")?
            .execute([format!("{name}/{site}")])?;
        Ok(())
    }

    /// The sites as they are stored, if somebody else wrote since they were read in this way last.
    pub fn changed_sites(&mut self) -> Result<Option<Vec<Site>>, LoadError> {
        let others = data_version(&self.connection)?;
        if others == self.others {
            return Ok(None);
        }
        // What comes after the version was read is read twice, and not missed.
        let sites = self.sites()?;
        self.others = others;
        Ok(Some(sites))
    }

    /// The sites as they are stored.
    pub fn sites(&self) -> Result<Vec<Site>, LoadError> {
        state::sites(&self.connection)
    }

    /// Stores the settings of sites, all or none.
    pub fn put_sites(&mut self, sites: &[Site]) -> Result<(), StoreError> {
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        put_all(transaction, sites)
    }

    /// Stores what `change` leaves of the sites in the list that it is given, all or none; who is not
    /// left in it stays as he was. Nobody else changes a site between its being read and its being
    /// stored.
    pub fn change_sites<T>(
        &mut self,
        change: impl FnOnce(&mut Vec<Site>) -> T,
    ) -> Result<T, StoreError> {
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut sites = state::sites(&transaction).map_err(StoreError::Sites)?;
        let changed = change(&mut sites);
        put_all(transaction, &sites)?;
        Ok(changed)
    }
}

fn put_all(transaction: Transaction<'_>, sites: &[Site]) -> Result<(), StoreError> {
    for site in sites {
        state::put_site(&transaction, site)?;
    }
    transaction.commit()?;
    Ok(())
}

/// Opens the journal's file for reading alone.
pub fn open_reader(data: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(data.join(FILE), flags)?;
    connection.busy_timeout(BUSY)?;
    Ok(connection)
}

/// So long a writer waits for another.
const BUSY: Duration = Duration::from_secs(5);

fn prepare(connection: &Connection, is_new: bool) -> rusqlite::Result<()> {
    connection.set_prepared_statement_cache_capacity(64);
    if is_new {
        // Before the first table is made, else it has no effect.
        connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
    }
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    // Pages: four times what SQLite has by itself, because a checkpoint holds up a commit for milliseconds.
    connection.pragma_update_and_check(None, "wal_autocheckpoint", 4_000, |_| Ok(()))?;
    connection.pragma_update(None, "cache_size", -8_000)
}

/// Makes what is missing. The schema's number is written last, so that a cut in between is made good
/// by the next start.
fn make_tables(connection: &Connection, minted: &str) -> rusqlite::Result<()> {
    connection.execute_batch(
        "CREATE TABLE IF NOT EXISTS meta(key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;",
    )?;
    state::schema(connection)?;
    embedded::schema(connection)?;
    connection.execute(
        "INSERT OR IGNORE INTO meta(key, value) VALUES ('store', ?1)",
        [minted],
    )?;
    connection.pragma_update(None, "user_version", SCHEMA)
}

fn data_version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, "data_version", |row| row.get(0))
}

/// A new record's name: 16 hex digits.
fn mint() -> Result<String, getrandom::Error> {
    Ok(format!("{:016x}", getrandom::u64()?))
}

#[cfg(test)]
mod tests;
