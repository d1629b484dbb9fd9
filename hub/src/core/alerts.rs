//! Alerts: one for each thing that is wrong, however often it comes again.
//!
//! - A cause (site, kind, subject) has one alert while it is open; the same again only counts.
//! - What can go away by itself ([`clears_itself`]) is resolved when it has stayed away for a while;
//!   the rest stays until a person resolves it.
//! - After an acknowledgement somebody believes that it is dealt with: a cause that went away and
//!   comes again, or loss, a fork or a quarantine anew, is a new alert then.
//! - What went away and comes back within the hold and ten minutes more is the same alert again: it
//!   flaps, and is counted. That goes by when things happened and not by when the hub learned of
//!   them, so that a day makes the same alerts live and a week late.
//! - Old news (over, or long ago when the hub first sees it) becomes an alert that is resolved as
//!   `late` at once: it is in the record and calls nobody.

mod book;
mod family;
mod people;

use std::collections::BTreeMap;

use gatepost_dashboard::view::{AlertEntry, AlertView, Subject};
use gatepost_model::{
    SiteId, Wall,
    alert::{AlertKind, AlertState, Outcome, Severity},
};
use serde_json::Value;

pub use book::{Book, BookDraft};
pub use family::link_lost;
pub use people::{LONGEST_SHELF, Person};

/// What is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cause {
    /// The site.
    pub site: SiteId,
    /// What is wrong.
    pub kind: AlertKind,
    /// With what.
    pub subject: Subject,
}

/// That it happened, once.
#[derive(Debug, Clone, PartialEq)]
pub struct Occurrence {
    /// When.
    pub happened_at: Wall,
    /// Figures for the alert's text.
    pub params: BTreeMap<String, Value>,
    /// It is over, or long ago: nobody need be called.
    pub is_old: bool,
}

impl Cause {
    /// What an alert is about.
    pub fn of(alert: &AlertView) -> Self {
        Self {
            site: alert.site.clone(),
            kind: alert.kind,
            subject: alert.subject.clone(),
        }
    }
}

/// A line of an alert's history that no person wrote.
fn entry(at: Wall, what: &str) -> AlertEntry {
    AlertEntry {
        at,
        what: what.to_owned(),
        by: None,
        to: None,
        note: None,
    }
}

/// Whether its cause can go away, and the alert with it.
pub fn clears_itself(kind: AlertKind) -> bool {
    match kind {
        AlertKind::UnitOffline
        | AlertKind::SensorFault
        | AlertKind::ClockDisputed
        | AlertKind::SiteLinkLost
        | AlertKind::MissedRound
        | AlertKind::ShortRound
        | AlertKind::Capacity
        | AlertKind::DeliveryFailed
        | AlertKind::HubTrouble
        | AlertKind::Certificate => true,
        AlertKind::FeverSuspected | AlertKind::Quarantine | AlertKind::Loss | AlertKind::Fork => {
            false
        }
    }
}

/// Whether each occurrence stands for itself, so that one after an acknowledgement is a new alert.
fn stands_alone(kind: AlertKind) -> bool {
    matches!(
        kind,
        AlertKind::Loss | AlertKind::Fork | AlertKind::Quarantine
    )
}

