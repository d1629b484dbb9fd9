//! Fever episodes: a machine's suspicion is a task at the gate, one for each person screened; only
//! people confirm or dismiss it.
//!
//! An episode keeps every raw reading of the screening with what it was judged by. A lane that
//! suspects more people than can be ill is itself what is wrong: its further suspicions are kept as
//! episodes and call nobody, and one sensor alert stands for them.

mod measuring;
mod people;

use std::collections::BTreeMap;

use gatepost_dashboard::view::{AttemptView, EpisodeState, EpisodeView, Subject};
use gatepost_model::{
    LaneId, LogId, SiteId, UnitId, Wall,
    alert::AlertKind,
    event::{Screening, ScreeningVerdict},
};
use serde_json::Value;

use super::{
    Turn,
    alerts::{Cause, Occurrence},
    placement::Placed,
    state::{Part, Row},
};

pub use measuring::MeasuringRow;
pub(super) use people::{act, settle_by_alert};

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
    (unit, log): (&UnitId, &LogId),
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
    let key = (unit.clone(), log.clone(), screening.lane.clone());
    let new = || MeasuringRow::new(key.clone());
    let row = part.site.measuring.edit(key.clone(), new);
    row.measured(&screening.id, attempt);
    if screening.verdict != ScreeningVerdict::Fever {
        return false;
    }
    let (attempts, is_implausible) = row.suspect(placed.time);
    let mut episode = EpisodeView {
        id: format!("{}.{unit}.{}", part.id, screening.id),
        site: part.id.clone(),
        unit: unit.clone(),
        lane: screening.lane.clone(),
        screening: screening.id.clone(),
        state: EpisodeState::Suspected,
        happened_at: placed.time,
        attempts,
        clinical: Vec::new(),
        alert: None,
        version: 1,
        history: Vec::new(),
    };
    if is_implausible {
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
