//! Questions in Flux: pure.
//!
//! What is counted or summed up goes by `aggregateWindow` directly after `range` and `filter`, one
//! aggregate a result, which InfluxDB does in its storage without looking at single points. Every word
//! in a question is one that needs no escaping (see [`words`](super::words)).

use std::{fmt::Write, ops::Range};

use chrono::DateTime;
use gatepost_dashboard::ports::EventQuery;
use gatepost_model::SiteId;

use super::{
    gone::Part,
    line::{OTHER, has_kinds, measurement},
    words::encode,
};
use crate::store::port::{CountFilter, StatsFilter};

/// The points that a question is about, without their time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Which {
    bucket: String,
    predicate: String,
}

impl Which {
    /// Events that are counted: one point of a field that each has.
    pub(super) fn counted(bucket: &str, site: &SiteId, filter: &CountFilter) -> Self {
        let measurement = measurement(&filter.kind);
        let mut predicate = of_site(site);
        let _ = write!(predicate, " and r._measurement == \"{measurement}\"");
        if has_kinds(measurement) {
            and(&mut predicate, "kind", &filter.kind);
        }
        if measurement == OTHER {
            predicate.push_str(" and not exists r.test");
        }
        and_any(&mut predicate, "lane", &filter.lanes);
        if let Some(dir) = filter.dir {
            and(&mut predicate, "dir", dir.as_str());
        }
        Self::of(bucket, predicate)
    }

    /// Numbers that are summed up.
    pub(super) fn summed(bucket: &str, site: &SiteId, filter: &StatsFilter) -> Self {
        let mut predicate = of_site(site);
        predicate.push_str(" and r._measurement == ");
        match filter {
            StatsFilter::Readings {
                quantity,
                sensor,
                zone,
            } => {
                predicate.push_str("\"reading\"");
                and(&mut predicate, "quantity", quantity);
                if let Some(sensor) = sensor {
                    and(&mut predicate, "sensor", sensor.as_str());
                }
                if let Some(zone) = zone {
                    and(&mut predicate, "zone", zone.as_str());
                }
            }
            StatsFilter::SkinC { lanes } => {
                predicate.push_str("\"screening\"");
                and_any(&mut predicate, "lane", lanes);
            }
            StatsFilter::Litres { zone } => {
                predicate.push_str("\"round\"");
                if let Some(zone) = zone {
                    and(&mut predicate, "zone", zone.as_str());
                }
            }
        }
        Self::of(bucket, predicate)
    }

    /// Events of a page: tests, too.
    pub(super) fn paged(bucket: &str, site: &SiteId, query: &EventQuery) -> Self {
        let mut predicate = of_site(site);
        if let Some(kind) = &query.kind {
            let own = measurement(kind);
            let _ = write!(predicate, " and (r._measurement == \"{own}\"");
            if has_kinds(own) {
                and(&mut predicate, "kind", kind);
            }
            if own != OTHER {
                let _ = write!(predicate, " or r._measurement == \"{OTHER}\"");
                and(&mut predicate, "kind", kind);
            }
            predicate.push(')');
        }
        if let Some(lane) = &query.lane {
            and(&mut predicate, "lane", lane.as_str());
        }
        if let Some(zone) = query.zone {
            and(&mut predicate, "zone", zone.as_str());
        }
        if let Some(unit) = &query.unit {
            and(&mut predicate, "unit", unit.as_str());
        }
        Self::of(bucket, predicate)
    }

    /// All points of a part: tests, too.
    pub(super) fn part(bucket: &str, site: &SiteId, part: &Part) -> Self {
        let own = part.measurement();
        let mut predicate = of_site(site);
        let _ = write!(predicate, " and r._measurement == \"{own}\"");
        if has_kinds(own) {
            and(&mut predicate, "kind", &part.kind);
        }
        Self::of(bucket, predicate)
    }

