//! A board with the machine's own pins, however they are held: what all of those have in common.
//!
//! Levels are compared with the pins once a second: a level that nobody told is a lost edge too.

use std::{collections::HashMap, fs, io, path::Path, time::Duration};

use gatepost_model::BootId;
use tokio::sync::mpsc;

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

/// An edge as the kernel saw it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Edge {
    /// Of which input.
    pub(super) input: InputIx,
    /// When, by the kernel.
    pub(super) at: BoardTime,
    /// The level after it; on is true.
    pub(super) level: bool,
    /// Edges of this input before it that the kernel dropped.
    pub(super) lost: u32,
}

/// Edges from those who watch pins, or why nobody does any more.
pub(super) type EdgeSender = mpsc::Sender<io::Result<Edge>>;

/// Pins that are held.
pub(super) trait Pins {
    /// How the inputs stand now.
    fn levels(&self) -> io::Result<Vec<(InputIx, bool)>>;

    /// Sets an output.
    fn set(&mut self, change: OutputChange);

    /// An error if somebody who is to watch the inputs hangs.
    fn look_after(&mut self, now: BoardTime) -> io::Result<()>;
}

/// The board with the machine's own pins.
#[derive(Debug)]
pub struct KernelBoard<P> {
    clock: UnitClock,
    boot: BootId,
    /// Let go of before the pins, so that nobody waits to say one more.
    edges: mpsc::Receiver<io::Result<Edge>>,
    has_inputs: bool,
    pins: P,
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

/// What edges go through from the pins to the board.
pub(super) fn queue() -> (EdgeSender, mpsc::Receiver<io::Result<Edge>>) {
    mpsc::channel(EDGES_BOUND)
}

#[expect(
    private_bounds,
    reason = "who has a board need not know how its pins are held"
)]
impl<P: Pins> KernelBoard<P> {
    /// The board of pins that are held, whose edges come through a queue; its thermometers are
    /// started.
    pub(super) fn new(
        wiring: &Wiring,
        clock: UnitClock,
        boot: BootId,
        pins: P,
        edges: mpsc::Receiver<io::Result<Edge>>,
    ) -> io::Result<Self> {
        let (sender, answers) = mpsc::channel(ANSWERS_BOUND);
        let thermometers = Thermometers::start(&wiring.probes, clock, &sender, KernelBus::new)?;
        Ok(Self {
            clock,
            boot,
            edges,
            has_inputs: !wiring.inputs.is_empty(),
            pins,
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
        let levels = self.pins.levels()?;
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
            self.pins.look_after(now)?;
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
        for (input, level) in self.pins.levels()? {
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

/// The kernel's name for this boot.
pub(super) fn boot_id() -> io::Result<BootId> {
    let text = fs::read_to_string("/proc/sys/kernel/random/boot_id")?;
    text.trim().parse().map_err(io::Error::other)
}

impl<P: Pins> Board for KernelBoard<P> {
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
                None if !self.has_inputs => tokio::time::sleep(wait).await,
                None => return Err(io::Error::other("no thread watches the pins any more")),
            },
            Some(answer) = self.answers.recv() => inputs.push(answer),
            () = tokio::time::sleep(wait) => {}
        }
        self.take_all(inputs)
    }

    fn set_output(&mut self, change: OutputChange) {
        self.pins.set(change);
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
