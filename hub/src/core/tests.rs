//! Turns: what is committed is what is known, however the inputs come.

use gatepost_dashboard::ports::{Act, AlertAct, Command};
use gatepost_model::{event::Happening, wire::Alive};
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::{
    core::testing::{Log, site, wall},
    store::journal::Journal,
};

const NOW: &str = "2026-11-23T07:31:00Z";

fn core() -> Core {
    let mut core = Core::new(Settings::new("0123456789abcdef".to_owned()));
    turn(&mut core, wall(NOW), [Input::Site(site())]);
    core
}

/// One turn that is committed.
fn turn(core: &mut Core, now: Wall, inputs: impl IntoIterator<Item = Input>) -> Decision {
    let decision = core.decide(now, inputs);
    core.apply(&decision.commit);
    decision
}

fn acks(decision: &Decision) -> Vec<(String, u64)> {
    let acks = decision.effects.iter().filter_map(|effect| match effect {
        Effect::Ack { ack, .. } => Some((ack.log.to_string(), ack.through)),
        Effect::Answer { .. } | Effect::Say { .. } | Effect::Send(_) => None,
    });
    acks.collect()
}

/// A log with something of everything, as `picks` say.
fn life(unit: &str, id: &str, picks: &[u8]) -> Log {
    let mut log = Log::new(unit, id);
    let boot = json!({ "version": "1", "config": "c", "reason": "boot", "lanes": ["people"],
        "sensors": ["people-a", "people-b", "env"], "zones": ["living"] });
    log.event(1_000_000, "boot", boot);
    let mut watched_from = 1_000_000;
    for (index, pick) in picks.iter().enumerate() {
        let mono = 2_000_000 + index as u64 * 1_000_000;
        let fault = json!({ "sensor": "people-a", "code": "blocked" });
        match pick % 12 {
            0 => log.event(
                mono,
                "unclear",
                json!({ "lane": "people", "reason": "overlap" }),
            ),
            1 => {
                let watched = json!({ "watched_from_mono_us": watched_from, "clock": "unset" });
                log.event(mono, "heartbeat", watched);
                watched_from = mono;
            }
            2 | 3 => {
                let phase = if pick % 12 == 2 { "started" } else { "ended" };
                let round = json!({ "zone": "living", "round": format!("r{}", pick / 12),
                    "phase": phase, "started_mono_us": 2_000_000, "litres": 3.0, "pump_s": 9.0,
                    "evidence": "button+flow" });
                log.event(mono, "round", round);
            }
            4 => {
                let reading = json!({ "sensor": "env", "quantity": "ambient_c",
                    "value": f64::from(*pick), "zone": "living" });
                log.event(mono, "reading", reading);
            }
            5 => log.event(mono, "fault", fault),
            6 => log.event(mono, "cleared", fault),
            7 => {
                let screening = json!({ "lane": "people", "id": format!("p{}", pick / 24),
                    "attempt": 1, "skin_c": 37.9, "rule": "rel-1", "verdict": "fever" });
                log.event(mono, "screening", screening);
            }
            8 => log.push(format!("poison {index}")),
            9 => log.event(mono, "weather", json!({ "wind": 3 })),
            _ => log.passage(mono),
        }
    }
    log
}

#[derive(Debug, Clone)]
enum Step {
    Batch(usize, prop::sample::Index, prop::sample::Index),
    Alive(usize),
    Tick,
    Listening(bool),
    Acknowledge(u64),
    Wait(i64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (0_usize..3, any::<prop::sample::Index>(), any::<prop::sample::Index>())
            .prop_map(|(log, one, other)| Step::Batch(log, one, other)),
        1 => (0_usize..3).prop_map(Step::Alive),
        2 => Just(Step::Tick),
        1 => any::<bool>().prop_map(Step::Listening),
        1 => (1_u64..6).prop_map(Step::Acknowledge),
        1 => (1_i64..400).prop_map(Step::Wait),
    ];
    prop::collection::vec(step, 1..40)
}

fn logs(picks: &[Vec<u8>]) -> Vec<Log> {
    let names = [("gate-1", "a"), ("gate-1", "b"), ("gate-2", "c")];
    let lives = names.iter().zip(picks);
    lives
        .map(|((unit, id), picks)| life(unit, id, picks))
        .collect()
}

