//! Reading readings: what is in memory, and blocks.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    ops::Range,
};

use gatepost_dashboard::ports::EventQuery;
use gatepost_model::{SiteId, Wall};

use super::{
    Asked,
    block::{self, Block},
    catalog::Series,
    damage::Damaged,
    memory::Memory,
    pack::Malformed,
    point::{Point, SeriesId, hour_of, wall},
    read::Place,
    sum::Sum,
};
use crate::store::{
    event::Record,
    port::{LatestReading, StatsFilter},
};

/// The newest reading of each sensor and quantity of a site.
pub(super) fn latest(memory: &Memory, site: &SiteId) -> Vec<LatestReading> {
    let gauges = memory.catalog.gauges(site);
    gauges
        .filter_map(|((unit, sensor, quantity), gauge)| {
            let newest = memory.newest.get(gauge)?.as_ref()?;
            Some(LatestReading {
                unit: unit.clone(),
                sensor: sensor.clone(),
                quantity: quantity.clone(),
                zone: newest.zone(&memory.catalog),
                value: newest.value,
                at: wall(newest.time),
            })
        })
        .collect()
}

/// Adds what readings of a filter measured to the sums of their buckets.
pub(super) fn sum(
    asked: &Asked<'_>,
    site: &SiteId,
    which: &StatsFilter,
    edges: &[Wall],
    sums: &mut [Sum],
) -> rusqlite::Result<()> {
    let StatsFilter::Readings {
        quantity,
        sensor,
        zone,
    } = which
    else {
        // Rows and what they became are read as of one moment.
        return asked.begin(|_| ());
    };
    let is_asked = |series: &Series| series.is_asked(quantity, sensor.as_ref(), *zone);
    fold(asked, site, is_asked, edges, sums)
}

/// Adds the readings of some series of a site to the sums of their buckets.
pub(super) fn fold(
    asked: &Asked<'_>,
    site: &SiteId,
    is_asked: impl Fn(&Series) -> bool,
    edges: &[Wall],
    sums: &mut [Sum],
) -> rusqlite::Result<()> {
    let edges: Vec<i64> = edges.iter().map(|edge| edge.micros()).collect();
    let (Some(first), Some(last)) = (edges.first(), edges.last()) else {
        return Ok(());
    };
    if sums.is_empty() || first >= last {
        return asked.begin(|_| ());
    }
    let hours = hour_of(*first)..hour_of(*last - 1) + 1;
    let (families, sealed) = asked.begin(|memory| {
        let of_site = memory.catalog.of_site(site);
        let mut families: BTreeMap<SeriesId, Vec<SeriesId>> = BTreeMap::new();
        for (id, series) in of_site.filter(|(_, series)| is_asked(series)) {
            families.entry(series.family).or_default().push(id);
        }
        for (family, series) in &families {
            for (id, point) in memory.open_points(*family, hours.clone()) {
                if series.contains(id)
                    && let Some(bucket) = bucket_of(&edges, point.time)
                {
                    sums[bucket].add(point.value);
                }
            }
        }
        let sealed: Vec<i64> = memory.sealed.range(hours.clone()).copied().collect();
        (families, sealed)
    })?;
    let mut blocks = Blocks::new(asked)?;
    for hour in sealed {
        for (family, series) in &families {
            blocks.with(hour, *family, |block| {
                fold_block(block, series, &edges, sums)
            })?;
        }
    }
    Ok(())
}

/// Adds what a block has of some series.
fn fold_block(
    block: &Block<'_>,
    series: &[SeriesId],
    edges: &[i64],
    sums: &mut [Sum],
) -> Result<(), Malformed> {
    let mut left = series.len();
    for head in block.heads() {
        let head = head?;
        if !series.contains(&head.series) {
            continue;
        }
        let (first, last) = head.span;
        let bucket = bucket_of(edges, first);
        if let Some(bucket) = bucket.filter(|_| bucket == bucket_of(edges, last)) {
            sums[bucket].merge(&head.sum);
        } else {
            for (time, value) in block.measured(&head)? {
                if let Some(bucket) = bucket_of(edges, time) {
                    sums[bucket].add(value);
                }
            }
        }
        left -= 1;
        if left == 0 {
            break;
        }
    }
    Ok(())
}

/// The bucket that a time lies in.
pub(super) fn bucket_of(edges: &[i64], time: i64) -> Option<usize> {
    let after = edges.partition_point(|edge| *edge <= time);
    after
        .checked_sub(1)
        .filter(|bucket| bucket + 1 < edges.len())
}

/// Blocks, by hour and family.
struct Blocks<'c> {
    statement: rusqlite::CachedStatement<'c>,
    damaged: &'c Damaged,
}

impl<'c> Blocks<'c> {
    fn new(asked: &'c Asked<'_>) -> rusqlite::Result<Self> {
        let statement = asked
            .connection
            .prepare_cached("SELECT data FROM reading_block WHERE key = ?1")?;
        Ok(Self {
            statement,
            damaged: &asked.shared.damaged,
        })
    }

