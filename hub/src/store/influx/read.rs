//! Answers from InfluxDB, joined with what waits in the journal.
//!
//! While a question is answered nothing is sent, so that every event is in one of both places; only of
//! what was sent without a full answer it is not known where it is. Where such an event may count, points
//! are looked at one by one, and the event is left out of one of both.

mod page;

use std::{collections::HashSet, ops::Range};

use gatepost_dashboard::ports::ReadError;
use gatepost_model::{SiteId, Wall};

use super::{
    client::{Client, QueryError},
    flux::{Span, Which, spans},
    gone::Going,
    open_end::OpenEnd,
    packed::Waiting,
    record, table,
};
use crate::store::{
    embedded::{Columns, Sum, Sums},
    event::StoredEvent,
    port::{CountFilter, Stats, StatsFilter},
};

/// What tells a point from others of a question: unit, log, time and twin.
type Key = (String, String, i64, Option<String>);

fn key_of(waiting: &Waiting) -> Option<Key> {
    let event = &waiting.event;
    let twin = waiting
        .twin
        .then(|| (event.seq / record::APART).to_string());
    let nanos = record::nanos(event)?;
    Some((event.unit.to_string(), event.log.to_string(), nanos, twin))
}

/// A question about a site's numbers.
pub(super) struct Question<'a> {
    pub(super) client: &'a Client,
    pub(super) site: &'a SiteId,
    pub(super) open: &'a OpenEnd,
    /// Hours and days whose points have gone.
    pub(super) sums: Option<&'a Sums>,
    /// Points that are added up and may still be there.
    pub(super) going: Option<&'a Going>,
}

/// A question's buckets under way.
struct Buckets {
    edges: Vec<i64>,
    sums: Vec<Sum>,
    /// Buckets whose points are to be looked at one by one.
    single: Vec<bool>,
    /// What may be there, too.
    doubtful: HashSet<Key>,
}

impl Buckets {
    fn of(edges: &[Wall]) -> Self {
        let count = edges.len().saturating_sub(1);
        Self {
            edges: edges.iter().map(|edge| edge.micros()).collect(),
            sums: vec![Sum::default(); count],
            single: vec![false; count],
            doubtful: HashSet::new(),
        }
    }

    /// What is asked for in windows, but for a time whose points are added up already.
    fn spans(&self, gone: Option<&Range<i64>>) -> Vec<Span> {
        let spans = spans(&self.edges, |bucket| self.single[bucket]);
        let spans = spans.into_iter();
        spans.flat_map(|span| span.without(gone)).collect()
    }

    fn at(&self, time: i64) -> Option<usize> {
        let after = self.edges.partition_point(|edge| *edge <= time);
        let bucket = after.checked_sub(1)?;
        (bucket < self.sums.len()).then_some(bucket)
    }

    /// Counts an event that waits, if it is one of those asked for.
    fn waits(&mut self, waiting: &Waiting, may_be_there: bool, value: Option<f64>) {
        let Some(bucket) = self.at(waiting.event.time.micros()) else {
            return;
        };
        add(&mut self.sums[bucket], value);
        if may_be_there && let Some(key) = key_of(waiting) {
            self.single[bucket] = true;
            self.doubtful.insert(key);
        }
    }
}

/// Adds a number, or only that there is one more.
fn add(sum: &mut Sum, value: Option<f64>) {
    match value {
        Some(value) => sum.add(value),
        None => sum.n += 1,
    }
}

/// How many events each bucket has.
pub(super) fn counts(
    question: &Question<'_>,
    filter: &CountFilter,
    edges: &[Wall],
) -> Result<Vec<u64>, ReadError> {
    let mut buckets = Buckets::of(edges);
    question.waiting(&buckets.edges.clone(), |waiting, may_be_there| {
        let event = &waiting.event;
        let columns = Columns::of(event);
        let is_lane = |lane: &str| filter.lanes.iter().any(|it| it.as_str() == lane);
        let is_asked = !event.is_test()
            && event.kind() == filter.kind
            && (filter.lanes.is_empty() || columns.lane.is_some_and(is_lane))
            && filter
                .dir
                .is_none_or(|dir| columns.dir == Some(dir.as_str()));
        if is_asked {
            buckets.waits(waiting, may_be_there, None);
        }
    })?;
    let which = Which::counted(question.bucket(), question.site, filter);
    let gone = question.going(&filter.kind);
    let spans = buckets.spans(gone.as_ref());
    let asked = spans
        .iter()
        .enumerate()
        .map(|(n, span)| which.aggregate(&format!("n{n}"), "seq", "count", span));
    let answer = question.ask(asked)?;
    table::rows(&answer, |row| {
        let span = &spans[row.need("result")?[1..].parse::<usize>().unwrap_or(0)];
        let start = match span.every {
            Some(_) => row.nanos("_time")?.div_euclid(1000),
            None => span.from,
        };
        if let Some(bucket) = buckets.at(start) {
            buckets.sums[bucket].n += row.number::<u64>("_value")?;
        }
        Ok(())
    })
    .map_err(unavailable)?;
    question.one_by_one(&which, "seq", &mut buckets, gone.as_ref(), |_| Ok(None))?;
    if let Some(sums) = question.sums {
        sums.count(question.site, filter, edges, |bucket, n| {
            buckets.sums[bucket].n += n;
        })
        .map_err(sqlite)?;
    }
    Ok(buckets.sums.iter().map(|sum| sum.n).collect())
}

