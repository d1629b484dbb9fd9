//! The readers of one stream, and what they have.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use gatepost_dashboard::ports::{Frame, Subscription};
use gatepost_model::Wall;
use serde_json::{Value, json};
use tokio::sync::broadcast;

use super::diff::diff;

/// Deltas that are kept for readers who come back: a minute of a busy site.
const KEPT: usize = 256;
/// Frames that a reader may be behind before it is cut and subscribes again.
const BEHIND: usize = 64;

#[derive(Debug)]
pub(super) struct Readers {
    rev: u64,
    model: Option<Value>,
    recent: VecDeque<Frame>,
    sender: broadcast::Sender<Frame>,
}

impl Readers {
    pub(super) fn new(rev: u64) -> Self {
        Self {
            rev,
            model: None,
            recent: VecDeque::new(),
            sender: broadcast::Sender::new(BEHIND),
        }
    }

    pub(super) fn rev(&self) -> u64 {
        self.rev
    }

    pub(super) fn are_there(&self) -> bool {
        self.sender.receiver_count() > 0
    }

    /// The items of the fleet's model by their id.
    pub(super) fn rows(&self) -> HashMap<&str, &Value> {
        let rows = self
            .model
            .as_ref()
            .and_then(|model| model["sites"].as_array());
        rows.into_iter()
            .flatten()
            .filter_map(|row| Some((row["id"].as_str()?, row)))
            .collect()
    }

    /// Takes a new model, and tells what differs.
    pub(super) fn tell(&mut self, model: Value, now: Wall) {
        if let Some(before) = &self.model {
            let changes = diff(before, &model);
            if !changes.is_empty() {
                self.rev += 1;
                let data = json!({ "rev": self.rev, "server_time": now, "t": changes });
                let frame = Frame {
                    rev: Some(self.rev),
                    event: "delta",
                    data: Arc::from(data.to_string()),
                };
                if self.recent.len() == KEPT {
                    self.recent.pop_front();
                }
                self.recent.push_back(frame.clone());
                self.send(frame);
            }
        }
        self.model = Some(model);
    }

    pub(super) fn alert(&self, data: &Arc<str>) {
        self.send(Frame {
            rev: None,
            event: "alert",
            data: Arc::clone(data),
        });
    }

    /// A reader comes, with the last revision that it has.
    pub(super) fn join(&self, last_rev: Option<u64>, now: Wall) -> Subscription {
        let rest = self.sender.subscribe();
        let first = last_rev
            .and_then(|rev| self.since(rev))
            .unwrap_or_else(|| vec![self.snapshot(now)]);
        Subscription { first, rest }
    }

    /// The deltas after a revision, if all of them are still there.
    fn since(&self, rev: u64) -> Option<Vec<Frame>> {
        if rev == self.rev {
            return Some(Vec::new());
        }
        let after = self
            .recent
            .iter()
            .position(|frame| frame.rev == rev.checked_add(1))?;
        Some(self.recent.iter().skip(after).cloned().collect())
    }

    fn snapshot(&self, now: Wall) -> Frame {
        let data = json!({ "rev": self.rev, "server_time": now, "data": self.model });
        Frame {
            rev: Some(self.rev),
            event: "snapshot",
            data: Arc::from(data.to_string()),
        }
    }

    fn send(&self, frame: Frame) {
        // Nobody reads: nothing to tell.
        drop(self.sender.send(frame));
    }
}
