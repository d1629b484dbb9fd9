//! Proofs in any order, and what they prove.

use std::collections::BTreeMap;

use gatepost_model::{
    Micros, Wall,
    event::{Class, Event, Happening},
};
use proptest::prelude::*;

use super::*;

const SECOND: u64 = 1_000_000;
const MINUTE: u64 = 60 * SECOND;

fn boot(unit: &str, boot: &str) -> BootKey {
    BootKey {
        unit: unit.parse().unwrap(),
        log: "log".parse().unwrap(),
        boot: boot.parse().unwrap(),
    }
}

/// The wall shows this when monotonic time is 0.
fn origin() -> Wall {
    Wall::parse("2026-11-23T00:00:00Z").unwrap()
}

fn at(mono: Micros) -> Wall {
    origin().plus_micros(i64::try_from(mono).unwrap())
}

fn beat(key: &BootKey, from: Micros, to: Micros) -> Watch {
    Watch::proven(key.clone(), from, to, at(to), 10)
}

fn watching(key: &BootKey, from_mono: Micros, lanes: &[&str]) -> Watching {
    Watching {
        boot: key.clone(),
        from_mono,
        lanes: lanes.iter().map(|lane| lane.parse().unwrap()).collect(),
        sensors: vec!["yard-env".parse().unwrap()],
        zones: vec![Zone::Living],
    }
}

fn people() -> Subject {
    Subject::Lane("people".parse().unwrap())
}

/// A unit that watches lane `people` from minute 0, with these stretches in minutes.
fn sight(unit: &str, stretches: &[(u64, u64)]) -> Sight {
    let key = boot(unit, "b1");
    let mut sight = Sight::default();
    sight.put_watching(watching(&key, 0, &["people"]));
    for (from, to) in stretches {
        sight.watches.add(beat(&key, from * MINUTE, to * MINUTE));
    }
    sight
}

fn minutes(every: u64, to: u64) -> Vec<Wall> {
    (0..=to / every).map(|n| at(n * every * MINUTE)).collect()
}

fn late() -> Wall {
    at(10_000 * MINUTE)
}

fn coverage(sight: &Sight, subject: &Subject, edges: &[Wall]) -> Vec<f64> {
    sight.coverage(std::slice::from_ref(subject), Join::All, edges, late())
}

#[test]
fn a_day_of_heartbeats_is_one_stretch_and_covers_exactly_one() {
    let key = boot("gate-1", "b1");
    let mut sight = Sight::default();
    sight.put_watching(watching(&key, 5, &["people"]));
    // Each wall time is rounded to the millisecond, as on the wire.
    for minute in 0..1440 {
        let to = (minute + 1) * MINUTE + 137;
        let wall = Wall::from_micros(at(to).micros() / 1000 * 1000).unwrap();
        let proof = Watch::proven(key.clone(), minute * MINUTE + 137, to, wall, 10);
        assert!(sight.watches.add(proof).is_some());
    }
    assert_eq!(sight.watches.iter().count(), 1);
    // The rounding of its first and last time takes nothing away.
    let whole = [at(137).plus_micros(-600), at(1440 * MINUTE + 137)];
    assert_eq!(coverage(&sight, &people(), &whole), [1.0]);
    let more = [at(137).plus_micros(-2_000), at(1440 * MINUTE + 137)];
    assert!(coverage(&sight, &people(), &more)[0] < 1.0);
    let edges: Vec<Wall> = minutes(30, 1440)[1..].to_vec();
    assert_eq!(coverage(&sight, &people(), &edges), vec![1.0; 47]);
    assert!(sight.is_installed(&people()));
    assert!(!sight.is_installed(&Subject::Lane("goods".parse().unwrap())));
}

