//! Writing: in the journal's transaction, and after it in memory.

use std::{collections::HashMap, sync::Arc};

use gatepost_model::{
    SensorId, Wall,
    event::{Happening, Reading},
};
use rusqlite::{Connection, Transaction, params};
use rustc_hash::FxHashMap;

use super::{
    block::ANY_SERIES,
    catalog::{OfRun, Run, join},
    logs::{self, Log, Logs},
    memory::{Memory, Newest, Of, Shared},
    packing::Packing,
    point::{Chunk, Point, SeriesId, hour_of},
    retain::Retaining,
    rows::{Codes, Rows, put_newest},
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
    logs: Logs,
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
        let confirmed = logs::confirmed(&shared.read());
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
            self.confirmed = logs::confirmed(&memory);
        }
        let mut appending = Appending {
            transaction,
            memory: &memory,
            known: &mut self.known,
            confirmed: &self.confirmed,
            appended: Appended::default(),
            next_row: &mut self.next_row,
            rows: None,
            spare: &mut self.spare,
            hours: FxHashMap::default(),
            events: events.len(),
            new_series: HashMap::new(),
            families: HashMap::new(),
        };
        // What is looked up for one event of a run serves the next ones. Runs are looked up many at once,
        // so that the processor waits for the memory of all together, and few enough that their
        // events are still near when they are appended.
        let mut key = String::new();
        let mut apart = events.chunk_by(Run::is_same);
        let mut runs = Vec::with_capacity(AT_ONCE);
        loop {
            runs.extend(apart.by_ref().take(AT_ONCE).map(|events| Found {
                series: memory.catalog.run(&events[0], &mut key),
                events,
                log: None,
            }));
            if runs.is_empty() {
                break;
            }
            for run in &mut runs {
                let log = run.series.map(|series| series.log);
                run.log = log.and_then(|log| appending.known.logs.place(log));
            }
            for run in runs.drain(..) {
                appending.run(&run)?;
            }
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

/// Events of a run, and what is known of it.
struct Found<'a> {
    events: &'a [StoredEvent],
    /// Its series, if it has any.
    series: Option<&'a OfRun>,
    /// The place of its log, if that is remembered.
    log: Option<usize>,
}

/// One append under way.
struct Appending<'a, 't> {
    transaction: &'a Transaction<'t>,
    memory: &'a Memory,
    known: &'a mut Known,
    confirmed: &'a FxHashMap<i64, u64>,
    appended: Appended,
    next_row: &'a mut i64,
    /// Made for the first event that is to be a row.
    rows: Option<Rows<'a>>,
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
    fn run(&mut self, run: &Found<'_>) -> rusqlite::Result<()> {
        let (events, series) = (run.events, run.series);
        let Some(first) = events.first() else {
            return Ok(());
        };
        let log = match series {
            Some(series) => series.log,
            None => self.known.codes.log(self.transaction, &Run::of(first))?,
        };
        let logs = &mut self.known.logs;
        let place_of_log = match run.log {
            Some(place) => place,
            None => logs.open(self.transaction, log, self.confirmed)?,
        };
        // To be put back when all are appended.
        let mut known = std::mem::take(logs.at(place_of_log));
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
        *self.known.logs.at(place_of_log) = known;
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

    /// Whether a number that is not above the last one is new.
    fn fills_a_hole(&self, log: i64, known: &mut Log, seq: u64) -> rusqlite::Result<bool> {
        if known.held.is_none() {
            let mut held = logs::held(self.transaction, self.memory, log)?;
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
        let rows = match &mut self.rows {
            Some(rows) => rows,
            None => self.rows.insert(Rows::new(self.transaction)?),
        };
        rows.put(self.transaction, &mut self.known.codes, log, event)?;
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

/// Runs that are looked up at once.
const AT_ONCE: usize = 64;

/// Room for more readings than this is not kept.
const MOST_SPARE: usize = 16_384;

const NEXT_ROW: &str = "
    SELECT 1 + max((SELECT coalesce(max(id), 0) FROM reading_journal),
                   (SELECT coalesce(max(through), 0) FROM reading_sealing))";
