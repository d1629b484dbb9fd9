//! Pins of a Raspberry Pi by its registers, with a build of the feature `pi`.
//!
//! Levels and outputs are registers, edges come from the kernel with its time stamps, for each pin in a
//! thread of its own. So edges of two pins that come within a fraction of a millisecond may come in
//! either order, and nobody keeps other programs from an output: [`super::cdev`] knows neither, and is
//! what to use unless there is a reason. Lines are BCM numbers; `chip` stays as it is.
//!
//! Outputs have their safe level at start, at the end and when the agent panics. After a killed agent a
//! register stays as it was, until the next one begins.

use std::{io, time::Duration};

use rpi_pal::gpio::{self, Gpio, InputPin, Level, OutputPin, Trigger};

use super::kernel::{self, Edge, EdgeSender, KernelBoard, Pins};
use crate::{
    clock::UnitClock,
    config::{Bias, InputPin as WiredInput, OutputPin as WiredOutput, Pin, Wiring},
    core::out::OutputChange,
    input::InputIx,
    time::{BoardTime, micros},
};

/// The only chip whose lines are the registers' pins.
const CHIP: &str = "gpiochip0";

/// The board with a Pi's pins.
pub type PiBoard = KernelBoard<PiPins>;

/// Why the pins cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum PiError {
    /// This is no Pi that is known, or its registers may not be opened.
    #[error(
        "the registers of the pins cannot be had; is this a Raspberry Pi, and this user in the group gpio? Else write kind = \"cdev\""
    )]
    Registers(#[source] gpio::Error),
    /// A pin is on another chip.
    #[error("`{name}` is on {chip}; this board has the pins of {CHIP} only: write kind = \"cdev\"")]
    Chip {
        /// What is wired there.
        name: String,
        /// The chip.
        chip: String,
    },
    /// A pin cannot be had.
    #[error(
        "line {line}, `{name}`, cannot be had; another program may hold it, or it is no BCM number"
    )]
    Line {
        /// What is wired there.
        name: String,
        /// The line.
        line: u32,
        /// Why.
        #[source]
        source: gpio::Error,
    },
    /// The kernel does not tell its boot.
    #[error("the kernel does not tell the boot's id")]
    BootId(#[source] io::Error),
    /// A thread could not be started.
    #[error("no thread for the thermometers")]
    Thread(#[source] io::Error),
}

/// Pins that are used.
#[derive(Debug)]
pub struct PiPins {
    inputs: Vec<Input>,
    outputs: Vec<Output>,
}

#[derive(Debug)]
struct Input {
    pin: InputPin,
    input: InputIx,
    active_low: bool,
}

#[derive(Debug)]
struct Output {
    pin: OutputPin,
    active_low: bool,
    safe: bool,
}

impl PiBoard {
    /// Takes all pins, or says which one cannot be had and what to do about it.
    pub fn open(wiring: &Wiring, clock: UnitClock) -> Result<Self, PiError> {
        let boot = kernel::boot_id().map_err(PiError::BootId)?;
        let gpio = Gpio::new().map_err(PiError::Registers)?;
        let outputs = wiring.outputs.iter().map(|it| output(&gpio, it));
        let outputs = outputs.collect::<Result<_, _>>()?;
        let (sender, edges) = kernel::queue();
        let inputs = wiring.inputs.iter().map(|it| input(&gpio, it, &sender));
        let inputs = inputs.collect::<Result<_, _>>()?;
        let pins = PiPins { inputs, outputs };
        Self::new(wiring, clock, boot, pins, edges).map_err(PiError::Thread)
    }
}

fn pin(gpio: &Gpio, name: &str, pin: &Pin) -> Result<gpio::Pin, PiError> {
    if pin.chip != CHIP {
        return Err(PiError::Chip {
            name: name.to_owned(),
            chip: pin.chip.clone(),
        });
    }
    let number = u8::try_from(pin.line).unwrap_or(u8::MAX);
    gpio.get(number)
        .map_err(|source| no_line(name, pin, source))
}

fn no_line(name: &str, pin: &Pin, source: gpio::Error) -> PiError {
    PiError::Line {
        name: name.to_owned(),
        line: pin.line,
        source,
    }
}

fn input(gpio: &Gpio, wired: &WiredInput, edges: &EdgeSender) -> Result<Input, PiError> {
    let found = pin(gpio, &wired.name, &wired.pin)?;
    let mut found = match wired.bias {
        Bias::PullUp => found.into_input_pullup(),
        Bias::PullDown => found.into_input_pulldown(),
        Bias::AsIs | Bias::Off => found.into_input(),
    };
    let mut sequence = Sequence {
        input: wired.input,
        active_low: wired.pin.active_low,
        last: 0,
    };
    let edges = edges.clone();
    let debounce = (!wired.debounce.is_zero()).then_some(wired.debounce);
    found
        .set_async_interrupt(Trigger::Both, debounce, move |event| {
            let rises = event.trigger == Trigger::RisingEdge;
            // Nobody receives any more where the board is let go of.
            let _ = edges.blocking_send(Ok(sequence.take(event.timestamp, event.seqno, rises)));
        })
        .map_err(|source| no_line(&wired.name, &wired.pin, source))?;
    Ok(Input {
        pin: found,
        input: wired.input,
        active_low: wired.pin.active_low,
    })
}

fn output(gpio: &Gpio, wired: &WiredOutput) -> Result<Output, PiError> {
    let found = pin(gpio, &wired.name, &wired.pin)?;
    let active_low = wired.pin.active_low;
    let mut pin = match wired.safe != active_low {
        true => found.into_output_high(),
        false => found.into_output_low(),
    };
    // It is to keep its safe level after the end.
    pin.set_reset_on_drop(false);
    Ok(Output {
        pin,
        active_low,
        safe: wired.safe,
    })
}

/// Numbers a pin's edges as the kernel does, from 1, so that a hole shows.
#[derive(Debug)]
struct Sequence {
    input: InputIx,
    active_low: bool,
    last: u32,
}

impl Sequence {
    fn take(&mut self, at: Duration, number: u32, rises: bool) -> Edge {
        let lost = number.wrapping_sub(self.last).wrapping_sub(1);
        self.last = number;
        Edge {
            input: self.input,
            at: BoardTime(micros(at)),
            level: rises != self.active_low,
            lost,
        }
    }
}

impl Output {
    fn set(&mut self, level: bool) {
        match level != self.active_low {
            true => self.pin.set_high(),
            false => self.pin.set_low(),
        }
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        self.set(self.safe);
    }
}

impl Pins for PiPins {
    fn levels(&self) -> io::Result<Vec<(InputIx, bool)>> {
        let level = |it: &Input| (it.pin.read() == Level::High) != it.active_low;
        Ok(self.inputs.iter().map(|it| (it.input, level(it))).collect())
    }

    fn set(&mut self, change: OutputChange) {
        if let Some(output) = self.outputs.get_mut(change.output) {
            output.set(change.level);
        }
    }

    fn look_after(&mut self, _: BoardTime) -> io::Result<()> {
        // Its threads cannot be asked; that an edge was missed shows in the levels.
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hole_in_a_pins_numbers_is_what_was_lost() {
        let mut sequence = Sequence {
            input: InputIx(3),
            active_low: true,
            last: 0,
        };
        let mut take = |number, rises| {
            let edge = sequence.take(Duration::from_micros(7), number, rises);
            assert_eq!((edge.input, edge.at), (InputIx(3), BoardTime(7)));
            (edge.level, edge.lost)
        };
        assert_eq!(take(1, false), (true, 0));
        assert_eq!(take(2, true), (false, 0));
        assert_eq!(take(5, false), (true, 2));
    }

    #[test]
    fn on_another_machine_it_says_what_to_do() {
        if let Err(error) = PiBoard::open(&Wiring::default(), UnitClock) {
            assert!(
                error.to_string().contains("write kind = \"cdev\""),
                "{error}"
            );
        }
    }
}
