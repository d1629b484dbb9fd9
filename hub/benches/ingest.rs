//! From the broker to the durable ack, through the whole hub: a backlog of 3 sites, then single events,
//! questions over HTTP, and a trickle; and the same events through Mosquitto, Telegraf and InfluxDB 2 where
//! those are. Prints figures; asserts nothing.
//!
//! `INGEST_DAYS` is how many days the backlog has (default 14: 254,000 events).

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a bench prints, may panic, and measures time"
)]

#[path = "shared/process.rs"]
mod process;
#[path = "ingest/telegraf.rs"]
mod telegraf;

use std::{
    collections::VecDeque,
    path::Path,
    time::{Duration, Instant},
};

use gatepost_hub::store::journal::Journal;
use gatepost_model::{
    BootId, Chain, Direction, LogId, Wall, Zone,
    event::{
        Boot, Event, Evidence, Happening, Heartbeat, Passage, Reading, Round, RoundPhase,
        Screening, ScreeningVerdict, Stamp,
    },
    time::Clock,
    wire::{Ack, Anchor, Header, Packer, Sent, encode},
};
use rumqttc::{AsyncClient, Event as Mqtt, EventLoop, Incoming, MqttOptions, PublishOptions, QoS};
use tokio::process::Command;

const SITES: [&str; 3] = ["binjiang", "xinghe", "hongqi"];
const UNITS: [&str; 2] = ["gate-1", "gate-2"];
/// Batches beyond the last ack.
const WINDOW: usize = 8;
const SINGLES: usize = 200;

fn main() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(run());
}

