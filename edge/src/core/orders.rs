//! What a person at a distance, or with two buttons, tells the unit to do.

use std::time::Duration;

use gatepost_model::{
    Happening,
    event::{Calibration, Fault},
    remote::{MAX_TEST_S, Measure, Order},
};

use super::{Core, Effects, round::Station, test_mode::TestMode};

impl Core {
    /// Does what is ordered; what came of it, or why it is not done.
    pub fn handle_order(&mut self, order: &Order, effects: &mut Effects) -> Result<String, String> {
        if self.boot.is_none() {
            return Err("the inputs are not watched yet".to_owned());
        }
        let done = match order {
            Order::Identify { seconds } => self.identify(*seconds, effects),
            Order::TestOutput { output, seconds } => self.test_output(output, *seconds, effects),
            Order::Remeasure { lane } => self.remeasure(lane.as_str()),
            Order::Calibrate { sensor, by, who } => self.calibrate(sensor.as_str(), *by, who),
            Order::TestMode { on } => self.set_test_mode(*on, effects),
            Order::Record => Err("nothing is recorded here".to_owned()),
        };
        self.settle(effects);
        done
    }

    fn identify(&mut self, seconds: u32, effects: &mut Effects) -> Result<String, String> {
        let span = test_span(seconds)?;
        let lamps: Vec<usize> = self
            .gate
            .lanes
            .iter()
            .filter_map(|lane| lane.lamp)
            .collect();
        let mut blinking = 0;
        for lamp in lamps {
            let change = self.outputs.test(lamp, self.now, span, true);
            blinking += usize::from(change.is_some());
            effects.outputs.extend(change);
        }
        match blinking {
            0 => Err("no lamp is wired that is free".to_owned()),
            n => Ok(format!("{n} lamps blink for {seconds} s")),
        }
    }

    fn test_output(
        &mut self,
        name: &str,
        seconds: u32,
        effects: &mut Effects,
    ) -> Result<String, String> {
        let span = test_span(seconds)?;
        let mut outputs = self.gate.outputs.iter();
        let place = outputs
            .position(|output| output.name == name)
            .ok_or_else(|| format!("there is no output `{name}`"))?;
        let change = self
            .outputs
            .test(place, self.now, span, false)
            .ok_or_else(|| format!("`{name}` is in use"))?;
        effects.outputs.push(change);
        Ok(format!("`{name}` is on for {seconds} s"))
    }

    fn remeasure(&mut self, lane: &str) -> Result<String, String> {
        let mut thermometers = self.thermometers.iter_mut();
        let thermometer = thermometers
            .find(|thermometer| thermometer.lane().as_str() == lane)
            .ok_or_else(|| format!("lane `{lane}` has no thermometer"))?;
        if !thermometer.handle_remeasure(self.now, &mut self.out) {
            return Err("nobody was measured in the last 30 seconds who is still there".to_owned());
        }
        Ok("the next measurement is of the same person".to_owned())
    }

    fn calibrate(&mut self, sensor: &str, by: Measure, who: &str) -> Result<String, String> {
        let has_it = |it: &&mut Station| it.flow_sensor().is_some_and(|it| it.as_str() == sensor);
        let mut sharing: Vec<_> = self.stations.iter_mut().filter(has_it).collect();
        if let Some(station) = sharing.iter().find(|it| it.running().is_some()) {
            return Err(format!("a round runs in {}", station.zone()));
        }
        let (first, others) = sharing
            .split_first_mut()
            .ok_or_else(|| format!("there is no flow meter `{sensor}`"))?;
        let (before, after) = first.calibrate(by)?;
        others.iter_mut().for_each(|other| other.take_factor(after));
        let calibration = Calibration {
            sensor: sensor.parse().map_err(|error| format!("{error}"))?,
            quantity: "pulses_per_litre".to_owned(),
            before,
            after,
            by: who.chars().take(64).collect(),
        };
        self.out
            .happened(self.now, Happening::Calibration(calibration));
        Ok(format!("{after} pulses a litre, before {before}"))
    }

    /// Begins or ends test mode; which one is over already is no mistake.
    fn set_test_mode(&mut self, on: bool, effects: &mut Effects) -> Result<String, String> {
        match (on, &self.test) {
            (true, None) => {
                let mut running = self.stations.iter().filter(|it| it.running().is_some());
                if let Some(station) = running.next() {
                    return Err(format!("a round runs in {}", station.zone()));
                }
                self.begin_test(effects);
                Ok("test mode for 30 minutes".to_owned())
            }
            (true, Some(_)) => Ok("test mode runs already".to_owned()),
            (false, Some(_)) => {
                self.end_test(effects);
                Ok("test mode is over".to_owned())
            }
            (false, None) => Ok("there is no test mode".to_owned()),
        }
    }

    /// Somebody held the buttons for it.
    pub(super) fn toggle_test(&mut self, effects: &mut Effects) {
        // A round that runs keeps it off: who holds *stop* has ended it.
        let _ = self.set_test_mode(self.test.is_none(), effects);
    }

    fn begin_test(&mut self, effects: &mut Effects) {
        self.cut_lanes();
        self.beat();
        self.settle(effects);
        let baselines = self.thermometers.iter();
        self.test = Some(TestMode::begun(
            self.now,
            self.faults.clone(),
            baselines
                .map(|it| (it.sensor().clone(), it.baseline().clone()))
                .collect(),
        ));
    }

    /// Who is in a lane is neither of the test nor not of it.
    pub(super) fn cut_lanes(&mut self) {
        for lane in &mut self.lanes {
            lane.cut(self.now, &mut self.out);
        }
    }

    /// Ends test mode: what was open in it is dropped, what is true of sensors is told again.
    pub(super) fn end_test(&mut self, effects: &mut Effects) {
        if self.test.is_none() {
            return;
        }
        for station in &mut self.stations {
            station.abandon(self.now, &mut self.out);
        }
        self.cut_lanes();
        if self.now > self.pulse.watched_until() {
            self.beat();
        }
        self.settle(effects);
        let Some(test) = self.test.take() else { return };
        for thermometer in &mut self.thermometers {
            if let Some(baseline) = test.baseline(thermometer.sensor()) {
                thermometer.forget_to(baseline.clone());
            }
        }
        for (sensor, code, raised) in test.changed(&self.faults) {
            let fault = Fault {
                sensor,
                code,
                detail: String::new(),
            };
            let happening = if raised {
                Happening::Fault(fault)
            } else {
                Happening::Cleared(fault)
            };
            self.out.happened(self.now, happening);
        }
        self.settle(effects);
    }
}

fn test_span(seconds: u32) -> Result<Duration, String> {
    if !(1..=MAX_TEST_S).contains(&seconds) {
        return Err(format!("`seconds` is 1 to {MAX_TEST_S}"));
    }
    Ok(Duration::from_secs(seconds.into()))
}

#[cfg(test)]
mod tests;
