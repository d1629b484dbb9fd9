//! One reading as the store keeps it, and the packed form of a commit's readings: pure.

use gatepost_model::{
    Wall,
    event::{Event, Form, Happening, Line, Reading, Stamp},
};

use integer_encoding::VarInt;

use super::pack::{Bytes, Malformed};
use crate::store::event::{StoredEvent, TimeSource};

/// A series by its number: readings of one sensor and quantity of one boot, in one log.
pub(super) type SeriesId = u32;

/// A reading without what its series says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Point {
    /// Frozen time, microseconds since 1970.
    pub(super) time: i64,
    /// Monotonic time of its boot, microseconds.
    pub(super) mono: i64,
    /// Its number in the log.
    pub(super) seq: u64,
    /// What was measured.
    pub(super) value: f64,
    /// When the hub got it, milliseconds since 1970.
    pub(super) received_ms: i64,
    /// How far the time may be off, milliseconds.
    pub(super) error_ms: u64,
    /// What the time rests on.
    pub(super) source: TimeSource,
    /// Its line bears the time and the error.
    pub(super) is_stamped: bool,
}

/// Milliseconds in microseconds.
const MILLI: i64 = 1000;

impl Point {
    /// The reading of an event, if its line can be made again from it byte for byte. What a newer or
    /// a foreign unit writes in another way is kept as a line.
    pub(super) fn of(stored: &StoredEvent) -> Option<(&Reading, Self)> {
        let Line::Event(event) = &stored.entry else {
            return None;
        };
        let Happening::Reading(reading) = &event.happening else {
            return None;
        };
        let time = stored.time.micros();
        let is_as_frozen = |stamp: Stamp| {
            stamp.at == stored.time && stamp.err_ms == stored.time_error_ms && time % MILLI == 0
        };
        let received = stored.received.micros();
        let is_plain = !event.test
            && stored.n == 1
            && event.mono_us == stored.mono_us
            && event.at.is_none_or(is_as_frozen)
            && received % MILLI == 0
            && stored.form == Form::Plain;
        let point = Self {
            time,
            mono: i64::try_from(stored.mono_us).ok()?,
            seq: stored.seq,
            value: reading.value,
            received_ms: received / MILLI,
            error_ms: stored.time_error_ms,
            source: stored.source,
            is_stamped: event.at.is_some(),
        };
        is_plain.then_some((reading, point))
    }

    /// The line as it came.
    pub(super) fn line(&self, reading: Reading) -> String {
        let event = Event {
            mono_us: self.mono.unsigned_abs(),
            at: self.is_stamped.then(|| Stamp {
                at: wall(self.time),
                err_ms: self.error_ms,
            }),
            test: false,
            happening: Happening::Reading(Reading {
                value: self.value,
                ..reading
            }),
        };
        event.to_line()
    }

    /// When the hub got it.
    pub(super) fn received(&self) -> Wall {
        wall(self.received_ms.saturating_mul(MILLI))
    }

    /// Source and stamp in one byte.
    pub(super) fn flags(&self) -> u8 {
        self.source as u8 | u8::from(self.is_stamped) << 2
    }
}

/// The columns of points, as many in each.
pub(super) struct Columns {
    pub(super) times: Vec<i64>,
    pub(super) monos: Vec<i64>,
    pub(super) values: Vec<f64>,
    pub(super) seqs: Vec<i64>,
    /// Milliseconds since 1970.
    pub(super) received: Vec<i64>,
    pub(super) errors: Vec<i64>,
    pub(super) flags: Vec<i64>,
}

impl Columns {
    /// The points that they are of.
    pub(super) fn points(&self) -> Result<Vec<Point>, Malformed> {
        let point = |at: usize| {
            let (source, is_stamped) = from_flags(self.flags[at])?;
            Ok(Point {
                time: self.times[at],
                mono: self.monos[at],
                seq: self.seqs[at].cast_unsigned(),
                value: self.values[at],
                received_ms: self.received[at],
                error_ms: self.errors[at].cast_unsigned(),
                source,
                is_stamped,
            })
        };
        (0..self.times.len()).map(point).collect()
    }
}

/// Source and stamp from their byte.
fn from_flags(flags: i64) -> Result<(TimeSource, bool), Malformed> {
    let source = TimeSource::ALL[(flags & 3) as usize];
    (0..8)
        .contains(&flags)
        .then_some((source, flags & 4 != 0))
        .ok_or(Malformed)
}

/// What is stored was a `Wall`.
pub(in crate::store) fn wall(micros: i64) -> Wall {
    Wall::EPOCH.plus_micros(micros)
}

/// The hour of a time, since 1970.
pub(super) fn hour_of(time: i64) -> i64 {
    time.div_euclid(HOUR)
}

