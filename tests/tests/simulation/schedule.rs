//! One schedule of faults, from its number.

use e2e::world::dice::Dice;
use gatepost_model::{Site, Topic, topic::Channel};

use super::{
    hub::Hub,
    oracle::{Found, Oracle, Permits, wall},
    unit::{Stop, Unit},
};

const SECOND: u64 = 1_000_000;
/// The world's step: what happens in between happens at its own time all the same.
const STEP: u64 = SECOND / 10;
/// How long everything may fail.
const STORM: u64 = 90 * SECOND;
/// How long after that everything may take to be as it should.
const CALM: u64 = 120 * SECOND;

/// A schedule.
pub(crate) struct Schedule {
    seed: u64,
    dice: Dice,
    hub: Hub,
    units: Vec<Unit>,
    faults: Vec<Fault>,
    permits: Permits,
    oracle: Oracle,
    counted: Exercised,
}

#[derive(Debug, Clone, Copy)]
struct Fault {
    at: u64,
    what: What,
    /// How long it lasts.
    span: u64,
    unit: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    Stop(Stop),
    CutLink,
    FullDisk,
    HubDies,
    HubIsRestored,
}

/// How often something happened that the simulation is about.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Exercised {
    found: Found,
    duplicates: u64,
    ahead: u64,
    torn: u64,
    full: u64,
    deaths: u64,
    restores: u64,
    timeless_boots: u64,
    thrice_booted: u64,
}

impl Exercised {
    pub(crate) fn add(&mut self, other: &Self) {
        self.found.passages += other.found.passages;
        self.found.gaps += other.found.gaps;
        self.found.aside += other.found.aside;
        self.found.estimated += other.found.estimated;
        self.found.by_the_hubs_clock += other.found.by_the_hubs_clock;
        self.found.equal_times += other.found.equal_times;
        self.duplicates += other.duplicates;
        self.ahead += other.ahead;
        self.torn += other.torn;
        self.full += other.full;
        self.deaths += other.deaths;
        self.restores += other.restores;
        self.timeless_boots += other.timeless_boots;
        self.thrice_booted += other.thrice_booted;
    }

    pub(crate) fn each(&self) -> [(&'static str, u64); 14] {
        [
            ("a passage", self.found.passages),
            ("a gap", self.found.gaps),
            ("a line set aside", self.found.aside),
            ("an estimated time", self.found.estimated),
            ("a time by the hub's clock", self.found.by_the_hubs_clock),
            ("two events at one time", self.found.equal_times),
            ("a batch that was there already", self.duplicates),
            ("a batch that came too early", self.ahead),
            ("a torn tail", self.torn),
            ("a full disk", self.full),
            ("a death", self.deaths),
            ("a restored backup", self.restores),
            ("a boot that never had the time", self.timeless_boots),
            ("a unit with three boots", self.thrice_booted),
        ]
    }
}

impl Schedule {
    pub(crate) fn of(seed: u64) -> Self {
        let mut dice = Dice::new(seed, &["schedule"]);
        let site: Site = serde_json::from_value(serde_json::json!({
            "id": "s", "time_zone": "Asia/Shanghai", "name": { "zh": "工地", "en": "Site" },
            "units": ["gate-1", "gate-2"], "lane": [{ "id": "people", "kind": "people" }],
        }))
        .expect("a site");
        let permits = Permits {
            shed: dice.chance(0.3),
            acked: dice.chance(0.2),
        };
        let room = if permits.shed {
            "max_bytes = 16384, segment_bytes = 4096"
        } else {
            "max_bytes = 16777216, segment_bytes = 8192"
        };
        let units = ["gate-1", "gate-2"].map(|id| Unit::new(id, room, Dice::new(seed, &[id])));
        let mut faults = Vec::new();
        for _ in 0..dice.whole(4, 16) {
            let what = match dice.whole(0, 12) {
                0..=2 => What::Stop(Stop::Kill),
                3..=4 => What::Stop(Stop::PowerCut),
                5..=7 => What::CutLink,
                8 if permits.shed => What::FullDisk,
                9 if permits.acked => What::HubIsRestored,
                _ => What::HubDies,
            };
            faults.push(Fault {
                at: dice.whole(2 * SECOND, STORM),
                what,
                span: dice.whole(SECOND / 5, 20 * SECOND),
                unit: dice.whole(0, 2) as usize,
            });
        }
        if dice.chance(0.3) {
            // Three boots of one unit.
            for at in [30 * SECOND, 60 * SECOND] {
                let what = What::Stop(Stop::PowerCut);
                let span = 5 * SECOND;
                faults.push(Fault {
                    at,
                    what,
                    span,
                    unit: 0,
                });
            }
        }
        faults.sort_by_key(|fault| fault.at);
        Self {
            seed,
            hub: Hub::new(site),
            units: units.into(),
            faults,
            permits,
            oracle: Oracle::default(),
            counted: Exercised::default(),
            dice,
        }
    }

    pub(crate) fn run(mut self) -> Exercised {
        let number = self.seed;
        let told = Failed(number);
        let mut now = 0;
        self.hub.start(wall(0));
        while now < STORM {
            now += STEP;
            self.fail(now);
            self.step(now);
        }
        self.heal(now);
        let calm = now + CALM;
        loop {
            now += STEP;
            self.step(now);
            if self.is_settled() {
                break;
            }
            assert!(now < calm, "not drained: {:#?}", self.units);
        }
        self.judge();
        std::mem::forget(told);
        self.counted
    }

