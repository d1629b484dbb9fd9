//! All messages, and what waits at each address.

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;
use gatepost_dashboard::view::Subject;
use gatepost_model::{
    Wall,
    alert::{AlertKind, AlertState, Severity},
};

use super::{Address, Failure, MessageRow, MessageState, Said};
use crate::core::{
    Turn,
    alerts::{Cause, Occurrence},
    input::Effect,
    state::{Change, Draft},
};

/// All messages.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Post {
    all: BTreeMap<u64, MessageRow>,
    made: BTreeMap<(u64, String, Said), u64>,
    waiting: BTreeMap<Address, BTreeSet<u64>>,
    sending: BTreeSet<u64>,
    /// When an address last got something.
    paced: BTreeMap<Address, Wall>,
    newest_dispatch: u64,
}

impl Post {
    /// Sets a message.
    pub fn put(&mut self, row: MessageRow) {
        if let Some(alert) = row.alert {
            let key = (alert, row.recipient.clone(), row.said);
            self.made.insert(key, row.id);
        }
        let waiting = self.waiting.entry(row.address.clone()).or_default();
        if row.state == MessageState::Queued {
            waiting.insert(row.id);
        } else {
            waiting.remove(&row.id);
        }
        if waiting.is_empty() {
            self.waiting.remove(&row.address);
        }
        if row.state == MessageState::Sending {
            self.sending.insert(row.id);
        } else {
            self.sending.remove(&row.id);
        }
        if let Some(at) = row.sent_at {
            let paced = self.paced.entry(row.address.clone()).or_insert(at);
            *paced = (*paced).max(at);
        }
        self.newest_dispatch = self.newest_dispatch.max(row.dispatch.unwrap_or(0));
        self.all.insert(row.id, row);
    }

    /// Forgets a message.
    pub fn remove(&mut self, id: u64) {
        let Some(row) = self.all.remove(&id) else {
            return;
        };
        self.sending.remove(&id);
        if let Some(waiting) = self.waiting.get_mut(&row.address) {
            waiting.remove(&id);
        }
        if let Some(alert) = row.alert {
            self.made.remove(&(alert, row.recipient, row.said));
        }
    }

    /// All, oldest first.
    pub fn all(&self) -> impl DoubleEndedIterator<Item = &MessageRow> {
        self.all.values()
    }
}

/// What goes out at once to one address.
#[derive(Debug, Clone, PartialEq)]
pub struct Dispatch {
    /// The attempt's number.
    pub id: u64,
    /// Where.
    pub address: Address,
    /// What it is about, the most severe first.
    pub messages: Vec<MessageRow>,
    /// It may have arrived once already.
    pub repeated: bool,
}

/// All messages, with changes over them.
#[derive(Debug)]
pub struct PostDraft<'a> {
    base: &'a Post,
    over: BTreeMap<u64, MessageRow>,
    removed: Vec<u64>,
}

impl<'a> PostDraft<'a> {
    /// Nothing is changed yet.
    pub fn new(base: &'a Post) -> Self {
        Self {
            base,
            over: BTreeMap::new(),
            removed: Vec::new(),
        }
    }

    pub(super) fn get(&self, id: u64) -> Option<&MessageRow> {
        self.over.get(&id).or_else(|| self.base.all.get(&id))
    }

    pub(super) fn put(&mut self, row: MessageRow) {
        self.over.insert(row.id, row);
    }

    /// The number of the next message.
    pub(super) fn next_id(&self) -> u64 {
        let newest =
            |map: &BTreeMap<u64, MessageRow>| map.last_key_value().map_or(0, |(id, _)| *id);
        newest(&self.base.all).max(newest(&self.over)) + 1
    }