impl BookDraft<'_> {
    /// Something is wrong. Answers the alert, and whether it is a new one.
    pub fn raise(
        &mut self,
        cause: &Cause,
        severity: Severity,
        occurrence: Occurrence,
        now: Wall,
    ) -> (u64, bool) {
        if let Some(newest) = self.newest_of(cause)
            && is_the_same(newest, &occurrence, self.hold_us)
        {
            let mut alert = newest.clone();
            again(&mut alert, &occurrence, now);
            return (self.put(alert), false);
        }
        // It was answered, or went away long ago, and is over for whoever looked after it.
        if let Some(open) = self.open_of(cause)
            && open.cleared
        {
            let mut alert = open.clone();
            finish(&mut alert, now, Outcome::Cleared, None, None);
            self.put(alert);
        }
        let mut alert = AlertView {
            id: self.next_id(),
            kind: cause.kind,
            severity,
            state: AlertState::Raised,
            site: cause.site.clone(),
            subject: cause.subject.clone(),
            params: occurrence.params,
            happened_at: occurrence.happened_at,
            seen_at: Some(occurrence.happened_at),
            gone_at: None,
            raised_at: now,
            count: 1,
            cleared: false,
            parent: None,
            assigned_to: None,
            shelved_until: None,
            acknowledged_by: None,
            acknowledged_at: None,
            resolved_at: None,
            outcome: None,
            version: 1,
            history: vec![entry(now, "raised")],
        };
        if occurrence.is_old {
            finish(&mut alert, now, Outcome::Late, None, None);
        }
        (self.put(alert), true)
    }

    /// The cause went away at `at`. The alert is resolved by [`Self::settle`] when it stays away.
    pub fn clear(&mut self, cause: &Cause, at: Wall, now: Wall) {
        let Some(newest) = self.newest_of(cause).filter(|it| it.gone_at.is_none()) else {
            return;
        };
        let mut alert = newest.clone();
        alert.gone_at = Some(at);
        if alert.state != AlertState::Resolved && !alert.cleared {
            alert.cleared = true;
            alert.version += 1;
            remember(&mut alert, entry(now, CLEARED));
        }
        self.put(alert);
    }

    /// The cause went away for good, or never was: the alert is resolved at once.
    pub fn clear_for_good(&mut self, cause: &Cause, now: Wall) {
        if let Some(newest) = self.newest_of(cause) {
            let mut alert = newest.clone();
            alert.gone_at = alert.gone_at.or(Some(now));
            if alert.state != AlertState::Resolved {
                finish(&mut alert, now, Outcome::Cleared, None, None);
            }
            self.put(alert);
        }
    }

    /// What was old news when it was learned of, and lasts to this day: it begins to call.
    pub fn call_after_all(&mut self, cause: &Cause, now: Wall) {
        if let Some(untold) = self.newest_of(cause).filter(|newest| is_untold(newest)) {
            let mut alert = untold.clone();
            reopen(&mut alert, now);
            remember(&mut alert, entry(now, "again"));
            self.put(alert);
        }
    }

    /// What time alone does: alerts whose cause went away `hold_us` microseconds ago and did not
    /// come back are resolved, shelves end, and a suspected fever that nobody answered for
    /// [`UNANSWERED_US`] becomes critical.
    pub fn settle(&mut self, now: Wall) {
        self.take_off_the_shelf(now);
        let hold_us = self.hold_us;
        let gone = self.due(|waiting| waiting.gone.range(..=(now.plus_micros(-hold_us), u64::MAX)));
        for mut alert in gone {
            let is_due = cleared_at(&alert).is_some_and(|at| now.micros_since(at) >= hold_us);
            if is_due {
                finish(&mut alert, now, Outcome::Cleared, None, None);
                self.put(alert);
            }
        }
        let patience = now.plus_micros(-UNANSWERED_US);
        let unanswered = self.due(|waiting| waiting.fevers.range(..=(patience, u64::MAX)));
        for alert in unanswered {
            if fever_waits_since(&alert).is_some_and(|since| since <= patience) {
                self.escalate(alert.id, now);
            }
        }
    }

    /// An alert becomes critical, unless it is.
    pub fn escalate(&mut self, id: u64, now: Wall) {
        let open = self
            .get(id)
            .filter(|it| it.state != AlertState::Resolved || is_untold(it));
        if let Some(known) = open.filter(|alert| alert.severity != Severity::Critical) {
            let mut alert = known.clone();
            alert.severity = Severity::Critical;
            alert.version += 1;
            remember(&mut alert, entry(now, "escalated"));
            self.put(alert);
        }
    }
}

/// A suspected fever that nobody answers for so long is critical, microseconds.
const UNANSWERED_US: i64 = 300_000_000;

/// What comes back so soon after it went away and stayed away for the hold flaps, microseconds (UI:
/// life cycle).
const FLAP_US: i64 = 600_000_000;

/// Whether another occurrence belongs to the newest alert of its cause.
fn is_the_same(newest: &AlertView, occurrence: &Occurrence, hold_us: i64) -> bool {
    let is_answered = newest.acknowledged_by.is_some();
    let is_open = newest.state != AlertState::Resolved;
    // What a person resolved is over; what the hub resolved may go on.
    let is_the_hubs = is_open || newest.outcome.is_some_and(|it| !it.is_said_by_people());
    if stands_alone(newest.kind) {
        return is_the_hubs && !is_answered;
    }
    match newest.gone_at {
        None => is_the_hubs,
        Some(gone_at) => {
            let away_us = occurrence.happened_at.micros_since(gone_at);
            // The verdict on a planned round does not flap: it is corrected.
            let is_a_round = matches!(newest.kind, AlertKind::MissedRound | AlertKind::ShortRound);
            let flaps = !is_a_round && away_us < hold_us + FLAP_US;
            is_the_hubs && !is_answered && flaps
        }
    }
}

