use super::*;
use crate::{config::Config, core::Checkpoint};

const UNIT: &str = r#"
    unit = { site = "s", id = "u", data = "d" }
    mqtt = { address = "h:1" }
    board = { kind = "sim", socket = "s" }
    lane = [{ name = "people", kind = "people", beam_a = "a", beam_b = "b", blocked_s = 60, lamp = "lamp" }]
    thermometer = [{ name = "ir", lane = "people" }]
    round_station = [{ zone = "living", start = "start", stop = "stop", flow = "flow", pulses_per_litre = 10 }]
"#;

struct Rig {
    core: Core,
    effects: Effects,
}

impl Rig {
    fn new(checkpoint: Checkpoint) -> Self {
        Self::of(UNIT, checkpoint)
    }

    fn of(unit: &str, checkpoint: Checkpoint) -> Self {
        let gate = Config::parse(unit).unwrap().gate;
        let mut rig = Self {
            core: Core::new(gate, checkpoint),
            effects: Effects::default(),
        };
        rig.feed(r#"{"mono_us":1000000,"boot":"b1"}"#);
        rig
    }

    fn feed(&mut self, lines: &str) -> &mut Self {
        let names = self.core.gate.inputs.clone();
        for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let input = names.read(line.as_bytes()).expect(line);
            self.core
                .handle_input(&input, &mut self.effects)
                .expect(line);
        }
        self
    }

    fn order(&mut self, text: &str) -> Result<String, String> {
        let order = serde_json::from_str(text).expect(text);
        self.core.handle_order(&order, &mut self.effects)
    }

