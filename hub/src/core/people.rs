//! What people change, act by act.
//!
//! An act is one entry of its site's audit trail. An act with an idempotency key that was carried
//! out already is answered with what it came to then, for a day.

mod trail;

use gatepost_dashboard::{
    ports::{Act, Answer, Command, CommandError},
    view::{EntryCounts, ExcuseView, HandRound, RollCallView, Verdict},
};
use gatepost_model::{SiteId, UnitId, Wall, alert::AlertState, event::EntryOutcome};

use super::{
    Turn,
    alerts::Person,
    capacity, fever, hand_over,
    headcount::{Anchor, Tally},
    isolation, paging, remote,
    rounds::{Plans, slots_between},
    settings,
    state::{Draft, Part, SaidRow, TallyRow},
};

use crate::holidays::Unmarked;

pub(super) use trail::hex;
pub use trail::verify;

/// Carries a command out in the draft of a turn, or says why not.
pub(super) fn act(
    draft: &mut Draft<'_>,
    turn: &Turn<'_>,
    command: Command,
) -> Result<Answer, CommandError> {
    let Command { by, key, act } = command;
    let print = trail::print_of(&by, &act);
    let site = site_of(draft, &act)?;
    let mut part = part_for(draft, &site, &act)?;
    if let Some(said) = key.as_ref().and_then(|key| part.site.said.get(key)) {
        if said.print != print {
            return Err(CommandError::Refused(
                "the Idempotency-Key was used for something else".to_owned(),
            ));
        }
        return Ok(Answer::Again(said.answer.clone()));
    }
    let (answer, is_new) = carry_out(&mut part, turn.now, &by, act.clone())?;
    if is_new {
        trail::write(&mut part, &by, &act, turn.now);
    }
    if let Some(key) = key {
        part.site.said.put(SaidRow {
            key,
            at: turn.now,
            print,
            answer: serde_json::to_value(&answer).unwrap_or_default(),
        });
    }
    Ok(answer)
}

/// Notes an act that was carried out elsewhere in the trail of its site.
pub(super) fn audit(part: &mut Part<'_, '_>, command: &Command, now: Wall) {
    trail::write(part, &command.by, &command.act, now);
}

/// Forgets idempotency keys whose day is over. Answers when the next is.
pub(super) fn forget(part: &mut Part<'_, '_>, now: Wall) -> Option<Wall> {
    let base = part.site.base;
    let is_over = |row: &&SaidRow| row.forgotten_at() <= now;
    for row in base.said.values().filter(is_over) {
        part.site.said.remove(row.key.clone());
    }
    let kept = base.said.values().filter(|row| !is_over(row));
    kept.map(SaidRow::forgotten_at).min()
}

fn no(what: &'static str, id: impl ToString) -> CommandError {
    CommandError::NotFound {
        what,
        id: id.to_string(),
    }
}

/// Where an act is carried out and kept. The hub's own alerts, and those of sites that it does not
/// know, are answered in the hub's trail; so is a test of the hub's own recipients.
fn part_for<'d, 'a>(
    draft: &'d mut Draft<'a>,
    site: &SiteId,
    act: &Act,
) -> Result<Part<'d, 'a>, CommandError> {
    let base = draft.base();
    let is_the_hubs = match act {
        Act::Alert { .. } => !base.sites.contains_key(site),
        Act::Test { .. } => *site == base.hub.site.id,
        _ => false,
    };
    if is_the_hubs {
        return Ok(draft.hub());
    }
    draft.part(site).ok_or_else(|| no("site", site))
}

fn site_of(draft: &Draft<'_>, act: &Act) -> Result<SiteId, CommandError> {
    match act {
        Act::Alert { alert, .. } => {
            let known = draft.alerts.get(*alert);
            known
                .map(|it| it.site.clone())
                .ok_or_else(|| no("alert", alert))
        }
        Act::Episode { episode, .. } => {
            let (site, _, _) = parts_of(episode)?;
            Ok(site)
        }
        Act::Excuse { site, .. }
        | Act::Round { site, .. }
        | Act::Test { site, .. }
        | Act::Release { site, .. }
        | Act::HandOver { site, .. }
        | Act::AcceptHandOver { site, .. }
        | Act::RollCall { site, .. }
        | Act::Entry { site, .. }
        | Act::Configure { site, .. }
        | Act::Settings { site, .. }
        | Act::Calendar { site, .. }
        | Act::Tell { site, .. } => Ok(site.clone()),
        Act::Retry { quarantine } => Err(no("item in quarantine", quarantine)),
    }
}

