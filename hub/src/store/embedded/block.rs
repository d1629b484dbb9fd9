//! An hour of one series, sealed: pure.
//!
//! | part | holds |
//! |---|---|
//! | head | how many, first and last time, smallest, largest and sum: a coarse bucket needs no more |
//! | columns | monotonic times, wall times, numbers, sequences, receipt, errors, sources |
//! | end | a CRC-32 over all of it and the block's key, so that a block cannot pass for another |
//!
//! Points are ordered by time and sequence.

use super::{
    pack::{Bytes, Malformed, decode, encode, put},
    point::{HOUR, Point, from_flags},
    sum::{Sum, billionths},
};

/// The form that is written.
const FORM: u8 = 1;
/// An hour has no more readings of a series than this: one each 100 microseconds.
const MOST: usize = 36_000_000;

/// Seals points, which must be ordered by time and sequence.
pub(super) fn seal(key: i64, points: &[Point]) -> Vec<u8> {
    let mut out = vec![FORM];
    put(&mut out, points.len() as u64);
    let (Some(first), Some(last)) = (points.first(), points.last()) else {
        return finish(key, out);
    };
    put(&mut out, first.time.wrapping_sub(hour_begin(key)));
    put(&mut out, last.time - first.time);
    let mut column = Vec::with_capacity(points.len());
    let mut pack = |out: &mut Vec<u8>, of: &dyn Fn(&Point) -> i64| {
        column.clear();
        column.extend(points.iter().map(of));
        encode(&column, out);
    };
    let numbers = Numbers::of(points);
    numbers.head(points, &mut out);
    pack(&mut out, &|point| point.mono);
    match drift(points) {
        Some(drift) => {
            out.push(1);
            let begins = first.time.wrapping_sub(first.mono);
            put(&mut out, drift.wrapping_sub(begins));
        }
        None => {
            out.push(0);
            pack(&mut out, &|point| point.time.wrapping_sub(point.mono));
        }
    }
    numbers.columns(&mut out);
    pack(&mut out, &|point| point.seq.cast_signed());
    pack(&mut out, &|point| {
        point.received_ms - point.time.div_euclid(1000)
    });
    pack(&mut out, &|point| point.error_ms.cast_signed());
    pack(&mut out, &|point| i64::from(point.flags()));
    finish(key, out)
}

fn finish(key: i64, mut out: Vec<u8>) -> Vec<u8> {
    let sum = checksum(key, &out);
    out.extend_from_slice(&sum.to_le_bytes());
    out
}

fn checksum(key: i64, body: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&key.to_le_bytes());
    hasher.update(body);
    hasher.finalize()
}

/// Units give wall times in whole milliseconds of a clock that runs with the monotonic one: one
/// number tells all of them, if there is a distance between the clocks that rounds to each.
fn drift(points: &[Point]) -> Option<i64> {
    let apart = |point: &Point| point.time.wrapping_sub(point.mono);
    let least = points.iter().map(apart).max()?;
    let most = points.iter().map(apart).min()?.checked_add(999)?;
    let is_whole = points.iter().all(|point| point.time % 1000 == 0);
    (is_whole && least <= most).then_some(least)
}

/// The measured numbers of a block.
enum Numbers {
    /// Decimals as whole numbers of a unit of so many billionths.
    Decimals { unit: i64, wholes: Vec<i64> },
    /// Each as what it differs in from the one before, bit by bit.
    Others(Vec<i64>),
}

const UNITS: [i64; 10] = [
    1_000_000_000,
    100_000_000,
    10_000_000,
    1_000_000,
    100_000,
    10_000,
    1000,
    100,
    10,
    1,
];

impl Numbers {
    fn of(points: &[Point]) -> Self {
        let wholes: Option<Vec<i64>> = points.iter().map(|point| billionths(point.value)).collect();
        let Some(mut wholes) = wholes else {
            let mut before = 0;
            let differs = points.iter().map(|point| {
                let bits = point.value.to_bits().cast_signed();
                let differs = bits ^ before;
                before = bits;
                differs
            });
            return Self::Others(differs.collect());
        };
        let mut place = 0;
        for whole in &wholes {
            while whole % UNITS[place] != 0 {
                place += 1;
            }
        }
        let unit = UNITS[place];
        wholes.iter_mut().for_each(|whole| *whole /= unit);
        Self::Decimals { unit, wholes }
    }

