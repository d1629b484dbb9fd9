//! Each verdict in a table; random rounds against a plain oracle; a year in a zone whose clock jumps.

use chrono::NaiveDate;
use gatepost_model::{
    Site, Zone,
    event::{Evidence, Round},
};
use proptest::prelude::*;

use super::*;
use crate::{
    calendar::SiteZone,
    core::rounds::{Plans, next_start, slots_between},
};

const MINUTE: i64 = 60_000_000;

/// Minutes after the day's 00:00.
fn at(minutes: i64) -> Wall {
    Wall::parse("2026-11-23T00:00:00Z")
        .unwrap()
        .plus_micros(minutes * MINUTE)
}

/// 08:00 to 11:00; the next opens at 14:00.
fn slot() -> Slot {
    Slot {
        id: "living-2026-11-23-1".to_owned(),
        zone: Zone::Living,
        date: NaiveDate::from_ymd_opt(2026, 11, 23).unwrap(),
        number: 1,
        start: at(480),
        end: at(660),
    }
}

fn round(started: i64, ended: Option<i64>, litres: f64) -> SeenRound {
    let phase = if ended.is_some() {
        RoundPhase::Ended
    } else {
        RoundPhase::Started
    };
    SeenRound {
        zone: Zone::Living,
        round: format!("r{started}"),
        unit: Some("yard-1".parse().unwrap()),
        started: at(started),
        start_seen: true,
        ended: ended.map(at),
        phase,
        litres,
        pump_s: 60.0,
        points: Vec::new(),
        evidence: Evidence::ButtonFlow,
        error_ms: 0,
    }
}

fn abandoned(started: i64, given_up: i64) -> SeenRound {
    SeenRound {
        phase: RoundPhase::Abandoned,
        ..round(started, Some(given_up), 9.0)
    }
}

fn off_by(minutes: u64, round: SeenRound) -> SeenRound {
    SeenRound {
        error_ms: minutes * 60_000,
        ..round
    }
}

fn verdict(now: i64, watched: bool, excused: bool, rounds: &[SeenRound]) -> Verdict {
    let slot = slot();
    let case = Case {
        slot: &slot,
        next_start: Some(at(840)),
        rounds,
        least: Least {
            litres: 2.0,
            lasting_us: 0,
        },
        watched,
        excused,
        now: at(now),
        grace: TimeDelta::minutes(3),
    };
    judge(&case).0
}

