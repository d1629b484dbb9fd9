//! Sealing: hours that are over go from the journal into blocks, a slice at a time.
//!
//! A slice is packed on a thread of its own, and then written in one transaction: its blocks, and the
//! mark of how far the hour is. It is many hours of a few readings, or a part of one hour of very many.
//! With the last part of an hour its journal rows go. Readings that come after an hour was sealed are
//! merged into its blocks at once, without a thread: nobody else may change a block between its being
//! read and its being written. Nothing but the blocks of that hour and family is written again.

use std::{collections::BTreeMap, sync::Arc};

use gatepost_model::Wall;
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};

use super::{
    block::{self, ANY_SERIES},
    memory::{Frozen, Memory, OpenHour},
    packing::{Family, Packed, Packing, Part, Slice},
    point::{HOUR, hour_of},
    rows::{integer, see_through, upsert_newest},
    writer::Writer,
};

/// So long after its end an hour is sealed.
const GRACE: i64 = 600_000_000;
/// An hour that something late came for is sealed again when nothing came for so long, milliseconds.
const QUIET_MS: i64 = 60_000;
/// More readings than this are not held in memory: sealing goes on at once, whatever the time.
const MOST_OPEN: usize = 700_000;
/// More readings than this of hours that are over do not wait until nothing more comes: a unit that
/// tells of weeks passes by an hour and does not come back to it.
const MOST_OVER: usize = 100_000;
/// Readings of one slice: what a commit holds up is bounded by it.
pub(super) const SLICE: usize = 60_000;

/// Why nothing was sealed. What was not sealed is where it was.
pub type SealError = rusqlite::Error;

/// What a call has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sealed {
    /// There is nothing to seal now.
    Nothing,
    /// A slice is being packed: to be asked again.
    Packing,
    /// A slice. There may be more.
    Slice,
}

impl Writer {
    /// Goes on with what is to be sealed at `now`. Waits only where too much is held in memory.
    pub fn seal(&mut self, connection: &mut Connection, now: Wall) -> Result<Sealed, SealError> {
        self.set_aside(connection)?;
        let packing = match self.packing.take() {
            Some(packing) => packing,
            None if self.choose(now) => self.pack(connection)?,
            None => return Ok(Sealed::Nothing),
        };
        let waits = self.shared.read().open > MOST_OPEN + self.slice;
        match packing.end(waits) {
            Ok(packed) => self.write(connection, &packed)?,
            Err(packing) => {
                self.packing = Some(packing);
                return Ok(Sealed::Packing);
            }
        }
        let is_first = |frozen: &Frozen| frozen.is_first;
        let goes_on = self.shared.read().sealing.front().is_some_and(is_first);
        if goes_on {
            self.packing = Some(self.pack(connection)?);
        }
        Ok(Sealed::Slice)
    }

    /// Begins with the next slice of what is being sealed.
    fn pack(&self, connection: &Connection) -> rusqlite::Result<Packing> {
        let memory = self.shared.read();
        let mut slice = Slice::new();
        let mut points = 0;
        for frozen in &memory.sealing {
            if points >= self.slice {
                break;
            }
            let mut part = Part {
                hour: frozen.hour,
                families: Vec::new(),
                is_last: false,
            };
            for (family, open) in &frozen.families {
                if points >= self.slice {
                    break;
                }
                points += open.len();
                part.families.push(Family {
                    id: *family,
                    before: None,
                    open: Arc::clone(open),
                });
            }
            part.is_last = part.families.len() == frozen.families.len();
            slice.push(part);
        }
        if memory.sealing.front().is_none_or(|frozen| frozen.is_first) {
            return Ok(Packing::begin(slice));
        }
        let mut block =
            connection.prepare_cached("SELECT data FROM reading_block WHERE key = ?1")?;
        for part in &mut slice {
            for family in &mut part.families {
                let key = block::key(part.hour, family.id);
                family.before = block.query_row([key], |row| row.get(0)).optional()?;
            }
        }
        Ok(Packing::here(slice))
    }

    /// Writes a slice.
    fn write(&mut self, connection: &mut Connection, slice: &[Packed]) -> rusqlite::Result<()> {
        let shared = Arc::clone(&self.shared);
        let memory = shared.read();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        for (frozen, packed) in memory.sealing.iter().zip(slice) {
            blocks(&transaction, packed)?;
            names(&transaction, &memory, packed)?;
            marks(&transaction, &memory, frozen, packed)?;
            let damaged = packed.damaged.iter();
            damaged.for_each(|(key, _)| shared.damaged.met(*key));
        }
        drop(memory);

        // Readers see each reading once: in memory before, in its block after.
        let mut memory = shared.write();
        transaction.commit()?;
        // To be freed when readers go on.
        let mut gone = Vec::new();
        for packed in slice {
            memory.open -= packed.open;
            memory.sealed.insert(packed.hour);
            self.retaining.sealed(packed.hour);
            if packed.is_last {
                gone.extend(memory.sealing.pop_front().map(|frozen| frozen.families));
            } else if let Some(frozen) = memory.sealing.front_mut() {
                let rest = frozen.families.split_off(&packed.below);
                gone.push(std::mem::replace(&mut frozen.families, rest));
            }
        }
        drop(memory);
        Ok(())
    }

