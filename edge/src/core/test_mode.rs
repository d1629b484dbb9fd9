//! Test mode: what a technician sets off is marked, counted nowhere, and leaves no trace.
//!
//! Events in it bear `test`, heartbeats among them: a lane that is walked through for a test is not
//! watched. It ends by itself. Faults that began or ended in it are told again when it is over, for
//! those are still true; what thermometers learned in it is forgotten.

use std::{collections::BTreeMap, time::Duration};

use gatepost_model::{SensorId, event::FaultCode};
use serde::{Deserialize, Serialize};

use super::{screening::Baseline, sensor_health::Faults};
use crate::time::BoardTime;

/// It ends by itself after this.
pub const LASTS: Duration = Duration::from_secs(30 * 60);

/// Test mode under way. It survives a restart of the agent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TestMode {
    until_us: u64,
    faults: Faults,
    baselines: BTreeMap<SensorId, Baseline>,
}

impl TestMode {
    /// Begins, with what was known and told before.
    pub fn begun(now: BoardTime, faults: Faults, baselines: BTreeMap<SensorId, Baseline>) -> Self {
        Self {
            until_us: now.plus(LASTS).0,
            faults,
            baselines,
        }
    }

    /// What was known before is no longer known to others: all that lasts is to be told at the end.
    pub fn forget_faults(&mut self) {
        self.faults = Faults::default();
    }

    /// When it ends by itself.
    pub fn until(&self) -> BoardTime {
        BoardTime(self.until_us)
    }

    /// What thermometers had learned before.
    pub fn baseline(&self, sensor: &SensorId) -> Option<&Baseline> {
        self.baselines.get(sensor)
    }

    /// Faults that changed in it: true for those that are there now and were not before.
    pub fn changed(&self, now: &Faults) -> Vec<(SensorId, FaultCode, bool)> {
        let began = now
            .iter()
            .filter(|(sensor, code)| !self.faults.has(sensor, *code));
        let ended = self
            .faults
            .iter()
            .filter(|(sensor, code)| !now.has(sensor, *code));
        began
            .map(|(sensor, code)| (sensor.clone(), code, true))
            .chain(ended.map(|(sensor, code)| (sensor.clone(), code, false)))
            .collect()
    }
}
