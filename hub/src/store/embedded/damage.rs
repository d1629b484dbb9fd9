//! Blocks whose checksum is wrong: named, set aside, and known to whoever asks what was watched.
//!
//! A reader that meets one leaves it out and notes its key; the writer moves it aside, so that it is
//! met once. What it had is not known from then on: no number is made of a part of an hour as if it
//! were the whole ([`Embedded::damaged`](super::Embedded) takes the coverage away).

use std::{
    collections::BTreeSet,
    sync::{Mutex, MutexGuard, PoisonError},
};

use gatepost_model::{SiteId, Wall};
use rusqlite::{Connection, OptionalExtension, TransactionBehavior};
use tracing::error;

use super::{
    block::{self, ANY_SERIES, Block},
    catalog::Series,
    memory::Memory,
    point::{HOUR, wall},
    writer::Writer,
};
use crate::store::port::{Question, StatsFilter};

/// Keys of damaged blocks.
#[derive(Debug, Default)]
pub(super) struct Damaged {
    keys: Mutex<Keys>,
}

#[derive(Debug, Default)]
struct Keys {
    all: BTreeSet<i64>,
    /// Those that still stand among the sound ones.
    to_set_aside: BTreeSet<i64>,
}

impl Damaged {
    /// A set of keys is whole whatever panicked while it was held.
    fn keys(&self) -> MutexGuard<'_, Keys> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A block was met that is damaged. It is named once.
    pub(super) fn met(&self, key: i64) {
        let mut keys = self.keys();
        if keys.all.insert(key) {
            let (hour, series) = block::parts(key);
            let from = wall(hour.saturating_mul(HOUR));
            error!(series, %from, "a block of readings is damaged and is left out");
        }
        // One that was made again by what came late may be damaged again.
        keys.to_set_aside.insert(key);
    }

    /// What was set aside before, or is a journal row that cannot be read.
    pub(super) fn load(connection: &Connection, memory: &Memory) -> rusqlite::Result<Self> {
        let mut statement = connection.prepare("SELECT key FROM reading_damaged")?;
        let keys = statement.query_map([], |row| row.get::<_, i64>(0))?;
        let mut all = keys.collect::<rusqlite::Result<BTreeSet<i64>>>()?;
        for (id, hour) in &memory.damaged_rows {
            error!(id, "a journal row of readings is damaged and is left out");
            all.insert(block::key(*hour, ANY_SERIES));
        }
        let lost = &memory.catalog.lost;
        if !lost.is_empty() {
            error!(
                ?lost,
                "names of series of readings are damaged; their readings are left out"
            );
            let mut statement = connection.prepare("SELECT key FROM reading_block")?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                let (hour, series) = block::parts(row.get(0)?);
                if lost.contains(&series) {
                    all.insert(block::key(hour, ANY_SERIES));
                }
            }
        }
        Ok(Self {
            keys: Mutex::new(Keys {
                all,
                to_set_aside: BTreeSet::new(),
            }),
        })
    }

    /// The hours of a site of which something that is asked for is not known.
    pub(super) fn of_site(
        &self,
        memory: &Memory,
        site: &SiteId,
        which: Question<'_>,
    ) -> Vec<(Wall, Wall)> {
        let keys = self.keys();
        let is_asked = |series: u32| {
            if series == ANY_SERIES {
                return matches!(which, Question::Stats(StatsFilter::Readings { .. }))
                    || is_of_readings(which);
            }
            let series = memory.catalog.get(series);
            series.is_some_and(|series| series.site == *site && concerns(series, which))
        };
        let parts = keys.all.iter().map(|key| block::parts(*key));
        parts
            .filter(|(_, series)| is_asked(*series))
            .map(|(hour, _)| (wall(hour * HOUR), wall((hour + 1) * HOUR)))
            .collect()
    }
}

/// Whether all readings are counted.
fn is_of_readings(which: Question<'_>) -> bool {
    matches!(which, Question::Counts(which) if which.kind == "reading" && which.lanes.is_empty())
}

fn concerns(series: &Series, which: Question<'_>) -> bool {
    match which {
        Question::Stats(StatsFilter::Readings {
            quantity,
            sensor,
            zone,
        }) => series.is_asked(quantity, sensor.as_ref(), *zone),
        _ => is_of_readings(which),
    }
}

impl Writer {
    /// Moves blocks aside that readers found to be damaged.
    pub(super) fn set_aside(&mut self, connection: &mut Connection) -> rusqlite::Result<()> {
        let keys: Vec<i64> = {
            let keys = self.shared.damaged.keys();
            keys.to_set_aside.iter().copied().collect()
        };
        if keys.is_empty() {
            return Ok(());
        }
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        for key in &keys {
            let data: Option<Vec<u8>> = transaction
                .prepare_cached("SELECT data FROM reading_block WHERE key = ?1")?
                .query_row([key], |row| row.get(0))
                .optional()?;
            // What came late has made a sound one in its place by now.
            let is_sound = |data: Vec<u8>| Block::open(*key, &data).and_then(Block::points).is_ok();
            if data.is_none_or(is_sound) {
                continue;
            }
            transaction.execute(
                "INSERT INTO reading_damaged (key, data)
                 SELECT key, data FROM reading_block WHERE key = ?1",
                [key],
            )?;
            transaction.execute("DELETE FROM reading_block WHERE key = ?1", [key])?;
        }
        transaction.commit()?;
        let mut noted = self.shared.damaged.keys();
        noted.to_set_aside.retain(|key| !keys.contains(key));
        Ok(())
    }
}
