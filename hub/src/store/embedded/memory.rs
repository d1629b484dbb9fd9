//! What the store holds in memory beside its file: series, readings that are not sealed yet, the
//! newest reading of each gauge. Writer and readers share it.
//!
//! A reader first takes what it needs from here and begins its transaction on the file, both under
//! one lock; the writer moves points from here into blocks under the same lock. So every reading is
//! seen in exactly one of both places.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    ops::Range,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use gatepost_model::{LogId, Zone};
use rusqlite::{Connection, OptionalExtension, Row};
use rustc_hash::FxHashMap;
use tracing::error;

use super::{
    block,
    catalog::Catalog,
    damage::Damaged,
    kin::Kin,
    point::{Chunk, Point, SeriesId},
    read::id,
    rows::check_of_newest,
};

/// What is shared.
#[derive(Debug, Default)]
pub(super) struct Shared {
    memory: RwLock<Memory>,
    pub(super) damaged: Damaged,
}

impl Shared {
    pub(super) fn load(connection: &Connection) -> rusqlite::Result<Self> {
        let memory = Memory::load(connection)?;
        Ok(Self {
            damaged: Damaged::load(connection, &memory)?,
            memory: RwLock::new(memory),
        })
    }

    /// Whatever panicked while it was held did so between whole changes.
    pub(super) fn read(&self) -> RwLockReadGuard<'_, Memory> {
        self.memory.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn write(&self) -> RwLockWriteGuard<'_, Memory> {
        self.memory.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is held.
#[derive(Debug, Default)]
pub(super) struct Memory {
    pub(super) catalog: Catalog,
    /// Readings that are not sealed, by hour.
    pub(super) hours: BTreeMap<i64, OpenHour>,
    /// How many they are.
    pub(super) open: usize,
    /// Hours that are being sealed, in the order in which that is done. Of the first one a part may be
    /// sealed already.
    pub(super) sealing: VecDeque<Frozen>,
    /// Hours that have blocks.
    pub(super) sealed: BTreeSet<i64>,
    /// The newest reading of each gauge.
    pub(super) newest: Vec<Option<Newest>>,
    /// Journal rows that cannot be read, and their hours.
    pub(super) damaged_rows: Vec<(i64, i64)>,
}

/// An hour that is not sealed, or has readings that came after it was.
#[derive(Debug, Default)]
pub(super) struct OpenHour {
    pub(super) families: FxHashMap<SeriesId, Kin>,
    /// How many readings it has.
    pub(super) points: usize,
    /// The last journal row of it.
    pub(super) through: i64,
    /// When the newest of it came, milliseconds since 1970.
    pub(super) touched_ms: i64,
}

/// The rest of an hour that is being sealed: what came later is not in it.
#[derive(Debug)]
pub(super) struct Frozen {
    pub(super) hour: i64,
    /// The last journal row of it.
    pub(super) through: i64,
    /// What is not sealed yet, by family, in the order of sealing.
    pub(super) families: BTreeMap<SeriesId, Arc<Kin>>,
    /// No block of it was there when its sealing began.
    pub(super) is_first: bool,
}

/// A newest reading.
#[derive(Debug, Clone)]
pub(super) struct Newest {
    pub(super) time: i64,
    pub(super) seq: u64,
    pub(super) value: f64,
    pub(super) of: Of,
}

/// What tells the log and the zone of a newest reading.
#[derive(Debug, Clone)]
pub(super) enum Of {
    /// The series that it is of.
    Series(SeriesId),
    /// It is of none: kept as a row, or read from the table of newest readings.
    Named(Box<(LogId, Option<Zone>)>),
}

impl Newest {
    /// Its log, if that is known.
    pub(super) fn log<'a>(&'a self, catalog: &'a Catalog) -> Option<&'a LogId> {
        match &self.of {
            Of::Series(id) => catalog.get(*id).map(|series| &series.log),
            Of::Named(named) => Some(&named.0),
        }
    }

    /// Its zone, if it has one.
    pub(super) fn zone(&self, catalog: &Catalog) -> Option<Zone> {
        match &self.of {
            Of::Series(id) => catalog.get(*id)?.zone,
            Of::Named(named) => named.1,
        }
    }

