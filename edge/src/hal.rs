//! The board: where inputs come from and outputs go to.

pub mod sim;

use std::io;

use gatepost_model::BootId;

use crate::{core::out::OutputChange, input::Input, time::BoardTime};

/// A board with pins. The simulated one is the only one in this build; the trait is the seam for
/// those with a kernel behind them.
pub trait Board {
    /// Waits until there are inputs and appends them in the board's order. Cancel-safe: an input is
    /// either appended or still to come.
    fn inputs(&mut self, inputs: &mut Vec<Input>) -> impl Future<Output = io::Result<()>>;

    /// Sets an output.
    fn set_output(&mut self, change: OutputChange);

    /// Says that everything decided from inputs up to a time is on disk.
    fn confirm(&mut self, boot: &BootId, durable: BoardTime);

    /// Sends what was set and said, as far as that is possible at once.
    fn flush(&mut self);
}
