//! All messages, and what waits at each address.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
};

use chrono::TimeDelta;
use gatepost_dashboard::view::Subject;
use gatepost_model::{
    Wall,
    alert::{AlertKind, AlertState, Severity},
};

use super::{Address, Failure, MessageRow, MessageState, Said, queue::Queue};
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
    /// The newest of each alert, recipient and word.
    made: BTreeMap<(u64, String, Said), u64>,
    waiting: BTreeMap<Address, Queue>,
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
            let newest = self.made.entry(key).or_insert(row.id);
            *newest = (*newest).max(row.id);
        }
        self.take_out(row.id);
        if row.state == MessageState::Queued {
            let queue = self.waiting.entry(row.address.clone()).or_default();
            queue.put(&row);
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
        self.take_out(id);
        let Some(row) = self.all.remove(&id) else {
            return;
        };
        self.sending.remove(&id);
        if let Some(alert) = row.alert {
            let key = (alert, row.recipient, row.said);
            // What was dropped may have been made anew.
            if self.made.get(&key) == Some(&id) {
                self.made.remove(&key);
            }
        }
    }

    /// A message waits no longer as it did.
    fn take_out(&mut self, id: u64) {
        let Some(before) = self.all.get(&id) else {
            return;
        };
        if let Some(queue) = self.waiting.get_mut(&before.address) {
            queue.take_out(before);
            if queue.is_empty() {
                self.waiting.remove(&before.address);
            }
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

    /// What a recipient was told of an alert, or will be, in the order in which it was made. What was
    /// dropped before it was sent told nobody anything.
    pub(super) fn told(&self, alert: u64, recipient: &str) -> Vec<&MessageRow> {
        let key = (alert, String::new(), Said::Raised);
        let made = self.base.made.range(key..);
        let made = made.take_while(|((of, ..), _)| *of == alert);
        let known = made.filter(|((_, who, _), _)| who == recipient);
        let mut ids: BTreeSet<u64> = known.map(|(_, id)| *id).collect();
        let new = self.over.values();
        let new = new.filter(|row| row.alert == Some(alert) && row.recipient == recipient);
        ids.extend(new.map(|row| row.id));
        let rows = ids.into_iter().filter_map(|id| self.get(id));
        rows.filter(|row| row.state != MessageState::Dropped)
            .collect()
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

    /// Messages that were touched in this turn, by address.
    fn touched(&self) -> BTreeMap<Address, Vec<u64>> {
        let mut touched: BTreeMap<Address, Vec<u64>> = BTreeMap::new();
        for row in self.over.values() {
            let ids = touched.entry(row.address.clone()).or_default();
            ids.push(row.id);
        }
        touched
    }

    /// Whether anything critical may wait at an address of which these were touched.
    fn may_be_critical(&self, address: &Address, touched: &[u64]) -> bool {
        let known = self.base.waiting.get(address);
        let mut rows = touched.iter().filter_map(|id| self.over.get(id));
        known.is_some_and(Queue::has_critical) || rows.any(|row| row.severity == Severity::Critical)
    }

    /// What waits at an address of which these were touched.
    fn queue(&self, address: &Address, touched: &[u64]) -> Cow<'a, Queue> {
        let base = self.base;
        let known = base.waiting.get(address);
        let mut queue = known.map_or_else(|| Cow::Owned(Queue::default()), Cow::Borrowed);
        for row in touched.iter().filter_map(|id| self.over.get(id)) {
            let queue = queue.to_mut();
            if let Some(before) = base.all.get(&row.id) {
                queue.take_out(before);
            }
            if row.state == MessageState::Queued {
                queue.put(row);
            }
        }
        queue
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
    let touched = draft.post.touched();
    let others = base.waiting.keys();
    let others = others.filter(|address| !touched.contains_key(*address));
    let others = others.map(|address| (address, &[][..]));
    let touched = touched.iter().map(|(address, ids)| (address, &ids[..]));
    for (address, ids) in touched.chain(others) {
        // One at a time: what an address got last says when it may get the next.
        if under_way.contains(address) {
            continue;
        }
        let last = base.paced.get(address);
        let waits = |pace: TimeDelta| last.is_some_and(|last| turn.now < last.plus(pace));
        if waits(turn.settings.pace.urgent) {
            continue;
        }
        // Thousands may wait there: they are looked through when something of them may go.
        let is_held = waits(turn.settings.pace.usual);
        if is_held && !draft.post.may_be_critical(address, ids) {
            continue;
        }
        let queue = draft.post.queue(address, ids);
        let is_ready = |row: &&MessageRow| row.not_before <= turn.now;
        let ready = queue.waiting(turn.now).filter_map(|id| draft.post.get(id));
        let ready = ready.filter(is_ready).take(MOST_AT_ONCE);
        let mut messages: Vec<MessageRow> = ready.cloned().collect();
        let Some(first) = messages.first() else {
            continue;
        };
        if first.severity != Severity::Critical && is_held {
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

/// The wait after a failure, microseconds: doubled each time, up to the longest.
const FIRST_WAIT_US: i64 = 10_000_000;
const LONGEST_WAIT_US: i64 = 3_600_000_000;
/// What is critical goes out soon after the channel is back.
const LONGEST_CRITICAL_WAIT_US: i64 = 60_000_000;
/// After so long people should know that a channel does not take messages.
const TOLD_AFTER: TimeDelta = TimeDelta::minutes(5);
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
            let longest = match row.severity {
                Severity::Critical => LONGEST_CRITICAL_WAIT_US,
                _ => LONGEST_WAIT_US,
            };
            let wait_us = doubled.min(longest).max(after_us.unwrap_or(0));
            if now >= row.made_at.plus(TOLD_AFTER) {
                tell(draft, &row, why, now);
            }
            return MessageRow {
                state: MessageState::Queued,
                not_before: now.plus_micros(wait_us),
                is_asked: after_us.is_some(),
                answer: Some(why.clone()),
                ..row
            };
        }
        Failure::Retry { why, .. } | Failure::Refused { why } => why,
    };
    tell(draft, &row, why, now);
    MessageRow {
        state: MessageState::Failed,
        answer: Some(why.clone()),
        ..row
    }
}

/// Tells that somebody is not told, once until it works again. Whoever tries a channel sees it himself.
fn tell(draft: &mut Draft<'_>, row: &MessageRow, why: &str, now: Wall) {
    let cause = trouble(row);
    let open = draft.alerts.open_of(&cause);
    if row.said == Said::Test || open.is_some_and(|open| !open.cleared) {
        return;
    }
    let occurrence = Occurrence {
        happened_at: now,
        params: [
            (CHANNEL.to_owned(), row.address.channel.clone().into()),
            ("recipient".to_owned(), row.recipient.clone().into()),
            ("reason".to_owned(), why.into()),
        ]
        .into(),
        is_old: false,
    };
    draft.raise(&cause, occurrence, now);
}

/// The channel, in the figures of an alert that it fails.
pub(super) const CHANNEL: &str = "channel";

/// That a channel does not take messages to a recipient of a site.
fn trouble(row: &MessageRow) -> Cause {
    Cause {
        site: row.site.clone(),
        kind: AlertKind::DeliveryFailed,
        subject: Subject {
            id: Some(format!("{}/{}", row.address.channel, row.recipient)),
            ..Subject::default()
        },
    }
}

/// Messages are kept for so long after they were made, and while their alert is open. The newest of all,
/// and those of the newest dispatch, stay for longer: numbers go on after them.
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
        let is_newest = row.dispatch == Some(base.newest_dispatch)
            || base.all.last_key_value().map(|(id, _)| *id) == Some(row.id);
        let is_done = !matches!(row.state, MessageState::Queued | MessageState::Sending);
        !is_open && !is_newest && is_done
    });
    let gone: Vec<u64> = gone.take(64).map(|row| row.id).collect();
    draft.post.removed.extend(gone);
}
