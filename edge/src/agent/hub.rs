//! The agent's talk with the hub: birth, presence, batches, acks.

use std::time::Duration;

use gatepost_model::{
    Wall,
    remote::{Command, Reply, WantedConfig},
    topic::{Channel, Topic},
    wire::{self, Ack, Alive, Status},
};
use rumqttc::{AsyncClient, ClientError, PublishOptions, QoS};
use serde::de::DeserializeOwned;

use crate::{
    batch::batch,
    config::{Config, Timers, Unit},
    core::{Core, uplink::Uplink},
    spool::{AckError, Acked, Spool, fs::Real},
    time::HostTime,
};

/// When the client's queue is full it is tried again after this.
const RETRY_PUBLISH: Duration = Duration::from_millis(20);

/// What the hub's time is off if it is not known how long the message took, milliseconds.
const UNKNOWN_TRIP_MS: u64 = 1000;

/// A live board's time may be this much behind, milliseconds: it speaks at least that often.
const BOARD_STEP_MS: u64 = 25;

/// The hub as the agent sees it.
pub(super) struct Hub {
    unit: Unit,
    timers: Timers,
    uplink: Uplink,
    session: Option<Session>,
    alive_due: HostTime,
    retry_at: Option<HostTime>,
}

struct Session {
    client: AsyncClient,
    id: String,
}

/// What the hub said.
pub(super) enum Word {
    Nothing,
    /// What its clock showed just now.
    Time {
        wall: Wall,
        err_ms: u64,
    },
    /// Its log is not ours.
    Fork,
    /// The unit is to run with this.
    Wanted(WantedConfig),
    /// Something is to be done.
    Command(Command),
}

impl Hub {
    pub(super) fn new(config: &Config) -> Self {
        Self {
            unit: config.unit.clone(),
            timers: config.timers,
            uplink: Uplink::new(config.timers.ack_timeout),
            session: None,
            alive_due: HostTime(0),
            retry_at: None,
        }
    }

    pub(super) fn handle_up(
        &mut self,
        now: HostTime,
        client: AsyncClient,
        session: String,
        spool: &Spool<Real>,
    ) {
        tracing::info!(waiting = spool.waiting(), "linked to the broker");
        self.session = Some(Session {
            client,
            id: session,
        });
        self.alive_due = now;
        self.say_status(true, spool);
        self.uplink.handle_connected(now, spool.acked());
    }

    pub(super) fn handle_down(&mut self) {
        self.session = None;
        self.retry_at = None;
        self.uplink.handle_disconnected();
    }

    pub(super) fn handle_new_log(&mut self, now: HostTime, spool: &Spool<Real>) {
        self.uplink.handle_new_log(now);
        self.say_status(true, spool);
    }

    pub(super) fn handle_message(
        &mut self,
        now: HostTime,
        channel: Channel,
        payload: &[u8],
        spool: &mut Spool<Real>,
    ) -> Word {
        match channel {
            Channel::Ack => read(channel, payload)
                .map_or(Word::Nothing, |ack| self.handle_ack(now, &ack, spool)),
            Channel::Config => read(channel, payload).map_or(Word::Nothing, Word::Wanted),
            Channel::Command => read(channel, payload).map_or(Word::Nothing, Word::Command),
            // Nothing else is subscribed to.
            _ => Word::Nothing,
        }
    }

    fn handle_ack(&mut self, now: HostTime, ack: &Ack, spool: &mut Spool<Real>) -> Word {
        match spool.ack(ack) {
            Ok(Acked::Through(_)) => {}
            Ok(Acked::Lowered(through)) => {
                tracing::warn!(
                    through,
                    store = ack.store,
                    "the hub has less than before: sending again"
                );
            }
            Err(AckError::OtherLog(_)) => {
                tracing::debug!(log = %ack.log, "an ack for another log");
                return Word::Nothing;
            }
            Err(AckError::Fork { through }) => {
                tracing::error!(through, hub = %ack.chain, "the hub's log differs");
                return Word::Fork;
            }
            Err(AckError::Io(error)) => {
                tracing::error!(error = %error, "an ack could not be compared with the log");
                return Word::Nothing;
            }
        }
        let trip = self.uplink.handle_acked(now, ack.through);
        let half = trip.map(|trip| u64::try_from(trip.as_micros() / 2).unwrap_or(u64::MAX));
        Word::Time {
            wall: ack
                .time
                .plus_micros(half.map_or(0, |half| i64::try_from(half).unwrap_or(0))),
            err_ms: half.map_or(UNKNOWN_TRIP_MS, |half| half / 1000 + BOARD_STEP_MS),
        }
    }

    pub(super) fn deadline(&self) -> Option<HostTime> {
        self.session.as_ref()?;
        [Some(self.alive_due), self.retry_at, self.uplink.deadline()]
            .into_iter()
            .flatten()
            .min()
    }

