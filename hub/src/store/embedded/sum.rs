//! Sums of measured numbers that do not depend on the order in which they were added: pure.
//!
//! What is measured is a decimal with a few places. Those are added as whole billionths, exactly;
//! other numbers in twice the precision of one. So a day that arrives shuffled has the same mean to
//! the last digit, whether its points lie in memory, in rows or in blocks that were summed up before.

use super::pack::{Bytes, Malformed, put};
use crate::store::port::Stats;

/// Billionths in one.
const BILLION: f64 = 1e9;
/// Up to here every whole number is a number of its own.
const EXACT: f64 = 9_007_199_254_740_992.0;
/// Numbers from here on are added in a smaller unit, so that their sum stays finite.
const HUGE: f64 = 1e290;
const HUGE_UNIT: f64 = 18_446_744_073_709_551_616.0;

/// The whole billionths of a number, if it is a decimal of at most nine places and not huge.
pub(in crate::store) fn billionths(value: f64) -> Option<i64> {
    let scaled = (value * BILLION).round();
    if scaled.abs() >= EXACT || scaled.is_nan() {
        return None;
    }
    let whole = scaled as i64;
    let is_same = (whole as f64 / BILLION).to_bits() == value.to_bits();
    is_same.then_some(whole)
}

/// A sum under way.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(in crate::store) struct Sum {
    /// How many numbers.
    pub(in crate::store) n: u64,
    /// The smallest.
    pub(in crate::store) min: f64,
    /// The largest.
    pub(in crate::store) max: f64,
    /// The sum of the decimals among them, in billionths.
    pub(in crate::store) decimals: i128,
    /// The sum of the others, and what its last digit cannot hold.
    pub(in crate::store) others: (f64, f64),
    /// The sum of the huge ones, in a smaller unit.
    pub(in crate::store) huge: f64,
}

impl Sum {
    /// Adds a number.
    pub(in crate::store) fn add(&mut self, value: f64) {
        self.bound(1, value, value);
        if let Some(whole) = billionths(value) {
            self.decimals += i128::from(whole);
        } else if value.abs() < HUGE {
            self.others = more(self.others, value);
        } else {
            self.huge += value / HUGE_UNIT;
        }
    }

    /// Adds what was summed up before.
    pub(in crate::store) fn merge(&mut self, other: &Self) {
        if other.n == 0 {
            return;
        }
        self.bound(other.n, other.min, other.max);
        self.decimals += other.decimals;
        self.others = more(more(self.others, other.others.0), other.others.1);
        self.huge += other.huge;
    }

    /// Its bytes, without how many numbers it has.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        put(out, (self.decimals >> 64) as i64);
        put(out, self.decimals as u64);
        for number in [self.min, self.max, self.others.0, self.others.1, self.huge] {
            out.extend_from_slice(&number.to_le_bytes());
        }
    }

    /// Reads the sum of `n` numbers back.
    pub(super) fn read(n: u64, bytes: &mut Bytes<'_>) -> Result<Self, Malformed> {
        let high = i128::from(bytes.number::<i64>()?) << 64;
        let decimals = high | i128::from(bytes.number::<u64>()?);
        let mut float = || -> Result<f64, Malformed> {
            let bytes = bytes.take(8)?.try_into().map_err(|_| Malformed)?;
            Ok(f64::from_le_bytes(bytes))
        };
        Ok(Self {
            n,
            min: float()?,
            max: float()?,
            decimals,
            others: (float()?, float()?),
            huge: float()?,
        })
    }

    fn bound(&mut self, n: u64, min: f64, max: f64) {
        if self.n == 0 {
            (self.min, self.max) = (min, max);
        } else {
            (self.min, self.max) = (self.min.min(min), self.max.max(max));
        }
        self.n += n;
    }

    /// What it comes to; nothing of nothing.
    pub(in crate::store) fn stats(&self) -> Option<Stats> {
        let n = self.n as f64;
        let decimals = self.decimals as f64 / BILLION / n;
        let others = (self.others.0 + self.others.1) / n;
        let mean = decimals + others + self.huge / n * HUGE_UNIT;
        (self.n > 0).then(|| Stats {
            n: self.n,
            min: self.min,
            mean: mean.clamp(self.min, self.max),
            max: self.max,
        })
    }
}

/// Adds to a sum and keeps what rounding took away.
fn more((high, low): (f64, f64), value: f64) -> (f64, f64) {
    let sum = high + value;
    let part = sum - high;
    let lost = (high - (sum - part)) + (value - part);
    let low = low + lost;
    let whole = sum + low;
    (whole, low - (whole - sum))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mean(values: &[f64]) -> f64 {
        let mut sum = Sum::default();
        values.iter().for_each(|value| sum.add(*value));
        sum.stats().unwrap().mean
    }

    #[test]
    fn decimals_are_exact_and_others_do_not_depend_on_the_order() {
        assert_eq!(mean(&[18.1, 18.2, 18.3]), 18.2);
        assert_eq!(mean(&[1e308, 1e308]), 1e308);
        assert_eq!(mean(&[5e-324]), 5e-324);
        assert_eq!(mean(&[-0.0]), -0.0);
        assert_eq!(Sum::default().stats(), None);
        let values: Vec<f64> = (1..500)
            .map(|n| (f64::from(n) * 0.37).exp().sin() * 40.0)
            .collect();
        let mut turned = values.clone();
        turned.reverse();
        assert_eq!(mean(&values).to_bits(), mean(&turned).to_bits());
        let (mut left, mut right) = (Sum::default(), Sum::default());
        values[..123].iter().for_each(|value| left.add(*value));
        values[123..].iter().for_each(|value| right.add(*value));
        right.merge(&left);
        assert_eq!(
            right.stats().unwrap().mean.to_bits(),
            mean(&values).to_bits()
        );
    }

    #[test]
    fn a_decimal_is_told_by_coming_back() {
        assert_eq!(billionths(18.25), Some(18_250_000_000));
        assert_eq!(billionths(-40.0), Some(-40_000_000_000));
        for value in [-0.0, f64::NAN, f64::INFINITY, 1e17, 1.0 / 3.0, 1e-12] {
            assert_eq!(billionths(value), None, "{value}");
        }
    }
}