    /// The points of a part that are counted.
    pub(super) fn counted_part(bucket: &str, site: &SiteId, part: &Part) -> Self {
        let mut which = Self::part(bucket, site, part);
        if part.in_other {
            which.predicate.push_str(" and not exists r.test");
        }
        which
    }

    /// The kinds of a site among the points of the rest, before a time.
    pub(super) fn kinds(bucket: &str, site: &SiteId, before: i64) -> String {
        let mut predicate = of_site(site);
        let _ = write!(predicate, " and r._measurement == \"{OTHER}\"");
        format!(
            "{}  |> first()\n  |> group()\n  |> distinct(column: \"kind\")\n  |> map(fn: (r) => ({{kind: r._value}}))\n",
            Self::of(bucket, predicate).points("seq", 0, before)
        )
    }

    fn of(bucket: &str, predicate: String) -> Self {
        Self {
            bucket: serde_json::Value::from(bucket).to_string(),
            predicate,
        }
    }

    /// A field of the points from a time up to another one, microseconds.
    fn points(&self, field: &str, from: i64, to: i64) -> String {
        let Self { bucket, predicate } = self;
        format!(
            "from(bucket: {bucket})\n  |> range(start: {}, stop: {})\n  \
             |> filter(fn: (r) => {predicate} and r._field == \"{field}\")\n",
            time(from),
            time(to),
        )
    }

    /// One aggregate of a field for each window between two times, or for all of it, of each series.
    /// They are put together by who asked: to group by time takes InfluxDB two hundred times as long as
    /// all the rest.
    pub(super) fn aggregate(
        &self,
        name: &str,
        field: &str,
        aggregate: &str,
        span: &Span,
    ) -> String {
        let points = self.points(field, span.from, span.to);
        let each = match span.every {
            Some(every) => format!(
                "aggregateWindow(every: {every}us, fn: {aggregate}, createEmpty: false, timeSrc: \"_start\")"
            ),
            None => format!("{aggregate}()"),
        };
        let columns = match span.every {
            Some(_) => "\"_time\", \"_value\"",
            None => "\"_value\"",
        };
        format!(
            "{points}  |> {each}\n  |> group()\n  |> keep(columns: [{columns}])\n  |> yield(name: \"{name}\")\n"
        )
    }

    /// One aggregate of a field for each window of each series, with what it is added up by.
    pub(super) fn hourly(&self, name: &str, field: &str, aggregate: &str, run: &Run) -> String {
        let points = self.points(field, run.from, run.to);
        let (every, offset) = (run.every, run.from.rem_euclid(run.every));
        // A selector keeps the time of its point only in a window that is not made one table again.
        format!(
            "{points}  |> window(every: {every}us, offset: {offset}us, createEmpty: false)\n  |> {aggregate}()\n  \
             |> group()\n  |> keep(columns: [\"_start\", \"_time\", \"_value\", {GROUP}])\n  |> yield(name: \"{name}\")\n"
        )
    }

    /// Each number of a time, with what it is added up by.
    pub(super) fn numbers(&self, from: i64, to: i64) -> String {
        format!(
            "{}  |> group()\n  |> keep(columns: [\"_time\", \"_value\", {GROUP}])\n",
            self.points("value", from, to)
        )
    }

    /// Each point of a field, with what tells it from others.
    pub(super) fn each(&self, name: &str, field: &str, from: i64, to: i64) -> String {
        format!(
            "{}  |> group()\n  |> keep(columns: [\"_time\", \"_value\", \"unit\", \"log\", \"twin\"])\n  \
             |> yield(name: \"{name}\")\n",
            self.points(field, from, to)
        )
    }

    /// The first events, as many as asked for, in order of their points' times.
    pub(super) fn records(&self, from: i64, to: i64, most: Option<usize>) -> String {
        let limit = match most {
            // First of each series, so that no more than needed are put in order.
            Some(most) => format!(
                "  |> limit(n: {most})\n  |> group()\n  |> sort(columns: [\"_time\"])\n  |> limit(n: {most})\n"
            ),
            None => "  |> group()\n".to_owned(),
        };
        format!(
            "{}{limit}  |> keep(columns: [\"_time\", \"_value\", \"unit\", \"log\", \"sensor\", \"quantity\", \"zone\"])\n",
            self.points("record", from, to)
        )
    }

