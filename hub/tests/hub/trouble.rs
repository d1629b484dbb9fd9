//! Trouble below the hub: a journal that cannot be written, a broker that died.

use std::collections::BTreeSet;

use crate::{
    live::Stream,
    process::{Hub, PATIENCE},
    unit::{Log, Unit},
};

#[tokio::test(flavor = "multi_thread")]
async fn while_the_journal_cannot_be_written_nothing_is_acknowledged_and_then_everything() {
    let hub = Hub::start().await;
    let mut unit = Unit::connect(&hub).await;
    let mut log = Log::new("l");
    log.passages(4);
    unit.say("events", log.batch(1, 2)).await;
    unit.acked(&log, 2).await;

    let file = hub.path("data").join(gatepost_hub::store::journal::FILE);
    let other = rusqlite::Connection::open(file).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    unit.say("events", log.batch(3, 4)).await;
    let ready = hub.wait("/readyz", |ready| ready["ready"] == false).await;
    let store = &ready["parts"][0];
    assert_eq!(store["name"], "store");
    assert_ne!(store["detail"], "", "{ready}");
    // What is known is still told.
    assert_eq!(hub.sequences("l").await, [1, 2]);
    other.execute_batch("ROLLBACK").unwrap();
    unit.acked(&log, 4).await;
    hub.wait("/readyz", |ready| ready["ready"] == true).await;
    assert_eq!(hub.sequences("l").await, [1, 2, 3, 4]);
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_full_disk_nothing_is_acknowledged_and_it_goes_on_by_itself() {
    let mut hub = Hub::start().await;
    let mut unit = Unit::connect(&hub).await;
    let mut log = Log::new("l");
    log.passages(6);
    unit.say("events", log.batch(1, 2)).await;
    unit.acked(&log, 2).await;

    hub.limit_files("1");
    unit.say("events", log.batch(3, 4)).await;
    let ready = hub.wait("/readyz", |ready| ready["ready"] == false).await;
    let store = &ready["parts"][0];
    assert_eq!(store["name"], "store");
    let detail = store["detail"].as_str().unwrap();
    assert!(detail.contains("see that the disk has room"), "{detail}");
    assert_eq!(hub.sequences("l").await, [1, 2]);
    let mut stream = Stream::open(&hub, "site:s", None).await;
    let page = stream.next("snapshot").await;
    assert_eq!(
        page["data"]["troubles"],
        serde_json::json!(["store"]),
        "{page}"
    );
    // Nothing of it is there after a start either.
    hub.kill().await;
    hub.serve().await;
    assert_eq!(hub.sequences("l").await, [1, 2]);
    unit = Unit::connect(&hub).await;
    unit.say("events", log.batch(3, 4)).await;
    unit.acked(&log, 4).await;

    hub.limit_files("1");
    unit.say("events", log.batch(5, 6)).await;
    hub.wait("/readyz", |ready| ready["ready"] == false).await;
    hub.limit_files("unlimited");
    unit.acked(&log, 6).await;
    hub.wait("/readyz", |ready| ready["ready"] == true).await;
    assert_eq!(hub.sequences("l").await, [1, 2, 3, 4, 5, 6]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_broker_ends_the_process_and_loses_nothing() {
    let mut hub = Hub::start().await;
    let mut unit = Unit::connect(&hub).await;
    let mut log = Log::new("l");
    log.passages(2);
    unit.say("events", log.batch(1, 1)).await;
    unit.acked(&log, 1).await;
    // The embedded broker's router does not outlive a topic like this one.
    unit.publish("é".to_owned(), "x").await;
    assert_eq!(hub.ended(PATIENCE).await, Some(1), "{}", hub.log());
    assert!(hub.log().contains("broker is dead"), "{}", hub.log());
    hub.serve().await;
    unit = Unit::connect(&hub).await;
    unit.say("events", log.batch(1, 2)).await;
    unit.acked(&log, 2).await;
    assert_eq!(hub.sequences("l").await, [1, 2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_broker_will_do_and_may_go_away() {
    let mut other = Hub::start().await;
    let hub = Hub::at_the_broker_of(&other).await;
    let mut unit = Unit::connect(&other).await;
    let mut log = Log::new("l");
    log.passages(2);
    unit.say("events", log.batch(1, 1)).await;
    // Both have it; each answers for its own record.
    let mut stores = BTreeSet::new();
    while stores.len() < 2 {
        stores.insert(unit.acked(&log, 1).await.store);
    }

    other.kill().await;
    let ready = hub.wait("/readyz", |ready| ready["ready"] == false).await;
    for part in ready["parts"].as_array().unwrap() {
        assert_eq!(part["ready"] == true, part["name"] == "store", "{ready}");
    }
    other.configure(&format!("listen = \"{}\"", other.mqtt));
    other.serve().await;
    hub.wait("/readyz", |ready| ready["ready"] == true).await;
    unit = Unit::connect(&other).await;
    unit.say("events", log.batch(1, 2)).await;
    stores.clear();
    while stores.len() < 2 {
        stores.insert(unit.acked(&log, 2).await.store);
    }
    assert_eq!(hub.sequences("l").await, [1, 2]);
}