/// An hour in microseconds.
pub(super) const HOUR: i64 = 3_600_000_000;

/// Readings of one commit and one hour, with a checksum at the end.
#[derive(Debug, Default)]
pub(super) struct Chunk {
    bytes: Vec<u8>,
    last: Option<(SeriesId, Point)>,
}

impl Chunk {
    /// With room for about so many.
    pub(super) fn for_about(readings: usize) -> Self {
        Self {
            bytes: Vec::with_capacity(readings * USUAL),
            last: None,
        }
    }

    /// Appends a reading.
    pub(super) fn push(&mut self, series: SeriesId, point: &Point) {
        let zero = (0, START);
        let (last_series, last) = self.last.as_ref().unwrap_or(&zero);
        let apart = |point: &Point| point.mono.wrapping_sub(point.time);
        let further = i64::from(series) - i64::from(*last_series);
        let later = point.seq.wrapping_sub(last.seq).cast_signed();
        let is_next = further == 1 && later == 1;
        let came = (point.received_ms, point.error_ms);
        let is_with = came == (last.received_ms, last.error_ms);
        let hundredths = hundredths(point.value);
        let mut out = [0; MOST];
        out[0] = point.flags()
            | if hundredths.is_some() { HUNDREDTHS } else { 0 }
            | if is_next { NEXT } else { 0 }
            | if is_with { WITH } else { 0 };
        let mut length = 1;
        let mut put = |number: i64| length += number.encode_var(&mut out[length..]);
        if !is_next {
            put(further);
        }
        put(point.time - last.time);
        put(apart(point).wrapping_sub(apart(last)));
        if !is_next {
            put(later);
        }
        if !is_with {
            put(point.received_ms - last.received_ms);
            length += point.error_ms.encode_var(&mut out[length..]);
        }
        match hundredths {
            Some(whole) => length += whole.encode_var(&mut out[length..]),
            None => {
                out[length..length + 8].copy_from_slice(&point.value.to_le_bytes());
                length += 8;
            }
        }
        self.bytes.extend_from_slice(&out[..length]);
        self.last = Some((series, *point));
    }

    /// Its bytes.
    pub(super) fn finish(mut self) -> Vec<u8> {
        let sum = crc32fast::hash(&self.bytes);
        self.bytes.extend_from_slice(&sum.to_le_bytes());
        self.bytes
    }

    /// Reads it back.
    pub(super) fn read(
        bytes: &[u8],
        mut each: impl FnMut(SeriesId, Point),
    ) -> Result<(), Malformed> {
        let (body, sum) = bytes.split_last_chunk::<4>().ok_or(Malformed)?;
        if crc32fast::hash(body) != u32::from_le_bytes(*sum) {
            return Err(Malformed);
        }
        let mut bytes = Bytes::new(body);
        let (mut series, mut last) = (0_i64, START);
        while !bytes.is_empty() {
            let flags = bytes.byte()?;
            let (source, is_stamped) = from_flags(i64::from(flags & !(HUNDREDTHS | NEXT | WITH)))?;
            let (is_next, is_with) = (flags & NEXT != 0, flags & WITH != 0);
            series += if is_next { 1 } else { bytes.number()? };
            let time = last.time.wrapping_add(bytes.number()?);
            let offset = last
                .mono
                .wrapping_sub(last.time)
                .wrapping_add(bytes.number()?);
            let later = if is_next { 1 } else { bytes.number()? };
            let seq = last.seq.wrapping_add_signed(later);
            let (received_ms, error_ms) = if is_with {
                (last.received_ms, last.error_ms)
            } else {
                let received_ms = last.received_ms.wrapping_add(bytes.number()?);
                (received_ms, bytes.number()?)
            };
            let value = if flags & HUNDREDTHS != 0 {
                bytes.number::<i64>()? as f64 / 100.0
            } else {
                let bytes = bytes.take(8)?.try_into().map_err(|_| Malformed)?;
                f64::from_le_bytes(bytes)
            };
            last = Point {
                time,
                mono: time.wrapping_add(offset),
                seq,
                value,
                received_ms,
                error_ms,
                source,
                is_stamped,
            };
            each(SeriesId::try_from(series).map_err(|_| Malformed)?, last);
        }
        Ok(())
    }
}

/// A reading of a chunk takes about so many bytes,
const USUAL: usize = 12;
/// and at most so many: flags, six numbers of up to ten, and its value, which is one or 8.
const MOST: usize = 1 + 7 * 10;

// Set in the flags of a reading where something is told in fewer bytes. Older hubs set none of them.
/// Its value stands in hundredths, as nearly all do that a sensor gives.
const HUNDREDTHS: u8 = 8;
/// Its series and its sequence are each one more than the last one's: sensors are read in turn.
const NEXT: u8 = 16;
/// It was received with the last one, and its time is off by as much at most.
const WITH: u8 = 32;

