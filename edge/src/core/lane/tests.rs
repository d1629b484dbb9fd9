use std::time::Duration;

use gatepost_model::LaneKind;
use proptest::prelude::*;

use super::*;
use crate::{core::out::Said, input::InputIx};

const MS: u64 = 1000;

fn people() -> Lane {
    let mut lane = Lane::new(config(LaneKind::People, 0));
    lane.begin(BoardTime(0), false, |_, _| false);
    lane
}

fn goods() -> Lane {
    let mut config = config(LaneKind::Goods, 1500);
    config.timeout = Duration::from_secs(60);
    Lane::new(config)
}

fn config(kind: LaneKind, merge_ms: u64) -> config::Lane {
    config::Lane {
        id: "lane".parse().unwrap(),
        kind,
        leads_to: gatepost_model::LeadsTo::Site,
        beam_a: beam("a", 0),
        beam_b: beam("b", 1),
        min_on: Duration::from_millis(8),
        min_off: Duration::from_millis(30),
        merge: Duration::from_millis(merge_ms),
        bodies: None,
        timeout: Duration::from_secs(10),
        blocked: Duration::from_secs(60),
        lamp: None,
        buzzer: None,
        sprayer: None,
    }
}

fn beam(name: &str, place: usize) -> Beam {
    Beam {
        input: InputIx(place),
        sensor: name.parse().unwrap(),
    }
}

/// Drives a lane with `(ms, beam, level)` and gives what it said, as `ms word`.
fn drive(lane: &mut Lane, edges: &[(u64, char, u8)], restart: bool) -> Vec<String> {
    let mut out = Out::default();
    let run_to = |lane: &mut Lane, now: BoardTime, out: &mut Out| {
        while let Some(due) = lane.deadline().filter(|due| *due <= now) {
            lane.handle_deadline(due, out);
        }
    };
    for &(ms, beam, level) in edges {
        let now = BoardTime(ms * MS);
        run_to(lane, now, &mut out);
        let side = if beam == 'a' { Side::A } else { Side::B };
        lane.handle_level(side, now, level == 1, restart, &mut out);
    }
    let end = edges.last().map_or(0, |edge| edge.0);
    run_to(lane, BoardTime((end + 1_000_000) * MS), &mut out);
    said(out)
}

fn said(out: Out) -> Vec<String> {
    out.said
        .into_iter()
        .filter_map(|said| match said {
            Said::Happened { at, happening } => {
                let word = match happening {
                    Happening::Passage(passage) => passage.dir.as_str().to_owned(),
                    Happening::Unclear(unclear) => format!("{:?}", unclear.reason),
                    other => format!("{other:?}"),
                };
                Some(format!("{} {word}", at.0 / MS))
            }
            Said::Fault {
                at, sensor, raised, ..
            } if raised => Some(format!("{} blocked {sensor}", at.0 / MS)),
            Said::Fault { .. } | Said::Chord => None,
        })
        .collect()
}

