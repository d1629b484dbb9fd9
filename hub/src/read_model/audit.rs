//! A site's audit trail, from the journal.

use std::path::Path;

use gatepost_dashboard::{ports::ReadError, view::AuditEntry};
use gatepost_model::SiteId;
use rusqlite::params;

use crate::{core::people::verify, store::journal};

/// Entries before a number, newest first, and whether their chain holds.
pub(super) fn page(
    data: &Path,
    site: &SiteId,
    limit: usize,
    before: Option<u64>,
) -> Result<(Vec<AuditEntry>, bool), ReadError> {
    let read = || -> rusqlite::Result<Vec<String>> {
        let connection = journal::open_reader(data)?;
        let mut statement = connection.prepare(
            "SELECT json FROM state WHERE site = ?1 AND tbl = 'audit' AND CAST(key AS INTEGER) < ?2
             ORDER BY CAST(key AS INTEGER) DESC LIMIT ?3",
        )?;
        let before = before.map_or(i64::MAX, |n| i64::try_from(n).unwrap_or(i64::MAX));
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows = statement.query_map(params![site.as_str(), before, limit], |row| row.get(0))?;
        rows.collect()
    };
    let unavailable = |error: String| ReadError::Unavailable(error);
    let rows = read().map_err(|error| unavailable(error.to_string()))?;
    let mut entries: Vec<AuditEntry> = rows
        .iter()
        .map(|json| serde_json::from_str(json))
        .collect::<Result<_, _>>()
        .map_err(|error| unavailable(error.to_string()))?;
    entries.reverse();
    let is_intact = verify(&entries);
    entries.reverse();
    Ok((entries, is_intact))
}
