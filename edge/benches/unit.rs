//! What a unit costs: memory over ten million events in virtual time, processor time an event, bytes
//! that a card takes in an hour. Core and spool as in the agent, on a real disk. Prints figures;
//! asserts nothing.
//!
//! `cargo bench -p gatepost-edge --bench unit -- [EVENTS]`; `TMPDIR` chooses the disk.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a bench prints, may panic, and measures time"
)]

use std::{fs, time::Instant};

use gatepost_edge::{
    config::{Config, SpoolRoom},
    core::{Checkpoint, Core, Effects},
    input::{Input, InputIx, What},
    spool::{Spool, fs::Real},
    time::BoardTime,
};
use gatepost_model::{Chain, wire::Ack};
use tempfile::TempDir;

const UNIT: &str = r#"
    unit = { site = "s", id = "u", data = "d" }
    mqtt = { address = "h:1" }
    board = { kind = "sim", socket = "s" }
    lane = [{ name = "people", kind = "people", beam_a = "a", beam_b = "b" }]
    thermometer = [{ name = "ir", lane = "people" }]
"#;
const MS: u64 = 1000;
/// Between two commits, as in the agent.
const COMMIT: u64 = 200 * MS;

/// A unit without its threads and sockets.
struct Unit {
    core: Core,
    spool: Spool<Real>,
    effects: Effects,
    inputs: [InputIx; 3],
    now: u64,
    committed: u64,
    people: u64,
    events: u64,
    chain: Chain,
    _dir: TempDir,
}

impl Unit {
    fn new() -> Self {
        let dir = TempDir::new().unwrap();
        let gate = Config::parse(UNIT).unwrap().gate;
        let inputs = ["a", "b", "ir"].map(|name| gate.inputs.find(name).unwrap());
        let room = SpoolRoom {
            max_bytes: 16 << 20,
            segment_bytes: 1 << 20,
        };
        let (fs, lock) = Real::lock(dir.path()).unwrap();
        drop(lock);
        let (spool, _) = Spool::open(fs, room, || "0123456789abcdef".parse().unwrap()).unwrap();
        let mut unit = Self {
            core: Core::new(gate, Checkpoint::default()),
            spool,
            effects: Effects::default(),
            inputs,
            now: 0,
            committed: 0,
            people: 0,
            events: 0,
            chain: Chain::START,
            _dir: dir,
        };
        unit.say(What::Boot("6f1c".parse().unwrap()));
        unit
    }

    fn say(&mut self, what: What) {
        let input = Input {
            mono: BoardTime(self.now),
            what,
        };
        self.core.handle_input(&input, &mut self.effects).unwrap();
        self.effects.outputs.clear();
        for (boot, event) in self.effects.events.drain(..) {
            self.spool.push(&boot, &event).unwrap();
            self.chain = self.chain.then(event.to_line().as_bytes());
            self.events += 1;
        }
        if self.spool.is_pending() && self.now >= self.committed + COMMIT {
            self.commit();
        }
    }

    /// To disk; and the hub has it at once.
    fn commit(&mut self) {
        self.committed = self.now;
        let state = serde_json::to_vec(&self.core.checkpoint()).unwrap();
        self.spool.commit(&state).unwrap();
        let ack = Ack {
            store: "store".to_owned(),
            log: self.spool.log().clone(),
            through: self.spool.last(),
            chain: self.chain,
            time: gatepost_model::Wall::from_micros(1_800_000_000_000_000).unwrap(),
        };
        self.spool.ack(&ack).unwrap();
    }

    /// Somebody is measured and walks in: two events, within `span`.
    fn person(&mut self, span: u64) {
        let [a, b, ir] = self.inputs;
        let began = self.now;
        let step = (span / 6).min(150 * MS);
        for (input, level) in [(a, true), (b, true), (a, false), (b, false)] {
            self.now += step;
            self.say(What::Level { input, level });
        }
        self.people += 1;
        let skin = 34.0 + (self.people * 7 % 11) as f64 * 0.07;
        let values = vec![("skin_c".to_owned(), skin), ("ambient_c".to_owned(), 18.0)];
        self.say(What::Measured { input: ir, values });
        self.now = began + span;
        self.say(What::Tick);
    }
}

/// A number of the process, from a file of the kernel's.
fn of_process(file: &str, name: &str) -> u64 {
    let text = fs::read_to_string(format!("/proc/self/{file}")).unwrap();
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(name))
        .unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}

fn main() {
    // `cargo test --benches` runs it as well: it is no test.
    if !std::env::args().any(|word| word == "--bench") {
        return;
    }
    let events: u64 = std::env::args()
        .find_map(|word| word.parse().ok())
        .unwrap_or(10_000_000);
    memory(events);
    for (what, people_an_hour, hours) in [
        ("a gate with 40 people an hour", 40, 10),
        ("a gate with 400 people an hour", 400, 2),
    ] {
        writes(what, people_an_hour, hours);
    }
    writes("50 events a second", 90_000, 1);
}

/// Two events every 40 ms: fifty a second.
fn memory(events: u64) {
    let mut unit = Unit::new();
    println!("| events | resident, kB |\n|---|---|");
    let began = Instant::now();
    let mut next = events / 10;
    while unit.events < events {
        // Commits are not what is measured here: one in two seconds of virtual time is enough.
        unit.committed = unit.committed.max(unit.now.saturating_sub(COMMIT / 2));
        unit.person(40 * MS);
        if unit.people.is_multiple_of(250) {
            unit.commit();
        }
        if unit.events >= next {
            println!("| {} | {} |", unit.events, of_process("status", "VmRSS:"));
            next += events / 10;
        }
    }
    let micros = began.elapsed().as_secs_f64() * 1e6 / unit.events as f64;
    println!("{micros:.1} us an event, with a commit in 500\n");
}

/// What the kernel is given to write to the disk, files alone: the file system's journal comes on top.
fn writes(what: &str, people_an_hour: u64, hours: u64) {
    let mut unit = Unit::new();
    let before = of_process("io", "write_bytes:");
    let span = 3_600_000 * MS / people_an_hour;
    let most = 20_000;
    let people = (people_an_hour * hours).min(most);
    for _ in 0..people {
        unit.person(span);
    }
    let share = people as f64 / people_an_hour as f64;
    let written = of_process("io", "write_bytes:") - before;
    let an_hour = written as f64 / share / 1e6;
    println!("{what}: {an_hour:.1} MB an hour, {} events", unit.events);
}
