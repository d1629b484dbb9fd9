//! Writing a family.

use super::{
    super::{
        super::{
            pack::{encode, put},
            point::{Point, SeriesId},
        },
        drift,
        numbers::Numbers,
    },
    Before, Clock, Coding, FORM, delay,
};

/// Writes the members of a family, without a checksum.
pub(in super::super) fn write(key: i64, members: &[(SeriesId, Vec<Point>)]) -> Vec<u8> {
    let sweeps = Sweeps::of(members);
    let begins = members.first().and_then(|(_, points)| points.first());
    let begins = begins.map_or(0, |point| point.time);
    let clock = Clock::of(members, begins, &sweeps);
    let (mut heads, mut columns) = (Vec::new(), Vec::new());
    let mut before = Before::at(key);
    for ((series, points), places) in members.iter().zip(&sweeps.of_series) {
        let (Some(first), Some(last)) = (points.first(), points.last()) else {
            continue;
        };
        let numbers = Numbers::of(points);
        let length = last.time.wrapping_sub(first.time);
        put(&mut heads, series.wrapping_sub(before.series));
        put(&mut heads, points.len() as u64);
        put(&mut heads, first.time.wrapping_sub(before.first));
        put(&mut heads, length.wrapping_sub(before.length));
        numbers.sum(points, &mut heads);
        let written = Columns::of(points, places, &sweeps.firsts).write(clock, &numbers);
        put(&mut heads, written.len() as u64);
        columns.extend(written);
        before = Before {
            series: *series,
            first: first.time,
            length,
        };
    }
    let shared = sweeps.write(clock, begins);
    let mut out = vec![FORM];
    put(&mut out, heads.len() as u64);
    out.extend(heads);
    put(&mut out, shared.len() as u64);
    out.extend(shared);
    out.extend(columns);
    out
}

/// The sweeps of an hour.
struct Sweeps {
    /// The first reading of each.
    firsts: Vec<Point>,
    /// Of each series the sweeps that its points are in.
    of_series: Vec<Vec<usize>>,
}

impl Sweeps {
    fn of(members: &[(SeriesId, Vec<Point>)]) -> Self {
        let mut all: Vec<(u64, usize, usize)> = Vec::new();
        for (series, (_, points)) in members.iter().enumerate() {
            let numbered = points.iter().enumerate();
            all.extend(numbered.map(|(at, point)| (point.seq, series, at)));
        }
        // Each series is a stretch that is in order already: a stable sort merges them.
        all.sort();
        let mut firsts: Vec<Point> = Vec::new();
        let mut last_in = vec![0; members.len()];
        let none_yet = |(_, points): &(SeriesId, Vec<Point>)| vec![0; points.len()];
        let mut of_series: Vec<Vec<usize>> = members.iter().map(none_yet).collect();
        for (_, series, at) in all {
            if last_in[series] == firsts.len() {
                firsts.push(members[series].1[at]);
            }
            last_in[series] = firsts.len();
            of_series[series][at] = firsts.len() - 1;
        }
        Self { firsts, of_series }
    }

    fn write(&self, clock: Clock, begins: i64) -> Vec<u8> {
        let column =
            |of: &dyn Fn(&Point) -> i64| -> Vec<i64> { self.firsts.iter().map(of).collect() };
        let mut out = Vec::new();
        put(&mut out, self.firsts.len() as u64);
        let monos = column(&|point| point.mono);
        encode(&monos, &mut out);
        out.push(clock.is_whole.into());
        let apart = begins.wrapping_sub(monos.first().copied().unwrap_or(0));
        put(&mut out, clock.drift.wrapping_sub(apart));
        encode(&column(&|point| point.seq.cast_signed()), &mut out);
        let delays = column(&|point| delay(point.received_ms, clock.time(point.mono)));
        let (coding, bytes) = smaller(&delays, || column(&|point| point.received_ms));
        out.push(coding as u8);
        out.extend(bytes);
        encode(&column(&|point| point.error_ms.cast_signed()), &mut out);
        encode(&column(&|point| i64::from(point.flags())), &mut out);
        out
    }
}

