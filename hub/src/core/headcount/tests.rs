//! Bands by table, and the order of arrival.

use proptest::prelude::*;

use gatepost_model::Direction;

use super::{band::miscounted, *};
use crate::core::coverage::{BootKey, Watch, Watching};

const MINUTE: i64 = 60_000_000;

/// Minutes after midnight in Shanghai.
fn at(minutes: i64) -> Wall {
    Wall::parse("2026-11-22T16:00:00Z")
        .unwrap()
        .plus_micros(minutes * MINUTE)
}

const DAY: i64 = 1440;

fn people() -> LaneId {
    "people".parse().unwrap()
}

fn into() -> Movement {
    Movement::Passage(Direction::In)
}

fn out() -> Movement {
    Movement::Passage(Direction::Out)
}

/// A unit that watches lane `people`, in these stretches of minutes.
fn sight(stretches: &[(i64, i64)]) -> Sight {
    let boot = BootKey {
        unit: "gate-1".parse().unwrap(),
        log: "log".parse().unwrap(),
        boot: "b1".parse().unwrap(),
    };
    let mut sight = Sight::default();
    sight.put_watching(Watching {
        boot: boot.clone(),
        from_mono: 0,
        lanes: vec![people()],
        sensors: vec![],
        zones: vec![],
    });
    for (from, to) in stretches {
        let mono = |minutes: i64| u64::try_from(minutes * MINUTE).unwrap();
        sight.watches.add(Watch::proven(
            boot.clone(),
            mono(*from),
            mono(*to),
            at(*to),
            0,
        ));
    }
    sight
}

fn count(movements: &[(i64, Movement)], sight: &Sight, now: i64) -> Headcount {
    let mut tally = Tally::new(Anchor {
        at: at(0),
        count: 3,
        called: false,
    });
    let mut hours = HourTable::default();
    for (minute, movement) in movements {
        tally.add(at(*minute), *movement);
        hours.add(&people(), at(*minute), *movement);
    }
    headcount(
        &tally,
        &Basis {
            lanes: &[people()],
            hours: &hours,
            sight,
            zone: SiteZone::parse("Asia/Shanghai").unwrap(),
            now: at(now),
            lag_us: 3 * MINUTE,
            count_error: 0.0,
        },
    )
}

#[test]
fn a_watched_day_is_the_sum_with_its_unclear_movements() {
    let movements = [
        (-5, into()),
        (0, into()),
        (10, into()),
        (20, out()),
        (30, Movement::Unclear),
    ];
    let result = count(&movements, &sight(&[(0, 58)]), 60);
    assert_eq!(
        result,
        Headcount {
            estimate: 4,
            low: Some(3),
            high: Some(5),
            since: at(0),
            unclear: 1,
            unwatched_s: 0
        }
    );
}

#[test]
fn more_out_than_in_is_shown_as_nobody() {
    let movements = [
        (10, out()),
        (11, out()),
        (12, out()),
        (13, out()),
        (14, out()),
        (15, Movement::Unclear),
    ];
    let result = count(&movements, &sight(&[(0, 60)]), 60);
    assert_eq!(
        (result.estimate, result.low, result.high),
        (0, Some(0), Some(0))
    );
}

#[test]
fn who_came_since_everybody_had_gone_is_there() {
    // Six left of whom three were known; two of them unseen. Five came the next morning, one left.
    let mut movements: Vec<_> = (0..6).map(|n| (60 + n, out())).collect();
    movements.extend((0..5).map(|n| (600 + n, into())));
    movements.push((650, out()));
    let result = count(&movements, &sight(&[(0, 700)]), 700);
    // The sum is said as it is, the band knows better.
    assert_eq!(
        (result.estimate, result.low, result.high),
        (1, Some(1), Some(4))
    );
    // One who moved this way or that may have been one of them, or one more.
    movements.push((651, Movement::Unclear));
    let result = count(&movements, &sight(&[(0, 700)]), 700);
    assert_eq!(
        (result.estimate, result.low, result.high),
        (1, Some(1), Some(3))
    );
}

#[test]
fn unwatched_time_without_history_has_no_band() {
    let result = count(&[(10, into())], &sight(&[(0, 30), (40, 60)]), 60);
    assert_eq!(
        (result.estimate, result.low, result.high, result.unwatched_s),
        (4, None, None, 600)
    );
    // A tail that is longer than proof takes is unwatched, too.
    let result = count(&[], &sight(&[(0, 56)]), 60);
    assert_eq!((result.low, result.unwatched_s), (None, 240));
}

