//! Lists of alerts, worst first.

use gatepost_dashboard::{
    ports::{AlertQuery, ReadError},
    view::{AlertCounts, AlertView},
};
use gatepost_model::alert::{AlertState, Severity};

use crate::core::alerts::Book;

/// Critical before major before minor, unanswered before answered before shelved before resolved,
/// then oldest
/// first, then by number.
pub fn rank(alert: &AlertView) -> (Severity, u8, i64, u64) {
    let answered = match alert.state {
        AlertState::Raised => 0,
        AlertState::Acknowledged => 1,
        AlertState::Shelved => 2,
        AlertState::Resolved => 3,
    };
    (alert.severity, answered, alert.raised_at.micros(), alert.id)
}

/// Alerts in that order.
pub fn worst_first<'a>(alerts: impl Iterator<Item = &'a AlertView>) -> Vec<AlertView> {
    let mut alerts: Vec<AlertView> = alerts.cloned().collect();
    alerts.sort_by_key(rank);
    alerts
}

/// Open alerts by severity: without those that can wait, or that another one explains.
pub fn counts<'a>(open: impl Iterator<Item = &'a AlertView>) -> AlertCounts {
    let mut counts = AlertCounts::default();
    let calling = open.filter(|it| it.state != AlertState::Shelved && it.parent.is_none());
    for alert in calling {
        match alert.severity {
            Severity::Critical => counts.critical += 1,
            Severity::Major => counts.major += 1,
            Severity::Minor => counts.minor += 1,
        }
        counts.unacknowledged += u32::from(alert.state == AlertState::Raised);
    }
    counts
}

/// One page. The cursor is the number of the page's last alert and its rank then, so that alerts
/// which change in between are not shown twice and none is left out.
pub(super) fn page(
    book: &Book,
    query: &AlertQuery,
) -> Result<(Vec<AlertView>, Option<String>), ReadError> {
    let after = query.cursor.as_deref().map(read_cursor).transpose()?;
    let is_wanted = |alert: &&AlertView| {
        let by_state = match query.state {
            Some(state) => alert.state == state,
            None => query.all || alert.state != AlertState::Resolved,
        };
        by_state
            && query.site.as_ref().is_none_or(|site| alert.site == *site)
            && query.kind.is_none_or(|kind| alert.kind == kind)
    };
    let mut found = worst_first(book.all().filter(is_wanted));
    if let Some(after) = after {
        found.retain(|alert| encoded(alert) > after);
    }
    let has_more = found.len() > query.limit;
    found.truncate(query.limit);
    let next = found.last().filter(|_| has_more).map(|last| {
        let (severity, answered, raised, id) = encoded(last);
        format!("{severity}.{answered}.{raised}.{id}")
    });
    Ok((found, next))
}

type Encoded = (u8, u8, i64, u64);

fn encoded(alert: &AlertView) -> Encoded {
    let (severity, answered, raised, id) = rank(alert);
    let severity = match severity {
        Severity::Critical => 0,
        Severity::Major => 1,
        Severity::Minor => 2,
    };
    (severity, answered, raised, id)
}

fn read_cursor(text: &str) -> Result<Encoded, ReadError> {
    let mut parts = text.split('.');
    let mut read = || -> Option<Encoded> {
        let encoded = (
            parts.next()?.parse().ok()?,
            parts.next()?.parse().ok()?,
            parts.next()?.parse().ok()?,
            parts.next()?.parse().ok()?,
        );
        parts.next().is_none().then_some(encoded)
    };
    read().ok_or_else(|| ReadError::Invalid {
        parameter: "cursor",
        reason: "take it from `next` of the page before".to_owned(),
    })
}
