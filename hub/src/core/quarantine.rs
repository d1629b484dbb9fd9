//! What could not be taken: kept with its reason, byte for byte, and bounded where it is not record.
//!
//! A line of a batch that is no event is part of the record: the unit counts it as delivered, so it
//! is kept for good. A message that fails as a whole was never acknowledged; a unit sends it again
//! and again, so the same is only counted, and the oldest make room for new ones.

use std::collections::BTreeMap;

use gatepost_model::{Chain, LogId, SiteId, UnitId, Wall, wire::Header};
use serde::{Deserialize, Serialize};

use crate::store::event::StoredEvent;

/// The most messages that are kept.
pub const MAX_MESSAGES: usize = 1000;
/// The most bytes of messages that are kept.
pub const MAX_BYTES: usize = 64 * 1024 * 1024;

/// Something set aside.
#[derive(Debug, Clone, PartialEq)]
pub struct Aside {
    /// Unique on the hub.
    pub id: u64,
    /// When it came first.
    pub received: Wall,
    /// The topic that it came on.
    pub topic: String,
    /// The site, as far as the topic tells.
    pub site: Option<SiteId>,
    /// The unit, as far as the topic tells.
    pub unit: Option<UnitId>,
    /// Its place in a log, if it is a line of a batch.
    pub place: Option<(LogId, u64)>,
    /// A stable code.
    pub code: String,
    /// In words.
    pub reason: String,
    /// The bytes as they came.
    pub bytes: Vec<u8>,
    /// What is the same when the same comes again; none for a line.
    pub print: Option<u64>,
    /// How often it came.
    pub count: u64,
    /// What it can be brought again with.
    pub again: Option<Again>,
}

/// What something that was set aside can be brought again with.
#[derive(Debug, Clone, PartialEq)]
pub enum Again {
    /// An event that the store refused.
    Event(Box<StoredEvent>),
    /// A line that was no event when it came.
    Line(Box<LineAgain>),
}

/// What a line's batch said of its time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LineAgain {
    /// The batch's header.
    pub header: Header,
    /// The time of the event before it in the log.
    pub last_at: Option<Wall>,
    /// The unit's clock contradicted the hub's.
    pub disputed: bool,
}

/// A change of what is set aside.
#[derive(Debug, Clone, PartialEq)]
pub enum ShelfChange {
    /// Something new.
    Put(Aside),
    /// The very same came again.
    Again {
        /// Which.
        id: u64,
        /// How often by now.
        count: u64,
    },
    /// It is no longer there: an old message makes room, or it was brought again.
    Drop(u64),
}

/// What is remembered of messages that are set aside; the bytes are in the journal.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Shelf {
    newest: u64,
    by_print: BTreeMap<u64, u64>,
    messages: BTreeMap<u64, Known>,
    bytes: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Known {
    print: u64,
    count: u64,
    bytes: usize,
}

impl Shelf {
    /// Takes over a change.
    pub fn apply(&mut self, change: &ShelfChange) {
        match change {
            ShelfChange::Put(aside) => {
                self.newest = self.newest.max(aside.id);
                if let Some(print) = aside.print {
                    self.know(aside.id, print, aside.count, aside.bytes.len());
                }
            }
            ShelfChange::Again { id, count } => {
                if let Some(known) = self.messages.get_mut(id) {
                    known.count = *count;
                }
            }
            ShelfChange::Drop(id) => {
                if let Some(known) = self.messages.remove(id) {
                    self.bytes = self.bytes.saturating_sub(known.bytes);
                    self.by_print.remove(&known.print);
                }
            }
        }
    }

    /// Takes over what the journal has of a message, or of a line, without its bytes.
    pub fn load(&mut self, id: u64, print: Option<u64>, count: u64, bytes: usize) {
        self.newest = self.newest.max(id);
        if let Some(print) = print {
            self.know(id, print, count, bytes);
        }
    }

    fn know(&mut self, id: u64, print: u64, count: u64, bytes: usize) {
        let known = Known {
            print,
            count,
            bytes,
        };
        if self.messages.insert(id, known).is_none() {
            self.bytes += bytes;
        }
        self.by_print.insert(print, id);
    }
}

/// The shelf with changes over it.
#[derive(Debug)]
pub struct ShelfDraft<'a> {
    base: &'a Shelf,
    /// A copy, made when the first change comes.
    now: Option<Shelf>,
    changes: Vec<ShelfChange>,
}

impl<'a> ShelfDraft<'a> {
    /// Nothing is changed yet.
    pub fn new(base: &'a Shelf) -> Self {
        Self {
            base,
            now: None,
            changes: Vec::new(),
        }
    }

