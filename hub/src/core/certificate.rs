//! Certificates near their end, as units tell of their links: a warning 30 days before, critical from 7
//! days before.
//!
//! It is judged when a unit tells of it, by the time at which it did: whether the certificate of a unit
//! that is not heard was renewed, nobody knows, and a week that arrives late is judged as it would have
//! been live. A unit that says nothing of certificates changes nothing.

use chrono::TimeDelta;
use gatepost_dashboard::view::Subject;
use gatepost_model::{UnitId, Wall, alert::AlertKind, event::Certificate};
use serde::{Deserialize, Serialize};

use super::{
    Turn,
    alerts::{Cause, Occurrence},
    state::Part,
};

/// So long before the end somebody is to renew it.
const NEAR: TimeDelta = TimeDelta::days(30);
/// So long before the end it is urgent.
const CLOSE: TimeDelta = TimeDelta::days(7);

/// What a unit said last of the certificates of its link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// The one that ends first.
    pub certificate: Certificate,
    /// When it said so.
    pub at: Wall,
    /// How near the end was then.
    pub distance: Distance,
}

/// How near an end is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Distance {
    /// More than 30 days.
    Far,
    /// 30 days at most.
    Near,
    /// 7 days at most, or it is past.
    Close,
}

impl Distance {
    fn of(ends: Wall, at: Wall) -> Self {
        match () {
            () if at >= ends.plus(-CLOSE) => Self::Close,
            () if at >= ends.plus(-NEAR) => Self::Near,
            () => Self::Far,
        }
    }
}

/// A unit told of its certificates at `at`.
pub(super) fn told(
    part: &mut Part<'_, '_>,
    turn: &Turn<'_>,
    unit: &UnitId,
    certificate: Certificate,
    at: Wall,
) {
    let row = part.site.unit(unit);
    let before = row.certificate;
    if before.is_some_and(|before| at < before.at) {
        return;
    }
    let distance = Distance::of(certificate.ends, at);
    row.certificate = Some(Told {
        certificate,
        at,
        distance,
    });
    let cause = Cause {
        site: part.id.clone(),
        kind: AlertKind::Certificate,
        subject: Subject {
            unit: Some(unit.clone()),
            ..Subject::default()
        },
    };
    let same = before.filter(|before| before.certificate == certificate);
    if same.is_none() {
        part.alerts.clear(&cause, at, turn.now);
    }
    if distance == Distance::Far {
        return;
    }
    let is_old = turn.is_old(at);
    let known = same.map_or(Distance::Far, |same| same.distance);
    if distance > known {
        let stands = part.alerts.newest_of(&cause).is_some_and(|newest| {
            let is_over = newest.outcome.is_some_and(|it| it.is_said_by_people());
            newest.gone_at.is_none() && !is_over
        });
        let id = if stands {
            part.alerts.newest_of(&cause).map(|newest| newest.id)
        } else {
            let occurrence = Occurrence {
                happened_at: at,
                params: params(certificate),
                is_old,
            };
            Some(part.raise(&cause, occurrence, turn.now).0)
        };
        if let Some(id) = id.filter(|_| distance == Distance::Close) {
            part.alerts.escalate(id, turn.now);
        }
    }
    if !is_old {
        part.alerts.call_after_all(&cause, turn.now);
    }
}

fn params(certificate: Certificate) -> std::collections::BTreeMap<String, serde_json::Value> {
    let of = serde_json::to_value(certificate.of).unwrap_or_default();
    [
        ("of".to_owned(), of),
        ("ends".to_owned(), certificate.ends.to_string().into()),
    ]
    .into()
}

#[cfg(test)]
mod tests;
