//! Writing: in the journal's transaction.

use std::collections::{BTreeMap, HashMap};

use gatepost_model::{
    LogId, SensorId, SiteId, UnitId, Zone,
    event::{Happening, RoundPhase},
};
use rusqlite::{OptionalExtension, Transaction, params};

use crate::store::event::StoredEvent;

/// Appends events in the journal's transaction. An event that is there already, by site, unit, log
/// and sequence, is left as it is. Answers how many were new.
pub fn append(transaction: &Transaction<'_>, events: &[StoredEvent]) -> rusqlite::Result<u64> {
    let mut codes = Codes::default();
    let mut latest = Latest::default();
    let mut added = 0;
    let mut insert = transaction.prepare_cached(INSERT)?;
    for event in events {
        let columns = Columns::of(event);
        let mut code =
            |word: Option<&str>| word.map(|word| codes.word(transaction, word)).transpose();
        let (site, kind) = (code(Some(event.site.as_str()))?, code(Some(event.kind()))?);
        let boot = code(Some(event.boot.as_str()))?;
        let (lane, dir) = (code(columns.lane)?, code(columns.dir)?);
        let (zone, sensor) = (code(columns.zone.map(Zone::as_str))?, code(columns.sensor)?);
        let quantity = code(columns.quantity)?;
        let log = codes.log(transaction, event)?;
        let is_new = insert.execute(params![
            log,
            integer(event.seq)?,
            site,
            kind,
            event.time.micros(),
            event.is_test(),
            lane,
            dir,
            zone,
            sensor,
            quantity,
            columns.value,
            boot,
            i64::try_from(event.time_error_ms).unwrap_or(i64::MAX),
            event.source as u8,
            event.received.micros(),
            &*event.line,
        ])? > 0;
        if is_new {
            added += 1;
            latest.see(event);
        }
    }
    latest.store(transaction)?;
    Ok(added)
}

const INSERT: &str = "
    INSERT INTO event (log, seq, site, kind, time, test, lane, dir, zone, sensor, quantity, value,
                       boot, error_ms, source, received, line)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)
    ON CONFLICT DO NOTHING";

fn integer(number: u64) -> rusqlite::Result<i64> {
    i64::try_from(number).map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))
}

/// What an event is asked for by, besides site, kind and time.
#[derive(Default)]
struct Columns<'a> {
    lane: Option<&'a str>,
    dir: Option<&'a str>,
    zone: Option<Zone>,
    sensor: Option<&'a str>,
    quantity: Option<&'a str>,
    /// What is summed up: a reading's number, a screening's skin temperature, the litres of a round
    /// that ended.
    value: Option<f64>,
}

impl<'a> Columns<'a> {
    fn of(event: &'a StoredEvent) -> Self {
        let Some(happening) = event.happening() else {
            return Self::default();
        };
        let mut columns = Self {
            lane: happening.lane().map(AsRef::as_ref),
            zone: happening.zone(),
            ..Self::default()
        };
        match happening {
            Happening::Passage(passage) => columns.dir = Some(passage.dir.as_str()),
            Happening::Screening(screening) => columns.value = Some(screening.skin_c),
            Happening::Reading(reading) => {
                columns.sensor = Some(reading.sensor.as_str());
                columns.quantity = Some(&reading.quantity);
                columns.value = Some(reading.value);
            }
            Happening::Round(round) => {
                columns.value = (round.phase == RoundPhase::Ended).then_some(round.litres);
            }
            Happening::Fault(fault) | Happening::Cleared(fault) => {
                columns.sensor = Some(fault.sensor.as_str());
            }
            Happening::Calibration(calibration) => {
                columns.sensor = Some(calibration.sensor.as_str());
            }
            Happening::Boot(_)
            | Happening::Heartbeat(_)
            | Happening::Unclear(_)
            | Happening::Entry(_)
            | Happening::Unknown(_) => {}
        }
        columns
    }
}

