//! A unit: core, spool on a fake disk and uplink, driven as its agent drives them.

use std::collections::BTreeMap;

use e2e::world::dice::Dice;
use gatepost_edge::{
    batch::batch,
    config::Config,
    core::{Checkpoint, Core, Effects, uplink::Uplink},
    input::{Input, What},
    spool::{AckError, Acked, Spool, fs::Fake, fs::is_full},
    time::{BoardTime, HostTime},
};
use gatepost_model::{
    BootId, Direction, Event, Happening, LogId, UnitId,
    event::Reading,
    topic::Channel,
    wire::{self, Ack, Alive, Status},
};

use super::{
    link::Link,
    oracle::{Oracle, Pushed, Truth, wall},
};

/// Between two commits, microseconds.
const COMMIT_US: u64 = 200_000;
/// A broken session is tried again after at most this, microseconds.
const RECONNECT_US: u64 = 2_000_000;
/// So much later than it came may a message be read here, milliseconds.
const STEP_MS: u64 = 100;

/// How a unit stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stop {
    /// Its process is killed.
    Kill,
    /// Its power is cut: what was not synced may be gone, and another boot begins.
    PowerCut,
}

/// One unit.
pub(crate) struct Unit {
    pub(crate) id: UnitId,
    config: Config,
    disk: Fake,
    pub(crate) link: Link,
    dice: Dice,
    boots: u32,
    boot_at: u64,
    /// When a time server tells this boot the time, if one does.
    clock_at: Option<u64>,
    full_until: u64,
    levels: BTreeMap<&'static str, bool>,
    /// People on their way through the lane.
    walking: Vec<Step>,
    next_walk: u64,
    next_reading: u64,
    agent: Option<Agent>,
    agents: u64,
    /// How it will stop once the disk says so.
    stopping: Option<Stop>,
    restart_at: u64,
    logs: u32,
}

/// One edge of somebody's walk.
#[derive(Debug, Clone, Copy)]
struct Step {
    at: u64,
    pin: &'static str,
    level: bool,
    dir: Direction,
    /// Of four.
    place: u8,
}

/// The process.
struct Agent {
    number: u64,
    core: Core,
    spool: Spool<Fake>,
    uplink: Uplink,
    effects: Effects,
    last_commit: u64,
    session_at: u64,
    next_alive: u64,
    /// Edges of the walk under way that this agent was shown.
    shown: u8,
    /// Passages shown and not confirmed.
    unconfirmed: Vec<Truth>,
}

impl std::fmt::Debug for Unit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut unit = f.debug_struct(self.id.as_str());
        unit.field("boots", &self.boots).field("link", &self.link);
        if let Some(agent) = &self.agent {
            unit.field("last", &agent.spool.last())
                .field("acked", &agent.spool.acked())
                .field("is_pending", &agent.spool.is_pending())
                .field("uplink", &agent.uplink);
        }
        unit.finish_non_exhaustive()
    }
}

impl Unit {
    pub(crate) fn new(id: &str, room: &str, dice: Dice) -> Self {
        let text = format!(
            r#"
            unit = {{ site = "s", id = "{id}", data = "d" }}
            mqtt = {{ address = "h:1" }}
            board = {{ kind = "sim", socket = "s" }}
            timers = {{ heartbeat_s = 5, alive_s = 2, ack_timeout_ms = 3000 }}
            spool = {{ {room} }}
            lane = [{{ name = "people", kind = "people", beam_a = "a", beam_b = "b" }}]
            sensor = [{{ name = "north", interval_s = 0 }}, {{ name = "south", interval_s = 0 }}]
            "#
        );
        let config = Config::parse(&text).unwrap_or_else(|mistakes| panic!("{mistakes}"));
        Self {
            id: config.unit.id.clone(),
            config,
            disk: Fake::default(),
            link: Link::default(),
            dice,
            boots: 1,
            boot_at: 0,
            clock_at: Some(0),
            full_until: 0,
            levels: [("a", false), ("b", false)].into(),
            walking: Vec::new(),
            next_walk: 1_000_000,
            next_reading: 500_000,
            agent: None,
            agents: 0,
            stopping: None,
            restart_at: 0,
            logs: 0,
        }
    }

    fn boot(&self) -> BootId {
        let id = format!("{}-boot-{}", self.id, self.boots);
        id.parse().expect("it is a boot id")
    }

