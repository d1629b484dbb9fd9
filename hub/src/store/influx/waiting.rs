//! Events that wait for InfluxDB, in the journal.
//!
//! | table | holds |
//! |---|---|
//! | `influx_row` | events in the order of their commits, packed; a row is of one site |
//! | `influx_mark` | up to which row all is confirmed, and up to which row something was sent |
//! | `influx_log`, `influx_held` | which sequences of each log were ever taken, and its newest time |
//! | `influx_latest` | the newest reading of each sensor and quantity, by the time of measuring |
//! | `influx_damaged` | rows that cannot be read any more |
//! | `influx_refused` | points that InfluxDB refused, until they are in quarantine |
//!
//! A row is written in the transaction of its turn. Before it is sent for the first time the mark says
//! so; once InfluxDB has all of it, the mark says that. Rows between the two may be there, in part or as
//! a whole, whatever became of the answer. The newest reading of each gauge is kept beside, so that
//! nobody has to ask every series for its last point.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc, Mutex, PoisonError, RwLock,
        atomic::{AtomicI64, Ordering},
    },
};

use gatepost_model::{LogId, SensorId, SiteId, UnitId, Wall, Zone, event::Happening};
use rusqlite::{Connection, OptionalExtension, Transaction, params};
use tokio::sync::Notify;

use super::{
    damage::{self, Damaged},
    packed,
    twin::Crowd,
};
use crate::store::{
    embedded::{AHEAD, Held, Kept, wall},
    event::StoredEvent,
    zipped,
};

pub(super) fn schema(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(SCHEMA)?;
    connection.execute_batch(damage::SCHEMA)
}

const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS influx_row (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        site TEXT NOT NULL,
        first INTEGER NOT NULL,
        last INTEGER NOT NULL,
        received INTEGER NOT NULL,
        data BLOB NOT NULL
    ) STRICT;
    CREATE TABLE IF NOT EXISTS influx_mark (
        one INTEGER PRIMARY KEY CHECK (one = 1),
        confirmed INTEGER NOT NULL,
        sending INTEGER NOT NULL
    ) STRICT;
    INSERT OR IGNORE INTO influx_mark (one, confirmed, sending) VALUES (1, 0, 0);
    CREATE TABLE IF NOT EXISTS influx_log (
        id INTEGER PRIMARY KEY,
        site TEXT NOT NULL,
        unit TEXT NOT NULL,
        log TEXT NOT NULL,
        newest INTEGER,
        UNIQUE (site, unit, log)
    ) STRICT;
    CREATE TABLE IF NOT EXISTS influx_held (
        log INTEGER NOT NULL,
        first INTEGER NOT NULL,
        last INTEGER NOT NULL,
        PRIMARY KEY (log, first)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS influx_latest (
        site TEXT NOT NULL,
        unit TEXT NOT NULL,
        sensor TEXT NOT NULL,
        quantity TEXT NOT NULL,
        zone TEXT,
        value REAL NOT NULL,
        time INTEGER NOT NULL,
        log TEXT NOT NULL,
        seq INTEGER NOT NULL,
        PRIMARY KEY (site, unit, sensor, quantity)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS influx_refused (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        site TEXT NOT NULL,
        reason TEXT NOT NULL,
        event TEXT NOT NULL
    ) STRICT;
";

/// Keeps what a gauge measured if it is newer than what is kept.
const NEWEST: &str = "
    INSERT INTO influx_latest (site, unit, sensor, quantity, zone, value, time, log, seq)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
    ON CONFLICT DO UPDATE SET zone = excluded.zone, value = excluded.value, time = excluded.time,
                              log = excluded.log, seq = excluded.seq
    WHERE (excluded.time, excluded.log, excluded.seq) > (time, log, seq)";

/// What writer, forwarder and readers share.
#[derive(Debug, Default)]
pub(super) struct Shared {
    /// Bytes of the rows that are not confirmed. The forwarder may have confirmed what the writer has
    /// yet to count.
    pending: AtomicI64,
    /// Something new waits.
    pub(super) wake: Notify,
    /// Held for writing while something is sent and for reading while a question is answered, so that
    /// nothing moves from the journal to InfluxDB in the middle of one.
    pub(super) gate: RwLock<()>,
    /// What cannot be read any more.
    pub(super) damaged: Damaged,
    /// The newest time that a unit's own clock gave, microseconds since 1970.
    sure: AtomicI64,
    /// How long sites keep what, as of when somebody asked for it to be followed.
    asked: Mutex<Option<Asked>>,
}

/// Sites are to let go what they do not keep any longer.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub(super) now: Wall,
    pub(super) sites: Vec<Kept>,
}

impl Shared {
    /// What sites do not keep any longer at `now` is to go. Time has passed only as far as some unit's
    /// own clock says so too.
    pub(super) fn ask(&self, now: Wall, sites: &[Kept]) {
        let sure = self.sure.load(Ordering::Relaxed);
        if sure == 0 {
            return;
        }
        let now = now.min(wall(sure.saturating_add(AHEAD)));
        let sites = sites.to_vec();
        *self.asked.lock().unwrap_or_else(PoisonError::into_inner) = Some(Asked { now, sites });
        self.wake.notify_one();
    }

    /// What was asked for last, once.
    pub(super) fn asked(&self) -> Option<Asked> {
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.take()
    }

    /// Bytes of the rows that are not confirmed.
    pub(super) fn pending(&self) -> u64 {
        u64::try_from(self.pending.load(Ordering::Relaxed)).unwrap_or(0)
    }

    /// So many bytes are confirmed.
    pub(super) fn less(&self, bytes: u64) {
        self.pending
            .fetch_sub(bytes.cast_signed(), Ordering::Relaxed);
    }
}

/// The one writer.
#[derive(Debug)]
pub struct Writer {
    pub(super) shared: Arc<Shared>,
    /// More bytes than this do not wait.
    limit: u64,
    /// So many bytes found no room when they came last.
    refused: u64,
    logs: HashMap<(SiteId, UnitId, LogId), Log>,
    /// Something was appended that is not confirmed.
    is_open: bool,
}

/// What is known of a log.
#[derive(Debug)]
struct Log {
    id: i64,
    held: Held,
    crowd: Crowd,
}

/// What an append has written.
#[must_use = "what is durable must be confirmed"]
#[derive(Debug)]
pub struct Appended {
    /// How many events were new.
    pub added: u64,
    bytes: u64,
    /// The newest time that a unit's own clock gave.
    sure: Option<i64>,
}

/// Why nothing was appended.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// SQLite refused.
    #[error("the journal cannot be written")]
    Sqlite(#[from] rusqlite::Error),
    /// As much waits for InfluxDB as may.
    #[error(
        "{} MB wait for InfluxDB, which is all that `journal_max_mb` of [store] allows",
        .0 / 1_000_000
    )]
    Full(u64),
}

