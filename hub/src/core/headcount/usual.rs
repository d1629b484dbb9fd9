//! What usually passes a lane: of stretches that nobody watched, how many may have passed.
//!
//! What passes in an hour is taken for a Poisson process whose rate is another each day: the counts of
//! the same hour on the days before have a mean and a variance, of which what exceeds the mean is the
//! rate's own. Within a stretch the rates of the hours of one day go together (a day of rest is quiet
//! as a whole), so their deviations add up; the Poisson parts, and those of different stretches, are
//! independent, and their variances add up.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use gatepost_model::{LaneId, Wall};

use super::{Basis, Range};
use crate::{
    calendar::SiteZone,
    core::coverage::{Join, Subject},
};

/// What may have passed unseen, one way: its mean and its variance.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Unseen {
    mean: f64,
    variance: f64,
}

/// What may have passed unseen, either way.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Passing {
    into: Unseen,
    out: Unseen,
}

impl Passing {
    /// With what passed in another stretch.
    pub(super) fn and(self, other: Self) -> Self {
        let both = |one: Unseen, other: Unseen| Unseen {
            mean: one.mean + other.mean,
            variance: one.variance + other.variance,
        };
        Self {
            into: both(self.into, other.into),
            out: both(self.out, other.out),
        }
    }

    /// How many more may have come than gone.
    pub(super) fn into(self) -> f64 {
        self.more(self.into, self.out)
    }

    /// How many more may have gone than come.
    pub(super) fn out(self) -> f64 {
        self.more(self.out, self.into)
    }

    /// What usually passes one way while nobody goes the other, or what the balance of both ways does
    /// not exceed: 95 % of a normal distribution lies within 1.96 of its deviations of the mean.
    fn more(self, one: Unseen, other: Unseen) -> f64 {
        let deviation = (one.variance + other.variance).sqrt();
        one.mean.max(one.mean - other.mean + 2.0 * deviation)
    }
}

/// What passed one lane on the days before, by hour of the day.
pub(super) struct History {
    by_hour: BTreeMap<u32, Vec<Past>>,
}

/// Sums over one hour of the day, up to and with a day.
#[derive(Debug, Clone, Copy)]
struct Past {
    day: NaiveDate,
    watched_hours: f64,
    into: Sums,
    out: Sums,
}

/// Of counts, each of a share of an hour.
#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    counted: f64,
    /// Sum of count^2 / share.
    squares: f64,
}

impl Sums {
    fn with(self, counted: u64, share: f64) -> Self {
        let counted = counted as f64;
        Self {
            counted: self.counted + counted,
            squares: self.squares + counted * counted / share,
        }
    }

    /// The hour's mean, and the deviation of its rate from day to day.
    fn rate(self, watched_hours: f64) -> (f64, f64) {
        let mean = self.counted / watched_hours;
        if watched_hours < 2.0 {
            return (mean, 0.0);
        }
        let variance = (self.squares - mean * self.counted) / (watched_hours - 1.0);
        (mean, (variance - mean).max(0.0).sqrt())
    }
}

/// What adds up along a stretch, one way.
#[derive(Default)]
struct Along {
    mean: f64,
    deviation: f64,
}

impl Along {
    fn add(&mut self, (mean, deviation): (f64, f64), share: f64) {
        self.mean += mean * share;
        self.deviation += deviation * share;
    }

    /// Its mean is itself known from so many days only.
    fn of_days(self, days: f64) -> Unseen {
        Unseen {
            mean: self.mean,
            variance: (self.deviation * self.deviation + self.mean) * (1.0 + 1.0 / days),
        }
    }
}

impl History {
    pub(super) fn of(lane: &LaneId, basis: &Basis<'_>) -> Self {
        let mut by_hour: BTreeMap<u32, Vec<Past>> = BTreeMap::new();
        let subject = Subject::Lane(lane.clone());
        let oldest = basis.now.plus_micros(-HISTORY_US);
        let Some((first, _)) = basis
            .sight
            .seen(&subject, oldest, basis.now, u64::MAX)
            .into_iter()
            .next()
        else {
            return Self { by_hour };
        };
        let edges = hour_edges(first, basis.now);
        let shares = basis
            .sight
            .coverage(&[subject], Join::All, &edges, basis.now);
        for (hour, share) in edges.windows(2).zip(shares) {
            if share == 0.0 {
                continue;
            }
            let counts = basis.hours.sum(lane, hour[0], hour[1]);
            let pasts = by_hour.entry(basis.zone.hour_of(hour[0])).or_default();
            let before = pasts.last();
            let watched = before.map_or(0.0, |past| past.watched_hours);
            let (into, out) = before.map(|past| (past.into, past.out)).unwrap_or_default();
            let past = Past {
                day: basis.zone.day_of(hour[0]),
                watched_hours: watched + share,
                into: into.with(counts.into, share),
                out: out.with(counts.out, share),
            };
            pasts.push(past);
        }
        Self { by_hour }
    }

    /// What usually passes in a stretch, by the same hours of the days before it; none where there
    /// were too few of them.
    pub(super) fn usually(&self, (from, to): Range, zone: SiteZone) -> Option<Passing> {
        let (mut into, mut out) = (Along::default(), Along::default());
        let mut fewest = f64::INFINITY;
        let mut start = from;
        for border in hour_edges(from, to).into_iter().skip(1) {
            let end = border.min(to);
            let share = end.micros_since(start) as f64 / HOUR_US as f64;
            let past = self.before(zone.day_of(start), zone.hour_of(start))?;
            into.add(past.into.rate(past.watched_hours), share);
            out.add(past.out.rate(past.watched_hours), share);
            fewest = fewest.min(past.watched_hours);
            start = end;
        }
        Some(Passing {
            into: into.of_days(fewest),
            out: out.of_days(fewest),
        })
    }

    fn before(&self, day: NaiveDate, hour: u32) -> Option<&Past> {
        let pasts = self.by_hour.get(&hour)?;
        let earlier = pasts.partition_point(|past| past.day < day);
        let past = pasts.get(earlier.checked_sub(1)?)?;
        (past.watched_hours >= LEAST_WATCHED_HOURS).then_some(past)
    }
}

const HOUR_US: i64 = 3_600_000_000;

/// So far back the days before are looked at: long enough for what is usual, short enough to follow
/// a change.
const HISTORY_US: i64 = 60 * 24 * HOUR_US;

/// Less watched time than this, hours, of an hour of the day tells nothing of what is usual.
const LEAST_WATCHED_HOURS: f64 = 0.25;

/// Borders of the hours of UTC that `[from, to)` touches.
pub(super) fn hour_edges(from: Wall, to: Wall) -> Vec<Wall> {
    let first = from.micros().div_euclid(HOUR_US);
    let last = (to.micros() + HOUR_US - 1).div_euclid(HOUR_US);
    (first..=last)
        .filter_map(|hour| Wall::from_micros(hour * HOUR_US))
        .collect()
}
