//! The demo's binary: the demo itself, and, re-executed by it, the hub or an edge.

use std::{ffi::OsString, process::ExitCode};

use e2e::{
    demo::{self, Args},
    fleet::{AS_EDGE, AS_HUB},
    process::stop_with_parent,
};

fn main() -> ExitCode {
    let mut words: Vec<OsString> = std::env::args_os().collect();
    let role = words
        .get(1)
        .and_then(|word| word.to_str())
        .unwrap_or_default();
    let main: fn(Vec<OsString>) -> ExitCode = match role {
        AS_EDGE => |words| gatepost_edge::cli::main(words),
        AS_HUB => |words| gatepost_hub::cli::main(words),
        _ => return run(Args::read(words).unwrap_or_else(|error| error.exit())),
    };
    words.remove(1);
    // What runs on and on must not outlive the demo.
    if words
        .get(1)
        .is_some_and(|word| word == "run" || word == "serve")
    {
        stop_with_parent();
    }
    main(words)
}

fn run(args: Args) -> ExitCode {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_max_level(tracing::Level::WARN)
        .init();
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            tracing::error!(error = %error, "no runtime");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(demo::main(args)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}
