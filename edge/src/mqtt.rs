//! The link to the broker: events in, publishes out, reconnect; no policy.
//!
//! Each session is a new client with an empty queue: what was under way in the old one is none of
//! its business, the uplink begins again at the last ack. A session is clean, subscribes after every
//! CONNACK, and is handed to the agent as an [`AsyncClient`] to publish with.

use std::time::Duration;

use bytes::Bytes;
use gatepost_model::{
    Wall,
    topic::{Channel, Topic},
    wire::{self, Status},
};
use rumqttc::{
    AsyncClient, Event, EventLoop, LastWill, MqttOptions, Outgoing, Packet, QoS, SessionMode,
    SubscribeFilterInput, TlsConfiguration, Transport,
};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use crate::{
    clock::HostClock,
    config::{Config, Mqtt, Timers},
    tls::{self, BrokerEnds, TlsError},
};

/// Messages between the link and the agent: the agent takes them as they come, and a link that
/// waits for it reads nothing more from the broker.
const EVENTS_BOUND: usize = 64;

/// Requests to the client that are not yet written: subscription, birth and a full window of
/// batches; more is refused and tried again.
const REQUESTS: usize = 10;

/// QoS 1 publishes that the broker has not confirmed.
const IN_FLIGHT: u16 = 20;

const KEEP_ALIVE_S: u16 = 20;

/// Four times the largest batch, either way.
const MAX_PACKET: usize = 256 * 1024;

/// How long the last messages of a session may take.
const DRAIN: Duration = Duration::from_secs(2);

/// A session that lasted this long was a good one: the wait before the next starts small again.
const GOOD_SESSION: Duration = Duration::from_secs(10);

/// What the link tells.
#[derive(Debug)]
pub enum LinkEvent {
    /// A session has begun.
    Up(Session),
    /// It is over.
    Down,
    /// A message on one of the unit's topics.
    Message(Channel, Bytes),
}

/// A session that has begun.
#[derive(Debug)]
pub struct Session {
    /// With what to publish.
    pub client: AsyncClient,
    /// Its id.
    pub id: String,
    /// By which permit.
    pub permit: Permit,
    /// When the broker's certificate ends, if it showed one that does.
    pub broker_ends: Option<Wall>,
}

/// Whether there may be a link: a simulated board can cut it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Permit {
    up: bool,
    /// How often it was cut: a session is not to outlive a cut, however short it was.
    cuts: u64,
}

impl Permit {
    const FIRST: Self = Self { up: true, cuts: 0 };
}

/// The task's side of the link.
#[derive(Debug)]
pub struct Link {
    mqtt: Mqtt,
    topic: Topic,
    timers: Timers,
    clock: HostClock,
    permitted: watch::Receiver<Permit>,
    events: mpsc::Sender<LinkEvent>,
    stop: CancellationToken,
}

/// The agent's side of the link.
#[derive(Debug)]
pub struct LinkHandle {
    /// What the link tells.
    pub events: mpsc::Receiver<LinkEvent>,
    permitted: watch::Sender<Permit>,
    /// Ends the session after its last messages, and the task.
    pub stop: CancellationToken,
}

/// Why a session ended.
enum Ended {
    Lost(String),
    Cut,
    Stopped,
}

impl LinkHandle {
    /// Permits a link, or cuts it.
    pub fn permit(&self, up: bool) {
        self.permitted.send_modify(|permit| {
            permit.up = up;
            permit.cuts += u64::from(!up);
        });
    }

    /// Whether a session that began by `permit` may still be used.
    pub fn is_good(&self, permit: Permit) -> bool {
        *self.permitted.borrow() == permit
    }
}

impl Link {
    /// Both sides of a link by the configuration.
    pub fn new(config: &Config, clock: HostClock) -> (Self, LinkHandle) {
        let (events, received) = mpsc::channel(EVENTS_BOUND);
        let (permit, permitted) = watch::channel(Permit::FIRST);
        let stop = CancellationToken::new();
        let link = Self {
            mqtt: config.mqtt.clone(),
            topic: Topic::new(
                config.unit.site.clone(),
                config.unit.id.clone(),
                Channel::Status,
            ),
            timers: config.timers,
            clock,
            permitted,
            events,
            stop: stop.clone(),
        };
        let handle = LinkHandle {
            events: received,
            permitted: permit,
            stop,
        };
        (link, handle)
    }

    /// Holds a session whenever there can be one, until it is told to stop.
    pub async fn run(mut self) {
        let mut wait = self.timers.reconnect_min;
        loop {
            let permit = tokio::select! {
                () = self.stop.cancelled() => return,
                permit = permitted(&mut self.permitted) => permit,
            };
            let begun = self.clock.now();
            let ended = self.session(permit).await;
            if self.clock.now().since(begun) >= GOOD_SESSION {
                wait = self.timers.reconnect_min;
            }
            match ended {
                Ended::Stopped => return,
                Ended::Cut => {
                    tracing::warn!("the link to the broker was cut");
                    wait = self.timers.reconnect_min;
                    continue;
                }
                Ended::Lost(error) => {
                    tracing::warn!(error, wait_ms = wait.as_millis(), "no link to the broker");
                }
            }
            tokio::select! {
                () = self.stop.cancelled() => return,
                () = tokio::time::sleep(with_jitter(wait)) => {}
            }
            wait = (wait * 2).min(self.timers.reconnect_max);
        }
    }

