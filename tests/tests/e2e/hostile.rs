//! Batches that no sound unit sends, through a real broker: each is handled as the wire says, can be
//! read over the API, and stops nobody.

use std::time::Duration;

use anyhow::{Context, bail, ensure};
use e2e::{clock::WorldClock, harness::TestSite, wait::wait_for};
use gatepost_model::{
    Chain, UnitId,
    time::Clock,
    topic::{Channel, Topic},
    wire::{self, Ack, Header, Sent},
};
use rumqttc::{AsyncClient, Event, MqttOptions, Packet, PublishOptions, QoS};
use serde_json::Value;
use tokio::{sync::mpsc, task::JoinSet};

use crate::{run, script, units::SITE, wants};

const SOON: Duration = Duration::from_secs(15);
/// Acks that wait for the test.
const ACKS: usize = 64;

/// A unit that says what it likes.
struct Rogue {
    client: AsyncClient,
    acks: mpsc::Receiver<Ack>,
    _loop: JoinSet<()>,
}

impl Rogue {
    async fn connect(site: &TestSite, unit: &str) -> anyhow::Result<Self> {
        let demo = site.demo()?;
        let (host, port) = demo.mqtt.rsplit_once(':').context("an address")?;
        let mut options = MqttOptions::new(format!("rogue-{unit}"), (host, port.parse::<u16>()?));
        options.set_max_packet_size(1 << 20, 1 << 20);
        let (client, mut events) = AsyncClient::builder(options).capacity(16).build();
        let topic = Topic::new(SITE.parse()?, unit.parse()?, Channel::Ack);
        client
            .subscribe(topic.to_string(), QoS::AtLeastOnce)
            .await?;
        let (say, acks) = mpsc::channel(ACKS);
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            while let Ok(event) = events.poll().await {
                if let Event::Incoming(Packet::Publish(publish)) = event
                    && let Ok(ack) = serde_json::from_slice(&publish.payload)
                    && say.send(ack).await.is_err()
                {
                    return;
                }
            }
        });
        Ok(Self {
            client,
            acks,
            _loop: tasks,
        })
    }

    async fn publish(&self, unit: &str, payload: Vec<u8>) -> anyhow::Result<()> {
        let topic = Topic::new(SITE.parse()?, unit.parse()?, Channel::Events);
        let options = PublishOptions::new(QoS::AtLeastOnce);
        self.client
            .publish(topic.to_string(), payload, options)
            .await?;
        Ok(())
    }

    async fn ack(&mut self) -> anyhow::Result<Ack> {
        match tokio::time::timeout(SOON, self.acks.recv()).await {
            Ok(Some(ack)) => Ok(ack),
            _ => bail!("no ack"),
        }
    }
}

/// A log as a unit writes it.
struct Log {
    id: &'static str,
    next: u64,
    chain: Chain,
}

impl Log {
    fn new(id: &'static str) -> Self {
        Self {
            id,
            next: 1,
            chain: Chain::START,
        }
    }

    fn header(&self, count: u64) -> Header {
        Header {
            v: wire::VERSION,
            unit: "rogue".parse::<UnitId>().expect("an id"),
            log: self.id.parse().expect("an id"),
            first: self.next,
            count,
            chain: self.chain,
            boot: "boot".parse().expect("an id"),
            anchor: None,
            bounds: None,
            sent: Sent {
                boot: "boot".parse().expect("an id"),
                mono_us: 60_000_000,
                wall: None,
                clock: Clock::Unset,
            },
        }
    }

    /// The next lines as a batch; the log goes on after them.
    fn batch(&mut self, lines: &[&str]) -> Vec<u8> {
        let payload = wire::encode(
            &self.header(lines.len() as u64),
            lines.iter().map(|line| line.as_bytes()),
        );
        for line in lines {
            self.chain = self.chain.then(line.as_bytes());
            self.next += 1;
        }
        payload
    }
}

