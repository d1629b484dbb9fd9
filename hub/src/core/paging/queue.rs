//! What waits at one address.

use std::collections::BTreeSet;

use gatepost_model::{Wall, alert::Severity};

use super::MessageRow;

/// Messages that wait, so that whether an address must be left alone costs nothing to find out.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Queue {
    /// All, the most severe first.
    all: BTreeSet<(Severity, u64)>,
    /// Those that failed, by when each is to be tried again.
    failed: BTreeSet<(Wall, u64)>,
    /// Those of which the channel itself said when.
    asked: BTreeSet<(Wall, u64)>,
}

impl Queue {
    pub(super) fn put(&mut self, row: &MessageRow) {
        self.all.insert((row.severity, row.id));
        if row.attempts > 0 {
            let at = (row.not_before, row.id);
            match row.is_asked {
                true => self.asked.insert(at),
                false => self.failed.insert(at),
            };
        }
    }

    pub(super) fn take_out(&mut self, row: &MessageRow) {
        self.all.remove(&(row.severity, row.id));
        self.failed.remove(&(row.not_before, row.id));
        self.asked.remove(&(row.not_before, row.id));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Whether anything critical waits.
    pub(super) fn has_critical(&self) -> bool {
        let first = self.all.first();
        first.is_some_and(|(severity, _)| *severity == Severity::Critical)
    }

    /// What may be tried now, the most severe first. What failed holds up the address: it may be full,
    /// away, or angry. Only what is critical does not wait for others, but where the channel asks for it.
    pub(super) fn waiting(&self, now: Wall) -> impl Iterator<Item = u64> {
        let holds = |set: &BTreeSet<(Wall, u64)>| set.last().is_some_and(|(until, _)| *until > now);
        let (is_asked, is_held) = (holds(&self.asked), holds(&self.failed));
        let may =
            move |severity: Severity| !is_asked && (!is_held || severity == Severity::Critical);
        let all = self.all.iter();
        all.take_while(move |(severity, _)| may(*severity))
            .map(|(_, id)| *id)
    }
}
