//! The hub's own broker, for units on the same machine.
//!
//! It is `rumqttd`, on loopback only: it knows no users, and a few malformed connections stop it for
//! good. Behind loopback, with the ack protocol, that cannot lose anything; the [`canary`] notices,
//! and the process ends so that the service manager starts it again. It has no stop of its own: it
//! lives on its own threads for as long as the process. It leaves Nagle's algorithm on, so that the
//! second of two small messages to one client, as an ack after a receipt, is up to 40 ms later than it
//! could be.

use std::{
    collections::HashMap,
    io,
    net::{SocketAddr, TcpListener, TcpStream},
    sync::Arc,
    time::Duration,
};

use rumqttc::{Event, Incoming, QoS};
use rumqttd::{Config, ConnectionSettings, RouterConfig, ServerSettings};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::{
    clock::Clock,
    health::Health,
    ingest::client::{MAX_PACKET, Session, connect},
};

/// The part's name in `/readyz`.
pub const PART: &str = "broker";

/// Why the broker does not run.
#[derive(Debug, thiserror::Error)]
pub enum BrokerError {
    /// It would be open to a network.
    #[error("the embedded broker listens on loopback only, not on {0}: it knows no users")]
    NotLoopback(SocketAddr),
    /// The address is taken or is not this machine's.
    #[error("the embedded broker cannot listen on {listen}")]
    Listen {
        /// The address.
        listen: SocketAddr,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Its thread cannot be made.
    #[error("the embedded broker's thread cannot be started")]
    Thread(#[source] io::Error),
    /// It was started and does not answer.
    #[error("the embedded broker does not answer on {0}")]
    Silent(SocketAddr),
}

/// Connections at once: units, the hub, the canary, and tools that read along.
const MAX_CONNECTIONS: usize = 1000;
/// What one subscription keeps, for a reader that is behind and also when none is: 16 segments of
/// 1 MiB, the whole windows of 32 units that catch up at once. What it drops, units send again.
const SEGMENT_BYTES: usize = 1024 * 1024;
const SEGMENTS: usize = 16;
/// So long it may take to begin to listen.
const START: Duration = Duration::from_secs(5);

/// Starts the broker; answers where it listens.
pub fn start(listen: SocketAddr, clock: Clock) -> Result<SocketAddr, BrokerError> {
    if !listen.ip().is_loopback() {
        return Err(BrokerError::NotLoopback(listen));
    }
    // The broker only logs that it cannot listen, so that is found out before.
    let listen = TcpListener::bind(listen)
        .and_then(|probe| probe.local_addr())
        .map_err(|source| BrokerError::Listen { listen, source })?;
    let mut broker = rumqttd::Broker::new(config(listen));
    std::thread::Builder::new()
        .name("broker".to_owned())
        .spawn(move || {
            if let Err(error) = broker.start() {
                error!(%error, "the embedded broker ended");
            }
        })
        .map_err(BrokerError::Thread)?;
    let started = clock.stopwatch();
    while TcpStream::connect(listen).is_err() {
        if started.elapsed() > START {
            return Err(BrokerError::Silent(listen));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(listen)
}

fn config(listen: SocketAddr) -> Config {
    let connections = ConnectionSettings {
        connection_timeout_ms: 10_000,
        max_payload_size: MAX_PACKET,
        max_inflight_count: 100,
        auth: None,
        external_auth: None,
        dynamic_filters: false,
    };
    let server = ServerSettings {
        name: "mqtt".to_owned(),
        listen,
        tls: None,
        next_connection_delay_ms: 1,
        connections,
    };
    Config {
        id: 0,
        router: RouterConfig {
            max_connections: MAX_CONNECTIONS,
            max_outgoing_packet_count: 200,
            max_segment_size: SEGMENT_BYTES,
            max_segment_count: SEGMENTS,
            ..RouterConfig::default()
        },
        v4: Some(HashMap::from([("mqtt".to_owned(), server)])),
        ..Config::default()
    }
}

/// So many trials in a row may fail.
const TRIALS: u32 = 3;
/// So long one trial may take, and no longer than the time between two unless that is very short.
const TRIAL: Duration = Duration::from_secs(5);
const SHORTEST_TRIAL: Duration = Duration::from_secs(1);

/// Tries the broker again and again: connect, subscribe, publish, receive. Returns when it was told
/// to stop, or with `false` when the broker is dead.
pub async fn canary(
    listen: SocketAddr,
    every: Duration,
    health: Arc<Health>,
    stop: CancellationToken,
) -> bool {
    let patience = every.clamp(SHORTEST_TRIAL, TRIAL);
    let mut failed = 0;
    loop {
        let trial = tokio::select! {
            () = stop.cancelled() => return true,
            trial = timeout(patience, trial(listen)) => trial,
        };
        let wrong = match trial {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(error.to_string()),
            Err(_) => Some("no answer".to_owned()),
        };
        match wrong {
            None => {
                failed = 0;
                if health.works(PART) {
                    info!(%listen, "the embedded broker works");
                }
            }
            Some(wrong) => {
                failed += 1;
                warn!(%listen, failed, wrong, "the embedded broker does not answer");
                health.fails(
                    PART,
                    format!("{wrong}; after {TRIALS} failures the hub restarts"),
                );
                if failed >= TRIALS {
                    return false;
                }
            }
        }
        tokio::select! {
            () = stop.cancelled() => return true,
            () = sleep(every) => {}
        }
    }
}

/// The canary's own topic, beside the units'.
const TOPIC: &str = "gatepost/canary";

async fn trial(listen: SocketAddr) -> Result<(), rumqttc::ConnectionError> {
    let host = listen.ip().to_string();
    // A name of its own for each trial: the broker fails for good where one session takes over
    // another that has not begun yet.
    let nonce = getrandom::u32().unwrap_or_default();
    let name = format!("gatepost-canary-{nonce}");
    let (client, mut driver) = connect(&host, listen.port(), &name, Session::Clean);
    loop {
        match driver.poll().await? {
            Event::Incoming(Incoming::ConnAck(_)) => {
                // Both fit into the client's channels, which are empty here.
                drop(client.try_subscribe(TOPIC, QoS::AtMostOnce));
            }
            Event::Incoming(Incoming::SubAck(_)) => {
                let options = rumqttc::PublishOptions::new(QoS::AtMostOnce);
                drop(client.try_publish(TOPIC, nonce.to_string(), options));
            }
            Event::Incoming(Incoming::Publish(publish))
                if publish.payload == nonce.to_string().as_bytes() =>
            {
                drop(client.try_disconnect());
                // The goodbye goes out with the driver's next turn; whether it arrives is no matter.
                drop(timeout(Duration::from_millis(50), driver.poll()).await);
                return Ok(());
            }
            _ => {}
        }
    }
}
