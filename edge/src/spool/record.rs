//! One record of a segment as bytes: `length u32 | crc32 u32 | kind u8 | payload`, little endian.
//! The checksum goes over length, kind and payload, so that neither zeros nor a torn write pass.

use gatepost_model::{
    BootId, Chain, LogId, Micros,
    event::{Class, Gap},
};
use serde::{Deserialize, Serialize};

/// The version of the segments' format.
pub const FORMAT: u32 = 1;

/// The most bytes of one payload.
pub const MAX_PAYLOAD: usize = 4 * 1024 * 1024;

const HEAD: usize = 9;

/// The first record of each segment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// [`FORMAT`].
    pub format: u32,
    /// The log that the segment belongs to.
    pub log: LogId,
    /// The sequence of its first entry.
    pub first: u64,
    /// The chain before it.
    pub chain: Chain,
    /// The boot that ran when it began.
    pub boot: Option<BootId>,
    /// Monotonic time of the last event before it.
    pub mono_us: Micros,
    /// The last sequence of a segment that was written anew as a whole.
    pub through: Option<u64>,
}

/// What a record says.
#[derive(Debug, Clone, PartialEq)]
pub enum Record<'a> {
    /// How the segment joins the one before.
    Header(Header),
    /// The core's checkpoint; the last one counts.
    State(&'a [u8]),
    /// What the hub has confirmed; the last one counts.
    Acked {
        /// The last confirmed sequence.
        through: u64,
        /// The chain after it.
        chain: Chain,
    },
    /// Entries from here on happened in this boot.
    Boot(BootId),
    /// One event.
    Event {
        /// What goes first when room is needed.
        class: Class,
        /// Its monotonic time.
        mono: Micros,
        /// Its line, as it goes onto the wire.
        line: &'a [u8],
    },
    /// Events that are gone.
    Gap(Gap),
}

/// What stands at a place in a segment.
#[derive(Debug, PartialEq)]
pub enum Read<'a> {
    /// A record, and how many bytes it takes.
    Record(Record<'a>, usize),
    /// Nothing more.
    End,
    /// No sound record.
    Bad,
}

impl Record<'_> {
    /// Appends the record's bytes.
    pub fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Header(header) => frame(b'H', &[&json(header)], out),
            Self::State(state) => frame(b'S', &[state], out),
            Self::Acked { through, chain } => {
                let chain = chain.to_bits().to_le_bytes();
                frame(b'A', &[&through.to_le_bytes(), &chain], out);
            }
            Self::Boot(boot) => frame(b'B', &[boot.as_str().as_bytes()], out),
            Self::Event { class, mono, line } => {
                let kind = match class {
                    Class::Record => b'E',
                    Class::Telemetry => b'T',
                };
                frame(kind, &[&mono.to_le_bytes(), line], out);
            }
            Self::Gap(gap) => frame(b'G', &[gap.to_line().as_bytes()], out),
        }
    }
}

/// Reads the record at the beginning of `bytes`.
pub fn read(bytes: &[u8]) -> Read<'_> {
    if bytes.is_empty() {
        return Read::End;
    }
    let parsed = split(bytes).and_then(|(kind, payload)| {
        let record = parse(kind, payload)?;
        Some(Read::Record(record, HEAD + payload.len()))
    });
    parsed.unwrap_or(Read::Bad)
}

fn split(bytes: &[u8]) -> Option<(u8, &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    let (crc, rest) = rest.split_first_chunk::<4>()?;
    let (kind, rest) = rest.split_first()?;
    let size = usize::try_from(u32::from_le_bytes(*length)).ok()?;
    if size > MAX_PAYLOAD {
        return None;
    }
    let payload = rest.get(..size)?;
    (checksum(*length, *kind, &[payload]) == u32::from_le_bytes(*crc)).then_some((*kind, payload))
}

