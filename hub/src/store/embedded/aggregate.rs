//! What a site-local hour or day comes to, after its events have gone: pure.

use super::{
    pack::{Bytes, Malformed, put},
    sum::Sum,
};

/// How wide an aggregate is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Width {
    Hour = 1,
    Day = 2,
}

/// Events of one kind and place, added up.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::store) struct Aggregate {
    /// How many.
    pub(in crate::store) count: u64,
    /// What was measured.
    pub(in crate::store) sum: Sum,
    /// Time of the first and the last, microseconds since 1970. A question that cuts in between
    /// cannot be answered any more.
    pub(in crate::store) span: (i64, i64),
}

/// Where an aggregate belongs: its bytes are worth nothing elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    /// Which events.
    pub(super) series: i64,
    /// A [`Width`].
    pub(super) width: i64,
    /// Where the hour or day begins.
    pub(super) start: i64,
}

impl Aggregate {
    /// One event.
    pub(super) fn of(time: i64, value: Option<f64>) -> Self {
        let mut sum = Sum::default();
        value.iter().for_each(|value| sum.add(*value));
        Self {
            count: 1,
            sum,
            span: (time, time),
        }
    }

    /// Adds another one.
    pub(in crate::store) fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.sum.merge(&other.sum);
        self.span = (self.span.0.min(other.span.0), self.span.1.max(other.span.1));
    }

    /// Its bytes, with a checksum over them and where they belong.
    pub(super) fn to_bytes(self, key: Key) -> Vec<u8> {
        let mut out = Vec::with_capacity(64);
        put(&mut out, self.count);
        put(&mut out, self.span.0.wrapping_sub(key.start));
        put(&mut out, self.span.1.wrapping_sub(self.span.0));
        put(&mut out, self.sum.n);
        self.sum.write(&mut out);
        let check = checksum(key, &out);
        out.extend_from_slice(&check.to_le_bytes());
        out
    }

    /// Reads it back.
    pub(super) fn from_bytes(key: Key, bytes: &[u8]) -> Result<Self, Malformed> {
        let (body, check) = bytes.split_last_chunk::<4>().ok_or(Malformed)?;
        if checksum(key, body) != u32::from_le_bytes(*check) {
            return Err(Malformed);
        }
        let mut bytes = Bytes::new(body);
        let count = bytes.number()?;
        let first = key.start.wrapping_add(bytes.number()?);
        let last = first.wrapping_add(bytes.number()?);
        let n = bytes.number()?;
        Ok(Self {
            count,
            span: (first, last),
            sum: Sum::read(n, &mut bytes)?,
        })
    }
}

fn checksum(key: Key, body: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    for part in [key.series, key.width, key.start] {
        hasher.update(&part.to_le_bytes());
    }
    hasher.update(body);
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_comes_back_where_it_belongs_and_damage_is_found(
            values in prop::collection::vec((0..9_000_000_000_i64, prop::option::of(-1e3..1e300_f64)), 1..20),
            at in any::<prop::sample::Index>(),
            bit in 0..8_u8,
        ) {
            let key = Key { series: 7, width: Width::Hour as i64, start: 1_000 };
            let mut all = values.iter().map(|(time, value)| Aggregate::of(*time, *value));
            let mut whole = all.next().unwrap();
            all.for_each(|one| whole.merge(&one));
            prop_assert_eq!(whole.count, values.len() as u64);
            let mut bytes = whole.to_bytes(key);
            prop_assert_eq!(Aggregate::from_bytes(key, &bytes), Ok(whole));
            let day = Key { width: Width::Day as i64, ..key };
            prop_assert_eq!(Aggregate::from_bytes(day, &bytes), Err(Malformed));
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
            prop_assert_eq!(Aggregate::from_bytes(key, &bytes), Err(Malformed));
        }
    }
}
