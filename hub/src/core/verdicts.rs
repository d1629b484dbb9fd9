//! Looks at the slots that may have changed, and keeps what became of their verdicts.
//!
//! A verdict changes with the record (a round, proof of watching, blind time: the turn that took
//! them marks the time as stale) or with time alone (a window opens or closes). Nothing else is
//! looked at, so that fourteen days of backlog cost little.

use chrono::TimeDelta;
use gatepost_dashboard::view::{Proof, Subject, Verdict, VerdictChange};
use gatepost_model::{Wall, alert::AlertKind, event::RoundPhase};

use super::{
    Settings,
    alerts::{Cause, Occurrence},
    coverage,
    downtime::Lived,
    rounds::{
        Case, Least, MAX_OPEN, Plans, SeenRound, Slot, UNSEEN_TOLERANCE_US, judge, keep_plan,
        next_start, slots_between,
    },
    state::{Judged, Part, Row, SiteState, SlotRow},
};

/// So far back slots are looked at after a start, or after a change of the site's settings.
pub(super) const REACH: TimeDelta = TimeDelta::days(60);

/// What all sites share of what decides.
#[derive(Debug, Clone, Copy)]
pub(super) struct Context<'a> {
    /// What the core is told.
    pub(super) settings: &'a Settings,
    /// When the hub itself was down.
    pub(super) lived: &'a Lived,
}

/// Looks at a site's slots, as far as needed. Answers when to look again.
pub(super) fn tick(part: &mut Part<'_, '_>, context: Context<'_>, now: Wall) -> Option<Wall> {
    let settings = context.settings;
    let base = part.site.base;
    if part.site.judged != base.judged {
        // The record changes in this very turn: what is looked at is the state before it.
        return Some(now);
    }
    keep_plan(part, now);
    let is_catching_up = is_catching_up(base, now);
    let mut judged = base.judged.clone();
    if !is_catching_up && let Some((from, to)) = judged.deferred.take() {
        judged.mark(from, to);
    }
    let is_due = judged.next.is_none_or(|next| next <= now);
    if judged.stale.is_none() && !is_due {
        return next_look(base, &judged, now);
    }
    if is_due {
        // What an edge in time can change is at most a long round before it.
        let from = judged.next.map_or(now.plus(-REACH), |next| {
            next.plus(-(settings.slot_grace.max(MAX_OPEN) + TimeDelta::minutes(1)))
        });
        judged.mark(from, now);
    }
    if let Some((from, to)) = judged.stale.take() {
        let to = to.plus_micros(1).min(now.plus_micros(1));
        // What the verdicts of older slots rest on is forgotten.
        let from = from.max(now.plus(-REACH));
        let slots = slots_between(&Plans::of(base), from, to);
        let rounds = rounds_near(base, from, to);
        for slot in slots.into_iter().filter(|slot| slot.start <= now) {
            let (verdict, proof) = look(base, settings, &slot, &rounds, now);
            let is_new = !base.slots.contains_key(&(slot.end, slot.id.clone()));
            if is_new && verdict == Verdict::Unknown && is_catching_up {
                judged.defer(slot.start, slot.end);
                continue;
            }
            settle(part, context, slot, verdict, proof, now);
        }
    }
    judged.next = Some(next_edge(base, settings, now));
    let next = next_look(base, &judged, now);
    part.site.judged = judged;
    next
}

/// While a backlog arrives its end is looked for, too; that one begins is news by itself.
fn next_look(site: &SiteState, judged: &Judged, now: Wall) -> Option<Wall> {
    let arrives = judged.deferred.is_some() && !site.logs.is_empty();
    let waits = arrives.then(|| now.plus(BACKLOG_PACE));
    judged.next.into_iter().chain(waits).min()
}

/// Between two looks whether a backlog has arrived.
const BACKLOG_PACE: TimeDelta = TimeDelta::seconds(5);

/// Whether what the site's units saw is still to come: then a first verdict of *unknown* would only
/// say that the backlog has not arrived. So it is as long as no unit was heard at all.
fn is_catching_up(site: &SiteState, now: Wall) -> bool {
    site.logs.is_empty() || site.units.keys().any(|unit| site.is_catching_up(unit, now))
}

/// The verdict on a slot by the record as it is.
fn look(
    site: &SiteState,
    settings: &Settings,
    slot: &Slot,
    rounds: &[SeenRound],
    now: Wall,
) -> (Verdict, Option<Proof>) {
    let is_over = now >= slot.end.plus(settings.slot_grace);
    let watched = is_over
        && site.sight.throughout(
            &coverage::Subject::Zone(slot.zone),
            slot.start,
            slot.end,
            UNSEEN_TOLERANCE_US,
        );
    let plans = Plans::of(site);
    let (settings_then, _) = plans.on(slot.date);
    let case = Case {
        slot,
        next_start: next_start(&plans, slot),
        rounds,
        least: Least::of(&settings_then.zone(slot.zone)),
        watched,
        excused: site.excuses.contains_key(&slot.id),
        now,
        grace: settings.slot_grace,
    };
    let (verdict, round) = judge(&case);
    (verdict, round.map(SeenRound::proof))
}

