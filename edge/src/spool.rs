//! The unit's crash-safe log: an event is on disk before it is sent, and stays until the hub has it.
//!
//! # Format
//! The data directory holds `lock`, `log/` and `closed/LOG/`. A log is a row of segments named by
//! the sequence of their first entry (`00000000000000000001.seg`). A segment is a row of records
//! (see [`record`]): a header (log id, first sequence, chain before it, boot), then in any order
//! events and gaps, boot marks, the core's checkpoint (`state`: opaque here, the last one counts)
//! and the ack position (the last one counts). Sequences begin at 1 and run on over boots; the
//! number of an entry is its place, the chain is computed from the lines. Each new segment begins
//! with the checkpoint and the ack position, so that any older one can go.
//!
//! # Rules
//! - **Commit**: entries and checkpoint of one commit are appended and synced together. Only what is
//!   synced is read for sending. The caller commits the first event at once and then at most every
//!   so often.
//! - **Recovery**: the last segment is read whole, cut off at its first unsound record and synced. In
//!   an older segment everything from an unsound record to the next segment's first sequence is a hole,
//!   and so is a segment without a sound header; a hole is read as a gap. A log whose last header is
//!   gone has no end to go on from: it is put aside, and a new log begins.
//! - **Room** (`max_bytes`): the oldest segments whose entries are all confirmed go first. Then, from
//!   the oldest segment on, readings and heartbeats are replaced by gaps that keep the stretches they
//!   had proved; then everything else is. Segments of nothing but gaps are merged. A gap keeps the
//!   chain after its last event, so the chain never breaks.
//! - **Full disk**: a failed write loses nothing yet. Confirmed segments are given up; else entries
//!   wait in memory, at most [`MAX_PENDING`] bytes of them, and beyond that become gaps in the same
//!   order. The next commit tries again.
//! - **Ack**: the chain is compared before anything counts as confirmed. A lower ack is obeyed; what
//!   is gone by then is read as a gap `acked`. An ack that contradicts the log is a fork: the log is
//!   put aside as it is and a new one begins, into which nothing is carried over but what was not yet
//!   written, and the checkpoint.
//!
//! # Limits
//! A line has at most 32 KiB, a segment may exceed its size by one commit's last entry and the
//! checkpoint. A batch is read from one segment's place on without reading what is before it; after
//! a rewind one segment is read from its beginning.

pub mod fs;
mod reader;
pub mod record;
mod recovery;
mod room;
pub mod segment;
pub mod survey;

use std::io;

use gatepost_model::{
    BootId, Chain, Event, LogId, Micros,
    wire::{Ack, MAX_LINE_BYTES},
};

use crate::config::SpoolRoom;
use fs::Fs;
pub use reader::Chunk;
use reader::Cursor;
use record::{FORMAT, Header, Record};
use recovery::{Disk, Found, Segment, recover, segment_name};
use segment::{Entry, What};

/// The most bytes of entries that wait in memory while the disk takes none.
pub const MAX_PENDING: usize = 4 * 1024 * 1024;

/// The spool of one unit.
#[derive(Debug)]
pub struct Spool<F: Fs> {
    fs: F,
    room: SpoolRoom,
    log: LogId,
    segments: Vec<Segment>,
    /// The last segment, if it can be appended to.
    active: Option<F::File>,
    /// The boot that the last segment's records have named last.
    written_boot: Option<BootId>,
    /// The last sequence that is on disk.
    durable: u64,
    /// Chain and time at `durable`.
    durable_chain: Chain,
    durable_mono: Micros,
    /// Entries that are not on disk yet, in order.
    pending: Vec<Entry>,
    pending_bytes: usize,
    /// Chain after the last pending entry.
    chain: Chain,
    next: u64,
    acked: (u64, Chain),
    acked_written: (u64, Chain),
    state: Vec<u8>,
    cursor: Option<Cursor>,
    /// Ends of chunks that were read lately, with their chains.
    ends: std::collections::VecDeque<(u64, Chain)>,
    lost: u64,
}

/// What was found when a spool opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    /// The core's checkpoint; empty for a new log.
    pub state: Vec<u8>,
    /// Boot and time of the last event, if there is one.
    pub last_event: Option<(BootId, Micros)>,
    /// Bytes of a torn tail that were cut off.
    pub torn: u64,
    /// A log without an end was put aside.
    pub damaged: bool,
}

/// What an ack did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Acked {
    /// More is confirmed than before, or the same.
    Through(u64),
    /// Less than before: the hub was restored.
    Lowered(u64),
}

