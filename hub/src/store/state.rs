//! The state's tables: every row as JSON by its key, read back as a whole at the start.

mod turns;

use gatepost_model::{Site, SiteId};
use rusqlite::{Connection, OptionalExtension, Transaction, params};
use serde_json::{Value, json};

use super::{
    embedded, influx,
    journal::{LoadError, StoreError},
};
use crate::core::{
    quarantine::{Again, Aside, ShelfChange},
    state::{AnyRow, Change, State},
};

pub(super) use turns::Turns;
use turns::{Place, Rows, waiting};

pub(super) fn schema(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(
        "CREATE TABLE IF NOT EXISTS site(id TEXT PRIMARY KEY, json TEXT NOT NULL) WITHOUT ROWID;
         CREATE TABLE IF NOT EXISTS state(
             site TEXT NOT NULL, tbl TEXT NOT NULL, key TEXT NOT NULL, json TEXT NOT NULL,
             PRIMARY KEY(site, tbl, key)) WITHOUT ROWID;
         CREATE TABLE IF NOT EXISTS alert(id INTEGER PRIMARY KEY, json TEXT NOT NULL);
         CREATE TABLE IF NOT EXISTS lived(id INTEGER PRIMARY KEY, json TEXT NOT NULL);
         CREATE TABLE IF NOT EXISTS message(id INTEGER PRIMARY KEY, json TEXT NOT NULL);
         CREATE TABLE IF NOT EXISTS quarantine(
             id INTEGER PRIMARY KEY, received INTEGER NOT NULL, topic TEXT NOT NULL,
             site TEXT, unit TEXT, log TEXT, seq INTEGER,
             code TEXT NOT NULL, reason TEXT NOT NULL, bytes BLOB NOT NULL,
             print INTEGER, count INTEGER NOT NULL);",
    )?;
    turns::schema(connection)?;
    // Older hubs kept nothing to bring it back with.
    if !connection.column_exists(None, "quarantine", "again")? {
        connection.execute_batch("ALTER TABLE quarantine ADD COLUMN again TEXT")?;
    }
    Ok(())
}

/// Writes the changes of a turn in its transaction. What is not durable is left out. Answers what
/// [`Turns`] are to confirm once it is durable.
pub(super) fn write(
    transaction: &Transaction<'_>,
    turns: &Turns,
    changes: &[Change],
) -> Result<usize, StoreError> {
    let mut rows = Rows::default();
    for change in changes {
        write_one(transaction, &mut rows, change)?;
    }
    turns.append(transaction, &rows)
}

fn write_one(
    transaction: &Transaction<'_>,
    rows: &mut Rows,
    change: &Change,
) -> Result<(), StoreError> {
    match change {
        Change::Site(site) => put_site(transaction, site)?,
        Change::Alert(alert) => {
            let json = serde_json::to_string(alert)?;
            transaction
                .prepare_cached("INSERT OR REPLACE INTO alert(id, json) VALUES (?1, ?2)")?
                .execute(params![alert.id.cast_signed(), json])?;
        }
        Change::Put(site, row) => put_row(transaction, rows, site, row)?,
        Change::Remove(site, key) => rows.remove(site, key.table(), &key.stored()?),
        Change::Watched(site, joined) => {
            for key in &joined.gone {
                rows.remove(site, "watch", &serde_json::to_string(key)?);
            }
            put_row(transaction, rows, site, &AnyRow::Watch(joined.put.clone()))?;
        }
        Change::Shelf(change) => write_shelf(transaction, change)?,
        // The history's own part of the transaction.
        Change::Withdrawn(_) => {}
        Change::Lived(lived) => {
            transaction
                .prepare_cached("INSERT OR REPLACE INTO lived(id, json) VALUES (1, ?1)")?
                .execute([serde_json::to_string(lived)?])?;
        }
        Change::Message(row) => {
            let json = serde_json::to_string(row)?;
            transaction
                .prepare_cached("INSERT OR REPLACE INTO message(id, json) VALUES (?1, ?2)")?
                .execute(params![row.id.cast_signed(), json])?;
        }
        Change::Forgotten(message) => {
            transaction
                .prepare_cached("DELETE FROM message WHERE id = ?1")?
                .execute([message.cast_signed()])?;
        }
        Change::Heard(..)
        | Change::Judged(..)
        | Change::Looked(..)
        | Change::Called(..)
        | Change::Pruned(..)
        | Change::Listening(..)
        | Change::StoredSite(..) => {}
    }
    Ok(())
}

