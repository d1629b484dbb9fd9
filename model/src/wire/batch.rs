use serde::{Deserialize, Serialize};

use super::{Anchor, Bounds, Chain, MAX_BATCH_BYTES, MAX_BATCH_LINES, VERSION};
use crate::{
    event::{Form, Line, LineError, to_json},
    id::{BootId, LogId, UnitId},
    time::{Clock, MAX_MICROS, Micros, Wall},
};

/// Line 1 of a batch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Header {
    /// The version of the wire.
    pub v: u64,
    /// The unit that sends.
    pub unit: UnitId,
    /// Its log.
    pub log: LogId,
    /// The sequence of the first line.
    pub first: u64,
    /// How many sequences the lines stand for; a gap stands for several.
    pub count: u64,
    /// The chain before `first`.
    pub chain: Chain,
    /// The boot in which all of them happened.
    pub boot: BootId,
    /// Where that boot touches the wall, if it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub anchor: Option<Anchor>,
    /// Otherwise, between which times they happened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bounds: Option<Bounds>,
    /// The moment of sending.
    pub sent: Sent,
}

/// The moment of sending.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sent {
    /// The boot in which it is sent; later than the events' boot after a restart.
    pub boot: BootId,
    /// Monotonic time of that boot.
    pub mono_us: Micros,
    /// The unit's wall clock, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wall: Option<Wall>,
    /// What the unit knows of it.
    pub clock: Clock,
}

/// The fields of a header that mean the same in every version.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Stable {
    /// The version of the wire.
    pub v: u64,
    /// The unit that sends.
    pub unit: UnitId,
    /// Its log.
    pub log: LogId,
    /// The sequence of the first line.
    pub first: u64,
    /// How many sequences the lines stand for.
    pub count: u64,
}

/// A batch that could be read as a whole; single lines may be broken all the same.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch<'a> {
    /// Line 1.
    pub header: Header,
    /// The other lines, in order, without holes.
    pub lines: Vec<BatchLine<'a>>,
}

/// One line of a batch with its place in the log.
#[derive(Debug, Clone, PartialEq)]
pub struct BatchLine<'a> {
    /// Its sequence; of a gap the first one.
    pub seq: u64,
    /// How many sequences it stands for.
    pub n: u64,
    /// Its bytes as they came, without the line end.
    pub bytes: &'a [u8],
    /// The chain after it.
    pub chain: Chain,
    /// What it says.
    pub content: Content,
}

impl BatchLine<'_> {
    /// The last sequence that it stands for.
    pub fn last(&self) -> u64 {
        self.seq + self.n - 1
    }
}

/// What a line says.
#[derive(Debug, Clone, PartialEq)]
pub enum Content {
    /// An event, or a gap, and how it is written.
    Line(Line, Form),
    /// No event: to be set aside alone.
    Broken(LineError),
}

/// Why a batch fails as a whole: it is kept in quarantine and never acknowledged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BatchError {
    /// More than 64 KiB.
    #[error("{0} bytes, at most {MAX_BATCH_BYTES} are allowed")]
    TooLarge(usize),
    /// The first line is no header.
    #[error("the header cannot be read: {0}")]
    Header(String),
    /// A version that this hub does not know. The unit's spool waits for the hub's update.
    #[error("version {} is not known here, only {VERSION}", .0.v)]
    Version(Stable),
    /// More than 500 lines.
    #[error("{0} lines, at most {MAX_BATCH_LINES} are allowed")]
    TooManyLines(usize),
    /// The lines do not stand for what the header says.
    #[error("the header says {said} sequences, the lines stand for {found}")]
    Count {
        /// By the header.
        said: u64,
        /// By the lines.
        found: u64,
    },
    /// The header names another unit than the topic.
    #[error("the header names `{header}`, the topic `{topic}`")]
    Unit {
        /// By the header.
        header: UnitId,
        /// By the topic.
        topic: UnitId,
    },
}

impl BatchError {
    /// A stable code for the quarantine.
    pub fn code(&self) -> &'static str {
        match self {
            Self::TooLarge(_) => "too_large",
            Self::Header(_) => "bad_header",
            Self::Version(_) => "unknown_version",
            Self::TooManyLines(_) => "too_many_lines",
            Self::Count { .. } => "wrong_count",
            Self::Unit { .. } => "wrong_unit",
        }
    }
}

