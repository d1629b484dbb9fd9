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

#[test]
fn the_kernels_own_bound_is_the_stamps_error() {
    let mut rig = Rig::new(Checkpoint::default());
    rig.feed(
        r#"{"mono_us":0,"boot":"b1"}
        {"mono_us":1000000,"clock":"2026-11-23T07:31:00Z","synced":true,"err_ms":180}
        {"mono_us":60000000,"tick":true}"#,
    );
    let lines = rig.lines();
    assert!(lines[1].contains("\"err_ms\":180"), "{lines:?}");
}

/// The unit's quartz is this much too fast, parts per million: within what is stated.
const QUARTZ_PPM: u64 = 40;
const HOUR: u64 = 3_600_000_000;

#[test]
fn fourteen_days_without_network_and_three_power_cuts_keep_every_time_within_its_stated_error() {
    let begun = Wall::parse("2026-11-01T00:00:00Z").unwrap();
    let wall = |micros: u64| begun.plus_micros(i64::try_from(micros).unwrap());
    let mut rig = Rig::new(Checkpoint::default());
    // How long each boot ran, and how long the power was away before it, in true time.
    let lives = [
        ("b1", 72 * HOUR, 0),
        ("b2", 120 * HOUR, HOUR / 6),
        ("b3", 96 * HOUR, 6 * HOUR),
        ("b4", 48 * HOUR, HOUR / 60),
    ];
    let mut now = 0;
    let mut truths = BTreeMap::new();
    for (boot, runs, away) in lives {
        now += away;
        truths.insert(boot, now);
        rig.feed(&format!(r#"{{"mono_us":0,"boot":"{boot}"}}"#));
        if boot == "b1" {
            rig.feed(r#"{"mono_us":1,"clock":"2026-11-01T00:00:00Z","synced":true}"#);
        }
        // Without a clock of its own it wakes up a year ago; then somebody sets it, a year ahead.
        // Nobody says that this is right.
        rig.feed(r#"{"mono_us":60000000,"clock":"2025-11-01T04:05:06Z","synced":false}"#);
        rig.feed(r#"{"mono_us":90000000,"clock":"2027-11-01T00:01:30Z","synced":false}"#);
        let mono = runs + runs / 1_000_000 * QUARTZ_PPM;
        rig.feed(&format!(r#"{{"mono_us":{mono},"tick":true}}"#));
        now += runs;
    }
    let mono = rig.core.now().0;
    let clock = wall(now);
    rig.feed(&format!(
        r#"{{"mono_us":{mono},"clock":"{clock}","synced":true}}"#
    ));

    let true_wall = |boot: &str, mono: u64| {
        wall(
            truths[boot]
                + (u128::from(mono) * 1_000_000 / u128::from(1_000_000 + QUARTZ_PPM)) as u64,
        )
    };
    let mut spans: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    let mut last = None;
    for (boot, event) in rig.effects.events.drain(..) {
        let name = boot.to_string();
        assert!(last <= Some((name.clone(), event.mono_us)), "out of order");
        last = Some((name.clone(), event.mono_us));
        let truth = true_wall(&name, event.mono_us);
        if let Some(stamp) = event.at {
            let off = stamp.at.micros_since(truth).unsigned_abs();
            assert!(
                off <= stamp.err_ms * 1000 + 1000,
                "{name} {off} us, said {} ms",
                stamp.err_ms
            );
        }
        let span = spans.entry(name).or_insert((event.mono_us, event.mono_us));
        span.1 = event.mono_us;
    }
    for (boot, (first, end)) in &spans {
        let id: BootId = boot.parse().unwrap();
        match rig.core.boots().header_time(&id, *first, *end) {
            boots::HeaderTime::Anchor(_) => assert!(["b1", "b4"].contains(&boot.as_str())),
            boots::HeaderTime::Bounds(bounds) => {
                assert!(["b2", "b3"].contains(&boot.as_str()));
                assert!(bounds.after <= true_wall(boot, *first), "{boot} {bounds:?}");
                assert!(bounds.before >= true_wall(boot, *end), "{boot} {bounds:?}");
            }
            boots::HeaderTime::Unknown => panic!("{boot} has no time"),
        }
    }
    assert_eq!(spans.len(), 4);
}

const YARD: &str = r#"
    unit = { site = "s", id = "u", data = "d" }
    mqtt = { address = "h:1" }
    board = { kind = "sim", socket = "s" }
    lane = [{ name = "goods", kind = "goods", beam_a = "a", beam_b = "b", merge_ms = 100, sprayer = "arch", pulses_per_litre = 10, min_litres = 0.5 }]
    entry_box = [{ lane = "goods", admitted = "ok", refused = "no", isolated = "apart" }]
    round_station = [
        { zone = "living", start = "l1", stop = "l0", flow = "pump", pulses_per_litre = 10 },
        { zone = "construction", start = "c1", stop = "c0", flow = "pump", pulses_per_litre = 10 },
    ]
"#;

fn yard() -> Rig {
    let gate = Config::parse(YARD).unwrap().gate;
    Rig {
        core: Core::new(gate, Checkpoint::default()),
        effects: Effects::default(),
    }
}

/// So many pulses of a meter, ten a second, from a second on.
fn pulses(pin: &str, from_s: u64, n: u64) -> String {
    (0..n)
        .map(|pulse| {
            let at = from_s * 1_000_000 + pulse * 100_000;
            format!(
                "{{\"mono_us\":{at},\"input\":\"{pin}\",\"level\":1}}\n{{\"mono_us\":{},\"input\":\"{pin}\",\"level\":0}}\n",
                at + 50_000
            )
        })
        .collect()
}

#[test]
fn a_lorry_says_whether_it_was_disinfected() {
    let mut rig = yard();
    rig.feed(r#"{"mono_us":0,"boot":"b1"}"#);
    for (lorry, n) in [(10, 8), (20, 3), (30, 0)] {
        let second = lorry * 1_000_000;
        rig.feed(&format!(r#"{{"mono_us":{second},"input":"a","level":1}}"#));
        rig.feed(&format!(
            r#"{{"mono_us":{},"input":"b","level":1}}"#,
            second + 600_000
        ));
        rig.feed(&pulses("arch", lorry + 1, n));
        rig.feed(&format!(
            r#"{{"mono_us":{},"input":"a","level":0}}"#,
            second + 3_000_000
        ));
        rig.feed(&format!(
            r#"{{"mono_us":{},"input":"b","level":0}}"#,
            second + 4_000_000
        ));
        rig.feed(&format!(
            r#"{{"mono_us":{},"tick":true}}"#,
            second + 5_000_000
        ));
    }
    // What the pump gives while nobody is there is no vehicle's.
    rig.feed(&pulses("arch", 40, 50));
    let told: Vec<_> = rig
        .effects
        .events
        .drain(..)
        .filter_map(|(_, event)| match event.happening {
            Happening::Passage(passage) => Some((passage.disinfected, passage.litres)),
            _ => None,
        })
        .collect();
    assert_eq!(
        told,
        [
            (Some(true), Some(0.8)),
            (Some(false), Some(0.3)),
            (Some(false), Some(0.0))
        ]
    );
}

#[test]
fn two_zones_of_one_pump_share_what_flows_while_both_run() {
    let mut rig = yard();
    rig.feed(r#"{"mono_us":0,"boot":"b1"}"#);
    let press = |rig: &mut Rig, s: u64, pin: &str| {
        let at = s * 1_000_000;
        rig.feed(&format!(
            "{{\"mono_us\":{at},\"input\":\"{pin}\",\"level\":1}}\n{{\"mono_us\":{},\"input\":\"{pin}\",\"level\":0}}",
            at + 100_000
        ));
    };
    press(&mut rig, 10, "l1");
    rig.feed(&pulses("pump", 11, 20));
    press(&mut rig, 20, "c1");
    rig.feed(&pulses("pump", 21, 30));
    press(&mut rig, 30, "l0");
    rig.feed(&pulses("pump", 31, 10));
    press(&mut rig, 40, "c0");
    rig.feed(&pulses("pump", 41, 7));
    rig.feed(r#"{"mono_us":90000000,"tick":true}"#);
    let told: Vec<String> = rig
        .effects
        .events
        .drain(..)
        .filter_map(|(_, event)| match event.happening {
            Happening::Round(round) if round.phase == gatepost_model::event::RoundPhase::Ended => {
                Some(format!("{} {}", round.zone, round.litres))
            }
            Happening::Reading(reading) => Some(format!("stray {}", reading.value)),
            _ => None,
        })
        .collect();
    assert_eq!(told, ["living 3.5", "construction 2.5", "stray 0.7"]);
}

#[test]
fn the_guards_word_is_tied_to_whom_it_is_about() {
    let mut rig = Rig::new(Checkpoint::default());
    rig.feed(
        r#"{"mono_us":0,"boot":"b1"}
        {"mono_us":5000000,"input":"ir","skin_c":34.6}
        {"mono_us":8000000,"input":"ok","level":1}
        {"mono_us":8200000,"input":"ok","level":0}
        {"mono_us":9000000,"input":"no","level":1}
        {"mono_us":9200000,"input":"no","level":0}
        {"mono_us":20000000,"input":"a","level":1}
        {"mono_us":20100000,"input":"b","level":1}
        {"mono_us":20300000,"input":"a","level":0}
        {"mono_us":20400000,"input":"b","level":0}
        {"mono_us":22000000,"input":"ok","level":1}
        {"mono_us":22200000,"input":"ok","level":0}
        {"mono_us":23000000,"input":"ir","skin_c":34.7}
        {"mono_us":99000000,"input":"ok","level":1}
        {"mono_us":99200000,"tick":true}"#,
    );
    let told: Vec<_> = rig
        .effects
        .events
        .drain(..)
        .filter_map(|(_, event)| match event.happening {
            Happening::Entry(entry) => Some((entry.screening, entry.passage_mono_us)),
            _ => None,
        })
        .collect();
    assert_eq!(
        told,
        [
            (Some("b1-people-5000000".to_owned()), None),
            (None, None),
            (None, Some(20_400_000)),
            (None, None),
        ]
    );
}
