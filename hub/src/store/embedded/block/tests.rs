use proptest::prelude::*;

use super::*;
use crate::store::{embedded::point::tests::any_point, event::TimeSource};

/// Readings of one sensor in an hour, as a unit's are: it is the `place`th of `kin` that are read in
/// one sweep.
fn like_a_units(n: usize, place: i64, kin: i64) -> Vec<Point> {
    (0..n as i64)
        .map(|at| {
            let sweep = 1_000_000_000 + at * 3_600_000_000 / n as i64 + at * 7919 % 997;
            let mono = sweep + place * 310;
            let time = (mono + 1_763_000_000_123_456) / 1000 * 1000;
            Point {
                time,
                mono,
                seq: (at * (kin + 3) + at % 3 + place).cast_unsigned(),
                value: (1825 + (at + place) * 31 % 17) as f64 / 100.0,
                received_ms: sweep / 1000 + 1_763_000_000_123 + 40 + at * 13 % 29,
                error_ms: 12,
                source: TimeSource::Unit,
                is_stamped: true,
            }
        })
        .collect()
}

fn bytes_a_point(members: &[(SeriesId, Vec<Point>)]) -> f64 {
    let points: usize = members.iter().map(|(_, points)| points.len()).sum();
    seal(key(0, 0), members).len() as f64 / points as f64
}

#[test]
fn an_hour_takes_few_bytes_a_point() {
    for (n, alone, of_four) in [(60, 4.5, 2.1), (360, 3.6, 1.5)] {
        let members: Vec<_> = (0..4)
            .map(|at| (at, like_a_units(n, at.into(), 4)))
            .collect();
        let each = bytes_a_point(&members[..1]);
        assert!(each < alone, "{n} points: {each} bytes each");
        let each = bytes_a_point(&members);
        assert!(each < of_four, "{n} points of four: {each} bytes each");
    }
}

#[test]
fn what_is_read_in_sweeps_of_its_own_takes_no_more_than_alone() {
    let mut slow = like_a_units(60, 0, 1);
    let mut fast = like_a_units(277, 0, 1);
    let mut in_log: Vec<&mut Point> = slow.iter_mut().chain(&mut fast).collect();
    in_log.sort_by_key(|point| point.mono);
    for (at, point) in in_log.into_iter().enumerate() {
        point.seq = at as u64;
    }
    let alone = seal(0, &[(0, slow.clone())]).len() + seal(0, &[(1, fast.clone())]).len();
    let together = seal(0, &[(0, slow), (1, fast)]).len();
    // But for the sweeps that the slow one is in.
    assert!(together < alone + 100, "{together} bytes, {alone} alone");
}

/// Prints what each column takes of an hour of four sensors that are read once a minute, as the bench of
/// the store has them: what a block is smaller by where that column tells nothing.
#[test]
#[ignore = "prints figures"]
fn where_the_bytes_go() {
    let drift = 1_793_491_200_000_000;
    let mut dice = 1_u64;
    let mut roll = move |sides: u64| {
        dice ^= dice << 13;
        dice ^= dice >> 7;
        dice ^= dice << 17;
        (dice % sides) as i64
    };
    let mut members: Vec<(SeriesId, Vec<Point>)> = (0..4).map(|at| (at, Vec::new())).collect();
    let mut seq = 0;
    for sweep in 0..60 {
        let begins = 90_000_000 + sweep * 60_000_000 + roll(900);
        seq += 1 + roll(3).cast_unsigned();
        let received_ms = (begins + drift) / 1000 + 30 + roll(60);
        for (place, (_, points)) in members.iter_mut().enumerate() {
            seq += 1;
            let mono = begins + place as i64 * 310;
            points.push(Point {
                time: (mono + drift) / 1000 * 1000,
                mono,
                seq,
                value: (1830 + place as i64 * 700 + sweep / 7 + roll(12)) as f64 / 100.0,
                received_ms,
                error_ms: 12,
                source: TimeSource::Unit,
                is_stamped: true,
            });
        }
    }
    let whole = bytes_a_point(&members);
    println!("all: {whole:.2} bytes a point");
    let without = |name: &str, regular: &dyn Fn(i64, i64, &mut Point)| {
        let mut members = members.clone();
        for (place, (_, points)) in (0..).zip(&mut members) {
            (0..)
                .zip(points)
                .for_each(|(at, it)| regular(place, at, it));
        }
        let less = whole - bytes_a_point(&members);
        println!("{name}: {less:.2} bytes a point");
    };
    without("times", &|place, at, point| {
        let (begins, even) = (point.mono - place * 310, 90_000_000 + at * 60_000_000);
        point.received_ms += (even + drift) / 1000 - (begins + drift) / 1000;
        point.mono = even + place * 310;
        point.time = (point.mono + drift) / 1000 * 1000;
    });
    without("numbers", &|_, _, point| point.value = 1.0);
    without("sequences", &|place, at, point| {
        point.seq = (at * 5 + place).cast_unsigned();
    });
    without("receipts", &|place, _, point| {
        point.received_ms = (point.mono - place * 310 + drift) / 1000;
    });
}

