//! What a unit measured at a lane lately: the person who is measured now, and whether so many
//! suspicions are plausible.
//!
//! It is kept by log, whose order is certain, so that the same screenings make the same episodes
//! whenever they arrive, and whatever others arrive between them.

use gatepost_dashboard::view::AttemptView;
use gatepost_model::{LaneId, LogId, UnitId, Wall};
use serde::{Deserialize, Serialize};

use crate::core::{headcount::HourTable, state::Row};

/// What one log of a unit says of one lane's screenings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MeasuringRow {
    /// The unit.
    pub unit: UnitId,
    /// Its log.
    pub log: LogId,
    /// The lane.
    pub lane: LaneId,
    /// The last screening.
    screening: String,
    /// Its attempts so far, in order, while it made no episode.
    attempts: Vec<AttemptView>,
    /// People screened by quarters of an hour, of the last hour.
    screened: Vec<(Wall, u64)>,
    /// When suspicions were, of the last hour.
    suspected: Vec<Wall>,
}

impl Row for MeasuringRow {
    type Key = (UnitId, LogId, LaneId);

    fn key(&self) -> Self::Key {
        (self.unit.clone(), self.log.clone(), self.lane.clone())
    }
}

impl MeasuringRow {
    /// Nobody was measured yet.
    pub fn new((unit, log, lane): <Self as Row>::Key) -> Self {
        Self {
            unit,
            log,
            lane,
            screening: String::new(),
            attempts: Vec::new(),
            screened: Vec::new(),
            suspected: Vec::new(),
        }
    }

    /// Takes an attempt.
    pub(super) fn measured(&mut self, screening: &str, attempt: AttemptView) {
        if self.screening != screening {
            self.screening = screening.to_owned();
            self.attempts.clear();
            let quarter = HourTable::quarter_of(attempt.at);
            match self.screened.last_mut() {
                Some((last, people)) if *last == quarter => *people += 1,
                _ => self.screened.push((quarter, 1)),
            }
            self.screened
                .retain(|(start, _)| is_within_an_hour(*start, attempt.at));
        }
        self.attempts.push(attempt);
    }

    /// The person measured last is suspected. Answers the attempts, and whether so many suspicions
    /// of so few people are no fevers.
    pub(super) fn suspect(&mut self, at: Wall) -> (Vec<AttemptView>, bool) {
        self.suspected
            .retain(|before| is_within_an_hour(*before, at));
        let before = self.suspected.len();
        self.suspected.push(at);
        let screened: u64 = self.screened.iter().map(|(_, people)| people).sum();
        let is_implausible = before >= MANY && screened < (before as u64 + 1) * PEOPLE_EACH;
        (std::mem::take(&mut self.attempts), is_implausible)
    }
}

/// More suspicions than this at one lane within an hour ...
const MANY: usize = 5;
/// ... of fewer than so many people each are no fevers: on real data one in fifty is suspected.
const PEOPLE_EACH: u64 = 5;
const HOUR_US: i64 = 3_600_000_000;

fn is_within_an_hour(before: Wall, at: Wall) -> bool {
    at.micros_since(before) < HOUR_US
}
