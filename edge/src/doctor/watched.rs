//! What each input did while it was watched, and what that says of its wiring. No board, no clock.

use gatepost_model::{Direction, Happening, LaneId};

use super::{Finding, State};
use crate::{
    config::{Config, Pin},
    input::{Input, InputIx, What},
    time::BoardTime,
};

/// More edges a second than this of an input that is no flow meter is a wire that floats.
const FLOATS: f64 = 20.0;

/// All inputs with a pin, and what came of them.
#[derive(Debug)]
pub(super) struct Watched {
    inputs: Vec<Seen>,
    lanes: Vec<(LaneId, Walked)>,
    thermometers: Vec<Thermometer>,
    began: Option<BoardTime>,
    now: BoardTime,
}

/// Passages of a lane.
#[derive(Debug, Default)]
struct Walked {
    into: u32,
    out: u32,
    unclear: u32,
}

/// What a thermometer answered last.
#[derive(Debug)]
struct Thermometer {
    input: InputIx,
    name: String,
    answer: Option<Result<f64, String>>,
}

#[derive(Debug)]
struct Seen {
    input: InputIx,
    name: String,
    /// Where it is; nowhere on the simulated board.
    pin: Option<Pin>,
    kind: Kind,
    level: bool,
    edges: u32,
    lost: u32,
    /// It was off at some time.
    was_off: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Beam,
    Flow,
    Other,
}

impl Watched {
    pub(super) fn new(config: &Config) -> Self {
        let gate = &config.gate;
        let beams = gate
            .lanes
            .iter()
            .flat_map(|lane| [&lane.beam_a, &lane.beam_b]);
        let beams = beams.map(|beam| (beam.input, Kind::Beam));
        let sprayers = gate.lanes.iter().filter_map(|lane| lane.sprayer.as_ref());
        let sprayers = sprayers.map(|flow| (flow.input, Kind::Flow));
        let stations = gate.stations.iter().flat_map(|station| {
            let flow = station.flow.iter().map(|flow| (flow.input, Kind::Flow));
            let buttons = [&station.start, &station.stop].into_iter();
            let buttons = buttons.chain(&station.points).map(|button| button.input);
            flow.chain(buttons.map(|button| (button, Kind::Other)))
        });
        let boxes = gate
            .boxes
            .iter()
            .flat_map(|it| [it.admitted.input, it.refused.input, it.isolated.input]);
        let pins = &config.wiring.inputs;
        let used = beams
            .chain(sprayers)
            .chain(stations)
            .chain(boxes.map(|button| (button, Kind::Other)));
        let mut inputs: Vec<(InputIx, Kind)> = used.collect();
        // Triggers of thermometers have a pin and no machine.
        let known: Vec<InputIx> = inputs.iter().map(|(input, _)| *input).collect();
        let more = pins.iter().filter(|pin| !known.contains(&pin.input));
        inputs.extend(more.map(|pin| (pin.input, Kind::Other)));
        inputs.sort_by_key(|(input, _)| *input);
        inputs.dedup_by_key(|(input, _)| *input);
        let seen = |(input, kind)| Seen {
            input,
            name: gate.inputs.name(input).to_owned(),
            pin: pins
                .iter()
                .find(|pin| pin.input == input)
                .map(|pin| pin.pin.clone()),
            kind,
            level: false,
            edges: 0,
            lost: 0,
            was_off: false,
        };
        Self {
            inputs: inputs.into_iter().map(seen).collect(),
            lanes: gate
                .lanes
                .iter()
                .map(|lane| (lane.id.clone(), Walked::default()))
                .collect(),
            thermometers: gate
                .thermometers
                .iter()
                .map(|it| Thermometer {
                    input: it.input,
                    name: it.sensor.to_string(),
                    answer: None,
                })
                .collect(),
            began: None,
            now: BoardTime(0),
        }
    }

    /// Takes what the board says.
    pub(super) fn handle(&mut self, input: &Input) {
        self.now = self.now.max(input.mono);
        let began = *self.began.get_or_insert(input.mono);
        let (of, level, lost) = match &input.what {
            What::Level { input, level } => (*input, Some(*level), 0),
            What::Lost { input, edges } => (*input, None, *edges),
            What::Measured { input, values } => {
                let ambient = values.iter().find(|(quantity, _)| quantity == "ambient_c");
                let skin = values.iter().find(|(quantity, _)| quantity == "skin_c");
                if let Some((_, value)) = skin.or(ambient) {
                    self.answered(*input, Ok(*value));
                }
                return;
            }
            What::Failed { input, error } => return self.answered(*input, Err(error.clone())),
            _ => return,
        };
        if let Some(seen) = self.inputs.iter_mut().find(|seen| seen.input == of) {
            seen.lost += lost;
            if let Some(level) = level {
                // What comes first is how it stands.
                seen.edges += u32::from(input.mono > began);
                seen.level = level;
                seen.was_off |= !level;
            }
        }
    }

    fn answered(&mut self, of: InputIx, answer: Result<f64, String>) {
        if let Some(it) = self.thermometers.iter_mut().find(|it| it.input == of) {
            it.answer = Some(answer);
        }
    }

    /// Takes what the same inputs come to.
    pub(super) fn hear(&mut self, happening: &Happening) {
        let Some(lane) = happening.lane() else { return };
        let Some((_, walked)) = self.lanes.iter_mut().find(|(id, _)| id == lane) else {
            return;
        };
        match happening {
            Happening::Passage(passage) if passage.dir == Direction::In => walked.into += 1,
            Happening::Passage(_) => walked.out += 1,
            Happening::Unclear(_) => walked.unclear += 1,
            _ => {}
        }
    }

