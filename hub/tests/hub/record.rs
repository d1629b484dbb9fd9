//! The record: acks at start and at birth, units of sites that come later, stopping.

use gatepost_model::time::Clock;
use gatepost_model::wire::{Alive, Status, to_bytes};

use crate::{
    process::Hub,
    unit::{Log, Unit},
};

#[tokio::test(flavor = "multi_thread")]
async fn units_learn_what_is_stored_at_birth_and_when_the_hub_starts() {
    let mut hub = Hub::start().await;
    let mut unit = Unit::connect(&hub).await;
    let mut log = Log::new("l");
    log.passages(2);
    let birth = |log: &str| {
        to_bytes(&Status {
            online: true,
            log: Some(log.parse().unwrap()),
            session: "1".to_owned(),
            version: "0.1.0".to_owned(),
        })
    };
    unit.say("status", birth("l")).await;
    let first = unit.acked(&log, 0).await;
    unit.say("events", log.batch(1, 2)).await;
    unit.acked(&log, 2).await;
    unit.say("status", birth("l")).await;
    unit.acked(&log, 2).await;
    assert_eq!(hub.stop().await, Some(0), "{}", hub.log());
    hub.serve().await;
    // A clean start, and it is the same record.
    let mut unit = Unit::connect(&hub).await;
    unit.say("status", birth("l")).await;
    assert_eq!(unit.acked(&log, 2).await.store, first.store);
    let shown = hub.get("/api/v1/sites/s/units/gate-1").await;
    assert_eq!(shown["version"], "0.1.0", "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_unit_of_an_unknown_site_waits_until_the_site_is_known() {
    let hub = Hub::with(&[]).await;
    let mut unit = Unit::connect(&hub).await;
    let mut log = Log::new("l");
    log.passages(2);
    unit.say("events", log.batch(1, 2)).await;
    let item = hub.aside("unknown_site").await;
    assert_eq!(item["site"], "s");
    let site = "id = \"s\"\ntime_zone = \"Asia/Shanghai\"\nname = { zh = \"一\", en = \"One\" }\n";
    assert!(hub.import(site).status.success());
    hub.wait("/api/v1/sites", |said| said["sites"][0]["id"] == "s")
        .await;
    unit.say("events", log.batch(1, 2)).await;
    unit.acked(&log, 2).await;
    assert_eq!(hub.sequences("l").await, [1, 2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_unit_is_offline_and_its_return_ends_the_alert() {
    let hub = Hub::start().await;
    let unit = Unit::connect(&hub).await;
    let alive = |last| {
        to_bytes(&Alive {
            log: "l".parse().unwrap(),
            last,
            waiting: last,
            mono_us: 60_000_000,
            clock: Clock::Synced,
            interval_s: 1,
        })
    };
    unit.say("alive", alive(7)).await;
    let is = |state: &'static str| move |unit: &serde_json::Value| unit["state"] == state;
    let shown = hub.wait("/api/v1/sites/s/units/gate-1", is("online")).await;
    assert_eq!(shown["waiting"], 7);
    hub.wait("/api/v1/sites/s/units/gate-1", is("offline"))
        .await;
    let path = "/api/v1/alerts?site=s&kind=unit_offline";
    let raised = hub
        .wait(path, |said| said["alerts"][0]["state"] == "raised")
        .await;
    unit.say("alive", alive(7)).await;
    let path = format!("/api/v1/alerts/{}", raised["alerts"][0]["id"]);
    hub.wait(&path, |said| said["outcome"] == "cleared").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_each_sensor_measured_last_is_told_by_the_time_of_measuring() {
    let hub = Hub::start().await;
    let mut unit = Unit::connect(&hub).await;
    let mut log = Log::new("l");
    // The newest was measured first of all but one.
    for (mono_us, value) in [(5_000_000, 18.5), (9_000_000, 19.25), (7_000_000, 20.0)] {
        let reading = serde_json::json!({
            "mono_us": mono_us, "kind": "reading", "sensor": "yard-env",
            "quantity": "ambient_c", "value": value,
        });
        log.push(reading.to_string());
    }
    unit.say("events", log.batch(1, 3)).await;
    unit.acked(&log, 3).await;
    let all = hub.get("/api/v1/latest").await;
    let [latest] = all["latest"].as_array().unwrap().as_slice() else {
        panic!("{all}");
    };
    assert_eq!(latest["site"], "s");
    assert_eq!(latest["unit"], "gate-1");
    assert_eq!(latest["value"], 19.25);
    assert_eq!(hub.get("/api/v1/latest?site=s").await, all);
    assert_eq!(hub.get("/api/v1/latest?site=t").await["status"], 404);
}
