//! How many people are inside: in minus out since an anchor, with an honest band.
//!
//! The band is widened by one for each movement whose direction is unknown, for the time in which a
//! lane was not watched by what usually passes that lane at that hour of the day, and by what the
//! lanes miscount. Where there is no such history there is no band. All is computed from sets and sums, so the order in
//! which the record arrives does not matter.

mod hours;

use std::collections::BTreeMap;

use chrono::NaiveDate;
use gatepost_dashboard::view::Headcount;
use gatepost_model::{LaneId, Wall};
use serde::{Deserialize, Serialize};

use super::coverage::{Join, Sight, Subject};
use crate::calendar::SiteZone;

pub use hours::{Counts, HourTable, Movement};

/// Where a headcount begins: a roll-call, or the record's beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Anchor {
    /// Movements from here on count.
    pub at: Wall,
    /// How many were inside then.
    pub count: i64,
    /// People were counted then: nothing earlier moves it.
    #[serde(default)]
    pub called: bool,
}

/// The sum since an anchor, over lanes that lead to the same place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Where it begins.
    pub anchor: Anchor,
    /// What moved since.
    pub counts: Counts,
}

impl Tally {
    /// Nothing moved yet.
    pub fn new(anchor: Anchor) -> Self {
        Self {
            anchor,
            counts: Counts::default(),
        }
    }

    /// Counts one movement, unless it was before the anchor.
    pub fn add(&mut self, at: Wall, movement: Movement) {
        if at >= self.anchor.at {
            self.counts.add(movement);
        }
    }

    /// How many are inside by the sum alone; less than 0 if some left unseen who came unseen.
    pub fn raw(&self) -> i64 {
        let signed = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
        self.anchor
            .count
            .saturating_add(signed(self.counts.into))
            .saturating_sub(signed(self.counts.out))
    }
}

/// What the band is judged by.
#[derive(Debug, Clone, Copy)]
pub struct Basis<'a> {
    /// The lanes that lead there.
    pub lanes: &'a [LaneId],
    /// What passed them.
    pub hours: &'a HourTable,
    /// When they were watched.
    pub sight: &'a Sight,
    /// The site's zone: what usually passes depends on the local hour.
    pub zone: SiteZone,
    /// The hub's time.
    pub now: Wall,
    /// An unwatched tail up to `now` that is no longer than this, microseconds, is only the time
    /// that proof takes to arrive.
    pub lag_us: i64,
    /// Share of people whom a lane does not count, or counts twice.
    pub count_error: f64,
}

/// The headcount with its band.
pub fn headcount(tally: &Tally, basis: &Basis<'_>) -> Headcount {
    let since = tally.anchor.at;
    let mut unwatched_us = 0;
    let mut unknown = Some(Usual::default());
    let mut all = Vec::new();
    for lane in basis.lanes {
        let stretches = unwatched(lane, since, basis);
        if !stretches.is_empty() {
            let history = History::of(lane, basis);
            for stretch in &stretches {
                unknown = add(unknown, history.usually(*stretch, basis.zone));
            }
        }
        all.extend(stretches);
    }
    all.sort_unstable();
    let mut reached = since;
    for (from, to) in all {
        unwatched_us += to.micros_since(from.max(reached)).max(0);
        reached = reached.max(to);
    }

    let raw = tally.raw();
    let unclear = i64::try_from(tally.counts.unclear).unwrap_or(i64::MAX);
    let doubtful = unclear.saturating_add(miscounted(&tally.counts, basis.count_error));
    let widened = |by: i64| raw.saturating_add(by).max(0);
    Headcount {
        estimate: raw.max(0),
        low: unknown.map(|usual| widened(-doubtful.saturating_add(people(usual.out)))),
        high: unknown.map(|usual| widened(doubtful.saturating_add(people(usual.into)))),
        since,
        unclear: tally.counts.unclear,
        unwatched_s: u64::try_from(unwatched_us / 1_000_000).unwrap_or(0),
    }
}

/// Whole people, from a sum of shares of them.
fn people(share: f64) -> i64 {
    // A small surplus of rounding must not make a whole person.
    (share - 1e-6).ceil().max(0.0) as i64
}

