//! The unit's judgement: inputs in, events and outputs out. No clock, no file, no network.
//!
//! Order of use: [`Core::handle_input`] for each input, in the board's order. It first fires every
//! deadline up to the input's time, each at its own time, so that a day in a second gives the same
//! events as a day in a day. What is decided lands in [`Effects`]: outputs to be set at once, events
//! to be spooled. [`Core::durable`] says up to where the board may forget its inputs once these
//! events are on disk together with [`Core::checkpoint`].

mod begin;
pub mod boots;
pub mod button;
mod checkpoint;
pub mod debounce;
mod dispatch;
pub mod entry_box;
pub mod followed;
pub mod heartbeat;
pub mod lane;
pub mod noise;
mod orders;
pub mod out;
pub mod outputs;
pub mod reading;
pub mod round;
mod route;
pub mod screening;
pub mod sensor_health;
pub mod test_mode;
pub mod uplink;
pub mod wall;

use std::time::Duration;

use gatepost_model::{
    BootId, Event, Happening, Wall,
    event::Fault,
    time::Clock,
    wire::{Anchor, MAX_TEXT},
};

use crate::{
    config::Gate,
    input::{Input, What},
    time::BoardTime,
};
use boots::Boots;
pub use checkpoint::Checkpoint;
use followed::Followed;
use heartbeat::Health;
use out::{Out, OutputChange, Said};
use outputs::Outputs;
use route::Route;
use sensor_health::Faults;
use test_mode::TestMode;
use wall::WallClock;

/// How long after a restart a level is taken for how things stand and not for an edge.
const SYNC_WINDOW: Duration = Duration::from_secs(1);

/// A board does not sleep: a step of its time beyond this is nonsense, and would fire years of
/// deadlines.
const MAX_JUMP: Duration = Duration::from_secs(40 * 86_400);

/// The unit's own spool as a sensor in faults.
pub const SPOOL: &str = "spool";

/// The unit's supply as a sensor in faults.
pub const SUPPLY: &str = "supply";

/// What one or more inputs led to.
#[derive(Debug, Default)]
pub struct Effects {
    /// Events for the spool, in order, each with its boot.
    pub events: Vec<(BootId, Event)>,
    /// Outputs to be set, in order.
    pub outputs: Vec<OutputChange>,
}

/// Why an input was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Which boot it belongs to is not known.
    #[error("an input before any boot")]
    NoBoot,
    /// Time jumped.
    #[error("time jumps by more than 40 days")]
    Jump,
}

/// The core of one unit.
#[derive(Debug)]
pub struct Core {
    gate: Gate,
    routes: Vec<Route>,
    boot: Option<BootId>,
    boots: Boots,
    now: BoardTime,
    /// The watch went on in a boot that was watched before, at this time.
    restarted: Option<BoardTime>,
    /// The watch began later than the boot, at this time.
    begun_within: Option<BoardTime>,
    wall: WallClock,
    lanes: Vec<lane::Lane>,
    thermometers: Vec<screening::Thermometer>,
    stations: Vec<round::Station>,
    boxes: Vec<entry_box::EntryBox>,
    sensors: Vec<reading::Sensor>,
    outputs: Outputs,
    followed: Followed,
    faults: Faults,
    test: Option<TestMode>,
    pulse: heartbeat::Pulse,
    lost_edges: u64,
    health: Health,
    next: Option<BoardTime>,
    out: Out,
}

impl Core {
    /// Takes one input; first whatever was due by then.
    pub fn handle_input(&mut self, input: &Input, effects: &mut Effects) -> Result<(), Refused> {
        if let What::Boot(boot) = &input.what {
            self.begin(boot, input.mono, effects);
            return Ok(());
        }
        if self.boot.is_none() {
            return Err(Refused::NoBoot);
        }
        if input.mono > self.now.plus(MAX_JUMP) {
            return Err(Refused::Jump);
        }
        self.run_to(input.mono, effects);
        self.dispatch(&input.what);
        self.settle(effects);
        Ok(())
    }

