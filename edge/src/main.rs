//! The binary `gatepost-edge`.

use std::process::ExitCode;

fn main() -> ExitCode {
    gatepost_edge::cli::main(std::env::args_os())
}
