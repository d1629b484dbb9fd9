//! Sealing: hours that are over go from the journal into blocks, a slice at a time.
//!
//! A slice is packed on a thread of its own, and then written in one transaction: its blocks, and the
//! mark of how far the hour is. With the last one the hour's journal rows go. Readings that come after
//! an hour was sealed are merged into its blocks at once, without a thread: nobody else may change a
//! block between its being read and its being written. Nothing but the blocks of that hour and family
//! is written again.

use std::{collections::BTreeMap, sync::Arc};

use gatepost_model::Wall;
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};

use super::{
    block::{self, ANY_SERIES},
    memory::{Frozen, Memory},
    packing::{Family, Packed, Packing, Slice},
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
        let goes_on = |frozen: &Frozen| frozen.is_first;
        if self.shared.read().sealing.as_ref().is_some_and(goes_on) {
            self.packing = Some(self.pack(connection)?);
        }
        Ok(Sealed::Slice)
    }

    /// Begins with the next slice of the hour that is being sealed.
    fn pack(&self, connection: &Connection) -> rusqlite::Result<Packing> {
        let memory = self.shared.read();
        let frozen = memory.sealing.as_ref();
        let mut slice = Slice {
            hour: frozen.map_or(0, |frozen| frozen.hour),
            families: Vec::new(),
            is_last: false,
        };
        let mut points = 0;
        for (family, open) in frozen.into_iter().flat_map(|frozen| &frozen.families) {
            if points >= self.slice {
                break;
            }
            points += open.len();
            slice.families.push(Family {
                id: *family,
                before: None,
                open: Arc::clone(open),
            });
        }
        slice.is_last = frozen.is_none_or(|frozen| frozen.families.len() == slice.families.len());
        if frozen.is_none_or(|frozen| frozen.is_first) {
            return Ok(Packing::begin(slice));
        }
        let mut block =
            connection.prepare_cached("SELECT data FROM reading_block WHERE key = ?1")?;
        for family in &mut slice.families {
            let key = block::key(slice.hour, family.id);
            family.before = block.query_row([key], |row| row.get(0)).optional()?;
        }
        Ok(Packing::Done(Box::new(slice.pack())))
    }

    /// Writes a slice.
    fn write(&mut self, connection: &mut Connection, packed: &Packed) -> rusqlite::Result<()> {
        let shared = Arc::clone(&self.shared);
        let memory = shared.read();
        let Some(frozen) = &memory.sealing else {
            return Ok(());
        };
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        blocks(&transaction, packed)?;
        names(&transaction, &memory, packed)?;
        marks(&transaction, &memory, frozen, packed)?;
        packed
            .damaged
            .iter()
            .for_each(|(key, _)| shared.damaged.met(*key));
        drop(memory);

        // Readers see each reading once: in memory before, in its block after.
        let mut memory = shared.write();
        transaction.commit()?;
        memory.open -= packed.open;
        memory.sealed.insert(packed.hour);
        self.retaining.sealed(packed.hour);
        if packed.is_last {
            memory.sealing = None;
        } else if let Some(frozen) = &mut memory.sealing {
            frozen.families = frozen.families.split_off(&packed.below);
        }
        Ok(())
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
            let families = open.families.into_iter();
            memory.sealing = Some(Frozen {
                hour,
                through: open.through,
                families: families.map(|(family, kin)| (family, kin.into())).collect(),
                is_first: !memory.sealed.contains(&hour),
            });
        }
        true
    }
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