    /// What a recipient was told of an alert, in the order in which it was made.
    pub(super) fn told(&self, alert: u64, recipient: &str) -> Vec<&MessageRow> {
        let key = (alert, String::new(), Said::Raised);
        let made = self.base.made.range(key..);
        let made = made.take_while(|((of, ..), _)| *of == alert);
        let known = made.filter(|((_, who, _), _)| who == recipient);
        let mut ids: BTreeSet<u64> = known.map(|(_, id)| *id).collect();
        let new = self.over.values();
        let new = new.filter(|row| row.alert == Some(alert) && row.recipient == recipient);
        ids.extend(new.map(|row| row.id));
        ids.into_iter().filter_map(|id| self.get(id)).collect()
    }

    /// What was not sent yet of an alert that calls nobody any more need not be.
    pub(super) fn drop_waiting(&mut self, alert: u64) {
        let key = (alert, String::new(), Said::Raised);
        let made = self.base.made.range(key..);
        let ids: Vec<u64> = made
            .take_while(|((of, ..), _)| *of == alert)
            .map(|(_, id)| *id)
            .collect();
        for id in ids {
            if let Some(row) = self.get(id)
                && row.state == MessageState::Queued
            {
                let row = MessageRow {
                    state: MessageState::Dropped,
                    ..row.clone()
                };
                self.put(row);
            }
        }
    }

    /// What waits at each address in this turn, or was touched in it.
    fn waiting(&self) -> BTreeMap<Address, BTreeSet<u64>> {
        let mut waiting = self.base.waiting.clone();
        for row in self.over.values() {
            waiting
                .entry(row.address.clone())
                .or_default()
                .insert(row.id);
        }
        waiting
    }

    /// What is changed.
    pub fn into_changes(self) -> impl Iterator<Item = Change> {
        let base = self.base;
        let changed = self
            .over
            .into_values()
            .filter(|row| base.all.get(&row.id) != Some(row));
        let removed = self.removed.into_iter().map(Change::Forgotten);
        changed.map(Change::Message).chain(removed)
    }
}

/// The most messages that one dispatch puts together: what robots take is a few thousand bytes, and
/// the text names the first of them only.
const MOST_AT_ONCE: usize = 1000;

/// Sends what waits, as far as each address' pace allows.
pub(in crate::core) fn send(draft: &mut Draft<'_>, turn: &mut Turn<'_>) {
    forget(draft, turn.now);
    let base = draft.post.base;
    let under_way: BTreeSet<&Address> = base
        .sending
        .iter()
        .filter_map(|id| base.all.get(id))
        .map(|row| &row.address)
        .collect();
    let mut dispatch = base.newest_dispatch;
    let waiting = draft.post.waiting();
    for (address, waiting) in &waiting {
        // One at a time: what an address got last says when it may get the next.
        if under_way.contains(address) {
            continue;
        }
        let rows = waiting.iter().filter_map(|id| draft.post.get(*id));
        let queued: Vec<&MessageRow> = rows
            .filter(|row| row.state == MessageState::Queued)
            .collect();
        // What failed holds up the address: it may be full, away, or angry.
        let is_held = |row: &&MessageRow| row.attempts > 0 && row.not_before > turn.now;
        if queued.iter().any(is_held) {
            continue;
        }
        let ready = queued.into_iter().filter(|row| row.not_before <= turn.now);
        let mut messages: Vec<MessageRow> = ready.take(MOST_AT_ONCE).cloned().collect();
        messages.sort_by_key(|row| (row.severity, row.id));
        let Some(first) = messages.first() else {
            continue;
        };
        let pace = match first.severity {
            Severity::Critical => turn.settings.pace.urgent,
            _ => turn.settings.pace.usual,
        };
        let last = base.paced.get(address);
        if last.is_some_and(|last| turn.now < last.plus(pace)) {
            continue;
        }
        dispatch += 1;
        for row in &mut messages {
            row.state = MessageState::Sending;
            row.dispatch = Some(dispatch);
            row.attempts += 1;
            draft.post.put(row.clone());
        }
        turn.effects.push(Effect::Send(Box::new(Dispatch {
            id: dispatch,
            address: address.clone(),
            repeated: messages.iter().any(|row| row.repeated),
            messages,
        })));
    }
}

