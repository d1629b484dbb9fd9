//! Columns of whole numbers in few bits: pure.
//!
//! A column is predicted in one of four ways, whichever comes out smallest: each number by one centre,
//! by the number before, by the number before and the step before that (delta of delta), or by a
//! straight line. What the prediction missed is packed with as many bits as most of it needs; the
//! rest stands beside as exceptions, so that a pause in a regular series does not widen all of it.
//! Whatever the numbers are, they come back as they were.

use integer_encoding::VarInt;

/// Bytes that are read in order.
#[derive(Debug, Clone)]
pub(super) struct Bytes<'a> {
    rest: &'a [u8],
}

/// Bytes that end too early or say what cannot be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("its bytes make no sense")]
pub(super) struct Malformed;

impl<'a> Bytes<'a> {
    pub(super) fn new(rest: &'a [u8]) -> Self {
        Self { rest }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(super) fn take(&mut self, n: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self.rest.split_at_checked(n).ok_or(Malformed)?;
        self.rest = rest;
        Ok(taken)
    }

    pub(super) fn byte(&mut self) -> Result<u8, Malformed> {
        Ok(self.take(1)?[0])
    }

    pub(super) fn number<N: VarInt>(&mut self) -> Result<N, Malformed> {
        let (number, length) = N::decode_var(self.rest).ok_or(Malformed)?;
        self.rest = &self.rest[length..];
        Ok(number)
    }

    /// A number of things, each of which takes at least a `share` of a byte.
    pub(super) fn count(&mut self, most: usize) -> Result<usize, Malformed> {
        let count = self.number::<u64>()?;
        usize::try_from(count)
            .ok()
            .filter(|count| *count <= most)
            .ok_or(Malformed)
    }
}

/// Appends a number: few bytes for a small one, of either sign.
pub(super) fn put<N: VarInt>(out: &mut Vec<u8>, number: N) {
    let mut bytes = [0; 10];
    let length = number.encode_var(&mut bytes);
    out.extend_from_slice(&bytes[..length]);
}

/// How a column is predicted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Plain,
    Delta,
    Second,
    Line,
}

const MODES: [Mode; 4] = [Mode::Plain, Mode::Delta, Mode::Second, Mode::Line];
/// All numbers are the first one.
const SAME: u8 = 4;
/// Set in the mode's byte where there are exceptions.
const EXCEPTIONS: u8 = 8;

/// Appends a column. How many numbers it has, whoever reads it must know.
pub(super) fn encode(numbers: &[i64], out: &mut Vec<u8>) {
    let Some(first) = numbers.first() else {
        return;
    };
    if numbers.iter().all(|number| number == first) {
        out.push(SAME);
        put(out, *first);
        return;
    }
    let best = MODES
        .iter()
        .map(|mode| Plan::of(*mode, numbers))
        .min_by_key(|plan| plan.cost);
    if let Some(plan) = best {
        plan.write(numbers, out);
    }
}

/// One way to write a column.
struct Plan {
    mode: Mode,
    centre: i64,
    width: u32,
    /// About how many bits it takes.
    cost: usize,
}

impl Plan {
    fn of(mode: Mode, numbers: &[i64]) -> Self {
        let centre = centre(mode, numbers);
        let mut lengths = [0_usize; 65];
        misses(mode, centre, numbers, |_, miss| {
            lengths[length(miss)] += 1;
        });
        // From the widest down: what does not fit stands beside, with its place.
        let n: usize = lengths.iter().sum();
        let (mut width, mut cost) = (64, n * 64);
        let mut beside = 0;
        for bits in (0..64).rev() {
            beside += lengths[bits + 1] * (bits + 1 + EXCEPTION_BITS);
            if n * bits + beside < cost {
                (width, cost) = (bits, n * bits + beside);
            }
        }
        Self {
            mode,
            centre,
            width: width as u32,
            cost,
        }
    }

    fn write(&self, numbers: &[i64], out: &mut Vec<u8>) {
        let mut packed = Packer::new(self.width);
        let mut beside = Vec::new();
        let (mut count, mut last) = (0_u64, 0);
        misses(self.mode, self.centre, numbers, |index, miss| {
            if length(miss) > self.width as usize {
                put(&mut beside, (index - last) as u64);
                put(&mut beside, miss);
                (count, last) = (count + 1, index);
                packed.push(0);
            } else {
                packed.push(miss);
            }
        });
        let mode = MODES
            .iter()
            .position(|mode| *mode == self.mode)
            .unwrap_or(0) as u8;
        let flag = if count > 0 { EXCEPTIONS } else { 0 };
        out.push(mode | flag);
        out.push(self.width as u8);
        if self.mode != Mode::Plain {
            put(out, numbers[0]);
        }
        put(out, self.centre);
        if count > 0 {
            put(out, count);
            out.extend(beside);
        }
        out.extend(packed.finish());
    }
}

