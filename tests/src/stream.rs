//! The live stream as a page reads it: a snapshot, then deltas; after a lost connection it goes on
//! where it was, or with a new snapshot.

use std::time::Duration;

use anyhow::{Context, bail};
use futures_util::StreamExt;
use serde_json::Value;
use tokio::sync::watch;
use tokio_util::{
    sync::{CancellationToken, DropGuard},
    task::TaskTracker,
};

use crate::api::Api;

/// Before a lost stream is asked for again.
const RETRY: Duration = Duration::from_millis(100);

/// A page's state.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Page {
    /// What the page shows; null before the first snapshot.
    pub data: Value,
    /// Of which revision.
    pub rev: Option<String>,
    /// Deltas taken over.
    pub deltas: u64,
    /// Snapshots taken over.
    pub snapshots: u64,
}

/// Follows a scope (`fleet`, `site:ID`) until it is dropped.
#[derive(Debug)]
pub struct Follower {
    page: watch::Receiver<Page>,
    _task: DropGuard,
}

impl Follower {
    /// Begins to follow.
    pub fn start(api: Api, scope: &str) -> Self {
        let (say, page) = watch::channel(Page::default());
        let stop = CancellationToken::new();
        let (scope, stopped) = (scope.to_owned(), stop.clone());
        let tasks = TaskTracker::new();
        tasks.spawn(async move {
            loop {
                tokio::select! {
                    () = stopped.cancelled() => return,
                    ended = follow(&api, &scope, &say) => {
                        if let Err(error) = ended {
                            tracing::debug!(scope, error = format!("{error:#}"), "the stream is lost");
                        }
                    }
                }
                tokio::time::sleep(RETRY).await;
            }
        });
        Self {
            page,
            _task: stop.drop_guard(),
        }
    }

    /// The page as it is now.
    pub fn page(&self) -> Page {
        self.page.borrow().clone()
    }

    /// Waits for a state of the page.
    pub async fn wait_for(
        &mut self,
        what: &str,
        within: Duration,
        is_it: impl FnMut(&Page) -> bool,
    ) -> anyhow::Result<Page> {
        let seen = tokio::time::timeout(within, self.page.wait_for(is_it)).await;
        if let Ok(Ok(page)) = &seen {
            return Ok(Page::clone(page));
        }
        drop(seen);
        bail!(
            "{what}: not within {within:?}; last seen: {}",
            self.page.borrow().data
        )
    }
}

async fn follow(api: &Api, scope: &str, say: &watch::Sender<Page>) -> anyhow::Result<()> {
    let mut request = api
        .get(&format!("/api/v1/stream?scope={scope}"))
        .timeout(Duration::from_secs(24 * 3600));
    if let Some(rev) = &say.borrow().rev {
        request = request.header("Last-Event-ID", rev.as_str());
    }
    let answer = request.send().await?.error_for_status()?;
    let mut chunks = answer.bytes_stream();
    let (mut text, mut message) = (Vec::new(), Message::default());
    while let Some(chunk) = chunks.next().await {
        text.extend_from_slice(&chunk?);
        while let Some(end) = text.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = text.drain(..=end).collect();
            let line = std::str::from_utf8(&line[..end]).context("not UTF-8")?;
            if !line.is_empty() {
                message.take(line);
            } else if let Some(done) = std::mem::take(&mut message).done()? {
                apply(done, say)?;
            }
        }
    }
    Ok(())
}

/// A server-sent event, line by line.
#[derive(Debug, Default)]
struct Message {
    event: String,
    data: String,
    id: Option<String>,
}

impl Message {
    fn take(&mut self, line: &str) {
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => self.event = value.to_owned(),
            "data" => self.data.push_str(value),
            "id" => self.id = Some(value.to_owned()),
            _ => {}
        }
    }

    fn done(self) -> anyhow::Result<Option<(Self, Value)>> {
        if self.data.is_empty() {
            return Ok(None);
        }
        let value = serde_json::from_str(&self.data).context("a message is no JSON")?;
        Ok(Some((self, value)))
    }
}

