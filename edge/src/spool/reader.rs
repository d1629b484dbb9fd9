//! Reading the log from a sequence on, holes and what is gone included.

use std::io;

use gatepost_model::{
    BootId, Chain, Micros,
    event::{Class, Gap, GapCause},
    wire::Packer,
};

use super::{
    Spool,
    fs::Fs,
    segment::{Entry, Place, Step, Walk, What},
};

/// Chunk ends that are remembered: more than are ever under way.
const MAX_ENDS: usize = 64;

/// Lines of one boot for one batch, in order, without holes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk {
    /// The sequence of the first line.
    pub first: u64,
    /// The last sequence that the lines stand for.
    pub through: u64,
    /// The chain before `first`.
    pub chain: Chain,
    /// The chain after `through`.
    pub chain_after: Chain,
    /// The boot in which all of it happened.
    pub boot: BootId,
    /// Monotonic times of its first and last moment.
    pub span: (Micros, Micros),
    /// The lines, without line ends.
    pub lines: Vec<Vec<u8>>,
}

/// Where the last reading stopped.
#[derive(Debug)]
pub(super) struct Cursor {
    segment: u64,
    place: Place,
}

impl<F: Fs> Spool<F> {
    /// As much as one batch holds, from a sequence on. None beyond what is on disk.
    pub fn read(&mut self, from: u64) -> io::Result<Option<Chunk>> {
        let mut packer = Packer::default();
        let mut chunk: Option<Chunk> = None;
        self.visit(from.max(1), |before, entry| {
            let Some(boot) = &entry.boot else {
                return true;
            };
            let (start, end) = entry.span();
            match &mut chunk {
                None => {
                    let line = entry.line();
                    packer.take(line.len());
                    chunk = Some(Chunk {
                        first: entry.seq,
                        through: entry.last(),
                        chain: before,
                        chain_after: entry.chain,
                        boot: boot.clone(),
                        span: (start, end),
                        lines: vec![line],
                    });
                    true
                }
                Some(chunk) => {
                    let line = entry.line();
                    if chunk.boot != *boot || !packer.take(line.len()) {
                        return false;
                    }
                    chunk.through = entry.last();
                    chunk.chain_after = entry.chain;
                    chunk.span = (chunk.span.0.min(start), chunk.span.1.max(end));
                    chunk.lines.push(line);
                    true
                }
            }
        })?;
        if let Some(chunk) = &chunk {
            if self.ends.len() == MAX_ENDS {
                self.ends.pop_front();
            }
            self.ends.push_back((chunk.through, chunk.chain_after));
        }
        Ok(chunk)
    }

    /// The chain after a sequence; none if it is gone or inside a gap.
    pub(super) fn chain_at(&mut self, through: u64) -> io::Result<Option<Chain>> {
        if through == 0 {
            return Ok(Some(Chain::START));
        }
        if through == self.durable {
            return Ok(Some(self.durable_chain));
        }
        if let Some((_, chain)) = self.ends.iter().find(|(end, _)| *end == through) {
            return Ok(Some(*chain));
        }
        let mut segments = self.segments.iter();
        if let Some(next) = segments.find(|segment| segment.first == through + 1) {
            return Ok(Some(next.chain));
        }
        if self
            .segments
            .first()
            .is_none_or(|oldest| oldest.first > through)
        {
            return Ok(None);
        }
        let mut found = None;
        self.visit(through, |_, entry| {
            found = (entry.last() == through).then_some(entry.chain);
            false
        })?;
        Ok(found)
    }

    /// Entries of one segment, holes included.
    pub(super) fn entries_of(&mut self, index: usize) -> io::Result<Vec<Entry>> {
        let first = self.segments[index].first;
        let end = self.end_of(index);
        let mut entries = Vec::new();
        self.visit(first, |_, entry| {
            let inside = entry.seq <= end;
            if inside {
                entries.push(entry);
            }
            inside
        })?;
        Ok(entries)
    }

    /// The last sequence of a segment.
    fn end_of(&self, index: usize) -> u64 {
        self.segments
            .get(index + 1)
            .map_or(self.durable, |next| next.first - 1)
    }

