//! Kernel pins by the GPIO character device: one request a chip for all its inputs, so that they
//! have one order, with the kernel's own time stamps.
//!
//! A thread a chip moves edges out of the kernel's queue, so that a card that takes a second to sync
//! loses none; the rest happens in the agent's task.
//!
//! Outputs are held by the kernel and have their safe level at start, at the end and when the agent
//! panics. A killed process holds nothing any more: what the pin does then is the driver's choice, so
//! a relay needs a pull resistor towards its safe side.
//!
//! A barrier's output is a pulse that says `open` and ends by itself; nothing says `close`. The barrier's
//! own drive closes it behind whoever has passed, and opens it when the power fails. A driver that keeps
//! a pin as it was (that of the Pi's own kernel does) holds a killed agent's pulse until the service
//! manager has begun another one: let the drive take the beginning of a pulse, not its length.

mod edges;
mod request;

use std::io;

pub use request::CdevError;
use request::HeldOutput;

use super::kernel::{self, KernelBoard, Pins};
use crate::{
    clock::UnitClock, config::Wiring, core::out::OutputChange, input::InputIx, time::BoardTime,
};
use edges::Edges;

/// The board with pins of the character device.
pub type CdevBoard = KernelBoard<CdevPins>;

/// Lines that are held.
#[derive(Debug)]
pub struct CdevPins {
    chips: Vec<Edges>,
    outputs: Vec<HeldOutput>,
}

impl CdevBoard {
    /// Takes hold of all pins, or says which one cannot be had and what to do about it.
    pub fn open(wiring: &Wiring, clock: UnitClock) -> Result<Self, CdevError> {
        let boot = kernel::boot_id().map_err(CdevError::BootId)?;
        let outputs = request::outputs(&wiring.outputs)?;
        let (sender, edges) = kernel::queue();
        let mut chips = Vec::new();
        for (chip, pins) in request::by_chip(&wiring.inputs) {
            let request = request::inputs(&chip, &pins)?;
            let started = Edges::start(&chip, request, &pins, sender.clone());
            chips.push(started.map_err(CdevError::Thread)?);
        }
        let pins = CdevPins { chips, outputs };
        Self::new(wiring, clock, boot, pins, edges).map_err(CdevError::Thread)
    }
}

impl Pins for CdevPins {
    fn levels(&self) -> io::Result<Vec<(InputIx, bool)>> {
        let mut found = Vec::new();
        for chip in &self.chips {
            found.extend(chip.levels()?);
        }
        Ok(found)
    }

    fn set(&mut self, change: OutputChange) {
        if let Some(output) = self.outputs.get(change.output) {
            output.set(change.level);
        }
    }

    /// A thread that hangs in the kernel watches nothing: the agent ends, and is started anew.
    fn look_after(&mut self, now: BoardTime) -> io::Result<()> {
        for chip in &mut self.chips {
            if chip.hangs(now) {
                return Err(io::Error::other("the thread that watches the pins hangs"));
            }
        }
        Ok(())
    }
}