pub(super) fn put_site(transaction: &Transaction<'_>, site: &Site) -> Result<(), StoreError> {
    let json = serde_json::to_string(site)?;
    transaction
        .prepare_cached("INSERT OR REPLACE INTO site(id, json) VALUES (?1, ?2)")?
        .execute(params![site.id.as_str(), json])?;
    Ok(())
}

fn put_row(
    transaction: &Transaction<'_>,
    rows: &mut Rows,
    site: &SiteId,
    row: &AnyRow,
) -> Result<(), StoreError> {
    let (key, json) = row.stored()?;
    match row {
        // Of the trail only the newest entry is in memory: the others are read where they are kept.
        AnyRow::Audit(_) => {
            turns::put(transaction)?.execute(params![site.as_str(), row.table(), key, json])?;
        }
        _ => rows.put(site, row.table(), &key, &json),
    }
    Ok(())
}

fn write_shelf(transaction: &Transaction<'_>, change: &ShelfChange) -> Result<(), StoreError> {
    match change {
        ShelfChange::Put(aside) => put_aside(transaction, aside)?,
        ShelfChange::Again { id, count } => {
            transaction
                .prepare_cached("UPDATE quarantine SET count = ?2 WHERE id = ?1")?
                .execute(params![id.cast_signed(), count.cast_signed()])?;
        }
        ShelfChange::Drop(id) => {
            transaction
                .prepare_cached("DELETE FROM quarantine WHERE id = ?1")?
                .execute([id.cast_signed()])?;
        }
    }
    Ok(())
}

fn put_aside(transaction: &Transaction<'_>, aside: &Aside) -> Result<(), StoreError> {
    transaction
        .prepare_cached(
            "INSERT OR REPLACE INTO quarantine(
                 id, received, topic, site, unit, log, seq, code, reason, bytes, print, count, again)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
        )?
        .execute(params![
            aside.id.cast_signed(),
            aside.received.micros(),
            aside.topic,
            aside.site.as_ref().map(SiteId::as_str),
            aside.unit.as_ref().map(|unit| unit.as_str()),
            aside.place.as_ref().map(|(log, _)| log.as_str()),
            aside.place.as_ref().map(|(_, seq)| seq.cast_signed()),
            aside.code,
            aside.reason,
            aside.bytes,
            aside.print.map(u64::cast_signed),
            aside.count.cast_signed(),
            aside.again.as_ref().map(again_text).transpose()?,
        ])?;
    Ok(())
}

/// What is set aside can be brought again by this: a refused event with all that the record knows of
/// it, or what a line's batch said.
fn again_text(again: &Again) -> Result<String, serde_json::Error> {
    match again {
        Again::Event(event) => {
            let mut text = String::new();
            influx::pack(&mut text, event, false);
            serde_json::to_string(
                &json!({"site": event.site, "event": text.trim_end_matches('\n')}),
            )
        }
        Again::Line(line) => serde_json::to_string(line),
    }
}

fn again_of(text: &str) -> Option<Again> {
    let read: Value = serde_json::from_str(text).ok()?;
    let Some(event) = read.get("event") else {
        return serde_json::from_value(read).ok().map(Again::Line);
    };
    let site = read.get("site")?.as_str()?.parse().ok()?;
    let waiting = influx::unpack(&site, event.as_str()?)?;
    Some(Again::Event(Box::new(waiting.event)))
}

/// What is in quarantine under an id.
pub(super) fn aside(connection: &Connection, id: u64) -> rusqlite::Result<Option<Aside>> {
    connection
        .prepare_cached(
            "SELECT received, topic, site, unit, log, seq, code, reason, bytes, print, count, again
             FROM quarantine WHERE id = ?1",
        )?
        .query_row([id.cast_signed()], |row| {
            let text = |column: usize| row.get::<_, Option<String>>(column);
            let (log, seq): (Option<String>, Option<i64>) = (text(4)?, row.get(5)?);
            let log = log.and_then(|log| log.parse().ok());
            let print: Option<i64> = row.get(9)?;
            let count: i64 = row.get(10)?;
            Ok(Aside {
                id,
                received: embedded::wall(row.get(0)?),
                topic: row.get(1)?,
                site: text(2)?.and_then(|site| site.parse().ok()),
                unit: text(3)?.and_then(|unit| unit.parse().ok()),
                place: log.zip(seq.map(i64::cast_unsigned)),
                code: row.get(6)?,
                reason: row.get(7)?,
                bytes: row.get(8)?,
                print: print.map(i64::cast_unsigned),
                count: count.cast_unsigned(),
                again: text(11)?.as_deref().and_then(again_of),
            })
        })
        .optional()
}

