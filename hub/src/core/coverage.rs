//! Proof of watching: what a site's units could see, and when.

use std::collections::BTreeMap;

use gatepost_model::{BootId, LaneId, LogId, Micros, SensorId, UnitId, Wall, Zone, event::Class};
use serde::{Deserialize, Serialize};

/// One contiguous watched stretch of one boot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watch {
    /// Whose, and since when: what it is stored under.
    #[serde(flatten)]
    pub key: WatchKey,
    /// Its end, monotonic.
    pub to_mono: Micros,
    /// Its beginning.
    pub from_wall: Wall,
    /// Its end.
    pub to_wall: Wall,
    /// The worst error of the times that proved it, milliseconds.
    pub error_ms: u64,
}

/// What a stretch is stored under.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct WatchKey {
    /// The boot of a log of a unit.
    #[serde(flatten)]
    pub boot: BootKey,
    /// The stretch's beginning, monotonic.
    pub from_mono: Micros,
}

/// One boot in one log of one unit: what has one monotonic clock and one configuration at a time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct BootKey {
    /// The unit.
    pub unit: UnitId,
    /// Its log.
    pub log: LogId,
    /// The boot.
    pub boot: BootId,
}

impl Watch {
    /// A stretch that an event at `to_mono`, placed at `to_wall`, proves.
    pub fn proven(
        boot: BootKey,
        from_mono: Micros,
        to_mono: Micros,
        to_wall: Wall,
        error_ms: u64,
    ) -> Self {
        let from_mono = from_mono.min(to_mono);
        let length = i64::try_from(to_mono - from_mono).unwrap_or(i64::MAX);
        Self {
            key: WatchKey { boot, from_mono },
            to_mono,
            from_wall: to_wall.plus_micros(-length),
            to_wall,
            error_ms,
        }
    }
}

/// What adding a stretch changes: one to keep, and those that it has swallowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Joined {
    /// The stretch as it is now.
    pub put: Watch,
    /// Stored stretches that are part of it now.
    pub gone: Vec<WatchKey>,
}

/// All watched stretches of a site.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Watches {
    boots: BTreeMap<BootKey, BTreeMap<Micros, Watch>>,
}

impl Watches {
    /// What adding these would change, in an order in which it can be stored.
    pub fn joined(&self, _proofs: impl IntoIterator<Item = Watch>) -> Vec<Joined> {
        let _ = &self.boots;
        unimplemented!()
    }

    /// Takes over a change.
    pub fn apply(&mut self, _change: &Joined) {
        unimplemented!()
    }

    /// Adds one stretch: `joined` and `apply` in one.
    pub fn add(&mut self, _proof: Watch) -> Option<Joined> {
        unimplemented!()
    }
}

/// What a boot said that its unit watches, from its event on to the next of the same boot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watching {
    /// Whose.
    #[serde(flatten)]
    pub boot: BootKey,
    /// From here on, monotonic.
    pub from_mono: Micros,
    /// Its lanes.
    pub lanes: Vec<LaneId>,
    /// Its sensors.
    pub sensors: Vec<SensorId>,
    /// Zones whose rounds it sees.
    pub zones: Vec<Zone>,
}

/// A time in which a unit watched and saw nothing of something all the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Blind {
    /// Whose eyes.
    pub unit: UnitId,
    /// What it did not see.
    pub what: Blinded,
    /// From here on.
    pub from: Wall,
    /// Up to here; open while it lasts.
    pub to: Option<Wall>,
    /// Why.
    pub why: BlindCause,
}

/// What was not seen.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Blinded {
    /// One lane.
    Lane(LaneId),
    /// One sensor.
    Sensor(SensorId),
    /// The rounds of one zone.
    Zone(Zone),
    /// All that a class of events tells: `Record` everything, `Telemetry` the sensors.
    Class(Class),
}

/// Why something was not seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BlindCause {
    /// A fault of the sensor.
    Fault,
    /// Events that the unit had to shed.
    Gap,
    /// An event that could not be read.
    SetAside,
}

/// What is asked about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// A lane's passages and screenings.
    Lane(LaneId),
    /// A sensor's readings.
    Sensor(SensorId),
    /// A zone's rounds.
    Zone(Zone),
}

/// How several subjects make one answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Join {
    /// Watched is when all of them were: for sums.
    All,
    /// Watched is when at least one was: for means.
    Any,
}

/// What a site's units could see.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Sight {
    /// The proven stretches.
    pub watches: Watches,
    watching: BTreeMap<BootKey, BTreeMap<Micros, Watching>>,
    blinds: BTreeMap<UnitId, Vec<Blind>>,
}

impl Sight {
    /// Takes over what a boot event says. The same again changes nothing.
    pub fn put_watching(&mut self, _watching: Watching) {
        unimplemented!()
    }

    /// The newest word of a boot at or before a moment, or its first.
    pub fn watching(&self, _boot: &BootKey, _at_mono: Micros) -> Option<&Watching> {
        let _ = &self.watching;
        unimplemented!()
    }

    /// Adds or closes a blind time: one of the same unit, `what`, `from` and `why` is replaced.
    pub fn put_blind(&mut self, _blind: Blind) {
        let _ = &self.blinds;
        unimplemented!()
    }

    /// What a fault of `sensor` at that moment hides.
    pub fn blinded_by(
        &self,
        _boot: &BootKey,
        _at_mono: Micros,
        _sensor: &SensorId,
    ) -> Vec<Blinded> {
        unimplemented!()
    }

    /// Whether any unit ever said that it watches this.
    pub fn is_installed(&self, _subject: &Subject) -> bool {
        unimplemented!()
    }

    /// When it was watched within `[from, to)`: united over units and logs, in order, disjoint.
    /// Stretches whose times may be off by more than `max_error_ms` count for nothing.
    pub fn seen(
        &self,
        _subject: &Subject,
        _from: Wall,
        _to: Wall,
        _max_error_ms: u64,
    ) -> Vec<(Wall, Wall)> {
        unimplemented!()
    }

    /// When it was not watched within `[from, to)`: the rest of [`Self::seen`].
    pub fn unseen(&self, _subject: &Subject, _from: Wall, _to: Wall) -> Vec<(Wall, Wall)> {
        unimplemented!()
    }

    /// Whether it was watched throughout `[from, to)`, but for `tolerance_us` in all.
    pub fn throughout(
        &self,
        _subject: &Subject,
        _from: Wall,
        _to: Wall,
        _tolerance_us: i64,
    ) -> bool {
        unimplemented!()
    }

    /// For each bucket the share of its part before `now` that was watched, 0 to 1; `edges` are one
    /// more than the buckets.
    pub fn coverage(
        &self,
        _subjects: &[Subject],
        _join: Join,
        _edges: &[Wall],
        _now: Wall,
    ) -> Vec<f64> {
        unimplemented!()
    }
}
