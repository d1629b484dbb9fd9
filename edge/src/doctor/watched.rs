//! What each input did while it was watched, and what that says of its wiring. No board, no clock.

use super::{Finding, State};
use crate::{
    config::{Config, InputPin},
    input::{Input, What},
    time::BoardTime,
};

/// More edges a second than this of an input that is no flow meter is a wire that floats.
const FLOATS: f64 = 20.0;

/// All inputs with a pin.
#[derive(Debug)]
pub(super) struct Watched {
    inputs: Vec<Seen>,
    began: Option<BoardTime>,
    now: BoardTime,
}

#[derive(Debug)]
struct Seen {
    pin: InputPin,
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
        let kind = |pin: &InputPin| {
            let is_beam = gate
                .lanes
                .iter()
                .any(|lane| [lane.beam_a.input, lane.beam_b.input].contains(&pin.input));
            let mut flows = gate
                .stations
                .iter()
                .filter_map(|station| station.flow.as_ref());
            match (is_beam, flows.any(|flow| flow.input == pin.input)) {
                (true, _) => Kind::Beam,
                (false, true) => Kind::Flow,
                (false, false) => Kind::Other,
            }
        };
        let seen = |pin: &InputPin| Seen {
            kind: kind(pin),
            pin: pin.clone(),
            level: false,
            edges: 0,
            lost: 0,
            was_off: false,
        };
        Self {
            inputs: config.wiring.inputs.iter().map(seen).collect(),
            began: None,
            now: BoardTime(0),
        }
    }

    /// Takes what the board says.
    pub(super) fn handle(&mut self, input: &Input) {
        self.now = self.now.max(input.mono);
        let began = *self.began.get_or_insert(input.mono);
        let (of, level, lost) = match input.what {
            What::Level { input, level } => (input, Some(level), 0),
            What::Lost { input, edges } => (input, None, edges),
            _ => return,
        };
        if let Some(seen) = self.inputs.iter_mut().find(|seen| seen.pin.input == of) {
            seen.lost += lost;
            if let Some(level) = level {
                // What comes first is how it stands.
                seen.edges += u32::from(input.mono > began);
                seen.level = level;
                seen.was_off |= !level;
            }
        }
    }

    /// What it says of the wiring.
    pub(super) fn findings(&self) -> Vec<Finding> {
        let seconds = self
            .began
            .map_or(0.0, |began| self.now.since(began).as_secs_f64())
            .max(1.0);
        self.inputs
            .iter()
            .map(|seen| seen.finding(seconds))
            .collect()
    }
}

impl Seen {
    fn finding(&self, seconds: f64) -> Finding {
        let pin = &self.pin.pin;
        let level = if self.level { "on" } else { "off" };
        let seen = format!(
            "{level}, {} edges on line {} of {}",
            self.edges, pin.line, pin.chip
        );
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
        Finding::new(self.pin.name.as_str(), state, format!("{seen}{advice}"))
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
