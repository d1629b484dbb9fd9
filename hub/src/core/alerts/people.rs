//! What people do with an alert.
//!
//! Each act names the version that its person saw: of two who act at once one wins, and the other
//! is shown what is. What is done already is answered with who did it.

use chrono::TimeDelta;
use gatepost_dashboard::{
    ports::{AlertAct, Answer, CommandError},
    view::{AlertEntry, AlertView},
};
use gatepost_model::{
    Wall,
    alert::{AlertKind, AlertState, Outcome},
};

use super::{BookDraft, entry, finish, remember};

/// The longest time for which an alert may call nobody (UI: life cycle of alerts).
pub const LONGEST_SHELF: TimeDelta = TimeDelta::hours(8);

/// What the history says of an alert that nobody has any more.
pub(super) const RETURNED: &str = "returned";

/// Who acts, and what is said with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// Who.
    pub by: String,
    /// What is said with it.
    pub note: Option<String>,
    /// The alert's version that the person saw.
    pub version: Option<u64>,
}

impl BookDraft<'_> {
    /// Somebody does something with an alert.
    pub fn act(
        &mut self,
        id: u64,
        act: &AlertAct,
        person: Person,
        now: Wall,
    ) -> Result<AlertView, CommandError> {
        let known = self.get(id).ok_or_else(|| not_found(id))?;
        if is_done(known, act) {
            return Ok(known.clone());
        }
        let is_stale = person
            .version
            .is_some_and(|version| version != known.version);
        if known.state == AlertState::Resolved && !matches!(act, AlertAct::Comment) || is_stale {
            let now = Answer::Alert(Box::new(known.clone()));
            return Err(CommandError::Conflict(Box::new(now)));
        }
        allowed(known, act, person.note.as_deref(), now).map_err(CommandError::Refused)?;
        let mut alert = known.clone();
        carry_out(&mut alert, act, person, now);
        self.put(alert.clone());
        Ok(alert)
    }

    /// Somebody deals with it, by what they did elsewhere.
    pub fn take_over(&mut self, id: u64, by: &str, now: Wall) {
        let open = self
            .get(id)
            .filter(|it| matches!(it.state, AlertState::Raised | AlertState::Shelved));
        if let Some(known) = open {
            let mut alert = known.clone();
            let person = Person {
                by: by.to_owned(),
                note: None,
                version: None,
            };
            carry_out(&mut alert, &AlertAct::Acknowledge, person, now);
            self.put(alert);
        }
    }

    /// Nobody has it any more: it waits for somebody again, if it is on the shelf when it comes back.
    pub fn give_back(&mut self, id: u64, by: &str, now: Wall) {
        let can_be_held = [AlertState::Acknowledged, AlertState::Shelved];
        let held = self
            .get(id)
            .filter(|it| can_be_held.contains(&it.state) && it.acknowledged_by.is_some());
        if let Some(known) = held {
            let mut alert = known.clone();
            if alert.state == AlertState::Acknowledged {
                alert.state = AlertState::Raised;
            }
            alert.acknowledged_by = None;
            alert.acknowledged_at = None;
            alert.assigned_to = None;
            alert.version += 1;
            let said = AlertEntry {
                by: Some(by.to_owned()),
                ..entry(now, RETURNED)
            };
            remember(&mut alert, said);
            self.put(alert);
        }
    }

    /// It is over, by what somebody did elsewhere.
    pub fn close(&mut self, id: u64, outcome: Outcome, person: Person, now: Wall) {
        if let Some(known) = self.get(id).filter(|it| it.state != AlertState::Resolved) {
            let mut alert = known.clone();
            finish(&mut alert, now, outcome, Some(person.by), person.note);
            self.put(alert);
        }
    }

    /// Alerts that could wait until now wait no longer.
    pub(super) fn take_off_the_shelf(&mut self, now: Wall) {
        let due = self.due(|waiting| waiting.shelved.range(..=(now, u64::MAX)));
        for mut alert in due {
            if off_the_shelf_at(&alert).is_some_and(|until| until <= now) {
                unshelve(&mut alert);
                alert.version += 1;
                remember(&mut alert, entry(now, "unshelved"));
                self.put(alert);
            }
        }
    }
}

