//! What `deploy/compose.yaml` brings up, with the programs of this machine: the same files, each with
//! the addresses and folders of a container put right for here.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use influxd::{Influxd, Port};

use crate::{
    process::{Hub, SITE},
    unit::{Log, Unit},
};

/// Mosquitto, which ends with the test.
struct Mosquitto(Child);

impl Drop for Mosquitto {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn deploy() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy")
}

/// Puts another word in the place of the one that is there.
#[track_caller]
fn put(text: &str, word: &str, other: &str) -> String {
    assert_eq!(text.matches(word).count(), 1, "{word}: {text}");
    text.replace(word, other)
}

/// What comes after a key of the compose file.
#[track_caller]
fn value<'t>(compose: &'t str, key: &str) -> &'t str {
    let mut lines = compose.lines().map(str::trim);
    let value = lines.find_map(|line| line.strip_prefix(key)?.strip_prefix(": "));
    value.unwrap_or_else(|| panic!("no {key}"))
}

/// The text below a key of the compose file, without what it is indented by.
fn block(compose: &str, key: &str) -> String {
    let from = compose.find(key).unwrap() + key.len();
    let lines = compose[from..].trim_start_matches('\n').lines();
    let depth = compose[from..].trim_start_matches('\n');
    let depth = depth.len() - depth.trim_start_matches(' ').len();
    let of_block = lines.take_while(|line| line.len() > depth && line[..depth].trim().is_empty());
    of_block
        .map(|line| format!("{}\n", &line[depth..]))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_deployed_works_together() {
    if Command::new("mosquitto").arg("-h").output().is_err() {
        influxd::note("what is deployed, together: mosquitto is not here");
        return;
    }
    let mut hub = Hub::new(&[SITE], "listen = \"127.0.0.1:0\"");
    let compose = fs::read_to_string(deploy().join("compose.yaml")).unwrap();
    let secrets = hub.path("secrets");
    let made = Command::new(deploy().join("make-secrets"))
        .arg(&secrets)
        .status();
    assert!(made.unwrap().success());
    let secret = |name: &str| fs::read_to_string(secrets.join(name)).unwrap();

    let org = value(&compose, "DOCKER_INFLUXDB_INIT_ORG");
    let bucket = value(&compose, "DOCKER_INFLUXDB_INIT_BUCKET");
    let token = secret("influx-token");
    let Some(influxd) = Influxd::start_as(&Port::reserve(), org, bucket, &token) else {
        return;
    };

    let reserved = Port::reserve();
    let (host, port) = ("127.0.0.1", reserved.number());
    let mqtt = format!("{host}:{port}");
    let config = block(&compose, "    content: |");
    let config = put(&config, "listener 1883", &format!("listener {port} {host}"));
    let kept = hub.path("mosquitto/");
    fs::create_dir(&kept).unwrap();
    let config = put(&config, "/mosquitto/data/", kept.to_str().unwrap());
    let file = hub.path("mosquitto.conf");
    // It would change its user, who may not read the folder.
    fs::write(&file, format!("user root\n{config}")).unwrap();
    let broker = Command::new("mosquitto")
        .arg("-c")
        .arg(&file)
        .stdout(Stdio::null())
        .stderr(fs::File::create(hub.path("mosquitto.log")).unwrap())
        .spawn();
    let _broker = Mosquitto(broker.unwrap());

    let config = secret("gatepost-hub.toml");
    let data = hub.path("data");
    let config = put(&config, "/var/lib/gatepost-hub", data.to_str().unwrap());
    let config = put(&config, "0.0.0.0:8080", "127.0.0.1:0");
    let config = put(&config, "mosquitto:1883", &mqtt);
    let config = put(&config, "http://influxdb:8086", influxd.url());
    let path = secrets.join("influx-token");
    let config = put(&config, "/run/secrets/influx-token", path.to_str().unwrap());
    let token = config
        .lines()
        .find_map(|line| line.strip_prefix("token = "));
    let token = token.unwrap().trim_matches('"').to_owned();
    fs::write(hub.config(), config).unwrap();
    hub.serve().await;
    hub.mqtt = mqtt;

    let nobody = hub.get("/api/v1/sites").await;
    assert_eq!(nobody["status"], 401, "{nobody}");
    hub.token = Some(token);
    let sites = hub.get("/api/v1/sites").await;
    assert_eq!(sites["sites"][0]["id"], "s", "{sites}");
    let mut unit = Unit::connect(&hub).await;
    let mut log = Log::new("l");
    log.passages(4);
    unit.say("events", log.batch(1, 4)).await;
    unit.acked(&log, 4).await;
    assert_eq!(hub.sequences("l").await, [1, 2, 3, 4]);
    let flux = format!(
        "from(bucket: {bucket:?}) |> range(start: 1970-01-01T00:00:00Z, stop: 2100-01-01T00:00:00Z)
         |> filter(fn: (r) => r._measurement == \"passage\" and r._field == \"seq\")
         |> group() |> count()"
    );
    let is_there = || {
        let said = influxd.ask(&flux);
        let count = said.lines().nth(1).and_then(|row| row.rsplit(',').next());
        count.is_some_and(|count| count.trim() == "4")
    };
    for _ in 0..300 {
        if is_there() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    panic!("not in InfluxDB: {}", influxd.ask(&flux));
}
