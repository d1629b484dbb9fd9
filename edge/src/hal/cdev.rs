//! Kernel pins by the GPIO character device: one request a chip for all its inputs, so that they
//! have one order, with the kernel's own time stamps.
//!
//! A thread a chip moves edges out of the kernel's queue, so that a card that takes a second to sync
//! loses none; the rest happens in the agent's task. Levels are compared with the pins once a
//! second: a level that nobody told is a lost edge too.
//!
//! Outputs are held by the kernel and have their safe level at start, at the end and when the agent
//! panics. A killed process holds nothing any more: what the pin does then is the driver's choice, so
//! a relay needs a pull resistor towards its safe side.
//!
//! A barrier's output is a pulse that says `open` and ends by itself; nothing says `close`. The barrier's
//! own drive closes it behind whoever has passed, and opens it when the power fails. A driver that keeps
//! a pin as it was (that of the Pi's own kernel does) holds a killed agent's pulse until the service
//! manager has begun another one: let the drive take the beginning of a pulse, not its length.

mod edges;
mod request;

use std::{collections::HashMap, fs, io, path::Path, time::Duration};

use gatepost_model::BootId;
use tokio::sync::mpsc;

pub use request::CdevError;
use request::HeldOutput;

use super::{
    Board,
    machine::{self, MachineHealth},
    thermometer::{Presence, Thermometers, bus::KernelBus},
};
use crate::{
    clock::UnitClock,
    config::Wiring,
    core::out::OutputChange,
    input::{Input, InputIx, What},
    time::{BoardTime, micros},
};
use edges::{Edge, Edges};

/// Edges on their way from the threads to the agent: sixteen seconds of a thousand a second. When it
/// is full the kernel's queue fills up, and what that drops is counted.
const EDGES_BOUND: usize = 16 * 1024;
/// Answers of thermometers on their way: a handful a second at most.
const ANSWERS_BOUND: usize = 64;
/// Taken in one turn, so that outputs never wait for a flood to end.
const TURN: usize = 1024;
/// An edge may be on its way from the interrupt for this long: time passes this much late, so that
/// nothing is decided before it.
const SETTLE: Duration = Duration::from_millis(5);
/// Without anything to decide time passes in steps of this.
const STEP: Duration = Duration::from_secs(1);
/// Between two looks at the wall clock.
const CLOCK_EVERY: Duration = Duration::from_secs(16);

/// The board with the kernel's pins.
#[derive(Debug)]
pub struct CdevBoard {
    clock: UnitClock,
    boot: BootId,
    chips: Vec<Edges>,
    edges: mpsc::Receiver<io::Result<Edge>>,
    outputs: Vec<HeldOutput>,
    thermometers: Thermometers,
    answers: mpsc::Receiver<Input>,
    /// The last level told of each input, and when.
    levels: HashMap<InputIx, Told>,
    presence: Presence,
    /// When the watch began; none before.
    began: Option<BoardTime>,
    step_due: BoardTime,
    clock_due: BoardTime,
    health: MachineHealth,
}

#[derive(Debug, Clone, Copy)]
struct Told {
    level: bool,
    at: BoardTime,
    /// The pin was found otherwise, once: an edge may just be under way.
    doubted: bool,
}

impl CdevBoard {
    /// Takes hold of all pins, or says which one cannot be had and what to do about it.
    pub fn open(wiring: &Wiring, clock: UnitClock) -> Result<Self, CdevError> {
        let boot = boot_id().map_err(CdevError::BootId)?;
        let outputs = request::outputs(&wiring.outputs)?;
        let (sender, edges) = mpsc::channel(EDGES_BOUND);
        let mut chips = Vec::new();
        for (chip, pins) in request::by_chip(&wiring.inputs) {
            let request = request::inputs(&chip, &pins)?;
            let started = Edges::start(&chip, request, &pins, sender.clone());
            chips.push(started.map_err(CdevError::Thread)?);
        }
        let (sender, answers) = mpsc::channel(ANSWERS_BOUND);
        let thermometers = Thermometers::start(&wiring.probes, clock, &sender, KernelBus::new)
            .map_err(CdevError::Thread)?;
        Ok(Self {
            clock,
            boot,
            chips,
            edges,
            outputs,
            thermometers,
            answers,
            levels: HashMap::new(),
            presence: Presence::new(&wiring.probes),
            began: None,
            step_due: BoardTime(0),
            clock_due: BoardTime(0),
            health: MachineHealth::default(),
        })
    }

    /// The boot, the clock, and how things stand: all at one time.
    fn begin(&mut self, inputs: &mut Vec<Input>) -> io::Result<()> {
        let levels = levels(&self.chips)?;
        let now = self.clock.monotonic();
        let mut say = |what| inputs.push(Input { mono: now, what });
        say(What::Boot(self.boot.clone()));
        for &(input, level) in &levels {
            say(What::Level { input, level });
        }
        for (input, level) in levels {
            self.tell(input, level, now);
        }
        self.look_at_clock(inputs);
        self.began = Some(now);
        Ok(())
    }