/// What an exception takes besides its bits.
const EXCEPTION_BITS: usize = 12;

/// Bits of a miss.
fn length(miss: u64) -> usize {
    (64 - miss.leading_zeros()) as usize
}

/// How far each prediction is off, small numbers for little either way.
fn misses(mode: Mode, centre: i64, numbers: &[i64], mut each: impl FnMut(usize, u64)) {
    let fold = |miss: i64| ((miss << 1) ^ (miss >> 63)).cast_unsigned();
    let minus = i64::wrapping_sub;
    match mode {
        Mode::Plain => {
            for (index, number) in numbers.iter().enumerate() {
                each(index, fold(minus(*number, centre)));
            }
        }
        Mode::Delta => {
            for (index, pair) in numbers.windows(2).enumerate() {
                each(index, fold(minus(minus(pair[1], pair[0]), centre)));
            }
        }
        Mode::Second => {
            let mut before = centre;
            for (index, pair) in numbers.windows(2).enumerate() {
                let step = minus(pair[1], pair[0]);
                each(index, fold(minus(step, before)));
                before = step;
            }
        }
        Mode::Line => {
            let mut at = numbers[0];
            for (index, number) in numbers[1..].iter().enumerate() {
                at = at.wrapping_add(centre);
                each(index, fold(minus(*number, at)));
            }
        }
    }
}

/// The middle of what is to be predicted, from a few samples of it.
fn centre(mode: Mode, numbers: &[i64]) -> i64 {
    let n = numbers.len();
    let step = |index: usize| numbers[index + 1].wrapping_sub(numbers[index]);
    let steps = n - 1;
    match mode {
        Mode::Plain => median(n, |index| numbers[index]),
        Mode::Delta => median(steps, step),
        Mode::Second => step(0),
        Mode::Line => {
            let slope = (i128::from(numbers[steps]) - i128::from(numbers[0])) / steps as i128;
            i64::try_from(slope).unwrap_or(0)
        }
    }
}

fn median(n: usize, sample: impl Fn(usize) -> i64) -> i64 {
    const SAMPLES: usize = 15;
    let taken = n.min(SAMPLES);
    let mut samples = [0; SAMPLES];
    for (index, place) in samples[..taken].iter_mut().enumerate() {
        *place = sample(index * n / taken);
    }
    samples[..taken].sort_unstable();
    samples[taken / 2]
}

/// Reads a column of `n` numbers.
pub(super) fn decode(bytes: &mut Bytes<'_>, n: usize) -> Result<Vec<i64>, Malformed> {
    if n == 0 {
        return Ok(Vec::new());
    }
    let flags = bytes.byte()?;
    if flags == SAME {
        return Ok(vec![bytes.number()?; n]);
    }
    let mode = *MODES
        .get(usize::from(flags & !EXCEPTIONS))
        .ok_or(Malformed)?;
    let width = usize::from(bytes.byte()?);
    if width > 64 {
        return Err(Malformed);
    }
    let first = if mode == Mode::Plain {
        0
    } else {
        bytes.number()?
    };
    let centre: i64 = bytes.number()?;
    let missed = if mode == Mode::Plain { n } else { n - 1 };
    let mut beside = Vec::new();
    if flags & EXCEPTIONS != 0 {
        let mut at = 0_usize;
        for _ in 0..bytes.count(missed)? {
            at = at
                .checked_add(bytes.count(missed)?)
                .filter(|at| *at < missed)
                .ok_or(Malformed)?;
            beside.push((at, bytes.number::<u64>()?));
        }
    }
    let packed = bytes.take((missed * width).div_ceil(8))?;
    let mut misses = unpack(packed, width, missed);
    for (at, miss) in beside {
        misses[at] = miss;
    }
    Ok(predict(mode, first, centre, misses))
}

