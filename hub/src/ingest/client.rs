//! The hub's connection to the broker, an ordinary MQTT client also of its own one.
//!
//! The broker's receipt is flow control and nothing else: while the engine's queue is full nothing is
//! read, and what the broker drops meanwhile units send again, because only the hub's ack counts.

use std::{sync::Arc, time::Duration};

use gatepost_model::topic::Channel;
use rumqttc::{
    AsyncClient, ConnectionError, Event, EventLoop, Incoming, MqttOptions, Publish, QoS,
    SubscribeFilterInput,
};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::decode::{Message, decode};
use crate::{broker, clock::Clock, core::input::Input, health::Health, outbox::Outbox};

/// The part's name in `/readyz`.
pub const PART: &str = "ingest";

/// The largest packet either way, bytes: a batch is at most 64 KiB.
pub const MAX_PACKET: usize = 256 * 1024;
/// Publishes that wait for being sent. More wait in the outbox, where the newest word replaces
/// older ones.
const REQUESTS: usize = 10;
/// Publishes that the broker has not confirmed.
const IN_FLIGHT: u16 = 20;
const KEEP_ALIVE_S: u16 = 20;
const FIRST_WAIT: Duration = Duration::from_millis(200);
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// What the broker keeps of a client that is away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Session {
    /// Nothing.
    Clean,
    /// Its subscriptions, and what comes for them.
    Kept,
}

/// A client of the broker, and what drives it.
pub fn connect(
    host: &str,
    port: u16,
    client_id: &str,
    session: Session,
) -> (AsyncClient, EventLoop) {
    let mut options = MqttOptions::new(client_id, (host, port));
    options
        .set_keep_alive(KEEP_ALIVE_S)
        .set_clean_session(session == Session::Clean)
        .set_max_packet_size(MAX_PACKET, MAX_PACKET)
        .set_inflight(IN_FLIGHT);
    let (client, mut driver) = AsyncClient::builder(options).capacity(REQUESTS).build();
    driver.network_options.set_tcp_nodelay(true);
    (client, driver)
}

/// Publishes what is put into the outbox.
pub async fn publish(client: AsyncClient, outbox: Arc<Outbox>, stop: CancellationToken) {
    loop {
        let message = tokio::select! {
            () = stop.cancelled() => return,
            message = outbox.next() => message,
        };
        let options = rumqttc::PublishOptions::new(QoS::AtLeastOnce).retain(message.retain);
        let sent = client.publish(message.topic, message.payload, options);
        tokio::select! {
            () = stop.cancelled() => return,
            sent = sent => if let Err(error) = sent {
                warn!(%error, "a message cannot be published");
            },
        }
    }
}

/// Reads what units publish, for as long as the hub runs.
#[derive(Debug)]
pub struct Ingest {
    /// The client that subscribes.
    pub client: AsyncClient,
    /// Where inputs go. While it is full nothing is read.
    pub queue: mpsc::Sender<Input>,
    /// Where it is said whether it works.
    pub health: Arc<Health>,
    /// When messages came.
    pub clock: Clock,
    /// Nobody else looks whether the broker works.
    pub vouches_for_broker: bool,
}

impl Ingest {
    /// Drives the connection until it is told to stop.
    pub async fn run(self, mut driver: EventLoop, stop: CancellationToken) {
        let work = self.drive(&mut driver);
        tokio::select! {
            () = stop.cancelled() => {}
            () = work => {}
        }
    }

    async fn drive(&self, driver: &mut EventLoop) {
        let mut wait = FIRST_WAIT;
        loop {
            let goes_on = match driver.poll().await {
                Ok(Event::Incoming(incoming)) => {
                    if matches!(incoming, Incoming::ConnAck(_)) {
                        wait = FIRST_WAIT;
                    }
                    self.take(incoming).await
                }
                Ok(Event::Outgoing(_)) => true,
                Err(error) => {
                    let goes_on = self.lost(&error).await;
                    tokio::time::sleep(wait).await;
                    wait = (wait * 2).min(LONGEST_WAIT);
                    goes_on
                }
            };
            if !goes_on {
                return;
            }
        }
    }

    /// Answers whether anybody still listens.
    async fn take(&self, incoming: Incoming) -> bool {
        match incoming {
            Incoming::ConnAck(_) => {
                // The broker may have forgotten: subscribe on every connection.
                let channels = [
                    Channel::Events,
                    Channel::Alive,
                    Channel::Status,
                    Channel::Reply,
                ];
                let filters = channels.map(|channel| {
                    SubscribeFilterInput::new(channel.of_all_units(), QoS::AtLeastOnce)
                });
                if let Err(error) = self.client.try_subscribe_many(filters) {
                    warn!(%error, "cannot subscribe");
                }
                true
            }
            Incoming::SubAck(_) => {
                if self.vouches_for_broker {
                    self.health.works(broker::PART);
                }
                if self.health.works(PART) {
                    info!("units can be heard");
                }
                self.put(Input::Listening(true)).await
            }
            Incoming::Publish(publish) => self.put(decode(self.message(publish))).await,
            _ => true,
        }
    }

    fn message(&self, publish: Publish) -> Message {
        Message {
            topic: publish.topic,
            payload: publish.payload,
            retained: publish.retain,
            received: self.clock.now(),
        }
    }

    async fn lost(&self, error: &ConnectionError) -> bool {
        let detail = format!("no connection to the broker ({error}); see that it runs");
        if self.vouches_for_broker {
            self.health.fails(broker::PART, detail.clone());
        }
        if self.health.fails(PART, detail) {
            warn!(%error, "the broker is out of reach; units keep what they see");
            return self.put(Input::Listening(false)).await;
        }
        true
    }

    async fn put(&self, input: Input) -> bool {
        self.queue.send(input).await.is_ok()
    }
}