/// Reads a batch that came on the topic of `topic_unit`.
pub fn decode<'a>(topic_unit: &UnitId, payload: &'a [u8]) -> Result<Batch<'a>, BatchError> {
    if payload.len() > MAX_BATCH_BYTES {
        return Err(BatchError::TooLarge(payload.len()));
    }
    let payload = payload.strip_suffix(b"\n").unwrap_or(payload);
    let mut parts = payload.split(|byte| *byte == b'\n');
    let first_line = parts.next().unwrap_or_default();
    let header = read_header(first_line)?;
    if header.unit != *topic_unit {
        return Err(BatchError::Unit {
            header: header.unit,
            topic: topic_unit.clone(),
        });
    }
    let lines: Vec<&[u8]> = parts.collect();
    if lines.len() > MAX_BATCH_LINES {
        return Err(BatchError::TooManyLines(lines.len()));
    }
    let mut seq = header.first;
    let mut chain = header.chain;
    let mut read = Vec::with_capacity(lines.len());
    for bytes in lines {
        let content = match Line::with_form(bytes) {
            Ok((line, form)) => Content::Line(line, form),
            Err(error) => Content::Broken(error),
        };
        let n;
        (n, chain) = match &content {
            Content::Line(Line::Gap(gap), _) => (gap.n, gap.chain),
            _ => (1, chain.then(bytes)),
        };
        read.push(BatchLine {
            seq,
            n,
            bytes,
            chain,
            content,
        });
        seq = seq.saturating_add(n);
    }
    let found = seq - header.first;
    if found != header.count {
        return Err(BatchError::Count {
            said: header.count,
            found,
        });
    }
    Ok(Batch {
        header,
        lines: read,
    })
}

fn read_header(line: &[u8]) -> Result<Header, BatchError> {
    let no = |error: serde_json::Error| BatchError::Header(error.to_string());
    let stable: Stable = serde_json::from_slice(line).map_err(no)?;
    let in_range = stable.first >= 1
        && stable.count >= 1
        && stable
            .first
            .checked_add(stable.count)
            .is_some_and(|end| end <= MAX_MICROS);
    if !in_range {
        let (first, count) = (stable.first, stable.count);
        return Err(BatchError::Header(format!(
            "`first` {first} and `count` {count} are no sequences"
        )));
    }
    if stable.v != VERSION {
        return Err(BatchError::Version(stable));
    }
    let header: Header = serde_json::from_slice(line).map_err(no)?;
    let impossible = header.sent.mono_us > MAX_MICROS
        || header
            .anchor
            .is_some_and(|anchor| anchor.mono_us > MAX_MICROS)
        || header
            .bounds
            .is_some_and(|bounds| bounds.after > bounds.before);
    if impossible {
        return Err(BatchError::Header("its times are out of range".to_owned()));
    }
    Ok(header)
}

/// A batch's bytes: the header, then the lines as they are.
pub fn encode<'a>(header: &Header, lines: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut bytes = to_json(header).into_bytes();
    for line in lines {
        bytes.push(b'\n');
        bytes.extend_from_slice(line);
    }
    bytes
}

/// Says how many lines still fit into a batch.
#[derive(Debug, Clone, Copy)]
pub struct Packer {
    bytes: usize,
    lines: usize,
}

/// Room left for the header: its ids are at most 32 and 64 bytes long, its numbers at most 16.
const HEADER_ROOM: usize = 1024;

impl Default for Packer {
    fn default() -> Self {
        Self {
            bytes: HEADER_ROOM,
            lines: 0,
        }
    }
}

impl Packer {
    /// Takes a line of `len` bytes, or says that the batch is full.
    pub fn take(&mut self, len: usize) -> bool {
        let bytes = self.bytes + len + 1;
        if bytes > MAX_BATCH_BYTES || self.lines == MAX_BATCH_LINES {
            return false;
        }
        self.bytes = bytes;
        self.lines += 1;
        true
    }
}