#[test]
fn duplicates_change_nothing_and_joins_name_what_they_swallow() {
    let key = boot("gate-1", "b1");
    let mut watches = Watches::default();
    watches.add(beat(&key, 0, MINUTE));
    watches.add(beat(&key, 2 * MINUTE, 3 * MINUTE));
    assert_eq!(watches.add(beat(&key, 0, MINUTE)), None);
    assert_eq!(watches.add(beat(&key, 0, 30 * SECOND)), None);
    let joined = watches.add(beat(&key, MINUTE, 2 * MINUTE)).unwrap();
    assert_eq!(
        (joined.put.key.from_mono, joined.put.to_mono),
        (0, 3 * MINUTE)
    );
    assert_eq!(joined.gone.len(), 1);
    assert_eq!(joined.gone[0].from_mono, 2 * MINUTE);
}

#[test]
fn boots_never_join_and_their_pause_is_not_watched() {
    let mut sight = sight("gate-1", &[(0, 10)]);
    let next = boot("gate-1", "b2");
    sight.put_watching(watching(&next, 0, &["people"]));
    // The second boot's clock starts anew, two minutes later.
    let proof = Watch::proven(next, 0, 10 * MINUTE, at(22 * MINUTE), 10);
    sight.watches.add(proof);
    assert_eq!(
        coverage(&sight, &people(), &minutes(10, 30)),
        [1.0, 0.8, 0.2]
    );
    assert_eq!(
        sight.unseen(&people(), at(0), at(30 * MINUTE)),
        [
            (at(10 * MINUTE), at(12 * MINUTE)),
            (at(22 * MINUTE), at(30 * MINUTE))
        ]
    );
}

#[test]
fn two_units_are_united_and_not_summed() {
    let mut both = sight("gate-1", &[(0, 6)]);
    let other = boot("gate-2", "b1");
    both.put_watching(watching(&other, 0, &["people"]));
    both.watches.add(beat(&other, 4 * MINUTE, 8 * MINUTE));
    assert_eq!(coverage(&both, &people(), &minutes(10, 10)), [0.8]);
}

#[test]
fn what_a_later_boot_event_drops_is_no_longer_watched() {
    let key = boot("gate-1", "b1");
    let mut sight = sight("gate-1", &[(0, 20)]);
    sight.put_watching(watching(&key, 10 * MINUTE, &["goods"]));
    let goods = Subject::Lane("goods".parse().unwrap());
    assert_eq!(
        coverage(&sight, &people(), &minutes(5, 20)),
        [1.0, 1.0, 0.0, 0.0]
    );
    assert_eq!(
        coverage(&sight, &goods, &minutes(5, 20)),
        [0.0, 0.0, 1.0, 1.0]
    );
}

#[test]
fn without_a_boot_event_a_heartbeat_proves_nothing() {
    let mut sight = Sight::default();
    sight
        .watches
        .add(beat(&boot("gate-1", "b1"), 0, 10 * MINUTE));
    assert_eq!(coverage(&sight, &people(), &minutes(10, 10)), [0.0]);
}

#[test]
fn faults_and_gaps_take_it_away_from_their_unit_alone() {
    let sensor = Subject::Sensor("yard-env".parse().unwrap());
    let zone = Subject::Zone(Zone::Living);
    let blind = |what, from, to: Option<u64>| Blind {
        unit: "gate-1".parse().unwrap(),
        what,
        from: at(from * MINUTE),
        to: to.map(|to| at(to * MINUTE)),
        why: BlindCause::Fault,
    };
    let cases = [
        (Blinded::Lane("people".parse().unwrap()), [0.5, 1.0, 1.0]),
        (
            Blinded::Sensor("yard-env".parse().unwrap()),
            [1.0, 0.5, 1.0],
        ),
        (Blinded::Zone(Zone::Living), [1.0, 1.0, 0.5]),
        (Blinded::Class(Class::Telemetry), [1.0, 0.5, 1.0]),
        (Blinded::Class(Class::Record), [0.5, 0.5, 0.5]),
    ];
    for (what, expected) in cases {
        let mut sight = sight("gate-1", &[(0, 10)]);
        sight.put_blind(blind(what.clone(), 5, None));
        let shares =
            [&people(), &sensor, &zone].map(|it| coverage(&sight, it, &minutes(10, 10))[0]);
        assert_eq!(shares, expected, "{what:?}");
        // Closing it gives the rest back.
        sight.put_blind(blind(what, 5, Some(5)));
        assert_eq!(coverage(&sight, &people(), &minutes(10, 10)), [1.0]);
    }
    let mut other = sight("gate-2", &[(0, 10)]);
    other.put_blind(blind(Blinded::Class(Class::Record), 0, None));
    assert_eq!(coverage(&other, &people(), &minutes(10, 10)), [1.0]);
}

