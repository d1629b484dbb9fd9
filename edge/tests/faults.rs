//! Every way in which a sensor breaks, injected at the wire and at the bus, while people keep walking
//! through: a fault within its stated time, no passage and no fever that was none, and cleared by
//! itself. `docs/faults.md` has the table.
//!
//! `cargo test -p gatepost-edge --test faults -- --nocapture` prints it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so")]

use std::{
    cell::Cell,
    io,
    sync::mpsc::{Receiver, SyncSender, sync_channel},
    time::Duration,
};

use gatepost_edge::{
    clock::UnitClock,
    config::{Config, Probe},
    core::{Checkpoint, Core, Effects},
    hal::thermometer::{
        Thermometers,
        bus::{Bus, Words},
        window::Window,
    },
    input::{Input, InputIx, What},
    time::BoardTime,
};
use gatepost_model::{
    BootId, Event, Happening,
    event::{FaultCode, ScreeningVerdict},
};

const UNIT: &str = r#"
    unit = { site = "s", id = "u", data = "d" }
    mqtt = { address = "h:1" }
    board = { kind = "sim", socket = "s" }
    lane = [{ name = "people", kind = "people", beam_a = "a", beam_b = "b" }]
    thermometer = [{ name = "ir", lane = "people" }]
    round_station = [{ zone = "living", start = "start", stop = "stop", flow = "flow", pulses_per_litre = 450 }]
    entry_box = [{ lane = "people", admitted = "ok", refused = "no", isolated = "apart" }]
"#;

const S: u64 = 1_000_000;
/// Longer than anything takes on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(20);
const MS: u64 = 1000;
/// Somebody walks in so often; every tenth such span a round of 20 s is done instead.
const EVERY: u64 = 3 * S;
/// Long enough for the baseline to be ready.
const BREAKS: u64 = 120 * S;
/// And mended again.
const MENDED: u64 = 240 * S;
const END: u64 = 360 * S;

/// How something is broken.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Break {
    /// A pin never says anything but this.
    Held(&'static str, bool),
    /// Pins change so often a second, each for five seconds.
    Noise(&'static [&'static str], u64),
    /// The bus answers every word so.
    Word(u16),
    /// The kernel's number of an error for every word, or every n-th.
    Errno(i32, u64),
    /// The thermometer's word no longer changes.
    Frozen,
}