fn predict(mode: Mode, first: i64, centre: i64, misses: Vec<u64>) -> Vec<i64> {
    let unfold = |miss: u64| (miss >> 1).cast_signed() ^ -((miss & 1).cast_signed());
    let mut numbers = Vec::with_capacity(misses.len() + 1);
    let misses = misses.into_iter().map(unfold);
    if mode == Mode::Plain {
        numbers.extend(misses.map(|miss| centre.wrapping_add(miss)));
        return numbers;
    }
    numbers.push(first);
    let (mut at, mut step) = (first, centre);
    for miss in misses {
        at = match mode {
            Mode::Line => {
                step = step.wrapping_add(centre);
                first
                    .wrapping_add(step)
                    .wrapping_sub(centre)
                    .wrapping_add(miss)
            }
            Mode::Second => {
                step = step.wrapping_add(miss);
                at.wrapping_add(step)
            }
            Mode::Plain | Mode::Delta => at.wrapping_add(centre).wrapping_add(miss),
        };
        numbers.push(at);
    }
    numbers
}

/// Numbers of one width, the lowest bits first.
struct Packer {
    width: u32,
    bits: u32,
    held: u128,
    bytes: Vec<u8>,
}

impl Packer {
    fn new(width: u32) -> Self {
        Self {
            width,
            bits: 0,
            held: 0,
            bytes: Vec::new(),
        }
    }

    fn push(&mut self, number: u64) {
        self.held |= u128::from(number) << self.bits;
        self.bits += self.width;
        if self.bits >= 64 {
            self.bytes
                .extend_from_slice(&(self.held as u64).to_le_bytes());
            self.held >>= 64;
            self.bits -= 64;
        }
    }

    fn finish(mut self) -> Vec<u8> {
        let left = self.bits.div_ceil(8) as usize;
        self.bytes
            .extend_from_slice(&self.held.to_le_bytes()[..left]);
        self.bytes
    }
}

fn unpack(packed: &[u8], width: usize, n: usize) -> Vec<u64> {
    if width == 0 {
        return vec![0; n];
    }
    let mask = u64::MAX >> (64 - width);
    let (mut held, mut bits) = (0_u128, 0);
    let mut chunks = packed.chunks(8);
    let mut numbers = Vec::with_capacity(n);
    for _ in 0..n {
        if bits < width {
            let chunk = chunks.next().unwrap_or_default();
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            held |= u128::from(u64::from_le_bytes(word)) << bits;
            bits += 64;
        }
        numbers.push(held as u64 & mask);
        held >>= width;
        bits -= width;
    }
    numbers
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn size(numbers: &[i64]) -> usize {
        let mut out = Vec::new();
        encode(numbers, &mut out);
        let mut bytes = Bytes::new(&out);
        assert_eq!(decode(&mut bytes, numbers.len()).unwrap(), numbers);
        assert!(bytes.is_empty());
        out.len()
    }

    #[test]
    fn what_is_regular_costs_next_to_nothing() {
        let every = |step: i64| (0..360).map(|n| 1_000_000 + n * step).collect::<Vec<_>>();
        assert!(size(&every(0)) < 8);
        assert!(size(&every(10_000_000)) < 16);
        let mut paused = every(10_000_000);
        for number in &mut paused[100..] {
            *number += 1_234_567_890;
        }
        assert!(size(&paused) < 32, "{}", size(&paused));
        let jittered: Vec<i64> = every(10_000_000)
            .iter()
            .enumerate()
            .map(|(n, number)| number + (n as i64 * 7919) % 1000)
            .collect();
        assert!(size(&jittered) < 360 * 11 / 8 + 16, "{}", size(&jittered));
    }

    #[test]
    fn what_cannot_be_is_refused() {
        let mut out = Vec::new();
        encode(&[1, 2, 700, -9], &mut out);
        for end in 0..out.len() {
            assert_eq!(decode(&mut Bytes::new(&out[..end]), 4), Err(Malformed));
        }
        assert_eq!(decode(&mut Bytes::new(&[7, 1, 1]), 2), Err(Malformed));
        assert_eq!(decode(&mut Bytes::new(&[0, 65, 1]), 2), Err(Malformed));
    }

    proptest! {
        #[test]
        fn every_column_comes_back(numbers in prop::collection::vec(any::<i64>(), 0..80)) {
            size(&numbers);
        }

        #[test]
        fn columns_like_a_units_come_back(
            steps in prop::collection::vec((0_i64..2000, prop::bool::weighted(0.02)), 1..200),
        ) {
            let mut at = 0;
            let numbers: Vec<i64> = steps
                .iter()
                .map(|(jitter, is_pause)| {
                    at += 10_000_000 + jitter + if *is_pause { 3_600_000_000 } else { 0 };
                    at
                })
                .collect();
            size(&numbers);
        }
    }
}