#[test]
fn a_fault_hides_what_its_input_serves() {
    let word = watching(
        &boot("gate-1", "b1"),
        0,
        &["people", "people-east", "goods"],
    );
    let hidden = |sensor: &str| word.hidden_by(&sensor.parse().unwrap());
    let lane = |lane: &str| Blinded::Lane(lane.parse().unwrap());
    assert_eq!(
        hidden("yard-env"),
        [Blinded::Sensor("yard-env".parse().unwrap())]
    );
    assert_eq!(hidden("people-a"), [lane("people")]);
    assert_eq!(hidden("people-east-b"), [lane("people-east")]);
    assert_eq!(hidden("goods"), [lane("goods")]);
    assert_eq!(hidden("living-start"), [Blinded::Zone(Zone::Living)]);
    assert_eq!(
        hidden("beam7"),
        [lane("people"), lane("people-east"), lane("goods")]
    );
}

#[test]
fn a_time_that_may_be_off_by_more_than_half_a_bucket_proves_nothing_for_it() {
    let key = boot("gate-1", "b1");
    let mut sight = Sight::default();
    sight.put_watching(watching(&key, 0, &["people"]));
    sight
        .watches
        .add(Watch::proven(key, 0, 60 * MINUTE, at(60 * MINUTE), 150_000));
    assert_eq!(coverage(&sight, &people(), &minutes(5, 5)), [1.0]);
    assert_eq!(coverage(&sight, &people(), &minutes(1, 3)), [0.0; 3]);
    assert!(sight.throughout(&people(), at(0), at(60 * MINUTE), 0));
    assert!(!sight.throughout(&people(), at(0), at(4 * MINUTE), 0));
}

#[test]
fn only_the_part_that_has_passed_counts() {
    let sight = sight("gate-1", &[(0, 12)]);
    let now = at(15 * MINUTE);
    let shares = sight.coverage(&[people()], Join::All, &minutes(10, 30), now);
    assert_eq!(shares, [1.0, 0.4, 0.0]);
    assert!(sight.coverage(&[people()], Join::All, &[], now).is_empty());
    assert!(sight.throughout(&people(), at(0), at(13 * MINUTE), 60_000_000));
    assert!(!sight.throughout(&people(), at(0), at(13 * MINUTE), 59_000_000));
}

#[test]
fn several_subjects_are_all_or_any() {
    let mut sight = sight("gate-1", &[(0, 6)]);
    let other = boot("gate-2", "b1");
    sight.put_watching(watching(&other, 0, &["goods"]));
    sight.watches.add(beat(&other, 4 * MINUTE, 8 * MINUTE));
    let both = [people(), Subject::Lane("goods".parse().unwrap())];
    let edges = minutes(10, 10);
    assert_eq!(sight.coverage(&both, Join::All, &edges, late()), [0.2]);
    assert_eq!(sight.coverage(&both, Join::Any, &edges, late()), [0.8]);
    assert_eq!(sight.coverage(&[], Join::All, &edges, late()), [0.0]);
}

#[test]
fn a_boot_event_says_what_is_watched() {
    let line = br#"{"mono_us":9,"kind":"boot","version":"1","config":"c","lanes":["people"],"sensors":[],"zones":["living"],"reason":"boot"}"#;
    let Happening::Boot(event) = Event::from_line(line).unwrap().happening else {
        panic!("a boot event")
    };
    let word = Watching::new(boot("gate-1", "b1"), 9, &event);
    assert!(word.covers(&people()) && word.covers(&Subject::Zone(Zone::Living)));
    assert!(!word.covers(&Subject::Zone(Zone::Isolation)));
}

/// Stretches of a drifting clock over two boots of a unit, in minutes, with repeats.
fn stretches() -> impl Strategy<Value = Vec<(bool, u64, u64)>> {
    proptest::collection::vec((any::<bool>(), 0_u64..40, 1_u64..6), 1..30)
}

