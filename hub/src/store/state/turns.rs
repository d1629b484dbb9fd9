//! What turns left in the state's rows, one row of text a turn, until it is folded into the tables.
//!
//! A turn changes a row of each of its units here and one there, and the table of all rows has each on
//! another page: as a card wears by pages, nine of ten that a trickle of readings wrote were those. So a
//! turn's rows are appended in one piece, packed, and put where they belong when a quarter of a megabyte
//! of them waits, each once however often it changed since.

use std::collections::BTreeMap;

use gatepost_model::SiteId;
use rusqlite::{CachedStatement, Connection, Transaction};
use serde::de::Error as _;

use crate::store::{
    journal::{LoadError, StoreError},
    zipped,
};

/// So many bytes wait at most: what a start has to read, and what one commit may have to fold.
const LIMIT: usize = 256_000;

pub(super) fn schema(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(
        "CREATE TABLE IF NOT EXISTS state_turn(id INTEGER PRIMARY KEY, rows BLOB NOT NULL);",
    )
}

/// Where a row of the state is kept: site, table, and its key as JSON.
pub(super) type Place = (String, String, String);

/// The rows that one turn changed, as they are kept: a line a row with site, table, key and row, the
/// row left out where it is gone, packed. JSON has no tab and no end of line outside of an escape.
#[derive(Debug, Default)]
pub(super) struct Rows(String);

impl Rows {
    pub(super) fn put(&mut self, site: &SiteId, table: &str, key: &str, row: &str) {
        self.push(&[site.as_str(), table, key, row]);
    }

    pub(super) fn remove(&mut self, site: &SiteId, table: &str, key: &str) {
        self.push(&[site.as_str(), table, key]);
    }

    fn push(&mut self, words: &[&str]) {
        for (at, word) in words.iter().enumerate() {
            if at > 0 {
                self.0.push('\t');
            }
            self.0.push_str(word);
        }
        self.0.push('\n');
    }
}

/// What waits to be folded, by the one writer.
#[derive(Debug)]
pub(crate) struct Turns {
    bytes: usize,
    limit: usize,
}

impl Turns {
    /// Looks how much waits.
    pub(crate) fn open(connection: &Connection) -> rusqlite::Result<Self> {
        let sum = "SELECT coalesce(sum(length(rows)), 0) FROM state_turn";
        let bytes: i64 = connection.query_row(sum, [], |row| row.get(0))?;
        Ok(Self {
            bytes: usize::try_from(bytes).unwrap_or(usize::MAX),
            limit: LIMIT,
        })
    }

    /// Writes a turn's rows in its transaction. Answers how much waits once that is durable, for
    /// [`Turns::confirm`].
    pub(super) fn append(
        &self,
        transaction: &Transaction<'_>,
        rows: &Rows,
    ) -> Result<usize, StoreError> {
        if rows.0.is_empty() {
            return Ok(self.bytes);
        }
        let packed = zipped::pack(&rows.0);
        let mut waits = self.bytes;
        if waits.saturating_add(packed.len()) > self.limit {
            fold(transaction)?;
            waits = 0;
        }
        transaction
            .prepare_cached("INSERT INTO state_turn(rows) VALUES (?1)")?
            .execute([&packed])?;
        Ok(waits.saturating_add(packed.len()))
    }

    /// What was appended is durable.
    pub(crate) fn confirm(&mut self, waits: usize) {
        self.bytes = waits;
    }
}

/// Puts all that waits into the table of rows.
fn fold(transaction: &Transaction<'_>) -> Result<(), StoreError> {
    let mut put = put(transaction)?;
    let mut remove = transaction
        .prepare_cached("DELETE FROM state WHERE site = ?1 AND tbl = ?2 AND key = ?3")?;
    for ((site, table, key), row) in waiting(transaction)? {
        match row {
            Some(row) => put.execute([site, table, key, row])?,
            None => remove.execute([site, table, key])?,
        };
    }
    transaction.execute("DELETE FROM state_turn", [])?;
    Ok(())
}

/// Writes a row where it belongs: its site, table, key and JSON.
pub(super) fn put<'c>(transaction: &'c Transaction<'_>) -> rusqlite::Result<CachedStatement<'c>> {
    transaction.prepare_cached(
        "INSERT OR REPLACE INTO state(site, tbl, key, json) VALUES (?1, ?2, ?3, ?4)",
    )
}