/// Why an ack was not taken.
#[derive(Debug, thiserror::Error)]
pub enum AckError {
    /// It is about another log.
    #[error("an ack for log {0}")]
    OtherLog(LogId),
    /// The hub's log is not this one, although it has its name.
    #[error("the hub's log differs from this one at {through}")]
    Fork {
        /// The last sequence that the hub says it has.
        through: u64,
    },
    /// The log could not be read.
    #[error("the log cannot be read")]
    Io(#[source] io::Error),
}

impl<F: Fs> Spool<F> {
    /// Opens the log in a data directory, or makes one with the id that `new_id` gives.
    pub fn open(
        fs: F,
        room: SpoolRoom,
        new_id: impl FnOnce() -> LogId,
    ) -> io::Result<(Self, Opened)> {
        let disk = recover(&fs)?;
        let damaged = matches!(disk, Disk::Damaged);
        if damaged {
            fs.set_aside("damaged")?;
        }
        let Disk::Log(found) = disk else {
            let mut spool = Self::empty(fs, room, new_id());
            spool.roll()?;
            let opened = Opened {
                state: Vec::new(),
                last_event: None,
                torn: 0,
                damaged,
            };
            return Ok((spool, opened));
        };
        let Found {
            log,
            segments,
            end,
            state,
            acked,
            torn,
        } = *found;
        let mut spool = Self::empty(fs, room, log);
        if let Some(segment) = segments.last() {
            let mut file = spool.fs.open(&segment.name())?;
            // What a killed agent appended may not be on disk yet, and is counted on from here.
            spool.fs.sync(&mut file)?;
            spool.active = Some(file);
        }
        spool.segments = segments;
        spool.written_boot = end.boot.clone();
        spool.durable = end.seq - 1;
        spool.durable_chain = end.chain;
        spool.durable_mono = end.mono;
        spool.chain = end.chain;
        spool.next = end.seq;
        spool.acked = acked;
        spool.acked_written = acked;
        spool.state = state;
        let opened = Opened {
            state: spool.state.clone(),
            last_event: end.boot.map(|boot| (boot, end.mono)),
            torn,
            damaged,
        };
        Ok((spool, opened))
    }

    fn empty(fs: F, room: SpoolRoom, log: LogId) -> Self {
        Self {
            fs,
            room,
            log,
            segments: Vec::new(),
            active: None,
            written_boot: None,
            durable: 0,
            durable_chain: Chain::START,
            durable_mono: 0,
            pending: Vec::new(),
            pending_bytes: 0,
            chain: Chain::START,
            next: 1,
            acked: (0, Chain::START),
            acked_written: (0, Chain::START),
            state: Vec::new(),
            cursor: None,
            ends: std::collections::VecDeque::new(),
            lost: 0,
        }
    }

    /// The log's id.
    pub fn log(&self) -> &LogId {
        &self.log
    }

    /// The last sequence that is on disk; 0 for none.
    pub fn last(&self) -> u64 {
        self.durable
    }

    /// When that was, in its boot's time.
    pub fn last_mono(&self) -> Micros {
        self.durable_mono
    }

    /// The last sequence that the hub has confirmed; 0 for none.
    pub fn acked(&self) -> u64 {
        self.acked.0
    }

    /// How many sequences the hub has not confirmed.
    pub fn waiting(&self) -> u64 {
        self.next - 1 - self.acked.0
    }

    /// Whether a commit has something to write, the checkpoint aside.
    pub fn is_pending(&self) -> bool {
        !self.pending.is_empty()
    }

    /// The checkpoint that is on disk.
    pub fn state(&self) -> &[u8] {
        &self.state
    }

    /// Events that were lost since the spool was opened because there was no room for them.
    pub fn lost(&self) -> u64 {
        self.lost
    }

    /// Free bytes on the disk, if that is known.
    pub fn free(&self) -> Option<u64> {
        self.fs.free()
    }

    /// Numbers and chains an event; it is on disk after the next commit. Returns its sequence, or
    /// none if its line is too long to be sent ever.
    pub fn push(&mut self, boot: &BootId, event: &Event) -> Option<u64> {
        let line = event.to_line().into_bytes();
        if line.len() > MAX_LINE_BYTES {
            return None;
        }
        let seq = self.next;
        self.chain = self.chain.then(&line);
        let entry = Entry {
            seq,
            boot: Some(boot.clone()),
            chain: self.chain,
            what: What::Event {
                class: event.happening.class(),
                mono: event.mono_us,
                line,
            },
        };
        self.next += 1;
        self.pending_bytes += entry.bytes();
        self.pending.push(entry);
        Some(seq)
    }

    /// Writes and syncs everything pending, with the checkpoint that goes with it. After an error
    /// everything is still pending, or has become a gap if it was too much to keep in memory.
    pub fn commit(&mut self, state: &[u8]) -> io::Result<()> {
        let written = self.write_all(state);
        if written.is_err() {
            self.bound_pending();
        }
        written
    }

