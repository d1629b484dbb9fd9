//! What the writer remembers of logs: the last number of each, and which ones there are once that was
//! asked for.

use std::collections::BTreeSet;

use rusqlite::{Connection, OptionalExtension};
use rustc_hash::FxHashMap;

use super::{
    block::{self, Block},
    catalog::Catalog,
    held::Held,
    kin::Kin,
    memory::Memory,
    point::SeriesId,
};

/// What is remembered of the logs that something was appended to.
#[derive(Debug, Default)]
pub(super) struct Logs {
    /// Where each is among them: apart from them, so that many are found soon.
    places: FxHashMap<i64, usize>,
    logs: Vec<Log>,
}

/// What is remembered of a log.
#[derive(Debug, Default)]
pub(super) struct Log {
    /// Its last number that is stored.
    pub(super) through: u64,
    /// All its numbers, once something below the last was asked for.
    pub(super) held: Option<Held>,
}

impl Logs {
    /// The place of a log, if something of it is remembered.
    pub(super) fn place(&self, log: i64) -> Option<usize> {
        self.places.get(&log).copied()
    }

    /// The place of a log. The last numbers among readings that are not sealed are `open`.
    pub(super) fn open(
        &mut self,
        connection: &Connection,
        log: i64,
        open: &FxHashMap<i64, u64>,
    ) -> rusqlite::Result<usize> {
        if let Some(place) = self.place(log) {
            return Ok(place);
        }
        let open = open.get(&log).copied().unwrap_or(0);
        self.logs.push(Log {
            through: through(connection, log)?.max(open),
            held: None,
        });
        let place = self.logs.len() - 1;
        self.places.insert(log, place);
        Ok(place)
    }

    /// What is remembered at a place.
    pub(super) fn at(&mut self, place: usize) -> &mut Log {
        &mut self.logs[place]
    }
}

/// The last number of each log among readings that are not sealed.
pub(super) fn confirmed(memory: &Memory) -> FxHashMap<i64, u64> {
    let mut confirmed: FxHashMap<i64, u64> = FxHashMap::default();
    for kin in memory.open_kin() {
        // Kin are of one run, and so of one log.
        let first = kin.iter().next();
        let Some(known) = first.and_then(|(series, _)| memory.catalog.get(*series)) else {
            continue;
        };
        let last = kin.iter().map(|(_, point)| point.seq).max().unwrap_or(0);
        let through = confirmed.entry(known.log_code).or_default();
        *through = last.max(*through);
    }
    confirmed
}

/// The last number of a log among rows and sealed readings.
fn through(connection: &Connection, log: i64) -> rusqlite::Result<u64> {
    let rows: Option<i64> = connection
        .prepare_cached("SELECT max(seq) FROM event WHERE log = ?1")?
        .query_row([log], |row| row.get(0))?;
    let sealed: Option<i64> = connection
        .prepare_cached("SELECT through FROM reading_log WHERE log = ?1")?
        .query_row([log], |row| row.get(0))
        .optional()?;
    let last = rows.unwrap_or(0).max(sealed.unwrap_or(0));
    Ok(last.cast_unsigned())
}

/// The numbers of a log's readings that are not sealed.
fn open_seqs(memory: &Memory, log: i64) -> impl Iterator<Item = u64> {
    memory
        .open_kin()
        .flat_map(Kin::iter)
        .filter(move |(series, _)| is_of_log(&memory.catalog, *series, log))
        .map(|(_, point)| point.seq)
}

fn is_of_log(catalog: &Catalog, series: SeriesId, log: i64) -> bool {
    let series = catalog.get(series);
    series.is_some_and(|series| series.log_code == log)
}

/// All numbers of a log: its rows, its readings in memory, its sealed readings. Of a damaged block
/// nothing can be told.
pub(super) fn held(connection: &Connection, memory: &Memory, log: i64) -> rusqlite::Result<Held> {
    let mut held = Held::default();
    let mut rows = connection.prepare_cached("SELECT seq FROM event WHERE log = ?1")?;
    let mut rows = rows.query([log])?;
    while let Some(row) = rows.next()? {
        held.add(row.get::<_, i64>(0)?.cast_unsigned());
    }
    for seq in open_seqs(memory, log) {
        held.add(seq);
    }
    let mut blocks = connection.prepare_cached("SELECT data FROM reading_block WHERE key = ?1")?;
    let of_log = (0..memory.catalog.len() as SeriesId)
        .filter(|series| is_of_log(&memory.catalog, *series, log));
    let families: BTreeSet<SeriesId> = of_log.map(|id| memory.catalog.family(id)).collect();
    for hour in &memory.sealed {
        for family in &families {
            let key = block::key(*hour, *family);
            let mut rows = blocks.query([key])?;
            let Some(row) = rows.next()? else { continue };
            let data = row.get_ref(0)?.as_blob()?;
            let members = Block::open(key, data).and_then(|block| block.points());
            let points = members.unwrap_or_default().into_iter().flat_map(|it| it.1);
            for point in points {
                held.add(point.seq);
            }
        }
    }
    Ok(held)
}