    /// Equal times are told apart by what does not depend on the order of arrival.
    fn is_after(&self, other: &Self, catalog: &Catalog) -> bool {
        let log = self.log(catalog).map(LogId::as_str);
        let its_log = other.log(catalog).map(LogId::as_str);
        (self.time, log, self.seq) > (other.time, its_log, other.seq)
    }
}

impl Memory {
    /// Takes in readings of an hour that are durable in a journal row.
    pub(super) fn push(&mut self, hour: i64, row: i64, points: &[(SeriesId, Point)]) {
        let catalog = &self.catalog;
        let open = self.hours.entry(hour).or_default();
        for kin in points.chunk_by(|(one, _), (other, _)| {
            one == other || catalog.family(*one) == catalog.family(*other)
        }) {
            let family = catalog.family(kin[0].0);
            let of_family = open.families.entry(family).or_default();
            of_family.extend(kin);
            let newest = kin.iter().map(|(_, point)| point.received_ms).max();
            open.touched_ms = open.touched_ms.max(newest.unwrap_or(i64::MIN));
        }
        open.points += points.len();
        open.through = open.through.max(row);
        self.open += points.len();
        for (series, point) in points {
            self.see(*series, point);
        }
    }

    /// Keeps it if it is the newest of its gauge.
    fn see(&mut self, series: SeriesId, point: &Point) {
        let Some(to) = self.catalog.destination(series) else {
            return;
        };
        match newest_of(&mut self.newest, &self.catalog, to.gauge) {
            Some(newest) if newest.time > point.time => {}
            // Nearly always it goes on in the same series.
            Some(newest)
                if matches!(newest.of, Of::Series(of) if of == series)
                    && newest.time < point.time =>
            {
                newest.time = point.time;
                newest.seq = point.seq;
                newest.value = point.value;
            }
            _ => {
                let seen = Newest {
                    time: point.time,
                    seq: point.seq,
                    value: point.value,
                    of: Of::Series(series),
                };
                self.see_newest(to.gauge, seen);
            }
        }
    }

    /// Keeps what was measured if it is the newest of a gauge.
    pub(super) fn see_newest(&mut self, gauge: usize, seen: Newest) {
        let place = newest_of(&mut self.newest, &self.catalog, gauge);
        let catalog = &self.catalog;
        if place
            .as_ref()
            .is_none_or(|newest| seen.is_after(newest, catalog))
        {
            *place = Some(seen);
        }
    }

    /// The readings of a family in hours that are not sealed.
    pub(super) fn open_points(
        &self,
        family: SeriesId,
        hours: Range<i64>,
    ) -> impl Iterator<Item = &(SeriesId, Point)> {
        let open = self.hours.range(hours.clone());
        let open = open.filter_map(move |(_, open)| open.families.get(&family));
        let frozen = self.sealing.iter();
        let frozen = frozen
            .filter(move |frozen| hours.contains(&frozen.hour))
            .filter_map(move |frozen| frozen.families.get(&family).map(Arc::as_ref));
        open.chain(frozen).flat_map(Kin::iter)
    }

    /// All readings of hours that are not sealed, by family.
    pub(super) fn open_kin(&self) -> impl Iterator<Item = &Kin> {
        let open = self.hours.values().flat_map(|open| open.families.values());
        let frozen = self.sealing.iter();
        let frozen = frozen.flat_map(|frozen| frozen.families.values().map(Arc::as_ref));
        open.chain(frozen)
    }

    /// Hours that have any reading.
    pub(super) fn hours(&self, hours: Range<i64>) -> BTreeSet<i64> {
        let open = self.hours.range(hours.clone()).map(|(hour, _)| *hour);
        let frozen = self.sealing.iter().map(|frozen| frozen.hour);
        let frozen = frozen.filter(|hour| hours.contains(hour));
        let sealed = self.sealed.range(hours.clone()).copied();
        open.chain(frozen).chain(sealed).collect()
    }

    fn load(connection: &Connection) -> rusqlite::Result<Self> {
        let mut memory = Self {
            catalog: Catalog::load(connection)?,
            ..Self::default()
        };
        memory.load_sealed(connection)?;
        memory.load_newest(connection)?;
        memory.load_journal(connection)?;
        Ok(memory)
    }