#[test]
fn a_block_under_another_key_is_damaged() {
    let bytes = seal(key(5, 6), &[(6, like_a_units(3, 0, 1))]);
    assert!(Block::open(key(5, 6), &bytes).is_ok());
    assert!(Block::open(key(5, 7), &bytes).is_err());
    assert_eq!(parts(key(495_000, 77)), (495_000, 77));
}

/// A block as an older hub wrote it.
const FORMER: &str = "0105f0c9ddb40dd0cfcaba1502c21cde1c00cb47090080a8d6b9078ecfd2ae050100ca0f01ce0\
    30900c21c050100220103001040010305500ace2f0204180408d699cf40";

#[test]
fn a_block_of_an_older_hub_is_what_it_was() {
    let points = like_a_units(5, 0, 4);
    let bytes = former::seal(key(489_722, 3), &points);
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex, FORMER);
}

/// Checks that a block says of its members what they are.
fn check(key: i64, bytes: &[u8], members: &[(SeriesId, Vec<Point>)]) -> Result<(), TestCaseError> {
    let block = Block::open(key, bytes).unwrap();
    prop_assert_eq!(block.heads().count(), members.len());
    for (head, (series, points)) in block.heads().zip(members) {
        let head = head.unwrap();
        prop_assert_eq!(head.series, *series);
        let mut sum = Sum::default();
        points.iter().for_each(|point| sum.add(point.value));
        prop_assert_eq!(head.sum, sum);
        prop_assert_eq!(head.span, (points[0].time, points[points.len() - 1].time));
        let measured: Vec<_> = points.iter().map(|it| (it.time, it.value)).collect();
        prop_assert_eq!(block.measured(&head).unwrap(), measured);
    }
    prop_assert_eq!(block.points().unwrap(), members);
    Ok(())
}

fn in_order(mut points: Vec<Point>) -> Vec<Point> {
    points.sort_by_key(|point| (point.time, point.seq));
    points
}

/// Numbers of series in ascending order, from the first one of the family on.
fn numbered(first: SeriesId, members: Vec<(u32, Vec<Point>)>) -> Vec<(SeriesId, Vec<Point>)> {
    let mut at = first;
    members
        .into_iter()
        .map(|(step, points)| {
            at += step + 1;
            (at - 1, in_order(points))
        })
        .collect()
}

proptest! {
    #[test]
    fn any_block_comes_back_with_its_sums_and_damage_is_found(
        members in prop::collection::vec(
            (0..9_u32, prop::collection::vec(any_point(), 1..30)),
            1..6,
        ),
        at in any::<prop::sample::Index>(),
        bit in 0..8_u8,
    ) {
        let members = numbered(9, members);
        let key = key(7, 9);
        let mut bytes = seal(key, &members);
        check(key, &bytes, &members)?;
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        prop_assert!(Block::open(key, &bytes).is_err());
    }

    /// Sweeps with holes, steps of the clock, equal times and late receipts.
    #[test]
    fn a_block_like_a_units_comes_back(
        sweeps in prop::collection::vec(
            (prop::collection::vec(any::<(bool, u8)>(), 5), 0..900_i64, 0..3_u64, 0..60_i64),
            1..70,
        ),
        step_at in 0..90_usize,
        step in -5_000..5_000_i64,
    ) {
        let mut members = vec![(0, Vec::new()); 5];
        let mut seq = 1 << 40;
        for (at, (held, jitter, gap, delay)) in sweeps.iter().enumerate() {
            seq += gap;
            for (place, (is_held, value)) in held.iter().enumerate() {
                if !is_held {
                    continue;
                }
                seq += 1;
                let mono = at as i64 * 60_000_000 + jitter + place as i64 / 2 * 310;
                let drift = 1_763_000_000_123_456 + if at > step_at { step } else { 0 };
                let time = (mono + drift) / 1000 * 1000;
                members[place].1.push(Point {
                    time,
                    mono,
                    seq,
                    value: f64::from(*value) / 8.0,
                    received_ms: (drift + at as i64 * 60_000_000) / 1000 + delay,
                    error_ms: 12 + u64::from(at > step_at),
                    source: TimeSource::Unit,
                    is_stamped: gap % 2 == 0,
                });
            }
        }
        members.retain(|(_, points)| !points.is_empty());
        let members = numbered(3, members);
        prop_assume!(!members.is_empty());
        let key = key(489_722, 3);
        check(key, &seal(key, &members), &members)?;
    }

    #[test]
    fn a_block_of_an_older_hub_comes_back(points in prop::collection::vec(any_point(), 1..60)) {
        let points = in_order(points);
        check(9, &former::seal(9, &points), &[(9, points)])?;
    }

    /// The checksum is right, what it is of is not.
    #[test]
    fn what_makes_no_sense_is_refused_without_a_panic(
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
        length in any::<prop::sample::Index>(),
    ) {
        let members: Vec<_> = (0..3).map(|at| (at, like_a_units(9, at.into(), 3))).collect();
        let mut body = family::write(0, &members);
        let at = at.index(body.len());
        body[at] = byte;
        body.truncate(length.index(body.len()) + 1);
        let bytes = finish(0, body);
        if let Ok(block) = Block::open(0, &bytes) {
            for head in block.heads().map_while(Result::ok) {
                let _any = block.measured(&head);
            }
            let _any = block.points();
        }
    }
}