/// By how many the sum may be wrong, either way, if each passage is miscounted by itself with the
/// probability `error`: those who came and stay are wrong on average by that share of them, and the
/// rest is a binomial spread of variance `error (1 - error) (in + out)`, taken twice (95 % of a
/// normal distribution lies within 1.96 of its standard deviations).
fn miscounted(counts: &Counts, error: f64) -> i64 {
    let (into, out) = (counts.into as f64, counts.out as f64);
    people(error * (into - out).abs() + 2.0 * (error * (1.0 - error) * (into + out)).sqrt())
}

type Range = (Wall, Wall);

/// When a lane was not watched since the anchor, but for the tail that is only lag.
fn unwatched(lane: &LaneId, since: Wall, basis: &Basis<'_>) -> Vec<Range> {
    let mut stretches = basis
        .sight
        .unseen(&Subject::Lane(lane.clone()), since, basis.now);
    if let Some((from, to)) = stretches.last()
        && *to == basis.now
        && to.micros_since(*from) <= basis.lag_us
    {
        stretches.pop();
    }
    stretches
}

/// How many usually pass, either way.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Usual {
    into: f64,
    out: f64,
}

fn add(sum: Option<Usual>, more: Option<Usual>) -> Option<Usual> {
    let (sum, more) = (sum?, more?);
    Some(Usual {
        into: sum.into + more.into,
        out: sum.out + more.out,
    })
}

/// What passed one lane on the days before, by hour of the day.
struct History {
    by_hour: BTreeMap<u32, Vec<Past>>,
}

/// Sums over one hour of the day, up to and with a day.
#[derive(Debug, Clone, Copy)]
struct Past {
    day: NaiveDate,
    watched_hours: f64,
    passed: Usual,
}

impl History {
    fn of(lane: &LaneId, basis: &Basis<'_>) -> Self {
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
            let passed = Usual {
                into: counts.into as f64,
                out: counts.out as f64,
            };
            let pasts = by_hour.entry(basis.zone.hour_of(hour[0])).or_default();
            let before = pasts.last().copied();
            let day = basis.zone.day_of(hour[0]);
            pasts.push(match before {
                None => Past {
                    day,
                    watched_hours: share,
                    passed,
                },
                Some(before) => Past {
                    day,
                    watched_hours: before.watched_hours + share,
                    passed: Usual {
                        into: before.passed.into + passed.into,
                        out: before.passed.out + passed.out,
                    },
                },
            });
        }
        Self { by_hour }
    }

    /// What usually passes in a stretch, by the same hours of the days before it; none where there
    /// were too few of them.
    fn usually(&self, (from, to): Range, zone: SiteZone) -> Option<Usual> {
        let mut sum = Some(Usual::default());
        let mut start = from;
        for border in hour_edges(from, to).into_iter().skip(1) {
            let end = border.min(to);
            let share = end.micros_since(start) as f64 / HOUR_US as f64;
            let an_hour = self.an_hour(zone.day_of(start), zone.hour_of(start));
            sum = add(
                sum,
                an_hour.map(|usual| Usual {
                    into: usual.into * share,
                    out: usual.out * share,
                }),
            );
            start = end;
        }
        sum
    }

    fn an_hour(&self, day: NaiveDate, hour: u32) -> Option<Usual> {
        let pasts = self.by_hour.get(&hour)?;
        let earlier = pasts.partition_point(|past| past.day < day);
        let past = pasts.get(earlier.checked_sub(1)?)?;
        (past.watched_hours >= LEAST_WATCHED_HOURS).then(|| Usual {
            into: past.passed.into / past.watched_hours,
            out: past.passed.out / past.watched_hours,
        })
    }
}

const HOUR_US: i64 = 3_600_000_000;

/// So far back the days before are looked at: long enough for what is usual, short enough to follow
/// a change.
const HISTORY_US: i64 = 60 * 24 * HOUR_US;

/// Less watched time than this, hours, of an hour of the day tells nothing of what is usual.
const LEAST_WATCHED_HOURS: f64 = 0.25;

/// Borders of the hours of UTC that `[from, to)` touches.
fn hour_edges(from: Wall, to: Wall) -> Vec<Wall> {
    let first = from.micros().div_euclid(HOUR_US);
    let last = (to.micros() + HOUR_US - 1).div_euclid(HOUR_US);
    (first..=last)
        .filter_map(|hour| Wall::from_micros(hour * HOUR_US))
        .collect()
}

#[cfg(test)]
mod month;
#[cfg(test)]
mod tests;
