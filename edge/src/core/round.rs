//! A disinfection round: a press of *start*, the pump's pulses, a press of *stop*.
//!
//! Zones that one pump serves share its meter: what flows while several of their rounds run is told
//! in equal shares, for nobody can tell the hoses apart.
//!
//! A second press of *start* changes nothing, a *stop* without a round is nothing. A round that
//! nobody stops is abandoned after a time. Flow outside a round is nobody's round: it is told as a
//! reading `stray_litres` once it has ceased.

use std::time::Duration;

use gatepost_model::{
    BootId, Happening, SensorId, Zone,
    event::{Evidence, FaultCode, Reading, Round, RoundPhase},
    remote::Measure,
};
use serde::{Deserialize, Serialize};

use super::{button::Button, earliest, noise::Noise, out::Out};
use crate::{
    config,
    time::{BoardTime, micros},
};

/// Pulses further apart than this have a pause of the pump between them.
const PAUSE: Duration = Duration::from_secs(2);
/// Flow outside a round has ceased after this.
const STRAY_ENDS: Duration = Duration::from_secs(30);
/// *start*, pressed while *stop* is held, and both held for so long: test mode.
const CHORD: Duration = Duration::from_secs(5);
/// A measuring jug is at least this large, litres; fewer pulses than this say nothing.
const LEAST_LITRES: f64 = 0.1;
const LEAST_PULSES: u64 = 20;
/// A flow meter's edges a second: four times what the fastest ones give.
const MOST_EDGES: u32 = 2000;
/// A round of this length without a pulse has a dead flow meter, or no pump.
const SILENT: Duration = Duration::from_secs(30);
/// What any flow meter's factor lies within.
const FACTORS: std::ops::RangeInclusive<f64> = 0.001..=1_000_000.0;

/// A round under way. It survives a restart of the agent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Running {
    zone: Zone,
    boot: BootId,
    id: String,
    started_us: u64,
    /// Whole ones, or shares of them where several rounds shared the meter.
    pulses: f64,
    last_pulse_us: Option<u64>,
    pump_us: u64,
    points: Vec<String>,
}

impl Running {
    /// Whether it is a round of that zone.
    pub fn is_of(&self, zone: Zone) -> bool {
        self.zone == zone
    }
}

/// The machine of one round station.
#[derive(Debug)]
pub struct Station {
    config: config::Station,
    start: Button,
    stop: Button,
    points: Vec<Button>,
    /// The flow meter's level, once it was heard.
    flow_level: Option<bool>,
    noise: Noise,
    running: Option<Running>,
    stray: Stray,
    /// The factor that was found on site, while it stands.
    found: Option<f64>,
    /// What the meter told, whoever shares it.
    metered: Metered,
    /// When the buttons for test mode will have been held for long enough.
    chord_at: Option<BoardTime>,
}

/// A flow meter's factor that was found on site. It stands while the configuration still says what
/// it was found against.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Factor {
    configured: f64,
    found: f64,
}

/// The pulses of the flow that a meter told last. A round that ends and a flow outside of rounds that
/// has ceased end it, unless the pump runs on.
#[derive(Debug, Default)]
struct Metered {
    pulses: u64,
    last: BoardTime,
    is_over: bool,
}

impl Metered {
    /// A pulse of the flow that lasts, or of a new one.
    fn pulse(&mut self, now: BoardTime, is_over: bool) {
        if is_over && now.since(self.last) > PAUSE {
            self.pulses = 0;
        }
        self.pulses += 1;
        self.last = now;
        self.is_over = false;
    }
}

/// A station's part of a pulse.
#[derive(Debug, Clone, Copy)]
struct Part {
    /// 0 to 1.
    share: f64,
    /// One of the stations that have the meter has seen the flow before it end.
    is_over: bool,
}

#[derive(Debug, Default)]
struct Stray {
    pulses: u64,
    since: BoardTime,
    last: BoardTime,
}

/// Which of a station's pins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pin {
    /// The start button.
    Start,
    /// The stop button.
    Stop,
    /// A check point, by its place.
    Point(usize),
}

