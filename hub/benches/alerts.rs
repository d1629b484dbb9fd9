//! From an event at the hub's broker to the alert on the live stream as the page reads it, through the
//! whole hub: one fault after the other, each of a sensor of its own. Prints figures; asserts nothing.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a bench prints, may panic, and measures time"
)]

#[path = "shared/voice.rs"]
mod voice;

use std::{
    path::Path,
    time::{Duration, Instant},
};

use gatepost_hub::{app, clock::Clock, config::Config, store::journal::Journal};
use rumqttc::{AsyncClient, MqttOptions, PublishOptions, QoS};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use voice::Voice;

const SITES: usize = 100;
const FAULTS: i64 = 500;
/// Between two faults, not in step with any timer of the hub.
const BETWEEN: Duration = Duration::from_millis(37);
/// The target at the 99th percentile.
const TARGET: Duration = Duration::from_millis(100);

fn main() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(run());
}

async fn run() {
    let folder = tempfile::tempdir().unwrap();
    let config = "
        [hub]\ndata = \"data\"
        [http]\nlisten = \"127.0.0.1:0\"
        [broker]\nlisten = \"127.0.0.1:0\"
    ";
    let config = Config::parse(config, folder.path()).unwrap();
    std::fs::create_dir_all(&config.data).unwrap();
    let sites: Vec<_> = (0..SITES)
        .map(|n| {
            toml::from_str(&format!(
                "id = \"site-{n}\"\ntime_zone = \"Asia/Shanghai\"\n\
                 name = {{ zh = \"一\", en = \"One\" }}\n\
                 [[lane]]\nid = \"people\"\nkind = \"people\"\n"
            ))
            .unwrap()
        })
        .collect();
    Journal::open(&config.data)
        .unwrap()
        .put_sites(&sites)
        .unwrap();
    let stop = CancellationToken::new();
    let data = config.data.clone();
    let hub = app::serve(config, stop.clone());
    let work = async {
        let (mqtt, http) = addresses(&data).await;
        for scope in ["site:site-0", "fleet"] {
            measure(&mqtt, &http, scope).await;
        }
        stop.cancel();
    };
    let (served, ()) = tokio::join!(hub, work);
    served.unwrap();
}

/// What a page that shows a scope sees of faults on the first site.
async fn measure(mqtt: &str, http: &str, scope: &str) {
    let (host, port) = mqtt.rsplit_once(':').unwrap();
    let unit = format!("gate-{}", &scope[..4]);
    let options = MqttOptions::new(unit.clone(), (host, port.parse().unwrap()));
    let (client, mut driver) = AsyncClient::builder(options).capacity(20).build();
    driver.network_options.set_tcp_nodelay(true);
    let driving = async { while driver.poll().await.is_ok() {} };
    let publish = |(topic, payload): (String, Vec<u8>)| {
        client.publish(topic, payload, PublishOptions::new(QoS::AtLeastOnce))
    };
    let measuring = async {
        let mut page = Page::open(http, scope).await;
        let mut unit = Voice::new("site-0", &unit);
        let boot = json!({ "version": "1", "config": "c", "reason": "boot", "lanes": ["people"],
            "sensors": [] });
        publish(unit.says(Clock.now(), 1, "boot", boot))
            .await
            .unwrap();
        publish(unit.alive(1)).await.unwrap();
        let mut took = Vec::new();
        for n in 1..=FAULTS {
            let sensor = format!("env-{n}");
            let fault = json!({ "sensor": sensor, "code": "stuck", "detail": "" });
            let said = unit.says(Clock.now(), 1 + n, "fault", fault);
            let begun = Instant::now();
            publish(said).await.unwrap();
            page.shows(&sensor).await;
            took.push(begun.elapsed());
            tokio::time::sleep(BETWEEN).await;
        }
        took.sort();
        let at = |share: f64| took[((took.len() - 1) as f64 * share) as usize];
        println!(
            "event to alert on the stream {scope}, {FAULTS} alerts: p50 {:.1?}, p99 {:.1?}, at most {:.1?}; \
             p99 / target of {TARGET:?} = {:.2}",
            at(0.5),
            at(0.99),
            at(1.0),
            at(0.99).as_secs_f64() / TARGET.as_secs_f64(),
        );
    };
    tokio::select! {
        () = driving => panic!("the broker ended"),
        () = measuring => {}
    }
}

/// The live stream, as a page reads it.
struct Page {
    answer: reqwest::Response,
    read: Vec<u8>,
}

impl Page {
    async fn open(http: &str, scope: &str) -> Self {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let url = format!("http://{http}/api/v1/stream?scope={scope}");
        let answer = client.get(url).send().await.unwrap();
        let mut page = Self {
            answer: answer.error_for_status().unwrap(),
            read: Vec::new(),
        };
        while page.next().await.0 != "snapshot" {}
        page
    }

    /// Reads on until an alert about a sensor comes.
    async fn shows(&mut self, sensor: &str) {
        loop {
            let (event, data) = self.next().await;
            if event == "alert" && data["alert"]["subject"]["sensor"] == sensor {
                return;
            }
        }
    }

    /// The next event with its data.
    async fn next(&mut self) -> (String, Value) {
        loop {
            let end = self.read.windows(2).position(|two| two == b"\n\n");
            if let Some(end) = end {
                let whole: Vec<u8> = self.read.drain(..end + 2).collect();
                let text = String::from_utf8(whole).unwrap();
                let field = |name: &str| {
                    let line = text.lines().find_map(|line| line.strip_prefix(name));
                    line.unwrap_or_default().trim().to_owned()
                };
                let data = serde_json::from_str(&field("data:")).unwrap_or_default();
                return (field("event:"), data);
            }
            let more = self.answer.chunk().await.unwrap().unwrap();
            self.read.extend_from_slice(&more);
        }
    }
}

/// Where the broker and HTTP listen.
async fn addresses(data: &Path) -> (String, String) {
    loop {
        if let Ok(said) = std::fs::read_to_string(data.join("hub.json")) {
            let said: Value = serde_json::from_str(&said).unwrap();
            let address = |what: &str| said[what].as_str().unwrap().to_owned();
            return (address("mqtt"), address("http"));
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
