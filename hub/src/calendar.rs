//! Site-local time: days, windows and bucket borders, over every jump of the clock.
//!
//! Three rules, for local times that a jump makes strange:
//! - a local time that does not exist is the moment of the jump;
//! - a local time that comes twice is its first occurrence;
//! - a day begins with the first moment that bears its date, so days are 23 to 25 hours long, and a
//!   day that a zone left out altogether has no length.

use chrono::{
    DateTime, Days, MappedLocalTime, NaiveDate, NaiveDateTime, NaiveTime, TimeZone, Timelike, Utc,
};
use chrono_tz::Tz;
use gatepost_dashboard::ports::{ReadError, Step};
use gatepost_model::Wall;

/// The most buckets of one answer.
pub const MAX_BUCKETS: usize = 20_000;

/// A site's time zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SiteZone(Tz);

/// A name that is no time zone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no IANA time zone like Asia/Shanghai")]
pub struct NoTimeZone(pub String);

impl SiteZone {
    /// The zone of which all others say how far they are from it.
    pub const UTC: Self = Self(Tz::UTC);

    /// By its IANA name.
    pub fn parse(name: &str) -> Result<Self, NoTimeZone> {
        name.parse()
            .map(Self)
            .map_err(|_| NoTimeZone(name.chars().take(40).collect()))
    }

    /// The site-local day of a moment.
    pub fn day_of(self, at: Wall) -> NaiveDate {
        self.local(at).date()
    }

    /// The site-local hour of a moment, 0 to 23.
    pub fn hour_of(self, at: Wall) -> u32 {
        self.local(at).hour()
    }

    /// When a site-local day begins and ends; the end is the beginning of the next.
    pub fn day_bounds(self, date: NaiveDate) -> (Wall, Wall) {
        let next = date.checked_add_days(Days::new(1)).unwrap_or(date);
        (
            self.instant(date, NaiveTime::MIN),
            self.instant(next, NaiveTime::MIN),
        )
    }

    /// The moment of a site-local date and time: the moment of the jump if the clock jumps over it,
    /// the first if it comes twice. Held at the ends of the years that the record can hold.
    pub fn instant(self, date: NaiveDate, time: NaiveTime) -> Wall {
        let local = date.and_time(time);
        let utc = match self.0.from_local_datetime(&local) {
            MappedLocalTime::Single(at) => at.to_utc(),
            MappedLocalTime::Ambiguous(first, _) => first.to_utc(),
            MappedLocalTime::None => self.jump_over(local),
        };
        Wall::from(utc)
    }

    /// The moments of a time of day and of another, which is the next day's if it is not after it.
    pub fn span(self, date: NaiveDate, start: NaiveTime, end: NaiveTime) -> (Wall, Wall) {
        let next = || date.checked_add_days(Days::new(1)).unwrap_or(date);
        let ends_on = if end > start { date } else { next() };
        (self.instant(date, start), self.instant(ends_on, end))
    }

    /// The borders of the buckets that intersect `[from, to)`: ascending, one more than there are
    /// buckets, beginning with `from` and ending with `to`.
    ///
    /// Buckets of minutes are counted from the beginning of the site-local day in elapsed time, so
    /// that they fall on local half hours and hours over every shift by whole hours; the last of a
    /// day ends with the day. Days are site-local days. The first and the last bucket are cut to
    /// the range.
    pub fn edges(self, from: Wall, to: Wall, step: Step) -> Result<Vec<Wall>, ReadError> {
        if from >= to {
            return Err(ReadError::Invalid {
                parameter: "to",
                reason: format!("{to} is not after `from`, {from}"),
            });
        }
        let width_us = match step {
            Step::Minutes(0) => return Err(invalid_step("a bucket must have a width".to_owned())),
            Step::Minutes(minutes) => i64::from(minutes) * MINUTE_US,
            Step::Day => DAY_US,
        };
        let span_us = to.micros_since(from);
        let most = i64::try_from(MAX_BUCKETS).unwrap_or(i64::MAX);
        if span_us / width_us > most {
            return Err(invalid_step(too_fine(span_us)));
        }
        let mut edges = vec![from];
        let mut day = self.day_of(from);
        loop {
            let (start, end) = self.day_bounds(day);
            let mut edge = match step {
                Step::Day => end,
                // The first border of the day after `from`.
                Step::Minutes(_) => {
                    let passed = from.micros_since(start).max(0) / width_us;
                    start.plus_micros(passed * width_us)
                }
            };
            while edge < end.min(to) {
                if edges.last() < Some(&edge) {
                    edges.push(edge);
                }
                edge = edge.plus_micros(width_us);
            }
            if end >= to {
                break;
            }
            if edges.last() < Some(&end) {
                edges.push(end);
            }
            let Some(next) = day.checked_add_days(Days::new(1)) else {
                break;
            };
            day = next;
        }
        edges.push(to);
        if edges.len() > MAX_BUCKETS + 1 {
            return Err(invalid_step(too_fine(span_us)));
        }
        Ok(edges)
    }

