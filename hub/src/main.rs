//! `gatepost-hub`.

use std::process::ExitCode;

fn main() -> ExitCode {
    gatepost_hub::cli::main(std::env::args_os())
}
