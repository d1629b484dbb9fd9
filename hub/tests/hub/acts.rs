//! What people do about an alert, by the real binary: a hub that is killed around each step of an alert's
//! life. `hub/src/core/killed.rs` has the same within one process, at every turn.

use std::time::Duration;

use gatepost_model::Wall;
use serde_json::{Value, json};
use tokio::{task::JoinSet, time::sleep};

use crate::{
    paging::{Desk, SITE},
    process::Hub,
    unit::{Log, Unit},
};

/// Each ends with the sensor well again, so that the next fault is a new alert.
const LIVES: usize = 6;

/// Steps that people make, and what the history calls them.
const ACTS: [(&str, &str); 6] = [
    ("acknowledge", "acknowledged"),
    ("assign", "assigned"),
    ("comment", "commented"),
    ("shelve", "shelved"),
    ("unshelve", "unshelved"),
    ("resolve", "resolved"),
];

const ALERTS: &str = "/api/v1/alerts?kind=sensor_fault&all=true&limit=1000";

/// A hub, and how often it was killed.
struct Mortal {
    hub: Hub,
    kills: u64,
    /// Acts that were answered before the hub died.
    answered: usize,
    /// Acts that got no answer, and were in the record all the same.
    silent: usize,
    /// Acts that got no answer, and of which nothing was there.
    lost: usize,
}