    fn tell(&mut self, input: InputIx, level: bool, at: BoardTime) {
        let doubted = false;
        self.levels.insert(input, Told { level, at, doubted });
        for (probe, present) in self.presence.handle_level(input, level) {
            self.thermometers.tell(probe, present);
        }
    }

    fn take(&mut self, edge: Edge, inputs: &mut Vec<Input>) {
        let Edge {
            input,
            at,
            level,
            lost,
        } = edge;
        if self.began.is_none_or(|began| at <= began) {
            // The level that was read then knows it already.
            return;
        }
        let mut say = |what| inputs.push(Input { mono: at, what });
        if lost > 0 {
            say(What::Lost { input, edges: lost });
        }
        say(What::Level { input, level });
        self.tell(input, level, at);
    }

    /// Takes what there is; then lets time pass, unless there is more.
    fn take_all(&mut self, inputs: &mut Vec<Input>) -> io::Result<()> {
        // Before the queues are emptied: what comes later is not before it.
        let now = self.clock.monotonic();
        while let Ok(answer) = self.answers.try_recv() {
            inputs.push(answer);
        }
        while let Ok(edge) = self.edges.try_recv() {
            self.take(edge?, inputs);
            if inputs.len() >= TURN {
                return Ok(());
            }
        }
        if now >= self.step_due {
            self.step_due = now.plus(STEP);
            self.compare_levels(now, inputs)?;
            self.look_after_threads(now)?;
            self.thermometers.watch(now, inputs);
        }
        if now >= self.clock_due {
            self.clock_due = now.plus(CLOCK_EVERY);
            self.look_at_clock(inputs);
            self.health = machine::read(Path::new("/sys"));
        }
        let mono = BoardTime(now.0.saturating_sub(micros(SETTLE)));
        inputs.push(Input {
            mono,
            what: What::Tick,
        });
        Ok(())
    }

    /// A pin that stands otherwise than was told, twice in a row, had an edge that nobody saw.
    fn compare_levels(&mut self, now: BoardTime, inputs: &mut Vec<Input>) -> io::Result<()> {
        let mut missed = Vec::new();
        for (input, level) in levels(&self.chips)? {
            let Some(told) = self.levels.get_mut(&input) else {
                continue;
            };
            let differs = told.level != level && now.since(told.at) >= STEP;
            if differs && told.doubted {
                missed.push((input, level));
            }
            told.doubted = differs;
        }
        for (input, level) in missed {
            let (at, lost) = (now, 1);
            self.take(
                Edge {
                    input,
                    at,
                    level,
                    lost,
                },
                inputs,
            );
        }
        Ok(())
    }

    /// A thread that hangs in the kernel watches nothing: the agent ends, and is started anew.
    fn look_after_threads(&mut self, now: BoardTime) -> io::Result<()> {
        for chip in &mut self.chips {
            if chip.hangs(now) {
                return Err(io::Error::other("the thread that watches the pins hangs"));
            }
        }
        Ok(())
    }

    fn look_at_clock(&self, inputs: &mut Vec<Input>) {
        match self.clock.wall() {
            Ok(Some(reading)) => inputs.push(Input {
                mono: self.clock.monotonic(),
                what: What::Clock {
                    wall: reading.wall,
                    synced: reading.synced_err_ms.is_some(),
                    err_ms: reading.synced_err_ms,
                },
            }),
            Ok(None) => {}
            Err(error) => {
                tracing::warn!(error = %error, "the kernel does not tell its clock's state")
            }
        }
    }
}

fn levels(chips: &[Edges]) -> io::Result<Vec<(InputIx, bool)>> {
    let mut found = Vec::new();
    for chip in chips {
        found.extend(chip.levels()?);
    }
    Ok(found)
}

/// The kernel's name for this boot.
fn boot_id() -> io::Result<BootId> {
    let text = fs::read_to_string("/proc/sys/kernel/random/boot_id")?;
    text.trim().parse().map_err(io::Error::other)
}

impl Board for CdevBoard {
    async fn inputs(
        &mut self,
        until: Option<BoardTime>,
        inputs: &mut Vec<Input>,
    ) -> io::Result<()> {
        if self.began.is_none() {
            return self.begin(inputs);
        }
        let due = until.map_or(self.step_due, |until| until.plus(SETTLE).min(self.step_due));
        let wait = due.since(self.clock.monotonic());
        // Cancel-safe: what a branch received is appended without another await.
        tokio::select! {
            biased;
            edge = self.edges.recv() => match edge {
                Some(edge) => self.take(edge?, inputs),
                None if self.chips.is_empty() => tokio::time::sleep(wait).await,
                None => return Err(io::Error::other("no thread watches the pins any more")),
            },
            Some(answer) = self.answers.recv() => inputs.push(answer),
            () = tokio::time::sleep(wait) => {}
        }
        self.take_all(inputs)
    }

    fn set_output(&mut self, change: OutputChange) {
        if let Some(output) = self.outputs.get(change.output) {
            output.set(change.level);
        }
    }

    fn measure(&mut self, thermometer: InputIx) {
        self.thermometers.measure(thermometer);
    }

    fn confirm(&mut self, _: &BootId, _: BoardTime) {}

    fn health(&self) -> MachineHealth {
        self.health
    }

    fn flush(&mut self) {}
}
