//! A chunk of the spool as a batch for the wire: its header says whose it is, where it joins the log,
//! and how its events are placed in time.

use gatepost_model::{
    LogId, UnitId,
    wire::{self, Header, Sent, VERSION},
};

use crate::{
    core::{Core, boots::HeaderTime},
    spool::Chunk,
};

/// A batch that is ready to go.
#[derive(Debug)]
pub struct Batch {
    /// Its bytes.
    pub payload: Vec<u8>,
    /// The last sequence that it stands for.
    pub through: u64,
    /// The hub has nothing to place its events by: neither does the batch tell the time, nor did
    /// they happen in the boot that runs. Better to wait a little for the hub's first word.
    pub is_timeless: bool,
}

/// Makes the batch; none before the board has said which boot runs.
pub fn batch(unit: &UnitId, log: &LogId, chunk: &Chunk, core: &Core) -> Option<Batch> {
    let boot = core.boot()?;
    let (first, last) = chunk.span;
    let time = core.boots().header_time(&chunk.boot, first, last);
    let (anchor, bounds) = match time {
        HeaderTime::Anchor(anchor) => (Some(anchor), None),
        HeaderTime::Bounds(bounds) => (None, Some(bounds)),
        HeaderTime::Unknown => (None, None),
    };
    let header = Header {
        v: VERSION,
        unit: unit.clone(),
        log: log.clone(),
        first: chunk.first,
        count: chunk.through - chunk.first + 1,
        chain: chunk.chain,
        boot: chunk.boot.clone(),
        anchor,
        bounds,
        sent: Sent {
            boot: boot.clone(),
            mono_us: core.now().0,
            wall: core.wall_now(),
            clock: core.clock(),
        },
    };
    Some(Batch {
        payload: wire::encode(&header, chunk.lines.iter().map(Vec::as_slice)),
        through: chunk.through,
        is_timeless: time == HeaderTime::Unknown && chunk.boot != *boot,
    })
}