    /// How often it has booted.
    pub(crate) fn boots(&self) -> u32 {
        self.boots
    }

    fn mono(&self, now: u64) -> u64 {
        now - self.boot_at
    }

    /// In a moment it stops, after some more changes of its disk.
    pub(crate) fn stop_soon(&mut self, how: Stop, restart_at: u64) {
        self.disk.set_lives(Some(self.dice.whole(0, 6)));
        self.stopping = Some(how);
        self.restart_at = restart_at;
    }

    /// It stops now. Says whether that ends its boot.
    pub(crate) fn stop(&mut self, now: u64) -> bool {
        self.agent = None;
        self.link.breaks(now, &mut self.dice);
        self.disk.set_lives(None);
        self.restart_at = self.restart_at.max(now);
        self.stopping.take() == Some(Stop::PowerCut)
    }

    /// The next boot will begin when the power is back. It may have no time server, or one that
    /// answers late.
    pub(crate) fn reboot(&mut self, clock_after: Option<u64>, oracle: &mut Oracle) {
        self.disk.crash(self.dice.next());
        self.boots += 1;
        self.boot_at = self.restart_at;
        self.clock_at = clock_after.map(|after| self.restart_at + after);
        self.walking.clear();
        self.levels.values_mut().for_each(|level| *level = false);
        self.next_walk = self.next_walk.max(self.restart_at + 500_000);
        self.next_reading = self.next_reading.max(self.restart_at + 500_000);
        oracle.began(self.boot(), self.restart_at);
    }

    /// Its disk takes nothing for a while.
    pub(crate) fn fill_disk(&mut self, until: u64) {
        self.disk.set_capacity(Some(0));
        self.full_until = until;
    }

    /// Nobody comes any more, and nothing fails.
    pub(crate) fn rest(&mut self, now: u64) {
        self.next_walk = u64::MAX;
        self.next_reading = u64::MAX;
        self.full_until = now;
        self.link.heal();
    }