pub(super) fn sites(connection: &Connection) -> Result<Vec<Site>, LoadError> {
    let mut statement = connection.prepare("SELECT id, json FROM site ORDER BY id")?;
    let mut rows = statement.query([])?;
    let mut sites = Vec::new();
    while let Some(row) = rows.next()? {
        let (id, json): (String, String) = (row.get(0)?, row.get(1)?);
        sites.push(serde_json::from_str(&json).map_err(unreadable("site", id))?);
    }
    Ok(sites)
}

/// Fills the state with all that is stored.
pub(super) fn load(connection: &Connection, state: &mut State) -> Result<(), LoadError> {
    for site in sites(connection)? {
        state.apply(&Change::Site(site));
    }
    let mut waiting = waiting(connection)?;
    let mut statement = connection.prepare("SELECT site, tbl, key, json FROM state")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let place = (row.get(0)?, row.get(1)?, row.get(2)?);
        let row = match waiting.remove(&place) {
            Some(later) => later,
            None => row.get(3)?,
        };
        load_row(state, place, row)?;
    }
    for (place, row) in waiting {
        load_row(state, place, row)?;
    }
    let mut statement = connection.prepare("SELECT id, json FROM alert ORDER BY id")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (id, json): (i64, String) = (row.get(0)?, row.get(1)?);
        let alert = serde_json::from_str(&json).map_err(unreadable("alert", id.to_string()))?;
        state.apply(&Change::Alert(alert));
    }
    let lived: Option<String> = connection
        .query_row("SELECT json FROM lived", [], |row| row.get(0))
        .optional()?;
    if let Some(json) = lived {
        let lived = serde_json::from_str(&json).map_err(unreadable("lived", "1".to_owned()))?;
        state.apply(&Change::Lived(lived));
    }
    let mut statement = connection.prepare("SELECT id, json FROM message ORDER BY id")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (id, json): (i64, String) = (row.get(0)?, row.get(1)?);
        let message = serde_json::from_str(&json).map_err(unreadable("message", id.to_string()))?;
        state.apply(&Change::Message(message));
    }
    load_shelf(connection, state)?;
    Ok(())
}

/// A row of the state, if it is there still.
fn load_row(state: &mut State, place: Place, row: Option<String>) -> Result<(), LoadError> {
    let (site, table, key) = place;
    let Some(json) = row else { return Ok(()) };
    let read = AnyRow::read(&table, &json).map_err(unreadable(&table, key))?;
    if let (Some(read), Ok(site)) = (read, site.parse()) {
        state.apply(&Change::Put(site, read));
    }
    Ok(())
}

fn load_shelf(connection: &Connection, state: &mut State) -> rusqlite::Result<()> {
    let mut messages = connection.prepare(
        "SELECT id, print, count, length(bytes) FROM quarantine WHERE print IS NOT NULL",
    )?;
    let mut rows = messages.query([])?;
    while let Some(row) = rows.next()? {
        let (id, print): (i64, i64) = (row.get(0)?, row.get(1)?);
        let (count, bytes): (i64, i64) = (row.get(2)?, row.get(3)?);
        state.shelf.load(
            id.cast_unsigned(),
            Some(print.cast_unsigned()),
            count.cast_unsigned(),
            usize::try_from(bytes).unwrap_or(0),
        );
    }
    let newest: Option<i64> = connection
        .query_row("SELECT max(id) FROM quarantine", [], |row| row.get(0))
        .optional()?
        .flatten();
    if let Some(newest) = newest {
        state.shelf.load(newest.cast_unsigned(), None, 0, 0);
    }
    Ok(())
}

fn unreadable(table: &str, key: String) -> impl FnOnce(serde_json::Error) -> LoadError {
    let table = table.to_owned();
    move |source| LoadError::Row { table, key, source }
}
