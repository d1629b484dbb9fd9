//! What is to be published: the newest word under each key, so that it never grows beyond the number
//! of logs and topics and what people have just commanded, and whoever puts something in never waits
//! for the network.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
};

use gatepost_model::{SiteId, Topic, UnitId, topic::Channel, wire};
use tokio::sync::Notify;

/// One message to be published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// Where.
    pub topic: String,
    /// What.
    pub payload: Vec<u8>,
    /// The broker keeps it for those who come later.
    pub retain: bool,
}

/// Messages that wait for being published.
#[derive(Debug, Default)]
pub struct Outbox {
    waiting: Mutex<Waiting>,
    filled: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    by_key: BTreeMap<String, Outgoing>,
    order: VecDeque<String>,
    /// Tells messages apart that replace none.
    number: u64,
}

impl Waiting {
    fn next_number(&mut self) -> u64 {
        self.number += 1;
        self.number
    }
}

impl Outbox {
    /// Puts an ack in; it replaces one for the same log that still waits.
    pub fn ack(&self, site: SiteId, unit: UnitId, ack: &wire::Ack) {
        let topic = Topic::new(site, unit, Channel::Ack).to_string();
        let key = format!("{topic}#{}", ack.log);
        let payload = wire::to_bytes(ack);
        self.put(
            key,
            Outgoing {
                topic,
                payload,
                retain: false,
            },
        );
    }

    /// Puts a retained message in; it replaces one on the same topic that still waits.
    pub fn retain(&self, topic: String, payload: Vec<u8>) {
        self.put(
            topic.clone(),
            Outgoing {
                topic,
                payload,
                retain: true,
            },
        );
    }

    /// Puts a message in that replaces none.
    pub fn once(&self, topic: String, payload: Vec<u8>) {
        let number = self.lock().next_number();
        let message = Outgoing {
            topic,
            payload,
            retain: false,
        };
        self.put(format!("{}#{number}", message.topic), message);
    }

    fn put(&self, key: String, message: Outgoing) {
        let mut waiting = self.lock();
        if waiting.by_key.insert(key.clone(), message).is_none() {
            waiting.order.push_back(key);
        }
        drop(waiting);
        self.filled.notify_one();
    }

    /// The next message, as soon as there is one. Cancel-safe: it is taken out at the end.
    pub async fn next(&self) -> Outgoing {
        loop {
            let filled = self.filled.notified();
            if let Some(message) = self.take() {
                return message;
            }
            filled.await;
        }
    }

    fn take(&self) -> Option<Outgoing> {
        let mut waiting = self.lock();
        let key = waiting.order.pop_front()?;
        waiting.by_key.remove(&key)
    }

    /// A map and its order are whole whatever panicked while they were held.
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_word_under_a_key_goes_out_once_and_in_order() {
        let outbox = Outbox::default();
        for (topic, payload) in [("a", "1"), ("b", "2"), ("a", "3")] {
            outbox.retain(topic.to_owned(), payload.into());
        }
        let sent: Vec<_> = std::iter::from_fn(|| outbox.take())
            .map(|message| (message.topic, message.payload))
            .collect();
        assert_eq!(
            sent,
            [
                ("a".to_owned(), b"3".to_vec()),
                ("b".to_owned(), b"2".to_vec())
            ]
        );
    }
}
