//! Readings of series of one family that are not sealed: they grow without being moved.

use super::point::{Point, SeriesId};

/// Readings of a part: a longer vector would be copied whenever it grows, and hold room for as many
/// again.
const PART: usize = 32;

/// Readings of series of one family, in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct Kin {
    /// All but the last one are full.
    parts: Vec<Vec<(SeriesId, Point)>>,
}

impl Kin {
    /// Takes in the next ones.
    pub(super) fn extend(&mut self, mut next: &[(SeriesId, Point)]) {
        while !next.is_empty() {
            if self.parts.last().is_none_or(|last| last.len() == PART) {
                // The first one may stay small.
                let room = if self.parts.is_empty() { 0 } else { PART };
                self.parts.push(Vec::with_capacity(room));
            }
            let Some(last) = self.parts.last_mut() else {
                return;
            };
            let (fits, rest) = next.split_at(next.len().min(PART - last.len()));
            last.extend_from_slice(fits);
            next = rest;
        }
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        let full = self.parts.len().saturating_sub(1) * PART;
        full + self.parts.last().map_or(0, Vec::len)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &(SeriesId, Point)> {
        self.parts.iter().flatten()
    }
}
