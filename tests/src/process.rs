//! A process that is started again at once when it dies, as a service manager would.

use std::{ffi::OsString, fs::OpenOptions, io, path::PathBuf, process::Stdio, time::Duration};

use anyhow::Context;
use rustix::process::{Pid, Signal, kill_process};
use tokio::{
    process::{Child, Command},
    sync::watch,
    time::{sleep, timeout},
};
use tokio_util::task::TaskTracker;

use crate::clock::Deadline;

/// How long a process may take to drain before it is killed.
const DRAIN: Duration = Duration::from_secs(15);
/// A process that dies sooner than this after its start waits before the next.
const TOO_SOON: Duration = Duration::from_millis(300);

/// What to run.
#[derive(Debug, Clone)]
pub struct Spec {
    /// For messages.
    pub name: String,
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub args: Vec<OsString>,
    /// Where its stdout and stderr go.
    pub log: PathBuf,
}

/// A supervised process.
#[derive(Debug)]
pub struct Process {
    wanted: watch::Sender<Wanted>,
    pid: watch::Receiver<Option<u32>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Up,
    /// Without power.
    Down,
    /// Drained, for good.
    Stopped,
}

impl Process {
    /// Starts a process and keeps it running.
    pub fn start(spec: Spec, tasks: &TaskTracker) -> Self {
        let (wanted, wants) = watch::channel(Wanted::Up);
        let (say, pid) = watch::channel(None);
        tasks.spawn(supervise(spec, wants, say));
        Self { wanted, pid }
    }

    /// Its process id, if it runs.
    pub fn pid(&self) -> Option<u32> {
        *self.pid.borrow()
    }

    /// Tells when the process id changes.
    pub fn pids(&self) -> watch::Receiver<Option<u32>> {
        self.pid.clone()
    }

    /// `kill -9`; it is started again at once.
    pub fn kill(&self) {
        if let Some(pid) = self.pid() {
            signal(pid, Signal::KILL);
        }
    }

    /// Takes its power away until [`Process::up`].
    pub fn down(&self) {
        self.wanted.send_replace(Wanted::Down);
    }

    /// Gives it power again.
    pub fn up(&self) {
        self.wanted.send_replace(Wanted::Up);
    }

    /// Lets it drain and end, and waits for that.
    pub async fn stop(&self) {
        self.wanted.send_replace(Wanted::Stopped);
        let mut pid = self.pid.clone();
        // An error means that the supervisor has ended, and the process before it.
        let _ = pid.wait_for(Option::is_none).await;
    }
}

fn signal(pid: u32, signal: Signal) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        // It may have died in this moment.
        let _ = kill_process(pid, signal);
    }
}

async fn supervise(
    spec: Spec,
    mut wants: watch::Receiver<Wanted>,
    say: watch::Sender<Option<u32>>,
) {
    loop {
        let wanted = wants
            .wait_for(|wanted| *wanted != Wanted::Down)
            .await
            .map(|wanted| *wanted);
        if !matches!(wanted, Ok(Wanted::Up)) {
            return;
        }
        let quick = Deadline::after(TOO_SOON);
        match spawn(&spec) {
            Ok(child) => run(child, &mut wants, &say).await,
            Err(error) => {
                tracing::error!(process = %spec.name, error = format!("{error:#}"), "cannot be started")
            }
        }
        say.send_replace(None);
        if !quick.is_over() {
            sleep(TOO_SOON).await;
        }
    }
}

/// Waits until the process ends by itself or must.
async fn run(
    mut child: Child,
    wants: &mut watch::Receiver<Wanted>,
    say: &watch::Sender<Option<u32>>,
) {
    say.send_replace(child.id());
    // Held open: when this side is gone, even by `kill -9`, the process reads its end and stops.
    let _stdin = child.stdin.take();
    let wanted = tokio::select! {
        _ = child.wait() => return,
        wanted = wants.wait_for(|wanted| *wanted != Wanted::Up) => wanted.map_or(Wanted::Stopped, |wanted| *wanted),
    };
    if wanted == Wanted::Stopped
        && let Some(pid) = child.id()
    {
        signal(pid, Signal::TERM);
        if timeout(DRAIN, child.wait()).await.is_ok() {
            return;
        }
        tracing::warn!(pid, "a process did not end in time and is killed");
    }
    // Fails only if it has ended meanwhile.
    let _ = child.kill().await;
}

fn spawn(spec: &Spec) -> anyhow::Result<Child> {
    let log = OpenOptions::new()
        .create(true)
        .append(true)
        .open(&spec.log)
        .with_context(|| spec.log.display().to_string())?;
    let mut command = Command::new(&spec.program);
    command
        .args(&spec.args)
        .stdin(Stdio::piped())
        .stdout(log.try_clone()?)
        .stderr(log)
        // Ctrl-C is for the demo, which ends the others in order.
        .process_group(0)
        .kill_on_drop(true);
    command
        .spawn()
        .with_context(|| spec.program.display().to_string())
}

/// Ends this process when its stdin ends: whoever started it is gone.
pub fn stop_with_parent() {
    std::thread::spawn(|| {
        let _ = io::copy(&mut io::stdin().lock(), &mut io::sink());
        let _ = kill_process(rustix::process::getpid(), Signal::TERM);
        std::thread::sleep(DRAIN);
        std::process::exit(1);
    });
}