    /// Whether there are hours being sealed, or some that are due now.
    fn choose(&self, now: Wall) -> bool {
        let mut memory = self.shared.write();
        if !memory.sealing.is_empty() {
            return true;
        }
        let mut points = 0;
        for hour in due(&memory, now) {
            let Some(open) = memory.hours.get(&hour) else {
                continue;
            };
            let is_first = !memory.sealed.contains(&hour);
            points += open.points;
            // What is merged is packed in another way.
            let fits = |before: &Frozen| before.is_first == is_first && points <= self.slice;
            if !memory.sealing.back().is_none_or(fits) {
                break;
            }
            if let Some(open) = memory.hours.remove(&hour) {
                let families = open.families.into_iter();
                memory.sealing.push_back(Frozen {
                    hour,
                    through: open.through,
                    families: families.map(|(family, kin)| (family, kin.into())).collect(),
                    is_first,
                });
            }
        }
        !memory.sealing.is_empty()
    }
}

/// Hours that are to be sealed, the most urgent first.
fn due(memory: &Memory, now: Wall) -> Vec<i64> {
    let now_us = now.micros();
    let is_over = |hour: i64| (hour + 1) * HOUR + GRACE <= now_us;
    let is_quiet = |open: &OpenHour| now_us / 1000 - open.touched_ms >= QUIET_MS;
    let open = memory.hours.iter();
    let mut over: Vec<_> = open
        .clone()
        .filter(|(hour, _)| is_over(**hour))
        .map(|(hour, open)| (open.touched_ms, *hour, open))
        .collect();
    if over.iter().map(|(.., open)| open.points).sum::<usize>() > MOST_OVER {
        over.sort_unstable_by_key(|(touched_ms, hour, _)| (*touched_ms, *hour));
    } else if memory.open > MOST_OPEN {
        let most = open.max_by_key(|(_, open)| open.points);
        return most.map(|(hour, _)| *hour).into_iter().collect();
    } else {
        over.retain(|(.., open)| is_quiet(open));
    }
    over.into_iter().map(|(_, hour, _)| hour).collect()
}

/// Puts blocks into their table, and aside what was there and is damaged.
fn blocks(transaction: &Transaction<'_>, packed: &Packed) -> rusqlite::Result<()> {
    for (key, data) in &packed.damaged {
        transaction.execute(
            "INSERT INTO reading_damaged (key, data) VALUES (?1, ?2)",
            params![key, data],
        )?;
    }
    let mut insert = transaction
        .prepare_cached("INSERT OR REPLACE INTO reading_block (key, data) VALUES (?1, ?2)")?;
    for (key, data) in &packed.blocks {
        insert.execute(params![key, data])?;
    }
    Ok(())
}

/// Writes the last number of each log and the newest reading of each gauge, as of this slice.
fn names(transaction: &Transaction<'_>, memory: &Memory, packed: &Packed) -> rusqlite::Result<()> {
    let mut through: BTreeMap<i64, i64> = BTreeMap::new();
    for (id, last) in &packed.through {
        let (Some(series), Some(to)) = (memory.catalog.get(*id), memory.catalog.destination(*id))
        else {
            continue;
        };
        let of_log = through.entry(series.log_code).or_default();
        *of_log = integer(*last)?.max(*of_log);
        let newest = memory.newest.get(to.gauge).and_then(Option::as_ref);
        // What lies in a later hour is in the journal still: it is kept when that hour is sealed.
        if let Some(newest) = newest.filter(|newest| hour_of(newest.time) <= packed.hour)
            && let Some(log) = newest.log(&memory.catalog)
        {
            upsert_newest(
                transaction,
                (&series.site, &series.unit, &series.sensor, &series.quantity),
                newest.zone(&memory.catalog),
                newest.value,
                (newest.time, log, newest.seq),
            )?;
        }
    }
    see_through(transaction, through)
}

/// Says how far the hour is; with its last slice its journal rows go.
fn marks(
    transaction: &Transaction<'_>,
    memory: &Memory,
    frozen: &Frozen,
    packed: &Packed,
) -> rusqlite::Result<()> {
    if packed.is_last {
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
            params![frozen.hour, packed.below, frozen.through],
        )?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{embedded::point::Point, event::TimeSource};

    fn readings(hour: i64, count: usize, received_ms: i64) -> Vec<(u32, Point)> {
        let point = |n: usize| Point {
            time: hour * HOUR + n as i64,
            mono: n as i64,
            seq: n as u64,
            value: 18.5,
            received_ms,
            error_ms: 10,
            source: TimeSource::Unit,
            is_stamped: true,
        };
        (0..count).map(|n| (0, point(n))).collect()
    }

    #[test]
    fn hours_that_are_over_wait_for_more_unless_they_are_too_many() {
        let mut memory = Memory::default();
        let now_ms = 500_000 * HOUR / 1000;
        let now = Wall::from_micros(now_ms * 1000).unwrap();
        memory.push(
            499_990,
            1,
            &readings(499_990, MOST_OVER - 10, now_ms - 1_000),
        );
        memory.push(499_980, 2, &readings(499_980, 10, now_ms - 500));
        // The hour that goes on is not one of them.
        memory.push(500_000, 3, &readings(500_000, 10, now_ms));
        assert!(due(&memory, now).is_empty());
        memory.push(499_970, 4, &readings(499_970, 1, now_ms - QUIET_MS));
        assert_eq!(
            due(&memory, now),
            [499_970, 499_990, 499_980],
            "the one that nothing came for the longest is first"
        );
        memory.hours.remove(&499_990);
        assert_eq!(due(&memory, now), [499_970]);
    }
}
