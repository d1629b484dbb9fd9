//! The wire, version 1: batches of events up, acks down, and the two small messages of presence.
//!
//! A batch is JSON lines: a [`Header`], then one line an event ([`crate::event::Line`]). Sequence
//! numbers of a log begin at 1 and have no holes: what is gone stands as a gap in its place. The
//! [`Chain`] goes over the lines' bytes, so that two logs which differ anywhere differ ever after.

mod batch;
mod chain;

use serde::{Deserialize, Serialize};

pub use batch::{
    Batch, BatchError, BatchLine, Content, Header, Packer, Sent, Stable, decode, encode,
};
pub use chain::Chain;

use crate::{
    id::LogId,
    time::{Clock, Micros, Wall},
};

/// The version of the wire that this code speaks.
pub const VERSION: u64 = 1;

/// The most bytes of one batch: 64 KiB.
pub const MAX_BATCH_BYTES: usize = 64 * 1024;

/// The most lines of one batch after its header.
pub const MAX_BATCH_LINES: usize = 500;

/// The most bytes of a free text that a unit puts into an event.
pub const MAX_TEXT: usize = 500;

/// The most bytes of one event's line: a batch must hold it with its header.
pub const MAX_LINE_BYTES: usize = 32 * 1024;

/// Where one boot's monotonic time touches the wall: learned from a time server, or from the hub.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Anchor {
    /// Monotonic time of that boot.
    pub mono_us: Micros,
    /// The wall time at that moment.
    pub wall: Wall,
    /// How far it may be off, milliseconds.
    pub err_ms: u64,
}

/// For a boot that never learned the time: its events in this batch happened after `after` and
/// before `before`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bounds {
    /// The last time known before them.
    pub after: Wall,
    /// The first time known after them.
    pub before: Wall,
}

/// The hub's word that everything up to `through` is durably stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ack {
    /// Which record; a restored hub has a new one.
    pub store: String,
    /// Which log of the unit.
    pub log: LogId,
    /// The last sequence that is stored; 0 for none.
    pub through: u64,
    /// The chain after `through`, as the hub computed it.
    pub chain: Chain,
    /// The hub's wall clock at sending, for units whose network lets no time server through.
    pub time: Wall,
}

/// Presence and backlog; never record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alive {
    /// The unit's log.
    pub log: LogId,
    /// The last sequence in it; 0 for none.
    pub last: u64,
    /// How many of them the hub has not confirmed.
    pub waiting: u64,
    /// Monotonic time at sending.
    pub mono_us: Micros,
    /// What the unit knows of its wall clock.
    pub clock: Clock,
    /// Seconds to the next `alive`; 10 if it is not said.
    #[serde(default = "ten")]
    pub interval_s: u64,
}

fn ten() -> u64 {
    10
}

/// Birth and last will; a hint only. The will names no log: it is written before anything is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// False in the last will.
    pub online: bool,
    /// The unit's log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log: Option<LogId>,
    /// One session of the agent with the broker.
    #[serde(default)]
    pub session: String,
    /// The agent's version.
    #[serde(default)]
    pub version: String,
}

/// A message as its JSON bytes.
pub fn to_bytes<T: Serialize>(message: &T) -> Vec<u8> {
    crate::event::to_json(message).into_bytes()
}