#[test]
fn a_table_of_passages() {
    type Case = (
        &'static str,
        &'static [(u64, char, u8)],
        &'static [&'static str],
    );
    let cases: [Case; 12] = [
        (
            "in",
            &[
                (1000, 'a', 1),
                (1100, 'b', 1),
                (1300, 'a', 0),
                (1400, 'b', 0),
            ],
            &["1400 in"],
        ),
        (
            "out",
            &[
                (1000, 'b', 1),
                (1100, 'a', 1),
                (1300, 'b', 0),
                (1400, 'a', 0),
            ],
            &["1400 out"],
        ),
        (
            "u-turn",
            &[
                (1000, 'a', 1),
                (1100, 'b', 1),
                (1300, 'b', 0),
                (1400, 'a', 0),
            ],
            &[],
        ),
        ("brush", &[(1000, 'a', 1), (1200, 'a', 0)], &[]),
        (
            "hesitation",
            &[
                (1000, 'a', 1),
                (1100, 'b', 1),
                (1300, 'b', 0),
                (1500, 'b', 1),
                (1700, 'a', 0),
                (1900, 'b', 0),
            ],
            &["1900 in"],
        ),
        (
            "flicker is not seen",
            &[
                (1000, 'a', 1),
                (1050, 'a', 0),
                (1070, 'a', 1),
                (1100, 'b', 1),
                (1300, 'a', 0),
                (1350, 'a', 1),
                (1355, 'a', 0),
                (1400, 'b', 0),
            ],
            &["1400 in"],
        ),
        (
            "both at once",
            &[
                (1000, 'a', 1),
                (1000, 'b', 1),
                (1300, 'a', 0),
                (1400, 'b', 0),
            ],
            &["1400 Overlap"],
        ),
        (
            "both clear at once",
            &[
                (1000, 'a', 1),
                (1100, 'b', 1),
                (1300, 'a', 0),
                (1300, 'b', 0),
            ],
            &["1300 Overlap"],
        ),
        (
            "lost edge inside",
            &[
                (1000, 'a', 1),
                (1100, 'b', 1),
                (1200, 'b', 1),
                (1300, 'a', 0),
                (1400, 'b', 0),
            ],
            &["1400 LostEdges"],
        ),
        (
            "lost edge outside",
            &[(1000, 'a', 0), (1500, 'a', 0)],
            &["1500 LostEdges"],
        ),
        (
            "never ends",
            &[
                (1000, 'a', 1),
                (1100, 'b', 1),
                (30_000, 'b', 0),
                (31_000, 'a', 0),
            ],
            &["11000 Timeout"],
        ),
        (
            "blocked, then good again",
            &[
                (1000, 'a', 1),
                (90_000, 'a', 0),
                (100_000, 'a', 1),
                (100_100, 'b', 1),
                (100_300, 'a', 0),
                (100_400, 'b', 0),
            ],
            &["11000 Timeout", "61000 blocked a", "100400 in"],
        ),
    ];
    for (name, edges, expected) in cases {
        assert_eq!(drive(&mut people(), edges, false), expected, "{name}");
    }
}

#[test]
fn a_lorry_with_gaps_is_one_and_two_lorries_are_two() {
    let body = |from: u64| {
        [
            (from, 'a', 1),
            (from + 500, 'b', 1),
            (from + 2000, 'a', 0),
            (from + 2500, 'b', 0),
        ]
    };
    let lorry: Vec<_> = [body(1000), body(4900), body(8800)].concat();
    assert_eq!(drive(&mut goods(), &lorry, false), ["11300 in"]);
    let two: Vec<_> = [body(1000), body(5100)].concat();
    assert_eq!(drive(&mut goods(), &two, false), ["3500 in", "7600 in"]);
}

#[test]
fn who_stands_in_the_lane_at_a_restart_is_unclear_once() {
    let mut lane = people();
    lane.begin(BoardTime(500 * MS), true, |_, _| false);
    let edges = [
        (500, 'a', 1),
        (500, 'b', 0),
        (700, 'b', 1),
        (900, 'a', 0),
        (1100, 'b', 0),
    ];
    assert_eq!(drive(&mut lane, &edges, true), ["1100 Restart"]);

    let mut lane = people();
    let mut out = Out::default();
    for (ms, level) in [(100, true), (110, true)] {
        if let Some(due) = lane.deadline() {
            lane.handle_deadline(due, &mut out);
        }
        let side = if ms == 100 { Side::A } else { Side::B };
        lane.handle_level(side, BoardTime(ms * MS), level, false, &mut out);
    }
    lane.handle_deadline(BoardTime(118 * MS), &mut out);
    assert_eq!(lane.open_since(), Some(BoardTime(100 * MS)));
    lane.begin(BoardTime(500 * MS), true, |_, _| false);
    assert_eq!(
        drive(&mut lane, &[(500, 'a', 0), (500, 'b', 0)], true),
        ["500 Restart"]
    );
}

