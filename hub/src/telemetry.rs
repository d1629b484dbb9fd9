//! Logs: text on a terminal, JSON lines otherwise, always on stderr.

use std::io::{self, IsTerminal};

use tracing_subscriber::{EnvFilter, fmt, layer::SubscriberExt, registry, util::SubscriberInitExt};

/// What is logged unless `RUST_LOG` says otherwise. The embedded broker reports every connection
/// that ends as an error; what of it matters is found by the canary.
const DEFAULT_FILTER: &str = "info,rumqttd=off";

/// Begins to log. In a process that logs already, it goes on as it did.
pub fn start() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| DEFAULT_FILTER.into());
    let begun = if io::stderr().is_terminal() {
        registry()
            .with(filter)
            .with(fmt::layer().with_writer(io::stderr))
            .try_init()
    } else {
        registry()
            .with(filter)
            .with(fmt::layer().json().with_writer(io::stderr))
            .try_init()
    };
    if begun.is_err() {
        tracing::debug!("logging had begun before");
    }
}
