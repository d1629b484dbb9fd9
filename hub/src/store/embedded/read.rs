//! Reading: pages of events, counts and sums.

use std::collections::BTreeMap;

use gatepost_dashboard::{
    ports::{EventQuery, ReadError},
    view::EventPage,
};
use gatepost_model::{SiteId, Wall};
use rusqlite::{Connection, OptionalExtension, Row, named_params};

use super::{
    Asked,
    point::wall,
    readings,
    scan::{Found, Scan},
    sum::Sum,
    unavailable,
};
use crate::store::{
    event::{Record, TimeSource},
    port::{CountFilter, MAX_PAGE, Question, Stats, StatsFilter},
};

/// A page of events as the API shows them.
pub(super) fn events(
    asked: &Asked<'_>,
    site: &SiteId,
    query: &EventQuery,
) -> Result<EventPage, ReadError> {
    let (events, next) = page(asked, site, query, |record, line| record.to_json(line))?;
    Ok(EventPage { events, next })
}

/// A page of events, made of what the record knows of each and its line, and where the next begins:
/// rows and readings, in one order.
pub(super) fn page<T>(
    asked: &Asked<'_>,
    site: &SiteId,
    query: &EventQuery,
    make: impl Fn(&Record<'_>, &str) -> T + Copy,
) -> Result<(Vec<T>, Option<String>), ReadError> {
    let after = query.cursor.as_deref().map(Place::parse).transpose()?;
    let limit = query.limit.clamp(1, MAX_PAGE);
    // One more than asked for tells whether there is a next page.
    let found = readings::page(asked, site, query, (after.as_ref(), limit + 1), make).and_then(
        |mut found| {
            let connection = asked.connection;
            found.extend(rows(
                connection,
                site,
                query,
                (after.as_ref(), limit + 1),
                make,
            )?);
            Ok(found)
        },
    );
    let mut found = found.map_err(unavailable)?;
    found.sort_by(|a, b| a.0.cmp(&b.0));
    let next = found.get(limit).and(found.get(limit - 1));
    let next = next.map(|(place, _)| place.to_text());
    found.truncate(limit);
    Ok((found.into_iter().map(|(_, event)| event).collect(), next))
}

/// The first rows of a query after a place, up to a number.
fn rows<T>(
    connection: &Connection,
    site: &SiteId,
    query: &EventQuery,
    (after, most): (Option<&Place>, usize),
    make: impl Fn(&Record<'_>, &str) -> T,
) -> rusqlite::Result<Vec<(Place, T)>> {
    let (Some(site_code), Some(kind), Some(lane), Some(zone)) = (
        code(connection, site.as_str())?,
        filter(connection, query.kind.as_deref())?,
        filter(connection, query.lane.as_ref().map(AsRef::as_ref))?,
        filter(connection, query.zone.map(|zone| zone.as_str()))?,
    ) else {
        return Ok(Vec::new());
    };
    let kinds = match kind {
        Some(kind) => vec![kind],
        None => kinds(connection, site_code)?,
    };
    let from = query.from.map_or(i64::MIN, Wall::micros);
    let mut to = query.to.map_or(i64::MAX, Wall::micros);
    let mut places: Vec<(Place, i64)> = Vec::new();
    let mut statement = connection.prepare_cached(PLACES)?;
    for kind in kinds {
        let mut rows = statement.query(named_params! {
            ":site": site_code,
            ":kind": kind,
            ":lane": lane,
            ":zone": zone,
            ":unit": query.unit.as_ref().map(|unit| unit.as_str()),
            ":from": after.map_or(from, |after| after.time.max(from)),
            ":to": to,
            ":after_time": after.map(|after| after.time),
            ":after_unit": after.map(|after| after.unit.as_str()),
            ":after_log": after.map(|after| after.log.as_str()),
            ":after_seq": after.map(|after| after.seq),
            ":limit": i64::try_from(most).unwrap_or(i64::MAX),
        })?;
        while let Some(row) = rows.next()? {
            places.push((Place::of(row)?, row.get("code")?));
        }
        places.sort_by(|a, b| a.0.cmp(&b.0));
        places.truncate(most);
        // What lies behind a full page is not looked for among the other kinds.
        if let Some((last, _)) = places.get(most.saturating_sub(1)) {
            to = to.min(last.time.saturating_add(1));
        }
    }
    let mut statement = connection.prepare_cached(LINE)?;
    let mut found = Vec::with_capacity(places.len());
    for (place, log) in places {
        let read = statement.query_row([log, place.seq], |row| {
            let boot: String = row.get("boot")?;
            let line: String = row.get("line")?;
            let record = Record {
                site: site.as_str(),
                unit: &place.unit,
                log: &place.log,
                seq: unsigned(place.seq),
                boot: &boot,
                time: wall(place.time),
                time_error_ms: unsigned(row.get("error_ms")?),
                source: source(row.get("source")?),
                received: wall(row.get("received")?),
            };
            Ok(make(&record, &line))
        });
        // What became too old in between is on no page.
        if let Some(event) = read.optional()? {
            found.push((place, event));
        }
    }
    Ok(found)
}

/// The kinds that a site has rows of.
pub(super) fn kinds(connection: &Connection, site: i64) -> rusqlite::Result<Vec<i64>> {
    let mut next = connection.prepare_cached(
        "SELECT min(kind) FROM event INDEXED BY event_by_kind WHERE site = ?1 AND kind > ?2",
    )?;
    let mut found = Vec::new();
    let mut last = i64::MIN;
    while let Some(kind) = next.query_row([site, last], |row| row.get::<_, Option<i64>>(0))? {
        found.push(kind);
        last = kind;
    }
    Ok(found)
}

/// All of it is in the index. `CROSS JOIN` keeps the order of the tables: the events by their index,
/// then the little one. SQLite sorts what has one and the same time by the rest of the order, a moment
/// at a time.
const PLACES: &str = "
    SELECT event.time, log.unit, log.log, event.seq, event.log AS code
    FROM event INDEXED BY event_by_kind
    CROSS JOIN event_log AS log ON log.id = event.log
    WHERE event.site = :site AND event.kind = :kind
      AND event.time >= :from AND event.time < :to
      AND (:lane IS NULL OR event.lane = :lane)
      AND (:zone IS NULL OR event.zone = :zone)
      AND (:unit IS NULL OR log.unit = :unit)
      AND (:after_time IS NULL OR (event.time, log.unit, log.log, event.seq)
           > (:after_time, :after_unit, :after_log, :after_seq))
    ORDER BY event.time, log.unit, log.log, event.seq
    LIMIT :limit";

const LINE: &str = "
    SELECT boot.word AS boot, event.error_ms, event.source, event.received, event.line
    FROM event CROSS JOIN event_word AS boot ON boot.id = event.boot
    WHERE event.log = ?1 AND event.seq = ?2";

/// An event's place in the order of pages; where a page ends. Ids have no `~`, so it parts them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::store) struct Place {
    pub(in crate::store) time: i64,
    pub(in crate::store) unit: String,
    pub(in crate::store) log: String,
    pub(in crate::store) seq: i64,
}

impl Place {
    fn of(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            time: row.get("time")?,
            unit: row.get("unit")?,
            log: row.get("log")?,
            seq: row.get("seq")?,
        })
    }

    pub(in crate::store) fn to_text(&self) -> String {
        format!("{}~{}~{}~{}", self.time, self.unit, self.log, self.seq)
    }

    pub(in crate::store) fn parse(text: &str) -> Result<Self, ReadError> {
        let mut parts = text.split('~');
        let mut part = || parts.next();
        let place = (|| {
            Some(Self {
                time: part()?.parse().ok()?,
                unit: part()?.to_owned(),
                log: part()?.to_owned(),
                seq: part()?.parse().ok()?,
            })
        })();
        place
            .filter(|_| part().is_none())
            .ok_or_else(|| ReadError::Invalid {
                parameter: "cursor",
                reason: "it is not the `next` of a page of events".to_owned(),
            })
    }
}