fn unclear(mono_us: u64) -> String {
    format!(r#"{{"mono_us":{mono_us},"kind":"unclear","lane":"people","reason":"overlap"}}"#)
}

async fn quarantined(site: &TestSite, code: &str) -> anyhow::Result<Value> {
    wait_for(&format!("`{code}` in quarantine"), SOON, async || {
        let list: Value = match site.api.json("quarantine?limit=1000").await {
            Ok(list) => list,
            Err(error) => return Err(format!("{error:#}")),
        };
        let items = list["quarantine"].as_array().cloned().unwrap_or_default();
        let found = items.iter().find(|item| item["code"] == code).cloned();
        found.ok_or_else(|| format!("{items:?}"))
    })
    .await
}

#[test]
fn what_no_sound_unit_sends_is_set_aside_and_stops_nobody() {
    run(async {
        let site = wants(script(1, 1, WorldClock::real()));
        let site = site.prepare().await?.launch().await?;
        let mut rogue = Rogue::connect(&site, "rogue").await?;
        let mut log = Log::new("sound");
        rogue
            .publish("rogue", log.batch(&[&unclear(1), &unclear(2)]))
            .await?;
        let ack = rogue.ack().await?;
        ensure!((ack.through, ack.chain) == (2, log.chain), "{ack:?}");

        // What fails as a whole is never acknowledged.
        let payload = |change: fn(&mut Header)| {
            let mut header = log.header(1);
            change(&mut header);
            wire::encode(&header, [unclear(3).as_bytes()])
        };
        let whole: [(&str, Vec<u8>); 5] = [
            (
                "wrong_unit",
                payload(|header| header.unit = "another".parse().expect("an id")),
            ),
            ("unknown_version", payload(|header| header.v = 2)),
            ("wrong_count", payload(|header| header.count = 2)),
            ("bad_header", b"{\"v\":1,\n".to_vec()),
            ("too_large", {
                let mut payload = payload(|_| {});
                payload.resize(wire::MAX_BATCH_BYTES + 1, b' ');
                payload
            }),
        ];
        for (code, payload) in whole {
            let text = String::from_utf8_lossy(&payload[..8]).into_owned();
            rogue.publish("rogue", payload).await?;
            let item = quarantined(&site, code).await?;
            ensure!(item["scope"] == "batch", "{item}");
            ensure!(
                item["text"]
                    .as_str()
                    .is_some_and(|kept| kept.starts_with(&text)),
                "{item}"
            );
        }
        ensure!(rogue.acks.try_recv().is_err(), "something was acknowledged");

        // A missing batch in between: the hub says what it has, and the unit begins there again.
        let missing = log.batch(&[&unclear(3)]);
        let after = log.batch(&[&unclear(4)]);
        rogue.publish("rogue", after.clone()).await?;
        ensure!(rogue.ack().await?.through == 2, "a hole");
        rogue.publish("rogue", missing).await?;
        ensure!(rogue.ack().await?.through == 3, "the hole is filled");
        rogue.publish("rogue", after).await?;
        ensure!(rogue.ack().await?.through == 4, "and the rest follows");

        // A broken line is set aside alone, byte for byte; its neighbours are taken.
        let broken = "{\"mono_us\":5,\"kind\":\"passage\",\"lane\":\"people\"}";
        rogue
            .publish("rogue", log.batch(&[&unclear(5), broken, &unclear(6)]))
            .await?;
        let ack = rogue.ack().await?;
        ensure!((ack.through, ack.chain) == (7, log.chain), "{ack:?}");
        let item = quarantined(&site, "bad_line").await?;
        ensure!(
            item["scope"] == "line" && item["seq"] == 6 && item["text"] == broken,
            "{item}"
        );

        // A chain that contradicts the record: nothing of it is taken.
        let mut forked = Log::new("sound");
        (forked.next, forked.chain) = (8, Chain::from_bits(7));
        rogue.publish("rogue", forked.batch(&[&unclear(7)])).await?;
        let ack = rogue.ack().await?;
        ensure!((ack.through, ack.chain) == (7, log.chain), "{ack:?}");
        quarantined(&site, "fork").await?;
        let alerts: Value = site.api.json(&format!("alerts?site={SITE}")).await?;
        let kinds: Vec<&str> = alerts["alerts"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|alert| alert["kind"].as_str())
            .collect();
        ensure!(
            kinds.contains(&"fork") && kinds.contains(&"quarantine"),
            "{kinds:?}"
        );

        // And the log goes on.
        rogue.publish("rogue", log.batch(&[&unclear(8)])).await?;
        ensure!(rogue.ack().await?.through == 8, "stuck");
        let unclear = site.api.events(SITE, "unclear").await?;
        ensure!(unclear.len() == 7, "{unclear:?}");
        site.stop().await;
        Ok(())
    });
}