impl Writer {
    /// Reads what is to be remembered. The tables must be there. Up to `limit` bytes may wait.
    pub fn open(connection: &Connection, limit: u64) -> rusqlite::Result<Self> {
        let pending: i64 = connection.query_row(
            "SELECT coalesce(sum(length(data)), 0) FROM influx_row
             WHERE id > (SELECT confirmed FROM influx_mark)",
            [],
            |row| row.get(0),
        )?;
        let shared = Shared {
            damaged: Damaged::load(connection)?,
            ..Shared::default()
        };
        shared.pending.store(pending, Ordering::Relaxed);
        Ok(Self {
            shared: Arc::new(shared),
            limit,
            refused: 0,
            logs: HashMap::new(),
            is_open: false,
        })
    }

    /// Appends events in the journal's transaction, once [`Writer::begin`] was said. An event that was taken before, by site, unit, log
    /// and sequence, is left out.
    pub fn append(
        &mut self,
        transaction: &Transaction<'_>,
        events: &[StoredEvent],
    ) -> Result<Appended, AppendError> {
        let mut rows = Rows::default();
        let mut newest: BTreeMap<Gauge<'_>, &StoredEvent> = BTreeMap::new();
        let mut sure = None;
        let mut rest = events;
        while let Some(first) = rest.first() {
            let is_same = |event: &&StoredEvent| {
                event.log == first.log && event.unit == first.unit && event.site == first.site
            };
            let length = rest.iter().take_while(is_same).count();
            let (same, more) = rest.split_at(length);
            rest = more;
            let log = self.log(transaction, first)?;
            let mut is_late = false;
            let grows = log.held.stretches().next_back().map(|(first, _)| first);
            for event in same {
                if !log.held.add(event.seq) {
                    continue;
                }
                is_late |= log.held.last() != Some(event.seq);
                let twin = log.crowd.take(event.seq, event.time.micros());
                rows.push(event, twin);
                if event.is_by_the_units_clock() {
                    sure = sure.max(Some(event.time.micros()));
                }
                if let Some(gauge) = gauge(event) {
                    let known = newest.entry(gauge).or_insert(event);
                    if order(event) > order(known) {
                        *known = event;
                    }
                }
            }
            log.save(transaction, grows.filter(|_| !is_late))?;
        }
        for event in newest.into_values() {
            if let Some(Happening::Reading(reading)) = event.happening() {
                transaction.prepare_cached(NEWEST)?.execute(params![
                    event.site.as_str(),
                    event.unit.as_str(),
                    reading.sensor.as_str(),
                    reading.quantity,
                    reading.zone.map(Zone::as_str),
                    reading.value,
                    event.time.micros(),
                    event.log.as_str(),
                    event.seq.cast_signed(),
                ])?;
            }
        }
        let appended = Appended {
            sure,
            ..rows.finish(transaction)?
        };
        if !self.fits(appended.bytes) {
            self.refused = appended.bytes;
            return Err(AppendError::Full(self.shared.pending()));
        }
        Ok(appended)
    }

