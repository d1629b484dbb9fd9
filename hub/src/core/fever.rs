//! Suspected fevers: a machine's suspicion is a task at the gate, one for each person screened.

use std::collections::BTreeMap;

use gatepost_dashboard::view::Subject;
use gatepost_model::{SiteId, UnitId, Wall, alert::AlertKind, event::Screening};
use serde_json::Value;

use super::alerts::{Cause, Occurrence};

/// One screening is one cause, whatever the number of attempts.
pub(super) fn cause(site: &SiteId, unit: &UnitId, screening: &Screening) -> Cause {
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
pub(super) fn occurrence(screening: &Screening, at: Wall, is_old: bool) -> Occurrence {
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
