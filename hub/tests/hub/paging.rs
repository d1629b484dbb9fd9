//! Messages to people, by the real binary: a hub that is killed while it tells somebody.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    body::Bytes,
    http::StatusCode,
    routing::{get, post},
};
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinSet, time::sleep};

use crate::{
    process::Hub,
    unit::{Log, Unit},
};

pub(crate) const SITE: &str = r#"
    id = "s"
    time_zone = "Asia/Shanghai"
    name = { zh = "一号", en = "One" }

    [[lane]]
    id = "people"
    kind = "people"

    [[recipient]]
    name = "desk"
    channel = "desk"
"#;

const KILLS: u32 = 16;

/// Somebody's desk: all that was delivered, of each alert whether it said that it comes again.
#[derive(Clone, Default)]
pub(crate) struct Desk(Arc<Mutex<BTreeMap<u64, Vec<bool>>>>);

impl Desk {
    pub(crate) async fn open(&self, running: &mut JoinSet<()>) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let desk = self.clone();
        let take = move |body: Bytes| {
            let desk = desk.clone();
            async move {
                desk.note(&serde_json::from_slice(&body).unwrap());
                // Long enough for some to be killed while they wait for the receipt.
                sleep(Duration::from_millis(20)).await;
                StatusCode::NO_CONTENT
            }
        };
        let server = Router::new().route("/", post(take));
        running.spawn(async move { axum::serve(listener, server).await.unwrap() });
        url
    }

    /// What was delivered.
    pub(crate) fn seen(&self) -> BTreeMap<u64, Vec<bool>> {
        self.0.lock().unwrap().clone()
    }

    fn note(&self, said: &Value) {
        let mut seen = self.0.lock().unwrap();
        for alert in said["alerts"].as_array().unwrap() {
            let alert = alert["alert"].as_u64().unwrap();
            let repeated = said["repeated"].as_bool().unwrap();
            seen.entry(alert).or_default().push(repeated);
        }
    }
}

fn fever(log: &mut Log, n: u32) {
    let line = json!({ "mono_us": 1_000_000 + u64::from(n) * 1_000, "kind": "screening",
        "lane": "people", "id": format!("p{n}"), "attempt": 1, "skin_c": 37.9, "rule": "rel-1",
        "verdict": "fever" });
    log.push(line.to_string());
    // Enough healthy people for the suspicion to be plausible.
    for other in 0..6 {
        let line = json!({ "mono_us": 1_000_100 + u64::from(n) * 1_000, "kind": "screening",
            "lane": "people", "id": format!("p{n}-{other}"), "attempt": 1, "skin_c": 34.9,
            "rule": "rel-1", "verdict": "normal" });
        log.push(line.to_string());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hub_that_is_killed_loses_no_page_and_repeats_at_most_one_a_kill() {
    let mut running = JoinSet::new();
    let desk = Desk::default();
    let url = desk.open(&mut running).await;
    let channel = format!("[[channel]]\nname = \"desk\"\nkind = \"webhook\"\nurl = {url:?}");
    let mut hub = Hub::configured(&[SITE], &channel).await;
    let mut log = Log::new("l");
    for kill in 0..KILLS {
        let first = log.lines.len() + 1;
        fever(&mut log, kill);
        let unit = Unit::connect(&hub).await;
        unit.say("events", log.batch(first, log.lines.len())).await;
        // At every step of the alert's life: taken, stored, looked at, handed over, delivered.
        sleep(Duration::from_millis(u64::from(kill) * 12)).await;
        hub.kill().await;
        hub.serve().await;
        let mut unit = Unit::connect(&hub).await;
        unit.say("events", log.batch(first, log.lines.len())).await;
        unit.acked(&log, log.lines.len()).await;
    }
    let all_sent = |outbox: &Value| {
        let messages = outbox["messages"].as_array().unwrap();
        messages.len() == KILLS as usize && messages.iter().all(|it| it["state"] == "sent")
    };
    hub.wait("/api/v1/outbox", all_sent).await;
    let alerts = hub
        .get("/api/v1/alerts?kind=fever_suspected&limit=1000")
        .await;
    let alerts = alerts["alerts"].as_array().unwrap();
    assert_eq!(alerts.len(), KILLS as usize, "one alert for each");
    let seen = desk.seen();
    let mut repeats = 0;
    for alert in alerts {
        let told = &seen[&alert["id"].as_u64().unwrap()];
        assert!(told.len() <= 2, "{alert}: told {} times", told.len());
        assert!(
            told[1..].iter().all(|repeated| *repeated),
            "{alert} came again unmarked"
        );
        repeats += told.len() - 1;
    }
    println!("{KILLS} kills, {repeats} messages came twice, each marked");
    assert!(repeats <= KILLS as usize);
    running.abort_all();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hub_that_is_dead_tells_its_watchdog_nothing_any_more() {
    let mut running = JoinSet::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/beat", listener.local_addr().unwrap());
    let (beats, mut heard) = tokio::sync::mpsc::channel(64);
    let take = move || {
        let beats = beats.clone();
        async move {
            // A reader that has heard enough is no trouble of the hub's.
            let _ = beats.try_send(());
        }
    };
    let server = Router::new().route("/beat", get(take));
    running.spawn(async move { axum::serve(listener, server).await.unwrap() });
    let watchdog = format!("[watchdog]\nurl = {url:?}\nevery_s = 0.05");
    let mut hub = Hub::configured(&[SITE], &watchdog).await;
    for _ in 0..3 {
        let beat = tokio::time::timeout(crate::process::PATIENCE, heard.recv()).await;
        assert_eq!(beat, Ok(Some(())), "{}", hub.log());
    }
    hub.kill().await;
    while heard.try_recv().is_ok() {}
    // Twenty times as long as a living hub is silent.
    sleep(Duration::from_secs(1)).await;
    assert!(heard.try_recv().is_err(), "a dead hub tells something");
    running.abort_all();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recipient_is_tried_and_a_channel_that_is_not_there_is_told() {
    let mut running = JoinSet::new();
    let desk = Desk::default();
    let url = desk.open(&mut running).await;
    let channel = format!("[[channel]]\nname = \"other\"\nkind = \"webhook\"\nurl = {url:?}");
    let hub = Hub::configured(&[SITE], &channel).await;
    let path = "/api/v1/sites/s/recipients/desk/test";
    let (status, message) = hub.post(path, &json!({ "by": "wang" })).await;
    assert_eq!(
        (status, &message["state"]),
        (200, &json!("queued")),
        "{message}"
    );
    let is_told = |outbox: &Value| {
        let why = outbox["messages"][0]["answer"].as_str();
        why.is_some_and(|why| why.contains("no channel of that name"))
    };
    hub.wait("/api/v1/outbox", is_told).await;
    let told = hub.get("/api/v1/sites/s/recipients").await;
    let desk = &told["recipients"][0];
    assert_eq!(
        (&desk["name"], &desk["last"]["id"], &desk["last"]["said"]),
        (&json!("desk"), &message["id"], &json!("test")),
        "{told}"
    );
    assert!(desk.get("to").is_none(), "an address is nobody's: {told}");
    let (status, problem) = hub
        .post("/api/v1/sites/s/recipients/nobody/test", &json!({}))
        .await;
    assert_eq!(
        (status, &problem["code"]),
        (404, &json!("not_found")),
        "{problem}"
    );
    running.abort_all();
}