/// When the hub learned that the cause of an open alert went away, if the alert ends by that.
fn cleared_at(alert: &AlertView) -> Option<Wall> {
    let ends = alert.state != AlertState::Resolved && alert.cleared && clears_itself(alert.kind);
    let cleared = || alert.history.iter().rfind(|entry| entry.what == CLEARED);
    // The history may have been cut: then it was long ago.
    ends.then(|| cleared().map_or(alert.raised_at, |entry| entry.at))
}

/// Since when a suspected fever waits for somebody.
fn fever_waits_since(alert: &AlertView) -> Option<Wall> {
    let waits = alert.kind == AlertKind::FeverSuspected
        && alert.state == AlertState::Raised
        && alert.severity != Severity::Critical;
    let returned = alert
        .history
        .iter()
        .rfind(|entry| entry.what == people::RETURNED);
    waits.then(|| returned.map_or(alert.raised_at, |entry| entry.at))
}

const CLEARED: &str = "cleared";

/// The same again: counted, with the newest figures. It is no change that somebody who wants to
/// answer the alert must look at first, so the version stays, unless the cause had gone away.
fn again(alert: &mut AlertView, occurrence: &Occurrence, now: Wall) {
    alert.count += 1;
    take_figures(alert, occurrence);
    let at = occurrence.happened_at;
    alert.happened_at = alert.happened_at.min(at);
    alert.seen_at = alert.seen_at.max(Some(at));
    let lasts = alert.gone_at.is_none_or(|gone_at| gone_at <= at);
    if lasts {
        alert.gone_at = None;
    }
    if alert.state == AlertState::Resolved {
        // Old news calls nobody, whatever it belongs to.
        if occurrence.is_old || !lasts {
            return;
        }
        reopen(alert, now);
    } else if alert.cleared && lasts {
        alert.cleared = false;
        alert.version += 1;
    }
    // A cause that flaps must not fill the history with itself.
    match alert.history.last_mut() {
        Some(last) if last.what == "again" => last.at = now,
        _ => remember(alert, entry(now, "again")),
    }
}

fn reopen(alert: &mut AlertView, now: Wall) {
    // Nobody was told of old news: it begins to call now.
    if alert.outcome == Some(Outcome::Late) {
        alert.raised_at = now;
    }
    alert.state = AlertState::Raised;
    alert.resolved_at = None;
    alert.outcome = None;
    alert.cleared = false;
    alert.version += 1;
}

/// It was old news when the hub learned of it, so nobody was called, and it is not known to be over.
pub fn is_untold(alert: &AlertView) -> bool {
    alert.outcome == Some(Outcome::Late) && alert.gone_at.is_none()
}

/// The figures of what happened last; of losses, the sum.
fn take_figures(alert: &mut AlertView, occurrence: &Occurrence) {
    let n = |params: &BTreeMap<String, Value>| params.get(N).and_then(Value::as_u64);
    let before = n(&alert.params).filter(|_| alert.kind == AlertKind::Loss);
    if alert.seen_at <= Some(occurrence.happened_at) {
        alert.params.clone_from(&occurrence.params);
    }
    if let (Some(before), Some(more)) = (before, n(&occurrence.params)) {
        let sum = before.saturating_add(more);
        alert.params.insert(N.to_owned(), sum.into());
    }
}

/// How many, in an alert's figures.
const N: &str = "n";

fn finish(
    alert: &mut AlertView,
    now: Wall,
    outcome: Outcome,
    by: Option<String>,
    note: Option<String>,
) {
    alert.state = AlertState::Resolved;
    alert.shelved_until = None;
    alert.parent = None;
    alert.resolved_at = Some(now);
    alert.outcome = Some(outcome);
    alert.cleared |= !outcome.is_said_by_people();
    alert.version += 1;
    let said = AlertEntry {
        by,
        note,
        ..entry(now, "resolved")
    };
    remember(alert, said);
}

/// The longest history: its beginning and the newest lines are kept.
const MAX_HISTORY: usize = 100;

fn remember(alert: &mut AlertView, entry: AlertEntry) {
    if alert.history.len() >= MAX_HISTORY {
        alert.history.remove(1);
    }
    alert.history.push(entry);
}

#[cfg(test)]
mod tests;