/// All that waits, each row as it was left last; none where it is gone.
pub(super) fn waiting(
    connection: &Connection,
) -> Result<BTreeMap<Place, Option<String>>, LoadError> {
    let mut statement = connection.prepare("SELECT id, rows FROM state_turn ORDER BY id")?;
    let mut turns = statement.query([])?;
    let mut waiting = BTreeMap::new();
    while let Some(turn) = turns.next()? {
        let id: i64 = turn.get(0)?;
        let unreadable = |source| LoadError::Row {
            table: "state_turn".to_owned(),
            key: id.to_string(),
            source,
        };
        let rows = turn.get_ref(1)?.as_blob().map_err(rusqlite::Error::from)?;
        let rows = zipped::unpack(rows);
        let rows = rows.map_err(|error| unreadable(serde_json::Error::custom(error)))?;
        for line in rows.split_terminator('\n') {
            let mut words = line.splitn(4, '\t').map(str::to_owned);
            let place = words.next().zip(words.next()).zip(words.next());
            let Some(((site, table), key)) = place else {
                let what = "a line has no site, table and key";
                return Err(unreadable(serde_json::Error::custom(what)));
            };
            waiting.insert((site, table, key), words.next());
        }
    }
    Ok(waiting)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(connection: &Connection, table: &str) -> i64 {
        let count = format!("SELECT count(*) FROM {table}");
        connection.query_row(&count, [], |row| row.get(0)).unwrap()
    }

    /// Rows of one table by key, from the table of rows with what waits on top.
    fn all(connection: &Connection) -> BTreeMap<String, String> {
        let mut statement = connection.prepare("SELECT key, json FROM state").unwrap();
        let kept = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)));
        let mut all: BTreeMap<String, String> = kept.unwrap().map(Result::unwrap).collect();
        for ((_, _, key), row) in waiting(connection).unwrap() {
            match row {
                Some(row) => drop(all.insert(key, row)),
                None => drop(all.remove(&key)),
            }
        }
        all
    }

    #[test]
    fn what_turns_left_is_folded_once_enough_waits_and_reads_the_same_throughout() {
        let mut connection = Connection::open_in_memory().unwrap();
        super::super::schema(&connection).unwrap();
        let mut turns = Turns {
            limit: 500,
            ..Turns::open(&connection).unwrap()
        };
        let site = "s".parse().unwrap();
        let mut truth = BTreeMap::new();
        let mut folded = 0;
        for turn in 0..100_u32 {
            let mut written = Rows::default();
            let key = format!("\"{}\\t\"", turn % 7);
            if turn % 5 == 3 {
                written.remove(&site, "unit", &key);
                truth.remove(&key);
            } else {
                let row = format!("{{\"turn\":{turn},\"text\":\"\\n\\t\"}}");
                written.put(&site, "unit", &key, &row);
                truth.insert(key, row);
            }
            let transaction = connection.transaction().unwrap();
            let waits = turns.append(&transaction, &written).unwrap();
            if turn % 10 == 9 {
                // Not durable: nothing of it is there, and the turn is tried again.
                drop(transaction);
                let transaction = connection.transaction().unwrap();
                let waits = turns.append(&transaction, &written).unwrap();
                transaction.commit().unwrap();
                turns.confirm(waits);
            } else {
                transaction.commit().unwrap();
                turns.confirm(waits);
            }
            folded += i64::from(rows(&connection, "state_turn") == 1);
            assert_eq!(all(&connection), truth);
            assert_eq!(Turns::open(&connection).unwrap().bytes, turns.bytes);
        }
        assert!(folded > 5, "{folded}");
        assert!(rows(&connection, "state") <= 7);
    }

    #[test]
    fn a_damaged_turn_is_named() {
        let connection = Connection::open_in_memory().unwrap();
        super::super::schema(&connection).unwrap();
        let mut flipped = zipped::pack("s\tunit\t1\t{}\n");
        *flipped.last_mut().unwrap() ^= 1;
        for damaged in [zipped::pack("s\tunit"), flipped, Vec::new()] {
            connection
                .execute(
                    "INSERT OR REPLACE INTO state_turn VALUES (4, ?1)",
                    [damaged],
                )
                .unwrap();
            let error = waiting(&connection).unwrap_err().to_string();
            assert_eq!(error, "row `4` of table `state_turn` cannot be read");
        }
    }
}