    /// Sets something aside. Its `id` and `count` are given here. Answers whether it is new.
    pub fn put(&mut self, mut aside: Aside) -> bool {
        let base = self.base;
        let shelf = self.now.get_or_insert_with(|| base.clone());
        let mut changes = Vec::new();
        let known = aside
            .print
            .and_then(|print| shelf.by_print.get(&print))
            .and_then(|id| shelf.messages.get(id).map(|known| (*id, known.count)));
        let is_new = known.is_none();
        match known {
            Some((id, count)) => changes.push(ShelfChange::Again {
                id,
                count: count + 1,
            }),
            None => {
                aside.id = shelf.newest + 1;
                aside.count = 1;
                if aside.print.is_some() {
                    changes.extend(shelf.room_for(aside.bytes.len()));
                }
                changes.push(ShelfChange::Put(aside));
            }
        }
        for change in &changes {
            shelf.apply(change);
        }
        self.changes.extend(changes);
        is_new
    }

    /// Whether something was taken out in this turn.
    pub fn is_taken_out(&self, id: u64) -> bool {
        self.changes.contains(&ShelfChange::Drop(id))
    }

    /// Takes something out: it was brought again.
    pub fn take_out(&mut self, id: u64) {
        let base = self.base;
        let shelf = self.now.get_or_insert_with(|| base.clone());
        let change = ShelfChange::Drop(id);
        shelf.apply(&change);
        self.changes.push(change);
    }

    /// What is changed, in order.
    pub fn into_changes(self) -> impl Iterator<Item = ShelfChange> {
        self.changes.into_iter()
    }
}

impl Shelf {
    /// The oldest messages that must go for a new one of `bytes`.
    fn room_for(&self, bytes: usize) -> Vec<ShelfChange> {
        let mut left = self.messages.len();
        let mut held = self.bytes;
        self.messages
            .iter()
            .take_while(|(_, known)| {
                let is_full = left >= MAX_MESSAGES || held + bytes > MAX_BYTES;
                left -= 1;
                held = held.saturating_sub(known.bytes);
                is_full
            })
            .map(|(id, _)| ShelfChange::Drop(*id))
            .collect()
    }
}

/// What stays the same when a unit sends a batch again: all but its first line, which tells the
/// moment of sending. A message without a second line is the same only if it is the same throughout.
pub fn print_of(topic: &str, code: &str, payload: &[u8]) -> u64 {
    let body = payload
        .iter()
        .position(|byte| *byte == b'\n')
        .map(|end| &payload[end..])
        .filter(|body| body.len() > 1)
        .unwrap_or(payload);
    Chain::START
        .then(topic.as_bytes())
        .then(code.as_bytes())
        .then(body)
        .to_bits()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(text: &str) -> Aside {
        Aside {
            id: 0,
            received: Wall::parse("2026-11-23T07:31:00Z").unwrap(),
            topic: "gatepost/v1/s/u/events".to_owned(),
            site: None,
            unit: None,
            place: None,
            code: "bad_header".to_owned(),
            reason: String::new(),
            bytes: text.as_bytes().to_vec(),
            print: Some(print_of("t", "bad_header", text.as_bytes())),
            count: 0,
            again: None,
        }
    }

    fn put(shelf: &mut Shelf, aside: Aside) -> (bool, Vec<ShelfChange>) {
        let mut draft = ShelfDraft::new(shelf);
        let is_new = draft.put(aside);
        let changes: Vec<_> = draft.into_changes().collect();
        for change in &changes {
            shelf.apply(change);
        }
        (is_new, changes)
    }

    #[test]
    fn the_same_batch_sent_again_is_counted() {
        let mut shelf = Shelf::default();
        assert!(put(&mut shelf, message("{\"sent\":1}\nline")).0);
        let (is_new, changes) = put(&mut shelf, message("{\"sent\":2}\nline"));
        assert!(!is_new);
        assert_eq!(changes, [ShelfChange::Again { id: 1, count: 2 }]);
        assert!(put(&mut shelf, message("{\"sent\":2}\nother")).0);
        // A trailing line end is no second line.
        assert!(put(&mut shelf, message("a\n")).0);
        assert!(put(&mut shelf, message("b\n")).0);
    }

    #[test]
    fn the_oldest_messages_make_room_and_lines_never_do() {
        let mut shelf = Shelf::default();
        let mut line = message("poison");
        line.print = None;
        put(&mut shelf, line);
        for n in 0..MAX_MESSAGES {
            put(&mut shelf, message(&format!("message {n}")));
        }
        let (_, changes) = put(&mut shelf, message("one more"));
        assert!(matches!(
            changes[..],
            [ShelfChange::Drop(2), ShelfChange::Put(_)]
        ));
        let mut large = message("large");
        large.bytes = vec![b'x'; MAX_BYTES];
        let (_, changes) = put(&mut shelf, large);
        assert_eq!(changes.len(), MAX_MESSAGES + 1);
        assert_eq!(shelf.messages.len(), 1);
    }
}
