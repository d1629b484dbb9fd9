//! A person's skin temperature, judged against the people just measured by the same thermometer.
//!
//! Skin is one to two degrees below the body and shifts with sensor, distance and weather, so an
//! absolute limit finds next to no fever. Rule `rel-1`: the baseline is the median of the last
//! [`WINDOW`] people, each moved to today's ambient temperature; a person who is warmer than it by
//! [`MIN_DELTA_C`] and by [`SPREADS`] robust standard deviations (1.4826 times the median absolute
//! deviation) is a suspicion. A median over so many people needs no exclusion of the sick. Until
//! [`WARM_UP`] people have passed the verdict is `warming_up`.
//!
//! A thermometer that fails, answers nonsense or repeats itself makes a fault and no verdict.

use std::collections::VecDeque;

use gatepost_model::{
    BootId, Happening, LaneId,
    event::{FaultCode, Screening, ScreeningVerdict},
};
use serde::{Deserialize, Serialize};

use super::{earliest, out::Out, sensor_health};
use crate::{config, time::BoardTime};

/// People whose measurements make the baseline.
pub const WINDOW: usize = 60;
/// People to be measured before anybody is judged.
pub const WARM_UP: usize = 20;
/// Warmer than the baseline by less than this is normal, degC.
pub const MIN_DELTA_C: f64 = 0.8;
/// Robust standard deviations above the baseline that make a suspicion.
pub const SPREADS: f64 = 2.25;
/// What skin gains for each degree of ambient temperature: enough to carry a baseline over a cold
/// night, too little to hide a fever.
const SKIN_PER_AMBIENT: f64 = 0.1;
/// The spread is never taken for less, degC: sensors round, and people are not that alike.
const MIN_SPREAD_C: f64 = 0.2;
/// Skin that a thermometer can honestly report, degC.
const PLAUSIBLE_C: std::ops::RangeInclusive<f64> = 20.0..=45.0;
/// The same number this many times in a row is a frozen sensor: people differ.
const FROZEN: u32 = 8;
/// The lamp of a suspicion goes out after this, or with the next normal measurement.
const LAMP: std::time::Duration = std::time::Duration::from_secs(30);
/// The buzzer of a suspicion.
const BUZZER: std::time::Duration = std::time::Duration::from_secs(2);

/// The rule's name and version in the record.
pub const RULE: &str = "rel-1";

/// What a baseline is made of; it survives a restart of the agent and a power cut.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Baseline {
    /// Skin and, where it was measured, ambient temperature of the last people, oldest first.
    people: VecDeque<(f64, Option<f64>)>,
}

/// The machine of one thermometer.
#[derive(Debug)]
pub struct Thermometer {
    config: config::Thermometer,
    lane: LaneId,
    lamp: Option<usize>,
    buzzer: Option<usize>,
    baseline: Baseline,
    same: (f64, u32),
    lamp_until: Option<BoardTime>,
    buzzer_until: Option<BoardTime>,
}

impl Thermometer {
    /// A thermometer with a baseline from earlier, if there is one.
    pub fn new(config: config::Thermometer, lane: &config::Lane, baseline: Baseline) -> Self {
        Self {
            lane: lane.id.clone(),
            lamp: lane.lamp,
            buzzer: lane.buzzer,
            config,
            baseline,
            same: (f64::NAN, 0),
            lamp_until: None,
            buzzer_until: None,
        }
    }

    /// The thermometer's name.
    pub fn sensor(&self) -> &gatepost_model::SensorId {
        &self.config.sensor
    }

    /// What is to survive.
    pub fn baseline(&self) -> &Baseline {
        &self.baseline
    }

    /// The watch begins: outputs are at their safe level.
    pub fn begin(&mut self) {
        self.lamp_until = None;
        self.buzzer_until = None;
    }

