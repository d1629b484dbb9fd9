//! What a spool finds on disk when it opens.

use std::io;

use gatepost_model::{BootId, Chain, LogId, Micros};

use super::{
    fs::Fs,
    record::{self, Header, Read, Record},
    segment::{Place, Step, Walk},
};

/// More than any header takes.
const HEADER_BYTES: u64 = 4096;

/// A segment as the spool knows it without reading it.
#[derive(Debug, Clone)]
pub(super) struct Segment {
    /// The sequence of its first entry; also its name.
    pub(super) first: u64,
    /// The chain before it.
    pub(super) chain: Chain,
    /// The boot that ran when it began.
    pub(super) boot: Option<BootId>,
    /// Monotonic time of the last event before it.
    pub(super) mono: Micros,
    /// Its sound bytes.
    pub(super) bytes: u64,
    /// What was already taken out of it to make room.
    pub(super) shed: Shed,
}

/// What was taken out of a segment to make room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Shed {
    /// Nothing, as far as is known.
    Nothing,
    /// Readings and heartbeats.
    Telemetry,
    /// Everything: it holds gaps only.
    All,
}

/// A log that was found.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) log: LogId,
    pub(super) segments: Vec<Segment>,
    pub(super) end: Place,
    pub(super) state: Vec<u8>,
    pub(super) acked: (u64, Chain),
    /// Bytes after the last sound record, which were cut off.
    pub(super) torn: u64,
}

/// What is on disk.
#[derive(Debug)]
pub(super) enum Disk {
    /// No log yet.
    Empty,
    /// A log that can be gone on with.
    Log(Box<Found>),
    /// Files, but no end that could be gone on from.
    Damaged,
}

pub(super) fn segment_name(first: u64) -> String {
    format!("{first:020}.seg")
}

pub(super) fn segment_first(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(".seg")?;
    (digits.len() == 20).then(|| digits.parse().ok())?
}

/// Reads what is there and cuts a torn tail off. Older segments are read by their headers only:
/// damage inside them is met, and told as a gap, when they are sent.
pub(super) fn recover<F: Fs>(fs: &F) -> io::Result<Disk> {
    let mut files: Vec<(u64, u64)> = fs
        .list()?
        .into_iter()
        .filter_map(|(name, bytes)| Some((segment_first(&name)?, bytes)))
        .collect();
    files.sort_unstable();
    let Some(&(last_first, last_bytes)) = files.last() else {
        return Ok(Disk::Empty);
    };
    let Some(header) = read_header(fs, last_first)? else {
        return Ok(Disk::Damaged);
    };
    let log = header.log.clone();
    let name = segment_name(last_first);
    let bytes = fs.read(&name, 0, last_bytes)?;
    let Some(mut walk) = Walk::of_segment(&bytes) else {
        return Ok(Disk::Damaged);
    };
    let mut state = Vec::new();
    let mut acked = (0, Chain::START);
    loop {
        match walk.step() {
            Step::Entry(_) => {}
            Step::State(found) => state = found.to_vec(),
            Step::Acked(through, chain) => acked = (through, chain),
            Step::End | Step::Bad => break,
        }
    }
    let end = walk.place;
    let sound = end.offset as u64;
    let torn = (bytes.len() as u64).saturating_sub(sound);
    if torn > 0 {
        let mut file = fs.open(&name)?;
        fs.truncate(&mut file, sound)?;
    }
    let mut segments = older(fs, &log, &files[..files.len() - 1])?;
    segments.push(Segment::new(&header, sound));
    acked.0 = acked.0.min(end.seq - 1);
    Ok(Disk::Log(Box::new(Found {
        log,
        segments,
        end,
        state,
        acked,
        torn,
    })))
}

/// The segments before the last one. One whose header is broken, or of another log, is left out: a
/// hole. One whose entries all lie in the segment before it is what a merge left behind.
fn older<F: Fs>(fs: &F, log: &LogId, files: &[(u64, u64)]) -> io::Result<Vec<Segment>> {
    let mut segments = Vec::new();
    let mut covered = 0;
    for &(first, bytes) in files {
        if first <= covered {
            fs.remove(&segment_name(first))?;
            continue;
        }
        let Some(header) = read_header(fs, first)?.filter(|header| header.log == *log) else {
            continue;
        };
        covered = header.through.unwrap_or(0);
        segments.push(Segment::new(&header, bytes));
    }
    Ok(segments)
}

pub(super) fn read_header<F: Fs>(fs: &F, first: u64) -> io::Result<Option<Header>> {
    let bytes = fs.read(&segment_name(first), 0, HEADER_BYTES)?;
    Ok(match record::read(&bytes) {
        Read::Record(Record::Header(header), _) if header.first == first => Some(header),
        _ => None,
    })
}

impl Segment {
    pub(super) fn new(header: &Header, bytes: u64) -> Self {
        Self {
            first: header.first,
            chain: header.chain,
            boot: header.boot.clone(),
            mono: header.mono_us,
            bytes,
            shed: Shed::Nothing,
        }
    }

    pub(super) fn name(&self) -> String {
        segment_name(self.first)
    }
}