    /// Sends presence and whatever the window lets through.
    pub(super) fn send(&mut self, now: HostTime, spool: &mut Spool<Real>, core: &Core) {
        if self.session.is_none() {
            return;
        }
        if self.uplink.deadline().is_some_and(|due| due <= now) && self.uplink.handle_deadline(now)
        {
            tracing::warn!(
                acked = spool.acked(),
                "the hub confirms nothing: sending again"
            );
        }
        if now >= self.alive_due {
            self.alive_due = now.plus(self.timers.alive);
            self.say_alive(spool, core);
        }
        if self.retry_at.is_some_and(|at| now < at) {
            return;
        }
        self.retry_at = None;
        while let Some(from) = self.uplink.poll_send(spool.last()) {
            let chunk = match spool.read(from) {
                Ok(Some(chunk)) => chunk,
                Ok(None) => return self.try_later(now, self.timers.ack_timeout),
                Err(error) => {
                    tracing::error!(error = %error, from, "the spool cannot be read");
                    return self.try_later(now, self.timers.ack_timeout);
                }
            };
            // Before the board has said which boot runs there is no header.
            let Some(batch) = batch(&self.unit.id, spool.log(), &chunk, core) else {
                return;
            };
            if batch.is_timeless && !self.uplink.may_send_timeless(now) {
                return;
            }
            let options = PublishOptions::new(QoS::AtLeastOnce);
            if !self.publish(Channel::Events, batch.payload, options) {
                return self.try_later(now, RETRY_PUBLISH);
            }
            self.uplink.handle_sent(now, batch.through);
        }
    }

    fn try_later(&mut self, now: HostTime, wait: Duration) {
        self.retry_at = Some(now.plus(wait));
    }

    fn say_alive(&self, spool: &Spool<Real>, core: &Core) {
        let alive = Alive {
            log: spool.log().clone(),
            last: spool.last(),
            waiting: spool.waiting(),
            mono_us: core.now().0,
            clock: core.clock(),
            interval_s: self.timers.alive.as_secs().max(1),
        };
        // Presence that cannot be said now is said again soon.
        self.publish(
            Channel::Alive,
            wire::to_bytes(&alive),
            PublishOptions::new(QoS::AtMostOnce),
        );
    }

    /// Answers the hub. What cannot be said now is said at the next birth, or asked again.
    pub(super) fn reply(&self, reply: &Reply) {
        let options = PublishOptions::new(QoS::AtLeastOnce);
        if !self.publish(Channel::Reply, wire::to_bytes(reply), options) {
            tracing::debug!("a reply could not be said");
        }
    }

    /// Whether there is a session with the broker.
    pub(super) fn is_up(&self) -> bool {
        self.session.is_some()
    }

    fn say_status(&self, online: bool, spool: &Spool<Real>) {
        self.say(online, Some(spool));
    }

    fn say(&self, online: bool, spool: Option<&Spool<Real>>) {
        let Some(session) = &self.session else { return };
        let status = Status {
            online,
            log: spool.map(|spool| spool.log().clone()),
            session: session.id.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        };
        let options = PublishOptions::new(QoS::AtLeastOnce).retained();
        if !self.publish(Channel::Status, wire::to_bytes(&status), options) {
            tracing::debug!(online, "the status could not be said");
        }
    }

    /// Takes the presence back and ends the session.
    pub(super) fn say_goodbye(&mut self) {
        self.say(false, None);
        if let Some(session) = self.session.take()
            && let Err(error) = session.client.try_disconnect()
        {
            tracing::debug!(error = %error, "no goodbye to the broker");
        }
    }

    /// Hands a message to the client; false if its queue is full or the session is gone.
    fn publish(&self, channel: Channel, payload: Vec<u8>, options: PublishOptions) -> bool {
        let Some(session) = &self.session else {
            return false;
        };
        let topic = Topic::new(self.unit.site.clone(), self.unit.id.clone(), channel);
        match session
            .client
            .try_publish(topic.to_string(), payload, options)
        {
            Ok(()) => true,
            Err(ClientError::RequestChannelFull(_)) => false,
            Err(error) => {
                tracing::debug!(error = %error, "the session takes no messages");
                false
            }
        }
    }
}

/// Reads a message; none if that cannot be done. An empty one takes a retained one back.
fn read<T: DeserializeOwned>(channel: Channel, payload: &[u8]) -> Option<T> {
    if payload.is_empty() {
        return None;
    }
    serde_json::from_slice(payload)
        .inspect_err(|error| {
            let channel = channel.as_str();
            tracing::warn!(channel, error = %error, "a message of the hub cannot be read");
        })
        .ok()
}
