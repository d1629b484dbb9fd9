//! Writing: in the journal's transaction, and after it in memory.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use gatepost_model::{
    SensorId, Wall,
    event::{Happening, Reading},
};
use rusqlite::{Connection, OptionalExtension, Transaction, params};
use rustc_hash::FxHashMap;

use super::{
    block::{self, ANY_SERIES, Block},
    catalog::{Catalog, OfRun, Run, join},
    held::Held,
    kin::Kin,
    memory::{Memory, Newest, Of, Shared},
    packing::Packing,
    point::{Chunk, Point, SeriesId, hour_of},
    retain::Retaining,
    rows::{Codes, put_newest, put_row},
    seal::SLICE,
};
use crate::store::event::StoredEvent;

/// The one writer of a history.
///
/// [`Writer::append`] writes into a transaction; when that is durable, [`Writer::confirm`] shows it to
/// readers. What was appended and not confirmed is forgotten with the next call.
#[derive(Debug)]
pub struct Writer {
    pub(super) shared: Arc<Shared>,
    known: Known,
    /// How many readings are sealed at once.
    pub(super) slice: usize,
    /// The slice that is being packed.
    pub(super) packing: Option<Packing>,
    /// Something was appended that is not confirmed.
    is_open: bool,
    /// The last number of each log among readings that are not sealed, as it was when what is known was
    /// last forgotten.
    confirmed: FxHashMap<i64, u64>,
    /// The journal row that is written next: above all that ever were while an hour is being sealed.
    next_row: i64,
    /// Room for the readings of the next append.
    spare: Vec<(SeriesId, Point)>,
    pub(super) retaining: Retaining,
}

/// What is remembered of the tables, to be forgotten with a transaction that failed.
#[derive(Debug, Default)]
struct Known {
    codes: Codes,
    logs: FxHashMap<i64, LogKnown>,
}

/// What is remembered of a log.
#[derive(Debug, Default)]
struct LogKnown {
    /// Its last number that is stored.
    through: u64,
    /// All its numbers, once something below the last was asked for.
    held: Option<Held>,
}

/// What an append has written and readers do not see yet.
#[must_use = "what is durable must be confirmed"]
#[derive(Debug, Default)]
pub struct Appended {
    /// How many events were new.
    pub added: u64,
    series: Vec<NewSeries>,
    hours: Vec<Hour>,
    /// Readings that are kept as rows.
    newest: Vec<(StoredEvent, Reading)>,
    /// The newest time that a unit's own clock gave.
    sure: Option<Wall>,
}

/// A series that an append makes.
#[derive(Debug)]
struct NewSeries {
    run: Run,
    log: i64,
    family: SeriesId,
    reading: Reading,
}

/// New readings of an hour.
#[derive(Debug)]
struct Hour {
    hour: i64,
    /// The journal row that they are in.
    row: i64,
    chunk: Chunk,
    points: Vec<(SeriesId, Point)>,
}

impl Writer {
    /// Reads what is to be held in memory. The tables must be there.
    pub fn open(connection: &Connection) -> rusqlite::Result<Self> {
        let shared = Shared::load(connection)?;
        let confirmed = confirmed(&shared.read());
        Ok(Self {
            shared: Arc::new(shared),
            known: Known::default(),
            slice: SLICE,
            packing: None,
            is_open: false,
            confirmed,
            next_row: connection.query_row(NEXT_ROW, [], |row| row.get(0))?,
            spare: Vec::new(),
            retaining: Retaining::default(),
        })
    }

    /// Appends events in the journal's transaction. An event that is there already, by site, unit,
    /// log and sequence, is left as it is.
    pub fn append(
        &mut self,
        transaction: &Transaction<'_>,
        events: &[StoredEvent],
    ) -> rusqlite::Result<Appended> {
        let shared = Arc::clone(&self.shared);
        let memory = shared.read();
        if std::mem::replace(&mut self.is_open, true) {
            self.known = Known::default();
            self.confirmed = confirmed(&memory);
        }
        let mut appending = Appending {
            transaction,
            memory: &memory,
            known: &mut self.known,
            confirmed: &self.confirmed,
            appended: Appended::default(),
            next_row: &mut self.next_row,
            spare: &mut self.spare,
            hours: FxHashMap::default(),
            events: events.len(),
            new_series: HashMap::new(),
            families: HashMap::new(),
        };
        // Batches are of one run each: what is looked up for one event serves the next ones. All are
        // looked up at first, so that the processor waits for the memory of many at once.
        let mut key = String::new();
        let mut runs = Vec::with_capacity(events.len().min(USUAL_RUNS));
        let apart = events.chunk_by(Run::is_same);
        runs.extend(apart.map(|run| (run, memory.catalog.run(&run[0], &mut key))));
        for (run, series) in runs {
            appending.run(run, series)?;
        }
        appending.finish()
    }

