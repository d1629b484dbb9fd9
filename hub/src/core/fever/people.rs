//! What people find out about a suspected fever.

use gatepost_dashboard::{
    ports::{Answer, CommandError, EpisodeAct},
    view::{AlertEntry, ClinicalView, EpisodeState, EpisodeView},
};
use gatepost_model::{
    Wall,
    alert::{AlertState, Outcome},
};

use crate::core::{alerts::Person, state::Part};

/// Somebody found something out. Answers the episode, and whether it changed.
pub(in crate::core) fn act(
    part: &mut Part<'_, '_>,
    known: &EpisodeView,
    act: &EpisodeAct,
    person: Person,
    now: Wall,
) -> Result<(EpisodeView, bool), CommandError> {
    let (state, what) = found(act);
    // Whoever measures again says something new each time.
    if known.state == state && !matches!(act, EpisodeAct::Remeasure { .. }) {
        return Ok((known.clone(), false));
    }
    let is_stale = person.version.is_some_and(|it| it != known.version);
    if is_stale || known.state == EpisodeState::Released {
        let now = Answer::Episode(Box::new(known.clone()));
        return Err(CommandError::Conflict(Box::new(now)));
    }
    allowed(known, act, person.note.as_deref()).map_err(CommandError::Refused)?;

    let mut episode = known.clone();
    if let EpisodeAct::Remeasure { clinical_c, device }
    | EpisodeAct::Confirm { clinical_c, device } = act
    {
        episode.clinical.push(ClinicalView {
            at: now,
            clinical_c: *clinical_c,
            device: device.clone(),
            by: person.by.clone(),
        });
    }
    episode.state = state;
    episode.version += 1;
    episode.history.push(entry(
        now,
        what,
        Some(person.by.clone()),
        person.note.clone(),
    ));
    answer_alert(part, &episode, person, now);
    part.site.episodes.put(episode.clone());
    Ok((episode, true))
}

fn found(act: &EpisodeAct) -> (EpisodeState, &'static str) {
    match act {
        EpisodeAct::Remeasure { .. } => (EpisodeState::Remeasured, "remeasured"),
        EpisodeAct::Confirm { .. } => (EpisodeState::Confirmed, "confirmed"),
        EpisodeAct::Dismiss => (EpisodeState::Dismissed, "dismissed"),
        EpisodeAct::Isolate => (EpisodeState::Isolated, "isolated"),
        EpisodeAct::Release => (EpisodeState::Released, "released"),
    }
}

/// What a clinical thermometer can show of a living person, degC.
const CLINICAL_C: std::ops::RangeInclusive<f64> = 34.0..=43.0;

fn allowed(known: &EpisodeView, act: &EpisodeAct, note: Option<&str>) -> Result<(), String> {
    let is_open = matches!(
        known.state,
        EpisodeState::Suspected | EpisodeState::Remeasured
    );
    match act {
        EpisodeAct::Remeasure { clinical_c, .. } | EpisodeAct::Confirm { clinical_c, .. }
            if !CLINICAL_C.contains(clinical_c) =>
        {
            Err(format!(
                "`clinical_c` is {clinical_c}; a clinical thermometer shows {} to {} degC",
                CLINICAL_C.start(),
                CLINICAL_C.end()
            ))
        }
        EpisodeAct::Remeasure { .. } | EpisodeAct::Confirm { .. } if !is_open => {
            Err("it is decided already".to_owned())
        }
        EpisodeAct::Dismiss if note.is_none() => Err("say in `note` why".to_owned()),
        EpisodeAct::Dismiss if known.state == EpisodeState::Isolated => {
            Err("release the person from isolation instead".to_owned())
        }
        EpisodeAct::Isolate if known.state == EpisodeState::Dismissed => {
            Err("it was dismissed".to_owned())
        }
        EpisodeAct::Release if known.state != EpisodeState::Isolated => {
            Err("nobody is in isolation for it".to_owned())
        }
        _ => Ok(()),
    }
}

/// The episode's alert follows: whoever measures again has it; a confirmed fever is critical, which
/// calls everybody at once, whoever had the suspicion (UI: P1 goes to all channels); and it is over when
/// the person is isolated or well.
fn answer_alert(part: &mut Part<'_, '_>, episode: &EpisodeView, person: Person, now: Wall) {
    let Some(id) = episode.alert else { return };
    let is_open = |alert: &gatepost_dashboard::view::AlertView| alert.state != AlertState::Resolved;
    if !part.alerts.get(id).is_some_and(is_open) {
        return;
    }
    let outcome = match episode.state {
        EpisodeState::Isolated => Outcome::Isolated,
        EpisodeState::Dismissed if episode.clinical.is_empty() => Outcome::FalseReading,
        EpisodeState::Dismissed => Outcome::RemeasuredNormal,
        EpisodeState::Confirmed => {
            part.alerts.give_back(id, &person.by, now);
            return part.alerts.escalate(id, now);
        }
        _ => return part.alerts.take_over(id, &person.by, now),
    };
    part.alerts.close(id, outcome, person, now);
}

/// An alert that a person resolved says what became of its episode.
pub(in crate::core) fn settle_by_alert(
    part: &mut Part<'_, '_>,
    alert: u64,
    outcome: Outcome,
    person: &Person,
    now: Wall,
) {
    let (state, what) = match outcome {
        Outcome::RemeasuredNormal | Outcome::FalseReading => (EpisodeState::Dismissed, "dismissed"),
        Outcome::Isolated => (EpisodeState::Isolated, "isolated"),
        _ => return,
    };
    let known = part
        .site
        .episodes
        .iter()
        .find(|it| it.alert == Some(alert))
        .cloned();
    let Some(mut episode) = known.filter(|it| {
        !matches!(
            it.state,
            EpisodeState::Dismissed | EpisodeState::Isolated | EpisodeState::Released
        )
    }) else {
        return;
    };
    episode.state = state;
    episode.version += 1;
    let said = entry(now, what, Some(person.by.clone()), person.note.clone());
    episode.history.push(said);
    part.site.episodes.put(episode);
}

fn entry(at: Wall, what: &str, by: Option<String>, note: Option<String>) -> AlertEntry {
    AlertEntry {
        at,
        what: what.to_owned(),
        by,
        to: None,
        note,
    }
}
