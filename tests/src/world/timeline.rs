//! A unit's days, one after the other without end, made when they are needed.

use std::sync::Arc;

use chrono::{NaiveDate, TimeDelta};
use chrono_tz::Tz;

use super::{
    counts::Counts,
    day::{Day, Happening, Span, Stimulus, WallUs, local_date},
    day_of,
    faces::Faces,
    sites::{Plan, Post},
};

/// Where days come from.
#[derive(Debug, Clone)]
pub enum Source {
    /// A site as it lives.
    Life {
        /// The site.
        plan: Plan,
        /// Which of its units.
        post: Post,
        /// The world's seed.
        seed: u64,
        /// Whose temperatures its people have.
        faces: Option<Arc<Faces>>,
    },
    /// A file of counts, at the people's lane.
    Counts {
        /// The file.
        counts: Arc<Counts>,
        /// The world's seed.
        seed: u64,
    },
}

impl Source {
    fn zone(&self) -> Tz {
        match self {
            Self::Life { plan, .. } => plan.zone,
            Self::Counts { counts, .. } => counts.zone,
        }
    }

    fn day(&self, date: NaiveDate) -> Day {
        match self {
            Self::Life {
                plan,
                post,
                seed,
                faces,
            } => day_of(plan, *post, *seed, faces.as_deref(), date),
            Self::Counts { counts, seed } => counts.day(*seed, date),
        }
    }
}

/// A place in a unit's days.
#[derive(Debug, Clone)]
pub struct Timeline {
    source: Source,
    span: Span,
    day: Day,
    next: usize,
}

/// A happening that can be told from any other of its unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HappeningId {
    /// The local day.
    pub date: NaiveDate,
    /// Its place in the day.
    pub place: u32,
}

impl Timeline {
    /// A timeline whose next stimulus is the first one at or after `at`.
    pub fn from(source: Source, at: WallUs) -> Self {
        let date = local_date(source.zone(), at);
        let day = source.day(date);
        let next = day.stimuli.partition_point(|stimulus| stimulus.at < at);
        Self {
            span: Span::of(source.zone(), date),
            day,
            next,
            source,
        }
    }

    /// When the next stimulus before `until` comes; [`Timeline::take`] gives it.
    pub fn peek(&mut self, until: WallUs) -> Option<WallUs> {
        loop {
            if let Some(stimulus) = self.day.stimuli.get(self.next) {
                return (stimulus.at < until).then_some(stimulus.at);
            }
            if self.span.to >= until {
                return None;
            }
            let date = self.span.date + TimeDelta::days(1);
            self.span = Span::of(self.source.zone(), date);
            self.day = self.source.day(date);
            self.next = 0;
        }
    }

    /// The stimulus that was peeked at, with what it is a part of; moves on.
    pub fn take(&mut self) -> Option<(Stimulus, Option<(HappeningId, &Happening)>)> {
        let stimulus = self.day.stimuli.get(self.next)?;
        self.next += 1;
        let part = stimulus.happening.and_then(|place| {
            let date = self.span.date;
            let happening = self.day.happenings.get(place as usize)?;
            Some((HappeningId { date, place }, happening))
        });
        Some((*stimulus, part))
    }

    /// The power cut of the day at hand.
    pub fn power_cut(&self) -> Option<(WallUs, WallUs)> {
        self.day.power_cut
    }

    /// The first round that begins at or after `at`, within this day or the next.
    pub fn next_round(&self, at: WallUs) -> Option<(HappeningId, WallUs)> {
        let tomorrow = self.span.date + TimeDelta::days(1);
        let find = |day: &Day, date: NaiveDate| {
            let rounds = day.happenings.iter().enumerate();
            rounds
                .filter(|(_, happening)| {
                    happening.what == super::truth::What::Round && happening.at >= at
                })
                .min_by_key(|(_, happening)| happening.at)
                .map(|(place, happening)| {
                    (
                        HappeningId {
                            date,
                            place: place as u32,
                        },
                        happening.at,
                    )
                })
        };
        find(&self.day, self.span.date).or_else(|| find(&self.source.day(tomorrow), tomorrow))
    }
}