    /// Whatever the limit, one turn fits into an empty journal.
    fn fits(&self, bytes: u64) -> bool {
        let pending = self.shared.pending();
        bytes == 0 || pending == 0 || pending + bytes <= self.limit
    }

    /// Whether events were refused for want of room, and there was none since.
    pub fn is_full(&self) -> bool {
        self.refused > 0
    }

    /// Looks whether what found no room would find it now.
    pub fn finds_room(&mut self) -> bool {
        let finds = self.is_full() && self.fits(self.refused);
        if finds {
            self.refused = 0;
        }
        finds
    }

    /// Asks the forwarder to let go what sites do not keep any longer at `now`.
    pub fn retain(&self, now: Wall, sites: &[Kept]) {
        self.shared.ask(now, sites);
    }

    /// Begins a transaction: forgets what one that failed may have left.
    pub fn begin(&mut self) {
        if std::mem::replace(&mut self.is_open, true) {
            self.logs.clear();
        }
    }

    /// A point that was refused is out of the store: it counts as new when it is brought again.
    pub fn withdraw(
        &mut self,
        transaction: &Transaction<'_>,
        refused: i64,
        event: &StoredEvent,
    ) -> rusqlite::Result<()> {
        let log = self.log(transaction, event)?;
        log.held.remove(event.seq);
        log.save(transaction, None)?;
        transaction
            .prepare_cached("DELETE FROM influx_refused WHERE id = ?1")?
            .execute([refused])?;
        Ok(())
    }

    /// Tells the forwarder what has become durable.
    pub fn confirm(&mut self, appended: Appended) {
        self.is_open = false;
        if let Some(sure) = appended.sure {
            self.shared.sure.fetch_max(sure, Ordering::Relaxed);
        }
        if appended.bytes > 0 {
            let pending = &self.shared.pending;
            pending.fetch_add(appended.bytes.cast_signed(), Ordering::Relaxed);
            self.shared.wake.notify_one();
        }
    }

    fn log(
        &mut self,
        transaction: &Transaction<'_>,
        event: &StoredEvent,
    ) -> rusqlite::Result<&mut Log> {
        let key = (event.site.clone(), event.unit.clone(), event.log.clone());
        // The entry cannot be held over a look-up that may fail.
        if !self.logs.contains_key(&key) {
            let log = Log::load(transaction, event)?;
            self.logs.insert(key.clone(), log);
        }
        Ok(self.logs.entry(key).or_insert_with(|| Log {
            id: 0,
            held: Held::default(),
            crowd: Crowd::default(),
        }))
    }
}

type Gauge<'e> = (&'e SiteId, &'e UnitId, &'e SensorId, &'e str);

/// The gauge whose newest reading an event may be.
fn gauge(event: &StoredEvent) -> Option<Gauge<'_>> {
    match event.happening() {
        Some(Happening::Reading(reading)) if !event.is_test() => {
            Some((&event.site, &event.unit, &reading.sensor, &reading.quantity))
        }
        _ => None,
    }
}

