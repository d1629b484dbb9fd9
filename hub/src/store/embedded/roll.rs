//! Events into their hours: what the writer keeps of them when they go.

use std::collections::{BTreeMap, HashMap};

use gatepost_dashboard::ports::Step;
use rusqlite::{OptionalExtension, Transaction, params};

use super::{
    aggregate::{Aggregate, Key, Width},
    block::{self, ANY_SERIES, Block, seal},
    catalog::Series,
    damage::Damaged,
    memory::Memory,
    pack::Malformed,
    point::{SeriesId, wall},
    retain::{Kept, SLICE},
    rows::{Codes, see_through},
};
use crate::calendar::SiteZone;

/// An aggregate as it is stored.
#[derive(Debug, Clone, Copy)]
pub(super) struct Aggregated {
    /// Where its hour or day ends.
    pub(super) end: i64,
    /// Nothing is left where all that was there is damaged.
    pub(super) sum: Option<Aggregate>,
    /// A part of it was damaged: what is left is not the whole.
    pub(super) is_part: bool,
}

impl Aggregated {
    /// Reads it from a row that has `end`, `data` and `lost` from a column on.
    pub(super) fn read(row: &rusqlite::Row<'_>, key: Key, column: usize) -> rusqlite::Result<Self> {
        let data = row.get_ref(column + 1)?.as_blob().unwrap_or_default();
        let sum = Aggregate::from_bytes(key, data).ok();
        let lost: bool = row.get(column + 2)?;
        Ok(Self {
            end: row.get(column)?,
            sum,
            is_part: lost || sum.is_none(),
        })
    }

    pub(super) fn merge(&mut self, other: &Self) {
        self.end = self.end.max(other.end);
        self.is_part |= other.is_part;
        match (&mut self.sum, other.sum) {
            (Some(sum), Some(other)) => sum.merge(&other),
            (sum, other) => *sum = sum.or(other),
        }
    }
}

/// Takes an aggregate away.
pub(super) fn delete(transaction: &Transaction<'_>, key: Key) -> rusqlite::Result<()> {
    transaction
        .prepare_cached("DELETE FROM aggregate WHERE series = ?1 AND width = ?2 AND start = ?3")?
        .execute([key.series, key.width, key.start])?;
    Ok(())
}

/// Adds to an aggregate, which may be there already.
pub(super) fn add(
    transaction: &Transaction<'_>,
    key: Key,
    mut more: Aggregated,
) -> rusqlite::Result<()> {
    let before = transaction
        .prepare_cached(
            "SELECT end, data, lost FROM aggregate
             WHERE series = ?1 AND width = ?2 AND start = ?3",
        )?
        .query_row([key.series, key.width, key.start], |row| {
            Aggregated::read(row, key, 0)
        })
        .optional()?;
    if let Some(before) = before {
        more.merge(&before);
    }
    let data = more.sum.map(|sum| sum.to_bytes(key)).unwrap_or_default();
    transaction
        .prepare_cached(
            "INSERT OR REPLACE INTO aggregate (series, width, start, end, data, lost)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![
            key.series,
            key.width,
            key.start,
            more.end,
            data,
            more.is_part
        ])?;
    Ok(())
}

/// What an event is counted by: numbers of words.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct By {
    pub(super) kind: i64,
    pub(super) lane: Option<i64>,
    pub(super) dir: Option<i64>,
    pub(super) zone: Option<i64>,
    pub(super) sensor: Option<i64>,
    pub(super) quantity: Option<i64>,
}

/// One slice under way: events into their hours.
pub(super) struct Rolling<'a, 't> {
    transaction: &'a Transaction<'t>,
    zone: SiteZone,
    codes: Codes,
    site: i64,
    hours: BTreeMap<(By, i64), Aggregated>,
    /// The hour of the event before: most are in the same.
    last: (i64, i64),
}

impl<'a, 't> Rolling<'a, 't> {
    pub(super) fn new(transaction: &'a Transaction<'t>, kept: &Kept) -> rusqlite::Result<Self> {
        let mut codes = Codes::default();
        Ok(Self {
            transaction,
            zone: kept.zone,
            site: codes.word(transaction, kept.site.as_str())?,
            codes,
            hours: BTreeMap::new(),
            last: (0, 0),
        })
    }

    /// Where the hour of a time begins and ends.
    fn hour_of(&mut self, time: i64) -> (i64, i64) {
        if !(self.last.0..self.last.1).contains(&time) {
            let (start, end) = self.zone.bucket(wall(time), Step::Minutes(60));
            self.last = (start.micros(), end.micros());
        }
        self.last
    }

    fn put(&mut self, by: By, one: Aggregate) {
        let (start, end) = self.hour_of(one.span.0);
        let more = Aggregated {
            end,
            sum: Some(one),
            is_part: false,
        };
        self.hours
            .entry((by, start))
            .and_modify(|hour| hour.merge(&more))
            .or_insert(more);
    }