    /// Fires every deadline up to `now`, each at its own time. A time that has passed changes
    /// nothing: edges of different pins may come a little out of order.
    fn run_to(&mut self, now: BoardTime, effects: &mut Effects) {
        while let Some(due) = self.next.filter(|due| *due <= now) {
            self.now = self.now.max(due);
            if self.test.as_ref().is_some_and(|test| test.until() <= due) {
                self.end_test(effects);
            }
            effects.outputs.extend(self.outputs.handle_deadline(due));
            self.fire(due);
            self.settle(effects);
        }
        self.now = self.now.max(now);
    }

    /// Fires the first machine that is due at `due`.
    fn fire(&mut self, due: BoardTime) {
        let out = &mut self.out;
        let is_due = |deadline: Option<BoardTime>| deadline.is_some_and(|at| at <= due);
        for lane in &mut self.lanes {
            if is_due(lane.deadline()) {
                return lane.handle_deadline(due, out);
            }
        }
        for thermometer in &mut self.thermometers {
            if is_due(thermometer.deadline()) {
                return thermometer.handle_deadline(due, out);
            }
        }
        for station in &mut self.stations {
            if is_due(station.deadline())
                && let Some(boot) = &self.boot
            {
                return station.handle_deadline(due, boot, out);
            }
        }
        for entry_box in &mut self.boxes {
            if is_due(entry_box.deadline()) {
                return entry_box.handle_deadline(due, out);
            }
        }
        if is_due(self.pulse.deadline()) {
            self.beat();
        }
    }

    /// The heartbeat of this moment.
    fn beat(&mut self) {
        let clock = self.wall.clock();
        self.pulse.beat(
            self.now,
            clock,
            self.lost_edges,
            &self.health,
            &mut self.out,
        );
    }

    /// The agent is about to stop: says until when it has watched.
    pub fn handle_stop(&mut self, effects: &mut Effects) {
        if self.boot.is_some() && self.now > self.pulse.watched_until() {
            self.beat();
            self.settle(effects);
        }
    }

    /// No more inputs will come: decides what is still open and decided by time alone, within
    /// `limit` after the last input.
    pub fn settle_open(&mut self, limit: Duration, effects: &mut Effects) {
        let end = self.now.plus(limit);
        while self.durable().is_some_and(|durable| durable < self.now)
            && let Some(due) = self.next.filter(|due| *due <= end)
        {
            self.run_to(due, effects);
        }
    }

    /// All outputs at their safe level.
    pub fn safe_outputs(&self) -> Vec<OutputChange> {
        let outputs = self.gate.outputs.iter().enumerate();
        outputs
            .map(|(output, config)| OutputChange {
                at: self.now,
                output,
                level: config.safe,
            })
            .collect()
    }

    /// A fault of the unit itself, or its end.
    pub fn handle_unit_fault(&mut self, fault: &Fault, raised: bool, effects: &mut Effects) {
        if self.boot.is_some() {
            if raised {
                self.out
                    .fault(self.now, &fault.sensor, fault.code, fault.detail.clone());
            } else {
                self.out.cleared(self.now, &fault.sensor, fault.code);
            }
            self.settle(effects);
        }
    }

    /// The hub told the time; of use only where no time server ever did.
    pub fn handle_hub_time(&mut self, wall: Wall, err_ms: u64) {
        if self.boot.is_some() {
            self.boots.learn(Anchor {
                mono_us: self.now.0,
                wall,
                err_ms,
            });
        }
    }

    /// What heartbeats will tell besides.
    pub fn set_health(&mut self, health: Health) {
        self.health = health;
    }

