use super::*;
use crate::{
    config::Config,
    core::{Checkpoint, Core, Effects},
    replay::replay,
};

const UNIT: &str = r#"
    unit = { site = "s", id = "u", data = "d" }
    mqtt = { address = "h:1" }
    board = { kind = "sim", socket = "s" }
    lane = [{ name = "people", kind = "people", beam_a = "a", beam_b = "b" }]
"#;
const S: u64 = 1_000_000;

/// A unit that records what it is shown.
struct Rig {
    core: Core,
    names: InputNames,
    recorder: Recorder,
    events: Vec<String>,
}

impl Rig {
    fn new() -> Self {
        let gate = Config::parse(UNIT).unwrap().gate;
        Self {
            names: gate.inputs.clone(),
            core: Core::new(gate, Checkpoint::default()),
            recorder: Recorder::default(),
            events: Vec::new(),
        }
    }

    fn show(&mut self, line: &str) {
        let input = self.names.read(line.as_bytes()).expect(line);
        let mut effects = Effects::default();
        self.recorder.take(&input);
        self.core.handle_input(&input, &mut effects).expect(line);
        let told = effects.events.iter().map(|(_, event)| event.to_line());
        self.events.extend(told);
    }

    fn passage(&mut self, at: u64) {
        for (after, pin, level) in [(0, "a", 1), (2, "b", 1), (4, "a", 0), (5, "b", 0)] {
            let at = at + after * S / 10;
            self.show(&format!(
                r#"{{"mono_us":{at},"input":"{pin}","level":{level}}}"#
            ));
        }
        self.show(&format!(r#"{{"mono_us":{},"tick":true}}"#, at + S));
    }

    fn record(&self) -> Vec<String> {
        self.recorder.lines(&self.names).collect()
    }

    fn replayed(&self) -> Vec<String> {
        let gate = Config::parse(UNIT).unwrap().gate;
        let mut events = Vec::new();
        let lines = self.record().join("\n");
        replay(gate, lines.as_bytes(), &mut events, |bad| panic!("{bad:?}")).unwrap();
        let text = String::from_utf8(events).unwrap();
        text.lines().map(str::to_owned).collect()
    }
}

#[test]
fn what_was_recorded_replays_to_the_same_events() {
    let mut rig = Rig::new();
    rig.show(r#"{"mono_us":1000000,"boot":"b1"}"#);
    rig.show(r#"{"mono_us":1000000,"clock":"2026-11-23T07:31:00Z","synced":true,"err_ms":4}"#);
    for n in 1..100 {
        rig.passage(n * 5 * S);
    }
    assert_eq!(rig.replayed(), rig.events);
}

#[test]
fn what_is_older_than_ten_minutes_is_how_things_stood() {
    let mut rig = Rig::new();
    rig.show(r#"{"mono_us":0,"boot":"b1"}"#);
    rig.show(r#"{"mono_us":0,"clock":"2026-11-23T07:31:00Z","synced":true,"err_ms":4}"#);
    // Somebody leaned a board against beam A an hour ago.
    rig.show(r#"{"mono_us":5000000,"input":"a","level":1}"#);
    for minute in 1..60 {
        rig.show(&format!(
            r#"{{"mono_us":{},"input":"b","level":1}}"#,
            minute * 60 * S
        ));
        rig.show(&format!(
            r#"{{"mono_us":{},"input":"b","level":0}}"#,
            minute * 60 * S + S
        ));
    }
    let record = rig.record();
    assert_eq!(record.len(), 4 + 21 + 1, "{record:#?}");
    assert!(record[0].ends_with(r#","boot":"b1"}"#), "{}", record[0]);
    assert_eq!(
        record[1..4],
        [
            r#"{"mono_us":2940000000,"clock":"2026-11-23T08:20:00.000Z","synced":true,"err_ms":4}"#,
            r#"{"mono_us":2940000000,"input":"a","level":1}"#,
            r#"{"mono_us":2940000000,"input":"b","level":1}"#,
        ]
    );
    assert!(
        rig.replayed()
            .iter()
            .all(|event| !event.contains("passage"))
    );
}

#[test]
fn a_flood_stays_within_its_bound_and_a_new_boot_begins_anew() {
    let mut rig = Rig::new();
    rig.show(r#"{"mono_us":0,"boot":"b1"}"#);
    for edge in 0..3 * MOST as u64 {
        rig.show(&format!(
            r#"{{"mono_us":{},"input":"a","level":{}}}"#,
            1000 + edge * 1000,
            edge % 2
        ));
    }
    assert!(rig.recorder.newest.len() <= MOST);
    assert_eq!(size_of::<Entry>(), 24);
    rig.show(r#"{"mono_us":0,"boot":"b2"}"#);
    assert_eq!(rig.record().len(), 2);
    assert_eq!(Recorder::default().lines(&rig.names).count(), 0);
}
