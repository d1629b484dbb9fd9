//! Mosquitto, Telegraf and InfluxDB 2 with the same events, where `GATEPOST_TELEGRAF` and
//! `GATEPOST_INFLUXD` name their programs (`tests/telegraf/binary` and `tests/influxd/binary` build them).

use std::{
    fs,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use influxd::{Influxd, ORG, Port, TOKEN};
use rumqttc::{AsyncClient, Event as Mqtt, Incoming, MqttOptions, Outgoing, PublishOptions, QoS};

/// Events of a unit: its topic and its lines.
pub(crate) type Lines = (String, Vec<String>);

/// Sends each event as a message of its own, and waits until InfluxDB has no more of them than before for
/// so long.
const QUIET: Duration = Duration::from_secs(10);

/// A program that ends with this.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// Says how fast it was, beside our own rate.
pub(crate) async fn beside(units: Vec<Lines>, ours: f64) {
    let Ok(program) = std::env::var("GATEPOST_TELEGRAF") else {
        println!("Telegraf: GATEPOST_TELEGRAF names no program");
        return;
    };
    let Some(influxd) = Influxd::start() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let port = Port::reserve();
    let _broker = mosquitto(folder.path(), port.number());
    let _telegraf = telegraf(&program, folder.path(), port.number(), influxd.url());
    wait_for(&folder.path().join("telegraf.log"), "Connected");

    let sent: usize = units.iter().map(|(_, lines)| lines.len()).sum();
    let begun = Instant::now();
    let mut publishing = tokio::task::JoinSet::new();
    for (topic, lines) in units {
        publishing.spawn(publish(port.number(), topic, lines));
    }
    publishing.join_all().await;
    let published = begun.elapsed();
    let (mut stored, mut last) = (0, begun.elapsed());
    while stored < sent && begun.elapsed() - last < QUIET {
        let now = count(&influxd);
        if now > stored {
            (stored, last) = (now, begun.elapsed());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let rate = stored as f64 / last.as_secs_f64();
    println!(
        "Mosquitto, Telegraf, InfluxDB 2: {stored} of {sent} events in {last:.1?} (published in \
         {published:.1?}), {rate:.0} messages/s, {} lost; ours is {:.1} times as fast",
        sent - stored,
        ours / rate
    );
}

fn mosquitto(folder: &Path, port: u16) -> Running {
    let file = folder.join("mosquitto.conf");
    // Nothing is dropped because Telegraf is behind.
    let config = format!(
        "listener {port} 127.0.0.1\nallow_anonymous true\nmax_queued_messages 0\n\
         max_inflight_messages 1000\nset_tcp_nodelay true\n"
    );
    fs::write(&file, config).unwrap();
    let broker = Command::new("mosquitto")
        .arg("-c")
        .arg(&file)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    Running(broker.expect("mosquitto, as a package"))
}

fn telegraf(program: &str, folder: &Path, port: u16, url: &str) -> Running {
    let file = folder.join("telegraf.conf");
    // Tuned for speed: large batches, room for all of it, many messages under way.
    let config = format!(
        r#"
        [agent]
        interval = "1s"
        flush_interval = "1s"
        metric_batch_size = 5000
        metric_buffer_limit = 1000000
        omit_hostname = true
        logfile = "{log}"
        [[inputs.mqtt_consumer]]
        servers = ["tcp://127.0.0.1:{port}"]
        topics = ["gatepost/v1/+/+/events"]
        qos = 1
        client_id = "telegraf"
        persistent_session = true
        max_undelivered_messages = 20000
        topic_tag = "topic"
        data_format = "json_v2"
        [[inputs.mqtt_consumer.json_v2]]
        measurement_name = "event"
        timestamp_path = "at"
        timestamp_format = "rfc3339"
        [[inputs.mqtt_consumer.json_v2.object]]
        path = "@this"
        tags = ["kind", "lane", "dir", "zone", "sensor", "quantity", "phase"]
        excluded_keys = ["at"]
        [[outputs.influxdb_v2]]
        urls = ["{url}"]
        token = "{TOKEN}"
        organization = "{ORG}"
        bucket = "first"
        content_encoding = "gzip"
        "#,
        log = folder.join("telegraf.log").display(),
    );
    fs::write(&file, config).unwrap();
    let started = Command::new(program)
        .arg("--config")
        .arg(&file)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    Running(started.unwrap())
}

/// Waits until a log says something.
fn wait_for(log: &Path, words: &str) {
    let begun = Instant::now();
    loop {
        let said = fs::read_to_string(log).unwrap_or_default();
        if said.contains(words) {
            return;
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "{said}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Publishes each line and waits until the broker has all of them.
async fn publish(port: u16, topic: String, lines: Vec<String>) {
    let mut options = MqttOptions::new(topic.replace('/', "-"), ("127.0.0.1", port));
    options.set_inflight(100);
    let (client, mut driver) = AsyncClient::builder(options).capacity(100).build();
    driver.network_options.set_tcp_nodelay(true);
    let count = lines.len();
    let sending = tokio::spawn(async move {
        for line in lines {
            let options = PublishOptions::new(QoS::AtLeastOnce);
            client
                .publish(format!("{topic}/events"), line, options)
                .await
                .unwrap();
        }
        // The client lives until all is confirmed.
        client
    });
    let mut confirmed = 0;
    while confirmed < count {
        match driver.poll().await.unwrap() {
            Mqtt::Incoming(Incoming::PubAck(_)) => confirmed += 1,
            Mqtt::Outgoing(Outgoing::Disconnect) => panic!("the broker has gone"),
            _ => {}
        }
    }
    drop(sending.await.unwrap());
}

/// How many events InfluxDB has.
fn count(influxd: &Influxd) -> usize {
    let said = influxd.ask(
        "from(bucket: \"first\") |> range(start: 1970-01-01T00:00:00Z, stop: 2100-01-01T00:00:00Z)
         |> filter(fn: (r) => r._measurement == \"event\" and r._field == \"mono_us\")
         |> count() |> group() |> sum()",
    );
    let count = said.lines().nth(1).and_then(|row| row.rsplit(',').next());
    count.map_or(0, |count| count.trim().parse().unwrap_or(0))
}