    /// Turns what was said into events with their time, and finds the next deadline.
    fn settle(&mut self, effects: &mut Effects) {
        let wanted = self.out.outputs.drain(..);
        effects
            .outputs
            .extend(wanted.filter_map(|change| self.outputs.want(change)));
        let mut is_chord = false;
        if let Some(boot) = &self.boot {
            for said in self.out.said.drain(..) {
                is_chord |= matches!(said, Said::Chord);
                let Some((at, mut happening)) = news(said, &mut self.faults) else {
                    continue;
                };
                self.followed.tie(at, &mut happening);
                self.boots.saw(boot, at.0);
                if let Happening::Passage(_) | Happening::Unclear(_) = happening {
                    let lane = happening.lane();
                    let here = self.thermometers.iter_mut();
                    here.filter(|thermometer| lane == Some(thermometer.lane()))
                        .for_each(|thermometer| thermometer.leave(at));
                }
                let event = Event {
                    mono_us: at.0,
                    at: self.wall.stamp(at),
                    test: self.test.is_some(),
                    happening,
                };
                effects.events.push((boot.clone(), event));
            }
        }
        if is_chord {
            self.toggle_test(effects);
        }
        self.next = self.next_deadline();
    }

    fn next_deadline(&self) -> Option<BoardTime> {
        let lanes = self.lanes.iter().map(lane::Lane::deadline);
        let thermometers = self
            .thermometers
            .iter()
            .map(screening::Thermometer::deadline);
        let stations = self.stations.iter().map(round::Station::deadline);
        let boxes = self.boxes.iter().map(entry_box::EntryBox::deadline);
        earliest(
            lanes
                .chain(thermometers)
                .chain(stations)
                .chain(boxes)
                .chain([self.pulse.deadline(), self.outputs.deadline()])
                .chain([self.test.as_ref().map(TestMode::until)]),
        )
    }

    /// When something will be decided without an input.
    pub fn deadline(&self) -> Option<BoardTime> {
        self.next
    }

    /// The boot that runs.
    pub fn boot(&self) -> Option<&BootId> {
        self.boot.as_ref()
    }

    /// The board's time of the last input.
    pub fn now(&self) -> BoardTime {
        self.now
    }

    /// What is known of the wall clock.
    pub fn clock(&self) -> Clock {
        self.wall.clock()
    }

    /// The wall clock now, if it is known.
    pub fn wall_now(&self) -> Option<Wall> {
        self.wall.stamp(self.now).map(|stamp| stamp.at)
    }

    /// What is known of all boots' times.
    pub fn boots(&self) -> &Boots {
        &self.boots
    }

    /// Goes on from a spool whose last event is of this boot and time.
    pub fn handle_recovered(&mut self, boot: &BootId, at: u64) {
        self.boots.saw(boot, at);
    }

    /// Up to where every input is decided or part of the checkpoint: the moment before the first
    /// input of anything open. None before the first boot.
    pub fn durable(&self) -> Option<BoardTime> {
        self.boot.as_ref()?;
        let lanes = self.lanes.iter().map(lane::Lane::open_since);
        let stations = self.stations.iter().map(round::Station::open_since);
        let boxes = self.boxes.iter().map(entry_box::EntryBox::open_since);
        let open = earliest(lanes.chain(stations).chain(boxes));
        Some(open.map_or(self.now, |since| {
            BoardTime(since.0.saturating_sub(1)).min(self.now)
        }))
    }
}

/// What was said as an event, if it is news.
fn news(said: Said, faults: &mut Faults) -> Option<(BoardTime, Happening)> {
    match said {
        Said::Chord => None,
        Said::Happened { at, happening } => Some((at, happening)),
        Said::Fault {
            at,
            sensor,
            code,
            mut detail,
            raised,
        } => {
            let is_news = if raised {
                faults.raise(&sensor, code)
            } else {
                faults.clear(&sensor, code)
            };
            if detail.len() > MAX_TEXT {
                detail = detail.chars().take(MAX_TEXT / 4).collect();
            }
            let fault = Fault {
                sensor,
                code,
                detail,
            };
            let happening = if raised {
                Happening::Fault(fault)
            } else {
                Happening::Cleared(fault)
            };
            is_news.then_some((at, happening))
        }
    }
}

fn earliest(times: impl IntoIterator<Item = Option<BoardTime>>) -> Option<BoardTime> {
    times.into_iter().flatten().min()
}

#[cfg(test)]
mod tests;