#[test]
fn each_verdict_by_table() {
    use Verdict::*;
    let elsewhere = SeenRound {
        zone: Zone::Isolation,
        ..round(500, Some(520), 5.0)
    };
    let evidence = |evidence, points: &[&str]| SeenRound {
        evidence,
        points: points.iter().map(ToString::to_string).collect(),
        ..round(500, Some(520), 0.0)
    };
    // Verdicts while 07:00, 09:00, 11:02 (in the grace), 12:00, 12:00 unwatched, 18:00, and excused at 12:00.
    type Row<'a> = (&'a str, Vec<SeenRound>, [Verdict; 7]);
    let table: Vec<Row<'_>> = vec![
        (
            "nothing",
            vec![],
            [Upcoming, Due, Due, Missed, Unknown, Missed, Excused],
        ),
        (
            "another zone's",
            vec![elsewhere],
            [Upcoming, Due, Due, Missed, Unknown, Missed, Excused],
        ),
        ("inside", vec![round(500, Some(520), 5.0)], [Done; 7]),
        ("began before", vec![round(470, Some(490), 5.0)], [Done; 7]),
        ("ended after", vec![round(650, Some(670), 5.0)], [Done; 7]),
        (
            "the very first moment",
            vec![round(470, Some(480), 5.0)],
            [Done; 7],
        ),
        (
            "over before it opens",
            vec![round(440, Some(470), 5.0)],
            [Upcoming, Due, Due, Missed, Unknown, Missed, Excused],
        ),
        (
            "from its end on it is late",
            vec![round(660, Some(670), 5.0)],
            [Late; 7],
        ),
        (
            "all through the window",
            vec![round(470, Some(670), 5.0)],
            [Late; 7],
        ),
        (
            "the next window's",
            vec![round(830, Some(840), 5.0)],
            [Upcoming, Due, Due, Missed, Unknown, Missed, Excused],
        ),
        (
            "too few litres",
            vec![round(500, Some(520), 1.9)],
            [Upcoming, Short, Short, Short, Short, Short, Excused],
        ),
        (
            "too few litres, late",
            vec![round(700, Some(720), 1.9)],
            [Upcoming, Due, Due, Missed, Unknown, Missed, Excused],
        ),
        (
            "made up in time",
            vec![round(500, Some(520), 1.9), round(600, Some(620), 2.0)],
            [Done; 7],
        ),
        (
            "made up late",
            vec![round(500, Some(520), 1.9), round(700, Some(720), 2.0)],
            [Late; 7],
        ),
        (
            "open",
            vec![round(500, None, 0.0)],
            [
                Upcoming, Running, Running, Running, Running, Unknown, Excused,
            ],
        ),
        (
            "open since before",
            vec![round(470, None, 0.0)],
            [Upcoming, Running, Due, Missed, Unknown, Missed, Excused],
        ),
        (
            "never stopped",
            vec![abandoned(500, 560)],
            [Upcoming, Short, Short, Short, Short, Short, Excused],
        ),
        (
            "given up in the window",
            vec![abandoned(400, 500)],
            [Upcoming, Due, Due, Missed, Unknown, Missed, Excused],
        ),
        (
            "buttons alone",
            vec![evidence(Evidence::Button, &[])],
            [Upcoming, Short, Short, Short, Short, Short, Excused],
        ),
        (
            "check points",
            vec![evidence(Evidence::ButtonPoints, &["door"])],
            [Done; 7],
        ),
        (
            "no check point",
            vec![evidence(Evidence::ButtonPoints, &[])],
            [Upcoming, Short, Short, Short, Short, Short, Excused],
        ),
        (
            "evidence to come",
            vec![evidence(Evidence::Other, &["door"])],
            [Done; 7],
        ),
        (
            "perhaps inside",
            vec![off_by(10, round(465, Some(475), 5.0))],
            [Upcoming, Due, Due, Unknown, Unknown, Unknown, Excused],
        ),
        (
            "surely inside",
            vec![off_by(10, round(485, Some(495), 5.0))],
            [Done; 7],
        ),
        (
            "perhaps too late",
            vec![off_by(10, round(655, Some(660), 5.0))],
            [Upcoming, Due, Due, Unknown, Unknown, Unknown, Excused],
        ),
        (
            "perhaps the next window's",
            vec![off_by(10, round(800, Some(835), 5.0))],
            [Upcoming, Due, Due, Unknown, Unknown, Unknown, Excused],
        ),
        (
            "short, perhaps the next window's",
            vec![off_by(10, round(800, Some(835), 1.0))],
            [Upcoming, Due, Due, Missed, Unknown, Missed, Excused],
        ),
    ];
    for (name, rounds, expected) in table {
        let verdicts = [
            verdict(420, false, false, &rounds),
            verdict(540, false, false, &rounds),
            verdict(662, true, false, &rounds),
            verdict(720, true, false, &rounds),
            verdict(720, false, false, &rounds),
            verdict(1080, true, false, &rounds),
            verdict(720, true, true, &rounds),
        ];
        assert_eq!(verdicts, expected, "{name}");
    }
}

#[test]
fn the_proof_is_the_round_that_counted() {
    let rounds = [
        round(600, Some(620), 2.0),
        round(500, Some(520), 3.0),
        round(485, Some(490), 1.0),
    ];
    let slot = slot();
    let case = Case {
        slot: &slot,
        next_start: None,
        rounds: &rounds,
        least: Least {
            litres: 2.0,
            lasting_us: 0,
        },
        watched: true,
        excused: false,
        now: at(720),
        grace: TimeDelta::zero(),
    };
    let (verdict, proof) = judge(&case);
    let proof = proof.unwrap().proof();
    assert_eq!(
        (verdict, proof.round.as_str(), proof.evidence.as_str()),
        (Verdict::Done, "r500", "button+flow")
    );
}