/// How many events each bucket has.
pub(super) fn counts(
    asked: &Asked<'_>,
    site: &SiteId,
    which: &CountFilter,
    edges: &[Wall],
) -> rusqlite::Result<Vec<u64>> {
    let mut counts = vec![0; edges.len().saturating_sub(1)];
    let scan = Scan::counting(which);
    if which.kind == "reading" && which.lanes.is_empty() && which.dir.is_none() {
        let mut sums = vec![Sum::default(); counts.len()];
        readings::fold(asked, site, |_| true, edges, &mut sums)?;
        counts = sums.iter().map(|sum| sum.n).collect();
    } else {
        // Rows and what they became are read as of one moment.
        asked.begin(|_| ())?;
    }
    let Some(scan) = scan.resolve(asked.connection, site)? else {
        return Ok(counts);
    };
    scan.rows(asked.connection, edges, |bucket, _| counts[bucket] += 1)?;
    scan.aggregates(asked.connection, edges, |found| {
        if let Found::Whole(bucket, aggregate) = found {
            counts[bucket] += aggregate.count;
        }
    })?;
    Ok(counts)
}

/// What was measured in each bucket.
pub(super) fn stats(
    asked: &Asked<'_>,
    site: &SiteId,
    which: &StatsFilter,
    edges: &[Wall],
) -> rusqlite::Result<Vec<Option<Stats>>> {
    let mut sums = vec![Sum::default(); edges.len().saturating_sub(1)];
    readings::sum(asked, site, which, edges, &mut sums)?;
    if let Some(scan) = Scan::measuring(which).resolve(asked.connection, site)? {
        scan.rows(asked.connection, edges, |bucket, value| {
            if let Some(value) = value {
                sums[bucket].add(value);
            }
        })?;
        scan.aggregates(asked.connection, edges, |found| {
            if let Found::Whole(bucket, aggregate) = found {
                sums[bucket].merge(&aggregate.sum);
            }
        })?;
    }
    Ok(sums.iter().map(Sum::stats).collect())
}

