//! Whose turn it is to be told of an alert.

use chrono::{Days, TimeDelta};
use gatepost_dashboard::view::{AlertView, MessageView};
use gatepost_model::{
    SiteId, Wall,
    alert::{AlertKind, AlertState, Severity},
    recipient::{Hours, Recipient},
};

use super::{Address, MessageRow, MessageState, PostDraft, Said};
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
        let said = match alert.severity {
            Severity::Critical => Said::Escalated,
            _ => Said::Raised,
        };
        // Once each; of one that was critical from the beginning nothing else is said.
        if post.has(alert.id, &recipient.name, said) {
            continue;
        }
        match turn_of(recipient, site, alert, now) {
            Turn::Now => post.put(about(alert, post.next_id(), recipient, said, now)),
            Turn::At(at) => next = Some(next.map_or(at, |known| known.min(at))),
            Turn::Never => {}
        }
    }
    next
}

fn concerns(recipient: &Recipient, alert: &AlertView) -> bool {
    // Of a channel that fails nobody is told over it.
    let by_itself = alert.kind == AlertKind::DeliveryFailed
        && alert.subject.id.as_deref() == Some(recipient.channel.as_str());
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
        state: MessageState::Queued,
        dispatch: None,
        attempts: 0,
        repeated: false,
        sent_at: None,
        answer: None,
    }
}
