//! From a pin's edge to the page, through real processes: agent, spool, broker, hub, live stream.
//! Then what the programs weigh. Prints figures; asserts nothing.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a bench prints, may panic, and measures time"
)]

use std::{
    fmt::Write,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use e2e::{
    board::Board,
    clock::{self, WorldClock},
    harness::{TestSite, Wants},
    stage::Script,
    stream::{Follower, Page},
};

const SINGLES: u64 = 60;
/// The target for single events, at the 99th percentile.
const TARGET: Duration = Duration::from_millis(250);
const SITE: &str = "binjiang";
const SOON: Duration = Duration::from_secs(20);

fn main() {
    // `cargo test --benches` runs it as well: it is no test.
    if std::env::args().any(|word| word == "--bench") {
        tokio::runtime::Runtime::new().unwrap().block_on(run());
    }
}

async fn run() {
    let site = Wants {
        program: PathBuf::from(env!("CARGO_BIN_EXE_gatepost-demo")),
        script: Script {
            seed: 1,
            sites: 1,
            history_days: 0,
            counts: None,
            faces: None,
            clock: WorldClock::real(),
        },
        play: false,
        proxy: false,
        hub_extra: String::new(),
        unit_extra: String::new(),
    };
    let site = site.prepare().await.unwrap().launch().await.unwrap();
    let gate = site.fleet.unit(SITE, "gate-1").unwrap();
    let mut board = Board::connect(&gate.socket).await.unwrap();
    let mut page = Follower::start(site.api.clone(), &format!("site:{SITE}"));
    page.wait_for("a snapshot", SOON, |page| page.snapshots > 0)
        .await
        .unwrap();
    let wall = gatepost_model::Wall::from_micros(clock::wall()).unwrap();
    let began = Instant::now();
    board
        .show(&format!(
            "{{\"mono_us\":0,\"boot\":\"bench\"}}\n{{\"mono_us\":0,\"clock\":\"{wall}\",\"synced\":true}}\n"
        ))
        .await
        .unwrap();
    let mut took = Vec::new();
    for n in 1..=SINGLES {
        // Apart from each other, and out of step with every timer.
        tokio::time::sleep(Duration::from_millis(1700 + n * 37 % 240)).await;
        let mono = u64::try_from(began.elapsed().as_micros()).unwrap();
        board.show(&passage(mono)).await.unwrap();
        let shown = Instant::now();
        page.wait_for("the passage", SOON, |page| came_in(page) >= n)
            .await
            .unwrap();
        took.push(shown.elapsed());
    }
    took.sort();
    let at = |share: f64| took[((took.len() - 1) as f64 * share) as usize];
    let ratio = at(0.99).as_secs_f64() / TARGET.as_secs_f64();
    println!(
        "pin edge to page, {SINGLES} single passages: p50 {:.1?}, p99 {:.1?}, at most {:.1?}; p99 / target of {TARGET:?} = {ratio:.2}",
        at(0.5),
        at(0.99),
        at(1.0),
    );
    weigh(&site);
    site.stop().await;
}

/// A passage in, whose last edge is old enough to be decided on when the board says what time it is.
fn passage(now: u64) -> String {
    let mut lines = String::new();
    let edges = [
        ("a", 1600, 1),
        ("b", 1450, 1),
        ("a", 1300, 0),
        ("b", 1150, 0),
    ];
    for (side, ago_ms, level) in edges {
        let mono = now - ago_ms * 1000;
        let _ = writeln!(
            lines,
            r#"{{"mono_us":{mono},"input":"people-{side}","level":{level}}}"#
        );
    }
    let _ = writeln!(lines, r#"{{"mono_us":{now},"tick":true}}"#);
    lines
}

fn came_in(page: &Page) -> u64 {
    let lanes = page.data["lanes"].as_array();
    let lane = lanes.and_then(|lanes| lanes.iter().find(|lane| lane["id"] == "people"));
    lane.map_or(0, |lane| lane["in"].as_u64().unwrap_or(0))
}

fn weigh(site: &TestSite) {
    let demo = site.demo().unwrap();
    for (name, pid) in [("hub", demo.hub_pid), ("unit", demo.units[0].pid)] {
        let status = std::fs::read_to_string(format!("/proc/{}/status", pid.unwrap())).unwrap();
        for line in status.lines().filter(|line| line.starts_with("VmRSS")) {
            println!("{name}, resident (the demo's binary, which is both): {line}");
        }
    }
    let here = Path::new(env!("CARGO_BIN_EXE_gatepost-demo"))
        .parent()
        .unwrap();
    for name in ["gatepost-edge", "gatepost-hub", "gatepost-demo"] {
        match here.join(name).metadata() {
            Ok(file) => println!(
                "{name}: {:.1} MB with line tables, {} as it is shipped",
                megabytes(&file),
                stripped(&here.join(name)),
            ),
            Err(_) => println!("{name}: build it first, cargo build --release -p {name}"),
        }
    }
}

/// Without symbols and line tables, as a package has it.
fn stripped(program: &Path) -> String {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("stripped");
    let done = Command::new("strip")
        .arg("-o")
        .args([&file, program])
        .status();
    match done {
        Ok(status) if status.success() => format!("{:.1} MB", megabytes(&file.metadata().unwrap())),
        _ => "(no `strip` here)".to_owned(),
    }
}

fn megabytes(file: &std::fs::Metadata) -> f64 {
    file.len() as f64 / 1e6
}
