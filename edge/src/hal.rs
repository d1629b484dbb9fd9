//! The board: where inputs come from and outputs go to.

pub mod cdev;
pub mod kernel;
pub mod machine;
#[cfg(feature = "pi")]
pub mod pi;
pub mod sim;
pub mod thermometer;

use std::io;

use gatepost_model::BootId;

use machine::MachineHealth;

use crate::{
    core::out::OutputChange,
    input::{Input, InputIx},
    time::BoardTime,
};

/// A board with pins: the simulated one, the kernel's, or a Pi's.
///
/// What every board keeps to: the first input is a boot; what the pins' levels are follows with the
/// boot's time; edges of one pin come in order, and where some are known to be lost it is said
/// before the next one; an output has its safe level before the first input and after the end.
pub trait Board {
    /// Waits until there are inputs and appends them in the board's order. A board whose time runs by
    /// itself says a tick once `until` has passed, and now and then without it. Cancel-safe: an input
    /// is either appended or still to come.
    fn inputs(
        &mut self,
        until: Option<BoardTime>,
        inputs: &mut Vec<Input>,
    ) -> impl Future<Output = io::Result<()>>;

    /// Sets an output.
    fn set_output(&mut self, change: OutputChange);

    /// A thermometer is to look now at whoever stands before it. A simulated one looks when it likes.
    fn measure(&mut self, _thermometer: InputIx) {}

    /// Says that everything decided from inputs up to a time is on disk.
    fn confirm(&mut self, boot: &BootId, durable: BoardTime);

    /// How the machine is that the board belongs to.
    fn health(&self) -> MachineHealth {
        MachineHealth::default()
    }

    /// Sends what was set and said, as far as that is possible at once.
    fn flush(&mut self);
}