/// A value in hundredths, if it comes back from them as it was, to the bit.
fn hundredths(value: f64) -> Option<i64> {
    // What is too large for it does not come back.
    let whole = (value * 100.0 + 0.5_f64.copysign(value)) as i64;
    ((whole as f64 / 100.0).to_bits() == value.to_bits()).then_some(whole)
}

/// What the first reading of a chunk is told from.
const START: Point = Point {
    time: 0,
    mono: 0,
    seq: 0,
    value: 0.0,
    received_ms: 0,
    error_ms: 0,
    source: TimeSource::Unit,
    is_stamped: false,
};

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::store::contract;

    /// Any reading that the record can hold.
    pub(in crate::store::embedded) fn any_point() -> impl Strategy<Value = Point> {
        (
            (0..7_000_000_000_000_000_i64, 0..1_i64 << 53),
            (any::<u64>(), -1e300..1e300_f64, 0..7_000_000_000_000_i64),
            (any::<u64>(), 0..4_usize, any::<bool>()),
        )
            .prop_map(|((time, mono), (seq, value, received_ms), rest)| Point {
                time,
                mono,
                seq: seq >> 1,
                value: if seq % 2 == 0 {
                    value
                } else {
                    (value / 1e298).round() / 100.0
                },
                received_ms,
                error_ms: rest.0,
                source: TimeSource::ALL[rest.1],
                is_stamped: rest.2,
            })
    }

    proptest! {
        #[test]
        fn a_chunk_comes_back_or_is_told_to_be_damaged(
            points in prop::collection::vec((any::<u32>(), any_point()), 0..40),
            at in any::<prop::sample::Index>(),
            bit in 0..8_u8,
        ) {
            let mut chunk = Chunk::default();
            points.iter().for_each(|(series, point)| chunk.push(*series, point));
            let mut bytes = chunk.finish();
            let mut read = Vec::new();
            Chunk::read(&bytes, |series, point| read.push((series, point))).unwrap();
            prop_assert_eq!(read, points);
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
            prop_assert_eq!(Chunk::read(&bytes, |_, _| ()), Err(Malformed));
        }
    }

    #[test]
    fn every_value_comes_back_to_the_bit_and_older_hubs_wrote_all_of_it() {
        let numbers = [
            0.0,
            -0.0,
            18.5,
            -18.55,
            36.87,
            0.005,
            1.0 / 3.0,
            1e15,
            9.1e18,
            -1e300,
            f64::MAX,
        ];
        for value in numbers {
            let point = Point { value, ..START };
            let mut chunk = Chunk::default();
            chunk.push(0, &point);
            let written = chunk.finish();
            let read = |bytes: &[u8]| {
                let mut read = None;
                Chunk::read(bytes, |_, point| read = Some(point.value.to_bits())).unwrap();
                read
            };
            assert_eq!(read(&written), Some(value.to_bits()), "{value}");
            // Six numbers that are 0 between the flags and the value.
            let mut older = vec![0; 7];
            older.extend(value.to_le_bytes());
            older.extend(crc32fast::hash(&older).to_le_bytes());
            assert_eq!(read(&older), Some(value.to_bits()), "{value}");
        }
    }

    #[test]
    fn only_what_can_be_written_again_is_a_point() {
        let plain = contract::reading(1, 0, "yard-env", 18.5);
        // The fields in the order in which units write them.
        let line = r#"{"mono_us":1000,"kind":"reading","sensor":"yard-env","quantity":"ambient_c","value":18.5,"zone":"living"}"#;
        let with = |line: &str| contract::rewritten(plain.clone(), line);
        let stored = with(line);
        let (reading, point) = Point::of(&stored).unwrap();
        assert_eq!(point.line(reading.clone()), line);
        for odd in [
            line.replace("18.5", "18.50"),
            line.replace("}", r#","more":1}"#),
            line.replace(",", ", "),
            line.replace(r#""kind""#, r#""test":true,"kind""#),
            line.replace(
                r#""kind""#,
                r#""at":"2026-11-23T20:00:00.001Z","err_ms":12,"kind""#,
            ),
        ] {
            assert_eq!(Point::of(&with(&odd)), None, "{odd}");
        }
        let stamped = line.replace(
            r#""kind""#,
            r#""at":"2026-11-23T20:00:00.000Z","err_ms":12,"kind""#,
        );
        let stored = with(&stamped);
        let (reading, point) = Point::of(&stored).unwrap();
        assert_eq!(point.line(reading.clone()), stamped);
    }
}
