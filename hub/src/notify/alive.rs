//! The dead man's switch: an address outside is told that the hub is alive and that its parts work.
//! Whoever runs that address calls somebody when nothing comes any more; the hub itself cannot.

use std::sync::Arc;

use tokio::{
    task::spawn_blocking,
    time::{MissedTickBehavior, interval},
};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};
use ureq::Agent;

use super::{channel::retry, http::get};
use crate::{config::Watchdog, health::Health};

/// Tells the address as often as it is to be told, until the hub stops. While a part of the hub does
/// not work nothing is told: then somebody must come.
pub async fn tell(watchdog: Watchdog, agent: Agent, health: Arc<Health>, stop: CancellationToken) {
    let mut beat = interval(watchdog.every);
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut had_failed = false;
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = beat.tick() => {}
        }
        if !health.readiness().iter().all(|part| part.ready) {
            continue;
        }
        let (agent, url) = (agent.clone(), watchdog.url.0.clone());
        let told = spawn_blocking(move || get(&agent, &url)).await;
        let told = told.unwrap_or_else(|_| Err(retry("the hub is stopping")));
        match &told {
            Ok(()) if had_failed => info!("the watchdog can be told again"),
            Err(failure) if !had_failed => {
                warn!(
                    why = failure.why(),
                    "the watchdog cannot be told that the hub is alive"
                );
            }
            _ => {}
        }
        had_failed = told.is_err();
    }
}