/// Where an answer is not the whole.
pub(super) fn untold(
    asked: &Asked<'_>,
    site: &SiteId,
    which: Question<'_>,
    edges: &[Wall],
) -> rusqlite::Result<Vec<(Wall, Wall)>> {
    let mut untold = asked.begin(|memory| asked.shared.damaged.of_site(memory, site, which))?;
    let scan = match which {
        Question::Counts(which) => Scan::counting(which),
        Question::Stats(which) => Scan::measuring(which),
    };
    if let Some(scan) = scan.resolve(asked.connection, site)? {
        scan.aggregates(asked.connection, edges, |found| {
            if let Found::Cut(from, to) = found {
                untold.push((wall(from), wall(to)));
            }
        })?;
    }
    Ok(untold)
}

/// Up to when events of each kind are only there added up.
pub(super) fn added_up(
    connection: &Connection,
    site: &SiteId,
) -> rusqlite::Result<BTreeMap<String, Wall>> {
    let mut statement = connection.prepare_cached(
        "SELECT kind.word, max(it.end)
         FROM event_word AS site
         CROSS JOIN aggregate_series AS series ON series.site = site.id
         CROSS JOIN event_word AS kind ON kind.id = series.kind
         CROSS JOIN aggregate AS it ON it.series = series.id
         WHERE site.word = ?1 GROUP BY kind.word",
    )?;
    let rows = statement.query_map([site.as_str()], |row| Ok((row.get(0)?, wall(row.get(1)?))))?;
    rows.collect()
}

pub(in crate::store) fn id<T: std::str::FromStr>(
    row: &Row<'_>,
    column: usize,
) -> rusqlite::Result<T>
where
    T::Err: std::error::Error + Send + Sync + 'static,
{
    let text: String = row.get(column)?;
    text.parse().map_err(|error| {
        let kind = rusqlite::types::Type::Text;
        rusqlite::Error::FromSqlConversionFailure(column, kind, Box::new(error))
    })
}

pub(super) fn code(connection: &Connection, word: &str) -> rusqlite::Result<Option<i64>> {
    connection
        .prepare_cached("SELECT id FROM event_word WHERE word = ?1")?
        .query_row([word], |row| row.get(0))
        .optional()
}

/// The number of a word that is asked for, if any: `None` if it is asked for and was never stored.
pub(super) fn filter(
    connection: &Connection,
    word: Option<&str>,
) -> rusqlite::Result<Option<Option<i64>>> {
    match word {
        None => Ok(Some(None)),
        Some(word) => Ok(code(connection, word)?.map(Some)),
    }
}

fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

fn source(code: i64) -> &'static str {
    let known = usize::try_from(code)
        .ok()
        .and_then(|code| TimeSource::ALL.get(code));
    known.map_or("disputed", |source| source.as_str())
}
