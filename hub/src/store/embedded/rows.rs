//! Rows: what is written of an event that is no plain reading, and the numbers of words and logs.

use std::collections::HashMap;

use gatepost_model::{
    LogId, SensorId, SiteId, UnitId, Zone,
    event::{Happening, Reading, RoundPhase},
};
use rusqlite::{CachedStatement, OptionalExtension, Transaction, params};

use super::catalog::Run;
use crate::store::event::StoredEvent;

/// Writes events as rows.
pub(super) struct Rows<'c> {
    insert: CachedStatement<'c>,
}

impl<'c> Rows<'c> {
    pub(super) fn new(transaction: &'c Transaction<'_>) -> rusqlite::Result<Self> {
        let insert = transaction.prepare_cached(INSERT)?;
        Ok(Self { insert })
    }

    /// Writes an event as a row.
    pub(super) fn put(
        &mut self,
        transaction: &Transaction<'_>,
        codes: &mut Codes,
        log: i64,
        event: &StoredEvent,
    ) -> rusqlite::Result<()> {
        let columns = Columns::of(event);
        let mut code =
            |word: Option<&str>| word.map(|word| codes.word(transaction, word)).transpose();
        let (site, kind) = (code(Some(event.site.as_str()))?, code(Some(event.kind()))?);
        let boot = code(Some(event.boot.as_str()))?;
        let (lane, dir) = (code(columns.lane)?, code(columns.dir)?);
        let (zone, sensor) = (code(columns.zone.map(Zone::as_str))?, code(columns.sensor)?);
        let quantity = code(columns.quantity)?;
        let check = check_of(&Checked {
            names: [event.site.as_str(), event.unit.as_str(), event.log.as_str()],
            numbers: [
                integer(event.seq)?,
                event.time.micros(),
                event.is_test().into(),
                i64::try_from(event.time_error_ms).unwrap_or(i64::MAX),
                i64::from(event.source as u8),
                event.received.micros(),
            ],
            words: [
                Some(event.kind()),
                columns.lane,
                columns.dir,
                columns.zone.map(Zone::as_str),
                columns.sensor,
                columns.quantity,
                Some(event.boot.as_str()),
            ],
            value: columns.value,
            line: &event.line,
        });
        self.insert.execute(params![
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
            check,
        ])?;
        Ok(())
    }
}

/// What the checksum of a row is over: not the numbers of words but the words, so that damage of their
/// tables is found as well.
pub(super) struct Checked<'a> {
    /// Site, unit, log.
    pub(super) names: [&'a str; 3],
    /// Sequence, time, test, error, source, receipt.
    pub(super) numbers: [i64; 6],
    /// Kind, lane, direction, zone, sensor, quantity, boot.
    pub(super) words: [Option<&'a str>; 7],
    pub(super) value: Option<f64>,
    pub(super) line: &'a str,
}

/// The CRC-32 of a row.
pub(super) fn check_of(row: &Checked<'_>) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    let mut text = |text: Option<&str>| {
        // No text has this byte: two cannot be read as one.
        hasher.update(text.map_or(&b"\xfe"[..], str::as_bytes));
        hasher.update(b"\xff");
    };
    row.names.iter().for_each(|name| text(Some(name)));
    row.words.iter().for_each(|word| text(*word));
    text(Some(row.line));
    for number in row.numbers {
        hasher.update(&number.to_le_bytes());
    }
    if let Some(value) = row.value {
        hasher.update(&value.to_bits().to_le_bytes());
    }
    hasher.finalize()
}

const INSERT: &str = "
    INSERT INTO event (log, seq, site, kind, time, test, lane, dir, zone, sensor, quantity, value,
                       boot, error_ms, source, received, line, check32)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)
    ON CONFLICT DO NOTHING";

pub(super) fn integer(number: u64) -> rusqlite::Result<i64> {
    i64::try_from(number).map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))
}

/// What an event is asked for by, besides site, kind and time.
#[derive(Default)]
pub(in crate::store) struct Columns<'a> {
    pub(in crate::store) lane: Option<&'a str>,
    pub(in crate::store) dir: Option<&'a str>,
    pub(in crate::store) zone: Option<Zone>,
    pub(in crate::store) sensor: Option<&'a str>,
    pub(in crate::store) quantity: Option<&'a str>,
    /// What is summed up: a reading's number, a screening's skin temperature, the litres of a round
    /// that ended.
    pub(in crate::store) value: Option<f64>,
}