impl Station {
    /// A station with the round that was under way and the factor that was found, if there were.
    pub fn new(config: config::Station, running: Option<Running>, factor: Option<Factor>) -> Self {
        let button = |button: &config::Button| Button::new(button.sensor.clone());
        let configured = config.flow.as_ref().map(|flow| flow.pulses_per_litre);
        let stands = |factor: &Factor| Some(factor.configured) == configured;
        Self {
            found: factor.filter(stands).map(|factor| factor.found),
            metered: Metered::default(),
            chord_at: None,
            start: button(&config.start),
            stop: button(&config.stop),
            points: config.points.iter().map(button).collect(),
            flow_level: None,
            noise: Noise::new(MOST_EDGES),
            running,
            stray: Stray::default(),
            config,
        }
    }

    /// The zone of its rounds.
    pub fn zone(&self) -> Zone {
        self.config.zone
    }

    /// The round under way.
    pub fn running(&self) -> Option<&Running> {
        self.running.as_ref()
    }

    /// The flow meter's name.
    pub fn flow_sensor(&self) -> Option<&SensorId> {
        self.config.flow.as_ref().map(|flow| &flow.sensor)
    }

    /// The factor that was found on site, to be kept.
    pub fn factor(&self) -> Option<(SensorId, Factor)> {
        let flow = self.config.flow.as_ref()?;
        let factor = Factor {
            configured: flow.pulses_per_litre,
            found: self.found?,
        };
        Some((flow.sensor.clone(), factor))
    }

    fn pulses_per_litre(&self) -> f64 {
        let configured = self.config.flow.as_ref().map(|flow| flow.pulses_per_litre);
        self.found.or(configured).unwrap_or(f64::INFINITY)
    }

    /// Sets the flow meter's factor, or finds it by what flowed last; the one before and the new one.
    /// No station that has the meter has a round under way.
    pub fn calibrate(&mut self, by: Measure) -> Result<(f64, f64), String> {
        let after = match by {
            Measure::PulsesPerLitre(factor) => factor,
            Measure::Litres(litres) => {
                let pulses = self.metered.pulses;
                if !(LEAST_LITRES..).contains(&litres) || pulses < LEAST_PULSES {
                    return Err(format!(
                        "{pulses} pulses for {litres} l: let {LEAST_LITRES} l or more through, with {LEAST_PULSES} pulses"
                    ));
                }
                (pulses as f64 / litres * 1000.0).round() / 1000.0
            }
        };
        if !FACTORS.contains(&after) {
            let (from, to) = (FACTORS.start(), FACTORS.end());
            return Err(format!("{after} pulses a litre; {from} to {to} can be"));
        }
        let before = self.pulses_per_litre();
        self.found = Some(after);
        Ok((before, after))
    }

    /// The meter that is shared with another station was calibrated there.
    pub fn take_factor(&mut self, found: f64) {
        self.found = Some(found);
    }

    /// A round under way is given up.
    pub fn abandon(&mut self, now: BoardTime, out: &mut Out) {
        if let Some(running) = self.running.take() {
            self.say(
                now,
                running.started_us,
                &running,
                RoundPhase::Abandoned,
                out,
            );
        }
    }

    /// The watch begins in `boot`, with the faults that are known. A round of an earlier boot ended
    /// with the power; a noisy meter stays so until it has been calm.
    pub fn begin(
        &mut self,
        now: BoardTime,
        boot: &BootId,
        is_known: impl Fn(&SensorId, FaultCode) -> bool,
        out: &mut Out,
    ) {
        for button in self.buttons_mut() {
            button.begin(now, &is_known);
        }
        self.flow_level = None;
        let noisy = |sensor: &SensorId| is_known(sensor, FaultCode::OutOfRange);
        let known = self.flow_sensor().is_some_and(noisy);
        self.noise.begin(now, known);
        self.stray = Stray::default();
        self.metered = Metered::default();
        self.chord_at = None;
        if let Some(running) = self.running.take_if(|running| running.boot != *boot) {
            self.say(now, now.0, &running, RoundPhase::Abandoned, out);
        }
    }

    fn buttons_mut(&mut self) -> impl Iterator<Item = &mut Button> {
        [&mut self.start, &mut self.stop]
            .into_iter()
            .chain(&mut self.points)
    }

