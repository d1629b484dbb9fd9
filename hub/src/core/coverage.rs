//! Proof of watching: what a site's units could see, and when.
//!
//! A heartbeat proves that the inputs were watched from its `watched_from_mono_us` to its own time.
//! Stretches are joined in monotonic time, per boot of a log of a unit, and never between boots, so
//! that rounding of wall times makes no holes. What a stretch counts for is what the boot said that
//! its unit watches; faults, shed events and lines that could not be read take it away again
//! ([`Blind`]). Answers are united over units and logs, never summed.
//!
//! Everything here is a set: whatever the order in which the proofs come, and however often, the
//! answers are the same.

mod sight;
mod watches;

use gatepost_model::{
    BootId, LaneId, LogId, Micros, SensorId, UnitId, Wall, Zone,
    event::{Boot, Class},
};
use serde::{Deserialize, Serialize};

pub use sight::Sight;
pub use watches::{Joined, Watches};

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

/// What a stretch is stored under.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct WatchKey {
    /// The boot of a log of a unit.
    #[serde(flatten)]
    pub boot: BootKey,
    /// The stretch's beginning, monotonic.
    pub from_mono: Micros,
}

/// One contiguous watched stretch of one boot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watch {
    /// Whose, and since when: what it is stored under.
    #[serde(flatten)]
    pub key: WatchKey,
    /// Its end, monotonic.
    pub to_mono: Micros,
    /// Its beginning, from the first proof in it.
    pub from_wall: Wall,
    /// Its end, from the last proof in it. The length in wall time differs from that in monotonic
    /// time by what the clocks drifted.
    pub to_wall: Wall,
    /// The worst error of the times that proved it, milliseconds.
    pub error_ms: u64,
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

/// What a boot said that its unit watches, from its event on to the next of the same boot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watching {
    /// Whose.
    #[serde(flatten)]
    pub boot: BootKey,
    /// From here on, monotonic. The first of a boot counts from the boot's beginning.
    pub from_mono: Micros,
    /// Its lanes.
    pub lanes: Vec<LaneId>,
    /// Its sensors.
    pub sensors: Vec<SensorId>,
    /// Zones whose rounds it sees.
    pub zones: Vec<Zone>,
}

impl Watching {
    /// What a boot event at `from_mono` says.
    pub fn new(boot: BootKey, from_mono: Micros, event: &Boot) -> Self {
        Self {
            boot,
            from_mono,
            lanes: event.lanes.clone(),
            sensors: event.sensors.clone(),
            zones: event.zones.clone(),
        }
    }

    /// Whether it is among what is watched.
    pub fn covers(&self, subject: &Subject) -> bool {
        match subject {
            Subject::Lane(lane) => self.lanes.contains(lane),
            Subject::Sensor(sensor) => self.sensors.contains(sensor),
            Subject::Zone(zone) => self.zones.contains(zone),
        }
    }

    /// What a fault of `sensor` hides. Inputs are named on the unit alone; by convention an input's
    /// name begins with its lane's or its zone's (`people-a`, `living-start`). Where it does not,
    /// any lane of the unit may be the one that is blind, so all are.
    pub fn hidden_by(&self, sensor: &SensorId) -> Vec<Blinded> {
        if self.sensors.contains(sensor) {
            return vec![Blinded::Sensor(sensor.clone())];
        }
        let name = sensor.as_str();
        let begins_with = |whole: &str| {
            name.strip_prefix(whole)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
        };
        let lane = self
            .lanes
            .iter()
            .filter(|lane| begins_with(lane.as_str()))
            .max_by_key(|lane| lane.as_str().len());
        if let Some(lane) = lane {
            return vec![Blinded::Lane(lane.clone())];
        }
        if let Some(zone) = self.zones.iter().find(|zone| begins_with(zone.as_str())) {
            return vec![Blinded::Zone(*zone)];
        }
        self.lanes.iter().cloned().map(Blinded::Lane).collect()
    }
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
    /// Up to here; none while it lasts.
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
    /// All that a class of events tells: `record` everything, `telemetry` the sensors' readings.
    Class(Class),
}

impl Blinded {
    /// Whether it hides this.
    pub fn hides(&self, subject: &Subject) -> bool {
        match (self, subject) {
            (Self::Lane(lane), Subject::Lane(asked)) => lane == asked,
            (Self::Sensor(sensor), Subject::Sensor(asked)) => sensor == asked,
            (Self::Zone(zone), Subject::Zone(asked)) => zone == asked,
            (Self::Class(Class::Record), _) => true,
            (Self::Class(Class::Telemetry), Subject::Sensor(_)) => true,
            _ => false,
        }
    }
}

/// Why something was not seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BlindCause {
    /// A fault of the sensor.
    Fault,
    /// Events that the unit had to shed.
    Gap,
    /// A line that could not be read.
    SetAside,
}

/// What is asked about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// A lane's passages and screenings.
    Lane(LaneId),
    /// A sensor's readings, of whichever unit has one of that name.
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

#[cfg(test)]
mod tests;
