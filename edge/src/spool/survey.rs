//! Looking at a log without changing it: `spool show` and `spool verify`, also beside a running
//! agent.

use std::io;

use gatepost_model::{
    Chain, LogId,
    event::{Class, GapCause},
};
use serde::Serialize;

use super::{
    fs::Fs,
    recovery::{read_header, segment_first, segment_name},
    segment::{Step, Walk, What},
};

/// What there is in a log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Survey {
    /// The log; none if there is no sound segment.
    pub log: Option<LogId>,
    /// The first sequence on disk; 0 for none.
    pub first: u64,
    /// The last one.
    pub last: u64,
    /// The last one that the hub has confirmed, as far as it is written down.
    pub acked: u64,
    /// How many the hub has not confirmed.
    pub waiting: u64,
    /// The chain after `last`.
    pub chain: Chain,
    /// How many segments there are.
    pub segments: usize,
    /// Their bytes.
    pub bytes: u64,
    /// Events on disk.
    pub events: u64,
    /// What stands for events that are gone.
    pub gaps: Vec<GapSeen>,
    /// What is damaged, in words; empty for a sound log.
    pub damage: Vec<String>,
}

/// A gap of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GapSeen {
    /// Its first sequence.
    pub seq: u64,
    /// How many sequences it stands for.
    pub n: u64,
    /// Why they are gone.
    pub cause: GapCause,
    /// What may have been among them.
    pub class: Class,
}

/// Reads every record of every segment. A record that is being written at the end is no damage.
pub fn survey<F: Fs>(fs: &F) -> io::Result<Survey> {
    let mut files: Vec<(u64, u64)> = fs
        .list()?
        .into_iter()
        .filter_map(|(name, bytes)| Some((segment_first(&name)?, bytes)))
        .collect();
    files.sort_unstable();
    let mut survey = Survey {
        log: None,
        first: 0,
        last: 0,
        acked: 0,
        waiting: 0,
        chain: Chain::START,
        segments: files.len(),
        bytes: files.iter().map(|(_, bytes)| bytes).sum(),
        events: 0,
        gaps: Vec::new(),
        damage: Vec::new(),
    };
    for (index, &(first, size)) in files.iter().enumerate() {
        let next = files.get(index + 1).map(|(first, _)| *first);
        survey.segment(fs, first, size, next)?;
    }
    survey.waiting = survey.last.saturating_sub(survey.acked);
    Ok(survey)
}

impl Survey {
    /// Whether nothing is damaged and nothing was lost.
    pub fn is_sound(&self) -> bool {
        self.damage.is_empty() && self.gaps.iter().all(|gap| gap.cause == GapCause::Acked)
    }

    fn segment<F: Fs>(
        &mut self,
        fs: &F,
        first: u64,
        size: u64,
        next: Option<u64>,
    ) -> io::Result<()> {
        let name = segment_name(first);
        let Some(header) = read_header(fs, first)? else {
            self.damage.push(format!("{name}: no sound header"));
            return Ok(());
        };
        if self.log.as_ref().is_some_and(|log| *log != header.log) {
            self.damage
                .push(format!("{name}: of another log, {}", header.log));
            return Ok(());
        }
        if self.log.is_none() {
            self.first = first;
        } else if first != self.last + 1 {
            let last = self.last;
            self.damage
                .push(format!("{name}: begins with {first} after {last}"));
        } else if header.chain != self.chain {
            self.damage.push(format!(
                "{name}: its chain does not go on from the segment before"
            ));
        }
        self.log = Some(header.log);
        self.chain = header.chain;
        self.last = first - 1;
        let bytes = fs.read(&name, 0, size)?;
        let Some(mut walk) = Walk::of_segment(&bytes) else {
            return Ok(());
        };
        let limit = next.map_or(u64::MAX, |next| next - 1);
        loop {
            let offset = walk.place.offset;
            match walk.step() {
                Step::Entry(entry) if entry.seq <= limit => {
                    self.last = entry.last();
                    self.chain = entry.chain;
                    match &entry.what {
                        What::Event { .. } => self.events += 1,
                        What::Gap(gap) => self.gaps.push(GapSeen {
                            seq: entry.seq,
                            n: gap.n,
                            cause: gap.cause,
                            class: gap.class,
                        }),
                    }
                }
                Step::Acked(through, _) => self.acked = through,
                Step::State(_) => {}
                Step::Bad if next.is_some() && self.last < limit => {
                    self.damage
                        .push(format!("{name}: no sound record at byte {offset}"));
                    break;
                }
                Step::Entry(_) | Step::Bad | Step::End => break,
            }
        }
        Ok(())
    }
}