    /// A button's level, raw. At a restart the level of one that is held is no press.
    pub fn handle_level(
        &mut self,
        pin: Pin,
        now: BoardTime,
        level: bool,
        syncs: bool,
        out: &mut Out,
    ) {
        let button = match pin {
            Pin::Start => Some(&mut self.start),
            Pin::Stop => Some(&mut self.stop),
            Pin::Point(index) => self.points.get_mut(index),
        };
        if let Some(button) = button {
            button.handle_level(now, level, syncs, out);
        }
    }

    /// The flow meter's level, raw; of a pulse this station's part. False if an edge before it was
    /// lost.
    fn handle_flow(
        &mut self,
        now: BoardTime,
        level: bool,
        syncs: bool,
        part: Part,
        out: &mut Out,
    ) -> bool {
        let before = self.flow_level.replace(level);
        if level && before != Some(true) && !syncs {
            self.pulse(now, part, out);
        }
        if self.noise.handle_edge(now) {
            self.flow_fault(now, FaultCode::OutOfRange, self.noise.detail(), out);
        }
        before != Some(level)
    }

    fn flow_fault(&self, now: BoardTime, code: FaultCode, detail: String, out: &mut Out) {
        if let Some(sensor) = self.flow_sensor() {
            out.fault(now, sensor, code, detail);
        }
    }

    fn flow_cleared(&self, now: BoardTime, code: FaultCode, out: &mut Out) {
        if let Some(sensor) = self.flow_sensor() {
            out.cleared(now, sensor, code);
        }
    }

    fn pulse(&mut self, now: BoardTime, part: Part, out: &mut Out) {
        if self.noise.is_noisy() {
            // Interference is nobody's disinfectant.
            return;
        }
        self.flow_cleared(now, FaultCode::Stuck, out);
        self.metered.pulse(now, part.is_over);
        if let Some(running) = &mut self.running {
            if let Some(last) = running.last_pulse_us {
                let span = now.0.saturating_sub(last);
                if span <= micros(PAUSE) {
                    running.pump_us += span;
                }
            }
            running.pulses += part.share;
            running.last_pulse_us = Some(now.0);
        } else if part.share > 0.0 {
            if self.stray.pulses == 0 {
                self.stray.since = now;
            }
            self.stray.pulses += 1;
            self.stray.last = now;
        }
    }

    /// The next time at which something is decided without an input.
    pub fn deadline(&self) -> Option<BoardTime> {
        let stray = (self.stray.pulses > 0).then(|| self.stray.last.plus(STRAY_ENDS));
        let abandoned = self
            .running
            .as_ref()
            .map(|running| BoardTime(running.started_us).plus(self.config.timeout));
        let own = [
            self.start.deadline(),
            self.stop.deadline(),
            stray,
            abandoned,
            self.chord_at,
            self.noise.deadline(),
        ];
        earliest(
            own.into_iter()
                .chain(self.points.iter().map(Button::deadline)),
        )
    }

    /// Decides what is due at `now`.
    pub fn handle_deadline(&mut self, now: BoardTime, boot: &BootId, out: &mut Out) {
        if self.noise.poll_calm(now) {
            self.flow_cleared(now, FaultCode::OutOfRange, out);
        }
        let (start, stop) = (
            self.start.poll_press(now, out),
            self.stop.poll_press(now, out),
        );
        if let Some(press) = start {
            if self.stop.level() {
                self.chord_at = Some(press.plus(CHORD));
            } else if self.running.is_none() {
                self.begin_round(press, boot, out);
            }
        }
        if !(self.start.level() && self.stop.level()) {
            self.chord_at = None;
        }
        if self.chord_at.take_if(|at| *at <= now).is_some() {
            out.chord();
        }
        for (index, point) in self.points.iter_mut().enumerate() {
            if point.poll_press(now, out).is_some()
                && let Some(running) = &mut self.running
                && let Some(point) = self.config.points.get(index)
                && !running.points.iter().any(|it| it == point.sensor.as_str())
            {
                running.points.push(point.sensor.to_string());
            }
        }
        if let Some(press) = stop
            && let Some(running) = self.running.take()
        {
            self.metered.is_over = true;
            self.say(press, running.started_us, &running, RoundPhase::Ended, out);
            let lasted = press.since(BoardTime(running.started_us));
            if running.pulses <= 0.0 && running.points.is_empty() && lasted >= SILENT {
                let detail = "no pulse in a whole round".to_owned();
                self.flow_fault(press, FaultCode::Stuck, detail, out);
            }
        }
        if let Some(running) = self
            .running
            .take_if(|running| BoardTime(running.started_us).plus(self.config.timeout) <= now)
        {
            self.say(
                now,
                running.started_us,
                &running,
                RoundPhase::Abandoned,
                out,
            );
        }
        if self.stray.pulses > 0 && self.stray.last.plus(STRAY_ENDS) <= now {
            self.tell_stray(out);
        }
    }

