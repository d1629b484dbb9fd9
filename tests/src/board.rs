//! The world's side of a simulated board: recorded inputs in, outputs and confirmations out.

use std::{path::Path, time::Duration};

use anyhow::{Context, bail};
use gatepost_model::BootId;
use serde::Deserialize;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{
        UnixStream,
        unix::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
    time::timeout,
};
use tokio_util::{
    sync::{CancellationToken, DropGuard},
    task::TaskTracker,
};

use crate::wait::wait_for;

/// What an agent has confirmed.
#[derive(Debug, Clone, Default)]
pub(crate) struct Heard {
    /// Of which boot.
    pub(crate) boot: Option<BootId>,
    /// Everything decided from inputs up to here is on disk.
    pub(crate) durable: u64,
    /// It is gone.
    pub(crate) closed: bool,
}

/// What a board answers, as far as the world cares.
#[derive(Deserialize)]
struct Answer {
    durable_us: Option<u64>,
    boot: Option<BootId>,
}

/// Hears an agent until it is gone.
pub(crate) async fn listen(
    read: OwnedReadHalf,
    say: watch::Sender<Heard>,
    stop: CancellationToken,
) {
    let mut lines = BufReader::new(read).lines();
    loop {
        let line = tokio::select! {
            () = stop.cancelled() => break,
            line = lines.next_line() => line,
        };
        let Ok(Some(line)) = line else { break };
        if let Ok(Answer {
            durable_us: Some(durable),
            boot,
        }) = serde_json::from_str(&line)
        {
            say.send_modify(|heard| {
                heard.durable = durable;
                heard.boot = boot;
            });
        }
    }
    say.send_modify(|heard| heard.closed = true);
}

/// A board that a test plays by hand.
#[derive(Debug)]
pub struct Board {
    write: OwnedWriteHalf,
    heard: watch::Receiver<Heard>,
    _reader: DropGuard,
}

impl Board {
    /// Waits for the agent behind a socket.
    pub async fn connect(socket: &Path) -> anyhow::Result<Self> {
        let within = Duration::from_secs(20);
        let stream = wait_for("an agent at its board", within, async || {
            UnixStream::connect(socket).await
        })
        .await?;
        let (read, write) = stream.into_split();
        let (say, heard) = watch::channel(Heard::default());
        let stop = CancellationToken::new();
        let tasks = TaskTracker::new();
        tasks.spawn(listen(read, say, stop.clone()));
        Ok(Self {
            write,
            heard,
            _reader: stop.drop_guard(),
        })
    }

    /// Shows recorded inputs, one a line.
    pub async fn show(&mut self, lines: &str) -> anyhow::Result<()> {
        let written = self.write.write_all(lines.as_bytes()).await;
        written.context("the board's socket")
    }

    /// Waits until everything up to a moment of the boot at hand is confirmed.
    pub async fn confirmed(&mut self, mono_us: u64, within: Duration) -> anyhow::Result<()> {
        let reached = |heard: &Heard| heard.durable >= mono_us;
        // Whether it was in time is read from what was heard.
        let _ = timeout(
            within,
            self.heard.wait_for(|heard| reached(heard) || heard.closed),
        )
        .await
        .is_ok();
        let heard = self.heard.borrow();
        if !reached(&heard) {
            bail!("{mono_us} is not confirmed within {within:?}: {heard:?}");
        }
        Ok(())
    }

    /// Waits until the agent is gone, or begins anew.
    pub async fn ended(mut self, within: Duration) -> anyhow::Result<()> {
        let closed = self.heard.wait_for(|heard| heard.closed);
        match timeout(within, closed).await {
            Ok(_) => Ok(()),
            Err(_) => bail!("the agent is still there after {within:?}"),
        }
    }

    /// What is confirmed.
    pub fn durable_us(&self) -> u64 {
        self.heard.borrow().durable
    }
}
