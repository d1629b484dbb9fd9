//! The measured numbers of a series in a block.

use super::super::{
    pack::{Bytes, Malformed, decode, encode, put},
    point::Point,
    sum::{Sum, billionths},
};

/// The measured numbers of a series.
pub(super) enum Numbers {
    /// Decimals as whole numbers of a unit of so many billionths.
    Decimals { unit: i64, wholes: Vec<i64> },
    /// Each as what it differs in from the one before, bit by bit.
    Others(Vec<i64>),
}

pub(super) const UNITS: [i64; 10] = [
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
    pub(super) fn of(points: &[Point]) -> Self {
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

    /// Appends the smallest, and by how much the largest and the sum are more than that of each.
    pub(super) fn sum(&self, points: &[Point], out: &mut Vec<u8>) {
        match self {
            Self::Decimals { unit, wholes } => {
                out.push(place(*unit));
                let min = wholes.iter().min().copied().unwrap_or(0);
                let max = wholes.iter().max().copied().unwrap_or(0);
                put(out, min);
                put(out, (max - min).cast_unsigned());
                let above = wholes.iter().map(|whole| i128::from(*whole - min));
                let above: i128 = above.sum();
                put(out, (above >> 64) as u64);
                put(out, above as u64);
            }
            Self::Others(_) => {
                out.push(UNITS.len() as u8);
                let mut sum = Sum::default();
                points.iter().for_each(|point| sum.add(point.value));
                sum.write(out);
            }
        }
    }

    /// Appends the numbers.
    pub(super) fn column(&self, out: &mut Vec<u8>) {
        match self {
            Self::Decimals { wholes, .. } => encode(wholes, out),
            Self::Others(differs) => encode(differs, out),
        }
    }
}

/// The place of a unit among all.
pub(super) fn place(unit: i64) -> u8 {
    UNITS.iter().position(|it| *it == unit).unwrap_or(9) as u8
}

/// The unit of `n` decimals, if it is decimals that are there, and their sum.
pub(super) fn read_sum(n: usize, bytes: &mut Bytes<'_>) -> Result<(Option<i64>, Sum), Malformed> {
    let Some(unit) = UNITS.get(usize::from(bytes.byte()?)).copied() else {
        return Ok((None, Sum::read(n as u64, bytes)?));
    };
    let min: i64 = bytes.number()?;
    let max = min.wrapping_add_unsigned(bytes.number()?);
    let above = u128::from(bytes.number::<u64>()?) << 64 | u128::from(bytes.number::<u64>()?);
    let wholes = (i128::from(min) * n as i128).wrapping_add_unsigned(above);
    let sum = Sum {
        n: n as u64,
        min: number(min, unit),
        max: number(max, unit),
        decimals: wholes.wrapping_mul(i128::from(unit)),
        ..Sum::default()
    };
    Ok((Some(unit), sum))
}

/// A decimal of a unit.
pub(super) fn number(whole: i64, unit: i64) -> f64 {
    whole.wrapping_mul(unit) as f64 / 1e9
}

/// Reads `n` numbers.
pub(super) fn read(
    n: usize,
    unit: Option<i64>,
    bytes: &mut Bytes<'_>,
) -> Result<Vec<f64>, Malformed> {
    let column = decode(bytes, n)?.into_iter();
    Ok(match unit {
        Some(unit) => column.map(|whole| number(whole, unit)).collect(),
        None => {
            let mut bits = 0;
            column
                .map(|differs| {
                    bits ^= differs;
                    f64::from_bits(bits.cast_unsigned())
                })
                .collect()
        }
    })
}
