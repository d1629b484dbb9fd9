//! A gate in virtual time, with everything about it that breaks.

use std::io;

use gatepost_edge::{
    config::Config,
    core::{Checkpoint, Core, Effects},
    hal::thermometer::{
        bus::{Bus, Words},
        window::Window,
    },
    input::{Input, InputIx, What},
    time::BoardTime,
};
use gatepost_model::{BootId, Event};

use crate::{BREAKS, END, EVERY, MENDED, MS, S, UNIT, table::Break};

/// The thermometer's chip, whole or broken.
struct Chip {
    now: u64,
    how: Break,
    asked: u64,
}

impl Words for Chip {
    fn word(&mut self, _: u16, register: u8) -> io::Result<u16> {
        self.asked += 1;
        let celsius = if register == 0x06 {
            20.0
        } else {
            // Another person every time, all of them well.
            33.6 + (self.now / EVERY * 7 % 10) as f64 * 0.08
        };
        let whole = ((celsius + 273.15) / 0.02) as u16;
        if !(BREAKS..MENDED).contains(&self.now) {
            return Ok(whole);
        }
        match self.how {
            Break::Word(word) => Ok(word),
            Break::Errno(number, n) if self.asked.is_multiple_of(n) => {
                Err(io::Error::from_raw_os_error(number))
            }
            Break::Frozen if register == 0x07 => Ok(0x3be1),
            _ => Ok(whole),
        }
    }

    fn reopen(&mut self, _: u16) {}
}

/// A lane, a thermometer and a pump, with people, in virtual time.
pub(crate) struct Gate {
    core: Core,
    how: Break,
    bus: Bus<Chip>,
    window: Window,
    /// Levels at the pins, by name.
    levels: Vec<(&'static str, bool)>,
    events: Vec<Event>,
    present: bool,
    /// The agent ends then, and another one goes on.
    restart: Option<u64>,
}

impl Gate {
    pub(crate) fn new(how: Break, restart: Option<u64>) -> Self {
        let chip = Chip {
            now: 0,
            how,
            asked: 0,
        };
        Self {
            core: Core::new(Config::parse(UNIT).unwrap().gate, Checkpoint::default()),
            how,
            bus: Bus(chip),
            window: Window::new(BoardTime(0)),
            levels: ["a", "b", "start", "stop", "flow", "ok"]
                .map(|name| (name, false))
                .into(),
            events: Vec::new(),
            present: false,
            restart,
        }
    }

    fn say(&mut self, at: u64, what: What) {
        let input = Input {
            mono: BoardTime(at),
            what,
        };
        let mut effects = Effects::default();
        self.core.handle_input(&input, &mut effects).unwrap();
        self.events
            .extend(effects.events.into_iter().map(|(_, event)| event));
    }

    /// What the world does to a pin at `at`, as the unit sees it.
    fn pin(&mut self, at: u64, name: &'static str, level: bool) {
        let broken = (BREAKS..MENDED).contains(&at);
        let level = match self.how {
            Break::Held(held, as_it_is) if broken && held == name => as_it_is,
            Break::Noise(pins, _) if is_noisy(at) && pins.contains(&name) => return,
            _ => level,
        };
        let known = self.levels.iter_mut().find(|(of, _)| *of == name).unwrap();
        if std::mem::replace(&mut known.1, level) != level {
            let input = self.input(name);
            self.say(at, What::Level { input, level });
            let beams = &self.levels[..2];
            let present = beams.iter().any(|(_, on)| *on);
            if present != self.present {
                self.present = present;
                self.window.handle_presence(BoardTime(at), present);
            }
        }
    }

    fn input(&self, name: &str) -> InputIx {
        Config::parse(UNIT).unwrap().gate.inputs.find(name).unwrap()
    }

