//! The live stream's port.

use std::sync::Arc;

use gatepost_model::SiteId;
use tokio::sync::broadcast;

use super::ReadError;

/// What a stream is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Every site's row.
    Fleet,
    /// One site's snapshot.
    Site(SiteId),
}

/// One event of the stream, serialised once for all its readers.
#[derive(Debug, Clone)]
pub struct Frame {
    /// The stream's revision after it; `None` for what changes nothing.
    pub rev: Option<u64>,
    /// `snapshot`, `delta`, `alert`.
    pub event: &'static str,
    /// JSON.
    pub data: Arc<str>,
}

/// A reader's place in a stream.
pub struct Subscription {
    /// What brings the reader up to date: a snapshot, or the deltas since the revision it had.
    pub first: Vec<Frame>,
    /// What comes. A reader that lags behind is cut and subscribes again.
    pub rest: broadcast::Receiver<Frame>,
}

/// The live stream.
pub trait LiveStream: Send + Sync + 'static {
    /// Joins a stream, with the last revision that the reader has.
    fn subscribe(&self, scope: &Scope, last_rev: Option<u64>) -> Result<Subscription, ReadError>;
    /// Changes with every build: a page of another build reloads.
    fn build(&self) -> &str;
}
