//! A disinfection round: a press of *start*, the pump's pulses, a press of *stop*.
//!
//! A second press of *start* changes nothing, a *stop* without a round is nothing. A round that
//! nobody stops is abandoned after a time. Flow outside a round is nobody's round: it is told as a
//! reading `stray_litres` once it has ceased.

use std::time::Duration;

use gatepost_model::{
    BootId, Happening, Zone,
    event::{Evidence, Reading, Round, RoundPhase},
};
use serde::{Deserialize, Serialize};

use super::{debounce::Debounce, earliest, out::Out};
use crate::{
    config,
    time::{BoardTime, micros},
};

/// Contacts bounce for up to this long.
const BOUNCE: Duration = Duration::from_millis(20);
/// Pulses further apart than this have a pause of the pump between them.
const PAUSE: Duration = Duration::from_secs(2);
/// Flow outside a round has ceased after this.
const STRAY_ENDS: Duration = Duration::from_secs(30);

/// A round under way. It survives a restart of the agent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Running {
    zone: Zone,
    boot: BootId,
    id: String,
    started_us: u64,
    pulses: u64,
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
    start: Debounce,
    stop: Debounce,
    points: Vec<Debounce>,
    /// The flow meter's level, once it was heard.
    flow_level: Option<bool>,
    running: Option<Running>,
    stray: Stray,
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
    /// The flow meter.
    Flow,
    /// A check point, by its place.
    Point(usize),
}