fn parse(kind: u8, payload: &[u8]) -> Option<Record<'_>> {
    match kind {
        b'H' => {
            let header: Header = serde_json::from_slice(payload).ok()?;
            (header.format == FORMAT && header.first >= 1).then_some(Record::Header(header))
        }
        b'S' => Some(Record::State(payload)),
        b'A' => {
            let (through, rest) = payload.split_first_chunk::<8>()?;
            let (chain, rest) = rest.split_first_chunk::<8>()?;
            rest.is_empty().then_some(Record::Acked {
                through: u64::from_le_bytes(*through),
                chain: Chain::from_bits(u64::from_le_bytes(*chain)),
            })
        }
        b'B' => {
            let boot = std::str::from_utf8(payload).ok()?.parse().ok()?;
            Some(Record::Boot(boot))
        }
        b'E' | b'T' => {
            let (mono, line) = payload.split_first_chunk::<8>()?;
            Some(Record::Event {
                class: if kind == b'E' {
                    Class::Record
                } else {
                    Class::Telemetry
                },
                mono: u64::from_le_bytes(*mono),
                line,
            })
        }
        b'G' => {
            let gap: Gap = serde_json::from_slice(payload).ok()?;
            (gap.n >= 1).then_some(Record::Gap(gap))
        }
        _ => None,
    }
}

fn frame(kind: u8, parts: &[&[u8]], out: &mut Vec<u8>) {
    let size: usize = parts.iter().map(|part| part.len()).sum();
    let length = u32::try_from(size).unwrap_or(u32::MAX).to_le_bytes();
    out.extend_from_slice(&length);
    out.extend_from_slice(&checksum(length, kind, parts).to_le_bytes());
    out.push(kind);
    for part in parts {
        out.extend_from_slice(part);
    }
}

fn checksum(length: [u8; 4], kind: u8, parts: &[&[u8]]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&length);
    hasher.update(&[kind]);
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize()
}

fn json(header: &Header) -> Vec<u8> {
    // Ids and numbers always serialise.
    serde_json::to_vec(header).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use gatepost_model::event::GapCause;
    use proptest::prelude::*;

    use super::*;

    fn all() -> Vec<Record<'static>> {
        vec![
            Record::Header(Header {
                format: FORMAT,
                log: "9f2c".parse().unwrap(),
                first: 7,
                chain: Chain::from_bits(5),
                boot: Some("6f1c".parse().unwrap()),
                mono_us: 12,
                through: None,
            }),
            Record::State(b"{}"),
            Record::Acked {
                through: 6,
                chain: Chain::from_bits(9),
            },
            Record::Boot("6f1d".parse().unwrap()),
            Record::Event {
                class: Class::Record,
                mono: 77,
                line: b"{\"kind\":\"passage\"}",
            },
            Record::Event {
                class: Class::Telemetry,
                mono: 78,
                line: b"",
            },
            Record::Gap(Gap {
                n: 3,
                cause: GapCause::Shed,
                class: Class::Telemetry,
                from_mono_us: 1,
                to_mono_us: 2,
                watched: vec![(0, 1)],
                chain: Chain::from_bits(3),
            }),
        ]
    }

    fn bytes() -> Vec<u8> {
        let mut bytes = Vec::new();
        for record in all() {
            record.write(&mut bytes);
        }
        bytes
    }

    /// Reads as many sound records as there are.
    fn read_all(mut bytes: &[u8]) -> Vec<Record<'_>> {
        let mut found = Vec::new();
        while let Read::Record(record, size) = read(bytes) {
            found.push(record);
            bytes = &bytes[size..];
        }
        found
    }

    #[test]
    fn records_come_back_as_they_were() {
        assert_eq!(read_all(&bytes()), all());
        assert_eq!(read(b""), Read::End);
        assert_eq!(read(&[0; 64]), Read::Bad);
    }

    proptest! {
        #[test]
        fn a_torn_or_bent_record_ends_the_reading(at in 0usize..500, bit in 0u8..8, cut in any::<bool>()) {
            let mut bytes = bytes();
            let at = at % bytes.len();
            if cut {
                bytes.truncate(at);
            } else {
                bytes[at] ^= 1 << bit;
            }
            let found = read_all(&bytes).len();
            prop_assert!(found < all().len());
            prop_assert_eq!(&read_all(&bytes)[..], &all()[..found]);
        }

        #[test]
        fn hostile_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = read(&bytes);
        }
    }
}