#[test]
fn a_round_is_the_same_in_whatever_order_its_events_come() {
    let event = |phase, started, litres| Round {
        zone: Zone::Living,
        round: "r".to_owned(),
        phase,
        started_mono_us: started,
        litres,
        pump_s: litres,
        points: vec![],
        evidence: Evidence::ButtonFlow,
    };
    let unit = || "yard-1".parse().unwrap();
    let minute = MINUTE.unsigned_abs();
    let seen = |phase, mono: u64, wall, litres, error| {
        SeenRound::new(
            unit(),
            &event(phase, 10 * minute, litres),
            mono * minute,
            wall,
            error,
        )
    };
    let parts = [
        seen(RoundPhase::Started, 10, at(600), 0.0, 5),
        seen(RoundPhase::Abandoned, 40, at(631), 1.0, 9),
        seen(RoundPhase::Ended, 50, at(641), 3.0, 7),
    ];
    // Reckoned back from its end where nothing else is known.
    assert_eq!(parts[2].started, at(601));
    let orders = [
        [0, 1, 2],
        [0, 2, 1],
        [1, 0, 2],
        [1, 2, 0],
        [2, 0, 1],
        [2, 1, 0],
    ];
    for order in orders {
        let mut sum = parts[order[0]].clone();
        for part in &order[1..] {
            sum.absorb(&parts[*part]);
            sum.absorb(&parts[*part]);
        }
        assert_eq!(
            (sum.started, sum.ended, sum.phase),
            (at(600), Some(at(641)), RoundPhase::Ended)
        );
        assert_eq!((sum.litres, sum.error_ms), (3.0, 9));
    }
}

#[test]
fn windows_make_slots() {
    let site: Site = serde_json::from_value(serde_json::json!({
        "id": "binjiang", "time_zone": "Asia/Shanghai", "plan_from": "2026-11-22",
        "name": {"zh": "滨江", "en": "Binjiang"},
        "zone": {
            "management": {"windows": [{"start": "22:00", "end": "01:00"}]},
            "construction": {"used": false},
            "isolation": {"windows": []},
        },
    }))
    .unwrap();
    let zone = SiteZone::parse("Asia/Shanghai").unwrap();
    let plans = Plans::always(&site);
    let day = |text: &str| zone.day_bounds(text.parse().unwrap());
    let (from, to) = day("2026-11-23");
    let slots = slots_between(&plans, from, to);
    let ids: Vec<&str> = slots.iter().map(|slot| slot.id.as_str()).collect();
    assert_eq!(
        ids,
        [
            "management-2026-11-22-1",
            "living-2026-11-23-1",
            "living-2026-11-23-2",
            "management-2026-11-23-1"
        ]
    );
    assert_eq!(slots[0].start, Wall::parse("2026-11-22T14:00:00Z").unwrap());
    assert_eq!(slots[0].end, Wall::parse("2026-11-22T17:00:00Z").unwrap());
    assert_eq!(next_start(&plans, &slots[1]), Some(slots[2].start));
    assert_eq!(next_start(&plans, &slots[0]), Some(slots[3].start));
    // Nothing is planned before the plan begins, nor without one.
    let (from, to) = day("2026-11-21");
    assert!(slots_between(&plans, from, to).is_empty());
    let unplanned = Site {
        plan_from: None,
        ..site.clone()
    };
    let (from, to) = day("2026-11-23");
    assert!(slots_between(&Plans::always(&unplanned), from, to).is_empty());
}

