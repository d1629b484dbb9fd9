//! What is counted and summed up of rows: a scan of the index that holds all of it, and what hours and
//! days come to whose rows have gone.

use gatepost_model::{SiteId, Wall};
use rusqlite::{Connection, named_params};

use super::{
    aggregate::{Aggregate, Key, Width},
    point::HOUR,
    read::{code, filter},
    readings::bucket_of,
    roll::Aggregated,
};
use crate::store::port::{CountFilter, StatsFilter};

/// What is asked for.
#[derive(Default)]
pub(super) struct Scan<'a> {
    kind: &'a str,
    /// All lanes where none is named.
    lanes: Vec<&'a str>,
    dir: Option<&'a str>,
    zone: Option<&'a str>,
    sensor: Option<&'a str>,
    quantity: Option<&'a str>,
}

impl<'a> Scan<'a> {
    /// For counting.
    pub(super) fn counting(which: &'a CountFilter) -> Self {
        Self {
            kind: &which.kind,
            lanes: which.lanes.iter().map(AsRef::as_ref).collect(),
            dir: which.dir.map(|dir| dir.as_str()),
            ..Self::default()
        }
    }

    /// For summing up.
    pub(super) fn measuring(which: &'a StatsFilter) -> Self {
        match which {
            StatsFilter::Readings {
                quantity,
                sensor,
                zone,
            } => Self {
                kind: "reading",
                quantity: Some(quantity),
                sensor: sensor.as_ref().map(AsRef::as_ref),
                zone: zone.map(|zone| zone.as_str()),
                ..Self::default()
            },
            StatsFilter::SkinC { lanes } => Self {
                kind: "screening",
                lanes: lanes.iter().map(AsRef::as_ref).collect(),
                ..Self::default()
            },
            StatsFilter::Litres { zone } => Self {
                kind: "round",
                zone: zone.map(|zone| zone.as_str()),
                ..Self::default()
            },
        }
    }

    /// Its words as numbers; nothing if one was never stored, for then nothing matches.
    pub(super) fn resolve(
        &self,
        connection: &Connection,
        site: &SiteId,
    ) -> rusqlite::Result<Option<Resolved>> {
        let (Some(site), Some(kind)) = (
            code(connection, site.as_str())?,
            code(connection, self.kind)?,
        ) else {
            return Ok(None);
        };
        let (Some(dir), Some(zone), Some(sensor), Some(quantity)) = (
            filter(connection, self.dir)?,
            filter(connection, self.zone)?,
            filter(connection, self.sensor)?,
            filter(connection, self.quantity)?,
        ) else {
            return Ok(None);
        };
        let mut lanes = Vec::with_capacity(self.lanes.len());
        for lane in &self.lanes {
            lanes.extend(code(connection, lane)?);
        }
        Ok(Some(Resolved {
            site,
            kind,
            lanes: (!self.lanes.is_empty()).then_some(lanes),
            dir,
            zone,
            sensor,
            quantity,
        }))
    }
}

/// What is asked for, in numbers of words.
pub(super) struct Resolved {
    site: i64,
    kind: i64,
    /// Only of these, if any are named.
    lanes: Option<Vec<i64>>,
    dir: Option<i64>,
    zone: Option<i64>,
    sensor: Option<i64>,
    quantity: Option<i64>,
}

/// An aggregate that was found.
pub(super) enum Found<'f> {
    /// All of it lies in a bucket.
    Whole(usize, &'f Aggregate),
    /// From here to there it is not known in which bucket it lies, or a part of it is damaged.
    Cut(i64, i64),
}

impl Resolved {
    fn is_asked(&self, lane: Option<i64>) -> bool {
        let asked = self.lanes.as_ref();
        asked.is_none_or(|lanes| lane.is_some_and(|lane| lanes.contains(&lane)))
    }