    fn begin_round(&mut self, at: BoardTime, boot: &BootId, out: &mut Out) {
        let short = boot.as_str().get(..8).unwrap_or(boot.as_str());
        let mut running = Running {
            zone: self.config.zone,
            boot: boot.clone(),
            id: format!("{short}-{}-{}", self.config.zone, at.0),
            started_us: at.0,
            pulses: 0.0,
            last_pulse_us: None,
            pump_us: 0,
            points: Vec::new(),
        };
        self.say(at, at.0, &running, RoundPhase::Started, out);
        // Pulses between the button's raw edge and its decision belong to the round.
        if self.stray.pulses > 0 && self.stray.since >= at {
            running.pulses = self.stray.pulses as f64;
            running.last_pulse_us = Some(self.stray.last.0);
            running.pump_us = micros(self.stray.last.since(self.stray.since));
            self.stray = Stray::default();
        }
        self.running = Some(running);
    }

    fn tell_stray(&mut self, out: &mut Out) {
        let stray = std::mem::take(&mut self.stray);
        self.metered.is_over = true;
        if let Some(flow) = &self.config.flow {
            let reading = Reading {
                sensor: flow.sensor.clone(),
                quantity: "stray_litres".to_owned(),
                value: stray.pulses as f64 / self.pulses_per_litre(),
                zone: Some(self.config.zone),
            };
            out.happened(stray.last, Happening::Reading(reading));
        }
    }

    fn say(
        &self,
        at: BoardTime,
        started_mono_us: u64,
        running: &Running,
        phase: RoundPhase,
        out: &mut Out,
    ) {
        let litres = running.pulses / self.pulses_per_litre();
        let min_litres = self
            .config
            .flow
            .as_ref()
            .map_or(0.0, |flow| flow.min_litres);
        let evidence = if running.pulses > 0.0 && litres >= min_litres {
            Evidence::ButtonFlow
        } else if !running.points.is_empty() {
            Evidence::ButtonPoints
        } else {
            Evidence::Button
        };
        let round = Round {
            zone: self.config.zone,
            round: running.id.clone(),
            phase,
            started_mono_us,
            litres: (litres * 1000.0).round() / 1000.0,
            pump_s: (running.pump_us as f64 / 100_000.0).round() / 10.0,
            points: running.points.clone(),
            evidence,
        };
        out.happened(at, Happening::Round(round));
    }

    /// The first input that is neither decided nor part of what survives a restart.
    pub fn open_since(&self) -> Option<BoardTime> {
        let stray = (self.stray.pulses > 0).then_some(self.stray.since);
        let own = [self.start.open_since(), self.stop.open_since(), stray];
        earliest(
            own.into_iter()
                .chain(self.points.iter().map(Button::open_since)),
        )
    }
}

/// A level of a flow meter, for all the stations that have it: of a pulse those whose rounds run get
/// equal shares; outside of rounds it is the first one's. False if an edge before it was lost.
pub fn handle_flow(
    stations: Vec<&mut Station>,
    now: BoardTime,
    level: bool,
    syncs: bool,
    out: &mut Out,
) -> bool {
    let running = stations.iter().filter(|it| it.running.is_some()).count();
    let is_over = stations.iter().any(|it| it.metered.is_over);
    let mut heard = true;
    for (place, station) in stations.into_iter().enumerate() {
        let share = match (running, &station.running) {
            (0, _) if place == 0 => 1.0,
            (0, _) | (_, None) => 0.0,
            (running, Some(_)) => 1.0 / running as f64,
        };
        heard &= station.handle_flow(now, level, syncs, Part { share, is_over }, out);
    }
    heard
}

#[cfg(test)]
mod tests;