/// Every slot of a year in which the clock jumps twice, asked by days and as a whole, is the same
/// slot once; and a year of rounds at each window's middle gives each of them exactly one `done`.
#[test]
fn a_year_across_both_shifts() {
    let site: Site = serde_json::from_value(serde_json::json!({
        "id": "irvine", "time_zone": "America/Los_Angeles", "plan_from": "2005-01-01",
        "name": {"zh": "尔湾", "en": "Irvine"},
        "zone": {
            // Begins in the hour that is skipped in spring and repeated in autumn.
            "management": {"windows": [{"start": "01:30", "end": "02:30"}, {"start": "23:00", "end": "01:00"}]},
            // Lies in that hour.
            "living": {"windows": [{"start": "02:10", "end": "02:40"}]},
        },
    }))
    .unwrap();
    let zone = SiteZone::parse(&site.time_zone).unwrap();
    let plans = Plans::always(&site);
    let first: NaiveDate = "2005-01-01".parse().unwrap();
    let days: Vec<NaiveDate> = first.iter_days().take(365).collect();
    let from = zone.day_bounds(first).0;
    let to = zone.day_bounds(days[364]).1;
    let all = slots_between(&plans, from, to);
    let ids: std::collections::BTreeSet<&str> = all.iter().map(|slot| slot.id.as_str()).collect();
    assert_eq!(ids.len(), all.len());
    // Two zones with the default two windows, the two of `management`, one of `living` but for the
    // day on which its window does not exist.
    assert_eq!(all.len(), 365 * (2 + 2 + 2 + 1) - 1);

    let mut by_days: Vec<Slot> = days
        .iter()
        .flat_map(|day| {
            let (from, to) = zone.day_bounds(*day);
            slots_between(&plans, from, to)
        })
        .collect();
    by_days.sort_by_key(|slot| (slot.start, slot.zone, slot.number));
    by_days.dedup();
    assert_eq!(by_days, all);

    let middle = |slot: &Slot| {
        slot.start
            .plus_micros(slot.end.micros_since(slot.start) / 2)
    };
    let rounds: Vec<SeenRound> = all
        .iter()
        .map(|slot| SeenRound {
            zone: slot.zone,
            round: slot.id.clone(),
            started: middle(slot),
            ended: Some(middle(slot).plus_micros(MINUTE)),
            ..round(0, Some(1), 5.0)
        })
        .collect();
    for (n, slot) in all.iter().enumerate() {
        // A day has seven slots, so these are those of three days before and after.
        let near = &rounds[n.saturating_sub(21)..(n + 21).min(rounds.len())];
        let case = Case {
            slot,
            next_start: next_start(&plans, slot),
            rounds: near,
            least: Least {
                litres: 2.0,
                lasting_us: 0,
            },
            watched: true,
            excused: false,
            now: to.plus_micros(2 * 1440 * MINUTE),
            grace: TimeDelta::minutes(3),
        };
        let (verdict, proof) = judge(&case);
        assert_eq!(
            (verdict, proof.map(|it| it.round.as_str())),
            (Verdict::Done, Some(slot.id.as_str()))
        );
        let missed = Case {
            rounds: &[],
            ..case
        };
        assert_eq!(judge(&missed).0, Verdict::Missed, "{}", slot.id);
    }
}

/// What a person with the list of rounds would say once the window and the grace are over and
/// everything was watched, with exact times, minute by minute.
fn oracle(rounds: &[(i64, i64, bool, bool)]) -> Verdict {
    let window = 480..660;
    let after = 660..840;
    let mut best = Verdict::Missed;
    for &(started, lasted, enough, stopped) in rounds {
        let ended = started + lasted;
        let inside = window.contains(&started) || stopped && window.contains(&ended);
        let verdict = if inside && enough && stopped {
            Verdict::Done
        } else if stopped && enough && after.contains(&ended) {
            Verdict::Late
        } else if inside {
            Verdict::Short
        } else {
            Verdict::Missed
        };
        let rank = |verdict| match verdict {
            Verdict::Done => 3,
            Verdict::Late => 2,
            Verdict::Short => 1,
            _ => 0,
        };
        if rank(verdict) > rank(best) {
            best = verdict;
        }
    }
    best
}

proptest! {
    #[test]
    fn judgement_is_what_a_person_with_the_list_would_say(
        rounds in proptest::collection::vec((400_i64..900, 0_i64..60, any::<bool>(), any::<bool>()), 0..5),
        error in 0_u64..20,
    ) {
        let seen: Vec<SeenRound> = rounds
            .iter()
            .map(|&(started, lasted, enough, stopped)| {
                let litres = if enough { 5.0 } else { 0.5 };
                if stopped { round(started, Some(started + lasted), litres) } else { abandoned(started, started + lasted) }
            })
            .collect();
        let expected = oracle(&rounds);
        prop_assert_eq!(verdict(1000, true, false, &seen), expected);
        // The order of the list says nothing.
        let reversed: Vec<SeenRound> = seen.iter().rev().cloned().collect();
        prop_assert_eq!(verdict(1000, true, false, &reversed), expected);
        // Unwatched time turns a missed one to unknown and no other.
        let unwatched = verdict(1000, false, false, &seen);
        prop_assert_eq!(unwatched, if expected == Verdict::Missed { Verdict::Unknown } else { expected });
        // Unsure times never make a certain verdict that exact times could contradict.
        let unsure: Vec<SeenRound> = seen.iter().map(|it| off_by(error, it.clone())).collect();
        let shifted = |by: i64| {
            let moved: Vec<_> = rounds.iter().map(|&(started, lasted, enough, stopped)| (started + by, lasted, enough, stopped)).collect();
            oracle(&moved)
        };
        let given = verdict(1000, true, false, &unsure);
        if given == Verdict::Done || given == Verdict::Missed {
            let reach = i64::try_from(error).unwrap();
            for by in [-reach, 0, reach] {
                prop_assert_eq!(shifted(by), given, "moved by {} minutes", by);
            }
        }
    }
}