    /// The whole bucket that a moment lies in, as [`edges`](Self::edges) makes them.
    pub fn bucket(self, at: Wall, step: Step) -> (Wall, Wall) {
        let (start, end) = self.day_bounds(self.day_of(at));
        match step {
            Step::Day => (start, end),
            Step::Minutes(minutes) => {
                let width_us = i64::from(minutes.max(1)) * MINUTE_US;
                let passed = at.micros_since(start).max(0) / width_us;
                let begin = start.plus_micros(passed * width_us);
                (begin, begin.plus_micros(width_us).min(end))
            }
        }
    }

    /// A moment as people on the site write it, to the minute.
    pub fn show(self, at: Wall) -> String {
        self.local(at).format("%Y-%m-%d %H:%M").to_string()
    }

    fn local(self, at: Wall) -> NaiveDateTime {
        at.to_utc().with_timezone(&self.0).naive_local()
    }

    /// The moment at which the zone's clock jumps over a local time, to the second.
    fn jump_over(self, local: NaiveDateTime) -> DateTime<Utc> {
        // No zone is further than this from UTC, nor jumps further than a day.
        const REACH_S: i64 = 40 * 3600;
        let shows = |second: i64| {
            DateTime::from_timestamp(second, 0).map(|utc| utc.with_timezone(&self.0).naive_local())
        };
        let middle = local.and_utc().timestamp();
        let (mut before, mut after) = (middle - REACH_S, middle + REACH_S);
        while after - before > 1 {
            let half = before + (after - before) / 2;
            if shows(half).is_some_and(|shown| shown < local) {
                before = half;
            } else {
                after = half;
            }
        }
        DateTime::from_timestamp(after, 0).unwrap_or_else(|| local.and_utc())
    }
}

const MINUTE_US: i64 = 60_000_000;
const DAY_US: i64 = 24 * 60 * MINUTE_US;

fn invalid_step(reason: String) -> ReadError {
    ReadError::Invalid {
        parameter: "step",
        reason,
    }
}

fn too_fine(span_us: i64) -> String {
    let most = i64::try_from(MAX_BUCKETS).unwrap_or(i64::MAX);
    // A little room for the buckets that days cut short.
    let fits = STEPS
        .iter()
        .find(|(_, minutes)| span_us / (minutes * MINUTE_US) <= most - most / 20);
    match fits {
        Some((name, _)) => {
            format!("that is more than {MAX_BUCKETS} buckets; `{name}` or wider fits this range")
        }
        None => format!("that is more than {MAX_BUCKETS} buckets; ask for a shorter range"),
    }
}

/// The widths that the API offers, in minutes.
const STEPS: [(&str, i64); 5] = [("1m", 1), ("5m", 5), ("30m", 30), ("1h", 60), ("1d", 1440)];

#[cfg(test)]
mod tests {
    use super::*;

    fn zone(name: &str) -> SiteZone {
        SiteZone::parse(name).unwrap()
    }

    fn wall(text: &str) -> Wall {
        Wall::parse(text).unwrap()
    }