    /// A person was measured.
    pub fn handle_measured(
        &mut self,
        now: BoardTime,
        boot: &BootId,
        values: &[(String, f64)],
        out: &mut Out,
    ) {
        let value = |name: &str| {
            values
                .iter()
                .find(|(quantity, _)| quantity == name)
                .map(|(_, value)| *value)
        };
        let Some(skin) = value("skin_c") else { return };
        let sensor = &self.config.sensor;
        if let Some((code, detail)) = sensor_health::implausible(skin, PLAUSIBLE_C) {
            out.fault(now, sensor, code, detail);
            return;
        }
        out.cleared(now, sensor, FaultCode::BusError);
        out.cleared(now, sensor, FaultCode::OutOfRange);
        if self.repeats(skin) {
            let detail = format!("{skin} degC {FROZEN} times in a row");
            out.fault(now, &self.config.sensor, FaultCode::Frozen, detail);
            return;
        }
        out.cleared(now, &self.config.sensor, FaultCode::Frozen);
        let ambient = value("ambient_c")
            .filter(|ambient| sensor_health::implausible(*ambient, -40.0..=85.0).is_none());
        let judgement = self.baseline.judge(skin, ambient);
        self.baseline.add(skin, ambient);
        self.signal(now, judgement.verdict, out);
        let screening = Screening {
            lane: self.lane.clone(),
            id: screening_id(boot, &self.lane, now),
            attempt: 1,
            skin_c: skin,
            ambient_c: ambient,
            baseline_c: judgement.baseline.map(hundredths),
            delta_c: judgement
                .baseline
                .map(|baseline| hundredths(skin - baseline)),
            rule: RULE.to_owned(),
            verdict: judgement.verdict,
        };
        out.happened(now, Happening::Screening(screening));
    }

    /// The thermometer gave no answer.
    pub fn handle_failed(&mut self, now: BoardTime, error: &str, out: &mut Out) {
        out.fault(now, &self.config.sensor, FaultCode::BusError, error);
    }

    fn repeats(&mut self, skin: f64) -> bool {
        let again = self.same.0.to_bits() == skin.to_bits();
        self.same = (
            skin,
            if again {
                self.same.1.saturating_add(1)
            } else {
                1
            },
        );
        self.same.1 >= FROZEN
    }

    fn signal(&mut self, now: BoardTime, verdict: ScreeningVerdict, out: &mut Out) {
        match verdict {
            ScreeningVerdict::Fever => {
                out.output(now, self.lamp, true);
                out.output(now, self.buzzer, true);
                self.lamp_until = self.lamp.map(|_| now.plus(LAMP));
                self.buzzer_until = self.buzzer.map(|_| now.plus(BUZZER));
            }
            _ if self.lamp_until.take().is_some() => out.output(now, self.lamp, false),
            _ => {}
        }
    }

    /// When lamp or buzzer are to go out.
    pub fn deadline(&self) -> Option<BoardTime> {
        earliest([self.lamp_until, self.buzzer_until])
    }

    /// Puts out what is due.
    pub fn handle_deadline(&mut self, now: BoardTime, out: &mut Out) {
        for (until, output) in [
            (&mut self.lamp_until, self.lamp),
            (&mut self.buzzer_until, self.buzzer),
        ] {
            if until.is_some_and(|until| until <= now) {
                *until = None;
                out.output(now, output, false);
            }
        }
    }
}

struct Judgement {
    baseline: Option<f64>,
    verdict: ScreeningVerdict,
}

impl Baseline {
    fn judge(&self, skin: f64, ambient: Option<f64>) -> Judgement {
        if self.people.len() < WARM_UP {
            return Judgement {
                baseline: None,
                verdict: ScreeningVerdict::WarmingUp,
            };
        }
        let moved = |(skin, then): &(f64, Option<f64>)| match (ambient, then) {
            (Some(now), Some(then)) => skin + SKIN_PER_AMBIENT * (now - then),
            _ => *skin,
        };
        let baseline = median(self.people.iter().map(moved).collect());
        let distances = self
            .people
            .iter()
            .map(|person| (moved(person) - baseline).abs())
            .collect();
        let spread = (1.4826 * median(distances)).max(MIN_SPREAD_C);
        let delta = skin - baseline;
        let verdict = if delta >= MIN_DELTA_C && delta >= SPREADS * spread {
            ScreeningVerdict::Fever
        } else {
            ScreeningVerdict::Normal
        };
        Judgement {
            baseline: Some(baseline),
            verdict,
        }
    }

    fn add(&mut self, skin: f64, ambient: Option<f64>) {
        if self.people.len() == WINDOW {
            self.people.pop_front();
        }
        self.people.push_back((skin, ambient));
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => 0.0,
        n if n % 2 == 1 => values[middle],
        _ => f64::midpoint(values[middle - 1], values[middle]),
    }
}

