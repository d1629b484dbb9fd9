//! Infrared thermometers (MLX90614) on I2C buses, each bus with a thread of its own: a bus that hangs
//! costs its thermometers and nothing else.
//!
//! [`word`] reads and checks one register, [`window`] decides when to look and what a person's
//! looks come to, here is the thread between them.

pub mod bus;
pub mod window;
pub mod word;

use std::{
    collections::BTreeMap,
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::{self, RecvTimeoutError, SyncSender},
    },
    thread,
    time::Duration,
};

use tokio::sync::mpsc as answers;

use crate::{
    clock::UnitClock,
    config::Probe,
    input::{Input, InputIx, What},
    time::BoardTime,
};
use bus::{Bus, KernelBus, Words};
use window::{Answer, Sample, Window};
use word::WordError;

/// Words to a bus's thread: it takes them between two reads, within some tens of milliseconds.
const WORDS_BOUND: usize = 256;
/// A bus whose thread has not come back from the kernel for this long does not answer.
const HANGS: Duration = Duration::from_secs(5);

/// One look at a thermometer, in the caller's own time.
pub fn look(probe: &Probe) -> Result<Sample, WordError> {
    Bus(KernelBus::new(probe.bus)).sample(probe.address, probe.emissivity)
}

/// All thermometers of a unit.
#[derive(Debug)]
pub struct Thermometers {
    buses: Vec<BusThread>,
    /// By the probe's place: its bus in `buses` and its place there.
    places: Vec<(usize, usize)>,
}

#[derive(Debug)]
struct BusThread {
    words: SyncSender<(usize, bool)>,
    /// When its thread last was not in the kernel, in board time.
    alive: Arc<AtomicU64>,
    hangs: bool,
    inputs: Vec<InputIx>,
}

impl Thermometers {
    /// Starts a thread for each bus, which is opened by its number; they end when the returned value is
    /// dropped.
    pub fn start<W: Words + Send + 'static>(
        probes: &[Probe],
        clock: UnitClock,
        answers: &answers::Sender<Input>,
        open: impl Fn(u8) -> W,
    ) -> io::Result<Self> {
        let mut of_bus: BTreeMap<u8, Vec<usize>> = BTreeMap::new();
        for (index, probe) in probes.iter().enumerate() {
            of_bus.entry(probe.bus).or_default().push(index);
        }
        let mut places = vec![(0, 0); probes.len()];
        let mut buses = Vec::new();
        for (number, members) in of_bus {
            for (place, &index) in members.iter().enumerate() {
                places[index] = (buses.len(), place);
            }
            let on_bus: Vec<Probe> = members.iter().map(|&index| probes[index].clone()).collect();
            let (words, received) = mpsc::sync_channel(WORDS_BOUND);
            let alive = Arc::new(AtomicU64::new(clock.monotonic().0));
            buses.push(BusThread {
                words,
                alive: Arc::clone(&alive),
                hangs: false,
                inputs: on_bus.iter().map(|probe| probe.input).collect(),
            });
            let mut thread = Thread {
                bus: Bus(open(number)),
                windows: on_bus
                    .iter()
                    .map(|_| Window::new(clock.monotonic()))
                    .collect(),
                probes: on_bus,
                answers: answers.clone(),
                alive,
                clock,
            };
            thread::Builder::new()
                .name(format!("i2c-{number}"))
                .spawn(move || thread.run(&received))?;
        }
        Ok(Self { buses, places })
    }

    /// Somebody steps before a probe, or away.
    pub fn tell(&self, probe: usize, present: bool) {
        if let Some((bus, place)) = self.places.get(probe)
            && let Some(bus) = self.buses.get(*bus)
        {
            // A bus that hangs takes no words; that it hangs is told by `watch`.
            let _ = bus.words.try_send((*place, present));
        }
    }

    /// A thermometer is to look at whoever stands there, without a trigger.
    pub fn measure(&self, input: InputIx) {
        for (probe, (bus, place)) in self.places.iter().enumerate() {
            let of = self.buses.get(*bus).and_then(|bus| bus.inputs.get(*place));
            if of == Some(&input) {
                // Who steps before it and away at once is looked at for the least time.
                self.tell(probe, true);
                self.tell(probe, false);
            }
        }
    }

    /// Says of each bus that does not come back, once, that its thermometers give no answer.
    pub fn watch(&mut self, now: BoardTime, inputs: &mut Vec<Input>) {
        for bus in &mut self.buses {
            let hangs = now.since(BoardTime(bus.alive.load(Ordering::Relaxed))) > HANGS;
            if hangs && !bus.hangs {
                inputs.extend(bus.inputs.iter().map(|&input| Input {
                    mono: now,
                    what: What::Failed {
                        input,
                        error: "the bus hangs".to_owned(),
                    },
                }));
            }
            bus.hangs = hangs;
        }
    }
}