async fn run() {
    let days = std::env::var("INGEST_DAYS").ok();
    let days: u64 = days.map_or(14, |text| text.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let config = "
        [hub]\ndata = \"data\"
        [http]\nlisten = \"127.0.0.1:0\"
        [broker]\nlisten = \"127.0.0.1:0\"
    ";
    let file = folder.path().join("gatepost-hub.toml");
    std::fs::write(&file, config).unwrap();
    let data = folder.path().join("data");
    std::fs::create_dir_all(&data).unwrap();
    Journal::open(&data)
        .unwrap()
        .put_sites(&SITES.map(|id| {
            toml::from_str(&format!(
                "id = {id:?}\ntime_zone = \"Asia/Shanghai\"\nplan_from = \"2020-01-01\"\n\
                 name = {{ zh = \"一\", en = \"One\" }}\n\
                 [[lane]]\nid = \"people\"\nkind = \"people\"\n"
            ))
            .unwrap()
        }))
        .unwrap();
    let mut hub = Command::new(env!("CARGO_BIN_EXE_gatepost-hub"))
        .args(["serve", "--config"])
        .arg(&file)
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let pid = hub.id().unwrap().to_string();
    let (mqtt, http) = addresses(&data).await;
    let begun = Instant::now();
    let mut units = Vec::new();
    for site in SITES {
        for unit in UNITS {
            units.push(Unit::connect(site, unit, &mqtt, days).await);
        }
    }
    let events: usize = units.iter().map(|unit| unit.lines.len()).sum();
    let lines = units
        .iter()
        .map(|unit| (unit.topic.clone(), unit.lines.clone()));
    let lines: Vec<telegraf::Lines> = lines.collect();
    let made = begun.elapsed();
    println!(
        "{events} events of {} units, made in {made:.1?}",
        units.len()
    );
    let begun = Instant::now();
    let mut catching_up = tokio::task::JoinSet::new();
    for mut unit in units {
        catching_up.spawn(async move {
            unit.catch_up().await;
            unit
        });
    }
    let mut units = catching_up.join_all().await;
    let took = begun.elapsed();
    let rate = events as f64 / took.as_secs_f64();
    println!("backlog: {took:.2?}, {rate:.0} events/s acknowledged");
    let file = data.join("journal.sqlite");
    let size = std::fs::metadata(file).unwrap().len();
    println!("journal: {:.0} bytes an event", size as f64 / events as f64);

    let mut took = Vec::new();
    for n in 0..SINGLES {
        let count = units.len();
        let unit = &mut units[n % count];
        let begun = Instant::now();
        unit.live(n as u64);
        unit.catch_up().await;
        took.push(begun.elapsed());
    }
    println!("single events: {}", spread(took));
    for (name, days, step) in [
        ("24 h by 1 min", 1, "1m"),
        (&format!("{days} d by 1 h"), days as i64, "1h"),
    ] {
        let to = gatepost_hub::clock::Clock.now();
        let from = to.plus_micros(-days * 86_400_000_000);
        ask(&http, name, &format!(
            "sites/{}/series?metric=ambient_c&sensor=env-management&from={from}&to={to}&step={step}",
            SITES[0]
        ))
        .await;
    }
    ask(&http, "a site", &format!("sites/{}", SITES[0])).await;
    ask(
        &http,
        "100 events",
        &format!("sites/{}/events?limit=100", SITES[0]),
    )
    .await;
    let each = GAUGES.div_ceil(units.len());
    for unit in &mut units {
        for sensor in 0..each {
            unit.read(&format!("wide-{sensor}"), 0);
        }
        unit.catch_up().await;
    }
    ask(
        &http,
        &format!("latest of {}", each * units.len()),
        "latest",
    )
    .await;
    trickle(units, &pid).await;
    println!("the hub: {} kB at most", process::peak_memory(&pid));
    hub.kill().await.unwrap();
    telegraf::beside(lines, rate).await;
}

/// What the hub writes to its disk by 50 readings a second.
async fn trickle(units: Vec<Unit>, hub: &str) {
    let every = Duration::from_millis(20) * units.len() as u32;
    let before = process::written(hub);
    let mut tasks = tokio::task::JoinSet::new();
    for mut unit in units {
        tasks.spawn(async move {
            let begun = Instant::now();
            let mut made = 0_u32;
            while begun.elapsed() < TRICKLE {
                while begun.elapsed() >= every * made {
                    unit.read("env-living", made.into());
                    made += 1;
                }
                unit.catch_up().await;
                tokio::time::sleep((every * made).saturating_sub(begun.elapsed())).await;
            }
            made
        });
    }
    let made: u32 = tasks.join_all().await.into_iter().sum();
    let seconds = TRICKLE.as_secs_f64();
    println!(
        "{:.0} readings/s: {:.1} kB/s written to the disk",
        f64::from(made) / seconds,
        (process::written(hub) - before) as f64 / 1000.0 / seconds
    );
}

/// So many sensors have a newest reading.
const GAUGES: usize = 10_000;

const TRICKLE: Duration = Duration::from_secs(30);

/// Asks for a path many times, one after the other.
async fn ask(http: &str, name: &str, path: &str) {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let mut took = Vec::new();
    let mut bytes = 0;
    for _ in 0..SINGLES {
        let begun = Instant::now();
        let answer = client
            .get(format!("http://{http}/api/v1/{path}"))
            .send()
            .await;
        let answer = answer.unwrap().error_for_status().unwrap();
        bytes = answer.bytes().await.unwrap().len();
        took.push(begun.elapsed());
    }
    println!("{name} over HTTP: {}, {bytes} bytes", spread(took));
}

/// The middle of what things took, and all but the slowest hundredth.
fn spread(mut took: Vec<Duration>) -> String {
    took.sort();
    let (middle, most) = (took[took.len() / 2], took[took.len() * 99 / 100]);
    format!("p50 {middle:.2?}, p99 {most:.2?}")
}

/// Where the broker and HTTP listen.
async fn addresses(data: &Path) -> (String, String) {
    loop {
        if let Ok(said) = std::fs::read_to_string(data.join("hub.json")) {
            let said: serde_json::Value = serde_json::from_str(&said).unwrap();
            let address = |what: &str| said[what].as_str().unwrap().to_owned();
            return (address("mqtt"), address("http"));
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// A unit with its backlog.
struct Unit {
    topic: String,
    header: Header,
    lines: Vec<String>,
    chains: Vec<Chain>,
    client: AsyncClient,
    driver: EventLoop,
    begun: Wall,
}

impl Unit {
    async fn connect(site: &str, unit: &str, mqtt: &str, days: u64) -> Self {
        let topic = format!("gatepost/v1/{site}/{unit}");
        let (host, port) = mqtt.rsplit_once(':').unwrap();
        let mut options = MqttOptions::new(format!("{site}-{unit}"), (host, port.parse().unwrap()));
        options
            .set_max_packet_size(256 * 1024, 256 * 1024)
            .set_inflight(20);
        let (client, mut driver) = AsyncClient::builder(options).capacity(20).build();
        driver.network_options.set_tcp_nodelay(true);
        client
            .subscribe(format!("{topic}/ack"), QoS::AtLeastOnce)
            .await
            .unwrap();
        while !matches!(
            driver.poll().await.unwrap(),
            Mqtt::Incoming(Incoming::SubAck(_))
        ) {}
        let span_us = days * 86_400 * 1_000_000;
        let now = gatepost_hub::clock::Clock.now();
        let begun = now.plus_micros(-(span_us as i64));
        let boot: BootId = "b1".parse().unwrap();
        let log: LogId = "l1".parse().unwrap();
        let header = Header {
            v: 1,
            unit: unit.parse().unwrap(),
            log,
            first: 1,
            count: 0,
            chain: Chain::START,
            boot: boot.clone(),
            anchor: Some(Anchor {
                mono_us: 0,
                wall: begun,
                err_ms: 10,
            }),
            bounds: None,
            sent: Sent {
                boot,
                mono_us: span_us,
                wall: Some(now),
                clock: Clock::Synced,
            },
        };
        let mut made = Self {
            topic,
            header,
            lines: Vec::new(),
            chains: vec![Chain::START],
            client,
            driver,
            begun,
        };
        made.fill(unit == UNITS[0], span_us);
        made
    }

    fn fill(&mut self, is_gate: bool, span_us: u64) {
        self.push(
            0,
            Happening::Boot(Boot {
                version: "1".to_owned(),
                config: "c".to_owned(),
                lanes: is_gate
                    .then(|| "people".parse().unwrap())
                    .into_iter()
                    .collect(),
                sensors: vec!["env".parse().unwrap()],
                zones: if is_gate {
                    Vec::new()
                } else {
                    Zone::ALL.to_vec()
                },
                reason: "boot".to_owned(),
            }),
        );
        for minute in 0..span_us / 60_000_000 {
            let at = minute * 60_000_000;
            self.push(
                at + 1,
                Happening::Heartbeat(Heartbeat {
                    watched_from_mono_us: at.saturating_sub(60_000_000),
                    uptime_s: minute * 60,
                    clock: Clock::Synced,
                    waiting: 0,
                    disk_free: Some(1_000_000_000),
                    cpu_c: Some(51.2),
                    undervoltage: None,
                    lost_edges: 0,
                    certificate: None,
                }),
            );
            if minute % 5 == 0 {
                for zone in Zone::ALL {
                    self.push(
                        at + 2,
                        Happening::Reading(Reading {
                            sensor: format!("env-{zone}").parse().unwrap(),
                            quantity: "ambient_c".to_owned(),
                            value: 18.0 + (minute % 97) as f64 / 10.0,
                            zone: Some(zone),
                        }),
                    );
                }
            }
            let hour = minute / 60 % 24;
            if is_gate && minute % 2 == 0 && (6..20).contains(&hour) {
                self.push(
                    at + 3,
                    Happening::Screening(Screening {
                        lane: "people".parse().unwrap(),
                        id: format!("b1-people-{at}"),
                        attempt: 1,
                        skin_c: 34.8,
                        ambient_c: Some(18.0),
                        baseline_c: Some(34.6),
                        delta_c: Some(0.2),
                        rule: "rel-1".to_owned(),
                        verdict: ScreeningVerdict::Normal,
                    }),
                );
                self.push(
                    at + 4,
                    passage(if hour < 13 {
                        Direction::In
                    } else {
                        Direction::Out
                    }),
                );
            }
            if !is_gate && minute % 720 == 0 {
                for zone in Zone::ALL {
                    for phase in [RoundPhase::Started, RoundPhase::Ended] {
                        let later = if phase == RoundPhase::Ended { 9 } else { 5 };
                        self.push(
                            at + later,
                            Happening::Round(Round {
                                zone,
                                round: format!("b1-{zone}-{at}"),
                                phase,
                                started_mono_us: at + 5,
                                litres: 12.0,
                                pump_s: 90.0,
                                points: Vec::new(),
                                evidence: Evidence::ButtonFlow,
                            }),
                        );
                    }
                }
            }
        }
    }

    /// One passage now.
    fn live(&mut self, n: u64) {
        self.push(self.header.sent.mono_us + n, passage(Direction::In));
    }

    /// One reading now.
    fn read(&mut self, sensor: &str, n: u64) {
        let reading = Reading {
            sensor: sensor.parse().unwrap(),
            quantity: "ambient_c".to_owned(),
            value: 18.0 + (n % 97) as f64 / 10.0,
            zone: Some(Zone::Living),
        };
        let mono_us = self.header.sent.mono_us + 1_000_000 + n * 120_000;
        self.push(mono_us, Happening::Reading(reading));
    }

    fn push(&mut self, mono_us: u64, happening: Happening) {
        let event = Event {
            mono_us,
            at: Some(Stamp {
                at: self.begun.plus_micros(mono_us as i64),
                err_ms: 10,
            }),
            test: false,
            happening,
        };
        let line = event.to_line();
        let last = *self.chains.last().unwrap();
        self.chains.push(last.then(line.as_bytes()));
        self.lines.push(line);
    }

    /// Sends what is not acknowledged, a window at a time.
    async fn catch_up(&mut self) {
        let mut next = self.header.first as usize - 1;
        let mut under_way = VecDeque::new();
        while (self.header.first as usize) <= self.lines.len() {
            while under_way.len() < WINDOW && next < self.lines.len() {
                let end = self.fits(next);
                let header = Header {
                    first: next as u64 + 1,
                    count: (end - next) as u64,
                    chain: self.chains[next],
                    ..self.header.clone()
                };
                let lines = self.lines[next..end].iter().map(String::as_bytes);
                let batch = encode(&header, lines);
                let options = PublishOptions::new(QoS::AtLeastOnce);
                self.client
                    .try_publish(format!("{}/events", self.topic), batch, options)
                    .unwrap();
                under_way.push_back(end);
                next = end;
            }
            let Mqtt::Incoming(Incoming::Publish(publish)) = self.driver.poll().await.unwrap()
            else {
                continue;
            };
            let ack: Ack = serde_json::from_slice(&publish.payload).unwrap();
            while under_way
                .front()
                .is_some_and(|end| *end as u64 <= ack.through)
            {
                under_way.pop_front();
            }
            self.header.first = self.header.first.max(ack.through + 1);
        }
    }

    fn fits(&self, from: usize) -> usize {
        let mut packer = Packer::default();
        let lines = self.lines[from..].iter();
        from + lines.take_while(|line| packer.take(line.len())).count()
    }
}

fn passage(dir: Direction) -> Happening {
    Happening::Passage(Passage {
        lane: "people".parse().unwrap(),
        dir,
        duration_ms: 412,
        disinfected: None,
        litres: None,
    })
}
