//! One unit's way to the hub and back: messages keep their order within a session, but may vanish,
//! come twice, or, when the session breaks, come late.

use std::collections::VecDeque;

use e2e::world::dice::Dice;
use gatepost_model::topic::Channel;

/// The longest way of a message, microseconds.
const LATENCY_US: u64 = 800_000;
/// What was under way when a session broke comes at most so much later, microseconds.
const LATE_US: u64 = 3_000_000;
/// Of a hundred messages, so many vanish although the session stands.
const VANISH: f64 = 0.02;
/// And so many come twice.
const TWICE: f64 = 0.04;

/// A message on its way.
#[derive(Debug, Clone)]
struct Message {
    at: u64,
    channel: Channel,
    payload: Vec<u8>,
}

/// The link of one unit.
#[derive(Debug, Default)]
pub(crate) struct Link {
    /// A session stands.
    pub(crate) is_up: bool,
    /// There can be none before.
    pub(crate) cut_until: u64,
    to_hub: VecDeque<Message>,
    to_unit: VecDeque<Message>,
    late: Vec<Message>,
    is_perfect: bool,
}

impl Link {
    /// From here on nothing fails any more.
    pub(crate) fn heal(&mut self) {
        self.is_perfect = true;
        self.cut_until = 0;
    }

    /// The session breaks; says whether there was one.
    pub(crate) fn breaks(&mut self, now: u64, dice: &mut Dice) -> bool {
        for message in self.to_hub.drain(..) {
            if dice.chance(0.4) {
                let at = now + dice.whole(0, LATE_US);
                self.late.push(Message { at, ..message });
            }
        }
        self.to_unit.clear();
        std::mem::replace(&mut self.is_up, false)
    }

    /// The unit publishes.
    pub(crate) fn publish(
        &mut self,
        now: u64,
        channel: Channel,
        payload: Vec<u8>,
        dice: &mut Dice,
    ) {
        if self.is_up {
            send(
                &mut self.to_hub,
                self.is_perfect,
                now,
                channel,
                payload,
                dice,
            );
        }
    }

    /// The hub publishes.
    pub(crate) fn answer(&mut self, now: u64, payload: Vec<u8>, dice: &mut Dice) {
        if self.is_up {
            let to = &mut self.to_unit;
            send(to, self.is_perfect, now, Channel::Ack, payload, dice);
        }
    }

    /// What has reached the hub.
    pub(crate) fn at_hub(&mut self, now: u64) -> Vec<(Channel, Vec<u8>)> {
        let mut arrived = take(&mut self.to_hub, now);
        let late = self.late.extract_if(.., |message| message.at <= now);
        arrived.extend(late.map(|message| (message.channel, message.payload)));
        arrived
    }

    /// What has reached the unit.
    pub(crate) fn at_unit(&mut self, now: u64) -> Vec<Vec<u8>> {
        let arrived = take(&mut self.to_unit, now).into_iter();
        arrived.map(|(_, payload)| payload).collect()
    }

    /// Whether something is still on its way to the hub.
    pub(crate) fn is_busy(&self) -> bool {
        !self.to_hub.is_empty() || !self.late.is_empty() || !self.to_unit.is_empty()
    }
}

fn send(
    queue: &mut VecDeque<Message>,
    is_perfect: bool,
    now: u64,
    channel: Channel,
    payload: Vec<u8>,
    dice: &mut Dice,
) {
    if !is_perfect && dice.chance(VANISH) {
        return;
    }
    let behind = queue.back().map_or(0, |message| message.at);
    let at = behind.max(now + dice.whole(1000, LATENCY_US));
    let message = Message {
        at,
        channel,
        payload,
    };
    if !is_perfect && dice.chance(TWICE) {
        queue.push_back(message.clone());
    }
    queue.push_back(message);
}

fn take(queue: &mut VecDeque<Message>, now: u64) -> Vec<(Channel, Vec<u8>)> {
    let arrived = queue.partition_point(|message| message.at <= now);
    let arrived = queue.drain(..arrived);
    arrived
        .map(|message| (message.channel, message.payload))
        .collect()
}
