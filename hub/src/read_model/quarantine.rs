//! What was set aside, newest first, from the journal.

use std::path::Path;

use gatepost_dashboard::{ports::ReadError, view::QuarantineItem};
use gatepost_model::Wall;
use rusqlite::{Row, params};

use crate::store::journal::open_reader;

/// So much of its bytes is shown.
const SHOWN: usize = 2000;

pub(super) fn page(
    data: &Path,
    limit: usize,
    cursor: Option<&str>,
) -> Result<(Vec<QuarantineItem>, Option<String>), ReadError> {
    let before = match cursor {
        None => i64::MAX,
        Some(text) => text.parse().map_err(|_| ReadError::Invalid {
            parameter: "cursor",
            reason: "take it from `next` of the page before".to_owned(),
        })?,
    };
    let mut items =
        read(data, limit + 1, before).map_err(|error| ReadError::Unavailable(error.to_string()))?;
    let has_more = items.len() > limit;
    items.truncate(limit);
    let next = items
        .last()
        .filter(|_| has_more)
        .map(|last| last.id.to_string());
    Ok((items, next))
}

fn read(data: &Path, limit: usize, before: i64) -> rusqlite::Result<Vec<QuarantineItem>> {
    let connection = open_reader(data)?;
    let mut statement = connection.prepare(
        "SELECT id, received, topic, site, unit, log, seq, code, reason, count, substr(bytes, 1, ?3),
                print IS NULL
         FROM quarantine WHERE id < ?1 ORDER BY id DESC LIMIT ?2",
    )?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let shown = i64::try_from(SHOWN).unwrap_or(i64::MAX);
    let rows = statement.query_map(params![before, limit, shown], item)?;
    rows.collect()
}

fn item(row: &Row<'_>) -> rusqlite::Result<QuarantineItem> {
    let id: i64 = row.get(0)?;
    let received: i64 = row.get(1)?;
    let (site, unit): (Option<String>, Option<String>) = (row.get(3)?, row.get(4)?);
    let seq: Option<i64> = row.get(6)?;
    let count: i64 = row.get(9)?;
    let bytes: Vec<u8> = row.get(10)?;
    let is_line: bool = row.get(11)?;
    Ok(QuarantineItem {
        id: id.cast_unsigned(),
        received: Wall::EPOCH.plus_micros(received),
        topic: row.get(2)?,
        scope: if is_line { "line" } else { "batch" }.to_owned(),
        site: site.and_then(|site| site.parse().ok()),
        unit: unit.and_then(|unit| unit.parse().ok()),
        log: row.get(5)?,
        seq: seq.map(i64::cast_unsigned),
        code: row.get(7)?,
        reason: row.get(8)?,
        count: count.cast_unsigned(),
        text: String::from_utf8_lossy(&bytes).into_owned(),
    })
}