fn apply((message, mut body): (Message, Value), say: &watch::Sender<Page>) -> anyhow::Result<()> {
    match message.event.as_str() {
        "snapshot" => say.send_modify(|page| {
            page.data = body["data"].take();
            page.rev = message.id;
            page.snapshots += 1;
        }),
        "delta" => {
            let changes = match body["t"].take() {
                Value::Array(changes) => changes,
                other => bail!("a delta's `t` is {other}"),
            };
            say.send_modify(|page| {
                for change in changes {
                    change_page(&mut page.data, change);
                }
                page.rev = message.id;
                page.deltas += 1;
            });
        }
        _ => {}
    }
    Ok(())
}

/// `[path, field, value]`: a field of the page or of an item of one of its lists; without a field
/// the item goes.
fn change_page(data: &mut Value, mut change: Value) {
    let (path, field, value) = (change[0].take(), change[1].take(), change[2].take());
    let path = path.as_str().unwrap_or_default();
    let Some((list, id)) = path.split_once('/') else {
        if let Some(field) = field.as_str() {
            data[field] = value;
        }
        return;
    };
    let Some(items) = data[list].as_array_mut() else {
        return;
    };
    let place = items.iter().position(|item| id_of(item) == id);
    match (field.as_str(), place) {
        (None, Some(place)) => drop(items.remove(place)),
        (None, None) => {}
        (Some(field), Some(place)) => items[place][field] = value,
        (Some(field), None) => {
            let mut item = serde_json::json!({ "id": id });
            item[field] = value;
            items.push(item);
        }
    }
}

fn id_of(item: &Value) -> String {
    match &item["id"] {
        Value::String(id) => id.clone(),
        other => other.to_string(),
    }
}

/// A page without what is never part of deltas, its lists in the order of their ids: two pages that
/// show the same are equal.
pub fn comparable(mut data: Value) -> Value {
    if let Some(fields) = data.as_object_mut() {
        fields.remove("server_time");
        for value in fields.values_mut() {
            let Some(items) = value.as_array_mut() else {
                continue;
            };
            items.sort_by_key(id_of);
            for item in items.iter_mut().filter_map(Value::as_object_mut) {
                for age in ["contact_age_s", "data_age_s"] {
                    item.remove(age);
                }
                let id = item.get("id").map(|id| id.to_string().replace('"', ""));
                item.insert("id".to_owned(), id.into());
            }
        }
    }
    data
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn deltas_change_the_page_and_its_lists() {
        let mut page =
            json!({ "name": "a", "units": [{ "id": "u", "state": "online" }], "alerts": [] });
        for change in [
            json!(["", "name", "b"]),
            json!(["units/u", "state", "late"]),
            json!(["alerts/7", "kind", "loss"]),
            json!(["alerts/8", "kind", "fork"]),
            json!(["alerts/7", null, null]),
            json!(["alerts/9", null, null]),
        ] {
            change_page(&mut page, change);
        }
        let expected = json!({
            "name": "b", "units": [{ "id": "u", "state": "late" }],
            "alerts": [{ "id": "8", "kind": "fork" }],
        });
        assert_eq!(page, expected);
        let fresh = json!({
            "server_time": "now", "name": "b",
            "units": [{ "id": "u", "state": "late", "data_age_s": 3 }],
            "alerts": [{ "id": 8, "kind": "fork" }],
        });
        assert_eq!(comparable(page), comparable(fresh));
    }

    #[test]
    fn a_message_is_read_line_by_line() {
        let mut message = Message::default();
        for line in ["event: delta", "id: 12", ": keepalive", "data: {\"t\":[]}"] {
            message.take(line);
        }
        let (message, body) = message.done().unwrap().unwrap();
        assert_eq!(
            (message.event.as_str(), message.id.as_deref()),
            ("delta", Some("12"))
        );
        assert_eq!(body, json!({ "t": [] }));
        assert!(Message::default().done().unwrap().is_none());
    }
}
