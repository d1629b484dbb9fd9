//! One hub's judging of 10,000 units on 2,500 sites, each with somebody who is told and a town that is
//! told of all: what a turn takes, what the clock costs while nothing is due, and how soon all units'
//! silence is found out and everybody is told. No broker, no disk: the store's bench has those. Prints
//! figures; asserts nothing.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a bench prints, may panic, and measures time"
)]

#[path = "shared/voice.rs"]
mod voice;

use std::time::{Duration, Instant};

use bytes::Bytes;
use gatepost_hub::{
    core::{
        Core, Settings,
        input::{Effect, Input},
    },
    ingest::decode::{Message, decode},
};
use gatepost_model::Wall;
use serde_json::json;
use voice::Voice;

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
        to_send: Vec::new(),
        told: 0,
    };
    for site in 0..SITES {
        hub.turn(begin, Input::Site(site_of(site)));
    }
    hub.turn(begin, Input::Listening(true));
    let unit = |n: usize| {
        Voice::new(
            &format!("site-{}", n / UNITS),
            &format!("gate-{}", n % UNITS),
        )
    };
    let mut units: Vec<Voice> = (0..SITES * UNITS).map(unit).collect();
    for (n, unit) in units.iter_mut().enumerate() {
        let zones = ["management", "construction", "living", "isolation"];
        let boot = json!({ "version": "1", "config": "c", "reason": "boot", "lanes": ["people"],
            "sensors": ["env"], "zones": [zones[n % UNITS]] });
        hub.hears(begin, unit.says(begin, 1, "boot", boot));
    }
    hub.looks(begin);
    hub.report("filling, a turn a message");

    let mut ticks = Vec::new();
    for second in 1..=SECONDS {
        for (index, unit) in units.iter_mut().enumerate() {
            let now = at(second as f64 + index as f64 / 20_000.0);
            if (index as i64 + second) % 10 == 0 {
                hub.hears(now, unit.alive(second));
            }
            if (index as i64 + second) % 60 == 0 {
                let from = (second - 60).max(0) * 1_000_000;
                let watched = json!({ "watched_from_mono_us": from, "clock": "synced" });
                hub.hears(now, unit.says(now, second, "heartbeat", watched));
                let passage = json!({ "lane": "people", "dir": "in", "duration_ms": 400 });
                hub.hears(now, unit.says(now, second, "passage", passage));
            }
        }
        let now = at(second as f64 + 0.9);
        let begun = Instant::now();
        hub.turn(now, Input::Tick);
        ticks.push(begun.elapsed());
    }
    hub.report("two minutes of life, a turn a message");
    report("of them, a look at the clock", &mut ticks);

    // Not a word from anybody: offline after five intervals. All that is found is told.
    let mut now = at(SECONDS as f64 + 1.0);
    let found = |hub: &Hub| hub.core.state().alerts.open().count();
    let (mut looked, mut slowest, mut first_found, mut last_found) =
        (Duration::ZERO, Duration::ZERO, None, now);
    while now < at(SECONDS as f64 + 182.0) {
        let before = found(&hub);
        let begun = Instant::now();
        hub.looks(now);
        let took = begun.elapsed();
        looked += took;
        slowest = slowest.max(took);
        if found(&hub) > before {
            first_found.get_or_insert(now);
            last_found = now;
        }
        now = now.plus_micros(1_000_000);
    }
    println!(
        "silence of all: {} alerts, found within {:.0} s of the clock and {looked:.1?} of work, {} messages \
         included; the longest second {slowest:.1?}",
        found(&hub),
        last_found.micros_since(first_found.unwrap_or(now)) as f64 / 1e6,
        hub.told,
    );
    hub.report("looks that found silence, and what channels answered");
}

struct Hub {
    core: Core,
    took: Vec<Duration>,
    /// What the channels have not answered yet.
    to_send: Vec<u64>,
    /// Messages that were sent.
    told: usize,
}

impl Hub {
    fn turn(&mut self, now: Wall, input: Input) {
        let begun = Instant::now();
        let decision = self.core.decide(now, [input]);
        self.core.apply(&decision.commit);
        self.took.push(begun.elapsed());
        for effect in decision.effects {
            if let Effect::Send(dispatch) = effect {
                self.to_send.push(dispatch.id);
                self.told += dispatch.messages.len();
            }
        }
    }

    fn hears(&mut self, now: Wall, (topic, payload): (String, Vec<u8>)) {
        let message = decode(Message {
            topic: Bytes::from(topic),
            payload: Bytes::from(payload),
            retained: false,
            received: now,
        });
        self.turn(now, message);
    }

    /// Looks at the clock until nothing is left to do now.
    fn looks(&mut self, now: Wall) {
        loop {
            self.turn(now, Input::Tick);
            for dispatch in std::mem::take(&mut self.to_send) {
                let result = Ok("ok".to_owned());
                self.turn(now, Input::Sent { dispatch, result });
            }
            let state = self.core.state();
            if !state.due.is_due(now) && !state.calls.is_due(now) {
                return;
            }
        }
    }

    fn report(&mut self, what: &str) {
        report(what, &mut self.took);
        self.took.clear();
    }
}

fn report(what: &str, took: &mut [Duration]) {
    took.sort();
    let at = |share: f64| took[((took.len() - 1) as f64 * share) as usize];
    let long = took.iter().filter(|it| **it > Duration::from_millis(1));
    println!(
        "{what}: {} turns, {} longer than 1 ms, p50 {:.1?}, p99 {:.1?}, most {:.1?}",
        took.len(),
        long.count(),
        at(0.5),
        at(0.99),
        at(1.0)
    );
}

fn site_of(number: usize) -> gatepost_model::Site {
    let id = format!("site-{number}");
    toml::from_str(&format!(
        "id = {id:?}\ntime_zone = \"Asia/Shanghai\"\nplan_from = \"2026-11-23\"\n\
         name = {{ zh = \"一\", en = \"One\" }}\n[[lane]]\nid = \"people\"\nkind = \"people\"\n\
         [[recipient]]\nname = \"guard\"\nchannel = \"mail\"\nto = \"guard@{id}.example\"\n\
         [[recipient]]\nname = \"town\"\nchannel = \"group\"\n"
    ))
    .unwrap()
}
