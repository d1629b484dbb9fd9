//! Logs as units keep them, and chance, for tests of the core.

use bytes::Bytes;
use gatepost_model::{
    Chain, Micros, Site, Wall,
    event::{Class, Gap, GapCause},
    time::Clock,
    wire::{Header, Sent, encode},
};
use serde_json::{Value, json};

use super::input::{Batch, Input};
use crate::ingest::decode::{Message, decode};

/// A moment.
pub(crate) fn wall(text: &str) -> Wall {
    Wall::parse(text).unwrap()
}

/// A site `s` in Shanghai with one lane of people.
pub(crate) fn site() -> Site {
    toml::from_str(
        r#"
        id = "s"
        time_zone = "Asia/Shanghai"
        plan_from = "2026-11-20"
        name = { zh = "一号", en = "One" }

        [[lane]]
        id = "people"
        kind = "people"
        "#,
    )
    .unwrap()
}

/// A unit's log: lines, how many sequences each stands for, and the chain after each.
#[derive(Debug, Clone)]
pub(crate) struct Log {
    pub(crate) unit: String,
    pub(crate) id: String,
    pub(crate) lines: Vec<(String, u64)>,
    pub(crate) chains: Vec<Chain>,
}

impl Log {
    pub(crate) fn new(unit: &str, id: &str) -> Self {
        Self {
            unit: unit.to_owned(),
            id: id.to_owned(),
            lines: Vec::new(),
            chains: vec![Chain::START],
        }
    }

    /// One more line, whatever it says.
    pub(crate) fn push(&mut self, line: impl Into<String>) {
        let line = line.into();
        self.chains.push(self.chain().then(line.as_bytes()));
        self.lines.push((line, 1));
    }

    /// One more event of a kind.
    pub(crate) fn event(&mut self, mono_us: Micros, kind: &str, fields: Value) {
        let mut event = json!({ "mono_us": mono_us, "kind": kind });
        let Value::Object(fields) = fields else {
            panic!("fields are an object");
        };
        event.as_object_mut().unwrap().extend(fields);
        self.push(event.to_string());
    }

    /// One more passage in.
    pub(crate) fn passage(&mut self, mono_us: Micros) {
        let fields = json!({ "lane": "people", "dir": "in", "duration_ms": 400 });
        self.event(mono_us, "passage", fields);
    }

    /// In place of the lines from `at` on, a gap.
    pub(crate) fn shed(&mut self, at: usize, from: Micros, to: Micros) {
        let n = self.lines[at..].iter().map(|(_, n)| n).sum();
        let chain = self.chain();
        let gap = Gap {
            n,
            cause: GapCause::Shed,
            class: Class::Record,
            from_mono_us: from,
            to_mono_us: to,
            watched: Vec::new(),
            chain,
        };
        self.lines.truncate(at);
        self.chains.truncate(at + 1);
        self.lines.push((gap.to_line(), n));
        self.chains.push(chain);
    }

    /// The chain after the last line.
    pub(crate) fn chain(&self) -> Chain {
        *self.chains.last().unwrap()
    }

    /// The last sequence before the line at an index.
    pub(crate) fn before(&self, at: usize) -> u64 {
        self.lines[..at].iter().map(|(_, n)| n).sum()
    }

    /// The header of the lines in a range of indexes: boot `b1`, sent in it after ten minutes.
    pub(crate) fn header(&self, lines: std::ops::Range<usize>) -> Header {
        let first = self.before(lines.start) + 1;
        Header {
            v: 1,
            unit: self.unit.parse().unwrap(),
            log: self.id.parse().unwrap(),
            first,
            count: self.before(lines.end) + 1 - first,
            chain: self.chains[lines.start],
            boot: "b1".parse().unwrap(),
            anchor: None,
            bounds: None,
            sent: Sent {
                boot: "b1".parse().unwrap(),
                mono_us: 600_000_000,
                wall: None,
                clock: Clock::Unset,
            },
        }
    }

    /// A batch of lines in a range of indexes.
    pub(crate) fn batch(&self, lines: std::ops::Range<usize>, received: Wall) -> Batch {
        let header = self.header(lines.clone());
        self.batch_with(&header, lines, received)
    }

    /// A batch with a header of its own.
    pub(crate) fn batch_with(
        &self,
        header: &Header,
        lines: std::ops::Range<usize>,
        received: Wall,
    ) -> Batch {
        match self.input_with(header, lines, received) {
            Input::Batch(batch) => *batch,
            other => panic!("{other:?}"),
        }
    }

    /// Likewise, as what the core is told.
    pub(crate) fn input(&self, lines: std::ops::Range<usize>, received: Wall) -> Input {
        self.input_with(&self.header(lines.clone()), lines, received)
    }

    /// Likewise, with a header of its own.
    pub(crate) fn input_with(
        &self,
        header: &Header,
        lines: std::ops::Range<usize>,
        received: Wall,
    ) -> Input {
        let lines = self.lines[lines].iter().map(|(line, _)| line.as_bytes());
        decode(Message {
            topic: Bytes::from(format!("gatepost/v1/s/{}/events", self.unit)),
            payload: Bytes::from(encode(header, lines)),
            retained: false,
            received,
        })
    }
}

/// Numbers that are the same for the same seed (splitmix64).
#[derive(Debug, Clone)]
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    /// One of `0..n`.
    pub(crate) fn below(&mut self, n: i64) -> i64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        i64::try_from((z ^ (z >> 31)) % u64::try_from(n.max(1)).unwrap()).unwrap()
    }

    pub(crate) fn within(&mut self, from: i64, to: i64) -> i64 {
        from + self.below(to - from)
    }

    pub(crate) fn is_one_in(&mut self, n: i64) -> bool {
        self.below(n) == 0
    }
}
