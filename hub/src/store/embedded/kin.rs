//! Readings of series of one family that are not sealed: they grow without being moved.

use super::point::{Point, SeriesId};

/// Readings of a part: a longer vector would be copied whenever it grows, and hold room for as many
/// again.
const PART: usize = 32;

/// Readings of series of one family, in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct Kin {
    /// Parts that are full.
    full: Vec<Vec<(SeriesId, Point)>>,
    last: Vec<(SeriesId, Point)>,
}

impl Kin {
    /// Takes in the next ones.
    pub(super) fn extend(&mut self, mut next: &[(SeriesId, Point)]) {
        while !next.is_empty() {
            if self.last.len() == PART {
                let part = Vec::with_capacity(PART);
                self.full.push(std::mem::replace(&mut self.last, part));
            }
            let (fits, rest) = next.split_at(next.len().min(PART - self.last.len()));
            self.last.extend_from_slice(fits);
            next = rest;
        }
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.full.len() * PART + self.last.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &(SeriesId, Point)> {
        self.full.iter().flatten().chain(&self.last)
    }
}
