//! Which numbers of a log the store has: pure but for reading them once.
//!
//! A log is written in order, so that almost always "above the last one" is all there is to ask. Only
//! for what lies below (a retry from quarantine, a copy that goes on) are the numbers looked up.

use std::collections::BTreeMap;

/// A set of numbers, as the stretches that they make.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::store) struct Held {
    /// First and last of each stretch; between two there is a hole.
    stretches: BTreeMap<u64, u64>,
}

impl Held {
    /// Whether a number is among them.
    pub(in crate::store) fn has(&self, number: u64) -> bool {
        let before = self.stretches.range(..=number).next_back();
        before.is_some_and(|(_, last)| *last >= number)
    }

    /// Adds a number. Answers whether it is new.
    pub(in crate::store) fn add(&mut self, number: u64) -> bool {
        if self.has(number) {
            return false;
        }
        let (mut first, mut last) = (number, number);
        if let Some(next) = number.checked_add(1)
            && let Some(end) = self.stretches.remove(&next)
        {
            last = end;
        }
        let before = self.stretches.range(..number).next_back();
        if let Some((begin, end)) = before.map(|(begin, end)| (*begin, *end))
            && end + 1 == number
        {
            first = begin;
        }
        self.stretches.insert(first, last);
        true
    }

    /// Takes a number out of them.
    pub(in crate::store) fn remove(&mut self, number: u64) {
        let around = self.stretches.range(..=number).next_back();
        let Some((first, last)) = around.map(|(first, last)| (*first, *last)) else {
            return;
        };
        if last < number {
            return;
        }
        self.stretches.remove(&first);
        if first < number {
            self.stretches.insert(first, number - 1);
        }
        if number < last {
            self.stretches.insert(number + 1, last);
        }
    }

    /// Adds a stretch that touches none that is there.
    pub(in crate::store) fn add_stretch(&mut self, first: u64, last: u64) {
        self.stretches.insert(first, last);
    }

    /// Its stretches, first and last of each, in order.
    pub(in crate::store) fn stretches(&self) -> impl DoubleEndedIterator<Item = (u64, u64)> {
        self.stretches.iter().map(|(first, last)| (*first, *last))
    }

    /// The last number of all.
    pub(in crate::store) fn last(&self) -> Option<u64> {
        self.stretches.last_key_value().map(|(_, last)| *last)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_is_a_set(numbers in prop::collection::vec(0..40_u64, 0..80)) {
            let (mut held, mut set) = (Held::default(), BTreeSet::new());
            for number in numbers {
                if number % 5 == 4 {
                    held.remove(number - 2);
                    set.remove(&(number - 2));
                }
                prop_assert_eq!(held.add(number), set.insert(number));
            }
            for number in 0..45 {
                prop_assert_eq!(held.has(number), set.contains(&number));
            }
            let whole: Vec<_> = held.stretches.iter().collect();
            prop_assert!(whole.windows(2).all(|pair| pair[0].1 + 1 < *pair[1].0));
        }
    }

    #[test]
    fn the_ends_are_numbers_like_others() {
        let mut held = Held::default();
        assert!(held.add(u64::MAX) && held.add(0) && held.add(u64::MAX - 1));
        assert!(held.has(u64::MAX) && !held.has(1));
        assert_eq!(held.stretches.len(), 2);
    }
}