    fn date(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn time(text: &str) -> NaiveTime {
        text.parse().unwrap()
    }

    #[test]
    fn a_bucket_is_one_of_those_between_the_edges() {
        let (from, to) = (wall("2026-04-04T03:10:00Z"), wall("2026-04-07T21:00:00Z"));
        for name in ["Asia/Kathmandu", "Australia/Lord_Howe", "Europe/Berlin"] {
            for step in [Step::Minutes(60), Step::Day] {
                let edges = zone(name).edges(from, to, step).unwrap();
                for edge in edges[1..edges.len() - 2].windows(2) {
                    for at in [edge[0], edge[1].plus_micros(-1)] {
                        assert_eq!(zone(name).bucket(at, step), (edge[0], edge[1]), "{name}");
                    }
                }
            }
        }
    }

    fn hours((start, end): (Wall, Wall)) -> f64 {
        end.micros_since(start) as f64 / 3.6e9
    }

    #[test]
    fn days_have_the_length_that_the_zone_gives_them() {
        let cases = [
            ("Asia/Shanghai", "2026-11-23", "2026-11-22T16:00:00Z", 24.0),
            ("Asia/Kathmandu", "2026-11-23", "2026-11-22T18:15:00Z", 24.0),
            (
                "America/Los_Angeles",
                "2005-10-30",
                "2005-10-30T07:00:00Z",
                25.0,
            ),
            (
                "America/Los_Angeles",
                "2005-04-03",
                "2005-04-03T08:00:00Z",
                23.0,
            ),
            (
                "Australia/Lord_Howe",
                "2026-04-05",
                "2026-04-04T13:00:00Z",
                24.5,
            ),
            (
                "Australia/Lord_Howe",
                "2026-10-04",
                "2026-10-03T13:30:00Z",
                23.5,
            ),
            // Midnight is jumped over: the day begins at 01:00.
            (
                "America/Sao_Paulo",
                "2018-11-04",
                "2018-11-04T03:00:00Z",
                23.0,
            ),
            // Midnight comes twice: 23:00 to 24:00 is repeated on the day before.
            (
                "America/Sao_Paulo",
                "2018-02-17",
                "2018-02-17T02:00:00Z",
                25.0,
            ),
            // The day that Samoa left out.
            ("Pacific/Apia", "2011-12-30", "2011-12-30T10:00:00Z", 0.0),
        ];
        for (name, day, start, length) in cases {
            let bounds = zone(name).day_bounds(date(day));
            assert_eq!(bounds.0, wall(start), "{name} {day}");
            assert_eq!(hours(bounds), length, "{name} {day}");
            if length > 0.0 {
                assert_eq!(zone(name).day_of(bounds.0), date(day), "{name} {day}");
                assert_eq!(zone(name).day_of(bounds.1.plus_micros(-1)), date(day));
                assert_ne!(zone(name).day_of(bounds.0.plus_micros(-1)), date(day));
            }
        }
    }

    #[test]
    fn strange_local_times_have_one_moment() {
        let los_angeles = zone("America/Los_Angeles");
        // 02:30 does not exist: the clock jumps from 02:00 to 03:00.
        assert_eq!(
            los_angeles.instant(date("2005-04-03"), time("02:30:00")),
            wall("2005-04-03T10:00:00Z")
        );
        // 01:30 comes twice: the first, still in daylight-saving time.
        assert_eq!(
            los_angeles.instant(date("2005-10-30"), time("01:30:00")),
            wall("2005-10-30T08:30:00Z")
        );
        assert_eq!(los_angeles.hour_of(wall("2005-10-30T08:30:00Z")), 1);
        assert_eq!(los_angeles.hour_of(wall("2005-10-30T09:30:00Z")), 1);
        assert!(SiteZone::parse("Mars/Olympus").is_err());
    }

    #[test]
    fn half_hours_of_a_long_day_are_fifty_and_stay_on_local_half_hours() {
        let zone = zone("America/Los_Angeles");
        let (from, to) = zone.day_bounds(date("2005-10-30"));
        let edges = zone.edges(from, to, Step::Minutes(30)).unwrap();
        assert_eq!(edges.len(), 51);
        for edge in &edges {
            assert_eq!(zone.local(*edge).minute() % 30, 0);
        }
        // 01:00 for the second time is the row after 01:30 for the first.
        assert_eq!(edges[4], wall("2005-10-30T09:00:00Z"));
        assert_eq!(zone.hour_of(edges[4]), 1);
    }

    #[test]
    fn a_shift_by_half_an_hour_cuts_the_last_bucket_of_its_day() {
        let zone = zone("Australia/Lord_Howe");
        let (from, _) = zone.day_bounds(date("2026-10-04"));
        let (_, to) = zone.day_bounds(date("2026-10-05"));
        let edges = zone.edges(from, to, Step::Minutes(60)).unwrap();
        assert_eq!(edges.len(), 24 + 24 + 1);
        assert_eq!(edges[24], zone.day_bounds(date("2026-10-04")).1);
        assert_eq!(edges[24].micros_since(edges[23]), 30 * MINUTE_US);
        assert!(
            edges[24..]
                .iter()
                .all(|edge| zone.local(*edge).minute() == 0)
        );
    }

    #[test]
    fn a_day_without_midnight_counts_from_its_first_moment() {
        let zone = zone("America/Sao_Paulo");
        let (from, to) = zone.day_bounds(date("2018-11-04"));
        let edges = zone.edges(from, to, Step::Minutes(60)).unwrap();
        assert_eq!(edges.len(), 24);
        assert_eq!(zone.hour_of(edges[0]), 1);
        let days = zone
            .edges(from.plus_micros(-DAY_US), to.plus_micros(DAY_US), Step::Day)
            .unwrap();
        assert_eq!(days.len(), 4);
        assert_eq!((days[1], days[2]), (from, to));
    }

    #[test]
    fn a_range_that_fits_no_border_cuts_its_first_and_last_bucket() {
        let zone = zone("Asia/Kathmandu");
        let (from, to) = (wall("2026-11-23T00:07:00Z"), wall("2026-11-23T01:02:00Z"));
        let edges = zone.edges(from, to, Step::Minutes(30)).unwrap();
        // Local half hours are at :15 and :45 of UTC.
        let expected =
            ["00:07", "00:15", "00:45", "01:02"].map(|at| wall(&format!("2026-11-23T{at}:00Z")));
        assert_eq!(edges, expected);
        let inside = (wall("2026-11-23T00:20:00Z"), wall("2026-11-23T00:21:00Z"));
        assert_eq!(
            zone.edges(inside.0, inside.1, Step::Day).unwrap(),
            [inside.0, inside.1]
        );
    }

    #[test]
    fn too_many_buckets_are_refused_with_the_step_that_fits() {
        let zone = zone("Asia/Shanghai");
        let from = wall("2026-01-01T00:00:00Z");
        let error = zone
            .edges(from, from.plus_micros(60 * DAY_US), Step::Minutes(1))
            .unwrap_err();
        assert!(error.to_string().contains("`5m`"), "{error}");
        let error = zone
            .edges(
                wall("1970-01-01T00:00:00Z"),
                wall("2199-12-31T00:00:00Z"),
                Step::Day,
            )
            .unwrap_err();
        assert!(error.to_string().contains("shorter range"), "{error}");
        assert!(zone.edges(from, from, Step::Day).is_err());
        assert!(
            zone.edges(from, from.plus_micros(DAY_US), Step::Minutes(0))
                .is_err()
        );
    }

    #[test]
    fn buckets_tile_the_range_in_every_zone() {
        for name in [
            "America/Los_Angeles",
            "Australia/Lord_Howe",
            "Asia/Kathmandu",
            "Pacific/Apia",
        ] {
            let zone = zone(name);
            let (from, to) = (wall("2011-12-01T03:04:05Z"), wall("2012-04-20T06:07:08Z"));
            for step in [Step::Minutes(30), Step::Minutes(60), Step::Day] {
                let edges = zone.edges(from, to, step).unwrap();
                assert_eq!((edges.first(), edges.last()), (Some(&from), Some(&to)));
                assert!(edges.is_sorted_by(|a, b| a < b), "{name} {step:?}");
            }
        }
    }
}
