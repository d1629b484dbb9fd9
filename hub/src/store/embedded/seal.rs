//! Sealing: hours that are over go from the journal into blocks, a slice at a time.
//!
//! A slice is one transaction: its blocks, and the mark of how far the hour is. With the last one the
//! hour's journal rows go. Readings that come after an hour was sealed are merged into its blocks in
//! the same way; nothing but the blocks of that hour and family is written again.

use std::collections::BTreeMap;

use gatepost_model::Wall;
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};

use super::{
    block::{self, ANY_SERIES, Block, seal},
    damage::Damaged,
    memory::{Frozen, Memory},
    point::{HOUR, Point, SeriesId, hour_of},
    rows::{integer, see_through, upsert_newest},
    writer::Writer,
};

/// So long after its end an hour is sealed.
const GRACE: i64 = 600_000_000;
/// An hour that something late came for is sealed again when nothing came for so long, milliseconds.
const QUIET_MS: i64 = 60_000;
/// More readings than this are not held in memory: sealing goes on at once, whatever the time.
const MOST_OPEN: usize = 700_000;
/// Readings of one slice: what a commit holds up is bounded by it.
pub(super) const SLICE: usize = 60_000;

/// Why nothing was sealed. What was not sealed is where it was.
pub type SealError = rusqlite::Error;

/// What a call has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sealed {
    /// There is nothing to seal now.
    Nothing,
    /// A slice. There may be more.
    Slice,
    /// A slice, and too much is still held in memory.
    Pressed,
}

impl Writer {
    /// Seals one slice of what is due at `now`.
    pub fn seal(&mut self, connection: &mut Connection, now: Wall) -> Result<Sealed, SealError> {
        self.set_aside(connection)?;
        if !self.choose(now) {
            return Ok(Sealed::Nothing);
        }
        let shared = std::sync::Arc::clone(&self.shared);
        let memory = shared.read();
        let Some(frozen) = &memory.sealing else {
            return Ok(Sealed::Nothing);
        };
        let hour = frozen.hour;
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut slice = Slice::default();
        let series: Vec<_> = frozen.series.iter().collect();
        for kin in series.chunk_by(|(one, _), (other, _)| one.0 == other.0) {
            slice.family(&transaction, (&memory, &shared.damaged), hour, kin)?;
            if slice.points >= self.slice {
                break;
            }
        }
        let is_last = slice.series == frozen.series.len();
        slice.finish(&transaction, &memory, frozen, is_last)?;
        drop(memory);

        // Readers see each reading once: in memory before, in its block after.
        let mut memory = shared.write();
        transaction.commit()?;
        memory.open -= slice.open;
        memory.sealed.insert(hour);
        self.retaining.sealed(hour);
        if is_last {
            memory.sealing = None;
        } else if let Some(frozen) = &mut memory.sealing {
            frozen.series = frozen.series.split_off(&(slice.below, 0));
        }
        Ok(if memory.open > MOST_OPEN {
            Sealed::Pressed
        } else {
            Sealed::Slice
        })
    }

    /// Whether there is an hour being sealed, or one that is due now.
    fn choose(&self, now: Wall) -> bool {
        let mut memory = self.shared.write();
        if memory.sealing.is_some() {
            return true;
        }
        let now_us = now.micros();
        let is_over = |hour: i64, touched_ms: i64| {
            let is_quiet = now_us / 1000 - touched_ms >= QUIET_MS;
            (hour + 1) * HOUR + GRACE <= now_us && is_quiet
        };
        let hours = memory.hours.iter();
        let mut due = hours
            .clone()
            .filter(|(hour, open)| is_over(**hour, open.touched_ms));
        let hour = if memory.open > MOST_OPEN {
            hours.max_by_key(|(_, open)| open.points)
        } else {
            due.next()
        };
        let Some(hour) = hour.map(|(hour, _)| *hour) else {
            return false;
        };
        if let Some(open) = memory.hours.remove(&hour) {
            memory.sealing = Some(Frozen {
                hour,
                through: open.through,
                series: open
                    .series
                    .into_iter()
                    .map(|(series, points)| ((memory.catalog.family(series), series), points))
                    .collect(),
            });
        }
        true
    }
}

