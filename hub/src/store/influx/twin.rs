//! Which events of a log may share their time with another one: pure.
//!
//! A point's time has room for the sequence modulo 1,000, so two events of a log can only fall on one
//! another if they have the same microsecond and are 1,000 or more apart. In a log that goes forward in
//! time that never happens. Where it goes back (a clock that was set, a stretch squeezed between two
//! bounds) or an event comes late, the event gets the tag `twin` with its sequence divided by 1,000:
//! no two of those can fall on one another either, and there are as few tags as thousands of events.

use std::collections::VecDeque;

/// How far in time a log has come.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Crowd {
    /// The last sequence.
    through: u64,
    /// The newest time among events that may be 1,000 or more before the next one.
    far: Option<i64>,
    /// The newest time of each hundred of sequences since.
    near: VecDeque<(u64, i64)>,
}

impl Crowd {
    /// A log that is known up to a sequence, with the newest time in it.
    pub(super) fn of(through: u64, newest: Option<i64>) -> Self {
        Self {
            through,
            far: newest,
            near: VecDeque::new(),
        }
    }

    /// The newest time of all.
    pub(super) fn newest(&self) -> Option<i64> {
        let near = self.near.iter().map(|(_, newest)| *newest);
        near.chain(self.far).max()
    }

    /// Takes in the next event; answers whether its time may be another's, too.
    pub(super) fn take(&mut self, seq: u64, time: i64) -> bool {
        if seq <= self.through {
            return true;
        }
        self.through = seq;
        while let Some((first, newest)) = self.near.front().copied()
            && first.saturating_add(1000) <= seq
        {
            self.near.pop_front();
            self.far = self.far.max(Some(newest));
        }
        if self.far.is_some_and(|far| time <= far) {
            return true;
        }
        let hundred = seq - seq % 100;
        match self.near.back_mut() {
            Some((first, newest)) if *first == hundred => *newest = time.max(*newest),
            _ => self.near.push_back((hundred, time)),
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Whatever the times and the order: no two events have one time, one residue and one tag.
        #[test]
        fn no_two_fall_on_one_another(
            steps in prop::collection::vec((1..700_u64, -3..4_i64), 1..200),
            late in prop::collection::vec((any::<prop::sample::Index>(), 0..20_i64), 0..50),
            restart in any::<prop::sample::Index>(),
        ) {
            let mut crowd = Crowd::default();
            let (mut points, mut seqs) = (HashSet::new(), HashSet::new());
            let (mut seq, mut time) = (0, 10);
            for (n, (ahead, step)) in steps.iter().enumerate() {
                if n == restart.index(steps.len()) {
                    crowd = Crowd::of(seq, crowd.newest());
                }
                seq += ahead;
                time += step;
                seqs.insert(seq);
                let twin = crowd.take(seq, time).then_some(seq / 1000);
                prop_assert!(points.insert((time, seq % 1000, twin)), "{seq}");
            }
            for (at, time) in late {
                let seq = at.index(seq as usize) as u64 + 1;
                if seqs.insert(seq) {
                    let twin = crowd.take(seq, time).then_some(seq / 1000);
                    prop_assert!(twin.is_some());
                    prop_assert!(points.insert((time, seq % 1000, twin)), "{seq}");
                }
            }
        }
    }

    #[test]
    fn a_log_that_goes_forward_has_none() {
        let mut crowd = Crowd::default();
        // Up to 800 events of one moment, and little steps back.
        for seq in 1..100_000_u64 {
            let time = (seq / 800 * 1000) as i64 - (seq % 7) as i64;
            assert!(!crowd.take(seq, time), "{seq}");
        }
        assert!(crowd.near.len() <= 11);
        assert!(crowd.take(100_000, 5));
    }
}