#[test]
fn a_blocked_beam_found_clear_after_a_restart_is_taken_back() {
    let mut lane = people();
    lane.begin(BoardTime(0), true, |beam, code| {
        beam.sensor.as_str() == "a" && code == FaultCode::Blocked
    });
    let mut out = Out::default();
    lane.handle_deadline(lane.deadline().unwrap(), &mut out);
    assert!(matches!(
        &out.said[..],
        [Said::Fault { raised: false, sensor, .. }] if sensor.as_str() == "a"
    ));
}

#[test]
fn nothing_is_open_once_all_is_decided() {
    let mut lane = people();
    let mut out = Out::default();
    assert_eq!(lane.open_since(), None);
    lane.handle_level(Side::A, BoardTime(5), true, false, &mut out);
    assert_eq!(lane.open_since(), Some(BoardTime(5)));
    lane.handle_level(Side::A, BoardTime(6), false, false, &mut out);
    assert_eq!(lane.open_since(), None);
}

/// Judges the states between two clear ones as a text: `A`, `B`, `X` for both.
fn oracle(states: &[(bool, bool)]) -> Vec<&'static str> {
    let letters: String = states
        .iter()
        .map(|state| match state {
            (false, false) => ' ',
            (true, false) => 'A',
            (false, true) => 'B',
            (true, true) => 'X',
        })
        .collect();
    letters
        .split(' ')
        .filter(|body| body.contains('X'))
        .filter_map(|body| match (body.chars().next(), body.chars().last()) {
            (Some('A'), Some('B')) => Some("in"),
            (Some('B'), Some('A')) => Some("out"),
            _ => None,
        })
        .collect()
}

#[test]
fn of_two_bodies_at_once_only_the_one_that_passed_for_sure_is_counted() {
    let on_the_heels = [
        (1000, 'a', 1),
        (1100, 'b', 1),
        (1300, 'a', 0),
        (1360, 'a', 1),
        (1450, 'b', 0),
        (1510, 'b', 1),
        (1650, 'a', 0),
        (1800, 'b', 0),
    ];
    assert_eq!(
        drive(&mut people(), &on_the_heels, false),
        ["1800 in", "1800 Overlap"]
    );
    let crossing = |lasts: u64| {
        [
            (1000, 'a', 1),
            (1050, 'b', 1),
            (1200, 'a', 0),
            (1200 + lasts, 'a', 1),
            (1300 + lasts, 'b', 0),
            (1450 + lasts, 'a', 0),
        ]
    };
    assert_eq!(
        drive(&mut people(), &crossing(100), false),
        ["1550 Overlap"]
    );
    let nothing: [&str; 0] = [];
    assert_eq!(drive(&mut people(), &crossing(800), false), nothing);
    // A hand that trails is too thin for both beams.
    let hand = [
        (1000, 'a', 1),
        (1100, 'b', 1),
        (1300, 'a', 0),
        (1350, 'a', 1),
        (1420, 'b', 0),
        (1450, 'a', 0),
        (1455, 'b', 1),
        (1520, 'b', 0),
    ];
    let mut merging = Lane::new(config(LaneKind::People, 80));
    assert_eq!(drive(&mut merging, &hand, false), ["1520 in"]);
}

/// Beams 15 cm apart.
fn measured() -> Lane {
    let mut config = config(LaneKind::People, 80);
    config.bodies = Some(config::Bodies {
        spacing_m: 0.15,
        depth_m: 0.25,
    });
    let mut lane = Lane::new(config);
    lane.begin(BoardTime(0), false, |_, _| false);
    lane
}