fn proof((second, from, length): (bool, u64, u64)) -> Watch {
    let key = boot("gate-1", if second { "b2" } else { "b1" });
    let (from, to) = (from * MINUTE, (from + length) * MINUTE);
    // 1 % fast, and the second boot half an hour later.
    let wall = at(to + to / 100 + if second { 30 * MINUTE } else { 0 });
    Watch::proven(key, from, to, wall, length)
}

proptest! {
    #[test]
    fn the_order_of_proofs_does_not_matter(
        stretches in stretches(),
        seed in proptest::collection::vec(any::<u16>(), 30),
        cut in 0_usize..30,
    ) {
        let mut in_order = Watches::default();
        let mut stored: BTreeMap<WatchKey, Watch> = BTreeMap::new();
        for stretch in &stretches {
            if let Some(change) = in_order.add(proof(*stretch)) {
                for key in &change.gone {
                    prop_assert!(stored.remove(key).is_some());
                }
                stored.insert(change.put.key.clone(), change.put);
            }
        }
        // What was stored on the way is what there is.
        prop_assert_eq!(stored.values().cloned().collect::<Vec<_>>(), in_order.iter().collect::<Vec<_>>());

        let mut shuffled: Vec<_> = stretches.iter().zip(&seed).collect();
        shuffled.sort_by_key(|(_, key)| **key);
        let shuffled: Vec<Watch> = shuffled.into_iter().map(|(stretch, _)| proof(*stretch)).collect();
        // In two turns, each decided as a whole before it is applied.
        let mut in_turns = Watches::default();
        let (first, second) = shuffled.split_at(cut.min(shuffled.len()));
        for turn in [first, second, first] {
            for change in in_turns.joined(turn.iter().cloned()) {
                in_turns.apply(&change);
            }
        }
        prop_assert_eq!(&in_turns, &in_order);
        prop_assert!(in_turns.joined(shuffled).is_empty());
    }

    #[test]
    fn coverage_is_the_share_of_watched_seconds(
        spans in proptest::collection::vec((0_u64..600, 1_u64..200, any::<bool>()), 0..8),
        blinds in proptest::collection::vec((0_u64..600, 0_u64..100, any::<bool>()), 0..4),
        width in 60_u64..300,
    ) {
        let units = ["gate-1", "gate-2"];
        let mut sight = Sight::default();
        for unit in units {
            sight.put_watching(watching(&boot(unit, "b1"), 0, &["people"]));
        }
        for (from, length, second) in &spans {
            let key = boot(units[usize::from(*second)], "b1");
            sight.watches.add(beat(&key, from * SECOND, (from + length) * SECOND));
        }
        for (from, length, second) in &blinds {
            sight.put_blind(Blind {
                unit: units[usize::from(*second)].parse().unwrap(),
                what: Blinded::Class(Class::Record),
                from: at(from * SECOND),
                to: Some(at((from + length) * SECOND)),
                why: BlindCause::Gap,
            });
        }
        // The same blind time again is its newest word.
        let newest: BTreeMap<(u64, bool), u64> =
            blinds.iter().map(|(from, length, unit)| ((*from, *unit), *length)).collect();
        let blinds: Vec<_> =
            newest.into_iter().map(|((from, unit), length)| (from, length, unit)).collect();
        let within = |list: &[(u64, u64, bool)], unit: bool, second: u64| {
            list.iter().any(|(from, length, of)| {
                *of == unit && (*from..from + length).contains(&second)
            })
        };
        let watched = |second: u64| {
            [false, true].into_iter().any(|unit| {
                within(&spans, unit, second) && !within(&blinds, unit, second)
            })
        };
        let edges: Vec<Wall> = (0..=900 / width).map(|n| at(n * width * SECOND)).collect();
        for (n, share) in coverage(&sight, &people(), &edges).into_iter().enumerate() {
            let from = n as u64 * width;
            let expected = (from..from + width).filter(|second| watched(*second)).count();
            prop_assert!((share - expected as f64 / width as f64).abs() < 1e-12);
        }
    }
}