impl Mortal {
    /// A number below `most`, some other one at each kill and the same in each run.
    fn chance(&self, most: u64) -> u64 {
        ((self.kills + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40) % most
    }

    /// Up to 10 ms, more often short: a hub with little to do answers within.
    fn delay(&self) -> Duration {
        let share = self.chance(1_000);
        Duration::from_micros(10 * share * share / 1_000)
    }

    async fn dies(&mut self) {
        self.hub.kill().await;
        self.kills += 1;
        self.hub.serve().await;
    }

    /// The unit says something while the hub dies, and again since nobody has acknowledged it.
    async fn hears(&mut self, log: &Log) {
        let last = log.lines.len();
        let unit = Unit::connect(&self.hub).await;
        unit.say("events", log.batch(last, last)).await;
        sleep(self.delay()).await;
        self.dies().await;
        let mut unit = Unit::connect(&self.hub).await;
        unit.say("events", log.batch(last, last)).await;
        unit.acked(log, last).await;
    }

    /// Somebody does something while the hub dies, and again with the same key if no answer came.
    async fn acts(&mut self, alert: u64, act: &str, called: &str, body: &Value) {
        let path = format!("/api/v1/alerts/{alert}/{act}");
        let key = format!("{alert}-{act}");
        let delay = self.delay();
        // Most die at some time after they were asked, answered or not; the others with the answer.
        let mut asked = Box::pin(self.hub.asked(&path, &key, body));
        let in_time = if self.chance(4) > 0 {
            tokio::select! {
                answer = &mut asked => Some(answer),
                () = sleep(delay) => None,
            }
        } else {
            Some(asked.as_mut().await)
        };
        self.dies().await;
        let answer = match in_time {
            Some(answer) => answer,
            // It may have answered in its last moment.
            None => asked.await,
        };
        let found = self.times(alert, called).await;
        assert!(found <= 1, "{key}: {found} times");
        match answer {
            Some((status, said)) => {
                assert_eq!(status, 200, "{key}: {said}");
                assert_eq!(found, 1, "{key} was answered and is lost");
                self.answered += 1;
            }
            None if found > 0 => self.silent += 1,
            None => self.lost += 1,
        }
        let again = self.hub.asked(&path, &key, body).await;
        let (status, said) = again.expect("a hub that lives answers");
        assert_eq!(status, 200, "{key}: {said}");
        assert_eq!(self.times(alert, called).await, 1, "{key}: {said}");
    }

    /// How often an alert's history has something.
    async fn times(&self, alert: u64, called: &str) -> usize {
        let alert = self.hub.get(&format!("/api/v1/alerts/{alert}")).await;
        let history = alert["history"].as_array().unwrap();
        history.iter().filter(|it| it["what"] == called).count()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hub_that_is_killed_around_each_step_of_an_alerts_life_loses_and_doubles_nothing() {
    let mut running = JoinSet::new();
    let desk = Desk::default();
    let url = desk.open(&mut running).await;
    let channel = format!("[[channel]]\nname = \"desk\"\nkind = \"webhook\"\nurl = {url:?}");
    let hub = Hub::configured(&[SITE], &channel).await;
    let mut mortal = Mortal {
        hub,
        kills: 0,
        answered: 0,
        silent: 0,
        lost: 0,
    };
    let mut log = Log::new("l");
    for life in 1..=LIVES {
        log.push(sensor(&log, "fault"));
        mortal.hears(&log).await;
        let alerts = mortal.hub.get(ALERTS).await;
        let alerts = alerts["alerts"].as_array().unwrap();
        assert_eq!(alerts.len(), life, "{alerts:#?}");
        let open = alerts.iter().find(|it| it["state"] == "raised").unwrap();
        let alert = open["id"].as_u64().unwrap();
        let raised = Wall::parse(open["history"][0]["at"].as_str().unwrap()).unwrap();
        if must_arrive(alert) {
            let told = |outbox: &Value| of(outbox, alert).iter().any(|it| it["state"] == "sent");
            mortal.hub.wait("/api/v1/outbox", told).await;
        }
        let until = raised.plus_micros(3_600_000_000).to_string();
        for (act, called) in ACTS {
            let body = match act {
                "assign" => json!({ "by": "wang", "to": "li" }),
                "shelve" => json!({ "by": "wang", "note": "tomorrow", "until": until }),
                _ => json!({ "by": "wang", "note": "loose plug" }),
            };
            mortal.acts(alert, act, called, &body).await;
        }
        log.push(sensor(&log, "cleared"));
        mortal.hears(&log).await;
    }

    let Mortal { hub, kills, .. } = &mortal;
    let trail = hub.get("/api/v1/sites/s/audit?limit=1000").await;
    assert_eq!(trail["intact"], true, "{trail:#}");
    let entries = trail["audit"].as_array().unwrap();
    assert_eq!(entries.len(), LIVES * ACTS.len(), "{trail:#}");

    let is_over = |outbox: &Value| {
        let messages = outbox["messages"].as_array().unwrap();
        let mut states = messages.iter().map(|it| &it["state"]);
        states.all(|state| state == "sent" || state == "dropped")
    };
    let outbox = hub.wait("/api/v1/outbox", is_over).await;
    let seen = desk.seen();
    let mut repeats = 0;
    for alert in 1..=LIVES as u64 {
        let messages = of(&outbox, alert);
        let raised = messages.iter().filter(|it| it["said"] == "raised");
        let least = usize::from(must_arrive(alert));
        assert!((least..=1).contains(&raised.count()), "{outbox:#}");
        let sent = messages.iter().filter(|it| it["state"] == "sent").count();
        assert!(sent == messages.len() || !must_arrive(alert), "{outbox:#}");
        let told = seen.get(&alert).map_or(&[][..], Vec::as_slice);
        let unmarked = told.iter().filter(|repeated| !**repeated).count();
        assert!(told.len() >= sent, "{alert}: {told:?} of {messages:?}");
        let most = messages.len();
        assert!(unmarked <= most, "{alert}: {told:?} of {messages:?}");
        assert!(most > 0 || told.is_empty(), "{alert}: {told:?} of nothing");
        repeats += told.len().saturating_sub(most);
    }
    println!(
        "{kills} kills: {} acts answered before it, {} in the record without an answer, {} not there; \
         {repeats} messages came twice, each marked",
        mortal.answered, mortal.silent, mortal.lost,
    );
    assert!(repeats as u64 <= *kills);
    running.abort_all();
}

/// People wait for the message about every second alert; of the others it may be that somebody has it
/// before anybody was told, and the message is dropped, or before it was looked whom to tell, and there
/// is none.
fn must_arrive(alert: u64) -> bool {
    alert.is_multiple_of(2)
}

/// The messages about an alert.
fn of(outbox: &Value, alert: u64) -> Vec<&Value> {
    let messages = outbox["messages"].as_array().unwrap().iter();
    messages.filter(|it| it["alert"] == alert).collect()
}

fn sensor(log: &Log, kind: &str) -> String {
    let mono_us = 1_000_000 + log.lines.len() * 1_000;
    json!({ "mono_us": mono_us, "kind": kind, "sensor": "people-ir", "code": "stuck", "detail": "" })
        .to_string()
}
