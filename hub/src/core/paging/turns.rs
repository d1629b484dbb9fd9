//! Whose turn it is to be told of an alert.

use chrono::{Days, TimeDelta};
use gatepost_dashboard::view::{AlertEntry, AlertView, MessageView};
use gatepost_model::{
    SiteId, Wall,
    alert::{AlertKind, AlertState, Severity},
    recipient::{Hours, Recipient},
};

use super::{Address, MessageRow, MessageState, PostDraft, Said, post::CHANNEL};
use crate::core::state::SiteState;

/// Whether an alert calls people at all.
pub(in crate::core) fn calls(alert: &AlertView) -> bool {
    alert.state == AlertState::Raised && alert.parent.is_none()
}

/// Makes the messages whose turn has come. Answers when the next may come.
pub(in crate::core) fn look(
    post: &mut PostDraft<'_>,
    site: &SiteState,
    alert: &AlertView,
    now: Wall,
) -> Option<Wall> {
    if !calls(alert) {
        post.drop_waiting(alert.id);
        return None;
    }
    let mut next: Option<Wall> = None;
    for recipient in &site.site.recipients {
        if !concerns(recipient, alert) {
            continue;
        }
        let turn = match due_of(alert, &post.told(alert.id, &recipient.name)) {
            Some((said, due)) if due <= now => match turn_of(recipient, site, alert, now) {
                Turn::Now => {
                    post.put(about(alert, post.next_id(), recipient, said, now));
                    // When it is to be reminded of is looked for the next time.
                    Turn::At(now)
                }
                turn => turn,
            },
            Some((_, due)) => Turn::At(due),
            None => Turn::Never,
        };
        if let Turn::At(at) = turn {
            next = Some(next.map_or(at, |known: Wall| known.min(at)));
        }
    }
    next
}

/// What is to be said of an alert next, and when, by what was said already.
fn due_of(alert: &AlertView, told: &[&MessageRow]) -> Option<(Said, Wall)> {
    let is_critical = alert.severity == Severity::Critical;
    let became = |entry: &AlertEntry| entry.what == BECAME_CRITICAL;
    let said = if is_critical && alert.history.iter().any(became) {
        Said::Escalated
    } else {
        Said::Raised
    };
    let Some(last) = told
        .last()
        .filter(|_| told.iter().any(|row| row.said == said))
    else {
        // Of one that was critical from the beginning nothing else is said.
        return Some((said, alert.raised_at));
    };
    let reminders = told
        .iter()
        .filter(|row| matches!(row.said, Said::Reminded(_)))
        .count();
    let n = u32::try_from(reminders)
        .unwrap_or(u32::MAX)
        .saturating_add(1);
    if n > MOST_REMINDERS {
        return None;
    }
    // Back from the shelf, or from somebody who left: it calls anew.
    let again = alert
        .history
        .iter()
        .rfind(|entry| CALLS_ANEW.contains(&entry.what.as_str()));
    match again.filter(|entry| entry.at > last.made_at) {
        Some(entry) => Some((Said::Reminded(n), entry.at)),
        None if is_critical => Some((Said::Reminded(n), last.made_at.plus(REMIND_AFTER))),
        None => None,
    }
}

/// Somebody is reminded of what is critical and still unanswered this often ...
const REMIND_AFTER: TimeDelta = TimeDelta::minutes(15);
/// ... and not more often than this: whoever has not answered for two hours will not.
const MOST_REMINDERS: u32 = 8;
const CALLS_ANEW: [&str; 2] = ["unshelved", "returned"];
const BECAME_CRITICAL: &str = "escalated";

fn concerns(recipient: &Recipient, alert: &AlertView) -> bool {
    // Of a channel that fails nobody is told over it.
    let by_itself = alert.kind == AlertKind::DeliveryFailed
        && alert.params.get(CHANNEL).and_then(|it| it.as_str()) == Some(&recipient.channel);
    alert.severity <= recipient.least && !by_itself
}

enum Turn {
    Now,
    At(Wall),
    Never,
}

fn turn_of(recipient: &Recipient, site: &SiteState, alert: &AlertView, now: Wall) -> Turn {
    let due = alert
        .raised_at
        .plus(TimeDelta::minutes(i64::from(recipient.after_min)));
    if now < due {
        return Turn::At(due);
    }
    if alert.severity != Severity::Critical
        && let Some(ends) = within(&recipient.quiet, site, now).map(|(_, ends)| ends)
    {
        return Turn::At(ends);
    }
    if recipient.duty.is_empty() || within(&recipient.duty, site, now).is_some() {
        return Turn::Now;
    }
    match next_of(&recipient.duty, site, now) {
        Some(begins) => Turn::At(begins),
        None => Turn::Never,
    }
}

fn spans<'s>(
    hours: &'s [Hours],
    site: &'s SiteState,
    now: Wall,
    days: u64,
) -> impl Iterator<Item = (Wall, Wall)> + 's {
    let yesterday = site.zone.day_of(now).checked_sub_days(Days::new(1));
    let dates = yesterday
        .into_iter()
        .flat_map(move |first| first.iter_days().take(days as usize));
    dates.flat_map(move |date| {
        let held = hours
            .iter()
            .filter(move |it| site.site.holds_on(it.on, date));
        held.map(move |it| site.zone.span(date, it.start, it.end))
    })
}

fn within(hours: &[Hours], site: &SiteState, now: Wall) -> Option<(Wall, Wall)> {
    spans(hours, site, now, 2).find(|(start, end)| (*start..*end).contains(&now))
}

/// When the next duty begins, within two weeks.
fn next_of(hours: &[Hours], site: &SiteState, now: Wall) -> Option<Wall> {
    let starts = spans(hours, site, now, 16).map(|(start, _)| start);
    starts.filter(|start| *start > now).min()
}

/// Makes a test message: nobody waits for whoever tries a channel, so its pace is the fastest.
pub(in crate::core) fn test(
    site: &SiteId,
    recipient: &Recipient,
    post: &mut PostDraft<'_>,
    now: Wall,
) -> MessageView {
    let row = MessageRow {
        severity: Severity::Critical,
        said: Said::Test,
        ..message(post.next_id(), site, recipient, now)
    };
    let view = row.view();
    post.put(row);
    view
}

fn about(alert: &AlertView, id: u64, recipient: &Recipient, said: Said, now: Wall) -> MessageRow {
    MessageRow {
        alert: Some(alert.id),
        kind: Some(alert.kind),
        severity: alert.severity,
        said,
        ..message(id, &alert.site, recipient, now)
    }
}

fn message(id: u64, site: &SiteId, recipient: &Recipient, now: Wall) -> MessageRow {
    MessageRow {
        id,
        alert: None,
        kind: None,
        severity: Severity::Minor,
        site: site.clone(),
        recipient: recipient.name.clone(),
        address: Address {
            channel: recipient.channel.clone(),
            to: recipient.to.clone(),
        },
        language: recipient.language,
        said: Said::Raised,
        made_at: now,
        not_before: now,
        is_asked: false,
        state: MessageState::Queued,
        dispatch: None,
        attempts: 0,
        repeated: false,
        sent_at: None,
        answer: None,
    }
}
