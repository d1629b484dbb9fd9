//! The agent's raw inputs, for those who look now and for those who ask later what it was.

use std::{io, path::PathBuf, time::Duration};

use gatepost_model::SensorId;
use tokio::net::UnixStream;

use super::Agent;
use crate::{flight, hal::Board, input::Input};

/// A fault has the recorder write at most this often: its record covers as much.
const EVERY: Duration = flight::SPAN;

impl<B: Board> Agent<'_, B> {
    pub(super) fn record(&mut self, input: &Input) {
        self.recorder.take(input);
        if self.tap.is_watched() {
            self.tap.say(&self.config.gate.inputs.write(input));
        }
    }

    /// Somebody looks at the inputs from now on.
    pub(super) fn show_to(&mut self, stream: UnixStream) {
        self.tap
            .join(stream, self.recorder.now(&self.config.gate.inputs));
        self.tap.flush();
    }

    /// A sensor is at fault: what came before it is kept. Outputs are set already.
    pub(super) fn record_fault(&mut self, sensor: &SensorId) {
        let now = self.clock.now();
        if self.recorded_at.is_some_and(|at| now.since(at) < EVERY) {
            return;
        }
        self.recorded_at = Some(now);
        match self.write_record() {
            Ok(path) => {
                tracing::info!(sensor = %sensor, path = %path.display(), "what came before the fault is recorded");
            }
            Err(error) => tracing::warn!(error = %error, "the inputs could not be recorded"),
        }
    }

    /// Writes the last minutes of inputs.
    pub(super) fn write_record(&self) -> io::Result<PathBuf> {
        let boot = self.core.boot().map_or("none", |boot| boot.as_str());
        let short = boot.get(..8).unwrap_or(boot);
        let name = format!("{short}-{}", self.core.now().0);
        let lines = self.recorder.lines(&self.config.gate.inputs);
        flight::file::write(&self.config.unit.data, &name, lines)
    }
}