fn picks() -> impl Strategy<Value = Vec<Vec<u8>>> {
    prop::collection::vec(prop::collection::vec(any::<u8>(), 0..25), 3..=3)
}

/// What a step is to the core; the time that passes before it.
fn input(step: &Step, logs: &[Log], now: &mut Wall) -> Option<Input> {
    let site = || "s".parse().unwrap();
    Some(match step {
        Step::Batch(log, one, other) => {
            let log = &logs[*log];
            let (one, other) = (one.index(log.lines.len()), other.index(log.lines.len()));
            log.input(one.min(other)..one.max(other) + 1, *now)
        }
        Step::Alive(log) => Input::Alive {
            site: site(),
            unit: logs[*log].unit.parse().unwrap(),
            alive: Alive {
                log: logs[*log].id.parse().unwrap(),
                last: logs[*log].lines.len() as u64,
                waiting: 3,
                mono_us: 700_000_000,
                clock: gatepost_model::time::Clock::Unset,
                interval_s: 10,
            },
            received: *now,
        },
        Step::Tick => Input::Tick,
        Step::Listening(listening) => Input::Listening(*listening),
        Step::Acknowledge(alert) => Input::Command {
            ticket: 1,
            command: Command {
                by: "wang".to_owned(),
                key: None,
                act: Act::Alert {
                    alert: *alert,
                    version: None,
                    note: None,
                    act: AlertAct::Acknowledge,
                },
            },
        },
        Step::Wait(seconds) => {
            *now = now.plus_micros(seconds * 1_000_000);
            return None;
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// The sum of the commits is the state: for a second core that only sees commits, and for a
    /// restart from the journal. And what was not committed has not happened.
    #[test]
    fn the_commits_are_the_state(picks in picks(), steps in steps()) {
        let logs = logs(&picks);
        let folder = tempfile::tempdir().unwrap();
        let mut journal = Journal::open(folder.path()).unwrap();
        let mut live = Core::new(Settings::new("0123456789abcdef".to_owned()));
        let mut replica = live.clone();
        let mut now = wall(NOW);
        let mut inputs = vec![Input::Site(site())];
        for step in &steps {
            inputs.extend(input(step, &logs, &mut now));
            if !matches!(step, Step::Tick | Step::Wait(_)) && inputs.len() < 3 {
                continue;
            }
            let turned = std::mem::take(&mut inputs);
            // Who tells of a site has stored it.
            if turned.iter().any(|input| matches!(input, Input::Site(_))) {
                journal.put_sites(&[site()]).unwrap();
            }
            let before = live.state().clone();
            let lost = live.decide(now, turned.clone());
            prop_assert_eq!(live.state(), &before);
            let decision = live.decide(now, turned);
            prop_assert_eq!(&decision, &lost);
            journal.commit(&decision.commit).unwrap();
            live.apply(&decision.commit);
            replica.apply(&decision.commit);
            // Applied twice is applied once.
            replica.apply(&decision.commit);
            prop_assert_eq!(live.state(), replica.state());
        }
        drop(journal);
        let journal = Journal::open(folder.path()).unwrap();
        let mut found = State::default();
        journal.load(&mut found).unwrap();
        prop_assert_eq!(found, live.state().after_a_restart());
    }

    /// However batches fall into turns, the record and what follows from it are the same.
    #[test]
    fn turns_are_only_a_matter_of_speed(picks in picks(), steps in steps()) {
        let logs = logs(&picks);
        let mut now = wall(NOW);
        let batches: Vec<Input> = steps
            .iter()
            .filter(|step| matches!(step, Step::Batch(..)))
            .filter_map(|step| input(step, &logs, &mut now))
            .collect();
        let (mut one, mut many) = (core(), core());
        let together = turn(&mut one, now, batches.clone());
        let mut events = Vec::new();
        for batch in batches {
            events.extend(turn(&mut many, now, [batch]).commit.events);
        }
        prop_assert_eq!(together.commit.events, events);
        prop_assert_eq!(one.state(), many.state());
    }

    /// In whatever order units' batches come, counts, sums and proofs come to the same.
    #[test]
    fn the_order_among_units_does_not_matter(
        picks in picks(),
        order in Just((0..12).collect::<Vec<usize>>()).prop_shuffle(),
    ) {
        let logs = logs(&picks);
        let now = wall(NOW);
        // Four batches a log, always in order within it.
        let parts = |log: usize, nth: usize| {
            let n = logs[log].lines.len();
            (n * nth / 4)..(n * (nth + 1) / 4)
        };
        let mut given = [0; 3];
        let (mut shuffled, mut sorted) = (core(), core());
        for at in order {
            let log = at % 3;
            let lines = parts(log, given[log]);
            given[log] += 1;
            if !lines.is_empty() {
                turn(&mut shuffled, now, [logs[log].input(lines, now)]);
            }
        }
        for (index, log) in logs.iter().enumerate() {
            for lines in (0..4).map(|nth| parts(index, nth)).filter(|lines| !lines.is_empty()) {
                turn(&mut sorted, now, [log.input(lines, now)]);
            }
        }
        let (one, other) = (&shuffled.state().sites["s"], &sorted.state().sites["s"]);
        prop_assert_eq!(&one.logs, &other.logs);
        prop_assert_eq!(&one.hours, &other.hours);
        prop_assert_eq!(&one.tallies, &other.tallies);
        prop_assert_eq!(&one.sight.watches, &other.sight.watches);
        let newest = |site: &state::SiteState| -> Vec<Wall> {
            site.readings.values().map(|reading| reading.at).collect()
        };
        prop_assert_eq!(newest(one), newest(other));
    }
}

#[test]
fn every_kind_of_event_is_in_the_record_as_it_came() {
    let mut core = core();
    let log = life("gate-1", "a", &(0..12).collect::<Vec<u8>>());
    let decision = turn(
        &mut core,
        wall(NOW),
        [log.input(0..log.lines.len(), wall(NOW))],
    );
    let lines: Vec<&str> = decision
        .commit
        .events
        .iter()
        .map(|event| &*event.line)
        .collect();
    let sent: Vec<&str> = log
        .lines
        .iter()
        .map(|(line, _)| line.as_str())
        .filter(|line| !line.starts_with("poison"))
        .collect();
    assert_eq!(lines, sent);
    assert_eq!(decision.seen.broken_lines, 1);
    assert_eq!(acks(&decision), [("a".to_owned(), 13)]);
    assert!(matches!(
        &decision.commit.events.last().unwrap().entry,
        gatepost_model::event::Line::Event(event)
            if matches!(event.happening, Happening::Passage(_))
    ));
    let site = &core.state().sites["s"];
    assert_eq!(site.tally(None).unwrap().raw(), 2);
    assert_eq!(site.rounds.len(), 1);
    let kinds: Vec<_> = core.state().alerts.all().map(|alert| alert.kind).collect();
    use gatepost_model::alert::AlertKind;
    assert_eq!(
        kinds,
        [
            AlertKind::SensorFault,
            AlertKind::FeverSuspected,
            AlertKind::Quarantine
        ]
    );
}

#[test]
fn tests_are_kept_and_counted_nowhere() {
    let mut core = core();
    let mut log = Log::new("gate-1", "a");
    let fields = json!({ "lane": "people", "dir": "in", "duration_ms": 400, "test": true });
    log.event(1_000_000, "passage", fields);
    let decision = turn(&mut core, wall(NOW), [log.input(0..1, wall(NOW))]);
    assert_eq!(decision.commit.events.len(), 1);
    let site = &core.state().sites["s"];
    assert!(site.tallies.is_empty() && site.quarters.is_empty());
}

#[test]
fn a_unit_whose_clock_contradicts_the_hubs_is_disputed_until_it_agrees() {
    let mut core = core();
    let mut log = Log::new("gate-1", "a");
    log.passage(1_000_000);
    log.passage(2_000_000);
    let mut send = |lines: std::ops::Range<usize>, ahead_us: i64| {
        let now = wall(NOW);
        let mut header = log.header(lines.clone());
        header.sent.clock = gatepost_model::time::Clock::Synced;
        header.sent.wall = Some(now.plus_micros(ahead_us));
        header.anchor = Some(gatepost_model::wire::Anchor {
            mono_us: 0,
            wall: now.plus_micros(ahead_us - 600_000_000),
            err_ms: 5,
        });
        let decision = turn(&mut core, now, [log.input_with(&header, lines, now)]);
        let event = &decision.commit.events[0];
        let alerts: Vec<_> = core
            .state()
            .alerts
            .open()
            .map(|alert| alert.cleared)
            .collect();
        (event.source, event.time_error_ms, alerts)
    };
    use crate::store::event::TimeSource;
    let (source, error_ms, alerts) = send(0..1, 6_000_000);
    assert_eq!((source, alerts), (TimeSource::Disputed, vec![false]));
    assert_eq!(error_ms, 5 + 1, "time and error are the unit's");
    let (source, _, alerts) = send(1..2, 1_000_000);
    assert_eq!((source, alerts), (TimeSource::Unit, vec![true]));
}

#[test]
fn a_message_that_was_long_under_way_does_not_make_a_clock_disputed() {
    let mut core = core();
    let now = wall(NOW);
    let mut log = Log::new("gate-1", "a");
    (1..=4).for_each(|second| log.passage(second * 1_000_000));
    let seconds = |n: i64| n * 1_000_000;
    // Sent at `sent_s` of its clock, which is behind by `behind_s`; received at `received_s`.
    let mut send = |line: usize, sent_s: i64, received_s: i64, behind_s: i64| {
        let mut header = log.header(line..line + 1);
        header.sent.mono_us = 600_000_000 + seconds(sent_s) as u64;
        header.sent.clock = gatepost_model::time::Clock::Synced;
        header.sent.wall = Some(now.plus_micros(seconds(sent_s - behind_s)));
        let received = now.plus_micros(seconds(received_s));
        let input = log.input_with(&header, line..line + 1, received);
        turn(&mut core, received, [input]);
        core.state().alerts.open().count()
    };
    // The broker had kept them for an hour, and hands them over together.
    assert_eq!(send(0, 0, 3600, 0), 0);
    assert_eq!(send(1, 1800, 3601, 0), 0);
    assert_eq!(send(2, 3602, 3602, 0), 0);
    // From here on the clock is behind: by a minute, against all that came.
    assert_eq!(send(3, 3620, 3620, 60), 1);
}

#[test]
fn a_new_log_that_knows_no_time_goes_on_where_the_old_one_ended() {
    let mut core = core();
    let now = wall(NOW);
    let mut old = Log::new("gate-1", "a");
    old.passage(540_000_000);
    // A minute before it was sent.
    turn(&mut core, now, [old.input(0..1, now)]);
    let mut new = Log::new("gate-1", "b");
    new.passage(1_000_000);
    let mut header = new.header(0..1);
    header.boot = "b0".parse().unwrap();
    let decision = turn(&mut core, now, [new.input_with(&header, 0..1, now)]);
    let event = &decision.commit.events[0];
    assert_eq!(event.time, now.plus_micros(-30_000_000));
    assert_eq!(event.time_error_ms, 30_000);
}

#[test]
fn a_unit_catches_up_while_it_is_there_and_behind() {
    let mut core = core();
    let now = wall(NOW);
    let unit: UnitId = "gate-1".parse().unwrap();
    let mut log = Log::new("gate-1", "a");
    (1..=3).for_each(|second| log.passage(second * 1_000_000));
    let is_catching_up = |core: &Core, seconds: i64| {
        let site = &core.state().sites["s"];
        site.is_catching_up(&unit, now.plus_micros(seconds * 1_000_000))
    };
    // Ten minutes old when it comes, and there is more.
    turn(&mut core, now, [log.input(0..1, now)]);
    let alive = input(&Step::Alive(0), &[log.clone()], &mut now.clone());
    turn(&mut core, now, alive);
    assert_eq!(core.state().sites["s"].waiting(&unit), 2);
    assert!(is_catching_up(&core, 0));
    assert!(is_catching_up(&core, 50));
    assert!(
        !is_catching_up(&core, 51),
        "nothing comes from a unit that is not there"
    );
    turn(&mut core, now, [log.input(1..3, now)]);
    assert!(is_catching_up(&core, 9));
    assert!(!is_catching_up(&core, 10));
}

#[test]
fn units_are_told_what_is_stored_when_they_can_be_heard() {
    let mut core = core();
    let mut log = Log::new("gate-1", "a");
    log.passage(1_000_000);
    turn(&mut core, wall(NOW), [log.input(0..1, wall(NOW))]);
    let decision = turn(&mut core, wall(NOW), [Input::Listening(true)]);
    assert_eq!(acks(&decision), [("a".to_owned(), 1)]);
    assert!(!decision.commit.is_durable());
    let decision = turn(&mut core, wall(NOW), [Input::Listening(false)]);
    assert_eq!(acks(&decision), []);
}

#[test]
fn nobody_is_offline_while_nobody_can_be_heard() {
    let mut core = core();
    let unit: UnitId = "gate-1".parse().unwrap();
    let mut log = Log::new("gate-1", "a");
    log.passage(1_000_000);
    let mut now = wall(NOW);
    turn(&mut core, now, [log.input(0..1, now)]);
    let is_offline = |core: &Core, now| {
        let site = &core.state().sites["s"];
        let state = liveness::state(site, &unit, core.state().listening_since, now);
        state == gatepost_model::unit::UnitState::Offline
    };
    let tick = |core: &mut Core, now: &mut Wall, seconds: i64| {
        *now = now.plus_micros(seconds * 1_000_000);
        turn(core, *now, [Input::Tick]);
    };
    turn(&mut core, now, [Input::Listening(false)]);
    tick(&mut core, &mut now, 3600);
    assert_eq!(core.state().alerts.open().count(), 0);
    // From the moment on that it could be heard, it has its five intervals.
    turn(&mut core, now, [Input::Listening(true)]);
    tick(&mut core, &mut now, 50);
    assert!(!is_offline(&core, now));
    tick(&mut core, &mut now, 1);
    assert!(is_offline(&core, now));
    assert_eq!(core.state().alerts.open().count(), 1);
    // Back, and gone again within the hold: the same alert.
    turn(&mut core, now, [log.input(0..1, now)]);
    assert!(!is_offline(&core, now));
    tick(&mut core, &mut now, 51);
    let alerts: Vec<_> = core.state().alerts.all().map(|alert| alert.count).collect();
    assert_eq!(alerts, [2]);
}

#[test]
fn nobody_is_missing_while_the_site_has_no_power_by_plan() {
    let mut core = core();
    let mut site = site();
    // It is 15:31 on the site.
    site.switched_off = serde_json::from_value(json!([
        { "start": "15:00", "end": "15:40" },
    ]))
    .unwrap();
    let mut log = Log::new("gate-1", "a");
    log.passage(1_000_000);
    let now = wall(NOW);
    turn(&mut core, now, [Input::Site(site), Input::Listening(true)]);
    turn(&mut core, now, [log.input(0..1, now)]);
    let mut found = Vec::new();
    for minute in 0..30 {
        let at = now.plus_micros(minute * 60_000_000);
        turn(&mut core, at, [Input::Tick]);
        if core.state().alerts.open().count() > found.len() {
            found.push(minute);
        }
    }
    // At 15:40 there is power again, and ten minutes to start.
    assert_eq!(found, [19]);
}

#[test]
fn more_people_than_allowed_are_an_alert_until_some_leave() {
    let mut core = core();
    let mut site = site();
    site.capacity = Some(2);
    let now = wall(NOW);
    turn(&mut core, now, [Input::Site(site)]);
    let mut log = Log::new("gate-1", "a");
    (1..=4).for_each(|second| log.passage(second * 1_000_000));
    let out = json!({ "lane": "people", "dir": "out", "duration_ms": 400 });
    (5..=6).for_each(|second| log.event(second * 1_000_000, "passage", out.clone()));
    let mut alert = |lines: std::ops::Range<usize>| {
        turn(&mut core, now, [log.input(lines, now)]);
        let book = &core.state().alerts;
        let found = book
            .all()
            .find(|alert| alert.kind == gatepost_model::alert::AlertKind::Capacity);
        found.map(|alert| (alert.cleared, alert.count, alert.params["n"].clone()))
    };
    assert_eq!(alert(0..2), None);
    assert_eq!(alert(2..3), Some((false, 1, 3.into())));
    // One more is no other alert.
    assert_eq!(alert(3..4), Some((false, 1, 3.into())));
    assert_eq!(alert(4..6), Some((true, 1, 3.into())));
}