    /// Shows entries from a sequence on, each with the chain before it, until `go_on` says no.
    fn visit(&mut self, from: u64, mut go_on: impl FnMut(Chain, Entry) -> bool) -> io::Result<()> {
        let mut from = from;
        let oldest = self.segments.first();
        if let Some(oldest) = oldest.filter(|oldest| oldest.first > from) {
            let gone = self.gone(from, oldest.first - 1);
            from = oldest.first;
            if !go_on(self.acked.1, gone) {
                return Ok(());
            }
        }
        let start = self
            .segments
            .partition_point(|segment| segment.first <= from);
        for index in start.saturating_sub(1)..self.segments.len() {
            let end = self.end_of(index);
            let segment = &self.segments[index];
            let cursor = self
                .cursor
                .take()
                .filter(|cursor| cursor.segment == segment.first && cursor.place.seq <= from);
            let offset = cursor.as_ref().map_or(0, |cursor| cursor.place.offset);
            let bytes = self.fs.read(
                &segment.name(),
                offset as u64,
                segment.bytes - offset as u64,
            )?;
            let walk = match cursor {
                Some(cursor) => Some(Walk::from_place(&bytes, cursor.place)),
                None => Walk::of_segment(&bytes),
            };
            let mut reached = (
                segment.first,
                segment.chain,
                segment.boot.clone(),
                segment.mono,
            );
            if let Some(mut walk) = walk {
                loop {
                    let place = walk.place.clone();
                    let entry = match walk.step() {
                        Step::Entry(entry) if entry.seq <= end => entry,
                        Step::Entry(_) | Step::End | Step::Bad => {
                            reached = (place.seq, place.chain, place.boot, place.mono);
                            break;
                        }
                        Step::State(_) | Step::Acked(..) => continue,
                    };
                    if entry.last() < from {
                        continue;
                    }
                    let (before, entry) = self.cut(place.chain, entry, from);
                    if !go_on(before, entry) {
                        let segment = self.segments[index].first;
                        self.cursor = Some(Cursor { segment, place });
                        return Ok(());
                    }
                }
            }
            let (seq, chain, boot, mono) = reached;
            if seq <= end {
                let Some(hole) = self.hole(index, seq.max(from), end, boot, mono) else {
                    return Ok(());
                };
                if !go_on(chain, hole) {
                    return Ok(());
                }
            }
            from = from.max(end + 1);
        }
        Ok(())
    }

    /// What of an entry is not before `from`: a gap may have to be cut.
    fn cut(&self, before: Chain, mut entry: Entry, from: u64) -> (Chain, Entry) {
        if entry.seq >= from {
            return (before, entry);
        }
        if let What::Gap(gap) = &mut entry.what {
            gap.n -= from - entry.seq;
            entry.seq = from;
        }
        (self.acked.1, entry)
    }

    /// Confirmed segments that were removed.
    fn gone(&self, from: u64, to: u64) -> Entry {
        let oldest = self.segments.first();
        let (chain, mono) = oldest.map_or((Chain::START, 0), |oldest| (oldest.chain, oldest.mono));
        let boot = oldest.and_then(|oldest| oldest.boot.clone());
        lost_entry(from, to, GapCause::Acked, (0, mono), boot, chain)
    }

    /// What cannot be read between the last sound record of a segment and the next one.
    fn hole(
        &self,
        index: usize,
        from: u64,
        to: u64,
        boot: Option<BootId>,
        mono: Micros,
    ) -> Option<Entry> {
        let Some(next) = self.segments.get(index + 1) else {
            tracing::error!(from, to, "the end of the spool cannot be read any more");
            return None;
        };
        let cause = if to <= self.acked.0 {
            GapCause::Acked
        } else {
            GapCause::Shed
        };
        let same_boot = boot.is_none() || boot == next.boot;
        let until = if same_boot { next.mono.max(mono) } else { mono };
        let boot = boot.or_else(|| next.boot.clone());
        Some(lost_entry(from, to, cause, (mono, until), boot, next.chain))
    }
}

fn lost_entry(
    from: u64,
    to: u64,
    cause: GapCause,
    (from_mono_us, to_mono_us): (Micros, Micros),
    boot: Option<BootId>,
    chain: Chain,
) -> Entry {
    Entry {
        seq: from,
        boot,
        chain,
        what: What::Gap(Gap {
            n: to - from + 1,
            cause,
            class: Class::Record,
            from_mono_us,
            to_mono_us,
            watched: Vec::new(),
            chain,
        }),
    }
}
