//! Pins: where each input and output is on its chip, and that each has one purpose.

use std::{collections::BTreeMap, time::Duration};

use gatepost_model::SensorId;

use super::{
    Mistakes,
    gate::{Button, Output},
    lane::Beam,
    reader::Section,
};
use crate::input::{InputIx, InputNames};

/// The kernel's own debounce of a button: what bounces within it never wakes the agent. It rounds
/// to its tick of 4 ms and stamps afterwards, so nothing but buttons gets it.
const BUTTON_DEBOUNCE_MS: u64 = 8;

/// What hangs where: all that a board with a kernel behind it needs.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Wiring {
    /// The pins of inputs that are used.
    pub inputs: Vec<InputPin>,
    /// The pins of outputs, in the order of [`crate::config::Gate::outputs`].
    pub outputs: Vec<OutputPin>,
    /// Thermometers on a bus.
    pub probes: Vec<Probe>,
}

/// `[[input]]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputPin {
    /// Which input.
    pub input: InputIx,
    /// Its name.
    pub name: String,
    /// Where it is.
    pub pin: Pin,
    /// What holds it where nothing drives it.
    pub bias: Bias,
    /// A level must last this long for the kernel to tell it; zero for raw edges.
    pub debounce: Duration,
}

/// The pin of an `[[output]]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputPin {
    /// Its name.
    pub name: String,
    /// Where it is.
    pub pin: Pin,
    /// Its level before the agent starts and after it ends.
    pub safe: bool,
}

/// A line of a chip.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pin {
    /// The chip's name, for instance `gpiochip0`.
    pub chip: String,
    /// The line's number on it.
    pub line: u32,
    /// Low means on.
    pub active_low: bool,
}

/// What holds an input where nothing drives it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Bias {
    /// As the chip has it.
    #[default]
    AsIs,
    /// Towards the supply.
    PullUp,
    /// Towards ground.
    PullDown,
    /// Nothing.
    Off,
}

/// A thermometer on an I2C bus, and what tells that somebody stands before it.
#[derive(Debug, Clone, PartialEq)]
pub struct Probe {
    /// Where its answers go.
    pub input: InputIx,
    /// Its name.
    pub name: String,
    /// The bus's number: `/dev/i2c-1` is 1.
    pub bus: u8,
    /// Its address on the bus, 0x03 to 0x77.
    pub address: u16,
    /// Of what it looks at, 0.1 to 1; skin has 0.98.
    pub emissivity: f64,
    /// Somebody stands there while one of these is on.
    pub triggers: Vec<InputIx>,
}

/// What an input is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Edges count as they come.
    Signal,
    /// A contact that bounces, pressed by a person.
    Button,
}

/// The pins that are declared and those that are in use.
pub(super) struct Pins {
    inputs: InputNames,
    outputs: Vec<Output>,
    output_pins: Vec<OutputPin>,
    /// Pins named in `[[input]]`; none where the board is simulated and the file is silent.
    declared: Option<Vec<DeclaredInput>>,
    outputs_declared: bool,
    /// Where each input is used.
    used: BTreeMap<String, usize>,
    /// Inputs in use with the pin that they are.
    wired: Vec<InputPin>,
}

/// An `[[input]]` before anything uses it.
struct DeclaredInput {
    name: String,
    pin: Pin,
    bias: Bias,
    /// None: as its purpose wants it.
    debounce: Option<Duration>,
}

impl Pins {
    pub(super) fn read(root: &mut Section<'_>, simulated: bool, mistakes: &mut Mistakes) -> Self {
        let inputs = root.sections("input", mistakes);
        let outputs = root.sections("output", mistakes);
        let outputs_declared = !outputs.is_empty() || !simulated;
        let mut taken = Vec::new();
        let declared = (!inputs.is_empty() || !simulated).then(|| {
            let mut declared: Vec<DeclaredInput> = Vec::new();
            for section in inputs {
                let read = declared_input(section, &declared, simulated, &mut taken, mistakes);
                declared.extend(read);
            }
            declared
        });
        let mut pins: Vec<OutputPin> = Vec::new();
        for section in outputs {
            let place = section.place("name");
            if let Some(output) = declared_output(section, simulated, &mut taken, mistakes) {
                if pins.iter().any(|other| other.name == output.name) {
                    let what = format!("there are two outputs `{}`", output.name);
                    mistakes.add(place, what, "rename one");
                }
                pins.push(output);
            }
        }
        Self {
            inputs: InputNames::default(),
            outputs: pins
                .iter()
                .map(|pin| Output {
                    name: pin.name.clone(),
                    safe: pin.safe,
                })
                .collect(),
            output_pins: pins,
            declared,
            outputs_declared,
            used: BTreeMap::new(),
            wired: Vec::new(),
        }
    }