impl Station {
    /// A station with the round that was under way, if there was one.
    pub fn new(config: config::Station, running: Option<Running>) -> Self {
        let button = || Debounce::new(BOUNCE, BOUNCE);
        Self {
            start: button(),
            stop: button(),
            points: config.points.iter().map(|_| button()).collect(),
            flow_level: None,
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

    /// The watch begins in `boot`. A round of an earlier boot ended with the power.
    pub fn begin(&mut self, now: BoardTime, boot: &BootId, out: &mut Out) {
        for button in self.buttons_mut() {
            button.reset(false);
        }
        self.flow_level = None;
        self.stray = Stray::default();
        if let Some(running) = self.running.take_if(|running| running.boot != *boot) {
            self.say(now, now.0, &running, RoundPhase::Abandoned, out);
        }
    }

    fn buttons_mut(&mut self) -> impl Iterator<Item = &mut Debounce> {
        [&mut self.start, &mut self.stop]
            .into_iter()
            .chain(&mut self.points)
    }

    /// A pin's level, raw. At a restart the level of a button that is held is no press. Returns
    /// false if an edge of the flow meter before it was lost.
    pub fn handle_level(&mut self, pin: Pin, now: BoardTime, level: bool, syncs: bool) -> bool {
        let button = match pin {
            Pin::Flow => {
                let before = self.flow_level.replace(level);
                if level && before != Some(true) && !syncs {
                    self.pulse(now);
                }
                return before != Some(level);
            }
            Pin::Start => &mut self.start,
            Pin::Stop => &mut self.stop,
            Pin::Point(index) => match self.points.get_mut(index) {
                Some(point) => point,
                None => return true,
            },
        };
        if syncs {
            button.reset(level);
        } else {
            // The same level twice says nothing about a button that anything depends on: a press
            // is a press.
            let _ = button.handle_edge(now, level);
        }
        true
    }

    fn pulse(&mut self, now: BoardTime) {
        if let Some(running) = &mut self.running {
            if let Some(last) = running.last_pulse_us {
                let span = now.0.saturating_sub(last);
                if span <= micros(PAUSE) {
                    running.pump_us += span;
                }
            }
            running.pulses += 1;
            running.last_pulse_us = Some(now.0);
        } else {
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
        ];
        earliest(
            own.into_iter()
                .chain(self.points.iter().map(Debounce::deadline)),
        )
    }

    /// Decides what is due at `now`.
    pub fn handle_deadline(&mut self, now: BoardTime, boot: &BootId, out: &mut Out) {
        if let Some(press) = self.start.poll_change(now).filter(|change| change.level)
            && self.running.is_none()
        {
            self.begin_round(press.at, boot, out);
        }
        for (index, point) in self.points.iter_mut().enumerate() {
            if point.poll_change(now).is_some_and(|change| change.level)
                && let Some(running) = &mut self.running
                && let Some((_, name)) = self.config.points.get(index)
                && !running.points.contains(name)
            {
                running.points.push(name.clone());
            }
        }
        if let Some(press) = self.stop.poll_change(now).filter(|change| change.level)
            && let Some(running) = self.running.take()
        {
            self.say(
                press.at,
                running.started_us,
                &running,
                RoundPhase::Ended,
                out,
            );
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
            pulses: 0,
            last_pulse_us: None,
            pump_us: 0,
            points: Vec::new(),
        };
        self.say(at, at.0, &running, RoundPhase::Started, out);
        // Pulses between the button's raw edge and its decision belong to the round.
        if self.stray.pulses > 0 && self.stray.since >= at {
            running.pulses = self.stray.pulses;
            running.last_pulse_us = Some(self.stray.last.0);
            running.pump_us = micros(self.stray.last.since(self.stray.since));
            self.stray = Stray::default();
        }
        self.running = Some(running);
    }

    fn tell_stray(&mut self, out: &mut Out) {
        let stray = std::mem::take(&mut self.stray);
        if let Some(flow) = &self.config.flow {
            let reading = Reading {
                sensor: flow.sensor.clone(),
                quantity: "stray_litres".to_owned(),
                value: stray.pulses as f64 / flow.pulses_per_litre,
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
        let litres = self
            .config
            .flow
            .as_ref()
            .map_or(0.0, |flow| running.pulses as f64 / flow.pulses_per_litre);
        let min_litres = self
            .config
            .flow
            .as_ref()
            .map_or(0.0, |flow| flow.min_litres);
        let evidence = if running.pulses > 0 && litres >= min_litres {
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
        let own = [self.start.pending_since(), self.stop.pending_since(), stray];
        earliest(
            own.into_iter()
                .chain(self.points.iter().map(Debounce::pending_since)),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{core::out::Said, input::InputIx};

    const S: u64 = 1_000_000;

    fn station(running: Option<Running>) -> Station {
        let config = config::Station {
            zone: Zone::Living,
            start: InputIx(0),
            stop: InputIx(1),
            flow: Some(config::Flow {
                input: InputIx(2),
                sensor: "flow".parse().unwrap(),
                pulses_per_litre: 10.0,
                min_litres: 0.5,
            }),
            points: vec![(InputIx(3), "stairs".to_owned())],
            timeout: Duration::from_secs(3600),
        };
        Station::new(config, running)
    }

    fn boot() -> BootId {
        "6f1c0000-1111".parse().unwrap()
    }

    fn run_to(station: &mut Station, now: u64, out: &mut Out) {
        while let Some(due) = station.deadline().filter(|due| due.0 <= now) {
            station.handle_deadline(due, &boot(), out);
        }
    }

    fn press(station: &mut Station, pin: Pin, at: u64, out: &mut Out) {
        run_to(station, at, out);
        station.handle_level(pin, BoardTime(at), true, false);
        run_to(station, at + S / 10, out);
        station.handle_level(pin, BoardTime(at + S / 10), false, false);
        run_to(station, at + S / 5, out);
    }

    fn pulses(station: &mut Station, from: u64, n: u64, out: &mut Out) {
        for pulse in 0..n {
            let at = from + pulse * S / 10;
            run_to(station, at, out);
            station.handle_level(Pin::Flow, BoardTime(at), true, false);
            station.handle_level(Pin::Flow, BoardTime(at + S / 20), false, false);
        }
    }

    fn told(out: Out) -> Vec<String> {
        out.said
            .into_iter()
            .map(|said| match said {
                Said::Happened {
                    at,
                    happening: Happening::Round(round),
                } => format!(
                    "{} {:?} {} l {} s {:?} {}",
                    at.0 / S,
                    round.phase,
                    round.litres,
                    round.pump_s,
                    round.evidence,
                    round.round
                ),
                Said::Happened {
                    happening: Happening::Reading(reading),
                    ..
                } => format!("{} {}", reading.quantity, reading.value),
                other => format!("{other:?}"),
            })
            .collect()
    }

    #[test]
    fn a_round_has_a_start_litres_and_an_end() {
        let (mut station, mut out) = (station(None), Out::default());
        press(&mut station, Pin::Start, 10 * S, &mut out);
        pulses(&mut station, 20 * S, 31, &mut out);
        press(&mut station, Pin::Start, 40 * S, &mut out);
        press(&mut station, Pin::Point(0), 45 * S, &mut out);
        pulses(&mut station, 50 * S, 11, &mut out);
        press(&mut station, Pin::Stop, 90 * S, &mut out);
        press(&mut station, Pin::Stop, 95 * S, &mut out);
        assert_eq!(
            told(out),
            [
                "10 Started 0 l 0 s Button 6f1c0000-living-10000000",
                "90 Ended 4.2 l 4 s ButtonFlow 6f1c0000-living-10000000",
            ]
        );
    }

    #[test]
    fn a_press_without_flow_or_with_a_drip_rests_on_the_button() {
        for drip in [0, 4] {
            let (mut station, mut out) = (station(None), Out::default());
            press(&mut station, Pin::Start, 10 * S, &mut out);
            pulses(&mut station, 20 * S, drip, &mut out);
            press(&mut station, Pin::Stop, 90 * S, &mut out);
            assert!(told(out)[1].contains("s Button 6f"), "{drip}");
        }
    }

    #[test]
    fn a_forgotten_round_is_abandoned_and_stray_flow_is_told() {
        let (mut station, mut out) = (station(None), Out::default());
        press(&mut station, Pin::Start, 10 * S, &mut out);
        run_to(&mut station, 5000 * S, &mut out);
        pulses(&mut station, 5000 * S, 20, &mut out);
        assert_eq!(station.open_since(), Some(BoardTime(5000 * S)));
        run_to(&mut station, 6000 * S, &mut out);
        assert_eq!(station.open_since(), None);
        assert_eq!(
            told(out)[1..],
            [
                "3610 Abandoned 0 l 0 s Button 6f1c0000-living-10000000",
                "stray_litres 2",
            ]
        );
    }

    #[test]
    fn a_round_survives_a_restart_but_not_a_power_cut() {
        let (mut first, mut out) = (station(None), Out::default());
        press(&mut first, Pin::Start, 10 * S, &mut out);
        pulses(&mut first, 20 * S, 10, &mut out);
        let kept = first.running().cloned();

        let (mut restarted, mut out) = (station(kept.clone()), Out::default());
        restarted.begin(BoardTime(60 * S), &boot(), &mut out);
        press(&mut restarted, Pin::Stop, 90 * S, &mut out);
        assert_eq!(
            told(out),
            ["90 Ended 1 l 0.9 s ButtonFlow 6f1c0000-living-10000000"]
        );

        let (mut rebooted, mut out) = (station(kept), Out::default());
        rebooted.begin(BoardTime(5 * S), &"other".parse().unwrap(), &mut out);
        assert_eq!(rebooted.running(), None);
        assert_eq!(
            told(out),
            ["5 Abandoned 1 l 0.9 s ButtonFlow 6f1c0000-living-10000000"]
        );
    }
}
