use gatepost_model::{event::FaultCode, remote::Order};

use super::*;
use crate::config::Config;

const UNIT: &str = r#"
    unit = { site = "s", id = "u", data = "d" }
    mqtt = { address = "h:1" }
    board = { kind = "sim", socket = "s" }
    lane = [{ name = "people", kind = "people", beam_a = "a", beam_b = "b", lamp = "lamp" }]
    thermometer = [{ name = "ir", lane = "people" }]
    round_station = [{ zone = "living", start = "start", stop = "stop", flow = "flow", pulses_per_litre = 10 }]
    entry_box = [{ lane = "people", admitted = "ok", refused = "no", isolated = "apart" }]
    sensor = [{ name = "env", zone = "living", interval_s = 60 }]
"#;

struct Rig {
    core: Core,
    effects: Effects,
}

impl Rig {
    fn new(checkpoint: Checkpoint) -> Self {
        let gate = Config::parse(UNIT).unwrap().gate;
        Self {
            core: Core::new(gate, checkpoint),
            effects: Effects::default(),
        }
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

    /// What was said since the last call, as `kind mono_us`.
    fn said(&mut self) -> Vec<String> {
        self.effects
            .events
            .drain(..)
            .map(|(_, event)| format!("{} {}", event.happening.kind(), event.mono_us))
            .collect()
    }

    fn lines(&mut self) -> Vec<String> {
        self.effects
            .events
            .drain(..)
            .map(|(_, event)| event.to_line())
            .collect()
    }

    fn durable(&self) -> u64 {
        self.core.durable().unwrap().0
    }
}

#[test]
fn a_day_in_one_step_has_all_its_heartbeats_without_holes() {
    let mut rig = Rig::new(Checkpoint::default());
    rig.feed(r#"{"mono_us":7,"boot":"b1"}"#);
    assert_eq!(rig.said(), ["boot 7"]);
    rig.feed(r#"{"mono_us":86400000007,"tick":true}"#);
    let mut watched = 7;
    for (_, event) in rig.effects.events.drain(..) {
        let Happening::Heartbeat(heartbeat) = event.happening else {
            panic!("{event:?}");
        };
        assert_eq!(heartbeat.watched_from_mono_us, watched);
        watched = event.mono_us;
    }
    assert_eq!(watched, 86_400_000_007);
}

#[test]
fn durable_stops_before_what_is_open() {
    let mut rig = Rig::new(Checkpoint::default());
    rig.feed(
        r#"{"mono_us":0,"boot":"b1"}
        {"mono_us":1000000,"input":"a","level":1}"#,
    );
    assert_eq!(rig.durable(), 999_999);
    rig.feed(
        r#"{"mono_us":1100000,"input":"b","level":1}
        {"mono_us":1300000,"input":"a","level":0}
        {"mono_us":1400000,"input":"b","level":0}
        {"mono_us":1420000,"tick":true}"#,
    );
    assert_eq!(rig.durable(), 999_999);
    rig.feed(r#"{"mono_us":1430000,"tick":true}"#);
    assert_eq!(rig.durable(), 1_430_000);
    assert_eq!(rig.said(), ["boot 0", "passage 1400000"]);
}

#[test]
fn a_restart_goes_on_with_rounds_baseline_and_time() {
    let mut rig = Rig::new(Checkpoint::default());
    rig.feed(
        r#"{"mono_us":0,"boot":"b1"}
        {"mono_us":1000000,"clock":"2026-11-23T07:31:00Z","synced":true}
        {"mono_us":2000000,"input":"start","level":1}
        {"mono_us":2100000,"input":"start","level":0}
        {"mono_us":3000000,"input":"flow","level":1}
        {"mono_us":3000001,"input":"ir","skin_c":34.8}
        {"mono_us":4000000,"input":"a","level":1}
        {"mono_us":4500000,"tick":true}"#,
    );
    let kept = serde_json::to_vec(&rig.core.checkpoint()).unwrap();
    let mut rig = Rig::new(serde_json::from_slice(&kept).unwrap());
    rig.feed(
        r#"{"mono_us":5000000,"boot":"b1"}
        {"mono_us":5000000,"input":"a","level":1}
        {"mono_us":5000000,"input":"b","level":0}
        {"mono_us":5000000,"input":"start","level":0}
        {"mono_us":5500000,"input":"a","level":0}
        {"mono_us":6000000,"input":"stop","level":1}
        {"mono_us":65000000,"tick":true}"#,
    );
    assert_eq!(
        rig.lines(),
        [
            r#"{"mono_us":5000000,"at":"2026-11-23T07:31:04.000Z","err_ms":10,"kind":"boot","version":"0.1.0","config":"CONFIG","lanes":["people"],"sensors":["a","b","ir","flow","env"],"zones":["living"],"reason":"restart"}"#
                .replace("CONFIG", &rig.core.gate.fingerprint),
            r#"{"mono_us":5500000,"at":"2026-11-23T07:31:04.500Z","err_ms":10,"kind":"unclear","lane":"people","reason":"restart"}"#.to_owned(),
            r#"{"mono_us":6000000,"at":"2026-11-23T07:31:05.000Z","err_ms":10,"kind":"round","zone":"living","round":"b1-living-2000000","phase":"ended","started_mono_us":2000000,"litres":0.1,"pump_s":0.0,"points":[],"evidence":"button+flow"}"#.to_owned(),
            r#"{"mono_us":65000000,"at":"2026-11-23T07:32:04.000Z","err_ms":16,"kind":"heartbeat","watched_from_mono_us":5000000,"uptime_s":60,"clock":"holdover","waiting":0,"lost_edges":0}"#.to_owned(),
        ]
    );
}

#[test]
fn a_new_boot_starts_over_and_what_was_half_seen_is_unclear() {
    let mut rig = Rig::new(Checkpoint::default());
    rig.feed(
        r#"{"mono_us":0,"boot":"b1"}
        {"mono_us":4000000,"input":"a","level":1}
        {"mono_us":4500000,"tick":true}
        {"mono_us":0,"boot":"b2"}
        {"mono_us":100000,"input":"a","level":1}
        {"mono_us":200000,"input":"b","level":1}
        {"mono_us":300000,"input":"a","level":0}
        {"mono_us":400000,"input":"b","level":0}
        {"mono_us":500000,"tick":true}"#,
    );
    let boots: Vec<String> = rig
        .effects
        .events
        .iter()
        .map(|(boot, event)| format!("{boot} {} {}", event.happening.kind(), event.mono_us))
        .collect();
    assert_eq!(
        boots,
        [
            "b1 boot 0",
            "b1 unclear 4500000",
            "b2 boot 0",
            "b2 passage 400000"
        ]
    );
}

#[test]
fn a_fault_is_told_once_over_restarts() {
    let mut rig = Rig::new(Checkpoint::default());
    rig.feed(
        r#"{"mono_us":0,"boot":"b1"}
        {"mono_us":1,"input":"env","error":"nack"}
        {"mono_us":2,"input":"env","error":"nack"}"#,
    );
    assert_eq!(rig.said(), ["boot 0", "fault 1"]);
    let mut rig = Rig::new(rig.core.checkpoint());
    rig.feed(
        r#"{"mono_us":5,"boot":"b1"}
        {"mono_us":6,"input":"env","error":"nack"}
        {"mono_us":7,"input":"env","ambient_c":1037.55}
        {"mono_us":8,"input":"env","ambient_c":18.5,"humidity":40}
        {"mono_us":9,"input":"env","ambient_c":18.5,"humidity":40}"#,
    );
    // Whoever hears of the new watch takes all faults before it for over: what lasts is told again.
    assert_eq!(
        rig.said(),
        ["boot 5", "fault 5", "cleared 8", "reading 8", "reading 8"]
    );
    let mut rig = Rig::new(rig.core.checkpoint());
    rig.feed(r#"{"mono_us":9,"boot":"b1"}"#);
    assert_eq!(rig.said(), ["boot 9"]);
}

#[test]
fn a_fault_that_lasts_is_told_again_after_a_test_over_a_restart() {
    let mut rig = Rig::new(Checkpoint::default());
    rig.feed(
        r#"{"mono_us":0,"boot":"b1"}
        {"mono_us":1,"input":"env","error":"nack"}"#,
    );
    let on = Order::TestMode { on: true };
    rig.core.handle_order(&on, &mut rig.effects).unwrap();
    let mut rig = Rig::new(rig.core.checkpoint());
    rig.feed(r#"{"mono_us":5,"boot":"b1"}"#);
    let off = Order::TestMode { on: false };
    rig.core.handle_order(&off, &mut rig.effects).unwrap();
    let faults = rig.effects.events.iter().filter_map(|(_, event)| {
        matches!(event.happening, Happening::Fault(_)).then_some((event.mono_us, event.test))
    });
    assert_eq!(faults.collect::<Vec<_>>(), [(5, true), (5, false)]);
}

#[test]
fn faults_of_the_unit_itself_are_for_who_watches_it_now() {
    let mut rig = Rig::new(Checkpoint::default());
    rig.feed(r#"{"mono_us":0,"boot":"b1"}"#);
    let fault = Fault {
        sensor: SPOOL.parse().unwrap(),
        code: FaultCode::DiskLow,
        detail: "full".to_owned(),
    };
    rig.core.handle_unit_fault(&fault, true, &mut rig.effects);
    rig.feed(r#"{"mono_us":3,"boot":"b1"}"#);
    assert_eq!(rig.said(), ["boot 0", "fault 0", "boot 3", "fault 3"]);
    let mut rig = Rig::new(rig.core.checkpoint());
    rig.feed(r#"{"mono_us":5,"boot":"b1"}"#);
    rig.core.handle_unit_fault(&fault, true, &mut rig.effects);
    assert_eq!(rig.said(), ["boot 5", "fault 5"]);
}

#[test]
fn the_guards_word_and_refused_inputs() {
    let mut rig = Rig::new(Checkpoint::default());
    let tick = Input {
        mono: BoardTime(1),
        what: What::Tick,
    };
    assert_eq!(
        rig.core.handle_input(&tick, &mut rig.effects),
        Err(Refused::NoBoot)
    );
    rig.feed(
        r#"{"mono_us":0,"boot":"b1"}
        {"mono_us":100000,"input":"no","level":1}
        {"mono_us":110000,"input":"no","level":0}
        {"mono_us":200000,"input":"no","level":1}
        {"mono_us":300000,"input":"no","level":0}
        {"mono_us":500000,"tick":true}"#,
    );
    assert_eq!(rig.said(), ["boot 0", "entry 200000"]);
    let late = Input {
        mono: BoardTime(1 << 50),
        what: What::Tick,
    };
    assert_eq!(
        rig.core.handle_input(&late, &mut rig.effects),
        Err(Refused::Jump)
    );
}

#[test]
fn edges_that_the_board_knows_to_be_lost_are_counted_and_make_the_passage_unclear() {
    let mut rig = Rig::new(Checkpoint::default());
    rig.feed(
        r#"{"mono_us":0,"boot":"b1"}
        {"mono_us":1000000,"input":"a","level":1}
        {"mono_us":1100000,"input":"b","level":1}
        {"mono_us":1300000,"input":"a","lost":2}
        {"mono_us":1300000,"input":"a","level":1}
        {"mono_us":1350000,"input":"a","level":0}
        {"mono_us":1400000,"input":"b","level":0}
        {"mono_us":2000000,"input":"a","lost":4}
        {"mono_us":2000000,"input":"a","level":0}
        {"mono_us":3000000,"input":"flow","level":1}
        {"mono_us":3000010,"input":"flow","level":1}
        {"mono_us":60000000,"tick":true}"#,
    );
    let lines = rig.lines();
    let unclear = lines.iter().filter(|line| line.contains("lost_edges\"}"));
    assert_eq!(unclear.count(), 2, "{lines:?}");
    assert!(!lines.iter().any(|line| line.contains("passage")));
    assert!(
        lines.iter().any(|line| line.contains("\"lost_edges\":7")),
        "{lines:?}"
    );
}

#[test]
fn what_stands_at_the_gate_when_the_watch_begins_is_no_passage() {
    let mut rig = Rig::new(Checkpoint::default());
    rig.feed(
        r#"{"mono_us":20000000,"boot":"b1"}
        {"mono_us":20000000,"input":"a","level":1}
        {"mono_us":20000000,"input":"b","level":0}
        {"mono_us":20000000,"input":"start","level":1}
        {"mono_us":20300000,"input":"b","level":1}
        {"mono_us":20500000,"input":"a","level":0}
        {"mono_us":20700000,"input":"b","level":0}
        {"mono_us":22000000,"tick":true}"#,
    );
    assert_eq!(rig.said(), ["boot 20000000", "unclear 20700000"]);
}

mod time;
mod yard;