/// Site, unit and screening of an episode's id.
fn parts_of(episode: &str) -> Result<(SiteId, UnitId, String), CommandError> {
    let read = || {
        let mut parts = episode.splitn(3, '.');
        let site = parts.next()?.parse().ok()?;
        let unit = parts.next()?.parse().ok()?;
        Some((site, unit, parts.next()?.to_owned()))
    };
    read().ok_or_else(|| no("episode", episode))
}

/// What it came to, and whether it changed anything.
fn carry_out(
    part: &mut Part<'_, '_>,
    now: Wall,
    by: &str,
    act: Act,
) -> Result<(Answer, bool), CommandError> {
    match act {
        Act::Alert {
            alert: id,
            version,
            note,
            act,
        } => {
            let person = Person {
                by: by.to_owned(),
                note,
                version,
            };
            let before = part.alerts.get(id).map(|it| (it.version, it.state));
            let alert = part.alerts.act(id, &act, person.clone(), now)?;
            let is_new = before != Some((alert.version, alert.state));
            if let Some(outcome) = alert.outcome.filter(|_| is_new)
                && alert.state == AlertState::Resolved
            {
                fever::settle_by_alert(part, id, outcome, &person, now);
            }
            Ok((Answer::Alert(Box::new(alert)), is_new))
        }
        Act::Episode {
            episode,
            version,
            note,
            act,
        } => {
            let (_, unit, screening) = parts_of(&episode)?;
            let known = part.site.episodes.get(&(unit, screening)).cloned();
            let known = known.ok_or_else(|| no("episode", &episode))?;
            let person = Person {
                by: by.to_owned(),
                note,
                version,
            };
            let (episode, is_new) = fever::act(part, &known, &act, person, now)?;
            Ok((Answer::Episode(Box::new(episode)), is_new))
        }
        Act::Retry { quarantine } => Err(no("item in quarantine", quarantine)),
        Act::Test { recipient, .. } => {
            let mut known = part.site.base.site.recipients.iter();
            let known = known.find(|it| it.name == recipient);
            let known = known.ok_or_else(|| no("recipient", &recipient))?;
            let message = paging::test(part.id, known, part.post, now);
            Ok((Answer::Message(message), true))
        }
        Act::Release { count, .. } => isolation::release(part, now, count),
        Act::HandOver { to, note, .. } => hand_over::offer(part, now, by, to, note),
        Act::AcceptHandOver { id, .. } => hand_over::accept(part, now, by, id),
        Act::Excuse { slot, reason, .. } => excuse(part, now, by, &slot, reason),
        Act::Round { round, .. } => hand_round(part, now, by, round),
        Act::RollCall { zone, count, .. } => {
            let of = zone;
            if part.site.base.people_lanes(of).is_empty() {
                let place = of.map_or_else(|| "site".to_owned(), |zone| zone.to_string());
                return Err(CommandError::Refused(format!(
                    "no lane of people leads into {place}: there is no headcount"
                )));
            }
            let known = part.site.tallies.get(&of);
            let sum = known.map(|row| row.tally.raw());
            let mut called = RollCallView {
                zone: of,
                at: now,
                by: by.to_owned(),
                counted: count,
                estimate: None,
                correction: None,
            };
            called.set_sum(sum);
            let anchor = Anchor {
                at: now,
                count: i64::try_from(count).unwrap_or(i64::MAX),
                called: true,
            };
            let tally = Tally::new(anchor);
            part.site.tallies.put(TallyRow { of, tally });
            part.site.roll_calls.put(called.clone());
            capacity::look_at(part, of, now);
            Ok((Answer::RollCall(called), true))
        }
        Act::Configure {
            unit,
            version,
            text,
            ..
        } => remote::configure(part, now, by, &unit, (version, text)),
        Act::Settings { version, text, .. } => settings::change(part, version.as_deref(), &text),
        Act::Calendar {
            text, all_holidays, ..
        } => settings::calendar(part, now, &text, Unmarked::of(all_holidays)),
        Act::Tell { unit, command, .. } => remote::tell(part, now, by, &unit, command),
        Act::Entry {
            lane,
            outcome,
            reason,
            ..
        } => {
            if !part.site.base.site.lanes.iter().any(|it| it.id == lane) {
                return Err(no("lane", &lane));
            }
            if outcome == EntryOutcome::Refused && reason.is_none() {
                return Err(CommandError::Refused(
                    "say in `reason` why somebody was refused".to_owned(),
                ));
            }
            let counts = count_entry(part, now, outcome, reason.as_deref());
            Ok((Answer::Entries(counts), true))
        }
    }
}

