//! Broken input, as the wire says: set aside where it can be read, never a stuck queue, and right
//! after a crash in between.

use gatepost_model::wire::{MAX_BATCH_BYTES, encode};
use serde_json::json;

use crate::{
    process::Hub,
    unit::{Log, Unit, passage},
};

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_as_a_whole_is_set_aside_and_never_acknowledged() {
    let mut hub = Hub::start().await;
    let mut unit = Unit::connect(&hub).await;
    let mut good = Log::new("good");
    good.passages(4);
    let mut bad = Log::new("bad");
    bad.passages(3);

    unit.say("events", good.batch(1, 2)).await;
    unit.acked(&good, 2).await;
    // Another unit's topic.
    unit.publish("gatepost/v1/s/gate-2/events".to_owned(), bad.batch(1, 3))
        .await;
    // A version that is not known.
    let text = String::from_utf8(bad.batch(1, 3)).unwrap();
    unit.say("events", text.replacen("\"v\":1", "\"v\":2", 1))
        .await;
    // One byte too many.
    let mut large = bad.batch(1, 3);
    large.resize(MAX_BATCH_BYTES + 1, b' ');
    unit.say("events", large).await;
    // No header.
    unit.say("events", text.replacen("\"unit\"", "\"nit\"", 1))
        .await;
    // Fewer lines than it says.
    let lines = [bad.lines[0].as_bytes()];
    unit.say("events", encode(&bad.header(1, 3), lines)).await;
    // Topics that are nobody's.
    unit.publish("gatepost/v1/s/zones/events".to_owned(), "x")
        .await;
    unit.say("alive", "{").await;

    for (code, scope) in [
        ("wrong_unit", "batch"),
        ("unknown_version", "batch"),
        ("too_large", "batch"),
        ("bad_header", "batch"),
        ("wrong_count", "batch"),
        ("bad_topic", "batch"),
        ("bad_alive", "batch"),
    ] {
        let item = hub.aside(code).await;
        assert_eq!(item["scope"], scope, "{item}");
        assert_ne!(item["reason"], "", "{item}");
    }
    let alerts = hub.get("/api/v1/alerts?site=s&kind=quarantine").await;
    let alerts = alerts["alerts"].as_array().unwrap();
    // One for each unit.
    assert_eq!(alerts.len(), 2, "{alerts:#?}");

    // The same again is counted; after a crash too.
    hub.kill().await;
    hub.serve().await;
    unit = Unit::connect(&hub).await;
    unit.say("events", text.replacen("\"v\":1", "\"v\":2", 1))
        .await;
    hub.wait("/api/v1/quarantine", |said| {
        said["quarantine"]
            .as_array()
            .unwrap()
            .iter()
            .any(|item| item["code"] == "unknown_version" && item["count"] == 2)
    })
    .await;
    unit.say("events", good.batch(3, 4)).await;
    unit.acked(&good, 4).await;
    assert!(!unit.has_seen("bad"), "{:?}", unit.seen);
    assert_eq!(hub.sequences("good").await, [1, 2, 3, 4]);
    assert_eq!(hub.sequences("bad").await, [0_u64; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_line_is_set_aside_alone_before_the_ack() {
    let mut hub = Hub::start().await;
    let mut unit = Unit::connect(&hub).await;
    let mut log = Log::new("l");
    log.push(passage(1_000_000));
    log.push("{\"mono_us\":2000000,\"kind\":\"passage\",\"lane\":\"PEOPLE\"} \u{1}".to_owned());
    log.push(passage(3_000_000));
    unit.say("events", log.batch(1, 3)).await;
    unit.acked(&log, 3).await;
    // What is acknowledged is in the record, whatever happens.
    hub.kill().await;
    hub.serve().await;
    let item = hub.aside("bad_line").await;
    assert_eq!(item["scope"], "line");
    assert_eq!(item["text"], log.lines[1]);
    assert_eq!(item["seq"], 2);
    assert_eq!(item["log"], "l");
    assert_eq!(hub.sequences("l").await, [1, 3]);
    // All of it again is nothing new, and is acknowledged again.
    unit = Unit::connect(&hub).await;
    unit.say("events", log.batch(1, 3)).await;
    unit.acked(&log, 3).await;
    assert_eq!(hub.sequences("l").await, [1, 3]);
    let all = hub.get("/api/v1/quarantine").await;
    assert_eq!(all["quarantine"].as_array().unwrap().len(), 1, "{all}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_missing_in_between_comes_again() {
    let mut hub = Hub::start().await;
    let mut unit = Unit::connect(&hub).await;
    let mut log = Log::new("l");
    log.passages(9);
    unit.say("events", log.batch(1, 3)).await;
    unit.acked(&log, 3).await;
    unit.say("events", log.batch(7, 9)).await;
    // The watermark again.
    unit.acked(&log, 3).await;
    hub.kill().await;
    hub.serve().await;
    unit = Unit::connect(&hub).await;
    // An overlap, and then what was ahead.
    unit.say("events", log.batch(2, 6)).await;
    unit.acked(&log, 6).await;
    unit.say("events", log.batch(7, 9)).await;
    unit.acked(&log, 9).await;
    assert_eq!(hub.sequences("l").await, (1..=9).collect::<Vec<u64>>());
    let metrics = hub.text("/metrics").await;
    assert!(metrics.contains("gatepost_events_total 6\n"), "{metrics}");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_history_is_a_fork_and_a_new_log_goes_on() {
    let mut hub = Hub::start().await;
    let mut unit = Unit::connect(&hub).await;
    let mut log = Log::new("l");
    log.passages(3);
    unit.say("events", log.batch(1, 3)).await;
    unit.acked(&log, 3).await;
    // The card went back to 1 and lived on otherwise.
    let mut other = Log::new("l");
    other.passages(1);
    for n in 0..4 {
        other.push(passage(50_000_000 + n));
    }
    unit.say("events", other.batch(4, 5)).await;
    unit.acked(&log, 3).await;
    hub.kill().await;
    hub.serve().await;
    unit = Unit::connect(&hub).await;
    // The same, with the watermark in the middle of it.
    unit.say("events", other.batch(2, 5)).await;
    unit.acked(&log, 3).await;
    assert_eq!(hub.sequences("l").await, [1, 2, 3]);
    let item = hub.aside("fork").await;
    assert_eq!(item["unit"], "gate-1");
    let path = "/api/v1/alerts?site=s&kind=fork";
    let alerts = hub.get(path).await;
    let alert = &alerts["alerts"][0];
    assert_eq!(alert["state"], "raised", "{alerts}");
    assert_eq!(alert["subject"]["id"], "l");

    // A person has it; once is enough.
    let path = format!("/api/v1/alerts/{}/acknowledge", alert["id"]);
    let body = json!({"by": "wang", "version": alert["version"]});
    let (status, said) = hub.post(&path, &body).await;
    assert_eq!((status, &said["acknowledged_by"]), (200, &json!("wang")));
    let (status, said) = hub.post(&path, &json!({"by": "li"})).await;
    assert_eq!((status, &said["acknowledged_by"]), (200, &json!("wang")));
    hub.kill().await;
    hub.serve().await;
    let known = hub.get(&format!("/api/v1/alerts/{}", alert["id"])).await;
    assert_eq!(known["state"], "acknowledged");

    // The unit begins a new log; both are kept, equal times too.
    unit = Unit::connect(&hub).await;
    let mut fresh = Log::new("fresh");
    for _ in 0..3 {
        fresh.push(passage(1_000_000));
    }
    unit.say("events", fresh.batch(1, 3)).await;
    unit.acked(&fresh, 3).await;
    assert_eq!(hub.sequences("l").await, [1, 2, 3]);
    assert_eq!(hub.sequences("fresh").await, [1, 2, 3]);
    let site = hub
        .wait("/api/v1/sites/s", |site| site["today"]["in"] == 6)
        .await;
    assert_eq!(site["headcount"]["estimate"], 6, "{site:#}");
}