/// What a slot that was never looked at has as its verdict.
pub fn provisional(slot: &Slot, grace: TimeDelta, now: Wall) -> Verdict {
    if now < slot.start {
        Verdict::Upcoming
    } else if now < slot.end.plus(grace) {
        Verdict::Due
    } else {
        Verdict::Unknown
    }
}

fn rounds_near(site: &SiteState, from: Wall, to: Wall) -> Vec<SeenRound> {
    let (from, to) = (from.plus(-TimeDelta::days(2)), to.plus(TimeDelta::days(8)));
    let seen = site.rounds.values().map(|row| row.seen.clone());
    let by_hand = site.hand_rounds.values().map(SeenRound::by_hand);
    seen.chain(by_hand)
        .filter(|seen| seen.started < to && seen.ended.unwrap_or(seen.started) >= from)
        .collect()
}

/// Keeps a verdict, its history, and the alert for one that is missed.
fn settle(
    part: &mut Part<'_, '_>,
    context: Context<'_>,
    slot: Slot,
    verdict: Verdict,
    proof: Option<Proof>,
    now: Wall,
) {
    let mut row = SlotRow {
        slot,
        verdict,
        since: now,
        proof,
        history: Vec::new(),
    };
    let before = part.site.slots.get(&row.key());
    if let Some(before) = before {
        row.history.clone_from(&before.history);
        if before.verdict == verdict {
            row.since = before.since;
        } else if is_word(before.verdict) {
            row.history.push(VerdictChange {
                at: before.since,
                verdict: before.verdict,
            });
        }
    }
    // What is short may still be made good in the window.
    let is_over = now >= row.slot.end.plus(context.settings.slot_grace);
    let is_wrong = |kind| match kind {
        AlertKind::ShortRound => verdict == Verdict::Short && is_over,
        _ => verdict == Verdict::Missed,
    };
    for kind in [AlertKind::MissedRound, AlertKind::ShortRound] {
        let cause = cause(part, kind, &row.slot);
        let newest = part.alerts.newest_of(&cause);
        let is_told = newest.is_some_and(|alert| alert.gone_at.is_none());
        if is_wrong(kind) && !is_told {
            let occurrence = occurrence(&row.slot, context, now);
            part.raise(&cause, occurrence, now);
        } else if !is_wrong(kind) && is_told {
            part.alerts.clear_for_good(&cause, now);
        }
    }
    if part.site.slots.get(&row.key()) != Some(&row) {
        part.site.slots.put(row);
    }
}

fn cause(part: &Part<'_, '_>, kind: AlertKind, slot: &Slot) -> Cause {
    Cause {
        site: part.id.clone(),
        kind,
        subject: Subject {
            zone: Some(slot.zone),
            id: Some(slot.id.clone()),
            ..Subject::default()
        },
    }
}

fn occurrence(slot: &Slot, context: Context<'_>, now: Wall) -> Occurrence {
    let Context { settings, lived } = context;
    let due = slot.end.plus(settings.slot_grace);
    // What fell due while the hub was down is news when it is back.
    let seen_late = now.micros_since(lived.awake_after(due));
    Occurrence {
        happened_at: slot.end,
        params: [
            ("start".to_owned(), slot.start.to_string().into()),
            ("end".to_owned(), slot.end.to_string().into()),
        ]
        .into(),
        is_old: seen_late > settings.old_news_us,
    }
}

/// Whether a verdict is one that another corrects, and not a station on the way.
fn is_word(verdict: Verdict) -> bool {
    !matches!(verdict, Verdict::Upcoming | Verdict::Due | Verdict::Running)
}

/// When time alone may change a verdict next.
fn next_edge(site: &SiteState, settings: &Settings, now: Wall) -> Wall {
    let (from, to) = (now.plus(-TimeDelta::days(1)), now.plus(TimeDelta::days(2)));
    let slots = slots_between(&Plans::of(site), from, to);
    let windows = slots
        .iter()
        .flat_map(|slot| [slot.start, slot.end, slot.end.plus(settings.slot_grace)]);
    let running = site
        .rounds
        .values()
        .filter(|row| row.seen.phase == RoundPhase::Started)
        .map(|row| row.seen.started.plus(MAX_OPEN));
    windows
        .chain(running)
        .filter(|edge| *edge > now)
        .min()
        .unwrap_or(now.plus(TimeDelta::days(1)))
}