impl Clock {
    fn of(members: &[(SeriesId, Vec<Point>)], begins: i64, sweeps: &Sweeps) -> Self {
        let points = members.iter().flat_map(|(_, points)| points);
        let first = sweeps.firsts.first().map_or(0, |point| point.mono);
        Self {
            is_whole: points.clone().all(|point| point.time % 1000 == 0),
            drift: drift(points).unwrap_or(begins.wrapping_sub(first)),
        }
    }
}

/// A column as it differs from another, or by itself where that is smaller.
fn smaller(beside: &[i64], own: impl FnOnce() -> Vec<i64>) -> (Coding, Vec<u8>) {
    let (mut out, mut other) = (Vec::new(), Vec::new());
    encode(beside, &mut out);
    if beside.iter().any(|number| *number != beside[0]) {
        encode(&own(), &mut other);
        if other.len() < out.len() {
            return (Coding::Own, other);
        }
    }
    (Coding::Beside, out)
}

/// The columns of a series under way.
struct Columns<'a> {
    points: &'a [Point],
    places: &'a [usize],
    firsts: &'a [Point],
    /// The code of all columns so far, and how many bits it has.
    code: u16,
    bits: u32,
    out: Vec<u8>,
}

impl<'a> Columns<'a> {
    fn of(points: &'a [Point], places: &'a [usize], firsts: &'a [Point]) -> Self {
        Self {
            points,
            places,
            firsts,
            code: 0,
            bits: 0,
            out: Vec::new(),
        }
    }

    fn write(mut self, clock: Clock, numbers: &Numbers) -> Vec<u8> {
        let mut in_order = self.places.iter().enumerate();
        let is_in_all = in_order.all(|(at, place)| at == *place);
        let places = self.places.iter().map(|place| *place as i64).collect();
        self.unless(is_in_all, places);
        let mono = |point: &Point| point.mono;
        self.column(mono, mono);
        let lag = |point: &Point| {
            let lag = point.time.wrapping_sub(clock.time(point.mono));
            lag / clock.unit()
        };
        let lags: Vec<i64> = self.points.iter().map(lag).collect();
        self.unless(lags.iter().all(|lag| *lag == 0), lags);
        numbers.column(&mut self.out);
        let seq = |point: &Point| point.seq.cast_signed();
        self.column(seq, seq);
        let own = |point: &Point| delay(point.received_ms, point.time);
        self.column(|point| point.received_ms, own);
        let error = |point: &Point| point.error_ms.cast_signed();
        self.column(error, error);
        let flags = |point: &Point| i64::from(point.flags());
        self.column(flags, flags);
        let mut whole = self.code.to_le_bytes().to_vec();
        whole.extend(self.out);
        whole
    }

    fn coded(&mut self, coding: Coding) {
        self.code |= (coding as u16) << self.bits;
        self.bits += 2;
    }

    /// A column that stands by itself, unless it is the same as the sweeps'.
    fn unless(&mut self, is_same: bool, own: Vec<i64>) {
        if is_same {
            self.coded(Coding::Same);
        } else {
            self.coded(Coding::Own);
            encode(&own, &mut self.out);
        }
    }

    /// A column in the smallest way.
    fn column(&mut self, of: impl Fn(&Point) -> i64, own: impl Fn(&Point) -> i64) {
        let pairs = self.points.iter().zip(self.places);
        let beside = pairs.map(|(point, place)| of(point).wrapping_sub(of(&self.firsts[*place])));
        let beside: Vec<i64> = beside.collect();
        if beside.iter().all(|number| *number == 0) {
            self.coded(Coding::Same);
            return;
        }
        let (coding, bytes) = smaller(&beside, || self.points.iter().map(own).collect());
        self.coded(coding);
        self.out.extend(bytes);
    }
}