    fn measure(&mut self, at: u64) {
        while self.window.due().0 <= at {
            let due = self.window.due();
            self.bus.0.now = due.0;
            let sample = self.bus.sample(0x5a, 0.98);
            if let Some(answer) = self.window.handle_sample(due, sample) {
                let input = self.input("ir");
                self.say(at, answer.into_input(input));
            }
        }
    }

    /// Everything from the beginning to the end.
    pub(crate) fn live(mut self) -> Vec<Event> {
        let boot: BootId = "6f1c".parse().unwrap();
        self.say(0, What::Boot(boot.clone()));
        let mut world = world(self.how);
        world.sort_by_key(|(at, ..)| *at);
        let mut world = world.into_iter().peekable();
        for step in 0..END / (10 * MS) {
            let at = step * 10 * MS;
            while let Some((when, name, level)) = world.next_if(|(when, ..)| *when <= at) {
                if is_noisy(when) && matches!(self.how, Break::Noise(..)) {
                    self.noise(when, name, level);
                } else {
                    self.pin(when, name, level);
                }
            }
            // A wire that is pulled or shorted changes the level by itself.
            if let Break::Held(name, level) = self.how
                && (at == BREAKS || at == MENDED)
            {
                self.pin(at, name, at == BREAKS && level);
            }
            self.measure(at);
            self.say(at, What::Tick);
            if self.restart == Some(at) {
                self.begin_anew(&boot);
            }
        }
        self.events
    }

    fn begin_anew(&mut self, boot: &BootId) {
        let at = self.core.now().0;
        let gate = Config::parse(UNIT).unwrap().gate;
        self.core = Core::new(gate, self.core.checkpoint());
        self.window = Window::new(BoardTime(at));
        self.say(at, What::Boot(boot.clone()));
        for (name, level) in self.levels.clone() {
            let input = self.input(name);
            self.say(at, What::Level { input, level });
        }
    }

    fn noise(&mut self, at: u64, name: &'static str, level: bool) {
        match self.how {
            Break::Noise(pins, _) if pins.contains(&name) => {
                let input = self.input(name);
                self.levels
                    .iter_mut()
                    .find(|(of, _)| *of == name)
                    .unwrap()
                    .1 = level;
                self.say(at, What::Level { input, level });
            }
            _ => self.pin(at, name, level),
        }
    }
}

/// Noise goes by itself.
fn is_noisy(at: u64) -> bool {
    (BREAKS..BREAKS + 5 * S).contains(&at)
}

/// What happens at the pins: people, rounds, and the noise itself.
fn world(how: Break) -> Vec<(u64, &'static str, bool)> {
    let mut all = Vec::new();
    for n in 1..END / EVERY {
        let at = n * EVERY;
        if n % 20 < 7 {
            continue;
        }
        for (after, pin, level) in [
            (0, "a", true),
            (120, "b", true),
            (420, "a", false),
            (560, "b", false),
        ] {
            all.push((at + after * MS, pin, level));
        }
    }
    // Every minute a round of twenty seconds and more, in which nobody walks.
    for minute in 0..END / (60 * S) {
        let at = minute * 60 * S;
        let press = |at: u64, pin| [(at, pin, true), (at + 200 * MS, pin, false)];
        all.extend(press(at + 100 * MS, "start"));
        all.extend(press(at + 50 * S, "stop"));
        for pulse in 0..200 {
            let at = at + S + pulse * 50 * MS;
            all.push((at, "flow", true));
            all.push((at + 20 * MS, "flow", false));
        }
    }
    if let Break::Noise(pins, rate) = how {
        all.retain(|(at, pin, _)| !(is_noisy(*at) && pins.contains(pin)));
        for (place, pin) in pins.iter().enumerate() {
            // Both at their own pace, so that all orders come up.
            let step = S / rate + 37 * place as u64;
            let edges = 5 * S / step / 2 * 2;
            for edge in 0..edges {
                let jitter = edge * edge % 211 * step / 500;
                all.push((BREAKS + edge * step + jitter, pin, edge % 2 == 0));
            }
        }
    }
    all
}