    /// Tells each matching row's bucket and number, in order of time.
    pub(super) fn rows(
        &self,
        connection: &Connection,
        edges: &[Wall],
        mut each: impl FnMut(usize, Option<f64>),
    ) -> rusqlite::Result<()> {
        let (Some(first), Some(last)) = (edges.first(), edges.last()) else {
            return Ok(());
        };
        let mut statement = connection.prepare_cached(ROWS)?;
        let mut rows = statement.query(named_params! {
            ":site": self.site,
            ":kind": self.kind,
            ":from": first.micros(),
            ":to": last.micros(),
            ":dir": self.dir,
            ":zone": self.zone,
            ":sensor": self.sensor,
            ":quantity": self.quantity,
        })?;
        let mut bucket = 0;
        while let Some(row) = rows.next()? {
            let (time, lane): (i64, Option<i64>) = (row.get(0)?, row.get(1)?);
            if !self.is_asked(lane) {
                continue;
            }
            while edges
                .get(bucket + 1)
                .is_some_and(|end| end.micros() <= time)
            {
                bucket += 1;
            }
            each(bucket, row.get(2)?);
        }
        Ok(())
    }

    /// Tells each matching aggregate that has something between the edges.
    pub(super) fn aggregates(
        &self,
        connection: &Connection,
        edges: &[Wall],
        mut each: impl FnMut(Found<'_>),
    ) -> rusqlite::Result<()> {
        let edges: Vec<i64> = edges.iter().map(|edge| edge.micros()).collect();
        let (Some(first), Some(last)) = (edges.first().copied(), edges.last().copied()) else {
            return Ok(());
        };
        let mut statement = connection.prepare_cached(AGGREGATES)?;
        for (width, longest) in [(Width::Hour, 2 * HOUR), (Width::Day, LONGEST_DAY)] {
            let width = width as i64;
            let from = first.saturating_sub(longest);
            let mut rows = statement.query(named_params! {
                ":site": self.site,
                ":kind": self.kind,
                ":width": width,
                ":from": from,
                ":to": last,
                ":dir": self.dir,
                ":zone": self.zone,
                ":sensor": self.sensor,
                ":quantity": self.quantity,
            })?;
            while let Some(row) = rows.next()? {
                if !self.is_asked(row.get(0)?) {
                    continue;
                }
                let key = Key {
                    series: row.get(1)?,
                    width,
                    start: row.get(2)?,
                };
                let it = Aggregated::read(row, key, 3)?;
                if it.is_part {
                    each(Found::Cut(key.start, it.end));
                }
                let Some(sum) = &it.sum else { continue };
                let (begins, ends) = sum.span;
                match (bucket_of(&edges, begins), bucket_of(&edges, ends)) {
                    (Some(bucket), Some(end)) if bucket == end => {
                        each(Found::Whole(bucket, sum));
                    }
                    _ if ends < first || begins >= last => {}
                    _ => each(Found::Cut(begins, ends + 1)),
                }
            }
        }
        Ok(())
    }
}

/// No local day is longer, nor is one that a site has moved to another zone in.
const LONGEST_DAY: i64 = 50 * HOUR;

const ROWS: &str = "
    SELECT time, lane, value FROM event INDEXED BY event_by_kind
    WHERE site = :site AND kind = :kind AND time >= :from AND time < :to AND test = 0
      AND (:dir IS NULL OR dir = :dir)
      AND (:zone IS NULL OR zone = :zone)
      AND (:sensor IS NULL OR sensor = :sensor)
      AND (:quantity IS NULL OR quantity = :quantity)
    ORDER BY time";

const AGGREGATES: &str = "
    SELECT series.lane, series.id, it.start, it.end, it.data, it.lost
    FROM aggregate_series AS series
    CROSS JOIN aggregate AS it ON it.series = series.id AND it.width = :width
    WHERE series.site = :site AND series.kind = :kind AND it.start >= :from AND it.start < :to
      AND (:dir IS NULL OR series.dir = :dir)
      AND (:zone IS NULL OR series.zone = :zone)
      AND (:sensor IS NULL OR series.sensor = :sensor)
      AND (:quantity IS NULL OR series.quantity = :quantity)";
