//! Looking at everything: each block and journal row by its checksum, each row by its line, the file
//! by SQLite's own check.

use std::collections::HashMap;

use gatepost_model::event::{Line, LineError};
use rusqlite::{Connection, Row};

use super::{
    aggregate::{Aggregate, Key},
    block::{self, Block},
    catalog::Catalog,
    memory::is_sound_newest,
    pack::Malformed,
    point::{Chunk, Point, hour_of, wall},
    rows::{Checked, check_of},
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
    integrity(connection, &mut found)?;
    blocks(connection, &mut found)?;
    journal(connection, &mut found)?;
    rows(connection, &mut found)?;
    heads(connection, &mut found)?;
    aggregates(connection, &mut found)?;
    found.aside = connection
        .query_row("SELECT count(*) FROM reading_damaged", [], |row| {
            row.get::<_, i64>(0)
        })?
        .unsigned_abs();
    Ok(found)
}

/// Reads hours and days that are in a file of their own. It may be in use.
pub(super) fn sums(connection: &Connection) -> rusqlite::Result<Verified> {
    let mut found = Verified::default();
    integrity(connection, &mut found)?;
    aggregates(connection, &mut found)?;
    Ok(found)
}

fn integrity(connection: &Connection, found: &mut Verified) -> rusqlite::Result<()> {
    connection.pragma(None, "integrity_check", 100, |row| {
        let said: String = row.get(0)?;
        if said != "ok" {
            found.wrong.push(format!("SQLite: {said}"));
        }
        Ok(())
    })
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
                let (hour, family) = block::parts(key);
                let from = wall(hour.saturating_mul(super::point::HOUR));
                let what = format!("the block of family {family} from {from} is damaged");
                found.wrong.push(what);
            }
        }
    }
    Ok(())
}

/// How many readings a block has, if all of it fits together.
fn whole_block(key: i64, data: &[u8]) -> Result<u64, Malformed> {
    let block = Block::open(key, data)?;
    let (hour, _) = block::parts(key);
    let times = |point: &Point| hour_of(point.time) == hour;
    let mut n = 0;
    for (head, (series, points)) in block.heads().zip(block.points()?) {
        let head = head?;
        let mut again = Sum::default();
        points.iter().for_each(|point| again.add(point.value));
        let ends = points.first().zip(points.last());
        let is_whole = head.series == series
            && again == head.sum
            && points.iter().all(times)
            && ends.is_some_and(|(first, last)| (first.time, last.time) == head.span);
        if !is_whole {
            return Err(Malformed);
        }
        n += again.n;
    }
    Ok(n)
}

fn journal(connection: &Connection, found: &mut Verified) -> rusqlite::Result<()> {
    let mut statement = connection.prepare("SELECT id, data, hour FROM reading_journal")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let id: i64 = row.get(0)?;
        let data = row.get_ref(1)?.as_blob().unwrap_or_default();
        let hour: i64 = row.get(2)?;
        let (mut n, mut is_of_hour) = (0, true);
        let read = Chunk::read(data, |_, point| {
            n += 1;
            is_of_hour &= hour_of(point.time) == hour;
        });
        match read {
            Ok(()) if is_of_hour => found.open += n,
            _ => found.wrong.push(format!("journal row {id} is damaged")),
        }
    }
    Ok(())
}

fn rows(connection: &Connection, found: &mut Verified) -> rusqlite::Result<()> {
    let names = Names::load(connection)?;
    let mut statement = connection.prepare(
        "SELECT log, seq, time, test, error_ms, source, received, kind, lane, dir, zone, sensor,
                quantity, boot, value, line, check32
         FROM event",
    )?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        found.rows += 1;
        if let Err(error) = row_is_sound(row, &names) {
            let (log, seq): (i64, i64) = (row.get(0)?, row.get(1)?);
            found
                .wrong
                .push(format!("event {seq} of log {log} is damaged: {error}"));
        }
    }
    Ok(())
}

/// The words and logs that rows bear the numbers of.
struct Names {
    words: HashMap<i64, String>,
    logs: HashMap<i64, [String; 3]>,
}

impl Names {
    fn load(connection: &Connection) -> rusqlite::Result<Self> {
        let mut words = connection.prepare("SELECT id, word FROM event_word")?;
        let words = words.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let mut logs = connection.prepare("SELECT id, site, unit, log FROM event_log")?;
        let logs = logs.query_map([], |row| {
            Ok((row.get(0)?, [row.get(1)?, row.get(2)?, row.get(3)?]))
        })?;
        Ok(Self {
            words: words.collect::<rusqlite::Result<_>>()?,
            logs: logs.collect::<rusqlite::Result<_>>()?,
        })
    }
}

/// Why a row is not as it was written.
#[derive(Debug, thiserror::Error)]
enum Unsound {
    #[error("{0}")]
    Sqlite(#[from] rusqlite::Error),
    #[error("{0}")]
    Line(#[from] LineError),
    #[error("it bears the number of a word that is not there")]
    Word,
    #[error("its checksum is wrong")]
    Check,
}

fn row_is_sound(row: &Row<'_>, names: &Names) -> Result<(), Unsound> {
    let line = row.get_ref(15)?.as_str().map_err(rusqlite::Error::from)?;
    Line::from_bytes(line.as_bytes())?;
    let word = |column: usize| -> Result<Option<&str>, Unsound> {
        let Some(code) = row.get::<_, Option<i64>>(column)? else {
            return Ok(None);
        };
        let word = names.words.get(&code).ok_or(Unsound::Word)?;
        Ok(Some(word))
    };
    let log = names.logs.get(&row.get(0)?).ok_or(Unsound::Word)?;
    let number = |column: usize| row.get::<_, i64>(column);
    let expected = check_of(&Checked {
        names: [&log[0], &log[1], &log[2]],
        numbers: [
            number(1)?,
            number(2)?,
            number(3)?,
            number(4)?,
            number(5)?,
            number(6)?,
        ],
        words: [
            word(7)?,
            word(8)?,
            word(9)?,
            word(10)?,
            word(11)?,
            word(12)?,
            word(13)?,
        ],
        value: row.get(14)?,
        line,
    });
    // Older hubs wrote no checksum.
    match row.get::<_, Option<u32>>(16)? {
        Some(check) if check != expected => Err(Unsound::Check),
        _ => Ok(()),
    }
}

/// Names of series, and newest readings.
fn heads(connection: &Connection, found: &mut Verified) -> rusqlite::Result<()> {
    let lost = Catalog::load(connection)?.lost.into_iter();
    let lost = lost.map(|series| format!("the names of series {series} are damaged"));
    found.wrong.extend(lost);
    let mut statement = connection.prepare(
        "SELECT site, unit, sensor, quantity, zone, value, time, log, seq, check32
         FROM event_latest",
    )?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        if !is_sound_newest(row)? {
            let sensor: String = row.get(2)?;
            let what = format!("the newest reading of a sensor `{sensor}` is damaged");
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
