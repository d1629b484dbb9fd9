//! Sensors of any quantity: a reading at most once in their interval.

use gatepost_model::{
    Happening,
    event::{FaultCode, Reading},
};

use super::{out::Out, sensor_health};
use crate::{config, time::BoardTime};

/// What any sensor can honestly report; the quantities are not known here.
const PLAUSIBLE: std::ops::RangeInclusive<f64> = -1.0e9..=1.0e9;

/// The machine of one sensor.
#[derive(Debug)]
pub struct Sensor {
    config: config::Sensor,
    /// When each quantity was last told.
    told: Vec<(String, BoardTime)>,
}

impl Sensor {
    /// A sensor that has told nothing yet.
    pub fn new(config: config::Sensor) -> Self {
        Self {
            config,
            told: Vec::new(),
        }
    }

    /// The watch begins.
    pub fn begin(&mut self) {
        self.told.clear();
    }

    /// The sensor's answer.
    pub fn handle_measured(&mut self, now: BoardTime, values: &[(String, f64)], out: &mut Out) {
        for (quantity, value) in values {
            // Temperatures that all ones on the bus come out as are no answer.
            let limit = if quantity.ends_with("_c") {
                -100.0..=200.0
            } else {
                PLAUSIBLE
            };
            if let Some((code, detail)) = sensor_health::implausible(*value, limit) {
                out.fault(
                    now,
                    &self.config.sensor,
                    code,
                    format!("{quantity}: {detail}"),
                );
                continue;
            }
            out.cleared(now, &self.config.sensor, FaultCode::BusError);
            out.cleared(now, &self.config.sensor, FaultCode::OutOfRange);
            if self.is_due(quantity, now) {
                let reading = Reading {
                    sensor: self.config.sensor.clone(),
                    quantity: quantity.clone(),
                    value: *value,
                    zone: self.config.zone,
                };
                out.happened(now, Happening::Reading(reading));
            }
        }
    }

    /// The sensor gave no answer.
    pub fn handle_failed(&mut self, now: BoardTime, error: &str, out: &mut Out) {
        out.fault(now, &self.config.sensor, FaultCode::BusError, error);
    }

    fn is_due(&mut self, quantity: &str, now: BoardTime) -> bool {
        match self.told.iter_mut().find(|(told, _)| told == quantity) {
            Some((_, last)) => {
                let due = now >= last.plus(self.config.interval);
                if due {
                    *last = now;
                }
                due
            }
            None => {
                self.told.push((quantity.to_owned(), now));
                true
            }
        }
    }
}