    /// Looks at a block, if it is there. A damaged one is named and left out: what it had is not
    /// known.
    fn with(
        &mut self,
        hour: i64,
        family: SeriesId,
        look: impl FnOnce(&Block<'_>) -> Result<(), Malformed>,
    ) -> rusqlite::Result<()> {
        let key = block::key(hour, family);
        let mut rows = self.statement.query([key])?;
        let Some(row) = rows.next()? else {
            return Ok(());
        };
        let data = row.get_ref(0)?.as_blob().unwrap_or_default();
        if Block::open(key, data)
            .and_then(|block| look(&block))
            .is_err()
        {
            self.damaged.met(key);
        }
        Ok(())
    }
}

/// The first readings of a query after a place, up to a number.
pub(super) fn page<T>(
    asked: &Asked<'_>,
    site: &SiteId,
    query: &EventQuery,
    (after, most): (Option<&Place>, usize),
    make: impl Fn(&Record<'_>, &str) -> T + Copy,
) -> rusqlite::Result<Vec<(Place, T)>> {
    let is_of_kind = query.kind.as_deref().is_none_or(|kind| kind == "reading");
    let from = query.from.map_or(i64::MIN, Wall::micros);
    let from = after.map_or(from, |after| after.time.max(from));
    let to = query.to.map_or(i64::MAX, Wall::micros);
    if !is_of_kind || query.lane.is_some() || from >= to {
        return Ok(Vec::new());
    }
    let times = from..to;
    let begins = after.map_or(i64::MIN, |after| after.time);
    let mut walk = asked.begin(|memory| Walk::new(memory, site, query, &times, (begins, most)))?;
    let mut blocks = Blocks::new(asked)?;
    let mut found = Vec::new();
    for hour in std::mem::take(&mut walk.hours) {
        let mut points = walk.open.remove(&hour).unwrap_or_default();
        for family in &walk.families {
            blocks.with(hour, *family, |block| {
                for (id, of_series) in block.points()? {
                    points.extend(of_series.into_iter().map(|point| (id, point)));
                }
                Ok(())
            })?;
        }
        points.retain(|(_, point)| times.contains(&point.time));
        let mut points: Vec<_> = points
            .into_iter()
            .filter_map(|(id, point)| {
                let series = walk.series.get(&id)?;
                let order = (
                    point.time,
                    series.unit.as_str(),
                    series.log.as_str(),
                    point.seq,
                );
                Some((order, series, point))
            })
            .collect();
        points.sort_by(|a, b| a.0.cmp(&b.0));
        for (_, series, point) in points {
            let place = Place {
                time: point.time,
                unit: series.unit.to_string(),
                log: series.log.to_string(),
                seq: point.seq.cast_signed(),
            };
            if after.is_some_and(|after| place <= *after) {
                continue;
            }
            found.push((place, made(series, &point, make)));
            if found.len() == most {
                return Ok(found);
            }
        }
    }
    Ok(found)
}

/// Where a page's readings may be.
struct Walk {
    hours: BTreeSet<i64>,
    series: HashMap<SeriesId, Series>,
    families: BTreeSet<SeriesId>,
    /// Readings in memory, by hour.
    open: HashMap<i64, Vec<(SeriesId, Point)>>,
}

impl Walk {
    fn new(
        memory: &Memory,
        site: &SiteId,
        query: &EventQuery,
        times: &Range<i64>,
        (begins, most): (i64, usize),
    ) -> Self {
        let hours = hour_of(times.start)..hour_of(times.end - 1) + 1;
        let is_asked = |series: &Series| {
            query.unit.as_ref().is_none_or(|unit| series.unit == *unit)
                && query.zone.is_none_or(|zone| series.zone == Some(zone))
        };
        let series: HashMap<SeriesId, Series> = memory
            .catalog
            .of_site(site)
            .filter(|(_, series)| is_asked(series))
            .map(|(id, series)| (id, series.clone()))
            .collect();
        let families: BTreeSet<SeriesId> = series.values().map(|series| series.family).collect();
        let hours = memory.hours(hours);
        let mut open = HashMap::new();
        let mut taken = 0;
        for hour in &hours {
            let mut points = Vec::new();
            for family in &families {
                let of_family = memory.open_points(*family, *hour..*hour + 1);
                let is_asked = |(id, point): &&(SeriesId, Point)| {
                    series.contains_key(id) && times.contains(&point.time)
                };
                points.extend(of_family.filter(is_asked));
            }
            // What has the very time of the place may have been on the page before.
            taken += points
                .iter()
                .filter(|(_, point)| point.time > begins)
                .count();
            open.insert(*hour, points);
            // Whatever lies in later hours comes after these.
            if taken >= most {
                break;
            }
        }
        Self {
            hours,
            families,
            series,
            open,
        }
    }
}

/// An event of a reading.
fn made<T>(series: &Series, point: &Point, make: impl Fn(&Record<'_>, &str) -> T) -> T {
    let record = Record {
        site: series.site.as_str(),
        unit: series.unit.as_str(),
        log: series.log.as_str(),
        seq: point.seq,
        boot: series.boot.as_str(),
        time: wall(point.time),
        time_error_ms: point.error_ms,
        source: point.source.as_str(),
        received: point.received(),
    };
    make(&record, &point.line(series.reading()))
}
