//! The watch begins: with a boot, with the agent, or with a new log.

use gatepost_model::{
    BootId, Happening, SensorId,
    event::{Boot, Fault, FaultCode},
};

use super::{Core, Effects, route::wired_sensors, wall::WallClock};
use crate::time::BoardTime;

impl Core {
    /// A boot begins; or, if it is the one that ran last, the agent has just begun to watch again.
    pub(super) fn begin(&mut self, boot: &BootId, mono: BoardTime, effects: &mut Effects) {
        let restart = mono.0 > 0 && self.boots.current() == Some(boot);
        if self.boot.is_some() && !restart {
            self.cut_lanes();
            self.settle(effects);
        }
        if self.boots.current() != Some(boot) || !restart {
            self.wall = WallClock::default();
            self.lost_edges = 0;
        }
        self.boots.begin(boot, mono);
        if let Some(anchor) = self.boots.anchor().filter(|_| restart) {
            self.wall.handle_resumed(anchor, mono);
        }
        self.boot = Some(boot.clone());
        self.now = mono;
        self.restarted = restart.then_some(mono);
        self.begun_within = (mono.0 > 0).then_some(mono);
        self.pulse.begin(mono);
        if !restart {
            self.end_test(effects);
        }
        if let Some(test) = &mut self.test {
            test.forget_faults();
        }
        self.announce(if restart { "restart" } else { "boot" });
        self.outputs.begin();
        self.followed.reset();
        effects.outputs.extend(self.safe_outputs());
        for lane in &mut self.lanes {
            let faults = &self.faults;
            lane.begin(mono, restart, |beam, code| faults.has(&beam.sensor, code));
        }
        for thermometer in &mut self.thermometers {
            let is_frozen = self.faults.has(thermometer.sensor(), FaultCode::Frozen);
            thermometer.begin(mono, restart, is_frozen);
        }
        for station in &mut self.stations {
            let faults = &self.faults;
            let is_known = |sensor: &SensorId, code| faults.has(sensor, code);
            station.begin(mono, boot, is_known, &mut self.out);
        }
        for entry_box in &mut self.boxes {
            let faults = &self.faults;
            entry_box.begin(mono, |sensor, code| faults.has(sensor, code));
        }
        for sensor in &mut self.sensors {
            sensor.begin();
        }
        self.settle(effects);
    }

    /// Says what is watched, and what is still wrong with it: whoever hears that takes all faults
    /// before it for over.
    fn announce(&mut self, reason: &str) {
        let boot = Boot {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            config: self.gate.fingerprint.clone(),
            lanes: self.gate.lanes.iter().map(|lane| lane.id.clone()).collect(),
            sensors: wired_sensors(&self.gate),
            zones: self
                .gate
                .stations
                .iter()
                .map(|station| station.zone)
                .collect(),
            reason: reason.to_owned(),
        };
        self.out.happened(self.now, Happening::Boot(boot));
        for (sensor, code) in self.faults.iter() {
            let fault = Fault {
                sensor: sensor.clone(),
                code,
                detail: String::new(),
            };
            self.out.happened(self.now, Happening::Fault(fault));
        }
    }

    /// Says again what is watched, at the beginning of a new log.
    pub fn announce_again(&mut self, effects: &mut Effects) {
        if self.boot.is_some() {
            if let Some(test) = &mut self.test {
                test.forget_faults();
            }
            self.announce("new_log");
            self.settle(effects);
        }
    }
}
