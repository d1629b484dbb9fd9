//! Which sensors are known to be wrong, so that a fault is said once when it begins and once when
//! it ends; and what no sensor can honestly report.

use std::{collections::BTreeSet, ops::RangeInclusive};

use gatepost_model::{SensorId, event::FaultCode};
use serde::{Deserialize, Serialize};

/// The faults that have begun and not ended. They survive a restart, so that each is ended.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Faults(BTreeSet<(SensorId, FaultCode)>);

impl Faults {
    /// Notes that a fault begins; true if that is news.
    pub fn raise(&mut self, sensor: &SensorId, code: FaultCode) -> bool {
        !self.has(sensor, code) && self.0.insert((sensor.clone(), code))
    }

    /// Notes that a fault ends; true if that is news.
    pub fn clear(&mut self, sensor: &SensorId, code: FaultCode) -> bool {
        !self.0.is_empty() && self.0.remove(&(sensor.clone(), code))
    }

    /// Whether a fault has begun and not ended.
    pub fn has(&self, sensor: &SensorId, code: FaultCode) -> bool {
        !self.0.is_empty() && self.0.contains(&(sensor.clone(), code))
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = (&SensorId, FaultCode)> {
        self.0.iter().map(|(sensor, code)| (sensor, *code))
    }

    /// Forgets faults of sensors that are no longer wired.
    pub fn keep(&mut self, is_wired: impl Fn(&SensorId) -> bool) {
        self.0.retain(|(sensor, _)| is_wired(sensor));
    }
}

/// Why a number cannot be one of this sensor's.
///
/// A sensor on the bus that reads all ones, its error flag included, comes out as 1037.55 degC:
/// nothing above 1000 is a temperature.
pub fn implausible(value: f64, range: RangeInclusive<f64>) -> Option<(FaultCode, String)> {
    if range.contains(&value) {
        return None;
    }
    let code = if value >= 1000.0 {
        FaultCode::BusError
    } else {
        FaultCode::OutOfRange
    };
    Some((code, format!("read {value}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_news_once() {
        let mut faults = Faults::default();
        let (a, b) = ("a".parse().unwrap(), "b".parse().unwrap());
        assert!(faults.raise(&a, FaultCode::Blocked));
        assert!(!faults.raise(&a, FaultCode::Blocked));
        assert!(faults.raise(&a, FaultCode::Stuck));
        assert!(!faults.clear(&b, FaultCode::Blocked));
        assert!(faults.clear(&a, FaultCode::Blocked));
        assert!(!faults.clear(&a, FaultCode::Blocked));
        faults.keep(|sensor| *sensor != a);
        assert!(!faults.has(&a, FaultCode::Stuck));
    }
}