/// Until when an alert can wait.
pub(super) fn off_the_shelf_at(alert: &AlertView) -> Option<Wall> {
    (alert.state == AlertState::Shelved).then(|| alert.shelved_until.unwrap_or(alert.raised_at))
}

/// Whether an act changes nothing any more.
fn is_done(alert: &AlertView, act: &AlertAct) -> bool {
    match act {
        AlertAct::Acknowledge => alert.state == AlertState::Acknowledged,
        AlertAct::Assign { to } => {
            alert.assigned_to.as_ref() == Some(to) && alert.state == AlertState::Acknowledged
        }
        AlertAct::Comment => false,
        AlertAct::Shelve { until } => {
            alert.state == AlertState::Shelved && alert.shelved_until == Some(*until)
        }
        AlertAct::Unshelve => matches!(alert.state, AlertState::Raised | AlertState::Acknowledged),
        AlertAct::Resolve { .. } => alert.state == AlertState::Resolved,
    }
}

/// What the rules say, in words if they forbid it.
fn allowed(alert: &AlertView, act: &AlertAct, note: Option<&str>, now: Wall) -> Result<(), String> {
    let is_fever = alert.kind == AlertKind::FeverSuspected;
    match act {
        AlertAct::Comment if note.is_none() => Err("say something in `note`".to_owned()),
        AlertAct::Shelve { .. } if is_fever => {
            Err("a suspected fever cannot wait; measure again, or resolve it".to_owned())
        }
        AlertAct::Shelve { .. } if note.is_none() => {
            Err("say in `note` why it can wait".to_owned())
        }
        AlertAct::Shelve { until } if *until <= now || *until > now.plus(LONGEST_SHELF) => {
            Err(format!(
                "`until` must be after {now} and at most {} hours later",
                LONGEST_SHELF.num_hours()
            ))
        }
        AlertAct::Resolve { outcome } => {
            let outcome = outcome.unwrap_or(Outcome::Manual);
            if !outcome.is_said_by_people() {
                Err("`cleared` and `late` are the hub's own words".to_owned())
            } else if is_fever && !outcome.settles_a_fever() {
                Err(
                    "say in `outcome` what became of it: remeasured_normal, isolated, \
                     false_reading, or other with a `note`"
                        .to_owned(),
                )
            } else if outcome == Outcome::Other && note.is_none() {
                Err("the outcome `other` needs a `note`".to_owned())
            } else {
                Ok(())
            }
        }
        _ => Ok(()),
    }
}

fn carry_out(alert: &mut AlertView, act: &AlertAct, person: Person, now: Wall) {
    let Person { by, note, .. } = person;
    let what = match act {
        AlertAct::Acknowledge => {
            unshelve(alert);
            take_over(alert, &by, now);
            "acknowledged"
        }
        AlertAct::Assign { to } => {
            unshelve(alert);
            take_over(alert, to, now);
            alert.assigned_to = Some(to.clone());
            "assigned"
        }
        AlertAct::Comment => "commented",
        AlertAct::Shelve { until } => {
            alert.state = AlertState::Shelved;
            alert.shelved_until = Some(*until);
            "shelved"
        }
        AlertAct::Unshelve => {
            unshelve(alert);
            "unshelved"
        }
        AlertAct::Resolve { outcome } => {
            let outcome = outcome.unwrap_or(Outcome::Manual);
            return finish(alert, now, outcome, Some(by), note);
        }
    };
    alert.version += 1;
    let to = alert.assigned_to.clone().filter(|_| what == "assigned");
    let said = AlertEntry {
        by: Some(by),
        to,
        note,
        ..entry(now, what)
    };
    remember(alert, said);
}

/// Somebody has it from now on; whoever had it before is in the history.
fn take_over(alert: &mut AlertView, by: &str, now: Wall) {
    alert.state = AlertState::Acknowledged;
    alert.acknowledged_by = Some(by.to_owned());
    alert.acknowledged_at = Some(now);
}

/// Back to what it was before it was shelved.
fn unshelve(alert: &mut AlertView) {
    if alert.state == AlertState::Shelved {
        alert.state = match alert.acknowledged_by {
            Some(_) => AlertState::Acknowledged,
            None => AlertState::Raised,
        };
        alert.shelved_until = None;
    }
}

fn not_found(id: u64) -> CommandError {
    CommandError::NotFound {
        what: "alert",
        id: id.to_string(),
    }
}