struct Row {
    what: &'static str,
    how: Break,
    /// The sensor at fault and its code; none where no fault is to be told.
    fault: Option<(&'static str, FaultCode)>,
    /// Told within so many seconds after it broke,
    within_s: u64,
    /// and over within so many seconds after it was mended, or had gone by itself.
    over_s: u64,
}

const NOBODY: i32 = 121;
const TIMED_OUT: i32 = 110;
const BAD_CHECKSUM: i32 = 74;

const TABLE: &[Row] = &[
    row(
        "outer beam: wire pulled, reads clear",
        Break::Held("a", false),
        Some(("a", FaultCode::Stuck)),
        60,
        30,
    ),
    row(
        "inner beam: wire pulled, reads clear",
        Break::Held("b", false),
        Some(("b", FaultCode::Stuck)),
        60,
        30,
    ),
    row(
        "outer beam: short, reads broken",
        Break::Held("a", true),
        Some(("a", FaultCode::Blocked)),
        61,
        1,
    ),
    row(
        "inner beam: short, reads broken",
        Break::Held("b", true),
        Some(("b", FaultCode::Blocked)),
        61,
        1,
    ),
    row(
        "one beam: noise of 1 kHz",
        Break::Noise(&["a"], 1000),
        Some(("a", FaultCode::OutOfRange)),
        1,
        11,
    ),
    row(
        "both beams: noise of 300 Hz",
        Break::Noise(&["a", "b"], 300),
        Some(("b", FaultCode::OutOfRange)),
        1,
        11,
    ),
    row(
        "flow meter: wire pulled",
        Break::Held("flow", false),
        Some(("flow", FaultCode::Stuck)),
        80,
        60,
    ),
    row(
        "flow meter: short",
        Break::Held("flow", true),
        Some(("flow", FaultCode::Stuck)),
        80,
        60,
    ),
    row(
        "flow meter: noise of 5 kHz",
        Break::Noise(&["flow"], 5000),
        Some(("flow", FaultCode::OutOfRange)),
        1,
        11,
    ),
    row(
        "start button: stuck",
        Break::Held("start", true),
        Some(("start", FaultCode::Stuck)),
        61,
        1,
    ),
    row(
        "guard's button: short",
        Break::Held("ok", true),
        Some(("ok", FaultCode::Stuck)),
        61,
        1,
    ),
    row(
        "guard's button: loose contact, 10 presses a second",
        Break::Noise(&["ok"], 20),
        Some(("ok", FaultCode::OutOfRange)),
        1,
        11,
    ),
    row(
        "guard's button: noise of 1 kHz",
        Break::Noise(&["ok"], 1000),
        Some(("ok", FaultCode::OutOfRange)),
        1,
        11,
    ),
    row(
        "thermometer: wire pulled",
        Break::Errno(NOBODY, 1),
        Some(("ir", FaultCode::BusError)),
        11,
        10,
    ),
    row(
        "thermometer: bus held low",
        Break::Errno(TIMED_OUT, 1),
        Some(("ir", FaultCode::BusError)),
        14,
        10,
    ),
    row(
        "thermometer: every checksum wrong",
        Break::Errno(BAD_CHECKSUM, 1),
        Some(("ir", FaultCode::BusError)),
        11,
        10,
    ),
    row(
        "thermometer: every second checksum wrong",
        Break::Errno(BAD_CHECKSUM, 2),
        None,
        0,
        0,
    ),
    row(
        "thermometer: reads all ones",
        Break::Word(0xffff),
        Some(("ir", FaultCode::BusError)),
        11,
        10,
    ),
    row(
        "thermometer: reads all zeroes",
        Break::Word(0x0000),
        Some(("ir", FaultCode::BusError)),
        11,
        10,
    ),
    row(
        "thermometer: reads 1037.55 degC's word",
        Break::Word(0xfffe),
        Some(("ir", FaultCode::BusError)),
        11,
        10,
    ),
    row(
        "thermometer: reads 60 degC",
        Break::Word(0x4113),
        Some(("ir", FaultCode::OutOfRange)),
        30,
        30,
    ),
    row(
        "thermometer: frozen",
        Break::Frozen,
        Some(("ir", FaultCode::Frozen)),
        60,
        30,
    ),
];

const fn row(
    what: &'static str,
    how: Break,
    fault: Option<(&'static str, FaultCode)>,
    within_s: u64,
    over_s: u64,
) -> Row {
    Row {
        what,
        how,
        fault,
        within_s,
        over_s,
    }
}

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

/// A bus whose kernel does not come back from a word while it is held.
struct Hanging {
    /// Each word that is asked for is said here,
    asked: SyncSender<()>,
    /// and answered once this is there, or nobody holds it any more.
    held: Receiver<()>,
}

impl Words for Hanging {
    fn word(&mut self, _: u16, register: u8) -> io::Result<u16> {
        let _ = self.asked.try_send(());
        let _ = self.held.recv();
        Ok(if register == 0x06 { 0x3970 } else { 0x3bc0 })
    }

    fn reopen(&mut self, _: u16) {}
}

/// Its thermometers give no answer, that is told within its time, people pass and are counted, and
/// when it comes back all is well by itself.
#[test]
fn a_bus_that_hangs_costs_its_thermometers_and_nothing_else() {
    let gate = Config::parse(UNIT).unwrap().gate;
    let find = |name: &str| gate.inputs.find(name).unwrap();
    // The first word is waited for; nobody hears of the others.
    let (asked, word) = sync_channel(1);
    let (hold, held) = sync_channel(0);
    let bus = Cell::new(Some(Hanging { asked, held }));
    let probe = Probe {
        input: find("ir"),
        name: "ir".to_owned(),
        bus: 1,
        address: 0x5a,
        emissivity: 0.98,
        triggers: vec![find("a")],
    };
    let (sender, mut answers) = tokio::sync::mpsc::channel(64);
    let clock = UnitClock;
    let began = clock.monotonic();
    let open = |_| bus.take().unwrap();
    let mut thermometers = Thermometers::start(&[probe], clock, &sender, open).unwrap();
    let mut core = Core::new(gate.clone(), Checkpoint::default());
    let mut said = Vec::new();
    let mut say = |mono: BoardTime, what: What| {
        let mut effects = Effects::default();
        core.handle_input(&Input { mono, what }, &mut effects)
            .unwrap();
        let kinds = effects.events.iter();
        said.extend(kinds.map(|(_, event)| event.happening.kind().to_owned()));
        std::mem::take(&mut said)
    };
    say(began, What::Boot("6f1c".parse().unwrap()));

    // The thread is in the kernel, and stays there.
    word.recv_timeout(PATIENCE).unwrap();
    let mut at = began;
    let mut passages = 0;
    let mut told = Vec::new();
    for second in 1..=20 {
        for (after, pin, level) in [
            (0, "a", true),
            (120, "b", true),
            (420, "a", false),
            (560, "b", false),
        ] {
            at = began.plus(Duration::from_millis(second * 1000 + after));
            let input = find(pin);
            let heard = say(at, What::Level { input, level });
            passages += heard.iter().filter(|kind| *kind == "passage").count();
            // More words than wait for a bus.
            (0..100).for_each(|_| thermometers.tell(0, level));
        }
        let mut inputs = Vec::new();
        thermometers.watch(at, &mut inputs);
        for Input { mono, what } in inputs {
            told.push(mono.since(began));
            let heard = say(mono, what);
            assert_eq!(
                heard.iter().filter(|kind| *kind == "fault").count(),
                1,
                "{heard:?}"
            );
        }
    }
    let heard = say(at.plus(Duration::from_secs(1)), What::Tick);
    passages += heard.iter().filter(|kind| *kind == "passage").count();
    assert_eq!(passages, 20);
    // Once, within the time that is stated. (The thread began a little after the clock was read.)
    assert_eq!(told.len(), 1, "{told:?}");
    assert!((5..8).contains(&told[0].as_secs()), "{told:?}");

    // The bus comes back.
    drop(hold);
    let mut cleared = false;
    while !cleared {
        let answer = answers.blocking_recv().unwrap();
        at = at.plus(Duration::from_secs(2));
        cleared = say(at, answer.what).iter().any(|kind| kind == "cleared");
    }
    let mut inputs = Vec::new();
    thermometers.watch(clock.monotonic(), &mut inputs);
    assert!(inputs.is_empty(), "{inputs:?}");
}

/// A lane, a thermometer and a pump, with people, in virtual time.
struct Gate {
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
    fn new(how: Break, restart: Option<u64>) -> Self {
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
    fn live(mut self) -> Vec<Event> {
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

/// Passages that truly were, in a span.
fn walked(from: u64, to: u64) -> usize {
    (1..END / EVERY)
        .filter(|n| n % 20 >= 7)
        .map(|n| n * EVERY + 560 * MS)
        .filter(|at| (from..to).contains(at))
        .count()
}

#[test]
fn every_fault_is_found_invents_nothing_and_goes_by_itself() {
    println!(
        "| broken | told as | stated, s | measured, s | over after, s |\n|---|---|---|---|---|"
    );
    for row in TABLE {
        println!("{}", hold(row, None));
    }
}

#[test]
fn every_fault_lasts_over_a_restart_is_told_again_and_goes_by_itself() {
    for row in TABLE {
        // While it lasts, and nobody is in the lane.
        let after = match row.how {
            Break::Noise(..) => 3 * S,
            _ => 101 * S,
        };
        hold(row, Some(BREAKS + after));
    }
}

/// Holds what a unit says against what truly happened; the row of the table.
fn hold(row: &Row, restart: Option<u64>) -> String {
    let Row {
        what,
        how,
        fault,
        within_s,
        over_s,
    } = row;
    let events = Gate::new(*how, restart).live();
    let of = |event: &&Event, raised: bool| match (&event.happening, fault) {
        (Happening::Fault(it), Some((sensor, code))) if raised => {
            it.sensor.as_str() == *sensor && it.code == *code
        }
        (Happening::Cleared(it), Some((sensor, code))) if !raised => {
            it.sensor.as_str() == *sensor && it.code == *code
        }
        _ => false,
    };
    let told: Vec<u64> = events
        .iter()
        .filter(|it| of(it, true))
        .map(|it| it.mono_us)
        .collect();
    let over: Vec<u64> = events
        .iter()
        .filter(|it| of(it, false))
        .map(|it| it.mono_us)
        .collect();
    let (again, told): (Vec<u64>, Vec<u64>) = told.into_iter().partition(|at| restart == Some(*at));
    let lasting = usize::from(restart.is_some() && fault.is_some());
    assert_eq!(again.len(), lasting, "{what}: {events:#?}");
    let (told_as, measured, gone) = match fault {
        None => {
            let any: Vec<&Event> = events
                .iter()
                .filter(|it| matches!(it.happening, Happening::Fault(_)))
                .collect();
            assert!(any.is_empty(), "{what}: {any:?}");
            ("nothing".to_owned(), "".to_owned(), "".to_owned())
        }
        Some((sensor, code)) => {
            assert!(
                !told.is_empty() && over.len() == told.len(),
                "{what}: told {told:?}, over {over:?}: {events:#?}"
            );
            let after = told[0].saturating_sub(BREAKS);
            assert!(
                told[0] >= BREAKS && after <= within_s * S,
                "{what}: told after {after} us"
            );
            let end = if matches!(how, Break::Noise(..)) {
                BREAKS + 5 * S
            } else {
                MENDED
            };
            assert!(over.iter().all(|at| *at >= end), "{what}: over at {over:?}");
            let gone = over.last().unwrap().saturating_sub(end);
            assert!(gone <= over_s * S, "{what}: over after {gone} us");
            let word = serde_json::to_value(code).unwrap();
            let seconds = |us: u64| format!("{:.1}", us as f64 / S as f64);
            (
                format!("`{sensor}` `{}`", word.as_str().unwrap()),
                seconds(after),
                seconds(gone),
            )
        }
    };

    let passages = |from: u64, to: u64| {
        let seen = events.iter().filter(|it| (from..to).contains(&it.mono_us));
        seen.filter(|it| matches!(it.happening, Happening::Passage(_)))
            .count()
    };
    assert_eq!(passages(0, BREAKS), walked(0, BREAKS), "{what}: before");
    let settled = MENDED + 20 * S;
    assert_eq!(
        passages(settled, END),
        walked(settled, END),
        "{what}: after"
    );
    let beams = match *how {
        Break::Held(pin, _) => pin.len() == 1,
        Break::Noise(pins, _) => pins.contains(&"a"),
        _ => false,
    };
    let during = if beams {
        0..=walked(BREAKS + 15 * S, MENDED)
    } else {
        walked(BREAKS, MENDED)..=walked(BREAKS, MENDED)
    };
    let seen = passages(BREAKS, MENDED);
    assert!(
        during.contains(&seen),
        "{what}: {seen} passages while broken, not {during:?}"
    );
    if matches!(how, Break::Held("a" | "b", _)) {
        assert_eq!(seen, 0, "{what}: passages through one beam");
    }
    // Nobody presses it: what came before it was known to be broken.
    let entries = events
        .iter()
        .filter(|it| matches!(it.happening, Happening::Entry(_)))
        .count();
    let taken_for_presses = match *how {
        Break::Held("ok", _) => 1,
        Break::Noise(&["ok"], 20) => 5,
        _ => 0,
    };
    assert_eq!(entries, taken_for_presses, "{what}: entries");
    for event in &events {
        if let Happening::Screening(screening) = &event.happening {
            assert!(
                matches!(
                    screening.verdict,
                    ScreeningVerdict::Normal | ScreeningVerdict::WarmingUp
                ),
                "{what}: {screening:?}"
            );
        }
    }
    let litres: f64 = events
        .iter()
        .filter_map(|it| match &it.happening {
            Happening::Round(round) if round.phase == gatepost_model::event::RoundPhase::Ended => {
                Some(round.litres)
            }
            _ => None,
        })
        .fold(0.0, f64::max);
    assert!(
        litres <= 200.0 / 450.0 + 2000.0 / 450.0,
        "{what}: {litres} l in a round"
    );
    format!("| {what} | {told_as} | {within_s} | {measured} | {gone} |")
}