#[test]
fn unwatched_time_is_widened_by_what_usually_passes_then() {
    // 08:00 to 09:00 on two days: 12 and 24 in, 6 and 0 out; on the third day 08:20 to 08:40 was
    // not watched. A third of 18 in and of 3 out.
    let hour = 8 * 60;
    let mut movements = Vec::new();
    for n in 0..12 {
        movements.extend([
            (hour + n, into()),
            (DAY + hour + 2 * n, into()),
            (DAY + hour + 2 * n + 1, into()),
        ]);
    }
    for n in 0..6 {
        movements.push((hour + n, out()));
    }
    let third = 2 * DAY + hour;
    let sight_ = sight(&[(0, third + 20), (third + 40, third + 60)]);
    let result = count(&movements, &sight_, third + 61);
    assert_eq!(result.estimate, 3 + 36 - 6);
    // In, 18 an hour with a variance of 72: a third of the deviation of what exceeds Poisson's 18, squared,
    // and Poisson's own 6, known from two days: (6 + 6) 3/2. Out, 3 with 18: (5/3 + 1) 3/2. The balance
    // of 5 deviates by less than twice the root of their sum, 9.4.
    assert_eq!((result.low, result.high), (Some(33 - 5), Some(33 + 15)));
    assert_eq!(result.unwatched_s, 1200);

    // The hour itself and later days tell nothing of it.
    let first_day_only = sight(&[(0, hour + 20), (hour + 40, 2 * DAY)]);
    assert_eq!(count(&movements, &first_day_only, 2 * DAY).low, None);
}

#[test]
fn an_hour_that_was_half_watched_counts_half() {
    // 10 in within the watched half of the first day's hour: 20 are usual for the whole.
    let movements: Vec<_> = (0..10).map(|n| (n, into())).collect();
    let sight = sight(&[(0, 30), (60, DAY), (DAY + 60, DAY + 120)]);
    let mut tally = Tally::new(Anchor {
        at: at(60),
        count: 0,
        called: false,
    });
    let mut hours = HourTable::default();
    for (minute, movement) in &movements {
        tally.add(at(*minute), *movement);
        hours.add(&people(), at(*minute), *movement);
    }
    let result = headcount(
        &tally,
        &Basis {
            lanes: &[people()],
            hours: &hours,
            sight: &sight,
            zone: SiteZone::parse("Asia/Shanghai").unwrap(),
            now: at(DAY + 120),
            lag_us: 0,
            count_error: 0.0,
        },
    );
    // And twice the root of Poisson's 20, known from half an hour.
    assert_eq!(
        (result.estimate, result.low, result.high),
        (0, Some(0), Some(20 + 16))
    );
    assert_eq!(result.unwatched_s, 3600);
}

#[test]
fn a_lane_that_miscounts_widens_the_band_by_its_share_and_its_spread() {
    assert_eq!(miscounted(500, 0.0), 0);
    assert_eq!(miscounted(0, 0.01), 0);
    // 1 % of them, and twice the root of 0.01 * 0.99 * 500.
    assert_eq!(miscounted(500, 0.01), 5 + 5);
}

#[test]
fn quarters_sum_to_the_hours_of_any_zone() {
    let mut hours = HourTable::default();
    let lane = people();
    let wall = |text: &str| Wall::parse(text).unwrap();
    for time in [
        "2026-11-23T00:14:59Z",
        "2026-11-23T00:15:00Z",
        "2026-11-23T01:14:59.999Z",
        "2026-11-23T01:15:00Z",
    ] {
        hours.add(&lane, wall(time), into());
    }
    // An hour of Kathmandu.
    let (from, to) = (wall("2026-11-23T00:15:00Z"), wall("2026-11-23T01:15:00Z"));
    assert_eq!(hours.sum(&lane, from, to).into, 2);
    assert_eq!(hours.sum(&lane, to, from), Counts::default());
    assert_eq!(hours.get(&lane, wall("2026-11-23T00:07:00Z")).into, 1);
    let mut loaded = HourTable::default();
    for time in [
        "2026-11-23T00:00:00Z",
        "2026-11-23T00:15:00Z",
        "2026-11-23T01:00:00Z",
        "2026-11-23T01:15:00Z",
    ] {
        let counts = hours.get(&lane, wall(time));
        assert_eq!(HourTable::quarter_of(wall(time)), wall(time));
        loaded.put(lane.clone(), wall(time), counts);
    }
    assert_eq!(loaded, hours);
}

proptest! {
    #[test]
    fn the_order_of_arrival_does_not_matter(
        movements in proptest::collection::vec((0_i64..3 * DAY, 0_u8..3, any::<u16>()), 0..60),
        stretches in proptest::collection::vec((0_i64..3 * DAY, 1_i64..900, any::<u16>()), 0..12),
    ) {
        let in_order: Vec<_> = movements.iter().map(|(minute, kind, _)| {
            let movement = [into(), out(), Movement::Unclear][usize::from(*kind)];
            (*minute, movement)
        }).collect();
        let mut keyed: Vec<_> = in_order.iter().zip(&movements).collect();
        keyed.sort_by_key(|(_, (_, _, key))| *key);
        let shuffled: Vec<_> = keyed.into_iter().map(|(movement, _)| *movement).collect();
        let ends = |list: &[(i64, i64, u16)]| list.iter().map(|(from, length, _)| (*from, from + length)).collect::<Vec<_>>();
        let mut late = stretches.clone();
        late.sort_by_key(|(_, _, key)| *key);

        let live = count(&in_order, &sight(&ends(&stretches)), 3 * DAY);
        prop_assert_eq!(&live, &count(&shuffled, &sight(&ends(&late)), 3 * DAY));
        if let (Some(low), Some(high)) = (live.low, live.high) {
            prop_assert!(low <= live.estimate && live.estimate <= high);
        }
    }
}