    /// What it says of the wiring.
    pub(super) fn findings(&self) -> Vec<Finding> {
        let seconds = self
            .began
            .map_or(0.0, |began| self.now.since(began).as_secs_f64())
            .max(1.0);
        let inputs = self.inputs.iter().map(|seen| seen.finding(seconds));
        let lanes = self.lanes.iter().map(|(id, walked)| walked.finding(id));
        let answered = self.thermometers.iter().filter_map(Thermometer::finding);
        inputs.chain(lanes).chain(answered).collect()
    }
}

impl Walked {
    fn finding(&self, lane: &LaneId) -> Finding {
        let Self { into, out, unclear } = self;
        let seen = format!("{into} in, {out} out, {unclear} unclear");
        let (state, advice) = match (into, out, unclear) {
            (0, 0, 0) => (State::Note, "; did nobody walk in?"),
            (0, 1.., _) => (
                State::Wrong,
                "; who walked in was seen going out: beam_a and beam_b are swapped",
            ),
            (0, 0, 1..) => (
                State::Wrong,
                "; nobody was told: look at both beams' edges, their distance and their alignment",
            ),
            _ => (State::Fine, ""),
        };
        Finding::new(format!("lane {lane}"), state, format!("{seen}{advice}"))
    }
}

impl Thermometer {
    /// What it answered through the agent; nothing if it had no reason to.
    fn finding(&self) -> Option<Finding> {
        let what = format!("thermometer {}", self.name);
        Some(match self.answer.as_ref()? {
            Ok(celsius) => Finding::new(what, State::Fine, format!("{celsius:.2} degC")),
            Err(error) => {
                let seen = format!("{error}; look at its four wires, `bus` and `address`");
                Finding::new(what, State::Wrong, seen)
            }
        })
    }
}

impl Seen {
    fn finding(&self, seconds: f64) -> Finding {
        let level = if self.level { "on" } else { "off" };
        let place = self.pin.as_ref().map_or(String::new(), |pin| {
            format!(" on line {} of {}", pin.line, pin.chip)
        });
        let seen = format!("{level}, {} edges{place}", self.edges);
        let rate = f64::from(self.edges) / seconds;
        let (state, advice) = if self.kind != Kind::Flow && rate > FLOATS {
            (
                State::Wrong,
                "; it floats: no pull resistor, or a loose wire",
            )
        } else if !self.was_off && self.kind == Kind::Beam {
            (
                State::Wrong,
                "; never clear: something stands in it, it is not aligned, or active_low is the wrong way round",
            )
        } else if !self.was_off {
            (
                State::Wrong,
                "; never off: active_low is the wrong way round, or the contact is stuck",
            )
        } else if self.lost > 0 {
            (State::Note, "; edges were lost")
        } else if self.edges == 0 && self.kind == Kind::Flow {
            (
                State::Note,
                "; silent: did the pump run? a 5 V meter needs an opto-coupler",
            )
        } else if self.edges == 0 {
            (State::Note, "; nothing moved: was it used?")
        } else {
            (State::Fine, "")
        };
        Finding::new(self.name.as_str(), state, format!("{seen}{advice}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::InputIx;

    const WIRING: &str = r#"
        unit = { site = "s", id = "u", data = "d" }
        mqtt = { address = "h:1" }
        board = { kind = "cdev" }
        lane = [{ name = "people", kind = "people", beam_a = "a", beam_b = "b" }]
        round_station = [{ zone = "living", start = "start", stop = "stop", flow = "flow", pulses_per_litre = 450 }]
        input = [{ name = "a", line = 1 }, { name = "b", line = 2 }, { name = "start", line = 3 }, { name = "stop", line = 4 }, { name = "flow", line = 5 }]
    "#;

    #[test]
    fn each_mistake_of_the_wiring_is_told_by_what_the_input_did() {
        let config = Config::parse(WIRING).unwrap();
        let mut watched = Watched::new(&config);
        let find = |name: &str| config.gate.inputs.find(name).unwrap();
        let mut show = |at: u64, input: InputIx, level: bool| {
            watched.handle(&Input {
                mono: BoardTime(at),
                what: What::Level { input, level },
            });
        };
        for (name, level) in [
            ("a", true),
            ("b", false),
            ("start", true),
            ("stop", false),
            ("flow", false),
        ] {
            show(1_000_000, find(name), level);
        }
        for edge in 0..400 {
            show(1_100_000 + edge * 20_000, find("stop"), edge % 2 == 0);
        }
        show(9_200_000, find("b"), true);
        show(9_400_000, find("b"), false);
        let told: Vec<String> = watched
            .findings()
            .iter()
            .map(|finding| format!("{} {:?} {}", finding.what, finding.state, finding.seen))
            .collect();
        for (line, part) in told.iter().zip([
            "a Wrong on, 0 edges on line 1 of gpiochip0; never clear",
            "b Fine off, 2 edges",
            "start Wrong on, 0 edges on line 3 of gpiochip0; never off",
            "stop Wrong off, 400 edges on line 4 of gpiochip0; it floats",
            "flow Note off, 0 edges on line 5 of gpiochip0; silent",
        ]) {
            assert!(line.starts_with(part), "{part}\nis not\n{line}");
        }
    }
}