    /// Whether the agent is to stop because its disk has gone.
    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.is_some()
    }

    pub(crate) fn is_running(&self) -> bool {
        self.agent.is_some()
    }

    /// Whether the hub has confirmed everything.
    pub(crate) fn is_drained(&self) -> bool {
        let agent = self.agent.as_ref();
        agent.is_some_and(|agent| agent.spool.waiting() == 0 && !agent.spool.is_pending())
    }

    /// Time passes up to `now`: the world goes on, and the agent with it. False if the disk has gone.
    pub(crate) fn step(&mut self, now: u64, hub_is_up: bool, oracle: &mut Oracle) -> bool {
        if now >= self.full_until {
            self.disk.set_capacity(None);
        }
        if self.agent.is_none() && now >= self.restart_at && !self.start(now, oracle) {
            return false;
        }
        self.live(now, oracle);
        let Some(agent) = &mut self.agent else {
            return true;
        };
        take_effects(&self.id, agent, oracle);
        if !commit(&self.id, agent, now, oracle) {
            return self.stopping.is_none();
        }
        self.talk(now, hub_is_up);
        true
    }

    /// A new agent. False if the disk has gone.
    fn start(&mut self, now: u64, oracle: &mut Oracle) -> bool {
        let new_log: LogId = format!("log-{}", self.logs + 1).parse().expect("a log id");
        let opened = Spool::open(self.disk.clone(), self.config.spool, || new_log.clone());
        let Ok((spool, opened)) = opened else {
            return false;
        };
        assert!(!opened.damaged, "a log without an end");
        if *spool.log() == new_log {
            self.logs += 1;
        }
        oracle.opened(&self.id, spool.log(), spool.last(), opened.torn);
        let checkpoint = match &opened.state[..] {
            [] => Checkpoint::default(),
            state => serde_json::from_slice(state).expect("a checkpoint"),
        };
        let mut core = Core::new(self.config.gate.clone(), checkpoint);
        if let Some((boot, mono)) = &opened.last_event {
            core.handle_recovered(boot, *mono);
        }
        self.agents += 1;
        self.agent = Some(Agent {
            number: self.agents,
            core,
            spool,
            uplink: Uplink::new(self.config.timers.ack_timeout),
            effects: Effects::default(),
            last_commit: 0,
            session_at: now,
            next_alive: now,
            shown: 0,
            unconfirmed: Vec::new(),
        });
        let at = self.mono(now);
        self.show(at, What::Boot(self.boot()));
        if at > 0 {
            for (pin, level) in self.levels.clone() {
                self.show_level(at, pin, level);
            }
        }
        true
    }

    fn live(&mut self, now: u64, oracle: &mut Oracle) {
        if now < self.boot_at {
            return;
        }
        while self.next_walk <= now {
            let at = self.next_walk;
            self.next_walk += self.dice.whole(1_600_000, 5_000_000);
            self.walk(at);
        }
        let due = self.walking.partition_point(|step| step.at <= now);
        for step in self.walking.drain(..due).collect::<Vec<_>>() {
            self.read_sensors(step.at);
            self.levels.insert(step.pin, step.level);
            let mono = self.mono(step.at);
            self.show_level(mono, step.pin, step.level);
            let boot = self.boot();
            if let Some(agent) = &mut self.agent {
                agent.shown = if step.place == 0 { 1 } else { agent.shown + 1 };
                if step.place == 3 && agent.shown == 4 {
                    agent.unconfirmed.push(Truth {
                        unit: self.id.clone(),
                        boot,
                        mono,
                        dir: step.dir,
                    });
                }
            }
        }
        self.read_sensors(now);
        self.say_something_broken(now, oracle);
        let mono = self.mono(now);
        let knows_time = self.clock_at.take_if(|at| *at <= now).is_some();
        let clock = What::Clock {
            wall: wall(now),
            synced: true,
            err_ms: None,
        };
        self.show(mono, if knows_time { clock } else { What::Tick });
    }

    fn walk(&mut self, at: u64) {
        let dir = if self.dice.chance(0.6) {
            Direction::In
        } else {
            Direction::Out
        };
        let (first, second) = match dir {
            Direction::In => ("a", "b"),
            Direction::Out => ("b", "a"),
        };
        let edges = [
            (first, true),
            (second, true),
            (first, false),
            (second, false),
        ];
        for (place, (pin, level)) in edges.into_iter().enumerate() {
            self.walking.push(Step {
                at: at + 150_000 * place as u64,
                pin,
                level,
                dir,
                place: place as u8,
            });
        }
    }

    /// Two sensors are read at one and the same time.
    fn read_sensors(&mut self, now: u64) {
        while self.next_reading <= now {
            let mono = self.mono(self.next_reading);
            self.next_reading += self.dice.whole(400_000, 1_500_000);
            for sensor in ["north", "south"] {
                if let Some(input) = self.config.gate.inputs.find(sensor) {
                    let values = vec![("ambient_c".to_owned(), 18.0 + (mono % 70) as f64 / 10.0)];
                    self.show(mono, What::Measured { input, values });
                }
            }
        }
    }

    /// A line that no hub can read, as a unit with a fault might write one: a number that is none.
    fn say_something_broken(&mut self, now: u64, oracle: &mut Oracle) {
        if !self.dice.chance(0.01) {
            return;
        }
        let mono_us = self.mono(now);
        let Some(agent) = &mut self.agent else { return };
        // After what was said before.
        take_effects(&self.id, agent, oracle);
        let Some(boot) = agent.core.boot().cloned() else {
            return;
        };
        let event = Event {
            mono_us,
            at: None,
            test: false,
            happening: Happening::Reading(Reading {
                sensor: "north".parse().expect("a sensor id"),
                quantity: "ambient_c".to_owned(),
                value: f64::NAN,
                zone: None,
            }),
        };
        push(&self.id, agent, &boot, &event, true, oracle);
    }

    fn show_level(&mut self, mono: u64, pin: &str, level: bool) {
        if let Some(input) = self.config.gate.inputs.find(pin) {
            self.show(mono, What::Level { input, level });
        }
    }

    fn show(&mut self, mono: u64, what: What) {
        if let Some(agent) = &mut self.agent {
            let input = Input {
                mono: BoardTime(mono),
                what,
            };
            agent
                .core
                .handle_input(&input, &mut agent.effects)
                .expect("the world tells the boot first");
        }
    }

    /// Connects, sends what the window lets through, and presence.
    fn talk(&mut self, now: u64, hub_is_up: bool) {
        let Some(agent) = &mut self.agent else { return };
        let (host, dice, link) = (HostTime(now), &mut self.dice, &mut self.link);
        if !hub_is_up || now < link.cut_until {
            if link.breaks(now, dice) {
                agent.uplink.handle_disconnected();
                agent.session_at = now + dice.whole(100_000, RECONNECT_US);
            }
            return;
        }
        if !link.is_up && now >= agent.session_at {
            link.is_up = true;
            agent.uplink.handle_connected(host, agent.spool.acked());
            agent.next_alive = now;
            let status = Status {
                online: true,
                log: Some(agent.spool.log().clone()),
                session: agent.number.to_string(),
                version: String::new(),
            };
            link.publish(now, Channel::Status, wire::to_bytes(&status), dice);
        }
        if !link.is_up {
            return;
        }
        agent.uplink.handle_deadline(host);
        if now >= agent.next_alive {
            agent.next_alive = now + 2_000_000;
            let alive = Alive {
                log: agent.spool.log().clone(),
                last: agent.spool.last(),
                waiting: agent.spool.waiting(),
                mono_us: agent.core.now().0,
                clock: agent.core.clock(),
                interval_s: 2,
            };
            link.publish(now, Channel::Alive, wire::to_bytes(&alive), dice);
        }
        while let Some(from) = agent.uplink.poll_send(agent.spool.last()) {
            let chunk = agent.spool.read(from).expect("the disk can be read");
            let Some(chunk) = chunk else { return };
            let Some(batch) = batch(&self.id, agent.spool.log(), &chunk, &agent.core) else {
                return;
            };
            if batch.is_timeless && !agent.uplink.may_send_timeless(host) {
                return;
            }
            link.publish(now, Channel::Events, batch.payload, dice);
            agent.uplink.handle_sent(host, batch.through);
        }
    }

    /// Hears the hub.
    pub(crate) fn hear(&mut self, now: u64) {
        let messages = self.link.at_unit(now);
        let Some(agent) = &mut self.agent else { return };
        for payload in messages {
            let ack: Ack = serde_json::from_slice(&payload).expect("an ack");
            match agent.spool.ack(&ack) {
                Ok(Acked::Through(_) | Acked::Lowered(_)) => {}
                Err(AckError::OtherLog(_)) => continue,
                Err(error) => panic!("{} at {}: {error}", self.id, agent.spool.last()),
            }
            let trip = agent.uplink.handle_acked(HostTime(now), ack.through);
            let (half_us, err_ms) = match trip {
                Some(trip) => {
                    let half = trip.as_micros() as u64 / 2;
                    (half, half / 1000 + STEP_MS)
                }
                None => (0, 1000),
            };
            agent
                .core
                .handle_hub_time(ack.time.plus_micros(half_us as i64), err_ms);
        }
    }
}