/// Which of two readings is the newer one.
fn order(event: &StoredEvent) -> (i64, &str, u64) {
    (event.time.micros(), event.log.as_str(), event.seq)
}

impl Log {
    fn load(transaction: &Transaction<'_>, event: &StoredEvent) -> rusqlite::Result<Self> {
        let names = params![event.site.as_str(), event.unit.as_str(), event.log.as_str()];
        let known = transaction
            .prepare_cached(
                "SELECT id, newest FROM influx_log WHERE site = ?1 AND unit = ?2 AND log = ?3",
            )?
            .query_row(names, |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        let (id, newest): (i64, Option<i64>) = match known {
            Some(known) => known,
            None => {
                let id = transaction
                    .prepare_cached("INSERT INTO influx_log (site, unit, log) VALUES (?1, ?2, ?3)")?
                    .insert(names)?;
                (id, None)
            }
        };
        let mut held = Held::default();
        let mut stretches =
            transaction.prepare_cached("SELECT first, last FROM influx_held WHERE log = ?1")?;
        let mut rows = stretches.query([id])?;
        while let Some(row) = rows.next()? {
            let (first, last): (i64, i64) = (row.get(0)?, row.get(1)?);
            held.add_stretch(first.cast_unsigned(), last.cast_unsigned());
        }
        let crowd = Crowd::of(held.last().unwrap_or(0), newest);
        Ok(Self { id, held, crowd })
    }

    /// Writes what has changed: usually only the last stretch has grown, and others stand behind it.
    fn save(&self, transaction: &Transaction<'_>, grows: Option<u64>) -> rusqlite::Result<()> {
        if grows.is_none() {
            transaction
                .prepare_cached("DELETE FROM influx_held WHERE log = ?1")?
                .execute([self.id])?;
        }
        let mut put = transaction.prepare_cached(
            "INSERT OR REPLACE INTO influx_held (log, first, last) VALUES (?1, ?2, ?3)",
        )?;
        let changed = self.held.stretches().rev();
        for (first, last) in
            changed.take_while(|(first, _)| grows.is_none_or(|from| *first >= from))
        {
            put.execute(params![self.id, first.cast_signed(), last.cast_signed()])?;
        }
        transaction
            .prepare_cached("UPDATE influx_log SET newest = ?2 WHERE id = ?1")?
            .execute(params![self.id, self.crowd.newest()])?;
        Ok(())
    }
}

/// The rows of one append, by site.
#[derive(Default)]
struct Rows<'e> {
    full: Vec<Row<'e>>,
    open: BTreeMap<&'e SiteId, Row<'e>>,
}

struct Row<'e> {
    site: &'e SiteId,
    text: String,
    events: u64,
    first: i64,
    last: i64,
    received: i64,
}

impl<'e> Rows<'e> {
    fn push(&mut self, event: &'e StoredEvent, twin: bool) {
        let time = event.time.micros();
        let row = self.open.entry(&event.site).or_insert_with(|| Row {
            site: &event.site,
            text: String::new(),
            events: 0,
            first: time,
            last: time,
            received: 0,
        });
        packed::push(&mut row.text, event, twin);
        row.events += 1;
        row.first = row.first.min(time);
        row.last = row.last.max(time);
        row.received = row.received.max(event.received.micros());
        if (row.events >= MOST_EVENTS || row.text.len() >= MOST_BYTES)
            && let Some(row) = self.open.remove(&event.site)
        {
            self.full.push(row);
        }
    }

    fn finish(self, transaction: &Transaction<'_>) -> rusqlite::Result<Appended> {
        let mut appended = Appended {
            added: 0,
            bytes: 0,
            sure: None,
        };
        let mut insert = transaction.prepare_cached(
            "INSERT INTO influx_row (site, first, last, received, data)
             VALUES (?1, ?2, ?3, ?4, ?5)",
        )?;
        for row in self.full.into_iter().chain(self.open.into_values()) {
            let data = zipped::pack(&row.text);
            appended.added += row.events;
            appended.bytes += data.len() as u64;
            insert.execute(params![
                row.site.as_str(),
                row.first,
                row.last,
                row.received,
                data
            ])?;
        }
        Ok(appended)
    }
}

/// So that a request has whole rows and is not too large.
const MOST_EVENTS: u64 = 1000;
const MOST_BYTES: usize = 256 * 1024;
