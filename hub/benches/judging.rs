//! One hub's judging of 10,000 units on 2,500 sites: what a turn takes, what the clock costs while
//! nothing is due, and how soon all units' silence is found out. No broker, no disk: the store's
//! bench has those. Prints figures; asserts nothing.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a bench prints, may panic, and measures time"
)]

use std::time::{Duration, Instant};

use bytes::Bytes;
use gatepost_hub::{
    core::{Core, Settings, input::Input},
    ingest::decode::{Message, decode},
};
use gatepost_model::{Chain, Wall, wire::encode};
use serde_json::{Value, json};

const SITES: usize = 2_500;
const UNITS: usize = 4;
/// Seconds of a quiet life.
const SECONDS: i64 = 120;

fn main() {
    let begin = Wall::parse("2026-11-23T02:00:00Z").unwrap();
    let at = |seconds: f64| begin.plus_micros((seconds * 1e6) as i64);
    let mut hub = Hub {
        core: Core::new(Settings::new("0123456789abcdef".to_owned())),
        took: Vec::new(),
    };
    for site in 0..SITES {
        hub.turn(begin, Input::Site(site_of(site)));
    }
    hub.turn(begin, Input::Listening(true));
    let mut units: Vec<Unit> = (0..SITES * UNITS).map(Unit::new).collect();
    for unit in &mut units {
        let zones = ["management", "construction", "living", "isolation"];
        let boot = json!({ "version": "1", "config": "c", "reason": "boot", "lanes": ["people"],
            "sensors": ["env"], "zones": [zones[unit.number % UNITS]] });
        let boot = unit.says(begin, 1, "boot", boot);
        hub.turn(begin, boot);
    }
    while hub.core.state().due.is_due(begin) {
        hub.turn(begin, Input::Tick);
    }
    hub.report("filling, a turn a message");

    let mut ticks = Vec::new();
    for second in 1..=SECONDS {
        for (index, unit) in units.iter_mut().enumerate() {
            let now = at(second as f64 + index as f64 / 20_000.0);
            if (index as i64 + second) % 10 == 0 {
                let alive = unit.alive(now, second);
                hub.turn(now, alive);
            }
            if (index as i64 + second) % 60 == 0 {
                let from = (second - 60).max(0) * 1_000_000;
                let watched = json!({ "watched_from_mono_us": from, "clock": "synced" });
                let heartbeat = unit.says(now, second, "heartbeat", watched);
                hub.turn(now, heartbeat);
                let passage = json!({ "lane": "people", "dir": "in", "duration_ms": 400 });
                let passage = unit.says(now, second, "passage", passage);
                hub.turn(now, passage);
            }
        }
        let now = at(second as f64 + 0.9);
        let begun = Instant::now();
        hub.turn(now, Input::Tick);
        ticks.push(begun.elapsed());
    }
    hub.report("two minutes of life, a turn a message");
    report("of them, a look at the clock", &mut ticks);

    // Not a word from anybody: offline after five intervals.
    let (mut now, mut looked) = (at(SECONDS as f64 + 1.0), Duration::ZERO);
    let offline = |hub: &Hub| hub.core.state().alerts.open().count();
    let mut slowest = Duration::ZERO;
    let mut last_found = now;
    while now < at(SECONDS as f64 + 62.0) {
        let before = offline(&hub);
        let begun = Instant::now();
        while hub.core.state().due.is_due(now) {
            hub.turn(now, Input::Tick);
        }
        let took = begun.elapsed();
        looked += took;
        slowest = slowest.max(took);
        if offline(&hub) > before {
            last_found = now;
        }
        now = now.plus_micros(1_000_000);
    }
    println!(
        "silence of all: {} alerts, the last {:.0} s after the last word; all looks together \
         {looked:.1?}, the longest second {slowest:.1?}",
        offline(&hub),
        last_found.micros_since(at(SECONDS as f64 + 0.5)) as f64 / 1e6,
    );
    hub.report("looks that found silence");
}

struct Hub {
    core: Core,
    took: Vec<Duration>,
}

impl Hub {
    fn turn(&mut self, now: Wall, input: Input) {
        let begun = Instant::now();
        let decision = self.core.decide(now, [input]);
        self.core.apply(&decision.commit);
        self.took.push(begun.elapsed());
    }

    fn report(&mut self, what: &str) {
        report(what, &mut self.took);
        self.took.clear();
    }
}

fn report(what: &str, took: &mut [Duration]) {
    took.sort();
    let at = |share: f64| took[((took.len() - 1) as f64 * share) as usize];
    println!(
        "{what}: {} turns, p50 {:.1?}, p99 {:.1?}, most {:.1?}",
        took.len(),
        at(0.5),
        at(0.99),
        at(1.0)
    );
}

fn site_of(number: usize) -> gatepost_model::Site {
    let id = format!("site-{number}");
    toml::from_str(&format!(
        "id = {id:?}\ntime_zone = \"Asia/Shanghai\"\nplan_from = \"2026-11-23\"\n\
         name = {{ zh = \"一\", en = \"One\" }}\n[[lane]]\nid = \"people\"\nkind = \"people\"\n"
    ))
    .unwrap()
}

/// A unit's voice.
struct Unit {
    number: usize,
    site: String,
    unit: String,
    through: u64,
    chain: Chain,
}

impl Unit {
    fn new(number: usize) -> Self {
        Self {
            number,
            site: format!("site-{}", number / UNITS),
            unit: format!("gate-{}", number % UNITS),
            through: 0,
            chain: Chain::START,
        }
    }

    fn says(&mut self, now: Wall, second: i64, kind: &str, fields: Value) -> Input {
        let mono_us = second * 1_000_000;
        let mut line = json!({ "mono_us": mono_us, "at": now, "err_ms": 5, "kind": kind });
        let fields = fields.as_object().unwrap().clone();
        line.as_object_mut().unwrap().extend(fields);
        let line = line.to_string();
        let header = json!({ "v": 1, "unit": self.unit, "log": "l1", "first": self.through + 1,
            "count": 1, "chain": self.chain, "boot": "b1",
            "sent": { "boot": "b1", "mono_us": mono_us, "wall": now, "clock": "synced" } });
        let header = serde_json::from_value(header).unwrap();
        self.through += 1;
        self.chain = self.chain.then(line.as_bytes());
        self.message("events", encode(&header, [line.as_bytes()]), now)
    }

    fn alive(&self, now: Wall, second: i64) -> Input {
        let said = json!({ "log": "l1", "last": self.through, "waiting": 0,
            "mono_us": second * 1_000_000, "clock": "synced", "interval_s": 10 });
        self.message("alive", said.to_string().into_bytes(), now)
    }

    fn message(&self, channel: &str, payload: Vec<u8>, received: Wall) -> Input {
        let (site, unit) = (&self.site, &self.unit);
        decode(Message {
            topic: Bytes::from(format!("gatepost/v1/{site}/{unit}/{channel}")),
            payload: Bytes::from(payload),
            retained: false,
            received,
        })
    }
}