/// What was measured in each bucket.
pub(super) fn stats(
    question: &Question<'_>,
    filter: &StatsFilter,
    edges: &[Wall],
) -> Result<Vec<Option<Stats>>, ReadError> {
    let mut buckets = Buckets::of(edges);
    question.waiting(&buckets.edges.clone(), |waiting, may_be_there| {
        if let Some(value) = measured(&waiting.event, filter) {
            buckets.waits(waiting, may_be_there, Some(value));
        }
    })?;
    let which = Which::summed(question.bucket(), question.site, filter);
    let gone = question.going(kind_of(filter));
    let spans = buckets.spans(gone.as_ref());
    let asked = spans.iter().enumerate().flat_map(|(n, span)| {
        let which = &which;
        AGGREGATES.iter().map(move |(name, field, aggregate)| {
            which.aggregate(&format!("{name}{n}"), field, aggregate, span)
        })
    });
    let answer = question.ask(asked)?;
    let mut found = vec![Found::NONE; buckets.sums.len()];
    table::rows(&answer, |row| {
        let (name, n) = row.need("result")?.split_at(1);
        let span = &spans[n.parse::<usize>().unwrap_or(0)];
        let start = match span.every {
            Some(_) => row.nanos("_time")?.div_euclid(1000),
            None => span.from,
        };
        match buckets.at(start) {
            Some(bucket) => found[bucket].take(name, row),
            None => Ok(()),
        }
    })
    .map_err(unavailable)?;
    for (bucket, found) in found.iter().enumerate() {
        match found.sum() {
            Some(sum) => buckets.sums[bucket].merge(&sum),
            // What is no decimal, or too much of it, is added with care.
            None => buckets.single[bucket] = true,
        }
    }
    question.one_by_one(&which, "value", &mut buckets, gone.as_ref(), |row| {
        row.number("_value").map(Some)
    })?;
    if let Some(sums) = question.sums {
        sums.measure(question.site, filter, edges, |bucket, sum| {
            buckets.sums[bucket].merge(sum);
        })
        .map_err(sqlite)?;
    }
    Ok(buckets.sums.iter().map(Sum::stats).collect())
}

/// Result, field, aggregate.
const AGGREGATES: [(&str, &str, &str); 5] = [
    ("n", "value", "count"),
    ("a", "value", "min"),
    ("z", "value", "max"),
    ("d", "value_e9", "count"),
    ("s", "value_e9", "sum"),
];

/// The kind of the events that have the numbers.
pub(super) fn kind_of(filter: &StatsFilter) -> &'static str {
    match filter {
        StatsFilter::Readings { .. } => "reading",
        StatsFilter::SkinC { .. } => "screening",
        StatsFilter::Litres { .. } => "round",
    }
}

/// The number of an event that a filter asks for.
fn measured(event: &StoredEvent, filter: &StatsFilter) -> Option<f64> {
    if event.is_test() {
        return None;
    }
    let columns = Columns::of(event);
    let is_asked = match filter {
        StatsFilter::Readings {
            quantity,
            sensor,
            zone,
        } => {
            event.kind() == "reading"
                && columns.quantity == Some(quantity)
                && sensor
                    .as_ref()
                    .is_none_or(|sensor| columns.sensor == Some(sensor.as_str()))
                && zone.is_none_or(|zone| columns.zone == Some(zone))
        }
        StatsFilter::SkinC { lanes } => {
            let is_lane = |lane: &str| lanes.iter().any(|it| it.as_str() == lane);
            event.kind() == "screening" && (lanes.is_empty() || columns.lane.is_some_and(is_lane))
        }
        StatsFilter::Litres { zone } => {
            event.kind() == "round" && zone.is_none_or(|zone| columns.zone == Some(zone))
        }
    };
    columns.value.filter(|_| is_asked)
}

