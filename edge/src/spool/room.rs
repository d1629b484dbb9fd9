//! Making room: what is confirmed goes first, then telemetry, then the rest.

use std::io;

use gatepost_model::event::GapCause;

use super::{
    MAX_PENDING, Spool,
    fs::Fs,
    record::{FORMAT, Header, Record},
    recovery::Shed,
    segment::{self, Entry, What},
};

impl<F: Fs> Spool<F> {
    /// Makes room for `needed` more bytes, as far as that is possible. A step that fails ends it: the
    /// write that follows says whether the room suffices.
    pub(super) fn make_room(&mut self, needed: u64) {
        while self.total_bytes() + needed > self.room.max_bytes {
            if self.drop_confirmed() {
                continue;
            }
            let closed = self.segments.len().saturating_sub(1);
            let oldest = |shed| self.segments[..closed].iter().position(|s| s.shed < shed);
            let step = match (oldest(Shed::Telemetry), oldest(Shed::All)) {
                (Some(index), _) => self.shed_segment(index, Shed::Telemetry),
                (None, Some(index)) => self.shed_segment(index, Shed::All),
                (None, None) => return,
            };
            if let Err(error) = step {
                tracing::warn!(error = %error, "no room could be made in the spool");
                return;
            }
        }
    }

    fn total_bytes(&self) -> u64 {
        self.segments.iter().map(|segment| segment.bytes).sum()
    }

    /// Removes the oldest segment if all of it is confirmed.
    pub(super) fn drop_confirmed(&mut self) -> bool {
        let [oldest, next, ..] = &self.segments[..] else {
            return false;
        };
        if next.first > self.acked.0 + 1 {
            return false;
        }
        let name = oldest.name();
        if let Err(error) = self.fs.remove(&name) {
            tracing::warn!(error = %error, segment = name, "a confirmed segment cannot be removed");
            return false;
        }
        self.segments.remove(0);
        self.cursor = None;
        true
    }

    /// Writes a closed segment anew without what is to go, and merges it into the one before it if
    /// both hold nothing but gaps.
    fn shed_segment(&mut self, index: usize, what: Shed) -> io::Result<()> {
        let only_telemetry = what == Shed::Telemetry;
        let entries = self.entries_of(index)?;
        let before = lost(&entries);
        let mut kept = segment::shed(entries, only_telemetry, self.acked.0);
        let newly_lost = lost(&kept) - before;
        let merges = what == Shed::All && index > 0 && self.segments[index - 1].shed == Shed::All;
        let target = if merges { index - 1 } else { index };
        if merges {
            let mut both = self.entries_of(target)?;
            both.append(&mut kept);
            kept = segment::shed(both, false, self.acked.0);
        }
        self.rewrite(target, &kept)?;
        if merges {
            let emptied = self.segments.remove(index);
            self.fs.remove(&emptied.name())?;
        }
        self.segments[target].shed = what;
        self.cursor = None;
        self.lost += newly_lost;
        if newly_lost > 0 {
            tracing::error!(
                events = newly_lost,
                only_telemetry,
                "events were given up because the spool is full"
            );
        }
        Ok(())
    }

    fn rewrite(&mut self, index: usize, entries: &[Entry]) -> io::Result<()> {
        let segment = &mut self.segments[index];
        let mut content = Vec::new();
        Record::Header(Header {
            format: FORMAT,
            log: self.log.clone(),
            first: segment.first,
            chain: segment.chain,
            boot: segment.boot.clone(),
            mono_us: segment.mono,
            through: entries.last().map(Entry::last),
        })
        .write(&mut content);
        let mut boot = segment.boot.clone();
        for entry in entries {
            entry.write(&mut boot, &mut content);
        }
        self.fs.replace(&segment.name(), &content)?;
        segment.bytes = content.len() as u64;
        Ok(())
    }

    /// Keeps what waits in memory within its bound.
    pub(super) fn bound_pending(&mut self) {
        for only_telemetry in [true, false] {
            if self.pending_bytes <= MAX_PENDING {
                return;
            }
            let entries = std::mem::take(&mut self.pending);
            let before = lost(&entries);
            self.pending = segment::shed(entries, only_telemetry, self.acked.0);
            self.pending_bytes = self.pending.iter().map(Entry::bytes).sum();
            let newly_lost = lost(&self.pending) - before;
            self.lost += newly_lost;
            tracing::error!(
                events = newly_lost,
                only_telemetry,
                "events were given up because the disk takes none"
            );
        }
    }
}

/// Events that gaps tell as lost.
fn lost(entries: &[Entry]) -> u64 {
    let gaps = entries.iter().filter_map(|entry| match &entry.what {
        What::Gap(gap) if gap.cause == GapCause::Shed => Some(gap.n),
        _ => None,
    });
    gaps.sum()
}