/// The balance of the site-local day of a moment.
pub(super) fn balance_of<'d>(part: &'d mut Part<'_, '_>, at: Wall) -> &'d mut EntryCounts {
    let date = part.site.base.zone.day_of(at).to_string();
    part.site.entries.edit(date.clone(), || EntryCounts {
        date,
        ..EntryCounts::default()
    })
}

/// Counts one entry in the balance of its site-local day.
pub(super) fn count_entry(
    part: &mut Part<'_, '_>,
    at: Wall,
    outcome: EntryOutcome,
    reason: Option<&str>,
) -> EntryCounts {
    let row = balance_of(part, at);
    match outcome {
        EntryOutcome::Admitted => row.admitted += 1,
        EntryOutcome::Refused => {
            row.refused += 1;
            let reason = reason.unwrap_or("unsaid").to_owned();
            *row.reasons.entry(reason).or_default() += 1;
        }
        EntryOutcome::Isolated => row.isolated += 1,
    }
    row.clone()
}

fn excuse(
    part: &mut Part<'_, '_>,
    now: Wall,
    by: &str,
    slot: &str,
    reason: String,
) -> Result<(Answer, bool), CommandError> {
    if let Some(known) = part.site.excuses.get(&slot.to_owned()) {
        return Ok((Answer::Excuse(known.clone()), false));
    }
    let base = part.site.base;
    let known = base.slots.values().find(|row| row.slot.id == slot);
    let planned = || {
        let ahead = now.plus(chrono::TimeDelta::days(60));
        let slots = slots_between(&Plans::of(base), now, ahead);
        slots.into_iter().find(|it| it.id == slot)
    };
    let found = known.map(|row| row.slot.clone()).or_else(planned);
    let found = found.ok_or_else(|| no("slot", slot))?;
    if known.is_some_and(|row| matches!(row.verdict, Verdict::Done | Verdict::Late)) {
        return Err(CommandError::Refused("the round was done".to_owned()));
    }
    let excuse = ExcuseView {
        slot: found.id,
        at: now,
        by: by.to_owned(),
        reason,
    };
    part.site.judged.mark(found.start, found.end);
    part.site.excuses.put(excuse.clone());
    Ok((Answer::Excuse(excuse), true))
}

/// The oldest round that may still be recorded by hand: a week, as long as units may be silent.
const OLDEST_US: i64 = 7 * 24 * 3_600_000_000;

fn hand_round(
    part: &mut Part<'_, '_>,
    now: Wall,
    by: &str,
    round: HandRound,
) -> Result<(Answer, bool), CommandError> {
    let refused = |reason: &str| Err(CommandError::Refused(reason.to_owned()));
    if round.started >= round.ended {
        return refused("`ended` must be after `started`");
    }
    if round.ended > now {
        return refused("`ended` lies in the future");
    }
    if now.micros_since(round.started) > OLDEST_US {
        return refused("it is more than a week ago");
    }
    if !part.site.base.site.zone(round.zone).used {
        return refused("the site does not use that zone");
    }
    if round
        .litres
        .is_some_and(|litres| !(0.0..=10_000.0).contains(&litres))
    {
        return refused("`litres` must be 0 to 10000");
    }
    let round = HandRound {
        id: format!("hand-{}", part.site.hand_rounds.iter().count() + 1),
        recorded_at: Some(now),
        recorded_by: by.to_owned(),
        ..round
    };
    // A round may be the late one of a slot that ended up to two days before.
    let reach = chrono::TimeDelta::days(2);
    part.site
        .judged
        .mark(round.started.plus(-reach), round.ended);
    part.site.hand_rounds.put(round.clone());
    Ok((Answer::Round(Box::new(round)), true))
}

#[cfg(test)]
mod tests;
