//! `gatepost-demo`: the whole of Gatepost on one machine, before a simulated world.

mod args;
mod control;
mod status;

use std::{
    io::{IsTerminal, Write},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use anyhow::Context;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use args::People;
pub use args::{Args, Command};

use crate::{
    clock::{Deadline, WorldClock},
    fleet::{Fleet, Setup, free_port},
    stage::{Script, Stage},
    verify,
    wait::wait_for,
    world::counts::Counts,
};

/// How long the world waits for its units to be on the page; later it plays before those that are.
const INTRODUCTION: Duration = Duration::from_secs(4);

/// Runs the demo until it is told to stop, or verifies one. True if all is well.
pub async fn main(args: Args) -> anyhow::Result<bool> {
    let program = std::env::current_exe().context("this program's own path")?;
    if let Some(Command::Verify { dir }) = &args.command {
        let mut say = |line: String| say(&line);
        return verify::run(&program, dir, &mut say).await;
    }
    let stop = stop_signal(args.until)?;
    // Kept only to be removed with the demo.
    let (dir, _temporary) = data_dir(args.data.clone())?;
    let mut script = script(&args)?;
    let state = script.state(&dir)?;
    let setup = Setup {
        program: program.clone(),
        http: args.http.address()?,
        mqtt: args.mqtt.address()?,
        mqtt_for_units: None,
        token: args.http.token()?,
        history: args.store.clone(),
        hub_extra: String::new(),
        unit_extra: String::new(),
        sites: script.sites(state.started),
        dir: dir.clone(),
    };
    let demo = setup.write()?;
    let fleet = Arc::new(Fleet::launch(&program, &dir, demo).await?);
    say(&format!("Gatepost: http://{}/", setup.http));
    if let Some(token) = &setup.token {
        say(&format!("Token: {token}"));
    }
    introduce(&fleet).await;
    let stage = Arc::new(Stage::begin(&script, state, &dir, &fleet)?);
    let tasks = TaskTracker::new();
    let ended = stop.child_token();
    let control = control::serve(
        Arc::clone(&stage),
        Arc::clone(&fleet),
        ended.clone(),
        &tasks,
    )
    .await?;
    say(&format!("World: http://{control}/"));
    say(&format!("Data: {}", dir.display()));
    tasks.spawn(status::show(Arc::clone(&stage), Arc::clone(&fleet), ended));
    tasks.close();
    stop.cancelled().await;
    tasks.wait().await;
    say("Stopping.");
    stage.end().await;
    fleet.stop().await;
    Ok(true)
}

/// Units say that they are there before their history takes them off the network.
async fn introduce(fleet: &Fleet) {
    let introduced = wait_for("all units online", INTRODUCTION, async || {
        let units = fleet
            .api
            .units()
            .await
            .map_err(|error| format!("{error:#}"))?;
        let online = units.iter().filter(|unit| unit.state == "online").count();
        if online == fleet.units.len() {
            Ok(())
        } else {
            Err(format!("{units:?}"))
        }
    });
    if let Err(error) = introduced.await {
        tracing::warn!(error = format!("{error:#}"), "a unit is late");
    }
}

fn script(args: &Args) -> anyhow::Result<Script> {
    let counts = match (&args.counts, args.site_zone) {
        (Some(path), Some(zone)) => {
            let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
            let counts = Counts::parse(&text, zone).with_context(|| path.display().to_string())?;
            Some(Arc::new(counts))
        }
        _ => None,
    };
    let faces = args.faces.as_ref().map(People::read).transpose()?;
    Ok(Script {
        seed: args.seed,
        sites: args.sites as usize,
        history_days: args.history.days(),
        clock: counts
            .as_deref()
            .map_or_else(WorldClock::real, Script::clock_of),
        counts,
        faces: faces.map(Arc::new),
    })
}

/// Where everything is, and what removes it in the end if nobody asked for it.
fn data_dir(data: Option<PathBuf>) -> anyhow::Result<(PathBuf, Option<tempfile::TempDir>)> {
    if let Some(dir) = data {
        std::fs::create_dir_all(&dir).with_context(|| dir.display().to_string())?;
        let dir = dir
            .canonicalize()
            .with_context(|| dir.display().to_string())?;
        return Ok((dir, None));
    }
    let temporary = tempfile::Builder::new()
        .prefix("gatepost-demo-")
        .tempdir()?;
    Ok((temporary.path().to_owned(), Some(temporary)))
}

/// Cancelled by Ctrl-C, SIGTERM, or when `until` is over.
fn stop_signal(until: Option<Duration>) -> anyhow::Result<CancellationToken> {
    let stop = CancellationToken::new();
    let (mut term, mut int) = (
        signal(SignalKind::terminate())?,
        signal(SignalKind::interrupt())?,
    );
    let token = stop.clone();
    let deadline = until.map(Deadline::after);
    let tracker = TaskTracker::new();
    tracker.spawn(async move {
        let over = async {
            match deadline {
                Some(deadline) => tokio::time::sleep(deadline.left()).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = term.recv() => {}
            _ = int.recv() => {}
            () = over => {}
        }
        token.cancel();
    });
    Ok(stop)
}

#[expect(clippy::print_stdout, reason = "what the demo says to who started it")]
fn say(line: &str) {
    // On a terminal the status line is where the cursor is.
    if std::io::stdout().is_terminal() {
        print!("\r\x1b[K");
    }
    println!("{line}");
    let _ = std::io::stdout().flush();
}

/// A port of this machine for an address that leaves it open.
fn with_port(address: &str) -> anyhow::Result<String> {
    match address.strip_suffix(":0") {
        Some(host) => Ok(format!("{host}:{}", free_port()?)),
        None => Ok(address.to_owned()),
    }
}
