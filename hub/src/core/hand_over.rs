//! Hand-over of a shift: what is open is written down, signed by who leaves and by who comes, and kept.
//! What the one who left had taken goes back to all when the other signs: nobody has it any more.

use gatepost_dashboard::{
    ports::{Answer, CommandError},
    view::{AlertView, EpisodeState, HandOverView, OpenAlert, Verdict},
};
use gatepost_model::Wall;

use super::state::{Part, Row};

impl Row for HandOverView {
    type Key = u64;

    fn key(&self) -> u64 {
        self.id
    }
}

/// Who leaves signs.
pub(super) fn offer(
    part: &mut Part<'_, '_>,
    now: Wall,
    from: &str,
    to: String,
    note: Option<String>,
) -> Result<(Answer, bool), CommandError> {
    if from == to {
        let why = "`to` is who signs already; name who comes".to_owned();
        return Err(CommandError::Refused(why));
    }
    let waiting = part
        .site
        .hand_overs
        .iter()
        .find(|it| it.accepted_at.is_none());
    if let Some(waiting) = waiting {
        return match waiting.from == from && waiting.to == to {
            true => Ok((Answer::HandOver(Box::new(waiting.clone())), false)),
            false => Err(CommandError::Conflict(Box::new(Answer::HandOver(
                Box::new(waiting.clone()),
            )))),
        };
    }
    let mut alerts: Vec<&AlertView> = part.alerts.open_at(part.id).collect();
    alerts.sort_by_key(|alert| (alert.severity, alert.id));
    let alerts = alerts
        .into_iter()
        .map(|alert| OpenAlert {
            alert: alert.id,
            kind: alert.kind,
            severity: alert.severity,
            state: alert.state,
            zone: alert.subject.zone,
            owner: alert.acknowledged_by.clone(),
        })
        .collect();
    let slots = part.site.base.slots.values().filter(|row| {
        row.slot.start <= now && matches!(row.verdict, Verdict::Due | Verdict::Running)
    });
    let isolated = part.site.episodes.iter();
    let isolated = isolated.filter(|episode| episode.state == EpisodeState::Isolated);
    let newest = part.site.hand_overs.iter().map(|it| it.id).max();
    let offer = HandOverView {
        id: newest.unwrap_or(0) + 1,
        at: now,
        from: from.to_owned(),
        to,
        note,
        alerts,
        slots: slots.map(|row| row.slot.id.clone()).collect(),
        isolated: isolated.map(|episode| episode.id.clone()).collect(),
        accepted_at: None,
        returned: Vec::new(),
    };
    part.site.hand_overs.put(offer.clone());
    Ok((Answer::HandOver(Box::new(offer)), true))
}

/// Who comes signs.
pub(super) fn accept(
    part: &mut Part<'_, '_>,
    now: Wall,
    by: &str,
    id: u64,
) -> Result<(Answer, bool), CommandError> {
    let known = part.site.hand_overs.get(&id).cloned();
    let mut known = known.ok_or_else(|| CommandError::NotFound {
        what: "hand-over",
        id: id.to_string(),
    })?;
    if known.to != by {
        let why = format!("it is for `{}` to sign", known.to);
        return Err(CommandError::Refused(why));
    }
    if known.accepted_at.is_some() {
        return Ok((Answer::HandOver(Box::new(known)), false));
    }
    let held: Vec<u64> = part
        .alerts
        .open_at(part.id)
        .filter(|alert| alert.acknowledged_by.as_deref() == Some(known.from.as_str()))
        .map(|alert| alert.id)
        .collect();
    for alert in &held {
        part.alerts.give_back(*alert, by, now);
    }
    known.accepted_at = Some(now);
    known.returned = held;
    part.site.hand_overs.put(known.clone());
    Ok((Answer::HandOver(Box::new(known)), true))
}