    fn head(&self, points: &[Point], out: &mut Vec<u8>) {
        match self {
            Self::Decimals { unit, wholes } => {
                let place = UNITS.iter().position(|it| it == unit).unwrap_or(9);
                out.push(place as u8);
                let (min, max) = (wholes.iter().min(), wholes.iter().max());
                put(out, min.copied().unwrap_or(0));
                put(out, max.copied().unwrap_or(0));
                let sum: i128 = wholes.iter().map(|whole| i128::from(*whole)).sum();
                put(out, (sum >> 64) as i64);
                put(out, sum as u64);
            }
            Self::Others(_) => {
                out.push(UNITS.len() as u8);
                let mut sum = Sum::default();
                points.iter().for_each(|point| sum.add(point.value));
                sum.write(out);
            }
        }
    }

    fn columns(&self, out: &mut Vec<u8>) {
        match self {
            Self::Decimals { wholes, .. } => encode(wholes, out),
            Self::Others(differs) => encode(differs, out),
        }
    }
}

/// A sealed block of which the checksum is right.
#[derive(Debug, Clone)]
pub(super) struct Block<'a> {
    n: usize,
    /// First and last time.
    pub(super) span: (i64, i64),
    /// All its numbers.
    pub(super) sum: Sum,
    /// The unit of its decimals; none where it has others.
    unit: Option<i64>,
    rest: Bytes<'a>,
}

impl<'a> Block<'a> {
    /// Checks a block and reads its head.
    pub(super) fn open(key: i64, bytes: &'a [u8]) -> Result<Self, Malformed> {
        let (body, sum) = bytes.split_last_chunk::<4>().ok_or(Malformed)?;
        if checksum(key, body) != u32::from_le_bytes(*sum) {
            return Err(Malformed);
        }
        let mut rest = Bytes::new(body);
        if rest.byte()? != FORM {
            return Err(Malformed);
        }
        let n = rest.count(MOST)?;
        if n == 0 {
            return Err(Malformed);
        }
        let first = hour_begin(key).wrapping_add(rest.number()?);
        let last = first.checked_add(rest.number()?).ok_or(Malformed)?;
        let place = usize::from(rest.byte()?);
        let unit = UNITS.get(place).copied();
        let sum = match unit {
            None => Sum::read(n as u64, &mut rest)?,
            Some(unit) => {
                let number = |whole: i64| whole.wrapping_mul(unit) as f64 / 1e9;
                let (min, max) = (number(rest.number()?), number(rest.number()?));
                let high = i128::from(rest.number::<i64>()?) << 64;
                let wholes = high | i128::from(rest.number::<u64>()?);
                Sum {
                    n: n as u64,
                    min,
                    max,
                    decimals: wholes.wrapping_mul(i128::from(unit)),
                    ..Sum::default()
                }
            }
        };
        Ok(Self {
            n,
            span: (first, last),
            sum,
            unit,
            rest,
        })
    }

    /// Its times and numbers.
    pub(super) fn measured(mut self) -> Result<Vec<(i64, f64)>, Malformed> {
        let (_, times) = self.times()?;
        let values = self.values()?;
        Ok(times.into_iter().zip(values).collect())
    }

    /// Its points.
    pub(super) fn points(mut self) -> Result<Vec<Point>, Malformed> {
        let (monos, times) = self.times()?;
        let values = self.values()?;
        let seqs = self.column()?;
        let received = self.column()?;
        let errors = self.column()?;
        let flags = self.column()?;
        (0..self.n)
            .map(|at| {
                let (source, is_stamped) = from_flags(flags[at])?;
                Ok(Point {
                    time: times[at],
                    mono: monos[at],
                    seq: seqs[at].cast_unsigned(),
                    value: values[at],
                    received_ms: received[at].wrapping_add(times[at].div_euclid(1000)),
                    error_ms: errors[at].cast_unsigned(),
                    source,
                    is_stamped,
                })
            })
            .collect()
    }

    fn column(&mut self) -> Result<Vec<i64>, Malformed> {
        decode(&mut self.rest, self.n)
    }

