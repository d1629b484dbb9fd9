//! Points that InfluxDB refused, until they are in quarantine.

use gatepost_model::SiteId;
use rusqlite::Connection;

use super::packed;
use crate::store::{embedded::id, event::StoredEvent};

/// A point that InfluxDB refused.
#[derive(Debug, Clone, PartialEq)]
pub struct Refused {
    /// Its row among the refused.
    pub row: i64,
    /// In InfluxDB's own words.
    pub reason: String,
    /// What it was to tell.
    pub event: StoredEvent,
}

/// The oldest points that were refused and are not withdrawn yet.
pub(crate) fn refused(connection: &Connection, most: usize) -> rusqlite::Result<Vec<Refused>> {
    let mut statement = connection.prepare_cached(
        "SELECT id, site, reason, event FROM influx_refused ORDER BY id LIMIT ?1",
    )?;
    let mut rows = statement.query([i64::try_from(most).unwrap_or(i64::MAX)])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let site: SiteId = id(row, 1)?;
        let text: String = row.get(3)?;
        if let Some(waiting) = packed::one(&site, &text) {
            found.push(Refused {
                row: row.get(0)?,
                reason: row.get(2)?,
                event: waiting.event,
            });
        }
    }
    Ok(found)
}
