//! A slice of what is over into blocks: pure, on a thread of its own, so that commits go on meanwhile.

use std::{collections::BTreeMap, sync::Arc, thread};

use super::{
    block::{self, Block, seal},
    kin::Kin,
    point::{Point, SeriesId},
};

/// What is packed at once: whole hours, or a part of one.
pub(super) type Slice = Vec<Part>;

/// Families of an hour.
#[derive(Debug, Clone)]
pub(super) struct Part {
    pub(super) hour: i64,
    pub(super) families: Vec<Family>,
    /// Nothing else of the hour is left.
    pub(super) is_last: bool,
}

/// A family that is to be packed.
#[derive(Debug, Clone)]
pub(super) struct Family {
    pub(super) id: SeriesId,
    /// Its block, if it has one.
    pub(super) before: Option<Vec<u8>>,
    pub(super) open: Arc<Kin>,
}

/// A part in blocks.
#[derive(Debug)]
pub(super) struct Packed {
    pub(super) hour: i64,
    /// Blocks by their keys.
    pub(super) blocks: Vec<(i64, Vec<u8>)>,
    /// Blocks that were there and are damaged.
    pub(super) damaged: Vec<(i64, Vec<u8>)>,
    /// The last number of each series among what was open.
    pub(super) through: BTreeMap<SeriesId, u64>,
    /// How many readings were open.
    pub(super) open: usize,
    /// All families below this one are sealed with it.
    pub(super) below: SeriesId,
    pub(super) is_last: bool,
}

impl Part {
    /// Packs it.
    pub(super) fn pack(self) -> Packed {
        let mut packed = Packed {
            hour: self.hour,
            blocks: Vec::new(),
            damaged: Vec::new(),
            through: BTreeMap::new(),
            open: 0,
            below: 0,
            is_last: self.is_last,
        };
        for family in self.families {
            packed.family(family);
        }
        packed
    }
}

impl Packed {
    fn family(&mut self, family: Family) {
        let key = block::key(self.hour, family.id);
        let mut members: BTreeMap<SeriesId, Vec<Point>> = BTreeMap::new();
        if let Some(before) = family.before {
            match Block::open(key, &before).and_then(|block| block.points()) {
                Ok(points) => members.extend(points),
                // It is set aside as it is.
                Err(_) => self.damaged.push((key, before)),
            }
        }
        for (series, point) in family.open.iter() {
            members.entry(*series).or_default().push(*point);
            let through = self.through.entry(*series).or_default();
            *through = point.seq.max(*through);
        }
        self.open += family.open.len();
        let mut members: Vec<(SeriesId, Vec<Point>)> = members.into_iter().collect();
        for (_, points) in &mut members {
            points.sort_unstable_by_key(|point| (point.time, point.seq));
        }
        self.blocks.push((key, seal(key, &members)));
        self.below = family.id + 1;
    }
}

/// A slice that is being packed, or is.
#[derive(Debug)]
pub(super) enum Packing {
    Beside(thread::JoinHandle<Vec<Packed>>),
    Done(Vec<Packed>),
}

impl Packing {
    /// Begins to pack a slice beside.
    pub(super) fn begin(slice: Slice) -> Self {
        let beside = slice.clone();
        let thread = thread::Builder::new().name("packing".to_owned());
        match thread.spawn(move || beside.into_iter().map(Part::pack).collect()) {
            Ok(thread) => Self::Beside(thread),
            // A machine that has no thread left still has this one.
            Err(_) => Self::here(slice),
        }
    }

    /// Packs a slice at once.
    pub(super) fn here(slice: Slice) -> Self {
        Self::Done(slice.into_iter().map(Part::pack).collect())
    }

    /// What it has come to, if it is done or somebody waits for it.
    pub(super) fn end(self, waits: bool) -> Result<Vec<Packed>, Self> {
        match self {
            Self::Done(packed) => Ok(packed),
            Self::Beside(thread) if waits || thread.is_finished() => {
                let packed = thread.join();
                Ok(packed.unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            }
            beside @ Self::Beside(_) => Err(beside),
        }
    }
}
