//! Alerts: one for each thing that is wrong, however often it comes again.
//!
//! - A cause (site, kind, subject) has one alert while it is open; the same again only counts.
//! - What can go away by itself ([`clears_itself`]) is resolved when it has stayed away for a while;
//!   the rest stays until a person resolves it.
//! - After an acknowledgement somebody believes that it is dealt with: a cause that went away and
//!   comes again, or loss, a fork or a quarantine anew, is a new alert then.
//! - Old news (over, or long ago when the hub first sees it) becomes an alert that is resolved as
//!   `late` at once: it is in the record and calls nobody.

mod book;

use std::collections::BTreeMap;

use gatepost_dashboard::{
    ports::CommandError,
    view::{AlertEntry, AlertView, Subject},
};
use gatepost_model::{
    SiteId, Wall,
    alert::{AlertKind, AlertState, Outcome},
};
use serde_json::Value;

pub use book::{Book, BookDraft};

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
        note: None,
    }
}

/// Whether its cause can go away, and the alert with it.
pub fn clears_itself(kind: AlertKind) -> bool {
    match kind {
        AlertKind::UnitOffline
        | AlertKind::SensorFault
        | AlertKind::ClockDisputed
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
    pub fn raise(&mut self, cause: &Cause, occurrence: Occurrence, now: Wall) -> (u64, bool) {
        if let Some(open) = self.open_of(cause) {
            let is_answered = open.state == AlertState::Acknowledged;
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
        let mut alert = AlertView {
            id: self.next_id(),
            kind: cause.kind,
            severity: cause.kind.severity(),
            state: AlertState::Raised,
            site: cause.site.clone(),
            subject: cause.subject.clone(),
            params: occurrence.params,
            happened_at: occurrence.happened_at,
            raised_at: now,
            count: 1,
            cleared: false,
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

    /// Resolves alerts whose cause went away `hold_us` microseconds ago and did not come back.
    pub fn settle(&mut self, now: Wall, hold_us: i64) {
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
    }

    /// Somebody has it.
    pub fn acknowledge(
        &mut self,
        id: u64,
        version: Option<u64>,
        by: String,
        note: Option<String>,
        now: Wall,
    ) -> Result<AlertView, CommandError> {
        let known = self.get(id).ok_or_else(|| not_found(id))?;
        match known.state {
            AlertState::Acknowledged => return Ok(known.clone()),
            AlertState::Resolved => return Err(CommandError::Conflict(Box::new(known.clone()))),
            AlertState::Raised => unchanged(known, version)?,
        }
        let mut alert = known.clone();
        alert.state = AlertState::Acknowledged;
        alert.acknowledged_by = Some(by.clone());
        alert.acknowledged_at = Some(now);
        alert.version += 1;
        let said = AlertEntry {
            by: Some(by),
            note,
            ..entry(now, "acknowledged")
        };
        remember(&mut alert, said);
        self.put(alert.clone());
        Ok(alert)
    }

    /// A person says that it is over.
    pub fn resolve(
        &mut self,
        id: u64,
        version: Option<u64>,
        by: String,
        note: Option<String>,
        now: Wall,
    ) -> Result<AlertView, CommandError> {
        let known = self.get(id).ok_or_else(|| not_found(id))?;
        if known.state == AlertState::Resolved {
            return Ok(known.clone());
        }
        unchanged(known, version)?;
        let mut alert = known.clone();
        finish(&mut alert, now, Outcome::Manual, Some(by), note);
        self.put(alert.clone());
        Ok(alert)
    }
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
    alert.resolved_at = Some(now);
    alert.outcome = Some(outcome);
    alert.cleared |= outcome != Outcome::Manual;
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

fn not_found(id: u64) -> CommandError {
    CommandError::NotFound {
        what: "alert",
        id: id.to_string(),
    }
}

fn unchanged(alert: &AlertView, version: Option<u64>) -> Result<(), CommandError> {
    if version.is_none_or(|version| version == alert.version) {
        Ok(())
    } else {
        Err(CommandError::Conflict(Box::new(alert.clone())))
    }
}

#[cfg(test)]
mod tests;
