//! Everything that needs real processes: hub, broker, units with their spools, and the world before
//! them.

#![expect(
    clippy::print_stdout,
    reason = "figures are what a test of this size says"
)]

mod counts;
mod demo;
mod disk;
mod faults;
mod hostile;
mod influx;
mod remote;
mod tls;
mod units;

use std::{
    io::Write,
    path::{Path, PathBuf},
    sync::Arc,
};

use chrono_tz::Tz::America__Los_Angeles as LOS_ANGELES;
use e2e::{
    clock::WorldClock,
    harness::{SHORT_HUB_TIMERS, SHORT_UNIT_TIMERS, Wants},
    stage::Script,
    world::counts::Counts,
};

/// The demo's binary, which is hub and edge as well.
fn program() -> PathBuf {
    PathBuf::from(env!("CARGO_BIN_EXE_gatepost-demo"))
}

/// Sites whose world goes at the clock's pace and has no history.
fn script(seed: u64, sites: usize, clock: WorldClock) -> Script {
    Script {
        seed,
        sites,
        history_days: 0,
        counts: None,
        faces: None,
        clock,
    }
}

/// A test site with short timers; nothing is played, nothing stands between.
fn wants(script: Script) -> Wants {
    Wants {
        program: program(),
        script,
        play: false,
        proxy: false,
        hub_extra: SHORT_HUB_TIMERS.to_owned(),
        unit_extra: SHORT_UNIT_TIMERS.to_owned(),
    }
}

/// The door counts of the tests' data.
fn door_counts() -> Arc<Counts> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/door-counts.csv");
    let text = std::fs::read_to_string(&path).expect("the file is there");
    Arc::new(Counts::parse(&text, LOS_ANGELES).expect("it can be read"))
}

/// A runtime for one test: the harness and the world run in it, beside the processes.
fn run(test: impl Future<Output = anyhow::Result<()>>) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    if let Err(error) = runtime.block_on(test) {
        panic!("{error:#}");
    }
}

/// Says by name what cannot be tested on this machine.
fn skip(what: &str) {
    println!("skipped: {what}");
    if let Some(path) = std::env::var_os("GATEPOST_SKIPS") {
        let file = std::fs::OpenOptions::new()
            .append(true)
            .create(true)
            .open(path);
        let mut file = file.expect("the list of skips");
        writeln!(file, "{what}").expect("the list of skips");
    }
}
