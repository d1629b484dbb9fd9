//! One list of what a board keeps to, [`contract`], over every board there is, by the same code.
//!
//! The simulated board runs anywhere. Those with a kernel behind them need simulated lines of that
//! kernel: `tests/run vm` runs them in the virtual gate unit (`cargo test -- --ignored` there, with
//! `GATEPOST_GPIO_SIM` naming the chip's folder in sysfs). What is real there and what is not is said
//! in [`kernel`].

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so")]
#![expect(
    clippy::print_stdout,
    reason = "what is looked at, and what a flood came to"
)]

mod contract;
mod kernel;
mod sim;
mod wires;

use contract::Expectation;
use wires::Wires;

/// Everything that is expected, of one board after the other: each with the wires at rest.
fn holds<W: Wires + 'static>() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    for (expected, look) in contract::expectations::<W>() {
        println!("{}: {expected}", W::NAME);
        let look: Expectation<W> = look;
        runtime.block_on(look(W::at_rest()));
    }
}

#[test]
fn the_simulated_board_keeps_to_it() {
    holds::<sim::Client>();
}

#[test]
#[ignore = "needs gpio-sim: tests/run vm"]
fn the_kernels_lines_keep_to_it() {
    holds::<kernel::Lines<kernel::Cdev>>();
}

#[cfg(feature = "pi")]
#[test]
#[ignore = "needs gpio-sim and a file in place of a Pi's registers: tests/run vm"]
fn a_pis_registers_keep_to_it() {
    holds::<kernel::Lines<kernel::Pi>>();
}
