//! Holds the hub's record against what really happened.
//!
//! [`compare`] is the judgement (pure); [`run`] drains the spools first, starting hub and units if
//! the demo is not running, reads the record over the API and prints the report.

mod compare;
mod report;
mod seen;

use std::{collections::BTreeSet, path::Path, time::Duration};

use anyhow::Context;
use tokio::time::sleep;

pub use compare::compare;
pub use report::Report;
pub use seen::{Key, Seen};

use crate::{
    api::{Api, UnitRow},
    clock::Deadline,
    fleet::{DemoFile, Fleet, read_demo},
    journal::read_truths,
    world::truth::Truth,
};

/// Without any progress for so long, units do not drain any more.
const STUCK: Duration = Duration::from_secs(40);
/// While a world is running, its last happenings may still be on their way.
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
    let verdict = verify(&fleet.api, dir, &demo, false, say).await;
    fleet.stop().await;
    verdict
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
    // Read before the spools are drained: what it says is durable is in a spool by now.
    let truths = read_truths(dir)?;
    if let Err(stuck) = drained(api, demo).await {
        say(stuck);
    }
    let deadline = Deadline::after(ON_THE_WAY);
    loop {
        let report = report(api, demo, &truths, running).await?;
        let late = running && !report.missing.is_empty() && !deadline.is_over();
        if !late {
            for line in report.lines() {
                say(line);
            }
            return Ok(report.is_clean());
        }
        sleep(Duration::from_millis(500)).await;
    }
}

async fn report(
    api: &Api,
    demo: &DemoFile,
    truths: &[Truth],
    running: bool,
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
    Ok(compare(truths, &seen, running))
}

/// Waits until no unit holds anything back; says which do if they do not get on.
pub async fn drained(api: &Api, demo: &DemoFile) -> Result<(), String> {
    let mut last = String::new();
    let mut deadline = Deadline::after(STUCK);
    loop {
        let now = match api.units().await {
            Ok(units) => {
                let holding: Vec<String> = units
                    .iter()
                    .filter(|unit| holds_back(unit))
                    .map(describe)
                    .collect();
                if holding.is_empty() && units.len() >= demo.units.len() {
                    return Ok(());
                }
                holding.join(", ")
            }
            Err(error) => format!("the hub does not answer: {error:#}"),
        };
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

fn holds_back(unit: &UnitRow) -> bool {
    unit.state != "online" || unit.waiting > 0
}

fn describe(unit: &UnitRow) -> String {
    format!(
        "{} is {} with {} waiting",
        unit.id, unit.state, unit.waiting
    )
}
