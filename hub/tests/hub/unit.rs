//! A unit as the wire knows it: a log of lines, and an MQTT client.

use std::time::Duration;

use gatepost_model::{
    Chain,
    time::Clock,
    wire::{Ack, Header, Sent, encode},
};
use rumqttc::{AsyncClient, Event, EventLoop, Incoming, MqttOptions, PublishOptions, QoS};
use serde_json::{Value, json};
use tokio::{sync::mpsc, task::JoinSet, time::timeout};

use crate::process::{Hub, PATIENCE};

/// A log: lines with their chain.
pub(crate) struct Log {
    pub(crate) id: String,
    pub(crate) lines: Vec<String>,
    pub(crate) chains: Vec<Chain>,
}

impl Log {
    pub(crate) fn new(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            lines: Vec::new(),
            chains: vec![Chain::START],
        }
    }

    /// One more line.
    pub(crate) fn push(&mut self, line: String) {
        let last = *self.chains.last().unwrap();
        self.chains.push(last.then(line.as_bytes()));
        self.lines.push(line);
    }

    /// Passages in, one a millisecond.
    pub(crate) fn passages(&mut self, n: usize) {
        for _ in 0..n {
            self.push(passage(1_000_000 + self.lines.len() as u64 * 1000));
        }
    }

    /// The header of these sequences.
    pub(crate) fn header(&self, first: usize, last: usize) -> Header {
        Header {
            v: 1,
            unit: "gate-1".parse().unwrap(),
            log: self.id.parse().unwrap(),
            first: first as u64,
            count: (last + 1 - first) as u64,
            chain: self.chains[first - 1],
            boot: "b1".parse().unwrap(),
            anchor: None,
            bounds: None,
            sent: Sent {
                boot: "b1".parse().unwrap(),
                mono_us: 60_000_000,
                wall: None,
                clock: Clock::Unset,
            },
        }
    }

    /// A batch of these sequences.
    pub(crate) fn batch(&self, first: usize, last: usize) -> Vec<u8> {
        let lines = &self.lines[first - 1..last];
        encode(
            &self.header(first, last),
            lines.iter().map(|line| line.as_bytes()),
        )
    }
}

pub(crate) fn passage(mono_us: u64) -> String {
    json!({"mono_us": mono_us, "kind": "passage", "lane": "people", "dir": "in", "duration_ms": 400})
        .to_string()
}

/// A unit `gate-1` of site `s`, connected.
pub(crate) struct Unit {
    client: AsyncClient,
    acks: mpsc::Receiver<Ack>,
    /// All acks that came, in order.
    pub(crate) seen: Vec<Ack>,
    _driver: JoinSet<()>,
}

impl Unit {
    pub(crate) async fn connect(hub: &Hub) -> Self {
        let (client, mut driver) = client(hub, "s-gate-1");
        let (sender, acks) = mpsc::channel(1000);
        let (ready, mut is_ready) = mpsc::channel(1);
        let mut running = JoinSet::new();
        let own = client.clone();
        running.spawn(async move {
            loop {
                let event = match driver.poll().await {
                    Ok(event) => event,
                    Err(error) => {
                        eprintln!("the unit's connection ended: {error}");
                        return;
                    }
                };
                match event {
                    Event::Incoming(Incoming::ConnAck(_)) => {
                        own.try_subscribe("gatepost/v1/s/gate-1/ack", QoS::AtLeastOnce)
                            .unwrap();
                    }
                    Event::Incoming(Incoming::SubAck(_)) => drop(ready.try_send(())),
                    Event::Incoming(Incoming::Publish(publish)) => {
                        let ack = serde_json::from_slice(&publish.payload).unwrap();
                        if sender.send(ack).await.is_err() {
                            return;
                        }
                    }
                    _ => {}
                }
            }
        });
        let subscribed = timeout(PATIENCE, is_ready.recv()).await;
        assert_eq!(subscribed, Ok(Some(())), "{}", hub.log());
        Self {
            client,
            acks,
            seen: Vec::new(),
            _driver: running,
        }
    }

    /// Publishes on one of its topics.
    pub(crate) async fn say(&self, channel: &str, payload: impl Into<Vec<u8>>) {
        self.publish(format!("gatepost/v1/s/gate-1/{channel}"), payload)
            .await;
    }

    /// Publishes anywhere.
    pub(crate) async fn publish(&self, topic: String, payload: impl Into<Vec<u8>>) {
        let options = PublishOptions::new(QoS::AtLeastOnce);
        self.client
            .publish(topic, payload.into(), options)
            .await
            .unwrap();
    }

    /// Waits for an ack of a log up to a sequence.
    pub(crate) async fn acked(&mut self, log: &Log, through: usize) -> Ack {
        let wait = async {
            loop {
                let ack = self.acks.recv().await.unwrap();
                self.seen.push(ack.clone());
                if ack.log.as_str() == log.id && ack.through == through as u64 {
                    return ack;
                }
            }
        };
        let ack = timeout(PATIENCE, wait).await;
        let ack = ack.unwrap_or_else(|_| panic!("no ack through {through}: {:?}", self.seen));
        assert_eq!(ack.chain, log.chains[through]);
        ack
    }

    /// Takes one more ack, if it comes in time.
    pub(crate) async fn acked_within(&mut self, patience: Duration) {
        let ack = timeout(patience, self.acks.recv()).await;
        self.seen.extend(ack.ok().flatten());
    }

    /// Whether a log was ever acknowledged up to a sequence.
    pub(crate) fn has_seen_through(&self, log: &str, through: usize) -> bool {
        let is_it = |ack: &Ack| ack.log.as_str() == log && ack.through >= through as u64;
        self.seen.iter().any(is_it)
    }

    /// Whether some log was ever acknowledged.
    pub(crate) fn has_seen(&self, log: &str) -> bool {
        self.seen.iter().any(|ack| ack.log.as_str() == log)
    }

    /// What a stranger who comes finds on a topic, as soon as it is right.
    pub(crate) async fn retained(
        &self,
        hub: &Hub,
        topic: &str,
        is_right: impl Fn(&Value) -> bool,
    ) -> Value {
        let mut last = Value::Null;
        let wait = async {
            loop {
                let (client, mut driver) = client(hub, "reader");
                client.try_subscribe(topic, QoS::AtMostOnce).unwrap();
                while let Ok(event) = driver.poll().await {
                    let Event::Incoming(Incoming::Publish(publish)) = event else {
                        continue;
                    };
                    last = serde_json::from_slice(&publish.payload).unwrap();
                    if is_right(&last) {
                        return;
                    }
                }
            }
        };
        let found = timeout(PATIENCE, wait).await;
        assert!(found.is_ok(), "{topic} is {last}");
        last
    }
}

fn client(hub: &Hub, name: &str) -> (AsyncClient, EventLoop) {
    let (host, port) = hub.mqtt.rsplit_once(':').unwrap();
    let mut options = MqttOptions::new(name, (host, port.parse().unwrap()));
    options.set_max_packet_size(256 * 1024, 256 * 1024);
    AsyncClient::builder(options).capacity(10).build()
}