    fn times(&mut self) -> Result<(Vec<i64>, Vec<i64>), Malformed> {
        let monos = self.column()?;
        let times = if self.rest.byte()? == 1 {
            let first = monos.first().copied().unwrap_or(0);
            let begins = self.span.0.wrapping_sub(first);
            let drift = begins.wrapping_add(self.rest.number()?);
            let whole = |mono: &i64| mono.wrapping_add(drift).div_euclid(1000) * 1000;
            monos.iter().map(whole).collect()
        } else {
            let apart = self.column()?.into_iter();
            apart
                .zip(&monos)
                .map(|(it, mono)| mono.wrapping_add(it))
                .collect()
        };
        Ok((monos, times))
    }

    fn values(&mut self) -> Result<Vec<f64>, Malformed> {
        let column = self.column()?;
        Ok(match self.unit {
            Some(unit) => column
                .into_iter()
                .map(|whole| whole.wrapping_mul(unit) as f64 / 1e9)
                .collect(),
            None => {
                let mut bits = 0;
                column
                    .into_iter()
                    .map(|differs| {
                        bits ^= differs;
                        f64::from_bits(bits.cast_unsigned())
                    })
                    .collect()
            }
        })
    }
}

/// Where the hour of a key begins, microseconds since 1970.
fn hour_begin(key: i64) -> i64 {
    parts(key).0.wrapping_mul(HOUR)
}

/// The key of a block: hours in order, the series of an hour beside each other.
pub(super) fn key(hour: i64, series: u32) -> i64 {
    hour << SERIES_BITS | i64::from(series)
}

/// The hour and series of a key.
pub(super) fn parts(key: i64) -> (i64, u32) {
    (key >> SERIES_BITS, (key & (MOST_SERIES - 1)) as u32)
}

const SERIES_BITS: u32 = 24;
/// The mask of a series in a key.
const MOST_SERIES: i64 = 1 << SERIES_BITS;
/// No series, and in its place any: a hub knows fewer than this.
pub(super) const ANY_SERIES: u32 = (1 << SERIES_BITS) - 1;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::store::{embedded::point::tests::any_point, event::TimeSource};

    /// Readings of one sensor in an hour, as a unit's are.
    fn like_a_units(n: usize) -> Vec<Point> {
        (0..n as i64)
            .map(|at| {
                let mono = 1_000_000_000 + at * 3_600_000_000 / n as i64 + at * 7919 % 997;
                let time = (mono + 1_763_000_000_123_456) / 1000 * 1000;
                Point {
                    time,
                    mono,
                    seq: (at * 5 + at % 3).cast_unsigned(),
                    value: (1825 + at * 31 % 17) as f64 / 100.0,
                    received_ms: time / 1000 + 40 + at * 13 % 29,
                    error_ms: 12,
                    source: TimeSource::Unit,
                    is_stamped: true,
                }
            })
            .collect()
    }

    #[test]
    fn an_hour_takes_few_bytes_a_point() {
        for (n, most) in [(60, 5.0), (360, 4.2)] {
            let each = seal(7, &like_a_units(n)).len() as f64 / n as f64;
            assert!(each < most, "{n} points: {each} bytes each");
        }
    }

    #[test]
    fn a_block_under_another_key_is_damaged() {
        let bytes = seal(key(5, 6), &like_a_units(3));
        assert!(Block::open(key(5, 6), &bytes).is_ok());
        assert!(Block::open(key(5, 7), &bytes).is_err());
        assert_eq!(parts(key(495_000, 77)), (495_000, 77));
    }

    proptest! {
        #[test]
        fn a_block_comes_back_with_its_sum_and_damage_is_found(
            mut points in prop::collection::vec(any_point(), 1..60),
            at in any::<prop::sample::Index>(),
            bit in 0..8_u8,
        ) {
            points.sort_by_key(|point| (point.time, point.seq));
            let mut bytes = seal(9, &points);
            let block = Block::open(9, &bytes).unwrap();
            let mut sum = Sum::default();
            points.iter().for_each(|point| sum.add(point.value));
            prop_assert_eq!(block.sum, sum);
            prop_assert_eq!(block.span, (points[0].time, points[points.len() - 1].time));
            let measured: Vec<_> = points.iter().map(|it| (it.time, it.value)).collect();
            prop_assert_eq!(block.clone().measured().unwrap(), measured);
            prop_assert_eq!(block.points().unwrap(), points);
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
            prop_assert!(Block::open(9, &bytes).is_err());
        }
    }
}