/// The aggregates of a bucket; it may have several windows.
#[derive(Debug, Clone)]
pub(super) struct Found {
    n: u64,
    /// Not a number as long as there is none.
    min: f64,
    max: f64,
    /// How many are decimals, and their sum in billionths.
    decimals: u64,
    billionths: i128,
}

impl Found {
    pub(super) const NONE: Self = Self {
        n: 0,
        min: f64::NAN,
        max: f64::NAN,
        decimals: 0,
        billionths: 0,
    };

    pub(super) fn take(&mut self, name: &str, row: table::Row<'_>) -> Result<(), QueryError> {
        match name {
            "n" => self.n += row.number::<u64>("_value")?,
            "d" => self.decimals += row.number::<u64>("_value")?,
            "s" => self.billionths += row.number::<i128>("_value")?,
            "a" => self.min = self.min.min(row.number("_value")?),
            _ => self.max = self.max.max(row.number("_value")?),
        }
        Ok(())
    }

    /// The sum, if it is exact.
    pub(super) fn sum(&self) -> Option<Sum> {
        let largest = self.min.abs().max(self.max.abs());
        let is_exact = self.decimals == self.n && self.n as f64 * largest < LARGEST_SUM;
        let sum = Sum {
            n: self.n,
            min: self.min,
            max: self.max,
            decimals: self.billionths,
            ..Sum::default()
        };
        (self.n == 0 || is_exact).then_some(sum)
    }
}

/// Below this, billionths add up within 63 bits.
const LARGEST_SUM: f64 = 9e9;

impl Question<'_> {
    fn bucket(&self) -> &str {
        &self.client.place().bucket
    }

    /// When points of a kind are added up and may still be there.
    fn going(&self, kind: &str) -> Option<Range<i64>> {
        self.going.and_then(|going| going.times_of(self.site, kind))
    }

    /// Looks at each event that waits between the first edge and the last, and whether it may be in
    /// InfluxDB as well.
    fn waiting(&self, edges: &[i64], each: impl FnMut(&Waiting, bool)) -> Result<(), ReadError> {
        let (Some(first), Some(last)) = (edges.first(), edges.last()) else {
            return Ok(());
        };
        self.open.each(self.site, *first..*last, each)
    }

    /// Asks several questions at once; none is an empty answer.
    fn ask(&self, asked: impl Iterator<Item = String>) -> Result<String, ReadError> {
        let asked: Vec<String> = asked.collect();
        if asked.is_empty() {
            return Ok(String::new());
        }
        self.client.query(&asked.join("\n")).map_err(unavailable)
    }

    /// Adds the points of single buckets, leaving out those that wait, too.
    fn one_by_one(
        &self,
        which: &Which,
        field: &str,
        buckets: &mut Buckets,
        gone: Option<&Range<i64>>,
        value: impl Fn(table::Row<'_>) -> Result<Option<f64>, QueryError>,
    ) -> Result<(), ReadError> {
        let mut asked = Vec::new();
        let mut at = 0;
        while at < buckets.single.len() {
            let first = at;
            while at < buckets.single.len() && buckets.single[at] {
                at += 1;
            }
            if at > first && buckets.edges[first] < buckets.edges[at] {
                let name = format!("p{first}");
                asked.push(which.each(&name, field, buckets.edges[first], buckets.edges[at]));
            }
            at = at.max(first + 1);
        }
        let answer = self.ask(asked.into_iter())?;
        table::rows(&answer, |row| {
            let nanos = row.nanos("_time")?;
            let key = (
                row.need("unit")?.to_owned(),
                row.need("log")?.to_owned(),
                nanos,
                row.get("twin").map(str::to_owned),
            );
            let time = nanos.div_euclid(1000);
            if let Some(bucket) = buckets.at(time)
                && !gone.is_some_and(|gone| gone.contains(&time))
                && !buckets.doubtful.contains(&key)
            {
                add(&mut buckets.sums[bucket], value(row)?);
            }
            Ok(())
        })
        .map_err(unavailable)
    }
}

/// The end of the times that the record can hold: the beginning of 2200.
const END: i64 = 7_258_118_400_000_000;

fn sqlite(error: rusqlite::Error) -> ReadError {
    ReadError::Unavailable(error.to_string())
}

fn unavailable(error: QueryError) -> ReadError {
    ReadError::Unavailable(error.to_string())
}