    /// Shows to readers what has become durable.
    pub fn confirm(&mut self, appended: Appended) {
        self.is_open = false;
        if let Some(sure) = appended.sure {
            self.retaining.is_sure_of(sure.micros());
        }
        let mut memory = self.shared.write();
        for new in appended.series {
            let family = Some(new.family);
            memory.catalog.push(new.run, new.log, family, &new.reading);
        }
        for mut new in appended.hours {
            memory.push(new.hour, new.row, &new.points);
            if (self.spare.capacity()..MOST_SPARE).contains(&new.points.capacity()) {
                new.points.clear();
                self.spare = new.points;
            }
        }
        for (event, reading) in appended.newest {
            let gauge = (event.unit, reading.sensor, reading.quantity);
            let gauge = memory.catalog.gauge(&event.site, gauge);
            let seen = Newest {
                time: event.time.micros(),
                seq: event.seq,
                value: reading.value,
                of: Of::Named(Box::new((event.log, reading.zone))),
            };
            memory.see_newest(gauge, seen);
        }
    }
}

/// One append under way.
struct Appending<'a, 't> {
    transaction: &'a Transaction<'t>,
    memory: &'a Memory,
    known: &'a mut Known,
    confirmed: &'a FxHashMap<i64, u64>,
    appended: Appended,
    next_row: &'a mut i64,
    spare: &'a mut Vec<(SeriesId, Point)>,
    /// Where the hours are among those appended.
    hours: FxHashMap<i64, usize>,
    /// How many events there are.
    events: usize,
    /// Series that this append makes.
    new_series: HashMap<(Run, SensorId), Vec<(SeriesId, Reading)>>,
    /// The families that they have joined last, and how many those have.
    families: HashMap<Run, (SeriesId, usize)>,
}

impl Appending<'_, '_> {
    /// Events of one run.
    fn run(&mut self, events: &[StoredEvent], series: Option<&OfRun>) -> rusqlite::Result<()> {
        let Some(first) = events.first() else {
            return Ok(());
        };
        let log = match series {
            Some(series) => series.log,
            None => self.known.codes.log(self.transaction, &Run::of(first))?,
        };
        let mut known = self.log(log)?;
        let (mut place, mut at) = (None, usize::MAX);
        for event in events {
            // Nearly always a number is above the last one.
            if event.seq > known.through {
                known.through = event.seq;
                if let Some(held) = &mut known.held {
                    held.add(event.seq);
                }
            } else if !self.fills_a_hole(log, &mut known, event.seq)? {
                continue;
            }
            self.appended.added += 1;
            if event.is_by_the_units_clock() {
                self.appended.sure = self.appended.sure.max(Some(event.time));
            }
            let Some((reading, point)) = Point::of(event) else {
                self.row(log, event)?;
                continue;
            };
            let found = series.and_then(|series| series.find(reading, &mut place));
            let id = match found {
                Some(id) => id,
                None => self.new_series(first, (log, series.and_then(|it| it.family)), reading)?,
            };
            let hour = hour_of(point.time);
            if self.appended.hours.get(at).is_none_or(|it| it.hour != hour) {
                at = self.hour(hour);
            }
            let hour = &mut self.appended.hours[at];
            hour.chunk.push(id, &point);
            hour.points.push((id, point));
        }
        self.known.logs.insert(log, known);
        Ok(())
    }

    /// The place of an hour among those appended.
    fn hour(&mut self, hour: i64) -> usize {
        let (hours, events) = (&mut self.appended.hours, self.events);
        let spare = &mut *self.spare;
        *self.hours.entry(hour).or_insert_with(|| {
            // Nearly always all are of one.
            let likely = if hours.is_empty() { events } else { 0 };
            let mut points = std::mem::take(spare);
            points.reserve(likely);
            hours.push(Hour {
                hour,
                row: 0,
                chunk: Chunk::for_about(likely),
                points,
            });
            hours.len() - 1
        })
    }

    /// Takes out what is remembered of a log: to be put back when its events are appended.
    fn log(&mut self, log: i64) -> rusqlite::Result<LogKnown> {
        if let Some(known) = self.known.logs.remove(&log) {
            return Ok(known);
        }
        let confirmed = self.confirmed.get(&log).copied().unwrap_or(0);
        Ok(LogKnown {
            through: through(self.transaction, log)?.max(confirmed),
            held: None,
        })
    }

