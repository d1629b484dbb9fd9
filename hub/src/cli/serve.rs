//! `gatepost-hub serve`: until SIGTERM or SIGINT.
//!
//! Without huge pages: whatever a thread touches first would hold 2 MiB, 35 MB in all for a hub that
//! knows nothing, and nothing is faster by them (`cargo bench -p gatepost-hub`).

use std::{io, path::Path};

use anyhow::Context;
use rustix::thread::disable_transparent_huge_pages;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

use super::{Outcome, read_config};
use crate::{app, engine::chain, telemetry};

pub(super) fn run(path: &Path) -> anyhow::Result<Outcome> {
    telemetry::start();
    if let Err(error) = disable_transparent_huge_pages(true) {
        warn!(%error, "the kernel may hold more memory for the hub than it needs");
    }
    let config = match read_config(path, io::stderr()) {
        Ok(config) => config,
        Err(outcome) => return Ok(outcome),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("no runtime")?;
    let served = runtime.block_on(async {
        let stop = CancellationToken::new();
        let mut terminate = signal(SignalKind::terminate()).context("no SIGTERM")?;
        let mut interrupt = signal(SignalKind::interrupt()).context("no SIGINT")?;
        let stopping = stop.clone();
        let told = async move {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            stopping.cancel();
            std::future::pending::<()>().await;
        };
        let served = tokio::select! {
            served = app::serve(config, stop) => served,
            () = told => Ok(()),
        };
        anyhow::Ok(served)
    })?;
    // A read that still waits for a disk holds up nobody.
    runtime.shutdown_background();
    match served {
        Ok(()) => Ok(Outcome::Fine),
        Err(wrong) => {
            error!(error = chain(&wrong), "the hub cannot go on");
            Ok(Outcome::Wrong)
        }
    }
}
