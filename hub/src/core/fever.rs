//! Fever episodes: a machine's suspicion is a task at the gate, one for each person screened; only
//! people confirm or dismiss it.
//!
//! An episode keeps every raw reading of the screening with what it was judged by. A lane that
//! suspects more people than can be ill is itself what is wrong: its further suspicions are kept as
//! episodes and call nobody, and one sensor alert stands for them.

mod people;

use std::collections::BTreeMap;

use gatepost_dashboard::view::{AttemptView, EpisodeState, EpisodeView, Subject};
use gatepost_model::{
    LaneId, SiteId, UnitId, Wall,
    alert::AlertKind,
    event::{Screening, ScreeningVerdict},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    Turn,
    alerts::{Cause, Occurrence},
    headcount::HourTable,
    placement::Placed,
    state::{Part, Row, SiteDraft},
};

pub(super) use people::{act, settle_by_alert};

/// What was measured of the person at a lane so far.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Measuring {
    /// The screening.
    pub screening: String,
    /// Its attempts, in order.
    pub attempts: Vec<AttemptView>,
}

impl Row for EpisodeView {
    type Key = (UnitId, String);

    fn key(&self) -> Self::Key {
        (self.unit.clone(), self.screening.clone())
    }
}

/// Takes an attempt of a screening. Answers whether it made a new episode.
pub(super) fn take(
    part: &mut Part<'_, '_>,
    turn: &Turn<'_>,
    unit: &UnitId,
    screening: &Screening,
    placed: Placed,
) -> bool {
    let attempt = attempt_of(screening, placed);
    let key = (unit.clone(), screening.id.clone());
    if let Some(known) = part.site.episodes.get(&key) {
        let mut episode = known.clone();
        episode.attempts.push(attempt);
        part.site.episodes.put(episode);
        return false;
    }
    let row = super::intake::lane_row(part.site, &screening.lane);
    let mut measuring = match row.measuring.take() {
        Some(measuring) if measuring.screening == screening.id => measuring,
        _ => Measuring {
            screening: screening.id.clone(),
            attempts: Vec::new(),
        },
    };
    measuring.attempts.push(attempt);
    if screening.verdict != ScreeningVerdict::Fever {
        row.measuring = Some(measuring);
        return false;
    }
    let mut episode = EpisodeView {
        id: format!("{}.{unit}.{}", part.id, screening.id),
        site: part.id.clone(),
        unit: unit.clone(),
        lane: screening.lane.clone(),
        screening: screening.id.clone(),
        state: EpisodeState::Suspected,
        happened_at: placed.time,
        attempts: measuring.attempts,
        clinical: Vec::new(),
        alert: None,
        version: 1,
        history: Vec::new(),
    };
    if is_implausible(part.site, unit, &screening.lane, placed.time) {
        suspect_the_sensor(part, turn, unit, &screening.lane, placed.time);
    } else {
        let cause = cause(part.id, unit, screening);
        let age_us = turn.now.micros_since(placed.time);
        let mut occurrence = occurrence(screening, placed.time, age_us > LATE_US);
        if turn.is_old(placed.time) {
            occurrence.params.insert("late".to_owned(), true.into());
        }
        episode.alert = Some(part.raise(&cause, occurrence, turn.now).0);
    }
    part.site.episodes.put(episode);
    true
}

/// A fever that arrives late still calls somebody while the person may be on the site: one shift,
/// microseconds.
const LATE_US: i64 = 8 * 3_600_000_000;

/// More suspicions than this at one lane within an hour ...
const MANY: usize = 5;
/// ... of fewer than so many people each are no fevers: on real data one in fifty is suspected.
const PEOPLE_EACH: u64 = 5;
const HOUR_US: i64 = 3_600_000_000;

fn is_implausible(site: &SiteDraft<'_>, unit: &UnitId, lane: &LaneId, at: Wall) -> bool {
    let suspected = site
        .episodes
        .iter()
        .filter(|episode| episode.unit == *unit && episode.lane == *lane)
        .filter(|episode| (0..HOUR_US).contains(&at.micros_since(episode.happened_at)))
        .count();
    if suspected < MANY {
        return false;
    }
    let quarters = (0..4).map(|back| HourTable::quarter_of(at.plus_micros(-back * HOUR_US / 4)));
    let screened: u64 = quarters
        .filter_map(|start| site.quarters.get(&(lane.clone(), start)))
        .map(|quarter| quarter.screened)
        .sum();
    screened < (suspected as u64 + 1) * PEOPLE_EACH
}

fn suspect_the_sensor(
    part: &mut Part<'_, '_>,
    turn: &Turn<'_>,
    unit: &UnitId,
    lane: &LaneId,
    at: Wall,
) {
    let cause = Cause {
        site: part.id.clone(),
        kind: AlertKind::SensorFault,
        subject: Subject {
            unit: Some(unit.clone()),
            lane: Some(lane.clone()),
            id: Some("implausible_rate".to_owned()),
            ..Subject::default()
        },
    };
    let occurrence = Occurrence {
        happened_at: at,
        params: [("code".to_owned(), "implausible_rate".into())].into(),
        is_old: turn.is_old(at),
    };
    part.raise(&cause, occurrence, turn.now);
}

/// One screening is one cause, whatever the number of attempts.
fn cause(site: &SiteId, unit: &UnitId, screening: &Screening) -> Cause {
    Cause {
        site: site.clone(),
        kind: AlertKind::FeverSuspected,
        subject: Subject {
            unit: Some(unit.clone()),
            lane: Some(screening.lane.clone()),
            id: Some(screening.id.clone()),
            ..Subject::default()
        },
    }
}

/// What the judgement rests on goes with it.
fn occurrence(screening: &Screening, at: Wall, is_old: bool) -> Occurrence {
    let mut params: BTreeMap<String, Value> = [
        ("skin_c".to_owned(), screening.skin_c.into()),
        ("rule".to_owned(), screening.rule.clone().into()),
        ("attempt".to_owned(), screening.attempt.into()),
    ]
    .into();
    let measured = [
        ("baseline_c", screening.baseline_c),
        ("delta_c", screening.delta_c),
        ("ambient_c", screening.ambient_c),
    ];
    for (name, value) in measured {
        if let Some(value) = value {
            params.insert(name.to_owned(), value.into());
        }
    }
    Occurrence {
        happened_at: at,
        params,
        is_old,
    }
}

fn attempt_of(screening: &Screening, placed: Placed) -> AttemptView {
    let verdict = match screening.verdict {
        ScreeningVerdict::Normal => "normal",
        ScreeningVerdict::Remeasure => "remeasure",
        ScreeningVerdict::Fever => "fever",
        ScreeningVerdict::WarmingUp => "warming_up",
    };
    AttemptView {
        attempt: screening.attempt,
        at: placed.time,
        skin_c: screening.skin_c,
        ambient_c: screening.ambient_c,
        baseline_c: screening.baseline_c,
        delta_c: screening.delta_c,
        rule: screening.rule.clone(),
        verdict: verdict.to_owned(),
    }
}
