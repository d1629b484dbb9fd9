//! The form of older hubs: a block is of one series and has all its columns for itself.

use super::{
    super::{
        pack::{Bytes, Malformed, decode},
        point::{Columns, Point},
        sum::Sum,
    },
    Head, MOST, hour_begin,
    numbers::{self, UNITS, number},
    parts,
};

pub(super) const FORM: u8 = 1;

/// Reads the head after the form.
pub(super) fn head(key: i64, mut rest: Bytes<'_>) -> Result<Head<'_>, Malformed> {
    let n = rest.count(MOST)?;
    if n == 0 {
        return Err(Malformed);
    }
    let first = hour_begin(key).wrapping_add(rest.number()?);
    let last = first.checked_add(rest.number()?).ok_or(Malformed)?;
    let unit = UNITS.get(usize::from(rest.byte()?)).copied();
    let sum = match unit {
        None => Sum::read(n as u64, &mut rest)?,
        Some(unit) => {
            let (min, max) = (number(rest.number()?, unit), number(rest.number()?, unit));
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
    Ok(Head {
        series: parts(key).1,
        n,
        span: (first, last),
        sum,
        unit,
        columns: rest,
    })
}

/// Times and numbers.
pub(super) fn measured(head: &Head<'_>) -> Result<Vec<(i64, f64)>, Malformed> {
    let mut rest = head.columns.clone();
    let (_, times) = times(head, &mut rest)?;
    let values = numbers::read(head.n, head.unit, &mut rest)?;
    Ok(times.into_iter().zip(values).collect())
}

/// Points.
pub(super) fn points(head: &Head<'_>) -> Result<Vec<Point>, Malformed> {
    let mut rest = head.columns.clone();
    let (monos, times) = times(head, &mut rest)?;
    let values = numbers::read(head.n, head.unit, &mut rest)?;
    let seqs = decode(&mut rest, head.n)?;
    let mut received = decode(&mut rest, head.n)?;
    for (delay, time) in received.iter_mut().zip(&times) {
        *delay = delay.wrapping_add(time.div_euclid(1000));
    }
    Columns {
        times,
        monos,
        values,
        seqs,
        received,
        errors: decode(&mut rest, head.n)?,
        flags: decode(&mut rest, head.n)?,
    }
    .points()
}

fn times(head: &Head<'_>, rest: &mut Bytes<'_>) -> Result<(Vec<i64>, Vec<i64>), Malformed> {
    let monos = decode(rest, head.n)?;
    let times = if rest.byte()? == 1 {
        let first = monos.first().copied().unwrap_or(0);
        let begins = head.span.0.wrapping_sub(first);
        let drift = begins.wrapping_add(rest.number()?);
        let whole = |mono: &i64| {
            let told = mono.wrapping_add(drift);
            told.div_euclid(1000).wrapping_mul(1000)
        };
        monos.iter().map(whole).collect()
    } else {
        let apart = decode(rest, head.n)?.into_iter();
        apart
            .zip(&monos)
            .map(|(it, mono)| mono.wrapping_add(it))
            .collect()
    };
    Ok((monos, times))
}

/// As older hubs wrote it.
#[cfg(test)]
pub(in crate::store::embedded) fn seal(key: i64, points: &[Point]) -> Vec<u8> {
    use super::super::pack::{encode, put};
    let mut out = vec![FORM];
    put(&mut out, points.len() as u64);
    let (first, last) = (points[0], points[points.len() - 1]);
    put(&mut out, first.time.wrapping_sub(hour_begin(key)));
    put(&mut out, last.time - first.time);
    let numbers = numbers::Numbers::of(points);
    match &numbers {
        numbers::Numbers::Decimals { unit, wholes } => {
            out.push(numbers::place(*unit));
            put(&mut out, *wholes.iter().min().unwrap());
            put(&mut out, *wholes.iter().max().unwrap());
            let sum: i128 = wholes.iter().map(|whole| i128::from(*whole)).sum();
            put(&mut out, (sum >> 64) as i64);
            put(&mut out, sum as u64);
        }
        numbers::Numbers::Others(_) => numbers.sum(points, &mut out),
    }
    let pack = |out: &mut Vec<u8>, of: &dyn Fn(&Point) -> i64| {
        encode(&points.iter().map(of).collect::<Vec<_>>(), out);
    };
    pack(&mut out, &|point| point.mono);
    match super::drift(points.iter()) {
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
    numbers.column(&mut out);
    pack(&mut out, &|point| point.seq.cast_signed());
    pack(&mut out, &|point| {
        point.received_ms - point.time.div_euclid(1000)
    });
    pack(&mut out, &|point| point.error_ms.cast_signed());
    pack(&mut out, &|point| i64::from(point.flags()));
    super::finish(key, out)
}