/// What was under way when the hub was stopped may have arrived.
pub(in crate::core) fn start(draft: &mut Draft<'_>) {
    let base = draft.post.base;
    for row in base.sending.iter().filter_map(|id| base.all.get(id)) {
        draft.post.put(MessageRow {
            state: MessageState::Queued,
            repeated: true,
            ..row.clone()
        });
    }
}

/// The wait after a failure, microseconds: doubled each time, up to [`LONGEST_WAIT_US`].
const FIRST_WAIT_US: i64 = 10_000_000;
const LONGEST_WAIT_US: i64 = 3_600_000_000;
/// After so long a message helps nobody any more.
const GIVE_UP: TimeDelta = TimeDelta::hours(24);

/// A channel answered.
pub(in crate::core) fn sent(
    draft: &mut Draft<'_>,
    now: Wall,
    dispatch: u64,
    result: &Result<String, Failure>,
) {
    let base = draft.post.base;
    let of_it = |row: &&MessageRow| row.dispatch == Some(dispatch);
    let rows = base.sending.iter().filter_map(|id| base.all.get(id));
    let rows: Vec<MessageRow> = rows.filter(of_it).cloned().collect();
    for row in rows {
        let row = match result {
            Ok(receipt) => {
                draft.alerts.clear(&trouble(&row), now, now);
                MessageRow {
                    state: MessageState::Sent,
                    sent_at: Some(now),
                    answer: Some(receipt.clone()),
                    ..row
                }
            }
            Err(failure) => failed(draft, row, failure, now),
        };
        draft.post.put(row);
    }
}

fn failed(draft: &mut Draft<'_>, row: MessageRow, failure: &Failure, now: Wall) -> MessageRow {
    let why = match failure {
        Failure::Retry { after_us, why } if now < row.made_at.plus(GIVE_UP) => {
            let doubled = FIRST_WAIT_US << row.attempts.saturating_sub(1).min(12);
            let wait_us = doubled.min(LONGEST_WAIT_US).max(after_us.unwrap_or(0));
            return MessageRow {
                state: MessageState::Queued,
                not_before: now.plus_micros(wait_us),
                answer: Some(why.clone()),
                ..row
            };
        }
        Failure::Retry { why, .. } | Failure::Refused { why } => why,
    };
    if row.said != Said::Test {
        let cause = trouble(&row);
        let occurrence = Occurrence {
            happened_at: now,
            params: [
                ("recipient".to_owned(), row.recipient.clone().into()),
                ("reason".to_owned(), why.clone().into()),
            ]
            .into(),
            is_old: false,
        };
        draft.raise(&cause, occurrence, now);
    }
    MessageRow {
        state: MessageState::Failed,
        answer: Some(why.clone()),
        ..row
    }
}

/// That a channel does not take messages of a site.
fn trouble(row: &MessageRow) -> Cause {
    Cause {
        site: row.site.clone(),
        kind: AlertKind::DeliveryFailed,
        subject: Subject {
            id: Some(row.address.channel.clone()),
            ..Subject::default()
        },
    }
}

/// Messages are kept for so long after they were made, and while their alert is open.
const KEPT: TimeDelta = TimeDelta::days(30);

/// Forgets old messages, a few at a time.
fn forget(draft: &mut Draft<'_>, now: Wall) {
    let base = draft.post.base;
    let old = base
        .all
        .values()
        .take_while(|row| row.made_at.plus(KEPT) < now);
    let gone = old.filter(|row| {
        let is_open = row
            .alert
            .and_then(|id| draft.alerts.get(id))
            .is_some_and(|alert| alert.state != AlertState::Resolved);
        !is_open && !matches!(row.state, MessageState::Queued | MessageState::Sending)
    });
    let gone: Vec<u64> = gone.take(64).map(|row| row.id).collect();
    draft.post.removed.extend(gone);
}