    /// The time of the first event.
    pub(super) fn first(&self, from: i64, to: i64) -> String {
        format!(
            "{}  |> first()\n  |> group()\n  |> keep(columns: [\"_time\"])\n  |> sort(columns: [\"_time\"])\n  |> limit(n: 1)\n",
            self.points("seq", from, to)
        )
    }
}

/// A stretch of time, microseconds, in windows of one length or as one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) from: i64,
    pub(super) to: i64,
    /// Windows of so long, in step with 1970.
    pub(super) every: Option<i64>,
}

impl Span {
    /// What is left of it on both sides of a time that is not asked for.
    pub(super) fn without(self, out: Option<&Range<i64>>) -> impl Iterator<Item = Self> {
        let out = out.cloned().unwrap_or(self.to..self.to);
        let before = Self {
            to: self.to.min(out.start),
            ..self
        };
        let after = Self {
            from: self.from.max(out.end),
            ..self
        };
        let is_apart = out.start >= self.to || out.end <= self.from;
        let parts = if is_apart {
            [Some(self), None]
        } else {
            [Some(before), Some(after)]
        };
        parts
            .into_iter()
            .flatten()
            .filter(|span| span.from < span.to)
    }
}

/// The tags that hours and days are told apart by.
const GROUP: &str = "\"lane\", \"dir\", \"zone\", \"sensor\", \"quantity\"";

/// Windows of one length, one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) from: i64,
    pub(super) to: i64,
    pub(super) every: i64,
}

impl Run {
    /// How many windows it has; at least 1.
    pub(super) fn count(&self) -> usize {
        let count = (self.to - self.from) / self.every.max(1);
        usize::try_from(count).unwrap_or(1).max(1)
    }
}

fn of_site(site: &SiteId) -> String {
    format!("r.site == \"{}\"", encode(site.as_str()))
}

fn and(predicate: &mut String, tag: &str, text: &str) {
    let _ = write!(predicate, " and r.{tag} == \"{}\"", encode(text));
}

fn and_any<T: AsRef<str>>(predicate: &mut String, tag: &str, texts: &[T]) {
    if texts.is_empty() {
        return;
    }
    let any: Vec<String> = texts
        .iter()
        .map(|text| format!("r.{tag} == \"{}\"", encode(text.as_ref())))
        .collect();
    let _ = write!(predicate, " and ({})", any.join(" or "));
}

/// A time as Flux writes it.
fn time(micros: i64) -> String {
    let time = DateTime::from_timestamp_micros(micros).unwrap_or_default();
    time.to_rfc3339_opts(chrono::SecondsFormat::Micros, true)
}

/// Cuts a row of buckets into spans, leaving out some buckets. A span of windows has windows that lie
/// each in one bucket; where buckets are out of step they are asked for one by one.
pub(super) fn spans(edges: &[i64], is_left_out: impl Fn(usize) -> bool) -> Vec<Span> {
    let mut spans = Vec::new();
    let mut at = 0;
    let buckets = edges.len().saturating_sub(1);
    while at < buckets {
        let (from, mut to) = (edges[at], edges[at + 1]);
        if is_left_out(at) || from >= to {
            at += 1;
            continue;
        }
        let first = at;
        let mut every = divisor(from, to - from);
        at += 1;
        // On as long as the windows stay large beside what they cover.
        while at < buckets && !is_left_out(at) && edges[at + 1] > edges[at] {
            let next = divisor(every, edges[at + 1] - edges[at]);
            if (edges[at + 1] - from) / next > MOST_WINDOWS.max(4 * (at + 1 - first) as i64) {
                break;
            }
            every = next;
            to = edges[at + 1];
            at += 1;
        }
        let is_one = at - first == 1;
        spans.push(Span {
            from,
            to,
            every: (!is_one).then_some(every),
        });
    }
    spans
}