    fn load_journal(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        // What was sealed before the hub was stopped in the middle of an hour.
        let sealing = connection
            .query_row(
                "SELECT hour, below, through FROM reading_sealing",
                [],
                |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
            )
            .optional()?;
        let (sealing_hour, below, through) = sealing.unwrap_or((i64::MIN, 0_i64, i64::MIN));
        let mut frozen: BTreeMap<SeriesId, Kin> = BTreeMap::new();
        let mut statement = connection.prepare("SELECT id, hour, data FROM reading_journal")?;
        let mut rows = statement.query([])?;
        let mut points = Vec::new();
        while let Some(row) = rows.next()? {
            let (id, hour): (i64, i64) = (row.get(0)?, row.get(1)?);
            points.clear();
            let data = row.get_ref(2)?.as_blob().unwrap_or_default();
            if Chunk::read(data, |series, point| points.push((series, point))).is_err() {
                self.damaged_rows.push((id, hour));
                continue;
            }
            if sealing_hour != hour || id > through {
                self.push(hour, id, &points);
                continue;
            }
            for (series, point) in &points {
                self.see(*series, point);
                let family = self.catalog.family(*series);
                if i64::from(family) >= below {
                    let of_family = frozen.entry(family).or_default();
                    of_family.extend(&[(*series, *point)]);
                    self.open += 1;
                }
            }
        }
        let families = frozen.into_iter().map(|(family, kin)| (family, kin.into()));
        let families = families.collect();
        self.sealing.extend(sealing.map(|_| Frozen {
            hour: sealing_hour,
            through,
            families,
            is_first: false,
        }));
        Ok(())
    }

    /// Hours that have blocks, each found by one look into the index.
    fn load_sealed(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        let mut next = connection.prepare("SELECT min(key) FROM reading_block WHERE key >= ?1")?;
        let mut from = i64::MIN;
        while let Some(key) = next.query_row([from], |row| row.get::<_, Option<i64>>(0))? {
            let (hour, _) = block::parts(key);
            self.sealed.insert(hour);
            from = block::key(hour + 1, 0);
        }
        Ok(())
    }

    fn load_newest(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        let mut statement = connection.prepare(
            "SELECT site, unit, sensor, quantity, zone, value, time, log, seq, check32
             FROM event_latest",
        )?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            if !is_sound_newest(row)? {
                error!("a newest reading is damaged and is left out; the next one takes its place");
                continue;
            }
            let quantity: String = row.get(3)?;
            let gauge = (id(row, 1)?, id(row, 2)?, quantity);
            let gauge = self.catalog.gauge(&id(row, 0)?, gauge);
            let zone: Option<String> = row.get(4)?;
            let zone = zone.and_then(|zone| zone.parse().ok());
            let newest = Newest {
                time: row.get(6)?,
                seq: row.get::<_, i64>(8)?.cast_unsigned(),
                value: row.get(5)?,
                of: Of::Named(Box::new((id(row, 7)?, zone))),
            };
            self.see_newest(gauge, newest);
        }
        Ok(())
    }
}

/// The place of a gauge's newest reading.
fn newest_of<'m>(
    newest: &'m mut Vec<Option<Newest>>,
    catalog: &Catalog,
    gauge: usize,
) -> &'m mut Option<Newest> {
    if newest.len() <= gauge {
        newest.resize(catalog.gauge_count(), None);
    }
    &mut newest[gauge]
}

/// Whether the checksum of a row of `event_latest` is right; older hubs wrote none.
pub(super) fn is_sound_newest(row: &Row<'_>) -> rusqlite::Result<bool> {
    let check: Option<u32> = row.get(9)?;
    let text = |column: usize| row.get_ref(column)?.as_str().map_err(rusqlite::Error::from);
    let names = [text(0)?, text(1)?, text(2)?, text(3)?];
    let zone = row.get_ref(4)?.as_str_or_null()?;
    let place = (row.get(6)?, text(7)?, row.get(8)?);
    let expected = check_of_newest(names, zone, row.get(5)?, place);
    Ok(check.is_none_or(|check| check == expected))
}
