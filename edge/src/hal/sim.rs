//! Simulated pins on a Unix stream: recorded inputs in, outputs and confirmations out.
//!
//! One client at a time; when it is gone the next one is taken. The board's time is the client's.
//! Answers are JSON lines: `{"mono_us":…,"output":"people-lamp","level":1}` for an output, and
//! `{"durable_us":T,"boot":"…"}` when everything decided from inputs up to `T` of that boot is on
//! disk. A client that sends several inputs with one and the same time sends them in one write.
//!
//! An output of which nothing was said is at its safe level; a board that ends without having been told
//! so says it of all others.

use std::{fs, io, path::Path};

use gatepost_model::BootId;
use tokio::{
    io::Interest,
    net::{UnixListener, UnixStream},
};

use super::Board;
use crate::{
    config::Gate,
    core::out::OutputChange,
    input::{Input, InputNames},
    time::BoardTime,
};

/// Read at once; at some sixty bytes a line a thousand inputs.
const CHUNK: usize = 64 * 1024;
/// Longer lines are none of ours.
const MAX_LINE: usize = 64 * 1024;
/// A client that does not read its answers is let go at this.
const MAX_UNSENT: usize = 4 * 1024 * 1024;

/// An output as the client knows it.
#[derive(Debug)]
struct Output {
    name: String,
    safe: bool,
    /// What was said of it last, and when.
    said: (bool, BoardTime),
}

/// The simulated board.
#[derive(Debug)]
pub struct SimBoard {
    listener: UnixListener,
    stream: Option<UnixStream>,
    names: InputNames,
    outputs: Vec<Output>,
    received: Vec<u8>,
    unsent: Vec<u8>,
    unreadable: u64,
}

impl SimBoard {
    /// Listens on a socket; a file left over from an earlier run is replaced.
    pub fn listen(socket: &Path, gate: &Gate) -> io::Result<Self> {
        match fs::remove_file(socket) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        if let Some(directory) = socket.parent().filter(|path| !path.as_os_str().is_empty()) {
            fs::create_dir_all(directory)?;
        }
        Ok(Self {
            listener: UnixListener::bind(socket)?,
            stream: None,
            names: gate.inputs.clone(),
            outputs: gate
                .outputs
                .iter()
                .map(|output| Output {
                    name: output.name.clone(),
                    safe: output.safe,
                    said: (output.safe, BoardTime(0)),
                })
                .collect(),
            received: Vec::new(),
            unsent: Vec::new(),
            unreadable: 0,
        })
    }

    fn let_go(&mut self, why: &str) {
        tracing::info!(why, "the simulated board's client is gone");
        self.stream = None;
        self.received.clear();
        self.unsent.clear();
    }

    /// Reads what is there. False if the client is gone.
    fn receive(&mut self) -> bool {
        let Some(stream) = &self.stream else {
            return false;
        };
        self.received.reserve(CHUNK);
        match stream.try_read_buf(&mut self.received) {
            Ok(0) => {
                self.let_go("it closed the stream");
                false
            }
            Ok(_) => true,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => true,
            Err(error) => {
                self.let_go(&error.to_string());
                false
            }
        }
    }

    /// Takes the complete lines out of what was received.
    fn take_lines(&mut self, inputs: &mut Vec<Input>) {
        let Some(end) = self.received.iter().rposition(|byte| *byte == b'\n') else {
            if self.received.len() > MAX_LINE {
                self.let_go("it sent a line without an end");
            }
            return;
        };
        for line in self.received[..end].split(|byte| *byte == b'\n') {
            if line.is_empty() {
                continue;
            }
            match self.names.read(line) {
                Ok(input) => inputs.push(input),
                Err(error) => {
                    self.unreadable += 1;
                    if self.unreadable.is_power_of_two() {
                        let line = String::from_utf8_lossy(&line[..line.len().min(200)]);
                        tracing::warn!(error = %error, line = %line, so_far = self.unreadable, "an input cannot be read");
                    }
                }
            }
        }
        self.received.drain(..=end);
    }
}

impl Board for SimBoard {
    /// The client's ticks are the time: `until` needs none.
    async fn inputs(&mut self, _: Option<BoardTime>, inputs: &mut Vec<Input>) -> io::Result<()> {
        // Cancel-safe: between the awaits everything happens at once.
        loop {
            let Some(stream) = &self.stream else {
                let (stream, _) = self.listener.accept().await?;
                tracing::info!("the simulated board has a client");
                self.stream = Some(stream);
                continue;
            };
            let interest = if self.unsent.is_empty() {
                Interest::READABLE
            } else {
                Interest::READABLE | Interest::WRITABLE
            };
            let ready = stream.ready(interest).await?;
            if ready.is_writable() {
                self.flush();
            }
            if ready.is_readable() && self.receive() {
                self.take_lines(inputs);
            }
            if !inputs.is_empty() {
                return Ok(());
            }
        }
    }

    fn set_output(&mut self, change: OutputChange) {
        let (at, level) = (change.at.0, u8::from(change.level));
        let Some(output) = self.outputs.get_mut(change.output) else {
            return;
        };
        output.said = (change.level, change.at);
        if self.stream.is_some() {
            let name = &output.name;
            let line = format!("{{\"mono_us\":{at},\"output\":\"{name}\",\"level\":{level}}}\n");
            self.unsent.extend_from_slice(line.as_bytes());
        }
    }

    fn confirm(&mut self, boot: &BootId, durable: BoardTime) {
        if self.stream.is_some() {
            let line = format!("{{\"durable_us\":{},\"boot\":\"{boot}\"}}\n", durable.0);
            self.unsent.extend_from_slice(line.as_bytes());
        }
    }

    fn flush(&mut self) {
        let Some(stream) = &self.stream else { return };
        while !self.unsent.is_empty() {
            match stream.try_write(&self.unsent) {
                Ok(0) => break,
                Ok(sent) => {
                    self.unsent.drain(..sent);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => return self.let_go(&error.to_string()),
            }
        }
        if self.unsent.len() > MAX_UNSENT {
            self.let_go("it does not read its answers");
        }
    }
}

impl Drop for SimBoard {
    fn drop(&mut self) {
        for output in 0..self.outputs.len() {
            let Output { safe, said, .. } = self.outputs[output];
            if said.0 != safe {
                let (at, level) = (said.1, safe);
                self.set_output(OutputChange { at, output, level });
            }
        }
        self.flush();
    }
}
