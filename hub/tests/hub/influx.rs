//! An outage of InfluxDB, of any length: the hub's whole life goes on until as much waits as may, and
//! then all of it but the taking of events.

use std::time::Duration;

use gatepost_model::{
    time::Clock,
    wire::{Alive, to_bytes},
};
use influxd::{Influxd, ORG, Port, TOKEN};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::{
    live::Stream,
    process::{Hub, PATIENCE, SITE},
    unit::{Log, Unit},
};

/// Events of a batch: a payload of at most 64 KiB.
const BATCH: usize = 500;

/// So many megabytes may wait: as many as `GATEPOST_TRIALS` holds twenties. Ten are longer than what
/// the broker keeps of the past in memory, so that what grows with an outage would be seen.
fn megabytes() -> usize {
    let asked = std::env::var("GATEPOST_TRIALS").ok();
    asked.map_or(1, |text| text.parse::<usize>().unwrap().div_ceil(20))
}

fn alive(log: &Log, waiting: usize) -> Vec<u8> {
    to_bytes(&Alive {
        log: log.id.parse().unwrap(),
        last: log.lines.len() as u64,
        waiting: waiting as u64,
        mono_us: 60_000_000,
        clock: Clock::Synced,
        interval_s: 1,
    })
}

fn part<'r>(ready: &'r Value, name: &str) -> &'r Value {
    let parts = ready["parts"].as_array().unwrap();
    parts.iter().find(|part| part["name"] == name).unwrap()
}

fn is_full(ready: &Value) -> bool {
    let detail = part(ready, "store")["detail"].as_str().unwrap();
    detail.contains("journal_max_mb")
}

async fn roll_call(hub: &Hub, count: u64) -> u16 {
    let called = json!({"by": "Li", "count": count});
    hub.post("/api/v1/sites/s/roll-calls", &called).await.0
}

#[tokio::test(flavor = "multi_thread")]
async fn while_influxdb_is_away_all_goes_on_and_then_it_has_everything() {
    // Kept while no server is on it.
    let port = Port::reserve();
    let store = format!(
        "listen = \"127.0.0.1:0\"\n[store]\nkind = \"influx\"\nurl = \"http://127.0.0.1:{}\"\n\
         org = \"{ORG}\"\nbucket = \"gatepost\"\ntoken_file = \"token\"\njournal_max_mb = {}",
        port.number(),
        megabytes()
    );
    let mut hub = Hub::new(&[SITE], &store);
    std::fs::write(hub.path("token"), TOKEN).unwrap();
    hub.serve_as_it_is().await;
    let mut unit = Unit::connect(&hub).await;
    let mut log = Log::new("l");

    // Everything is taken, judged and shown until as much waits as may.
    let (mut taken, mut residents) = (0, Vec::new());
    loop {
        log.passages(BATCH);
        unit.say("events", log.batch(taken + 1, taken + BATCH))
            .await;
        tokio::select! {
            _ = unit.acked(&log, taken + BATCH) => taken += BATCH,
            _ = hub.wait("/readyz", is_full) => break,
        }
        residents.push(hub.resident());
    }
    assert!(taken > 10 * BATCH, "{taken}");
    println!("{taken} passages wait in {} MB", megabytes());
    if megabytes() >= 10 {
        let most = |of: &[u64]| of.iter().copied().max().unwrap();
        let (middle, end) = (residents.len() / 2, residents.len() * 3 / 4);
        let (before, after) = (most(&residents[middle..end]), most(&residents[end..]));
        println!(
            "resident: {} MB, later {} MB",
            before / 1_000_000,
            after / 1_000_000
        );
        assert!(after < before * 11 / 10, "{residents:?}");
    }
    let ready = hub.get("/readyz").await;
    assert_eq!(part(&ready, "influxdb")["ready"], false, "{ready}");

    // What brings no event goes on: who is there, what people do, what is told of it.
    let mut stream = Stream::open(&hub, "site:s", None).await;
    let page = stream.next("snapshot").await;
    assert!(
        page["data"]["troubles"].to_string().contains("store"),
        "{page}"
    );
    unit.say("alive", alive(&log, BATCH)).await;
    let is_online = |unit: &Value| unit["state"] == "online" && unit["waiting"] == BATCH;
    hub.wait("/api/v1/sites/s/units/gate-1", is_online).await;
    assert_eq!(roll_call(&hub, 3).await, 200);
    let raised = |said: &Value| said["alerts"].to_string().contains("influxdb");
    hub.wait("/api/v1/alerts?kind=hub_trouble", raised).await;
    unit.say("events", log.batch(taken + 1, taken + BATCH))
        .await;
    assert_eq!(roll_call(&hub, 4).await, 200);
    assert!(unit.seen.iter().all(|ack| ack.through <= taken as u64));
    // Nor does a kill change anything of it.
    hub.kill().await;
    hub.serve_as_it_is().await;
    unit = Unit::connect(&hub).await;
    unit.say("events", log.batch(taken + 1, taken + BATCH))
        .await;
    hub.wait("/readyz", is_full).await;
    let calls = hub.get("/api/v1/sites/s/roll-calls").await;
    assert_eq!(calls["roll_calls"].as_array().unwrap().len(), 2, "{calls}");

    let Some(influxd) = Influxd::start_at(&port) else {
        return;
    };
    hub.wait("/readyz", |ready| part(ready, "influxdb")["ready"] == true)
        .await;
    // The unit sends again what was not confirmed.
    while !unit.has_seen_through("l", taken + BATCH) {
        unit.say("events", log.batch(taken + 1, taken + BATCH))
            .await;
        unit.acked_within(Duration::from_secs(1)).await;
    }
    taken += BATCH;
    hub.wait("/readyz", |ready| ready["ready"] == true).await;
    let flux = "from(bucket: \"gatepost\") |> range(start: 1970-01-01T00:00:00Z, stop: 2100-01-01T00:00:00Z)
                |> filter(fn: (r) => r._measurement == \"passage\" and r._field == \"seq\")
                |> group() |> count()";
    let stored = || -> Option<usize> {
        let said = influxd.ask(flux);
        said.lines().nth(1)?.rsplit(',').next()?.trim().parse().ok()
    };
    let (mut last, mut since) = (None, Instant::now());
    while last < Some(taken) && since.elapsed() < PATIENCE {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let now = stored();
        if now != last {
            (last, since) = (now, Instant::now());
        }
    }
    assert_eq!(last, Some(taken));

    // What the command line says of it.
    let says = |words: &[&str], fine: &str| {
        let done = hub.run(words);
        let said = String::from_utf8(done.stdout).unwrap();
        assert!(
            done.status.success() && said.contains(fine),
            "{words:?}: {said}"
        );
    };
    says(&["store", "check", "--config"], "can be written and read");
    says(&["store", "verify", "--config"], "wait for InfluxDB");
    let copy = [
        "store", "copy", "--from", "influx", "--to", "embedded", "--config",
    ];
    // Not beside a hub that serves.
    assert!(!hub.run(&copy).status.success());
    assert_eq!(hub.stop().await, Some(0));
    let all = format!("s: {taken} events with checksum");
    let done = hub.run(&copy);
    let said = String::from_utf8(done.stdout).unwrap();
    assert!(said.contains(&all) && said.contains("the same"), "{said}");
    drop(influxd);
    let done = hub.run(&["store", "check", "--config"]);
    assert_eq!(done.status.code(), Some(1));
}
