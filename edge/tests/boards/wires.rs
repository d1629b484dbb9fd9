//! What hangs on a board's pins, from the outside: moved and looked at as by hand.

use gatepost_edge::{
    clock::UnitClock,
    config::Config,
    hal::Board,
    input::{InputIx, InputNames},
    time::BoardTime,
};
use gatepost_model::BootId;

/// Beam A; it stands broken before the board is opened.
pub(crate) const A: &str = "a";
/// Beam B.
pub(crate) const B: &str = "b";
/// A button.
pub(crate) const BUTTON: &str = "start";
/// All that are in use, with their lines. The first two are wired active low.
pub(crate) const INPUTS: [(&str, u32); 5] =
    [(A, 17), (B, 27), (BUTTON, 5), ("stop", 6), ("flow", 13)];
/// Outputs with their lines and safe levels, in the order of the configuration.
pub(crate) const OUTPUTS: [(&str, u32, bool); 2] = [("lamp", 22, false), ("siren", 23, true)];

/// Wires of one kind of board.
pub(crate) trait Wires: Sized {
    /// The board's name in the configuration.
    const NAME: &str;
    /// All edges come in one order, whatever pin they are of; else those of each pin do.
    const ONE_ORDER: bool;
    /// A kernel stands between a button's contact and the board.
    const DEBOUNCES: bool;
    /// The board.
    type Board: Board;

    /// Beam A is broken and nothing else is on.
    fn at_rest() -> Self;

    /// Opens the board. What holds its pins before is let go of.
    fn open(&mut self) -> Self::Board;

    /// Moves an input's wire: on is true.
    fn set(&mut self, input: &str, on: bool);

    /// Moves it to and fro, so many edges of it, while nobody reads: more than the queues hold.
    fn flood(&mut self, input: &str, edges: u32);

    /// Moves a wire so that no edge of it is told; false where that cannot be done.
    fn slip(&mut self, _input: &str, _on: bool) -> bool {
        false
    }

    /// An output's level; on is true.
    fn output(&mut self, output: usize) -> bool;

    /// Lets the board's time run on, if that does not happen by itself.
    fn pass_time(&mut self) {}

    /// Looks at whether it was heard that all until `durable` is on disk; true where nobody is told.
    fn heard(&mut self, boot: &BootId, durable: BoardTime) -> bool;
}

/// Time in which edges are stamped.
pub(crate) fn now() -> BoardTime {
    UnitClock.monotonic()
}

/// A unit with these inputs and outputs on a board.
pub(crate) fn config(board: &str, chip: &str) -> Config {
    let mut text = format!(
        "board = {{ {board} }}\n\
         unit = {{ site = \"binjiang\", id = \"gate-1\", data = \"/tmp\" }}\n\
         mqtt = {{ address = \"127.0.0.1:1\" }}\n\
         [[lane]]\nname = \"people\"\nkind = \"people\"\nbeam_a = \"{A}\"\nbeam_b = \"{B}\"\nlamp = \"lamp\"\n\
         [[round_station]]\nzone = \"living\"\nstart = \"{BUTTON}\"\nstop = \"stop\"\nflow = \"flow\"\n\
         pulses_per_litre = 450\n"
    );
    for (place, (name, line)) in INPUTS.iter().enumerate() {
        let pull = if is_active_low(name) { "up" } else { "down" };
        text += &format!(
            "[[input]]\nname = \"{name}\"\nchip = \"{chip}\"\nline = {line}\nactive_low = {}\nbias = \"pull-{pull}\"\n",
            place < 2
        );
    }
    for (name, line, safe) in OUTPUTS {
        let safe = u8::from(safe);
        text += &format!(
            "[[output]]\nname = \"{name}\"\nchip = \"{chip}\"\nline = {line}\nsafe = {safe}\n"
        );
    }
    Config::parse(&text).unwrap()
}

/// Whether a low level is on.
pub(crate) fn is_active_low(input: &str) -> bool {
    [A, B].contains(&input)
}

/// The line of an input.
pub(crate) fn line(input: &str) -> u32 {
    let found = INPUTS.iter().find(|(name, _)| *name == input);
    found.unwrap().1
}

/// The place of an input in the configuration's names.
pub(crate) fn ix(names: &InputNames, input: &str) -> InputIx {
    names.find(input).unwrap()
}
