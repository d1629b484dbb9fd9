//! Blocks whose checksum is wrong: named, set aside, and known to whoever asks what was watched.
//!
//! A reader that meets one leaves it out and notes its key; the writer moves it aside, so that it is
//! met once. What it had is not known from then on: no number is made of a part of an hour as if it
//! were the whole ([`Embedded::damaged`](super::Embedded) takes the coverage away).

use std::{
    collections::{BTreeSet, HashSet},
    sync::{Mutex, MutexGuard, PoisonError},
};

use gatepost_model::{SiteId, Wall};
use rusqlite::{Connection, OptionalExtension, TransactionBehavior};
use tracing::error;

use super::{
    block::{self, ANY_SERIES, Block},
    catalog::Series,
    memory::Memory,
    point::{HOUR, SeriesId, wall},
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
            let (hour, family) = block::parts(key);
            let from = wall(hour.saturating_mul(HOUR));
            error!(family, %from, "a block of readings is damaged and is left out");
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
            let mut statement = connection.prepare("SELECT key, data FROM reading_block")?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                let key = row.get(0)?;
                let data = row.get_ref(1)?.as_blob().unwrap_or_default();
                let has_lost = Block::open(key, data).is_ok_and(|block| {
                    let mut known = block.heads().flatten();
                    known.any(|head| lost.contains(&head.series))
                });
                let (hour, family) = block::parts(key);
                if has_lost || lost.contains(&family) {
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
        if keys.all.is_empty() {
            return Vec::new();
        }
        let of_site = memory.catalog.of_site(site);
        let mut asked: HashSet<SeriesId> = of_site
            .filter(|(_, series)| concerns(series, which))
            .map(|(_, series)| series.family)
            .collect();
        if matches!(which, Question::Stats(StatsFilter::Readings { .. })) || is_of_readings(which) {
            asked.insert(ANY_SERIES);
        }
        let parts = keys.all.iter().map(|key| block::parts(*key));
        parts
            .filter(|(_, family)| asked.contains(family))
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
            let is_sound = |data: Vec<u8>| {
                let block = Block::open(*key, &data);
                block.and_then(|block| block.points()).is_ok()
            };
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