/// Numbers of words and logs, remembered for one call: what a transaction that failed has given out
/// must not outlive it.
#[derive(Default)]
struct Codes {
    words: HashMap<String, i64>,
    logs: HashMap<(SiteId, UnitId, LogId), i64>,
}

impl Codes {
    fn word(&mut self, transaction: &Transaction<'_>, word: &str) -> rusqlite::Result<i64> {
        if let Some(code) = self.words.get(word) {
            return Ok(*code);
        }
        let known = transaction
            .prepare_cached("SELECT id FROM event_word WHERE word = ?1")?
            .query_row([word], |row| row.get(0))
            .optional()?;
        let code = match known {
            Some(code) => code,
            None => transaction
                .prepare_cached("INSERT INTO event_word (word) VALUES (?1)")?
                .insert([word])?,
        };
        self.words.insert(word.to_owned(), code);
        Ok(code)
    }

    fn log(&mut self, transaction: &Transaction<'_>, event: &StoredEvent) -> rusqlite::Result<i64> {
        let key = (event.site.clone(), event.unit.clone(), event.log.clone());
        if let Some(code) = self.logs.get(&key) {
            return Ok(*code);
        }
        let names = params![event.site.as_str(), event.unit.as_str(), event.log.as_str()];
        let known = transaction
            .prepare_cached("SELECT id FROM event_log WHERE site = ?1 AND unit = ?2 AND log = ?3")?
            .query_row(names, |row| row.get(0))
            .optional()?;
        let code = match known {
            Some(code) => code,
            None => transaction
                .prepare_cached("INSERT INTO event_log (site, unit, log) VALUES (?1, ?2, ?3)")?
                .insert(names)?,
        };
        self.logs.insert(key, code);
        Ok(code)
    }
}

/// The newest reading of each sensor and quantity among the appended.
#[derive(Default)]
struct Latest<'a> {
    newest: BTreeMap<(&'a SiteId, &'a UnitId, &'a SensorId, &'a str), Measured<'a>>,
}

struct Measured<'a> {
    event: &'a StoredEvent,
    zone: Option<Zone>,
    value: f64,
}

impl Measured<'_> {
    /// Equal times are told apart by what does not depend on the order of arrival.
    fn key(&self) -> (i64, &str, u64) {
        let event = self.event;
        (event.time.micros(), event.log.as_str(), event.seq)
    }
}

impl<'a> Latest<'a> {
    fn see(&mut self, event: &'a StoredEvent) {
        let Some(Happening::Reading(reading)) = event.happening() else {
            return;
        };
        if event.is_test() {
            return;
        }
        let key = (
            &event.site,
            &event.unit,
            &reading.sensor,
            reading.quantity.as_str(),
        );
        let new = Measured {
            event,
            zone: reading.zone,
            value: reading.value,
        };
        let known = self.newest.get(&key);
        if known.is_none_or(|known| known.key() < new.key()) {
            self.newest.insert(key, new);
        }
    }

    fn store(&self, transaction: &Transaction<'_>) -> rusqlite::Result<()> {
        let mut upsert = transaction.prepare_cached(UPSERT)?;
        for ((site, unit, sensor, quantity), measured) in &self.newest {
            upsert.execute(params![
                site.as_str(),
                unit.as_str(),
                sensor.as_str(),
                quantity,
                measured.zone.map(Zone::as_str),
                measured.value,
                measured.event.time.micros(),
                measured.event.log.as_str(),
                integer(measured.event.seq)?,
            ])?;
        }
        Ok(())
    }
}

const UPSERT: &str = "
    INSERT INTO event_latest (site, unit, sensor, quantity, zone, value, time, log, seq)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
    ON CONFLICT DO UPDATE SET zone = excluded.zone, value = excluded.value, time = excluded.time,
                              log = excluded.log, seq = excluded.seq
    WHERE (excluded.time, excluded.log, excluded.seq) > (time, log, seq)";
