//! One pin's level, freed of bounces and flicker, from raw edge times.
//!
//! A level counts once it has lasted; its time is then that of its raw edge, not that of the
//! decision. Two edges to the same level mean that an edge between them was lost.

use std::time::Duration;

use crate::time::BoardTime;

/// The filter of one pin.
#[derive(Debug, Clone)]
pub struct Debounce {
    min_on: Duration,
    min_off: Duration,
    stable: bool,
    /// The raw edge away from `stable` that has not lasted long enough yet.
    pending: Option<BoardTime>,
}

/// A level that counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change {
    /// When the raw edge came.
    pub at: BoardTime,
    /// The new level.
    pub level: bool,
}

/// The edge brought the level that the pin already had: one between them was lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LostEdge;

impl Debounce {
    /// A filter for a pin that is low.
    pub fn new(min_on: Duration, min_off: Duration) -> Self {
        Self {
            min_on,
            min_off,
            stable: false,
            pending: None,
        }
    }

    /// The level that counts.
    pub fn level(&self) -> bool {
        self.stable
    }

    /// The level at the pin, bounces included.
    pub fn raw(&self) -> bool {
        self.stable != self.pending.is_some()
    }

    /// When the level that is not yet decided began.
    pub fn pending_since(&self) -> Option<BoardTime> {
        self.pending
    }

    /// Takes the level as it is, without history.
    pub fn reset(&mut self, level: bool) {
        self.stable = level;
        self.pending = None;
    }

    /// A raw edge. Deadlines up to it must have fired.
    pub fn handle_edge(&mut self, at: BoardTime, level: bool) -> Result<(), LostEdge> {
        if level == self.raw() {
            return Err(LostEdge);
        }
        self.pending = (level != self.stable).then_some(at);
        Ok(())
    }

    /// When the pending level will count.
    pub fn deadline(&self) -> Option<BoardTime> {
        let min = if self.stable {
            self.min_off
        } else {
            self.min_on
        };
        self.pending.map(|since| since.plus(min))
    }

    /// The level that has lasted long enough by `now`.
    pub fn poll_change(&mut self, now: BoardTime) -> Option<Change> {
        if self.deadline()? > now {
            return None;
        }
        let at = self.pending.take()?;
        self.stable = !self.stable;
        Some(Change {
            at,
            level: self.stable,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ON: u64 = 8;
    const OFF: u64 = 30;

    fn filter() -> Debounce {
        Debounce::new(Duration::from_micros(ON), Duration::from_micros(OFF))
    }

    fn changes(edges: &[u64]) -> Vec<(u64, bool)> {
        let mut debounce = filter();
        let mut found = Vec::new();
        let mut level = false;
        for &at in edges {
            while let Some(change) = debounce.poll_change(BoardTime(at)) {
                found.push((change.at.0, change.level));
            }
            level = !level;
            debounce.handle_edge(BoardTime(at), level).unwrap();
        }
        while let Some(change) = debounce.poll_change(BoardTime(u64::MAX)) {
            found.push((change.at.0, change.level));
        }
        found
    }

    /// Raw edges, and the changes that should come of them.
    type Case = (&'static [u64], &'static [(u64, bool)]);

    #[test]
    fn bounces_and_flicker_do_not_count() {
        let cases: [Case; 5] = [
            (&[100, 107], &[]),
            (&[100, 108, 200], &[(100, true), (108, false), (200, true)]),
            (&[100, 103, 105], &[(105, true)]),
            (&[100, 200, 229], &[(100, true)]),
            (&[100, 200, 210, 215], &[(100, true), (215, false)]),
        ];
        for (edges, expected) in cases {
            assert_eq!(changes(edges), expected, "{edges:?}");
        }
    }

    #[test]
    fn the_same_level_twice_is_a_lost_edge() {
        let mut debounce = filter();
        assert_eq!(debounce.handle_edge(BoardTime(1), false), Err(LostEdge));
        debounce.handle_edge(BoardTime(2), true).unwrap();
        assert_eq!(debounce.handle_edge(BoardTime(3), true), Err(LostEdge));
    }

    /// Says the same from the other end: walks the raw levels and keeps each that lasts.
    fn oracle(edges: &[u64]) -> Vec<(u64, bool)> {
        let mut found = Vec::new();
        let mut stable = false;
        for (index, &at) in edges.iter().enumerate() {
            let level = index % 2 == 0;
            let lasts = edges.get(index + 1).map_or(u64::MAX, |next| next - at);
            if level != stable && lasts >= if level { ON } else { OFF } {
                stable = level;
                found.push((at, level));
            }
        }
        found
    }

    proptest! {
        #[test]
        fn any_edges_agree_with_the_oracle(steps in proptest::collection::vec(1u64..60, 0..60)) {
            let edges: Vec<u64> = steps
                .iter()
                .scan(0, |at, step| { *at += step; Some(*at) })
                .collect();
            prop_assert_eq!(changes(&edges), oracle(&edges));
        }
    }
}
