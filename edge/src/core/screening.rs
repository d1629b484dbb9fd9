//! A thermometer at a lane: people's skin temperatures, judged where they stand.
//!
//! The judgement is [`rule`]'s. Here is what stands around it: what no thermometer can honestly
//! report makes a fault and no verdict; lamp and buzzer follow the verdict at once, without the hub.

pub mod rule;

use gatepost_model::{
    BootId, Happening, LaneId,
    event::{FaultCode, Screening, ScreeningVerdict},
};

pub use rule::Baseline;
use rule::{Judgement, RULE};

use super::{earliest, out::Out, sensor_health};
use crate::{config, time::BoardTime};

/// Skin that a thermometer can honestly report, degC.
const PLAUSIBLE_C: std::ops::RangeInclusive<f64> = 20.0..=45.0;
/// The same number this many times in a row is a frozen sensor: people differ.
const FROZEN: u32 = 8;
/// The lamp goes out after this, or with the next normal measurement.
const LAMP: std::time::Duration = rule::AGAIN;
/// The buzzer of a suspicion.
const BUZZER: std::time::Duration = std::time::Duration::from_secs(2);

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

    /// The lane whose people it measures.
    pub fn lane(&self) -> &LaneId {
        &self.lane
    }

    /// Whoever stood there has passed at `at`: the next measurement is another's.
    pub fn leave(&mut self, at: BoardTime) {
        self.baseline.leave(at.0);
    }

    /// Forgets what it learned since then.
    pub fn forget_to(&mut self, baseline: Baseline) {
        self.baseline = baseline;
    }

    /// Whoever was measured last is to be measured again; false if he has gone.
    pub fn handle_remeasure(&mut self, now: BoardTime, out: &mut Out) -> bool {
        let again = self.baseline.reopen(now.0);
        if again {
            self.signal(now, ScreeningVerdict::Remeasure, out);
        }
        again
    }

    /// The watch begins, in a new boot or in the middle of one: outputs are at their safe level. A
    /// thermometer that is known to be frozen is so until it says two different things.
    pub fn begin(&mut self, now: BoardTime, restart: bool, is_frozen: bool) {
        if is_frozen {
            self.same = (f64::NAN, FROZEN);
        }
        if !restart {
            self.baseline.boot(now.0);
        }
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
        let sensor = &self.config.sensor;
        let Some(skin) = value("skin_c") else {
            // Nobody was there to be measured: the sensor only shows that it answers again.
            if value("ambient_c").is_some() {
                out.cleared(now, sensor, FaultCode::BusError);
            }
            return;
        };
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
        let Judgement {
            attempt,
            began,
            baseline,
            verdict,
        } = self
            .baseline
            .judge(now.0, skin, ambient, self.config.place, self.config.point);
        self.signal(now, verdict, out);
        let screening = Screening {
            lane: self.lane.clone(),
            id: screening_id(boot, &self.lane, BoardTime(began)),
            attempt,
            skin_c: skin,
            ambient_c: ambient,
            baseline_c: baseline.map(hundredths),
            delta_c: baseline.map(|baseline| hundredths(skin - baseline)),
            rule: RULE.to_owned(),
            verdict,
        };
        out.happened(now, Happening::Screening(screening));
    }

    /// The thermometer gave no answer.
    pub fn handle_failed(&mut self, now: BoardTime, error: &str, out: &mut Out) {
        out.fault(now, &self.config.sensor, FaultCode::BusError, error);
    }

    fn repeats(&mut self, skin: f64) -> bool {
        let again = self.same.0.to_bits() == skin.to_bits() || self.same.0.is_nan();
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
            ScreeningVerdict::Fever | ScreeningVerdict::Remeasure => {
                // The lamp asks for another look; the buzzer says that one was taken.
                out.output(now, self.lamp, true);
                self.lamp_until = self.lamp.map(|_| now.plus(LAMP));
                if verdict == ScreeningVerdict::Fever {
                    out.output(now, self.buzzer, true);
                    self.buzzer_until = self.buzzer.map(|_| now.plus(BUZZER));
                }
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

fn hundredths(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

/// Unique per person: a lane measures one at a time. All attempts bear the time of the first.
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
                place: rule::Place::Forehead,
                point: rule::Point::Quiet,
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

        /// One more person passes.
        fn next(&mut self) -> &mut Self {
            self.thermometer.leave(BoardTime(self.now));
            self
        }

        fn warm(ambient: f64) -> Self {
            let mut rig = Self::new();
            for person in 0..40 {
                rig.next()
                    .measure(34.3 + f64::from(person % 7) * 0.1, ambient);
            }
            rig.next();
            rig
        }
    }

    #[test]
    fn nobody_is_judged_before_the_baseline_is_ready() {
        let mut rig = Rig::new();
        for person in 0..16 {
            let (words, outputs) = rig.measure(34.0 + f64::from(person * 5 % 7) * 0.1, 18.0);
            assert_eq!(words, ["WarmingUp"], "{person}");
            assert_eq!(outputs, [], "the lamp is neutral");
        }
        assert_eq!(rig.measure(34.3, 18.0).0, ["Normal"]);
    }

    #[test]
    fn two_of_three_make_a_suspicion_and_light_the_lamp() {
        let mut rig = Rig::warm(18.0);
        assert_eq!(
            rig.measure(36.3, 18.0),
            (vec!["Remeasure".to_owned()], vec![(0, true)])
        );
        let (words, outputs) = rig.measure(36.2, 18.0);
        assert_eq!(words, ["Fever"]);
        assert_eq!(outputs, [(0, true), (1, true)]);
        let (words, outputs) = rig.next().measure(34.6, 18.0);
        assert_eq!(words, ["Normal"]);
        assert_eq!(outputs, [(0, false)]);
    }

    #[test]
    fn one_of_three_is_normal() {
        let mut rig = Rig::warm(18.0);
        let words = [36.3, 34.6, 34.5].map(|skin| rig.measure(skin, 18.0).0);
        assert_eq!(words, [["Remeasure"], ["Remeasure"], ["Normal"]]);
    }

    #[test]
    fn who_passes_unmeasured_is_not_continued_by_the_next() {
        let mut rig = Rig::warm(18.0);
        assert_eq!(rig.measure(36.3, 18.0).0, ["Remeasure"]);
        assert_eq!(rig.next().measure(36.3, 18.0).0, ["Remeasure"]);
        assert_eq!(rig.measure(36.3, 18.0).0, ["Fever"]);
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