    fn write_all(&mut self, state: &[u8]) -> io::Result<()> {
        loop {
            let state_is_new = state != self.state;
            if self.pending.is_empty() && !state_is_new && self.acked == self.acked_written {
                return Ok(());
            }
            self.ensure_active()?;
            let active_bytes = self.segments.last().map_or(0, |segment| segment.bytes);
            let mut buffer = Vec::new();
            let mut boot = self.written_boot.clone();
            let mut taken = 0;
            for entry in &self.pending {
                if active_bytes + buffer.len() as u64 >= self.room.segment_bytes {
                    break;
                }
                entry.write(&mut boot, &mut buffer);
                taken += 1;
            }
            let complete = taken == self.pending.len();
            if complete && state_is_new {
                Record::State(state).write(&mut buffer);
            }
            if complete && self.acked != self.acked_written {
                let (through, chain) = self.acked;
                Record::Acked { through, chain }.write(&mut buffer);
            }
            self.make_room(buffer.len() as u64);
            self.append(&buffer)?;
            self.written_boot = boot;
            self.settle(taken);
            if complete {
                self.acked_written = self.acked;
                if state_is_new {
                    self.state = state.to_vec();
                }
            }
        }
    }

    /// The first `taken` pending entries are on disk.
    fn settle(&mut self, taken: usize) {
        for entry in self.pending.drain(..taken) {
            self.pending_bytes = self.pending_bytes.saturating_sub(entry.bytes());
            self.durable = entry.last();
            self.durable_chain = entry.chain;
            self.durable_mono = entry.span().1;
        }
    }

    /// There is a last segment with room in it.
    fn ensure_active(&mut self) -> io::Result<()> {
        let full = self
            .segments
            .last()
            .is_none_or(|segment| segment.bytes >= self.room.segment_bytes);
        if self.active.is_none() || full {
            self.roll()?;
        }
        Ok(())
    }

    /// Begins a new segment with the checkpoint and the ack position.
    fn roll(&mut self) -> io::Result<()> {
        let header = Header {
            format: FORMAT,
            log: self.log.clone(),
            first: self.durable + 1,
            chain: self.durable_chain,
            boot: self.written_boot.clone(),
            mono_us: self.durable_mono,
            through: None,
        };
        let mut content = Vec::new();
        Record::Header(header.clone()).write(&mut content);
        Record::State(&self.state).write(&mut content);
        let (through, chain) = self.acked;
        Record::Acked { through, chain }.write(&mut content);
        self.make_room(content.len() as u64);
        let name = segment_name(header.first);
        loop {
            match self.fs.replace(&name, &content) {
                Ok(()) => break,
                Err(error) if fs::is_full(&error) && self.drop_confirmed() => {}
                Err(error) => return Err(error),
            }
        }
        self.active = Some(self.fs.open(&name)?);
        if self
            .segments
            .last()
            .is_some_and(|last| last.first == header.first)
        {
            self.segments.pop();
        }
        self.segments
            .push(Segment::new(&header, content.len() as u64));
        self.cursor = None;
        Ok(())
    }

    fn append(&mut self, buffer: &[u8]) -> io::Result<()> {
        loop {
            let (Some(file), Some(segment)) = (&mut self.active, self.segments.last_mut()) else {
                return Err(io::Error::other("no segment to append to"));
            };
            match self.fs.append(file, buffer) {
                Ok(()) => {}
                Err(error) => {
                    if self.fs.truncate(file, segment.bytes).is_err() {
                        self.active = None;
                    }
                    if fs::is_full(&error) && self.active.is_some() && self.drop_confirmed() {
                        continue;
                    }
                    return Err(error);
                }
            }
            // After a failed sync nobody knows what of the file is on disk: it is not gone on with.
            if let Err(error) = self.fs.sync(file) {
                self.active = None;
                return Err(error);
            }
            segment.bytes += buffer.len() as u64;
            return Ok(());
        }
    }

    /// Takes the hub's word.
    pub fn ack(&mut self, ack: &Ack) -> Result<Acked, AckError> {
        if ack.log != self.log {
            return Err(AckError::OtherLog(ack.log.clone()));
        }
        let through = ack.through;
        if through > self.durable {
            return Err(AckError::Fork { through });
        }
        let own = self.chain_at(through).map_err(AckError::Io)?;
        if own.is_some_and(|own| own != ack.chain) {
            return Err(AckError::Fork { through });
        }
        let lowered = through < self.acked.0;
        self.acked = (through, ack.chain);
        Ok(if lowered {
            Acked::Lowered(through)
        } else {
            Acked::Through(through)
        })
    }

    /// Puts the log aside as it is and begins a new one. What is not on disk yet goes into the new
    /// log, and so does the checkpoint.
    pub fn begin_new_log(&mut self, id: LogId) -> io::Result<()> {
        self.fs.set_aside(self.log.as_str())?;
        self.log = id;
        self.segments.clear();
        self.active = None;
        self.written_boot = None;
        self.durable = 0;
        self.durable_chain = Chain::START;
        self.durable_mono = 0;
        self.chain = Chain::START;
        self.next = 1;
        self.acked = (0, Chain::START);
        self.acked_written = self.acked;
        self.cursor = None;
        self.ends.clear();
        for entry in &mut self.pending {
            entry.seq = self.next;
            self.next += entry.n();
            if let What::Event { line, .. } = &entry.what {
                entry.chain = self.chain.then(line);
            }
            self.chain = entry.chain;
        }
        self.roll()
    }
}

#[cfg(test)]
mod tests;
