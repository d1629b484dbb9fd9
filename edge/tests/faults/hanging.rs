//! A bus on which the kernel itself hangs.

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
    hal::thermometer::{Thermometers, bus::Words},
    input::{Input, What},
    time::BoardTime,
};

use crate::UNIT;

/// Longer than anything takes on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(20);

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