    /// Everything that is in use: names, outputs, and where they are.
    pub(super) fn wired(self) -> (InputNames, Vec<Output>, Wiring) {
        let wiring = Wiring {
            inputs: self.wired,
            outputs: self.output_pins,
            probes: Vec::new(),
        };
        (self.inputs, self.outputs, wiring)
    }

    /// Takes a pin for one purpose.
    pub(super) fn take(
        &mut self,
        section: &Section<'_>,
        key: &str,
        name: &str,
        purpose: Purpose,
        mistakes: &mut Mistakes,
    ) -> Option<(InputIx, SensorId)> {
        let declared = match &self.declared {
            None => None,
            Some(declared) => {
                let Some(found) = declared.iter().position(|input| input.name == name) else {
                    let cure =
                        format!("add an [[input]] with name = \"{name}\", or correct the name");
                    section.wrong(key, format!("there is no input `{name}`"), cure, mistakes);
                    return None;
                };
                Some(found)
            }
        };
        let (input, sensor) = self.use_once(section, key, name, mistakes)?;
        if let (Some(found), Some(declared)) = (declared, &self.declared) {
            let found = &declared[found];
            let own = match purpose {
                Purpose::Signal => 0,
                Purpose::Button => BUTTON_DEBOUNCE_MS,
            };
            self.wired.push(InputPin {
                input,
                name: name.to_owned(),
                pin: found.pin.clone(),
                bias: found.bias,
                debounce: found.debounce.unwrap_or(Duration::from_millis(own)),
            });
        }
        Some((input, sensor))
    }

    fn use_once(
        &mut self,
        section: &Section<'_>,
        key: &str,
        name: &str,
        mistakes: &mut Mistakes,
    ) -> Option<(InputIx, SensorId)> {
        let sensor: SensorId = match name.parse() {
            Ok(sensor) => sensor,
            Err(error) => {
                section.wrong(
                    key,
                    format!("`{key}`: {error}"),
                    "choose another name",
                    mistakes,
                );
                return None;
            }
        };
        let place = section.place(key);
        if let Some(before) = self.used.insert(name.to_owned(), place) {
            let what = format!(
                "input `{name}` is used twice, before in line {}",
                mistakes.line(before)
            );
            section.wrong(
                key,
                what,
                "one input has one purpose: choose another",
                mistakes,
            );
            return None;
        }
        Some((self.inputs.intern(name), sensor))
    }

    /// A button that must be there.
    pub(super) fn button(
        &mut self,
        section: &mut Section<'_>,
        key: &'static str,
        mistakes: &mut Mistakes,
    ) -> Option<Button> {
        let name = section.text(key, mistakes)?;
        self.take(section, key, &name, Purpose::Button, mistakes)
            .map(|(input, sensor)| Button { input, sensor })
    }

    /// A beam that must be there.
    pub(super) fn beam(
        &mut self,
        section: &mut Section<'_>,
        key: &'static str,
        mistakes: &mut Mistakes,
    ) -> Option<Beam> {
        let name = section.text(key, mistakes)?;
        self.take(section, key, &name, Purpose::Signal, mistakes)
            .map(|(input, sensor)| Beam { input, sensor })
    }

    /// A sensor that gives numbers: its own name is its input, and no pin.
    pub(super) fn measuring(
        &mut self,
        section: &mut Section<'_>,
        mistakes: &mut Mistakes,
    ) -> Option<(InputIx, SensorId)> {
        let name = section.text("name", mistakes)?;
        self.use_once(section, "name", &name, mistakes)
    }

