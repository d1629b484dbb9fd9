//! Reading a family.

use super::{
    super::{
        super::{
            pack::{Bytes, Malformed, decode},
            point::{self, Point, SeriesId},
        },
        Head, MOST, MOST_KIN, numbers,
    },
    Before, Clock, Coding, delay,
};

/// A block of a family.
#[derive(Debug, Clone)]
pub(in crate::store::embedded) struct Family<'a> {
    key: i64,
    heads: Bytes<'a>,
    sweeps: Bytes<'a>,
    columns: Bytes<'a>,
}

impl<'a> Family<'a> {
    /// Finds the parts of a block, after the form.
    pub(in super::super) fn open(key: i64, mut rest: Bytes<'a>) -> Result<Self, Malformed> {
        let mut part = || {
            let length = rest.count(usize::MAX)?;
            rest.take(length).map(Bytes::new)
        };
        let (heads, sweeps) = (part()?, part()?);
        if heads.is_empty() {
            return Err(Malformed);
        }
        Ok(Self {
            key,
            heads,
            sweeps,
            columns: rest,
        })
    }

    pub(in super::super) fn heads(&self) -> Heads<'a> {
        Heads {
            before: Before::at(self.key),
            heads: self.heads.clone(),
            columns: self.columns.clone(),
        }
    }

    pub(in super::super) fn measured(&self, head: &Head<'_>) -> Result<Vec<(i64, f64)>, Malformed> {
        let (monos, clock) = self.clock(&mut self.sweeps.clone())?;
        let mut columns = Columns::of(head, monos.len())?;
        let monos = columns.column(&monos)?;
        let times = columns.times(&monos, clock)?;
        let values = columns.values(head)?;
        Ok(times.into_iter().zip(values).collect())
    }

    pub(in super::super) fn points(&self) -> Result<Vec<(SeriesId, Vec<Point>)>, Malformed> {
        let sweeps = Sweeps::read(self)?;
        let mut all = Vec::with_capacity(MOST_KIN);
        for head in self.heads() {
            let head = head?;
            all.push((head.series, sweeps.points(&head)?));
        }
        Ok(all)
    }

    /// The monotonic times of the sweeps, and the clock that tells the wall times from them.
    fn clock(&self, sweeps: &mut Bytes<'a>) -> Result<(Vec<i64>, Clock), Malformed> {
        let count = sweeps.count(MOST)?;
        let monos = decode(sweeps, count)?;
        let is_whole = sweeps.byte()? == 1;
        let begins = self.heads().next().ok_or(Malformed)??.span.0;
        let apart = begins.wrapping_sub(monos.first().copied().unwrap_or(0));
        let drift = apart.wrapping_add(sweeps.number()?);
        Ok((monos, Clock { drift, is_whole }))
    }
}

/// The heads of a block, in order.
pub(in crate::store::embedded) struct Heads<'a> {
    before: Before,
    heads: Bytes<'a>,
    columns: Bytes<'a>,
}

impl<'a> Heads<'a> {
    fn read(&mut self) -> Result<Head<'a>, Malformed> {
        let heads = &mut self.heads;
        let series = self.before.series.wrapping_add(heads.number()?);
        let n = heads.count(MOST)?;
        if n == 0 {
            return Err(Malformed);
        }
        let first = self.before.first.wrapping_add(heads.number()?);
        let length = self.before.length.wrapping_add(heads.number()?);
        let (unit, sum) = numbers::read_sum(n, heads)?;
        let columns = heads.count(usize::MAX)?;
        self.before = Before {
            series,
            first,
            length,
        };
        Ok(Head {
            series,
            n,
            span: (first, first.wrapping_add(length)),
            sum,
            unit,
            columns: self.columns.take(columns).map(Bytes::new)?,
        })
    }
}

impl<'a> Iterator for Heads<'a> {
    type Item = Result<Head<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.heads.is_empty() {
            return None;
        }
        let head = self.read();
        if head.is_err() {
            // What comes after makes no sense either.
            self.heads = Bytes::new(&[]);
        }
        Some(head)
    }
}

/// The columns of the sweeps.
struct Sweeps {
    clock: Clock,
    monos: Vec<i64>,
    seqs: Vec<i64>,
    received: Vec<i64>,
    errors: Vec<i64>,
    flags: Vec<i64>,
}