fn hundredths(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

/// Unique per person: a lane measures one at a time.
fn screening_id(boot: &BootId, lane: &LaneId, now: BoardTime) -> String {
    let boot = boot.as_str();
    let short = boot.get(..8).unwrap_or(boot);
    format!("{short}-{lane}-{}", now.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{config::Config, core::out::Said, input::InputIx};

    const WIRING: &str = r#"
        unit = { site = "s", id = "u", data = "d" }
        mqtt = { address = "h:1" }
        board = { kind = "sim", socket = "s" }
        lane = [{ name = "people", kind = "people", beam_a = "a", beam_b = "b", lamp = "lamp", buzzer = "buzzer" }]
    "#;

    struct Rig {
        thermometer: Thermometer,
        now: u64,
    }

    impl Rig {
        fn new() -> Self {
            let config = config::Thermometer {
                sensor: "ir".parse().unwrap(),
                input: InputIx(0),
                lane: 0,
            };
            let gate = Config::parse(WIRING).unwrap().gate;
            Self {
                thermometer: Thermometer::new(config, &gate.lanes[0], Baseline::default()),
                now: 0,
            }
        }

        fn measure(&mut self, skin: f64, ambient: f64) -> (Vec<String>, Vec<(usize, bool)>) {
            self.now += 1_000_000;
            let now = BoardTime(self.now);
            let mut out = Out::default();
            if self.thermometer.deadline().is_some_and(|due| due <= now) {
                self.thermometer.handle_deadline(now, &mut out);
            }
            let boot = "6f1c0000-1111".parse().unwrap();
            let values = [
                ("skin_c".to_owned(), skin),
                ("ambient_c".to_owned(), ambient),
            ];
            self.thermometer
                .handle_measured(now, &boot, &values, &mut out);
            let words = out
                .said
                .into_iter()
                .filter_map(|said| match said {
                    Said::Happened {
                        happening: Happening::Screening(screening),
                        ..
                    } => Some(format!("{:?}", screening.verdict)),
                    Said::Fault {
                        raised: true, code, ..
                    } => Some(format!("fault {code:?}")),
                    _ => None,
                })
                .collect();
            let outputs = out.outputs.iter().map(|o| (o.output, o.level)).collect();
            (words, outputs)
        }

        fn warm(ambient: f64) -> Self {
            let mut rig = Self::new();
            for person in 0..40 {
                rig.measure(34.3 + f64::from(person % 7) * 0.1, ambient);
            }
            rig
        }
    }

    #[test]
    fn nobody_is_judged_before_the_baseline_is_ready() {
        let mut rig = Rig::new();
        for person in 0..20 {
            let (words, _) = rig.measure(34.0 + f64::from(person) * 0.05, 18.0);
            assert_eq!(words, ["WarmingUp"], "{person}");
        }
        assert_eq!(rig.measure(34.5, 18.0).0, ["Normal"]);
    }

    #[test]
    fn a_fever_is_relative_and_lights_the_lamp() {
        let mut rig = Rig::warm(18.0);
        let (words, outputs) = rig.measure(36.3, 18.0);
        assert_eq!(words, ["Fever"]);
        assert_eq!(outputs, [(0, true), (1, true)]);
        let (words, outputs) = rig.measure(34.6, 18.0);
        assert_eq!(words, ["Normal"]);
        assert_eq!(outputs, [(0, false)]);
        rig.measure(34.5, 18.0);
        assert_eq!(rig.measure(34.4, 18.0).1, [], "the buzzer is long out");
    }

    #[test]
    fn a_warm_morning_after_a_cold_evening_is_no_fever() {
        let mut rig = Rig::warm(8.0);
        assert_eq!(rig.measure(35.8, 22.0).0, ["Normal"]);
        assert_eq!(rig.measure(37.5, 22.0).0, ["Fever"]);
    }

    #[test]
    fn the_sick_do_not_move_the_baseline() {
        let mut rig = Rig::warm(18.0);
        for _ in 0..10 {
            rig.measure(37.0, 18.0);
            rig.measure(34.5, 18.0);
        }
        assert_eq!(rig.measure(36.9, 18.0).0, ["Fever"]);
    }

    #[test]
    fn a_broken_sensor_is_a_fault_and_never_a_fever() {
        let mut rig = Rig::warm(18.0);
        for (skin, word) in [
            (1037.55, "fault BusError"),
            (-273.15, "fault OutOfRange"),
            (60.0, "fault OutOfRange"),
            (f64::NAN, "fault OutOfRange"),
            (f64::INFINITY, "fault BusError"),
        ] {
            assert_eq!(rig.measure(skin, 18.0).0, [word], "{skin}");
        }
        let frozen: Vec<String> = (0..12).flat_map(|_| rig.measure(34.62, 18.0).0).collect();
        assert_eq!(frozen[..7], ["Normal"; 7]);
        assert_eq!(frozen[7..], ["fault Frozen"; 5]);
        assert_eq!(rig.measure(34.6, 18.0).0, ["Normal"]);
    }
}
