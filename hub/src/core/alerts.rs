//! Alerts: one for each thing that is wrong, however often it comes again.
//!
//! - A cause (site, kind, subject) has one alert while it is open; the same again only counts.
//! - What can go away by itself ([`clears_itself`]) is resolved when it has stayed away for a while;
//!   the rest stays until a person resolves it.
//! - After an acknowledgement somebody believes that it is dealt with: a cause that went away and
//!   comes again, or loss, a fork or a quarantine anew, is a new alert then.
//! - What was resolved by itself and comes back within ten minutes is the same alert again: it
//!   flaps, and is counted.
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
        | AlertKind::MissedRound => true,
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
        if let Some(open) = self.open_of(cause) {
            let is_answered = open.acknowledged_by.is_some();
            let comes_back = is_answered && open.cleared;
            let is_another = comes_back || (is_answered && stands_alone(cause.kind));
            if !is_another {
                let mut alert = open.clone();
                again(&mut alert, &occurrence, now);
                return (self.put(alert), false);
            }
            if comes_back {
                let mut alert = open.clone();
                finish(&mut alert, now, Outcome::Cleared, None, None);
                self.put(alert);
            }
        } else if occurrence.is_old
            && let Some(late) = self.late_of(cause)
            && is_near(late.happened_at, occurrence.happened_at)
        {
            let mut alert = late.clone();
            alert.count += 1;
            take_figures(&mut alert, &occurrence);
            return (self.put(alert), false);
        }
        if !occurrence.is_old
            && let Some(flapping) = self.settled_of(cause)
            && is_flapping(flapping, now)
        {
            let mut alert = flapping.clone();
            alert.state = AlertState::Raised;
            alert.resolved_at = None;
            alert.outcome = None;
            again(&mut alert, &occurrence, now);
            return (self.put(alert), false);
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

    /// The cause went away. The alert is resolved by [`Self::settle`] when it stays away.
    pub fn clear(&mut self, cause: &Cause, now: Wall) {
        if let Some(open) = self.open_of(cause)
            && !open.cleared
        {
            let mut alert = open.clone();
            alert.cleared = true;
            alert.version += 1;
            remember(&mut alert, entry(now, "cleared"));
            self.put(alert);
        }
    }

    /// The cause went away for good: the alert is resolved at once.
    pub fn clear_for_good(&mut self, cause: &Cause, now: Wall) {
        if let Some(open) = self.open_of(cause) {
            let mut alert = open.clone();
            finish(&mut alert, now, Outcome::Cleared, None, None);
            self.put(alert);
        }
    }

    /// What time alone does: alerts whose cause went away `hold_us` microseconds ago and did not
    /// come back are resolved, shelves end, and a suspected fever that nobody answered for
    /// [`UNANSWERED_US`] becomes critical.
    pub fn settle(&mut self, now: Wall, hold_us: i64) {
        self.take_off_the_shelf(now);
        let due: Vec<AlertView> = self
            .open()
            .filter(|alert| alert.cleared && clears_itself(alert.kind))
            .filter(|alert| {
                let cleared = alert.history.iter().rfind(|entry| entry.what == "cleared");
                cleared.is_none_or(|entry| now.micros_since(entry.at) >= hold_us)
            })
            .cloned()
            .collect();
        for mut alert in due {
            finish(&mut alert, now, Outcome::Cleared, None, None);
            self.put(alert);
        }
        let unanswered: Vec<u64> = self
            .open()
            .filter(|alert| alert.kind == AlertKind::FeverSuspected)
            .filter(|alert| alert.state == AlertState::Raised)
            .filter(|alert| now.micros_since(alert.raised_at) >= UNANSWERED_US)
            .map(|alert| alert.id)
            .collect();
        for id in unanswered {
            self.escalate(id, now);
        }
    }

    /// An alert becomes critical, unless it is.
    pub fn escalate(&mut self, id: u64, now: Wall) {
        let open = self.get(id).filter(|it| it.state != AlertState::Resolved);
        if let Some(known) = open.filter(|alert| alert.severity != Severity::Critical) {
            let mut alert = known.clone();
            alert.severity = Severity::Critical;
            alert.version += 1;
            remember(&mut alert, entry(now, "escalated"));
            self.put(alert);
        }
    }
}

/// A suspected fever that nobody answers for so long is critical, microseconds (PRODUCT 3).
const UNANSWERED_US: i64 = 300_000_000;

/// What comes back so soon after it was resolved by itself flaps, microseconds (UI: life cycle).
const FLAP_US: i64 = 600_000_000;

fn is_flapping(alert: &AlertView, now: Wall) -> bool {
    let is_recent = |at: Wall| now.micros_since(at) < FLAP_US;
    alert.outcome == Some(Outcome::Cleared)
        && alert.acknowledged_by.is_none()
        && clears_itself(alert.kind)
        && alert.kind != AlertKind::MissedRound
        && alert.resolved_at.is_some_and(is_recent)
}

/// The same again: counted, with the newest figures. It is no change that somebody who wants to
/// answer the alert must look at first, so the version stays, unless the cause had gone away.
fn again(alert: &mut AlertView, occurrence: &Occurrence, now: Wall) {
    alert.count += 1;
    take_figures(alert, occurrence);
    if alert.cleared {
        alert.cleared = false;
        alert.version += 1;
    }
    // A cause that flaps must not fill the history with itself.
    match alert.history.last_mut() {
        Some(last) if last.what == "again" => last.at = now,
        _ => remember(alert, entry(now, "again")),
    }
}

/// The newest figures; of losses, the sum.
fn take_figures(alert: &mut AlertView, occurrence: &Occurrence) {
    let n = |params: &BTreeMap<String, Value>| params.get(N).and_then(Value::as_u64);
    let before = n(&alert.params).filter(|_| alert.kind == AlertKind::Loss);
    if occurrence.is_old && before.is_none() {
        return;
    }
    alert.params.clone_from(&occurrence.params);
    if let (Some(before), Some(more)) = (before, n(&occurrence.params)) {
        alert
            .params
            .insert(N.to_owned(), before.saturating_add(more).into());
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

/// Old occurrences of one cause that are no further apart than this are one alert, microseconds.
const NEAR_US: i64 = 900_000_000;

fn is_near(one: Wall, other: Wall) -> bool {
    one.micros_since(other).abs() < NEAR_US
}

#[cfg(test)]
mod tests;