    /// An output that may be left out, as a place in [`crate::config::Gate::outputs`].
    pub(super) fn output(
        &mut self,
        section: &mut Section<'_>,
        key: &'static str,
        mistakes: &mut Mistakes,
    ) -> Option<usize> {
        let name = section.optional_text(key, mistakes)?;
        let found = self.outputs.iter().position(|output| output.name == name);
        if found.is_none() && self.outputs_declared {
            let cure = format!("add an [[output]] with name = \"{name}\", or correct the name");
            section.wrong(key, format!("there is no output `{name}`"), cure, mistakes);
            return None;
        }
        found.or_else(|| {
            self.outputs.push(Output { name, safe: false });
            Some(self.outputs.len() - 1)
        })
    }
}

/// A chip's line is one pin: who names it twice has miscounted.
type Taken = Vec<(String, u32, String)>;

fn declared_input(
    mut section: Section<'_>,
    before: &[DeclaredInput],
    simulated: bool,
    taken: &mut Taken,
    mistakes: &mut Mistakes,
) -> Option<DeclaredInput> {
    let name = section.id::<SensorId>("name", mistakes);
    if let Some(name) = &name
        && before.iter().any(|other| other.name == name.as_str())
    {
        let what = format!("there are two inputs `{name}`");
        section.wrong("name", what, "rename one", mistakes);
    }
    let named = name.as_ref().map_or("", SensorId::as_str);
    let pin = pin(&mut section, named, simulated, taken, mistakes);
    let bias = match section.optional_text("bias", mistakes).as_deref() {
        None => Bias::AsIs,
        Some("pull-up") => Bias::PullUp,
        Some("pull-down") => Bias::PullDown,
        Some("off") => Bias::Off,
        Some(other) => {
            let what = format!("there is no bias `{other}`");
            section.wrong("bias", what, "write pull-up, pull-down or off", mistakes);
            Bias::AsIs
        }
    };
    let debounce = section
        .has("debounce_ms")
        .then(|| section.millis("debounce_ms", 0, 0..=1000, mistakes));
    section.finish(mistakes);
    Some(DeclaredInput {
        name: name?.to_string(),
        pin,
        bias,
        debounce,
    })
}

fn declared_output(
    mut section: Section<'_>,
    simulated: bool,
    taken: &mut Taken,
    mistakes: &mut Mistakes,
) -> Option<OutputPin> {
    let name = section.id::<SensorId>("name", mistakes);
    let named = name.as_ref().map_or("", SensorId::as_str);
    let pin = pin(&mut section, named, simulated, taken, mistakes);
    let safe = section.whole("safe", 0, 0..=1, mistakes) == 1;
    section.finish(mistakes);
    Some(OutputPin {
        name: name?.to_string(),
        pin,
        safe,
    })
}

/// Where a pin is; on the simulated board nothing of it matters, but mistakes are told all the same.
fn pin(
    section: &mut Section<'_>,
    name: &str,
    simulated: bool,
    taken: &mut Taken,
    mistakes: &mut Mistakes,
) -> Pin {
    let chip = section
        .optional_text("chip", mistakes)
        .unwrap_or_else(|| "gpiochip0".to_owned());
    if chip.contains('/') {
        let what = format!("`{chip}` is a path");
        section.wrong(
            "chip",
            what,
            "write the chip's name, for instance gpiochip0",
            mistakes,
        );
    }
    let numbered = section.has("line");
    if !numbered && !simulated {
        let cure = "add `line = …`, the pin's number on its chip";
        section.wrong("line", "the pin has no `line`", cure, mistakes);
    }
    let line = u32::try_from(section.whole("line", 0, 0..=1023, mistakes)).unwrap_or_default();
    let active_low = section.flag("active_low", false, mistakes);
    if numbered {
        match taken.iter().find(|(on, at, _)| *on == chip && *at == line) {
            Some((_, _, first)) => {
                let what = format!("line {line} of {chip} is `{first}` already");
                section.wrong(
                    "line",
                    what,
                    "look at the wiring: one pin is one thing",
                    mistakes,
                );
            }
            None => taken.push((chip.clone(), line, name.to_owned())),
        }
    }
    Pin {
        chip,
        line,
        active_low,
    }
}