    fn tick(&mut self, s: u64) -> &mut Self {
        self.feed(&format!(r#"{{"mono_us":{},"tick":true}}"#, s * 1_000_000))
    }

    /// So many pulses of the flow meter from a time on, microseconds.
    fn pulses(&mut self, from: u64, n: u64) -> &mut Self {
        for pulse in 0..n {
            let at = from + pulse * 100_000;
            self.feed(&format!(
                r#"{{"mono_us":{at},"input":"flow","level":1}}
                {{"mono_us":{},"input":"flow","level":0}}"#,
                at + 50_000
            ));
        }
        self
    }

    fn press(&mut self, pin: &str, s: u64) -> &mut Self {
        self.feed(&format!(
            r#"{{"mono_us":{}000000,"input":"{pin}","level":1}}
            {{"mono_us":{}000000,"input":"{pin}","level":0}}"#,
            s,
            s + 1
        ))
    }

    fn passage(&mut self, s: u64) -> &mut Self {
        for (ms, pin, level) in [(0, "a", 1), (100, "b", 1), (200, "a", 0), (300, "b", 0)] {
            let at = s * 1_000_000 + ms * 1000;
            self.feed(&format!(
                r#"{{"mono_us":{at},"input":"{pin}","level":{level}}}"#
            ));
        }
        self.tick(s + 1)
    }

    /// What was said since the last call, tests in brackets.
    fn said(&mut self) -> Vec<String> {
        let word = |event: gatepost_model::Event| {
            let kind = event.happening.kind().to_owned();
            if event.test {
                format!("({kind})")
            } else {
                kind
            }
        };
        let events = self.effects.events.drain(..);
        events
            .map(|(_, event)| word(event))
            .filter(|word| word != "boot")
            .collect()
    }

    fn levels(&mut self) -> Vec<(u64, bool)> {
        let outputs = self.effects.outputs.drain(..);
        outputs.map(|it| (it.at.0 / 100_000, it.level)).collect()
    }
}

#[test]
fn a_unit_is_found_by_its_blinking_lamps() {
    let mut rig = Rig::new(Checkpoint::default());
    rig.levels();
    assert!(rig.order(r#"{"do":"identify","seconds":1}"#).is_ok());
    rig.tick(9);
    assert_eq!(rig.levels(), [(10, true), (15, false), (20, false)]);
    assert!(rig.order(r#"{"do":"identify","seconds":61}"#).is_err());
    assert!(
        rig.order(r#"{"do":"test_output","output":"barrier","seconds":1}"#)
            .is_err()
    );
    assert!(
        rig.order(r#"{"do":"test_output","output":"lamp","seconds":2}"#)
            .is_ok()
    );
    rig.tick(20);
    assert_eq!(rig.levels(), [(90, true), (110, false)]);
}

#[test]
fn test_mode_marks_what_happens_in_it_and_ends_by_itself() {
    let mut rig = Rig::new(Checkpoint::default());
    rig.passage(10);
    assert!(rig.order(r#"{"do":"test_mode","on":true}"#).is_ok());
    rig.passage(20);
    assert_eq!(rig.said(), ["passage", "heartbeat", "(passage)"]);
    // Half an hour, and the heartbeat that ends it.
    rig.tick(11 + 30 * 60 - 1);
    let said = rig.said();
    assert_eq!(said.len(), 29, "{said:?}");
    assert!(said.iter().all(|word| word == "(heartbeat)"), "{said:?}");
    rig.tick(11 + 30 * 60).passage(2000);
    let said = rig.said();
    assert_eq!(said.first().map(String::as_str), Some("(heartbeat)"));
    assert_eq!(said.last().map(String::as_str), Some("passage"));
}

#[test]
fn heartbeats_of_a_test_and_those_around_it_join_without_holes() {
    let mut rig = Rig::new(Checkpoint::default());
    rig.tick(30);
    rig.order(r#"{"do":"test_mode","on":true}"#).unwrap();
    rig.tick(50);
    rig.order(r#"{"do":"test_mode","on":false}"#).unwrap();
    rig.tick(200);
    let mut watched = 1_000_000;
    let mut spans = Vec::new();
    for (_, event) in rig.effects.events.drain(..) {
        if let Happening::Heartbeat(heartbeat) = event.happening {
            assert_eq!(heartbeat.watched_from_mono_us, watched);
            watched = event.mono_us;
            spans.push((watched / 1_000_000, event.test));
        }
    }
    assert_eq!(spans[..3], [(30, false), (50, true), (110, false)]);
}

#[test]
fn a_fault_that_began_in_a_test_and_lasts_is_told_after_it() {
    let mut rig = Rig::new(Checkpoint::default());
    rig.order(r#"{"do":"test_mode","on":true}"#).unwrap();
    rig.feed(r#"{"mono_us":2000000,"input":"a","level":1}"#);
    rig.tick(70);
    assert!(rig.said().contains(&"(fault)".to_owned()));
    rig.order(r#"{"do":"test_mode","on":false}"#).unwrap();
    assert_eq!(rig.said(), ["(heartbeat)", "fault"]);

    rig.order(r#"{"do":"test_mode","on":true}"#).unwrap();
    rig.feed(r#"{"mono_us":71000000,"input":"a","level":0}"#)
        .tick(72);
    rig.order(r#"{"do":"test_mode","on":false}"#).unwrap();
    assert_eq!(rig.said().last().map(String::as_str), Some("cleared"));
}

#[test]
fn a_test_survives_a_restart_and_ends_with_the_boot() {
    let mut rig = Rig::new(Checkpoint::default());
    rig.order(r#"{"do":"test_mode","on":true}"#).unwrap();
    rig.tick(10);
    let kept = serde_json::to_vec(&rig.core.checkpoint()).unwrap();
    let restarted = || {
        let gate = Config::parse(UNIT).unwrap().gate;
        Rig {
            core: Core::new(gate, serde_json::from_slice(&kept).unwrap()),
            effects: Effects::default(),
        }
    };
    let mut rig = restarted();
    rig.feed(r#"{"mono_us":11000000,"boot":"b1"}"#).passage(20);
    assert_eq!(rig.said(), ["(boot)", "(passage)"]);
    let mut rig = restarted();
    rig.feed(r#"{"mono_us":1000000,"boot":"b2"}"#).passage(20);
    assert_eq!(rig.said(), ["passage"]);
}

#[test]
fn two_buttons_held_begin_and_end_a_test_and_make_no_round() {
    let mut rig = Rig::new(Checkpoint::default());
    let hold = |rig: &mut Rig, from: u64, seconds: u64| {
        for (at, pin, level) in [
            (from, "stop", 1),
            (from + 1, "start", 1),
            (from + 1 + seconds, "start", 0),
            (from + 1 + seconds, "stop", 0),
        ] {
            let at = at * 1_000_000;
            rig.feed(&format!(
                r#"{{"mono_us":{at},"input":"{pin}","level":{level}}}"#
            ));
        }
    };
    hold(&mut rig, 2, 4);
    rig.passage(10);
    assert_eq!(rig.said(), ["passage"]);
    hold(&mut rig, 20, 6);
    rig.passage(30);
    assert_eq!(rig.said(), ["heartbeat", "(passage)"]);
    hold(&mut rig, 40, 6);
    rig.passage(50);
    assert_eq!(rig.said(), ["(heartbeat)", "passage"]);
}

#[test]
fn a_flow_meter_is_calibrated_by_a_jug_and_stays_so() {
    let mut rig = Rig::new(Checkpoint::default());
    let jug = r#"{"do":"calibrate","sensor":"flow","litres":2.0,"who":"li"}"#;
    assert!(rig.order(jug).is_err(), "nothing has flowed");
    rig.pulses(2_000_000, 25).tick(60);
    rig.effects.events.clear();
    assert!(rig.order(jug).is_ok());
    let calibrated = rig.effects.events.pop().unwrap().1.to_line();
    assert!(
        calibrated.ends_with(r#""kind":"calibration","sensor":"flow","quantity":"pulses_per_litre","before":10.0,"after":12.5,"by":"li"}"#),
        "{calibrated}"
    );
    assert!(
        rig.order(r#"{"do":"calibrate","sensor":"flow","pulses_per_litre":0.0,"who":"li"}"#)
            .is_err()
    );

    let kept = serde_json::to_vec(&rig.core.checkpoint()).unwrap();
    let mut rig = Rig::new(serde_json::from_slice(&kept).unwrap());
    rig.feed(
        r#"{"mono_us":70000000,"input":"start","level":1}
        {"mono_us":70200000,"input":"start","level":0}"#,
    );
    rig.pulses(71_000_000, 25);
    rig.feed(r#"{"mono_us":80000000,"input":"stop","level":1}"#)
        .tick(81);
    let ended = rig.effects.events.pop().unwrap().1.to_line();
    assert!(ended.contains(r#""litres":2.0,"#), "{ended}");

    // Whoever writes another factor into the file means that one.
    let changed = UNIT.replace("pulses_per_litre = 10", "pulses_per_litre = 20");
    let gate = Config::parse(&changed).unwrap().gate;
    let core = Core::new(gate, serde_json::from_slice(&kept).unwrap());
    assert!(core.checkpoint().factors.is_empty());
}

#[test]
fn a_meter_of_two_stations_is_calibrated_by_all_that_flowed_through_it() {
    let station = |zone: &str, flow: &str| {
        format!(
            r#"{{ zone = "{zone}", start = "start-{zone}", stop = "stop-{zone}", flow = "{flow}", pulses_per_litre = 10 }}"#
        )
    };
    let more = [
        station("management", "flow-2"),
        station("construction", "flow"),
    ];
    let unit = UNIT.replace("= 10 }]", &format!("= 10 }}, {}]", more.join(",")));
    let mut rig = Rig::of(&unit, Checkpoint::default());
    let boot = rig.effects.events.swap_remove(0).1.to_line();
    assert!(
        boot.contains(r#""sensors":["a","b","ir","flow","flow-2"]"#),
        "{boot}"
    );
    let litres = r#"{"do":"calibrate","sensor":"flow","litres":2.0,"who":"li"}"#;
    // Both rounds run, one ends while the pump runs on.
    rig.press("start", 10).press("start-construction", 12);
    rig.pulses(20_000_000, 10).press("stop", 21);
    rig.pulses(22_100_000, 15);
    let refused = rig.order(litres).unwrap_err();
    assert_eq!(refused, "a round runs in construction");
    rig.press("stop-construction", 30).tick(40);
    assert_eq!(rig.order(litres).unwrap(), "12.5 pulses a litre, before 10");
    // The next flow is another one, whoever's round it is.
    rig.press("start-construction", 50).pulses(55_000_000, 30);
    rig.press("stop-construction", 60).tick(70);
    assert_eq!(rig.order(litres).unwrap(), "15 pulses a litre, before 12.5");
    // Outside of rounds it counts while it flows.
    rig.pulses(80_000_000, 40);
    assert_eq!(rig.order(litres).unwrap(), "20 pulses a litre, before 15");
}

#[test]
fn who_is_in_a_lane_when_a_test_begins_or_ends_is_unclear() {
    let mut rig = Rig::new(Checkpoint::default());
    let edge = |rig: &mut Rig, ms: u64, pin: &str, level: u8| {
        rig.feed(&format!(
            r#"{{"mono_us":{ms}000,"input":"{pin}","level":{level}}}"#
        ));
    };
    for (at, on, said) in [
        (10_000, true, vec!["unclear", "heartbeat"]),
        (20_000, false, vec!["(unclear)", "(heartbeat)"]),
    ] {
        edge(&mut rig, at, "a", 1);
        rig.tick(at / 1000 + 1);
        rig.order(&format!(r#"{{"do":"test_mode","on":{on}}}"#))
            .unwrap();
        assert_eq!(rig.said(), said);
        edge(&mut rig, at + 1500, "b", 1);
        edge(&mut rig, at + 1600, "a", 0);
        edge(&mut rig, at + 1800, "b", 0);
        rig.tick(at / 1000 + 5);
        assert_eq!(rig.said(), [""; 0]);
    }
    rig.passage(30);
    assert_eq!(rig.said(), ["passage"]);
}

#[test]
fn a_guard_has_somebody_measured_again() {
    let mut rig = Rig::new(Checkpoint::default());
    let mut at = 2_000_000;
    let mut measure = |rig: &mut Rig, skin: f64| {
        at += 5_000_000;
        rig.feed(&format!(
            r#"{{"mono_us":{at},"input":"ir","skin_c":{skin}}}"#
        ));
        let event = rig.effects.events.pop().unwrap().1;
        let Happening::Screening(screening) = event.happening else {
            panic!("{event:?}");
        };
        (screening.attempt, screening.id)
    };
    for person in 0..20 {
        measure(&mut rig, 34.0 + f64::from(person % 7) * 0.1);
    }
    let (first, person) = measure(&mut rig, 34.3);
    assert_eq!(first, 1);
    rig.levels();
    assert!(rig.order(r#"{"do":"remeasure","lane":"people"}"#).is_ok());
    assert_eq!(rig.levels().first().map(|(_, level)| *level), Some(true));
    assert_eq!(measure(&mut rig, 34.4), (2, person));
    // Who has passed is not there any more.
    rig.passage(300);
    assert!(rig.order(r#"{"do":"remeasure","lane":"people"}"#).is_err());
    assert!(rig.order(r#"{"do":"remeasure","lane":"goods"}"#).is_err());
}