const MOST_WINDOWS: i64 = 3000;

/// The greatest common divisor.
fn divisor(a: i64, b: i64) -> i64 {
    let (mut a, mut b) = (a.abs(), b.abs());
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a.max(1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HOUR: i64 = 3_600_000_000;

    #[test]
    fn days_of_other_lengths_are_hours() {
        // A spring day of 23 hours between two of 24, in a zone at half an hour.
        let start = HOUR / 2;
        let edges = [
            start,
            start + 24 * HOUR,
            start + 47 * HOUR,
            start + 71 * HOUR,
        ];
        assert_eq!(
            spans(&edges, |_| false),
            [Span {
                from: start,
                to: start + 71 * HOUR,
                every: Some(HOUR / 2)
            }]
        );
        // What is left out parts the rest.
        let parted = spans(&edges, |bucket| bucket == 1);
        assert_eq!(parted.len(), 2);
        assert!(parted.iter().all(|span| span.every.is_none()));
        assert_eq!(spans(&[5], |_| false), []);
        assert_eq!(spans(&[], |_| false), []);
    }

    #[test]
    fn a_first_bucket_out_of_step_is_asked_alone() {
        let mut edges = vec![12_345_678_901];
        edges.extend((4..200).map(|hour| hour * HOUR));
        let spans = spans(&edges, |_| false);
        assert_eq!(spans.len(), 2);
        assert_eq!(spans[0].every, None);
        assert_eq!(spans[1].every, Some(HOUR));
    }

    proptest! {
        #[test]
        fn every_bucket_is_covered_once_and_no_window_lies_in_two(
            steps in prop::collection::vec(prop_oneof![Just(0), Just(HOUR), Just(HOUR / 4), 1..HOUR], 1..60),
            start in 0..HOUR * 10,
            out in any::<u64>(),
        ) {
            let mut edges = vec![start];
            for step in steps {
                edges.push(edges[edges.len() - 1] + step);
            }
            let is_out = |bucket: usize| out >> (bucket % 64) & 1 == 1;
            let spans = spans(&edges, is_out);
            let mut covered = vec![0; edges.len() - 1];
            for span in &spans {
                for bucket in 0..edges.len() - 1 {
                    let inside = edges[bucket] >= span.from && edges[bucket + 1] <= span.to;
                    covered[bucket] += usize::from(inside && edges[bucket] < edges[bucket + 1]);
                }
                if let Some(every) = span.every {
                    for edge in edges.iter().filter(|edge| (span.from..=span.to).contains(edge)) {
                        prop_assert_eq!(edge % every, 0);
                    }
                }
            }
            for bucket in 0..edges.len() - 1 {
                let wanted = !is_out(bucket) && edges[bucket] < edges[bucket + 1];
                prop_assert_eq!(covered[bucket], usize::from(wanted), "{}", bucket);
            }
        }
    }

    #[test]
    fn questions_are_pushed_down() {
        let site = "s".parse().unwrap();
        let filter = CountFilter {
            kind: "x\" or true".to_owned(),
            lanes: vec!["people".parse().unwrap()],
            dir: None,
        };
        let which = Which::counted("a\"b", &site, &filter);
        let span = Span {
            from: 0,
            to: 60_000_000,
            every: Some(60_000_000),
        };
        let question = which.aggregate("n", "seq", "count", &span);
        assert_eq!(
            question.lines().take(4).collect::<Vec<_>>(),
            [
                r#"from(bucket: "a\"b")"#,
                "  |> range(start: 1970-01-01T00:00:00.000000Z, stop: 1970-01-01T00:01:00.000000Z)",
                r#"  |> filter(fn: (r) => r.site == "s" and r._measurement == "other" and r.kind == "x%22%20or%20true" and not exists r.test and (r.lane == "people") and r._field == "seq")"#,
                r#"  |> aggregateWindow(every: 60000000us, fn: count, createEmpty: false, timeSrc: "_start")"#,
            ]
        );
    }
}
