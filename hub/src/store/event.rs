//! An event as the record keeps it: its line as it came, its identity, and its frozen time.

use std::sync::Arc;

use gatepost_model::{BootId, LogId, Micros, SiteId, UnitId, Wall, event::Line};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One event of the record.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredEvent {
    /// The site.
    pub site: SiteId,
    /// The unit.
    pub unit: UnitId,
    /// The unit's log.
    pub log: LogId,
    /// Its number in the log; of a gap, the first that it stands for.
    pub seq: u64,
    /// How many numbers it takes: 1, of a gap more.
    pub n: u64,
    /// The boot whose monotonic clock it has.
    pub boot: BootId,
    /// Monotonic time; of a gap, its end.
    pub mono_us: Micros,
    /// When it happened: given at its first commit, never changed.
    pub time: Wall,
    /// How far that may be off, milliseconds.
    pub time_error_ms: u64,
    /// What the time rests on.
    pub source: TimeSource,
    /// When the hub got it.
    pub received: Wall,
    /// The line, byte for byte.
    pub line: Arc<str>,
    /// The line, read.
    pub entry: Line,
}

/// What an event's time rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TimeSource {
    /// The unit's clock.
    Unit,
    /// The hub's clock at receipt.
    Hub,
    /// What is known of the time before and after.
    Estimated,
    /// The unit's clock, which the hub's contradicts.
    Disputed,
}

impl StoredEvent {
    /// The kind's word; `gap` for a gap.
    pub fn kind(&self) -> &str {
        unimplemented!()
    }

    /// Made in test mode: kept and shown, counted nowhere.
    pub fn is_test(&self) -> bool {
        unimplemented!()
    }

    /// As the API shows it: the wire's fields, and the record's.
    pub fn to_json(&self) -> Value {
        unimplemented!()
    }
}
