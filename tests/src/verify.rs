//! Holds the hub's record against what really happened.
//!
//! [`compare`] is the judgement (pure); [`run`] drains the spools first, starting hub and units if
//! the demo is not running, reads the record over the API and prints the report.

mod compare;
mod report;
mod seen;

use std::{collections::BTreeSet, path::Path, time::Duration};

use anyhow::Context;
use gatepost_edge::spool::{fs::Real, survey::survey};
use gatepost_model::Wall;
use serde::Deserialize;
use tokio::time::sleep;

pub use compare::{Told, compare};
pub use report::Report;
pub use seen::{Key, Seen};

use crate::{
    api::Api,
    board::Board,
    clock::{self, Deadline},
    fleet::{DemoFile, Fleet, read_demo},
    journal::{read_state, read_truths},
    world::truth::Truth,
};

/// Without any progress for so long, units do not drain any more.
const STUCK: Duration = Duration::from_secs(40);
/// What the units said last may still be on its way.
const ON_THE_WAY: Duration = Duration::from_secs(20);

/// Kinds that the truth speaks of, and `unclear`, which is counted.
const KINDS: [&str; 5] = ["passage", "screening", "entry", "round", "unclear"];

/// Verifies the demo in `dir`; `program` is the demo's binary. True if all is well.
pub async fn run(program: &Path, dir: &Path, say: &mut impl FnMut(String)) -> anyhow::Result<bool> {
    let demo = read_demo(dir)?;
    let api = Api::new(&demo.http, demo.token.clone())?;
    let running = demo.hub_pid.is_some_and(is_alive) && api.is_up().await;
    if running {
        return verify(&api, dir, &demo, true, say).await;
    }
    say("The demo is not running: hub and units are started to drain the spools.".to_owned());
    let fleet = Fleet::launch(program, dir, demo.clone()).await?;
    let mut boards = Vec::new();
    for unit in &fleet.units {
        let mut board = Board::connect(&unit.socket).await?;
        board.show(&boot_in_peace()).await?;
        boards.push(board);
    }
    let verdict = verify(&fleet.api, dir, &demo, false, say).await;
    fleet.stop().await;
    verdict
}

/// A boot in which nothing happens: a unit sends when it knows which boot runs, and no world is there
/// to tell it.
fn boot_in_peace() -> String {
    let wall = clock::wall();
    let now = Wall::from_micros(wall).unwrap_or_else(|| unreachable!("{wall} is no time"));
    format!(
        "{{\"mono_us\":0,\"boot\":\"verify-{wall}\"}}\n\
         {{\"mono_us\":0,\"clock\":\"{now}\",\"synced\":true}}\n"
    )
}

fn is_alive(pid: u32) -> bool {
    Path::new("/proc").join(pid.to_string()).exists()
}

/// Verifies against a hub that answers.
pub async fn verify(
    api: &Api,
    dir: &Path,
    demo: &DemoFile,
    running: bool,
    say: &mut impl FnMut(String),
) -> anyhow::Result<bool> {
    // Read before the spools are drained: what it says is durable is in a spool by now. A round that
    // ends meanwhile is under way before, one that begins is so after.
    let before = told_by_the_world(dir)?;
    let truths = read_truths(dir)?;
    let mut told = told_by_the_world(dir)?;
    told.under_way.extend(before.under_way);
    if running {
        told.through.clear();
    }
    if !told.through.is_empty() {
        say("The world was killed: what it had not yet told is not judged.".to_owned());
    }
    if let Err(stuck) = drained(api, demo).await {
        say(stuck);
    }
    let deadline = Deadline::after(ON_THE_WAY);
    loop {
        let report = report(api, demo, &truths, running, &told).await?;
        let late = !report.missing.is_empty() && !deadline.is_over();
        if !late {
            for line in report.lines() {
                say(line);
            }
            return Ok(report.is_clean());
        }
        sleep(Duration::from_millis(500)).await;
    }
}

/// What the world has not told yet; and how far it had told everything, if it was killed.
fn told_by_the_world(dir: &Path) -> anyhow::Result<Told> {
    let mut told = Told::default();
    let Some(state) = read_state(dir)? else {
        return Ok(told);
    };
    for (unit, kept) in state.units {
        let rounds = kept.under_way.iter();
        told.under_way
            .extend(rounds.map(|start| (unit.clone(), start.boot.to_string(), start.mono_us)));
        if state.playing {
            let after_boot = u64::try_from(kept.settled - kept.boot_at).unwrap_or(0);
            told.through
                .insert((unit, kept.boot.to_string()), after_boot);
        }
    }
    Ok(told)
}

async fn report(
    api: &Api,
    demo: &DemoFile,
    truths: &[Truth],
    running: bool,
    told: &Told,
) -> anyhow::Result<Report> {
    let sites: BTreeSet<&str> = demo.units.iter().map(|unit| unit.site.as_str()).collect();
    let mut seen = Vec::new();
    for site in sites {
        for kind in KINDS {
            for event in api.events(site, kind).await? {
                let event = Seen::read(site, &event)
                    .with_context(|| format!("an event of {site} cannot be read: {event}"))?;
                seen.push(event);
            }
        }
    }
    Ok(compare(truths, &seen, running, told))
}

/// Waits until everything that is on a unit's disk now is in the hub's record; says which units hold
/// something back if they do not get on.
///
/// The spools themselves are asked: a hub that has just started knows nothing yet of what waits.
pub async fn drained(api: &Api, demo: &DemoFile) -> Result<(), String> {
    let mut spools = Vec::new();
    for unit in &demo.units {
        let spool = survey(&Real::at(&unit.spool))
            .map_err(|error| format!("{}: {error}", unit.spool.display()))?;
        spools.extend(spool.log.map(|log| (unit, log, spool.last)));
    }
    let mut last = String::new();
    let mut deadline = Deadline::after(STUCK);
    loop {
        let mut held = Vec::new();
        for (unit, log, end) in &spools {
            let path = format!("sites/{}/units/{}", unit.site, unit.unit);
            match api.json::<UnitLogs>(&path).await {
                Ok(unit_logs) => {
                    let through = unit_logs.through(log.as_str());
                    if through < *end {
                        held.push(format!("{path}: {through} of {end} events of log {log}"));
                    }
                }
                Err(error) => held.push(format!("{path}: {error:#}")),
            }
        }
        if held.is_empty() {
            return Ok(());
        }
        let now = held.join(", ");
        if now != last {
            last = now;
            deadline = Deadline::after(STUCK);
        }
        if deadline.is_over() {
            return Err(format!("not drained: {last}"));
        }
        sleep(Duration::from_millis(250)).await;
    }
}

/// How far a unit's logs are in the record.
#[derive(Debug, Deserialize)]
struct UnitLogs {
    logs: Vec<LogThrough>,
}

#[derive(Debug, Deserialize)]
struct LogThrough {
    log: String,
    through: u64,
}

impl UnitLogs {
    fn through(&self, log: &str) -> u64 {
        let known = self.logs.iter().find(|known| known.log == log);
        known.map_or(0, |known| known.through)
    }
}
