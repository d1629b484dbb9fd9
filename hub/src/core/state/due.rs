//! When time alone may change something of a site or of who is told of an alert, so that a look at
//! the clock costs what is due and not what exists.
//!
//! A time is never later than it should be, and may be earlier: whoever looks finds nothing
//! to do then, and says when to look again. So a unit that is heard moves nothing here; its silence
//! is found out when it would have been due.

use std::collections::{BTreeMap, BTreeSet};

use gatepost_model::Wall;

/// Sites, or alerts, by when they must be looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due<K: Ord> {
    by_time: BTreeSet<(Option<Wall>, K)>,
    by_key: BTreeMap<K, Option<Wall>>,
}

impl<K: Ord> Default for Due<K> {
    fn default() -> Self {
        Self {
            by_time: BTreeSet::new(),
            by_key: BTreeMap::new(),
        }
    }
}

impl<K: Ord + Clone> Due<K> {
    /// Those that must be looked at by now, those that waited longest first.
    pub fn until(&self, now: Wall) -> impl Iterator<Item = &K> {
        let due = self
            .by_time
            .iter()
            .take_while(move |(at, _)| *at <= Some(now));
        due.map(|(_, key)| key)
    }

    /// Whether any must be looked at by now.
    pub fn is_due(&self, now: Wall) -> bool {
        self.until(now).next().is_some()
    }

    /// It was looked at, and must be again then.
    pub(super) fn set(&mut self, key: &K, at: Wall) {
        self.put(key, Some(at));
    }

    /// Something of it changed that time may change further, then at the earliest.
    pub(super) fn by(&mut self, key: &K, at: Wall) {
        if self.by_key.get(key).is_none_or(|known| *known > Some(at)) {
            self.put(key, Some(at));
        }
    }

    /// Something of it changed: it must be looked at as soon as possible.
    pub(super) fn at_once(&mut self, key: &K) {
        self.put(key, None);
    }

    /// Time changes nothing of it any more.
    pub(super) fn forget(&mut self, key: &K) {
        if let Some(before) = self.by_key.remove(key) {
            self.by_time.remove(&(before, key.clone()));
        }
    }

    /// `None` is before every time.
    fn put(&mut self, key: &K, at: Option<Wall>) {
        let before = self.by_key.insert(key.clone(), at);
        if before == Some(at) {
            return;
        }
        if let Some(before) = before {
            self.by_time.remove(&(before, key.clone()));
        }
        self.by_time.insert((at, key.clone()));
    }
}