impl<'a> Columns<'a> {
    pub(in crate::store) fn of(event: &'a StoredEvent) -> Self {
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

/// Numbers of words and logs, remembered.
#[derive(Debug, Default)]
pub(super) struct Codes {
    words: HashMap<String, i64>,
    logs: HashMap<(SiteId, UnitId, LogId), i64>,
}

impl Codes {
    /// The number of a word, a new one if it has none.
    pub(super) fn word(
        &mut self,
        transaction: &Transaction<'_>,
        word: &str,
    ) -> rusqlite::Result<i64> {
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
        // Words come from units: not all that were ever said are remembered.
        if self.words.len() >= MOST_WORDS {
            self.words.clear();
        }
        self.words.insert(word.to_owned(), code);
        Ok(code)
    }

    /// The number of a log, a new one if it has none.
    pub(super) fn log(
        &mut self,
        transaction: &Transaction<'_>,
        run: &Run,
    ) -> rusqlite::Result<i64> {
        let key = (run.site.clone(), run.unit.clone(), run.log.clone());
        if let Some(code) = self.logs.get(&key) {
            return Ok(*code);
        }
        let names = params![run.site.as_str(), run.unit.as_str(), run.log.as_str()];
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

/// More than the ids and quantities of a large hub.
const MOST_WORDS: usize = 100_000;

/// Keeps the last number of logs, so that it is known when its event has become a part of a block or
/// of an hour.
pub(super) fn see_through(
    transaction: &Transaction<'_>,
    through: impl IntoIterator<Item = (i64, i64)>,
) -> rusqlite::Result<()> {
    let mut upsert = transaction.prepare_cached(
        "INSERT INTO reading_log (log, through) VALUES (?1, ?2)
         ON CONFLICT DO UPDATE SET through = max(through, excluded.through)",
    )?;
    for (log, through) in through {
        upsert.execute([log, through])?;
    }
    Ok(())
}

/// Keeps a reading that stands as a row if it is the newest of its gauge.
pub(super) fn put_newest(
    transaction: &Transaction<'_>,
    event: &StoredEvent,
    reading: &Reading,
) -> rusqlite::Result<()> {
    upsert_newest(
        transaction,
        (&event.site, &event.unit, &reading.sensor, &reading.quantity),
        reading.zone,
        reading.value,
        (event.time.micros(), &event.log, event.seq),
    )
}

/// Keeps what a gauge measured if it is newer than what is kept.
pub(super) fn upsert_newest(
    transaction: &Transaction<'_>,
    (site, unit, sensor, quantity): (&SiteId, &UnitId, &SensorId, &str),
    zone: Option<Zone>,
    value: f64,
    (time, log, seq): (i64, &LogId, u64),
) -> rusqlite::Result<()> {
    let zone = zone.map(Zone::as_str);
    let check = check_of_newest(
        [site.as_str(), unit.as_str(), sensor.as_str(), quantity],
        zone,
        value,
        (time, log.as_str(), integer(seq)?),
    );
    transaction.prepare_cached(UPSERT)?.execute(params![
        site.as_str(),
        unit.as_str(),
        sensor.as_str(),
        quantity,
        zone,
        value,
        time,
        log.as_str(),
        integer(seq)?,
        check,
    ])?;
    Ok(())
}

/// The CRC-32 of a newest reading.
pub(super) fn check_of_newest(
    [site, unit, sensor, quantity]: [&str; 4],
    zone: Option<&str>,
    value: f64,
    (time, log, seq): (i64, &str, i64),
) -> u32 {
    check_of(&Checked {
        names: [site, unit, log],
        numbers: [seq, time, 0, 0, 0, 0],
        words: [
            Some("reading"),
            None,
            None,
            zone,
            Some(sensor),
            Some(quantity),
            None,
        ],
        value: Some(value),
        line: "",
    })
}

const UPSERT: &str = "
    INSERT INTO event_latest (site, unit, sensor, quantity, zone, value, time, log, seq, check32)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
    ON CONFLICT DO UPDATE SET zone = excluded.zone, value = excluded.value, time = excluded.time,
                              log = excluded.log, seq = excluded.seq, check32 = excluded.check32
    WHERE (excluded.time, excluded.log, excluded.seq) > (time, log, seq)";