struct Thread<W> {
    bus: Bus<W>,
    probes: Vec<Probe>,
    windows: Vec<Window>,
    answers: answers::Sender<Input>,
    alive: Arc<AtomicU64>,
    clock: UnitClock,
}

impl<W: Words> Thread<W> {
    fn run(&mut self, words: &mpsc::Receiver<(usize, bool)>) {
        loop {
            let now = self.clock.monotonic();
            self.alive.store(now.0, Ordering::Relaxed);
            let due = self.windows.iter().map(Window::due).min();
            let wait = due.map_or(HANGS, |due| due.since(now)).min(HANGS / 4);
            match words.recv_timeout(wait) {
                Ok((place, present)) => {
                    let now = self.clock.monotonic();
                    if let Some(window) = self.windows.get_mut(place) {
                        window.handle_presence(now, present);
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            if self.look().is_err() {
                return;
            }
        }
    }

    /// Reads every thermometer that is due. An error is that nobody wants to know any more.
    fn look(&mut self) -> Result<(), ()> {
        for (probe, window) in self.probes.iter().zip(&mut self.windows) {
            if window.due() > self.clock.monotonic() {
                continue;
            }
            let sample = self.bus.sample(probe.address, probe.emissivity);
            let now = self.clock.monotonic();
            self.alive.store(now.0, Ordering::Relaxed);
            if let Some(answer) = window.handle_sample(now, sample) {
                let input = Input {
                    mono: now,
                    what: answer.into_input(probe.input),
                };
                self.answers.blocking_send(input).map_err(drop)?;
            }
        }
        Ok(())
    }
}

impl Answer {
    /// As the board says it.
    pub fn into_input(self, input: InputIx) -> What {
        match self {
            Self::Person { skin_c, ambient_c } => What::Measured {
                input,
                values: vec![
                    ("skin_c".to_owned(), skin_c),
                    ("ambient_c".to_owned(), ambient_c),
                ],
            },
            Self::Alive { ambient_c } => What::Measured {
                input,
                values: vec![("ambient_c".to_owned(), ambient_c)],
            },
            Self::Failed(error) => What::Failed {
                input,
                error: error.to_string(),
            },
        }
    }
}

/// Which triggers are on, so that a probe is told of the first that comes and the last that goes.
#[derive(Debug)]
pub struct Presence {
    probes: Vec<Vec<(InputIx, bool)>>,
}

impl Presence {
    /// Nobody is there.
    pub fn new(probes: &[Probe]) -> Self {
        let off = |probe: &Probe| probe.triggers.iter().map(|&input| (input, false)).collect();
        Self {
            probes: probes.iter().map(off).collect(),
        }
    }

    /// An input's level; which probes somebody steps before (true) or away from (false).
    pub fn handle_level(&mut self, input: InputIx, level: bool) -> Vec<(usize, bool)> {
        let mut changed = Vec::new();
        for (probe, triggers) in self.probes.iter_mut().enumerate() {
            let was = triggers.iter().any(|(_, on)| *on);
            for (trigger, on) in triggers.iter_mut() {
                if *trigger == input {
                    *on = level;
                }
            }
            let is = triggers.iter().any(|(_, on)| *on);
            if was != is {
                changed.push((probe, is));
            }
        }
        changed
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    /// Before the thermometer at 0x5a stands 36 degC, before every other 30.
    struct Two;

    impl Words for Two {
        fn word(&mut self, address: u16, register: u8) -> io::Result<u16> {
            let celsius = match (register, address) {
                (word::AMBIENT, _) => 20.0,
                (_, 0x5a) => 36.0,
                _ => 30.0,
            };
            Ok(((celsius + 273.15) / 0.02) as u16)
        }

        fn reopen(&mut self, _: u16) {}
    }

    #[test]
    fn several_on_one_bus_are_told_apart_by_their_addresses() {
        let probe = |place, address| Probe {
            input: InputIx(place),
            name: format!("ir-{place}"),
            bus: 1,
            address,
            emissivity: 1.0,
            triggers: vec![InputIx(7)],
        };
        let probes = [probe(0, 0x5a), probe(1, 0x5b)];
        let (sender, mut answers) = answers::channel(64);
        let mut opened = Vec::new();
        let buses = std::cell::RefCell::new(&mut opened);
        let open = |bus| {
            buses.borrow_mut().push(bus);
            Two
        };
        let thermometers = Thermometers::start(&probes, UnitClock, &sender, open).unwrap();
        // One after the other, the second first: nobody stands before the other one.
        for (place, skin) in [(1, 30.0), (0, 36.0)] {
            thermometers.tell(place, true);
            let measured = loop {
                let What::Measured { input, values } = answers.blocking_recv().unwrap().what else {
                    panic!("a bus that is well");
                };
                if values.iter().any(|(quantity, _)| quantity == "skin_c") {
                    break (input, values[0].1.round());
                }
            };
            assert_eq!(measured, (InputIx(place), skin));
            thermometers.tell(place, false);
        }
        assert_eq!(opened, [1]);
    }
}
