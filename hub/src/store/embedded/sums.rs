//! What hours and days come to, also in a file of their own: for a history whose events are elsewhere.

use std::{collections::BTreeMap, path::Path, time::Duration};

use gatepost_model::{SiteId, Wall};
use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};

use super::{
    aggregate::{Aggregate, Key, Width},
    point::wall,
    read,
    retain::{Class, Kept, before, days, hours},
    roll::{Aggregated, By, add, series_of},
    rows::Codes,
    scan::{Found, Scan},
    sum::Sum,
    verify::{self, Verified},
};
use crate::store::port::{CountFilter, Question, StatsFilter};

pub(super) const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS event_word (
        id INTEGER PRIMARY KEY,
        word TEXT NOT NULL UNIQUE
    ) STRICT;
    CREATE TABLE IF NOT EXISTS aggregate_series (
        id INTEGER PRIMARY KEY,
        site INTEGER NOT NULL,
        kind INTEGER NOT NULL,
        lane INTEGER,
        dir INTEGER,
        zone INTEGER,
        sensor INTEGER,
        quantity INTEGER
    ) STRICT;
    CREATE INDEX IF NOT EXISTS aggregate_series_by_kind ON aggregate_series (site, kind);
    CREATE TABLE IF NOT EXISTS aggregate (
        series INTEGER NOT NULL,
        width INTEGER NOT NULL,
        start INTEGER NOT NULL,
        end INTEGER NOT NULL,
        data BLOB NOT NULL,
        lost INTEGER NOT NULL,
        PRIMARY KEY (series, width, start)
    ) STRICT, WITHOUT ROWID;
";

/// Hours and days whose events have gone.
#[derive(Debug)]
pub(in crate::store) struct Sums {
    connection: Connection,
}

/// What events are added up by, besides their site.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::store) struct Group {
    pub(in crate::store) kind: String,
    pub(in crate::store) lane: Option<String>,
    pub(in crate::store) dir: Option<String>,
    pub(in crate::store) zone: Option<String>,
    pub(in crate::store) sensor: Option<String>,
    pub(in crate::store) quantity: Option<String>,
}

impl Sums {
    /// Opens the file, making it if it is not there. `more` makes tables that belong to it.
    pub(in crate::store) fn open(file: &Path, more: &str) -> rusqlite::Result<Self> {
        let connection = Connection::open(file)?;
        connection.busy_timeout(BUSY)?;
        connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.execute_batch(SCHEMA)?;
        connection.execute_batch(more)?;
        Ok(Self { connection })
    }

    /// Opens the file for reading. It must be there.
    pub(in crate::store) fn read(file: &Path) -> rusqlite::Result<Self> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(file, flags)?;
        connection.busy_timeout(BUSY)?;
        Ok(Self { connection })
    }

    /// The file, with whatever tables belong to it.
    pub(in crate::store) fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Adds to hours of a site, which begin and end at these times. What `then` writes becomes durable
    /// with them.
    pub(in crate::store) fn add(
        &mut self,
        site: &SiteId,
        hours: &BTreeMap<(Group, (i64, i64)), Aggregate>,
        then: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<()>,
    ) -> rusqlite::Result<()> {
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut codes = Codes::default();
        let site = codes.word(&transaction, site.as_str())?;
        let mut series: BTreeMap<&Group, i64> = BTreeMap::new();
        for ((group, (start, end)), sum) in hours {
            let known = series.get(group).copied();
            let id = match known {
                Some(id) => id,
                None => series_of(&transaction, site, &by(&transaction, &mut codes, group)?)?,
            };
            series.insert(group, id);
            let key = Key {
                series: id,
                width: Width::Hour as i64,
                start: *start,
            };
            let hour = Aggregated {
                end: *end,
                sum: Some(*sum),
                is_part: false,
            };
            add(&transaction, key, hour)?;
        }
        then(&transaction)?;
        transaction.commit()
    }

    /// Makes days of a slice of the hours that a site keeps no longer at `now`, or lets days go. Answers
    /// whether there was one.
    pub(in crate::store) fn coarsen(&mut self, now: Wall, kept: &Kept) -> rusqlite::Result<bool> {
        for class in Class::ALL {
            let keep = class.of(&kept.retention);
            if let Some(before) = before(now, kept, keep.hourly)
                && hours(&mut self.connection, kept, class, before)?
            {
                return Ok(true);
            }
            if let Some(before) = before(now, kept, keep.daily)
                && days(&mut self.connection, kept, class, before)?
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Adds to the counts of buckets.
    pub(in crate::store) fn count(
        &self,
        site: &SiteId,
        which: &CountFilter,
        edges: &[Wall],
        mut each: impl FnMut(usize, u64),
    ) -> rusqlite::Result<()> {
        self.each(site, &Scan::counting(which), edges, |found| {
            if let Found::Whole(bucket, aggregate) = found {
                each(bucket, aggregate.count);
            }
        })
    }

    /// Adds to the sums of buckets.
    pub(in crate::store) fn measure(
        &self,
        site: &SiteId,
        which: &StatsFilter,
        edges: &[Wall],
        mut each: impl FnMut(usize, &Sum),
    ) -> rusqlite::Result<()> {
        self.each(site, &Scan::measuring(which), edges, |found| {
            if let Found::Whole(bucket, aggregate) = found {
                each(bucket, &aggregate.sum);
            }
        })
    }

    /// Where an hour or day is cut by a question, or only a part of it is left.
    pub(in crate::store) fn untold(
        &self,
        site: &SiteId,
        which: Question<'_>,
        edges: &[Wall],
    ) -> rusqlite::Result<Vec<(Wall, Wall)>> {
        let scan = match which {
            Question::Counts(which) => Scan::counting(which),
            Question::Stats(which) => Scan::measuring(which),
        };
        let mut untold = Vec::new();
        self.each(site, &scan, edges, |found| {
            if let Found::Cut(from, to) = found {
                untold.push((wall(from), wall(to)));
            }
        })?;
        Ok(untold)
    }

    /// Up to when events of each kind are only there added up.
    pub(in crate::store) fn added_up(
        &self,
        site: &SiteId,
    ) -> rusqlite::Result<BTreeMap<String, Wall>> {
        read::added_up(&self.connection, site)
    }

    /// Reads all of it.
    pub(in crate::store) fn verify(&self) -> rusqlite::Result<Verified> {
        verify::sums(&self.connection)
    }

    fn each(
        &self,
        site: &SiteId,
        scan: &Scan<'_>,
        edges: &[Wall],
        each: impl FnMut(Found<'_>),
    ) -> rusqlite::Result<()> {
        // Hours and days are read as of one moment.
        let moment = self.connection.unchecked_transaction()?;
        match scan.resolve(&moment, site)? {
            Some(scan) => scan.aggregates(&moment, edges, each),
            None => Ok(()),
        }
    }
}

/// One writes a slice at a time, others read.
const BUSY: Duration = Duration::from_secs(30);

fn by(transaction: &Transaction<'_>, codes: &mut Codes, group: &Group) -> rusqlite::Result<By> {
    let kind = codes.word(transaction, &group.kind)?;
    let mut code = |word: &Option<String>| {
        let word = word.as_deref();
        word.map(|word| codes.word(transaction, word)).transpose()
    };
    Ok(By {
        kind,
        lane: code(&group.lane)?,
        dir: code(&group.dir)?,
        zone: code(&group.zone)?,
        sensor: code(&group.sensor)?,
        quantity: code(&group.quantity)?,
    })
}
