//! Which part of a batch is new.
//!
//! The hub holds of each log how far the record has it, and the chain there. A batch is taken when
//! it begins at or before the next number; what is held is skipped, also in the middle of a gap. The
//! chain is compared where the hub knows it: at its watermark. What contradicts it is a fork, and
//! nothing of it is taken.

use gatepost_model::Chain;

use super::input::{Batch, BatchLine};

/// How far the record has a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// The last number that is stored; 0 for none.
    pub through: u64,
    /// The chain after it.
    pub chain: Chain,
}

impl Mark {
    /// Nothing is stored.
    pub const START: Self = Self {
        through: 0,
        chain: Chain::START,
    };
}

/// What a batch brings.
#[derive(Debug, Clone, Copy)]
pub enum News<'a> {
    /// These lines; of the first one, a gap, the numbers up to the watermark are held already.
    Lines(&'a [BatchLine]),
    /// Nothing: all of it is held.
    Held,
    /// Something between is missing: it comes again after the ack.
    Ahead,
    /// Another history than the record's.
    Fork {
        /// The batch's chain at the watermark.
        theirs: Chain,
    },
}

/// Compares a batch with the watermark of its log.
pub fn news<'a>(mark: Mark, batch: &'a Batch) -> News<'a> {
    let header = &batch.header;
    if header.first > mark.through + 1 {
        return News::Ahead;
    }
    let theirs = if header.first == mark.through + 1 {
        Some(header.chain)
    } else {
        // No line ends there if it is inside a gap, or behind all that this batch brings.
        batch
            .lines
            .iter()
            .find(|line| line.last() == mark.through)
            .map(|line| line.chain)
    };
    if let Some(theirs) = theirs
        && theirs != mark.chain
    {
        return News::Fork { theirs };
    }
    let held = batch
        .lines
        .partition_point(|line| line.last() <= mark.through);
    match &batch.lines[held..] {
        [] => News::Held,
        lines => News::Lines(lines),
    }
}

#[cfg(test)]
mod tests;
