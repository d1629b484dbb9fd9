//! The status line.

use std::{
    io::{IsTerminal, Write},
    sync::Arc,
    time::Duration,
};

use tokio_util::sync::CancellationToken;

use crate::{api::UnitRow, fleet::Fleet, stage::Stage};

/// On a terminal the line is rewritten this often.
const ON_TERMINAL: Duration = Duration::from_secs(1);
/// Elsewhere a line is enough this often.
const ELSEWHERE: Duration = Duration::from_secs(5);

/// Shows how things stand until it is told to stop.
pub(super) async fn show(stage: Arc<Stage>, fleet: Arc<Fleet>, stop: CancellationToken) {
    let terminal = std::io::stdout().is_terminal();
    let every = if terminal { ON_TERMINAL } else { ELSEWHERE };
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(every) => {}
        }
        let units = fleet.api.units().await;
        let line = match &units {
            Ok(units) => line(units, &stage),
            Err(_) => "the hub is away".to_owned(),
        };
        if terminal {
            rewrite(&line);
        } else {
            super::say(&line);
        }
    }
}

fn line(units: &[UnitRow], stage: &Stage) -> String {
    let online = units.iter().filter(|unit| unit.state == "online").count();
    let waiting: u64 = units.iter().map(|unit| unit.waiting).sum();
    let catching_up = units.iter().filter(|unit| unit.catching_up).count();
    let phase = if stage.is_live() {
        match catching_up {
            0 => "live".to_owned(),
            n => format!("{n} units catching up"),
        }
    } else {
        let behind = stage
            .players
            .iter()
            .map(|(.., remote)| remote.progress().position)
            .min();
        let at = behind
            .and_then(chrono::DateTime::from_timestamp_micros)
            .unwrap_or_default();
        format!("living through {}", at.format("%Y-%m-%d"))
    };
    let happened = stage.journal.written();
    let total = units.len();
    format!(
        "{phase}; {online} of {total} units online, {waiting} events waiting, {happened} things happened"
    )
}

#[expect(
    clippy::print_stdout,
    reason = "the status line of who started the demo"
)]
fn rewrite(line: &str) {
    print!("\r\x1b[K{line}");
    let _ = std::io::stdout().flush();
}
