//! Takes hold of lines, and says in a technician's words why one cannot be had.

use std::{collections::BTreeMap, io, path::PathBuf};

use gpiocdev::{
    Request,
    chip::Chip,
    line::{Bias as KernelBias, EdgeDetection, EventClock, Value},
};

use crate::config::{Bias, InputPin, OutputPin, Pin};

/// The kernel's queue of edges for one request: the most that it gives. At a thousand edges a second
/// it is full after a second.
const KERNEL_QUEUE: u32 = 1024;

/// What others see as the holder of our lines.
const CONSUMER: &str = "gatepost-edge";

/// Why the kernel's pins cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum CdevError {
    /// The chip cannot be opened.
    #[error(
        "{chip}: cannot be opened; look at the names under /dev, and whether this user is in the group gpio"
    )]
    Chip {
        /// The chip's name.
        chip: String,
        /// Why.
        #[source]
        source: gpiocdev::Error,
    },
    /// The chip has no such line.
    #[error(
        "{chip} has {lines} lines and no line {line}, which `{name}` is to be; correct `line` or `chip`"
    )]
    NoLine {
        /// The chip's name.
        chip: String,
        /// How many it has, from 0.
        lines: u32,
        /// The line that is not there.
        line: u32,
        /// What was to be wired there.
        name: String,
    },
    /// Somebody else holds the line.
    #[error("line {line} of {chip}, `{name}`, is held by `{holder}`; stop that program or driver")]
    Held {
        /// The chip's name.
        chip: String,
        /// The line.
        line: u32,
        /// What is wired there.
        name: String,
        /// Who holds it, in his own words.
        holder: String,
    },
    /// The kernel refuses for another reason.
    #[error("{chip}: the kernel does not give these lines: {names}")]
    Refused {
        /// The chip's name.
        chip: String,
        /// What is wired there.
        names: String,
        /// Why.
        #[source]
        source: gpiocdev::Error,
    },
    /// The kernel does not tell its boot.
    #[error("the kernel does not tell the boot's id")]
    BootId(#[source] io::Error),
    /// A thread could not be started.
    #[error("no thread for the inputs")]
    Thread(#[source] io::Error),
}

impl CdevError {
    /// Whether it is an agent that holds the line.
    pub fn is_held_by_agent(&self) -> bool {
        matches!(self, Self::Held { holder, .. } if holder == CONSUMER)
    }
}

/// Inputs sorted by their chips.
pub(super) fn by_chip(pins: &[InputPin]) -> BTreeMap<String, Vec<&InputPin>> {
    let mut chips: BTreeMap<String, Vec<&InputPin>> = BTreeMap::new();
    for pin in pins {
        chips.entry(pin.pin.chip.clone()).or_default().push(pin);
    }
    chips
}

/// One request for all inputs of a chip.
pub(super) fn inputs(chip: &str, pins: &[&InputPin]) -> Result<Request, CdevError> {
    let named: Vec<(&Pin, &str)> = pins
        .iter()
        .map(|pin| (&pin.pin, pin.name.as_str()))
        .collect();
    let path = look_at(chip, &named)?;
    let mut builder = Request::builder();
    builder
        .on_chip(path)
        .with_consumer(CONSUMER)
        .with_kernel_event_buffer_size(KERNEL_QUEUE);
    for pin in pins {
        let bias = match pin.bias {
            Bias::AsIs => None,
            Bias::PullUp => Some(KernelBias::PullUp),
            Bias::PullDown => Some(KernelBias::PullDown),
            Bias::Off => Some(KernelBias::Disabled),
        };
        builder
            .with_line(pin.pin.line)
            .as_input()
            .with_edge_detection(EdgeDetection::BothEdges)
            .with_event_clock(EventClock::Monotonic)
            .with_bias(bias)
            .with_debounce_period(pin.debounce);
        if pin.pin.active_low {
            builder.as_active_low();
        } else {
            builder.as_active_high();
        }
    }
    builder
        .request()
        .map_err(|source| refused(chip, &named, source))
}

/// An output that is held; its level is safe once it is let go.
#[derive(Debug)]
pub(super) struct HeldOutput {
    request: Request,
    name: String,
    safe: bool,
}

/// A request for each output: two of them never wait for each other.
pub(super) fn outputs(pins: &[OutputPin]) -> Result<Vec<HeldOutput>, CdevError> {
    pins.iter()
        .map(|output| {
            let Pin {
                chip,
                line,
                active_low,
            } = &output.pin;
            let named = [(&output.pin, output.name.as_str())];
            let path = look_at(chip, &named)?;
            let mut builder = Request::builder();
            builder
                .on_chip(path)
                .with_consumer(CONSUMER)
                .with_line(*line);
            if *active_low {
                builder.as_active_low();
            }
            let request = builder
                .as_output(value(output.safe))
                .request()
                .map_err(|source| refused(chip, &named, source))?;
            Ok(HeldOutput {
                request,
                name: output.name.clone(),
                safe: output.safe,
            })
        })
        .collect()
}

impl HeldOutput {
    /// Sets the level; on is true.
    pub(super) fn set(&self, level: bool) {
        if let Err(error) = self.request.set_lone_value(value(level)) {
            tracing::error!(output = %self.name, level, error = %error, "an output cannot be set");
        }
    }
}

impl Drop for HeldOutput {
    fn drop(&mut self) {
        self.set(self.safe);
    }
}

fn value(level: bool) -> Value {
    if level {
        Value::Active
    } else {
        Value::Inactive
    }
}

/// Names what can be named before the kernel is asked: it says only that it does not want to.
fn look_at(chip: &str, pins: &[(&Pin, &str)]) -> Result<PathBuf, CdevError> {
    let name = chip;
    let error = |source| CdevError::Chip {
        chip: name.to_owned(),
        source,
    };
    let path = PathBuf::from("/dev").join(chip);
    let opened = Chip::from_path(&path).map_err(error)?;
    let lines = opened.info().map_err(error)?.num_lines;
    for (pin, input) in pins {
        if pin.line >= lines {
            return Err(CdevError::NoLine {
                chip: name.to_owned(),
                lines,
                line: pin.line,
                name: (*input).to_owned(),
            });
        }
        let info = opened.line_info(pin.line).map_err(error)?;
        if info.used {
            let unnamed = info.consumer.is_empty();
            return Err(CdevError::Held {
                chip: name.to_owned(),
                line: pin.line,
                name: (*input).to_owned(),
                holder: if unnamed {
                    "the kernel".to_owned()
                } else {
                    info.consumer
                },
            });
        }
    }
    Ok(path)
}

fn refused(chip: &str, pins: &[(&Pin, &str)], source: gpiocdev::Error) -> CdevError {
    let names: Vec<&str> = pins.iter().map(|(_, name)| *name).collect();
    CdevError::Refused {
        chip: chip.to_owned(),
        names: names.join(", "),
        source,
    }
}
