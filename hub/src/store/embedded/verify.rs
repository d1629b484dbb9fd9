//! Looking at everything: each block and journal row by its checksum, each row by its line, the file
//! by SQLite's own check.

use gatepost_model::event::Line;
use rusqlite::Connection;

use super::{
    aggregate::{Aggregate, Key},
    block::{self, Block},
    pack::Malformed,
    point::{Chunk, Point, hour_of, wall},
    sum::Sum,
};

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verified {
    /// Blocks that were read.
    pub blocks: u64,
    /// Readings in them.
    pub sealed: u64,
    /// Readings in the journal.
    pub open: u64,
    /// Events that are rows.
    pub rows: u64,
    /// Hours and days whose events have gone.
    pub aggregates: u64,
    /// Blocks that were set aside before.
    pub aside: u64,
    /// What is wrong, in words.
    pub wrong: Vec<String>,
}

/// Reads all that the history has. It may be in use.
pub fn verify(connection: &Connection) -> rusqlite::Result<Verified> {
    let mut found = Verified::default();
    connection.pragma(None, "integrity_check", 100, |row| {
        let said: String = row.get(0)?;
        if said != "ok" {
            found.wrong.push(format!("SQLite: {said}"));
        }
        Ok(())
    })?;
    blocks(connection, &mut found)?;
    journal(connection, &mut found)?;
    rows(connection, &mut found)?;
    aggregates(connection, &mut found)?;
    found.aside = connection
        .query_row("SELECT count(*) FROM reading_damaged", [], |row| {
            row.get::<_, i64>(0)
        })?
        .unsigned_abs();
    Ok(found)
}

fn blocks(connection: &Connection, found: &mut Verified) -> rusqlite::Result<()> {
    let mut statement = connection.prepare("SELECT key, data FROM reading_block")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let key: i64 = row.get(0)?;
        let data = row.get_ref(1)?.as_blob().unwrap_or_default();
        found.blocks += 1;
        match whole_block(key, data) {
            Ok(n) => found.sealed += n,
            Err(Malformed) => {
                let (hour, series) = block::parts(key);
                let from = wall(hour.saturating_mul(super::point::HOUR));
                let what = format!("the block of series {series} from {from} is damaged");
                found.wrong.push(what);
            }
        }
    }
    Ok(())
}

/// How many readings a block has, if all of it fits together.
fn whole_block(key: i64, data: &[u8]) -> Result<u64, Malformed> {
    let block = Block::open(key, data)?;
    let (sum, span) = (block.sum, block.span);
    let points = block.points()?;
    let mut again = Sum::default();
    points.iter().for_each(|point| again.add(point.value));
    let (hour, _) = block::parts(key);
    let times = |point: &Point| hour_of(point.time) == hour;
    let ends = points.first().zip(points.last());
    let is_whole = again == sum
        && points.iter().all(times)
        && ends.is_some_and(|(first, last)| (first.time, last.time) == span);
    is_whole.then_some(sum.n).ok_or(Malformed)
}

fn journal(connection: &Connection, found: &mut Verified) -> rusqlite::Result<()> {
    let mut statement = connection.prepare("SELECT id, data FROM reading_journal")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let id: i64 = row.get(0)?;
        let data = row.get_ref(1)?.as_blob().unwrap_or_default();
        let mut n = 0;
        match Chunk::read(data, |_, _| n += 1) {
            Ok(()) => found.open += n,
            Err(Malformed) => found.wrong.push(format!("journal row {id} is damaged")),
        }
    }
    Ok(())
}

fn rows(connection: &Connection, found: &mut Verified) -> rusqlite::Result<()> {
    let mut statement = connection.prepare("SELECT log, seq, line FROM event")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (log, seq): (i64, i64) = (row.get(0)?, row.get(1)?);
        let line = row.get_ref(2)?.as_bytes().unwrap_or_default();
        found.rows += 1;
        if let Err(error) = Line::from_bytes(line) {
            let what = format!("event {seq} of log {log} is damaged: {error}");
            found.wrong.push(what);
        }
    }
    Ok(())
}

fn aggregates(connection: &Connection, found: &mut Verified) -> rusqlite::Result<()> {
    let mut statement = connection.prepare("SELECT series, width, start, data FROM aggregate")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let key = Key {
            series: row.get(0)?,
            width: row.get(1)?,
            start: row.get(2)?,
        };
        let data = row.get_ref(3)?.as_blob().unwrap_or_default();
        found.aggregates += 1;
        // An empty one is known to have been damaged before.
        if !data.is_empty() && Aggregate::from_bytes(key, data).is_err() {
            let from = wall(key.start);
            let what = format!("the sum {} from {from} is damaged", key.series);
            found.wrong.push(what);
        }
    }
    Ok(())
}