    /// One session, from connecting to its end.
    async fn session(&mut self, permit: Permit) -> Ended {
        let id = format!("{:08x}", random());
        let ends = BrokerEnds::default();
        let options = match self.options(&id, &ends) {
            Ok(options) => options,
            Err(error) => return Ended::Lost(error.to_string()),
        };
        let built = AsyncClient::builder(options).capacity(REQUESTS).try_build();
        let (client, mut connection) = match built {
            Ok(built) => built,
            Err(error) => return Ended::Lost(error.to_string()),
        };
        connection.network_options.set_tcp_nodelay(true);
        let mut is_up = false;
        let ended = loop {
            // Where another branch wins, the connection is dropped or drained: nothing depends on
            // what its poll had begun.
            let event = tokio::select! {
                event = connection.poll() => event,
                () = cut(&mut self.permitted, permit) => break Ended::Cut,
                () = self.stop.cancelled() => break Ended::Stopped,
            };
            let told = match event {
                Ok(Event::Incoming(Packet::ConnAck(_))) => {
                    is_up = true;
                    let filters =
                        [Channel::Ack, Channel::Config, Channel::Command].map(|channel| {
                            SubscribeFilterInput::new(self.on(channel), QoS::AtLeastOnce)
                        });
                    if let Err(error) = client.try_subscribe_many(filters) {
                        break Ended::Lost(error.to_string());
                    }
                    Some(LinkEvent::Up(Session {
                        client: client.clone(),
                        id: id.clone(),
                        permit,
                        broker_ends: ends.get(),
                    }))
                }
                Ok(Event::Incoming(Packet::Publish(publish))) => {
                    std::str::from_utf8(&publish.topic)
                        .ok()
                        .and_then(|topic| Topic::parse(topic).ok())
                        .filter(|topic| {
                            topic.site == self.topic.site && topic.unit == self.topic.unit
                        })
                        .map(|topic| LinkEvent::Message(topic.channel, publish.payload))
                }
                Ok(_) => None,
                Err(error) => {
                    let why = tls::verdict(&error).map_or_else(|| error.to_string(), str::to_owned);
                    break Ended::Lost(why);
                }
            };
            if let Some(told) = told
                && self.events.send(told).await.is_err()
            {
                break Ended::Stopped;
            }
        };
        if is_up && matches!(ended, Ended::Stopped) {
            drain(&mut connection).await;
        } else if is_up && self.events.send(LinkEvent::Down).await.is_err() {
            return Ended::Stopped;
        }
        ended
    }

    fn on(&self, channel: Channel) -> String {
        Topic {
            channel,
            ..self.topic.clone()
        }
        .to_string()
    }

    fn options(&self, session: &str, ends: &BrokerEnds) -> Result<MqttOptions, TlsError> {
        let will = wire::to_bytes(&Status {
            online: false,
            log: None,
            session: session.to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        });
        let mut options = options(&self.mqtt, &self.mqtt.client_id, ends)?;
        options
            .set_keep_alive(KEEP_ALIVE_S)
            .set_session_mode(SessionMode::Clean)
            .set_inflight(IN_FLIGHT)
            .set_max_packet_size(MAX_PACKET, MAX_PACKET)
            .set_last_will(LastWill::new(
                self.on(Channel::Status),
                will,
                QoS::AtLeastOnce,
                true,
            ));
        Ok(options)
    }
}

/// How a broker is spoken to, and where it is noted when its certificate ends.
pub fn options(mqtt: &Mqtt, client_id: &str, ends: &BrokerEnds) -> Result<MqttOptions, TlsError> {
    let mut options = MqttOptions::new(client_id, (mqtt.host.as_str(), mqtt.port));
    if let Some(files) = &mqtt.tls {
        let config = TlsConfiguration::Rustls(tls::client(files, ends)?);
        options.set_transport(Transport::Tls(config));
    }
    Ok(options)
}

/// Waits until a link is permitted. Without an agent to permit it there is none.
async fn permitted(permits: &mut watch::Receiver<Permit>) -> Permit {
    let permit = permits
        .wait_for(|permit| permit.up)
        .await
        .map(|permit| *permit);
    match permit {
        Ok(permit) => permit,
        Err(_agent_is_gone) => std::future::pending().await,
    }
}

/// Waits until a permit is no longer good; it is not without an agent.
async fn cut(permits: &mut watch::Receiver<Permit>, permit: Permit) {
    // Either way the session ends.
    let _ = permits.wait_for(|now| *now != permit).await.is_ok();
}

/// Writes the session's last messages, the goodbye among them.
async fn drain(connection: &mut EventLoop) {
    let drained = async {
        loop {
            match connection.poll().await {
                Ok(Event::Outgoing(Outgoing::Disconnect)) | Err(_) => return,
                Ok(_) => {}
            }
        }
    };
    if tokio::time::timeout(DRAIN, drained).await.is_err() {
        tracing::warn!("the last messages to the broker took too long");
    }
}

/// Half to one and a half times a span, so that units do not come back all at once.
fn with_jitter(span: Duration) -> Duration {
    span.mul_f64(0.5 + f64::from(random()) / f64::from(u32::MAX))
}

fn random() -> u32 {
    // Without chance there is no jitter; nothing else depends on it.
    getrandom::u32().unwrap_or(u32::MAX / 2)
}