fn push(
    unit: &UnitId,
    agent: &mut Agent,
    boot: &BootId,
    event: &Event,
    broken: bool,
    oracle: &mut Oracle,
) {
    let seq = agent.spool.push(boot, event).expect("short lines");
    let pushed = Pushed {
        line: event.to_line(),
        boot: boot.clone(),
        mono: event.mono_us,
        class: event.happening.class(),
        broken,
    };
    oracle.pushed(unit, agent.spool.log(), seq, pushed);
}

fn take_effects(unit: &UnitId, agent: &mut Agent, oracle: &mut Oracle) {
    for (boot, event) in std::mem::take(&mut agent.effects).events {
        push(unit, agent, &boot, &event, false, oracle);
    }
}

/// Commits in step, and confirms what is decided. False if the disk takes nothing.
fn commit(unit: &UnitId, agent: &mut Agent, now: u64, oracle: &mut Oracle) -> bool {
    if now < agent.last_commit + COMMIT_US {
        return true;
    }
    agent.last_commit = now;
    let state = serde_json::to_vec(&agent.core.checkpoint()).expect("plain data");
    if let Err(error) = agent.spool.commit(&state) {
        return is_full(&error);
    }
    oracle.durable(unit, agent.spool.log(), agent.spool.last());
    let confirmed = agent.core.durable().map_or(0, |at| at.0);
    oracle.happened(
        agent
            .unconfirmed
            .extract_if(.., |truth| truth.mono <= confirmed),
    );
    true
}
