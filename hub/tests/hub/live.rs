//! What comes by itself: the live stream, and the retained topics.

use serde_json::{Value, json};

use crate::{
    process::{Hub, PATIENCE},
    unit::{Log, Unit},
};

/// A stream of events, as a page reads it.
pub(crate) struct Stream {
    answer: reqwest::Response,
    text: String,
}

impl Stream {
    pub(crate) async fn open(hub: &Hub, scope: &str, last: Option<u64>) -> Self {
        let last = last.map_or(String::new(), |rev| format!("&last_event_id={rev}"));
        Self {
            answer: hub
                .open(&format!("/api/v1/stream?scope={scope}{last}"))
                .await,
            text: String::new(),
        }
    }

    /// The next event of a kind; others are passed over.
    pub(crate) async fn next(&mut self, kind: &str) -> Value {
        let wait = async {
            loop {
                while let Some((event, rest)) = self.text.split_once("\n\n") {
                    let field = |name: &str| {
                        let mut lines = event.lines();
                        lines
                            .find_map(|line| line.strip_prefix(name))
                            .map(str::to_owned)
                    };
                    let (is_it, data) =
                        (field("event: ").as_deref() == Some(kind), field("data: "));
                    self.text = rest.to_owned();
                    if is_it {
                        return serde_json::from_str(&data.unwrap()).unwrap();
                    }
                }
                let more = self.answer.chunk().await.unwrap().unwrap();
                self.text.push_str(std::str::from_utf8(&more).unwrap());
            }
        };
        tokio::time::timeout(PATIENCE, wait).await.unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_passage_is_told_at_once_and_a_reader_that_comes_back_misses_nothing() {
    let mut hub = Hub::start().await;
    let mut unit = Unit::connect(&hub).await;
    let mut log = Log::new("l");
    log.passages(3);
    let mut stream = Stream::open(&hub, "site:s", None).await;
    let snapshot = stream.next("snapshot").await;
    assert_eq!(snapshot["data"]["lanes"][0]["in"], 0, "{snapshot:#}");
    unit.say("events", log.batch(1, 1)).await;
    let lanes_in = |delta: &Value| {
        let changes = delta["t"].as_array().unwrap();
        let is_it = |change: &&Value| change[0] == "lanes/people" && change[1] == "in";
        changes.iter().find(is_it).map(|change| change[2].clone())
    };
    let delta = loop {
        let delta = stream.next("delta").await;
        if lanes_in(&delta).is_some() {
            break delta;
        }
    };
    assert_eq!(lanes_in(&delta), Some(json!(1)), "{delta:#}");
    let rev = delta["rev"].as_u64().unwrap();

    // Another reader keeps the stream going while this one is away.
    let mut other = Stream::open(&hub, "site:s", None).await;
    drop(stream);
    unit.say("events", log.batch(2, 3)).await;
    unit.acked(&log, 3).await;
    hub.wait("/api/v1/sites/s", |site| site["today"]["in"] == 3)
        .await;
    let mut stream = Stream::open(&hub, "site:s", Some(rev)).await;
    let mut newest = 1;
    while newest < 3 {
        let delta = stream.next("delta").await;
        newest = lanes_in(&delta).map_or(newest, |n| n.as_u64().unwrap());
    }
    // Something wrong is told at once, to the fleet too.
    let mut fleet = Stream::open(&hub, "fleet", None).await;
    fleet.next("snapshot").await;
    unit.say("events", "no batch").await;
    for reader in [&mut stream, &mut other, &mut fleet] {
        let told = reader.next("alert").await;
        assert_eq!(told["alert"]["kind"], "quarantine", "{told:#}");
    }
    // A hub that stops ends its streams, and so can stop.
    assert_eq!(hub.stop().await, Some(0), "{}", hub.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn counts_are_retained_for_everybody() {
    let hub = Hub::start().await;
    let mut unit = Unit::connect(&hub).await;
    let mut log = Log::new("l");
    log.passages(2);
    unit.say("events", log.batch(1, 2)).await;
    unit.acked(&log, 2).await;
    let lane = unit
        .retained(&hub, "gatepost/v1/s/lanes/people", |said| said["in"] == 2)
        .await;
    assert_eq!(lane["kind"], "people");
    let zone = unit
        .retained(&hub, "gatepost/v1/s/zones/living", |said| {
            said["used"] == true
        })
        .await;
    assert_eq!(zone["verdicts"], json!([]), "no rounds are planned");
    unit.retained(&hub, "gatepost/v1/s/alerts", |said| {
        said["unacknowledged"] == 0
    })
    .await;
}