    /// Whatever is due goes wrong.
    fn fail(&mut self, now: u64) {
        while let Some(fault) = self.faults.first().copied().filter(|fault| fault.at <= now) {
            self.faults.remove(0);
            let unit = &mut self.units[fault.unit];
            let until = now + fault.span;
            match fault.what {
                What::Stop(_) if !unit.is_running() || unit.is_stopping() => {}
                What::Stop(how) => unit.stop_soon(how, until),
                What::CutLink => unit.link.cut_until = unit.link.cut_until.max(until),
                What::FullDisk => {
                    unit.fill_disk(until);
                    self.counted.full += 1;
                }
                What::HubDies | What::HubIsRestored => self.hub_dies(now, fault),
            }
        }
    }

    fn hub_dies(&mut self, now: u64, fault: Fault) {
        if now < self.hub.down_until {
            return;
        }
        let messages = self.arrived(now);
        self.hub.dies(wall(now), messages, &mut self.dice);
        self.counted.deaths += 1;
        if fault.what == What::HubIsRestored {
            self.hub.is_restored(&mut self.dice);
            self.counted.restores += 1;
        }
        self.hub.down_until = now + fault.span / 3;
    }

    fn step(&mut self, now: u64) {
        let hub_is_up = now >= self.hub.down_until;
        for unit in &mut self.units {
            unit.hear(now);
            if !unit.step(now, hub_is_up, &mut self.oracle) && unit.stop(now) {
                // Every third boot never learns the time: neither from a server nor from the hub.
                let is_timeless = self.dice.chance(0.35);
                let has_server = !is_timeless && self.dice.chance(0.8);
                let clock_after = has_server.then(|| self.dice.whole(0, 6 * SECOND));
                unit.reboot(clock_after, &mut self.oracle);
                if is_timeless {
                    unit.link.cut_until = now + STORM;
                    self.counted.timeless_boots += 1;
                } else {
                    unit.link.cut_until = unit.link.cut_until.min(now + 20 * SECOND);
                }
            }
        }
        if !hub_is_up {
            // The broker is gone with it, and what comes now comes to nobody.
            self.arrived(now);
            return;
        }
        if now < self.hub.down_until + STEP {
            let acks = self.hub.start(wall(now));
            self.tell(now, acks);
        }
        let messages = self.arrived(now);
        // Sometimes one turn takes all, sometimes each has its own.
        let turns = if self.dice.chance(0.5) {
            vec![messages]
        } else {
            messages.into_iter().map(|message| vec![message]).collect()
        };
        for turn in turns {
            let acks = self.hub.take(wall(now), turn);
            self.tell(now, acks);
        }
        if now.is_multiple_of(SECOND) {
            self.hub.tick(wall(now));
        }
    }

    /// What has reached the hub, of the units in any order, of each unit in its own.
    fn arrived(&mut self, now: u64) -> Vec<(Topic, Vec<u8>)> {
        let mut queues: Vec<_> = self
            .units
            .iter_mut()
            .map(|unit| {
                let messages = unit.link.at_hub(now).into_iter();
                let topic = |channel: Channel| {
                    Topic::new("s".parse().expect("a site id"), unit.id.clone(), channel)
                };
                messages
                    .map(|(channel, payload)| (topic(channel), payload))
                    .collect::<std::collections::VecDeque<_>>()
            })
            .collect();
        let mut messages = Vec::new();
        while queues.iter().any(|queue| !queue.is_empty()) {
            let place = self.dice.whole(0, queues.len() as u64) as usize;
            messages.extend(queues[place].pop_front());
        }
        messages
    }

    fn tell(&mut self, now: u64, acks: Vec<(gatepost_model::UnitId, gatepost_model::wire::Ack)>) {
        for (id, ack) in acks {
            let payload = gatepost_model::wire::to_bytes(&ack);
            if let Some(unit) = self.units.iter_mut().find(|unit| unit.id == id) {
                unit.link.answer(now, payload, &mut self.dice);
            }
        }
    }

    fn heal(&mut self, now: u64) {
        self.faults.clear();
        self.hub.down_until = self.hub.down_until.min(now);
        for unit in &mut self.units {
            unit.rest(now);
        }
    }

    fn is_settled(&self) -> bool {
        let is_settled = |unit: &Unit| unit.is_drained() && !unit.link.is_busy();
        self.units.iter().all(is_settled)
    }

    fn judge(&mut self) {
        let found = self.oracle.judge(&self.hub, self.permits);
        let site = self.hub.core().state().sites.values().next();
        let site = site.expect("one site");
        for ((unit, log), (last, chain)) in self.oracle.ends() {
            let row = site.log(unit, log).expect("a log that is known");
            assert_eq!((row.through, row.chain), (last, chain), "watermark");
        }
        let seen = self.hub.seen;
        assert_eq!((seen.forks, seen.refused), (0, 0), "nothing was forked");
        self.counted.found = found;
        self.counted.duplicates = seen.duplicates;
        self.counted.ahead = seen.ahead;
        self.counted.torn = self.oracle.torn;
        let thrice = self.units.iter().filter(|unit| unit.boots() > 2);
        self.counted.thrice_booted = thrice.count() as u64;
    }
}

/// Says which schedule failed, when it did.
struct Failed(u64);

impl Drop for Failed {
    fn drop(&mut self) {
        eprintln!(
            "schedule {0} failed: SIMULATION_SEED={0} runs it alone",
            self.0
        );
    }
}
