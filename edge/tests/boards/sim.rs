//! The simulated board's client: what it sends is what the pins do.

use std::{
    collections::BTreeMap,
    io::{ErrorKind, Read, Write},
    os::unix::net::UnixStream,
};

use gatepost_edge::{
    hal::sim::SimBoard,
    input::{Input, InputNames, What},
    time::BoardTime,
};
use gatepost_model::BootId;
use serde_json::Value;
use tempfile::TempDir;

use crate::wires::{self, A, INPUTS, OUTPUTS, Wires};

const BOOT: &str = "6f1c";
/// What of a flood is told; what is between is not.
const TOLD: u32 = 100;

/// The client of a simulated board.
pub(crate) struct Client {
    dir: TempDir,
    names: InputNames,
    stream: Option<UnixStream>,
    /// What it has to say before the board is open.
    levels: BTreeMap<String, bool>,
    heard: Vec<u8>,
}

impl Client {
    fn send(&mut self, whats: impl IntoIterator<Item = What>) {
        let mono = wires::now();
        let lines = whats
            .into_iter()
            .map(|what| self.names.write(&Input { mono, what }) + "\n");
        let lines: String = lines.collect();
        self.stream
            .as_mut()
            .unwrap()
            .write_all(lines.as_bytes())
            .unwrap();
    }

    fn level(&self, input: &str, level: bool) -> What {
        What::Level {
            input: wires::ix(&self.names, input),
            level,
        }
    }

    /// The board's answers so far.
    fn answers(&mut self) -> Vec<Value> {
        let mut stream = self.stream.as_ref().unwrap();
        match stream.read_to_end(&mut self.heard) {
            Err(error) if error.kind() != ErrorKind::WouldBlock => panic!("{error}"),
            _ => {}
        }
        let lines = self
            .heard
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty());
        lines
            .map(|line| serde_json::from_slice(line).unwrap())
            .collect()
    }
}

impl Wires for Client {
    const NAME: &str = "sim";
    const ONE_ORDER: bool = true;
    const DEBOUNCES: bool = false;
    type Board = SimBoard;

    fn at_rest() -> Self {
        let levels = INPUTS.map(|(name, _)| (name.to_owned(), name == A));
        let levels = levels.into_iter().collect();
        let names = wires::config("kind = \"cdev\"", "gpiochip0").gate.inputs;
        Self {
            dir: TempDir::new().unwrap(),
            names,
            stream: None,
            levels,
            heard: Vec::new(),
        }
    }

    fn open(&mut self) -> SimBoard {
        let socket = self.dir.path().join("board.sock");
        let gate = wires::config("kind = \"cdev\"", "gpiochip0").gate;
        let board = SimBoard::listen(&socket, &gate).unwrap();
        let stream = UnixStream::connect(&socket).unwrap();
        stream.set_nonblocking(true).unwrap();
        self.stream = Some(stream);
        let levels = self
            .levels
            .iter()
            .map(|(name, level)| self.level(name, *level));
        let boot = What::Boot(BOOT.parse().unwrap());
        let first: Vec<What> = [boot].into_iter().chain(levels).collect();
        self.send(first);
        board
    }

    fn set(&mut self, input: &str, on: bool) {
        let level = self.level(input, on);
        self.send([level]);
    }

    /// A kernel's queue that runs over drops the oldest.
    fn flood(&mut self, input: &str, edges: u32) {
        let input = wires::ix(&self.names, input);
        let lost = What::Lost {
            input,
            edges: edges - TOLD,
        };
        let told = (edges - TOLD..edges).map(|edge| What::Level {
            input,
            level: edge % 2 == 0,
        });
        let all: Vec<What> = [lost].into_iter().chain(told).collect();
        self.send(all);
    }

    /// An output of which nothing was said is at its safe level.
    fn output(&mut self, output: usize) -> bool {
        let (name, _, safe) = OUTPUTS[output];
        let answers = self.answers();
        let last = answers.iter().rfind(|answer| answer["output"] == name);
        last.map_or(safe, |answer| answer["level"] == 1)
    }

    fn pass_time(&mut self) {
        self.send([What::Tick]);
    }

    fn heard(&mut self, boot: &BootId, durable: BoardTime) -> bool {
        let wanted = serde_json::json!({ "durable_us": durable.0, "boot": boot.as_str() });
        self.answers().contains(&wanted)
    }
}
