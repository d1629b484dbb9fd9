//! Rows that waited for InfluxDB and cannot be read any more: what they told is unknown, which is never
//! taken for nothing.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use gatepost_model::{SiteId, Wall};
use rusqlite::{Connection, Transaction};
use tracing::error;

use super::packed;
use crate::store::embedded::{self, wall};

pub(super) const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS influx_damaged (
        id INTEGER PRIMARY KEY,
        site TEXT NOT NULL,
        first INTEGER NOT NULL,
        last INTEGER NOT NULL,
        data BLOB NOT NULL
    ) STRICT;";

/// Whole hours, as with everything else that is damaged, microseconds.
const HOUR: i64 = 3_600_000_000;

/// What was met, in this process or before.
#[derive(Debug, Default)]
pub(super) struct Damaged {
    rows: Mutex<BTreeMap<i64, Lost>>,
}

#[derive(Debug)]
struct Lost {
    site: SiteId,
    /// Times of the first event and the last, microseconds since 1970.
    span: (i64, i64),
}

impl Damaged {
    /// What was set aside before.
    pub(super) fn load(connection: &Connection) -> rusqlite::Result<Self> {
        let mut statement =
            connection.prepare("SELECT id, site, first, last FROM influx_damaged")?;
        let rows = statement.query_map([], |row| {
            let span = (row.get(2)?, row.get(3)?);
            let site = embedded::id(row, 1)?;
            Ok((row.get(0)?, Lost { site, span }))
        })?;
        Ok(Self {
            rows: Mutex::new(rows.collect::<Result<_, _>>()?),
        })
    }

    /// A row with events of a span cannot be read.
    pub(super) fn met(&self, id: i64, site: &SiteId, span: (i64, i64)) {
        let site = site.clone();
        self.rows().entry(id).or_insert_with(|| {
            error!(
                row = id, %site, from = %wall(span.0), to = %wall(span.1),
                "a row of events that wait for InfluxDB is damaged and is left out"
            );
            Lost { site, span }
        });
    }

    /// The hours between two times of which something of a site is lost.
    pub(super) fn of_site(&self, site: &SiteId, edges: (Wall, Wall)) -> Vec<(Wall, Wall)> {
        let rows = self.rows();
        let of_site = rows.values().filter(|lost| lost.site == *site);
        let hours = of_site.map(|lost| {
            let (first, last) = lost.span;
            let begins = first.div_euclid(HOUR).saturating_mul(HOUR);
            let ends = (last.div_euclid(HOUR) + 1).saturating_mul(HOUR);
            (wall(begins), wall(ends))
        });
        hours
            .filter(|(begins, ends)| *begins < edges.1 && *ends > edges.0)
            .collect()
    }

    /// A list is whole whatever panicked while it was held.
    fn rows(&self) -> MutexGuard<'_, BTreeMap<i64, Lost>> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Keeps the bytes of a damaged row, for whoever can make something of them.
pub(super) fn set_aside(transaction: &Transaction<'_>, id: i64) -> rusqlite::Result<()> {
    transaction
        .prepare_cached(
            "INSERT OR IGNORE INTO influx_damaged (id, site, first, last, data)
             SELECT id, site, first, last, data FROM influx_row WHERE id = ?1",
        )?
        .execute([id])?;
    Ok(())
}

/// What waits for InfluxDB, read as a whole.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verified {
    /// Rows that were read.
    pub rows: u64,
    /// Events in them.
    pub events: u64,
    /// Rows that were set aside before.
    pub aside: u64,
    /// What is wrong, in words.
    pub wrong: Vec<String>,
}

/// Reads all that waits for InfluxDB, or waited within the last day. It may be in use.
pub fn verify(connection: &Connection) -> rusqlite::Result<Verified> {
    let mut found = Verified::default();
    // A hub that never had InfluxDB has no such tables.
    if !connection.table_exists(None, "influx_damaged")? {
        return Ok(found);
    }
    let mut statement = connection.prepare("SELECT id, site, first, data FROM influx_row")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (id, site): (i64, SiteId) = (row.get(0)?, embedded::id(row, 1)?);
        let data = row.get_ref(3)?.as_blob().unwrap_or_default();
        found.rows += 1;
        match packed::read(&site, data) {
            Ok(events) => found.events += events.len() as u64,
            Err(packed::Damaged) => {
                let from = wall(row.get(2)?);
                let what = format!("row {id} for InfluxDB, of {site} from {from}, is damaged");
                found.wrong.push(what);
            }
        }
    }
    let count = "SELECT count(*) FROM influx_damaged";
    let aside: i64 = connection.query_row(count, [], |row| row.get(0))?;
    found.aside = aside.unsigned_abs();
    Ok(found)
}
