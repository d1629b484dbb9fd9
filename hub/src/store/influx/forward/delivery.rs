//! What to send next of a batch of lines, until each is stored or known to be refused: pure.
//!
//! An answer never says which lines it refuses, so what was refused is sent again in halves until the
//! lines are known; sending a line twice is the same as sending it once. The left half goes first, so
//! that the order stays.

use std::ops::Range;

use crate::store::influx::answer::Answer;

/// A batch under way.
#[derive(Debug)]
pub(super) struct Delivery {
    /// What is still to be sent, the next one last.
    open: Vec<Range<usize>>,
    refused: Vec<(usize, String)>,
}

/// What to do after an answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Go on with what is next.
    Next,
    /// One line alone was refused without a word that it is to blame: it is, if an empty request is
    /// taken; tell by [`Delivery::refuse`].
    Suspect(String),
    /// The same again later.
    Later,
}

impl Delivery {
    pub(super) fn of(lines: usize) -> Self {
        Self {
            open: (lines > 0).then_some(0..lines).into_iter().collect(),
            refused: Vec::new(),
        }
    }

    /// What to send now; nothing if all is done.
    pub(super) fn next(&self) -> Option<Range<usize>> {
        self.open.last().cloned()
    }

    /// Takes the answer to what was next.
    pub(super) fn answered(&mut self, answer: &Answer) -> Step {
        let Some(range) = self.next() else {
            return Step::Next;
        };
        match answer {
            Answer::Stored => {
                self.open.pop();
                Step::Next
            }
            Answer::Later { .. } | Answer::Misconfigured { .. } => Step::Later,
            _ if range.len() > 1 => {
                self.halve();
                Step::Next
            }
            Answer::Partly { reason } | Answer::TooLarge { reason } => {
                self.refuse(reason.clone());
                Step::Next
            }
            Answer::Unreadable { reason } if reason.starts_with("unable to parse") => {
                self.refuse(reason.clone());
                Step::Next
            }
            Answer::Unreadable { reason } => Step::Suspect(reason.clone()),
        }
    }

    /// Sends what is next in halves.
    pub(super) fn halve(&mut self) {
        if let Some(range) = self.open.pop() {
            let middle = range.start + range.len().div_ceil(2);
            if middle < range.end {
                self.open.push(middle..range.end);
            }
            self.open.push(range.start..middle);
        }
    }

    /// The line that is next is refused.
    pub(super) fn refuse(&mut self, reason: String) {
        if let Some(range) = self.open.pop() {
            self.refused.push((range.start, reason));
        }
    }

    /// The refused lines, by their place, with the store's own reason.
    pub(super) fn into_refused(self) -> Vec<(usize, String)> {
        self.refused
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    /// A server as measured: a line that cannot be read spoils the request, a line of a wrong type is
    /// left out alone, and of both it tells the first it meets.
    struct Server {
        unreadable: BTreeSet<usize>,
        mistyped: BTreeSet<usize>,
        most: usize,
        stored: BTreeSet<usize>,
        requests: usize,
    }

    impl Server {
        fn write(&mut self, range: Range<usize>) -> Answer {
            self.requests += 1;
            if self.requests.is_multiple_of(5) {
                return Answer::Later {
                    reason: String::new(),
                    after: None,
                };
            }
            if range.len() > self.most {
                return Answer::TooLarge {
                    reason: "too large".to_owned(),
                };
            }
            if let Some(line) = self.unreadable.range(range.clone()).next() {
                return Answer::Unreadable {
                    reason: format!("unable to parse '{line}'"),
                };
            }
            let refused = self.mistyped.range(range.clone()).next();
            let good = range.clone().filter(|line| !self.mistyped.contains(line));
            self.stored.extend(good);
            match refused {
                None => Answer::Stored,
                Some(line) => Answer::Partly {
                    reason: format!("partial write: {line}"),
                },
            }
        }
    }

    proptest! {
        #[test]
        fn all_is_stored_but_what_is_refused(
            lines in 0..300_usize,
            unreadable in prop::collection::btree_set(0..300_usize, 0..6),
            mistyped in prop::collection::btree_set(0..300_usize, 0..6),
            most in 1..400_usize,
        ) {
            let mut server = Server { unreadable, mistyped, most, stored: BTreeSet::new(), requests: 0 };
            let mut delivery = Delivery::of(lines);
            let mut last = 0;
            while let Some(range) = delivery.next() {
                prop_assert!(range.start >= last, "in order");
                last = range.start;
                let answer = server.write(range);
                prop_assert!(!matches!(delivery.answered(&answer), Step::Suspect(_)));
                prop_assert!(server.requests < 3000);
            }
            let refused: BTreeSet<usize> = delivery.into_refused().into_iter().map(|(line, _)| line).collect();
            let wrong: BTreeSet<usize> = server.unreadable.union(&server.mistyped).copied().filter(|line| *line < lines).collect();
            prop_assert_eq!(&refused, &wrong);
            prop_assert_eq!(server.stored, (0..lines).filter(|line| !wrong.contains(line)).collect());
        }
    }

    #[test]
    fn one_bad_line_of_five_thousand_takes_a_few_requests() {
        let mut server = Server {
            unreadable: [2500].into(),
            mistyped: BTreeSet::new(),
            most: 5000,
            stored: BTreeSet::new(),
            requests: 0,
        };
        let mut delivery = Delivery::of(5000);
        while let Some(range) = delivery.next() {
            delivery.answered(&server.write(range));
        }
        assert!(server.requests < 40, "{}", server.requests);
    }

    #[test]
    fn what_may_be_the_requests_fault_is_asked() {
        let mut delivery = Delivery::of(1);
        let reason = "Please provide either orgID or org".to_owned();
        let answer = Answer::Unreadable {
            reason: reason.clone(),
        };
        assert_eq!(delivery.answered(&answer), Step::Suspect(reason.clone()));
        assert_eq!(delivery.next(), Some(0..1));
        delivery.refuse(reason.clone());
        assert_eq!(delivery.next(), None);
        assert_eq!(delivery.into_refused(), [(0, reason)]);
    }
}