    /// Whether a number that is not above the last one is new.
    fn fills_a_hole(&self, log: i64, known: &mut LogKnown, seq: u64) -> rusqlite::Result<bool> {
        if known.held.is_none() {
            let mut held = held(self.transaction, self.memory, log)?;
            let pending = self.appended.hours.iter().flat_map(|hour| &hour.points);
            let of_log = |id: SeriesId| match self.memory.catalog.get(id) {
                Some(series) => series.log_code == log,
                None => self
                    .appended
                    .series
                    .get((id as usize).wrapping_sub(self.memory.catalog.len()))
                    .is_some_and(|new| new.log == log),
            };
            for (_, point) in pending.filter(|(id, _)| of_log(*id)) {
                held.add(point.seq);
            }
            known.held = Some(held);
        }
        Ok(known.held.as_mut().is_some_and(|held| held.add(seq)))
    }

    fn row(&mut self, log: i64, event: &StoredEvent) -> rusqlite::Result<()> {
        put_row(self.transaction, &mut self.known.codes, log, event)?;
        if let Some(Happening::Reading(reading)) = event.happening()
            && !event.is_test()
        {
            put_newest(self.transaction, event, reading)?;
            self.appended.newest.push((event.clone(), reading.clone()));
        }
        Ok(())
    }

    /// A series that was not there before this append.
    fn new_series(
        &mut self,
        first: &StoredEvent,
        (log, family): (i64, Option<(SeriesId, usize)>),
        reading: &Reading,
    ) -> rusqlite::Result<SeriesId> {
        let key = (Run::of(first), reading.sensor.clone());
        let made = self.new_series.get(&key);
        let same = made
            .into_iter()
            .flatten()
            .find(|(_, it)| it.quantity == reading.quantity && it.zone == reading.zone);
        match same {
            Some((id, _)) => Ok(*id),
            None => self.make(&key.0, (log, family), reading),
        }
    }

    fn make(
        &mut self,
        run: &Run,
        (log, family): (i64, Option<(SeriesId, usize)>),
        reading: &Reading,
    ) -> rusqlite::Result<SeriesId> {
        let at = self.memory.catalog.len() + self.appended.series.len();
        let too_many = || rusqlite::Error::ToSqlConversionFailure("too many series".into());
        let id = SeriesId::try_from(at).map_err(|_| too_many())?;
        if id >= ANY_SERIES {
            return Err(too_many());
        }
        let before = self.families.get(run).copied();
        let family = join(before.or(family), id);
        self.families.insert(run.clone(), family);
        let (family, _) = family;
        let codes = &mut self.known.codes;
        let boot = codes.word(self.transaction, run.boot.as_str())?;
        let sensor = codes.word(self.transaction, reading.sensor.as_str())?;
        let quantity = codes.word(self.transaction, &reading.quantity)?;
        self.transaction
            .prepare_cached(
                "INSERT INTO reading_series
                     (id, log, boot, sensor, quantity, zone, check32, family)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            )?
            .execute(params![
                id,
                log,
                boot,
                sensor,
                quantity,
                reading.zone.map(|zone| zone.as_str()),
                run.check(id, Some(family), reading),
                family,
            ])?;
        let key = (run.clone(), reading.sensor.clone());
        let made = self.new_series.entry(key).or_default();
        made.push((id, reading.clone()));
        self.appended.series.push(NewSeries {
            run: run.clone(),
            log,
            family,
            reading: reading.clone(),
        });
        Ok(id)
    }

    fn finish(mut self) -> rusqlite::Result<Appended> {
        let mut insert = self
            .transaction
            .prepare_cached("INSERT INTO reading_journal (id, hour, data) VALUES (?1, ?2, ?3)")?;
        for new in &mut self.appended.hours {
            let chunk = std::mem::take(&mut new.chunk);
            new.row = *self.next_row;
            *self.next_row += 1;
            insert.execute(params![new.row, new.hour, chunk.finish()])?;
        }
        Ok(self.appended)
    }
}

/// Room for so many runs of a batch is made at once.
const USUAL_RUNS: usize = 2_048;

/// The last number of each log among readings that are not sealed.
fn confirmed(memory: &Memory) -> FxHashMap<i64, u64> {
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

/// Room for more readings than this is not kept.
const MOST_SPARE: usize = 16_384;

const NEXT_ROW: &str = "
    SELECT 1 + max((SELECT coalesce(max(id), 0) FROM reading_journal),
                   (SELECT coalesce(max(through), 0) FROM reading_sealing))";

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
fn held(connection: &Connection, memory: &Memory, log: i64) -> rusqlite::Result<Held> {
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