#[test]
fn where_the_distance_is_known_pace_and_depth_tell_two_from_one() {
    let through = |spacing: u64, broken: u64| {
        [
            (1000, 'a', 1),
            (1000 + spacing, 'b', 1),
            (1000 + broken, 'a', 0),
            (1000 + broken + spacing, 'b', 0),
        ]
    };
    let turned = |lasts: u64| {
        [
            (1000, 'b', 1),
            (1100, 'a', 1),
            (900 + lasts, 'a', 0),
            (1000 + lasts, 'b', 0),
        ]
    };
    let said = |edges: &[(u64, char, u8)]| drive(&mut measured(), edges, false);
    // 1.5 m/s: 0.45 m deep with swinging hands, 0.6 m, 1.2 m.
    assert_eq!(said(&through(100, 300)), ["1400 in"]);
    assert_eq!(said(&through(100, 400)), ["1500 in", "1500 Overlap"]);
    assert_eq!(said(&through(100, 800)), ["1900 in"], "a pram");
    // Slower, hands swing less: the same 0.45 m at 0.75 m/s.
    assert_eq!(said(&through(200, 600)), ["1800 in", "1800 Overlap"]);
    // 0.15 m in 40 ms: from both sides.
    assert_eq!(said(&through(40, 400)), ["1440 Overlap"]);
    assert_eq!(said(&turned(500)), ["1500 Overlap"]);
    let nothing: [&str; 0] = [];
    assert_eq!(said(&turned(900)), nothing);
    // Without the distance nothing of this is known.
    let blind = drive(&mut people(), &through(40, 400), false);
    assert_eq!(blind, ["1440 in"]);
}

#[test]
fn a_lorry_whose_cab_stands_between_the_beams_is_one() {
    // The cab breaks B only, stands for 14 s where no beam sees it, then front and body come by A.
    let lorry = [
        (8000, 'b', 1),
        (9300, 'b', 0),
        (23_400, 'a', 1),
        (23_560, 'b', 1),
        (24_700, 'a', 0),
        (25_200, 'a', 1),
        (27_300, 'b', 0),
        (28_800, 'a', 0),
    ];
    assert_eq!(drive(&mut goods(), &lorry, false), ["28800 out"]);
    let nothing: [&str; 0] = [];
    assert_eq!(drive(&mut goods(), &lorry[2..], false), nothing, "a U-turn");
    let later = lorry.map(|(ms, beam, level)| (ms + 100_000 * u64::from(ms > 10_000), beam, level));
    assert_eq!(drive(&mut goods(), &later, false), nothing, "somebody else");
}

proptest! {
    /// One beam changes at a time and every state lasts: then the lane agrees with the text.
    #[test]
    fn any_walk_agrees_with_the_oracle(
        steps in proptest::collection::vec((any::<bool>(), 40u64..400), 0..80),
        flicker in proptest::collection::vec(any::<bool>(), 80),
    ) {
        let mut level = (false, false);
        let mut now = 1000;
        let mut states = vec![level];
        let mut edges = Vec::new();
        for (index, (a, lasts)) in steps.into_iter().enumerate() {
            now += lasts;
            let (beam, new) = if a { level.0 = !level.0; ('a', level.0) } else { level.1 = !level.1; ('b', level.1) };
            edges.push((now, beam, u8::from(new)));
            states.push(level);
            // A blink too short to count, of the beam that has just cleared.
            if flicker[index] && !new {
                edges.push((now + 31, beam, 1));
                edges.push((now + 36, beam, 0));
            }
        }
        let mut expected = oracle(&states);
        if level != (false, false) {
            // The last one never ends.
            let ended = states.iter().rposition(|s| *s == (false, false)).unwrap_or(0);
            expected = oracle(&states[..=ended]);
        }
        let found: Vec<String> = drive(&mut people(), &edges, false)
            .into_iter()
            .filter_map(|word| word.split_once(' ').map(|(_, word)| word.to_owned()))
            .filter(|word| word == "in" || word == "out")
            .collect();
        prop_assert_eq!(found, expected);
    }
}