/// One slice under way.
#[derive(Default)]
struct Slice {
    /// How many series it has.
    series: usize,
    /// Readings that were written, those among them that had been sealed before too.
    points: usize,
    /// Readings that were open.
    open: usize,
    /// All families below this one are sealed.
    below: SeriesId,
    /// The last number of each log.
    through: BTreeMap<i64, i64>,
    gauges: Vec<SeriesId>,
}

impl Slice {
    /// The series of one family.
    fn family(
        &mut self,
        transaction: &Transaction<'_>,
        (memory, damaged): (&Memory, &Damaged),
        hour: i64,
        kin: &[(&(SeriesId, SeriesId), &Vec<Point>)],
    ) -> rusqlite::Result<()> {
        let Some(((family, _), _)) = kin.first() else {
            return Ok(());
        };
        let key = block::key(hour, *family);
        let mut members = BTreeMap::new();
        if memory.sealed.contains(&hour) {
            members.extend(sealed_before(transaction, damaged, key)?);
        }
        for ((_, series), open) in kin {
            members.entry(*series).or_default().extend_from_slice(open);
            self.series += 1;
            self.open += open.len();
            self.gauges.push(*series);
            if let Some(known) = memory.catalog.get(*series) {
                let last = open.iter().map(|point| point.seq).max().unwrap_or(0);
                let through = self.through.entry(known.log_code).or_default();
                *through = integer(last)?.max(*through);
            }
        }
        let mut members: Vec<(SeriesId, Vec<Point>)> = members.into_iter().collect();
        for (_, points) in &mut members {
            points.sort_unstable_by_key(|point| (point.time, point.seq));
            self.points += points.len();
        }
        transaction
            .prepare_cached("INSERT OR REPLACE INTO reading_block (key, data) VALUES (?1, ?2)")?
            .execute(params![key, seal(key, &members)])?;
        self.below = family + 1;
        Ok(())
    }

    fn finish(
        &self,
        transaction: &Transaction<'_>,
        memory: &Memory,
        frozen: &Frozen,
        is_last: bool,
    ) -> rusqlite::Result<()> {
        see_through(transaction, self.through.clone())?;
        for series in self.gauges.iter().filter_map(|id| memory.catalog.get(*id)) {
            let newest = memory.newest.get(series.gauge).and_then(Option::as_ref);
            // What lies in a later hour is in the journal still: it is kept when that hour is sealed.
            if let Some(newest) = newest.filter(|newest| hour_of(newest.time) <= frozen.hour) {
                upsert_newest(
                    transaction,
                    (&series.site, &series.unit, &series.sensor, &series.quantity),
                    newest.zone,
                    newest.value,
                    (newest.time, &newest.log, newest.seq),
                )?;
            }
        }
        if is_last {
            // A row that cannot be read goes nowhere.
            for (id, hour) in &memory.damaged_rows {
                transaction.execute(
                    "INSERT INTO reading_damaged (key, data) SELECT ?1, data FROM reading_journal
                     WHERE id = ?2 AND id <= ?3 AND hour = ?4",
                    params![
                        block::key(*hour, ANY_SERIES),
                        id,
                        frozen.through,
                        frozen.hour
                    ],
                )?;
            }
            transaction.execute(
                "DELETE FROM reading_journal WHERE hour = ?1 AND id <= ?2",
                params![frozen.hour, frozen.through],
            )?;
            transaction.execute("DELETE FROM reading_sealing", [])?;
        } else {
            transaction.execute(
                "INSERT OR REPLACE INTO reading_sealing (one, hour, below, through)
                 VALUES (1, ?1, ?2, ?3)",
                params![frozen.hour, self.below, frozen.through],
            )?;
        }
        Ok(())
    }
}

/// What a block has already. A damaged one is set aside as it is.
fn sealed_before(
    transaction: &Transaction<'_>,
    damaged: &Damaged,
    key: i64,
) -> rusqlite::Result<Vec<(SeriesId, Vec<Point>)>> {
    let data: Option<Vec<u8>> = transaction
        .prepare_cached("SELECT data FROM reading_block WHERE key = ?1")?
        .query_row([key], |row| row.get(0))
        .optional()?;
    let Some(data) = data else {
        return Ok(Vec::new());
    };
    let members = Block::open(key, &data).and_then(|block| block.points());
    if members.is_err() {
        damaged.met(key);
        transaction.execute(
            "INSERT INTO reading_damaged (key, data) VALUES (?1, ?2)",
            params![key, data],
        )?;
    }
    Ok(members.unwrap_or_default())
}