    /// The oldest rows of a kind, as many as a slice has.
    pub(super) fn rows(&mut self, kind: i64, before: i64) -> rusqlite::Result<()> {
        let mut select = self.transaction.prepare_cached(
            "SELECT log, seq, time, test, lane, dir, zone, sensor, quantity, value
             FROM event INDEXED BY event_by_kind
             WHERE site = ?1 AND kind = ?2 AND time < ?3 ORDER BY time LIMIT ?4",
        )?;
        let mut delete = self
            .transaction
            .prepare_cached("DELETE FROM event WHERE log = ?1 AND seq = ?2")?;
        let mut keys: Vec<[i64; 2]> = Vec::new();
        let mut rows = select.query(params![self.site, kind, before, SLICE as i64])?;
        while let Some(row) = rows.next()? {
            keys.push([row.get(0)?, row.get(1)?]);
            if row.get(3)? {
                continue;
            }
            let by = By {
                kind,
                lane: row.get(4)?,
                dir: row.get(5)?,
                zone: row.get(6)?,
                sensor: row.get(7)?,
                quantity: row.get(8)?,
            };
            self.put(by, Aggregate::of(row.get(2)?, row.get(9)?));
        }
        let mut through: BTreeMap<i64, i64> = BTreeMap::new();
        for [log, seq] in keys {
            delete.execute([log, seq])?;
            let last = through.entry(log).or_default();
            *last = seq.max(*last);
        }
        see_through(self.transaction, through)
    }

    /// A block of readings.
    pub(super) fn block(
        &mut self,
        memory: &Memory,
        damaged: &Damaged,
        key: i64,
    ) -> rusqlite::Result<()> {
        let data: Vec<u8> = self
            .transaction
            .prepare_cached("SELECT data FROM reading_block WHERE key = ?1")?
            .query_row([key], |row| row.get(0))?;
        let Ok(rolled) = Block::open(key, &data).and_then(|block| self.sums_of(&block)) else {
            // It is set aside as it is.
            damaged.met(key);
            return Ok(());
        };
        let mut lost = Vec::new();
        for (series, sums) in rolled {
            let Some(series) = memory.catalog.get(series) else {
                lost.push(series);
                continue;
            };
            let by = self.by(series)?;
            sums.into_iter().for_each(|sum| self.put(by, sum));
        }
        if !lost.is_empty() {
            self.keep_lost(key, &data, &lost)?;
        }
        self.transaction
            .prepare_cached("DELETE FROM reading_block WHERE key = ?1")?
            .execute([key])?;
        Ok(())
    }

    /// What each series of a block comes to: in one, if all of it is of one hour.
    fn sums_of(&mut self, block: &Block<'_>) -> Result<Vec<(SeriesId, Vec<Aggregate>)>, Malformed> {
        let mut all = Vec::new();
        for head in block.heads() {
            let head = head?;
            let (first, last) = head.span;
            let sums = if self.hour_of(first) == self.hour_of(last) {
                vec![Aggregate {
                    count: head.sum.n,
                    sum: head.sum,
                    span: head.span,
                }]
            } else {
                let measured = block.measured(&head)?.into_iter();
                measured
                    .map(|(time, value)| Aggregate::of(time, Some(value)))
                    .collect()
            };
            all.push((head.series, sums));
        }
        Ok(all)
    }

    fn by(&mut self, series: &Series) -> rusqlite::Result<By> {
        let mut code = |word: &str| self.codes.word(self.transaction, word);
        let zone = series.zone.map(|zone| code(zone.as_str())).transpose()?;
        Ok(By {
            kind: code("reading")?,
            sensor: Some(code(series.sensor.as_str())?),
            quantity: Some(code(&series.quantity)?),
            zone,
            ..By::default()
        })
    }

    /// Sets aside what series have of which the names are lost: into which sum it belongs cannot be
    /// told, so that its hour stays known to be a part.
    fn keep_lost(&self, key: i64, data: &[u8], lost: &[SeriesId]) -> rusqlite::Result<()> {
        let members = Block::open(key, data).and_then(|block| block.points());
        let mut members = members.unwrap_or_default();
        members.retain(|(series, _)| lost.contains(series));
        let key = block::key(block::parts(key).0, ANY_SERIES);
        self.transaction
            .prepare_cached("INSERT INTO reading_damaged (key, data) VALUES (?1, ?2)")?
            .execute(params![key, seal(key, &members)])?;
        Ok(())
    }

    /// Writes the hours.
    pub(super) fn finish(self) -> rusqlite::Result<()> {
        let mut series: HashMap<By, i64> = HashMap::new();
        for ((by, start), hour) in self.hours {
            let known = series.get(&by).copied();
            let id = match known {
                Some(id) => id,
                None => series_of(self.transaction, self.site, &by)?,
            };
            series.insert(by, id);
            let key = Key {
                series: id,
                width: Width::Hour as i64,
                start,
            };
            add(self.transaction, key, hour)?;
        }
        Ok(())
    }
}

/// The number of a series of aggregates, a new one if it has none.
pub(super) fn series_of(
    transaction: &Transaction<'_>,
    site: i64,
    by: &By,
) -> rusqlite::Result<i64> {
    let names = params![
        site,
        by.kind,
        by.lane,
        by.dir,
        by.zone,
        by.sensor,
        by.quantity
    ];
    let known = transaction
        .prepare_cached(
            "SELECT id FROM aggregate_series
             WHERE site = ?1 AND kind = ?2 AND lane IS ?3 AND dir IS ?4 AND zone IS ?5
               AND sensor IS ?6 AND quantity IS ?7",
        )?
        .query_row(names, |row| row.get(0))
        .optional()?;
    match known {
        Some(id) => Ok(id),
        None => transaction
            .prepare_cached(
                "INSERT INTO aggregate_series (site, kind, lane, dir, zone, sensor, quantity)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            )?
            .insert(names),
    }
}