impl Sweeps {
    fn read(family: &Family<'_>) -> Result<Self, Malformed> {
        let mut bytes = family.sweeps.clone();
        let (monos, clock) = family.clock(&mut bytes)?;
        let n = monos.len();
        let seqs = decode(&mut bytes, n)?;
        let is_own = bytes.byte()? == Coding::Own as u8;
        let mut received = decode(&mut bytes, n)?;
        if !is_own {
            for (delay, mono) in received.iter_mut().zip(&monos) {
                *delay = received_at(*delay, clock.time(*mono));
            }
        }
        Ok(Self {
            clock,
            seqs,
            received,
            errors: decode(&mut bytes, n)?,
            flags: decode(&mut bytes, n)?,
            monos,
        })
    }

    fn points(&self, head: &Head<'_>) -> Result<Vec<Point>, Malformed> {
        let mut columns = Columns::of(head, self.monos.len())?;
        let monos = columns.column(&self.monos)?;
        let times = columns.times(&monos, self.clock)?;
        let values = columns.values(head)?;
        let seqs = columns.column(&self.seqs)?;
        let is_own = columns.next_coding()? == Coding::Own;
        let mut received = columns.column(&self.received)?;
        if is_own {
            for (delay, time) in received.iter_mut().zip(&times) {
                *delay = received_at(*delay, *time);
            }
        }
        let errors = columns.column(&self.errors)?;
        let flags = columns.column(&self.flags)?;
        point::Columns {
            times,
            monos,
            values,
            seqs,
            received,
            errors,
            flags,
        }
        .points()
    }
}

/// The inverse of [`delay`].
fn received_at(delayed: i64, time: i64) -> i64 {
    delayed.wrapping_sub(delay(0, time))
}

/// The columns of a series, read in order.
struct Columns<'a> {
    code: u16,
    places: Vec<usize>,
    bytes: Bytes<'a>,
}

impl<'a> Columns<'a> {
    fn of(head: &Head<'a>, sweeps: usize) -> Result<Self, Malformed> {
        let mut bytes = head.columns.clone();
        let code = u16::from_le_bytes([bytes.byte()?, bytes.byte()?]);
        let mut columns = Self {
            code,
            places: Vec::new(),
            bytes,
        };
        columns.places = if columns.coding()? == Coding::Same {
            (0..head.n).collect()
        } else {
            let places = decode(&mut columns.bytes, head.n)?.into_iter();
            let places = places.map(|place| usize::try_from(place).map_err(|_| Malformed));
            places.collect::<Result<_, _>>()?
        };
        let are_there = columns.places.iter().all(|place| *place < sweeps);
        are_there.then_some(columns).ok_or(Malformed)
    }

    /// The coding of the column that is read next.
    fn next_coding(&self) -> Result<Coding, Malformed> {
        match self.code & 3 {
            0 => Ok(Coding::Same),
            1 => Ok(Coding::Beside),
            2 => Ok(Coding::Own),
            _ => Err(Malformed),
        }
    }

    fn coding(&mut self) -> Result<Coding, Malformed> {
        let coding = self.next_coding();
        self.code >>= 2;
        coding
    }

    /// A column beside that of the sweeps.
    fn column(&mut self, of_sweeps: &[i64]) -> Result<Vec<i64>, Malformed> {
        let coding = self.coding()?;
        let mut column = match coding {
            Coding::Same => vec![0; self.places.len()],
            Coding::Beside | Coding::Own => decode(&mut self.bytes, self.places.len())?,
        };
        if coding != Coding::Own {
            for (number, place) in column.iter_mut().zip(&self.places) {
                *number = number.wrapping_add(of_sweeps[*place]);
            }
        }
        Ok(column)
    }

    /// Wall times.
    fn times(&mut self, monos: &[i64], clock: Clock) -> Result<Vec<i64>, Malformed> {
        let mut times: Vec<i64> = monos.iter().map(|mono| clock.time(*mono)).collect();
        if self.coding()? != Coding::Same {
            let lags = decode(&mut self.bytes, times.len())?;
            for (time, lag) in times.iter_mut().zip(lags) {
                *time = time.wrapping_add(lag.wrapping_mul(clock.unit()));
            }
        }
        Ok(times)
    }

    fn values(&mut self, head: &Head<'_>) -> Result<Vec<f64>, Malformed> {
        numbers::read(head.n, head.unit, &mut self.bytes)
    }
}
