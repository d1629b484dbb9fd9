//! The entries of a segment: walking over them, and making room among them.

use gatepost_model::{
    BootId, Chain, Happening, Micros,
    event::{Class, Event, Gap, GapCause},
};

use super::record::{self, Read, Record};

/// The most stretches that a gap proves watched; with more the shortest are given up.
const MAX_WATCHED: usize = 256;

/// An event or a gap of a log, with its place in it.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Its sequence; of a gap the first one.
    pub seq: u64,
    /// The boot in which it happened. None only before the first boot of a log.
    pub boot: Option<BootId>,
    /// The chain after it.
    pub chain: Chain,
    /// What it is.
    pub what: What,
}

/// What stands for one or more sequences.
#[derive(Debug, Clone, PartialEq)]
pub enum What {
    /// One event.
    Event {
        /// What goes first when room is needed.
        class: Class,
        /// Its monotonic time.
        mono: Micros,
        /// Its line.
        line: Vec<u8>,
    },
    /// Events that are gone.
    Gap(Gap),
}

impl Entry {
    /// How many sequences it stands for.
    pub fn n(&self) -> u64 {
        match &self.what {
            What::Event { .. } => 1,
            What::Gap(gap) => gap.n,
        }
    }

    /// The last sequence that it stands for.
    pub fn last(&self) -> u64 {
        self.seq.saturating_add(self.n() - 1)
    }

    /// Monotonic times of its first and last moment.
    pub fn span(&self) -> (Micros, Micros) {
        match &self.what {
            What::Event { mono, .. } => (*mono, *mono),
            What::Gap(gap) => (gap.from_mono_us, gap.to_mono_us),
        }
    }

    /// The line that goes onto the wire.
    pub fn line(&self) -> Vec<u8> {
        match &self.what {
            What::Event { line, .. } => line.clone(),
            What::Gap(gap) => gap.to_line().into_bytes(),
        }
    }

    /// Its size on disk, about.
    pub fn bytes(&self) -> usize {
        match &self.what {
            What::Event { line, .. } => line.len() + 17,
            What::Gap(gap) => 220 + gap.watched.len() * 36,
        }
    }

    /// Appends its record, and before it the boot's if that is another than `boot`.
    pub fn write(&self, boot: &mut Option<BootId>, out: &mut Vec<u8>) {
        if let Some(own) = &self.boot
            && Some(own) != boot.as_ref()
        {
            Record::Boot(own.clone()).write(out);
            *boot = Some(own.clone());
        }
        match &self.what {
            What::Event { class, mono, line } => Record::Event {
                class: *class,
                mono: *mono,
                line,
            }
            .write(out),
            What::Gap(gap) => Record::Gap(gap.clone()).write(out),
        }
    }
}

/// Where a walk stands: before the next entry.
#[derive(Debug, Clone, PartialEq)]
pub struct Place {
    /// The sequence of the next entry.
    pub seq: u64,
    /// The chain before it.
    pub chain: Chain,
    /// The boot in which it happened.
    pub boot: Option<BootId>,
    /// Monotonic time of the entry before.
    pub mono: Micros,
    /// Bytes from the beginning of the segment.
    pub offset: usize,
}

/// One step of a walk.
#[derive(Debug)]
pub enum Step<'a> {
    /// An entry.
    Entry(Entry),
    /// The core's checkpoint.
    State(&'a [u8]),
    /// What the hub has confirmed.
    Acked(u64, Chain),
    /// Nothing more.
    End,
    /// No sound record: nothing can be read from here on.
    Bad,
}

/// Walks over a segment's records.
#[derive(Debug)]
pub struct Walk<'a> {
    rest: &'a [u8],
    /// Where it stands.
    pub place: Place,
}

impl<'a> Walk<'a> {
    /// From the first record after the header of a segment's bytes.
    pub fn of_segment(bytes: &'a [u8]) -> Option<Self> {
        let Read::Record(Record::Header(header), size) = record::read(bytes) else {
            return None;
        };
        let place = Place {
            seq: header.first,
            chain: header.chain,
            boot: header.boot,
            mono: header.mono_us,
            offset: size,
        };
        Some(Self::from_place(&bytes[size..], place))
    }

    /// From a place on; `rest` are the segment's bytes from there.
    pub fn from_place(rest: &'a [u8], place: Place) -> Self {
        Self { rest, place }
    }

    /// Goes one record on.
    pub fn step(&mut self) -> Step<'a> {
        loop {
            let (record, size) = match record::read(self.rest) {
                Read::Record(record, size) => (record, size),
                Read::End => return Step::End,
                Read::Bad => return Step::Bad,
            };
            let step = match record {
                // A second header is no sound segment.
                Record::Header(_) => return Step::Bad,
                Record::Boot(boot) => {
                    self.place.boot = Some(boot);
                    self.place.mono = 0;
                    None
                }
                Record::State(state) => Some(Step::State(state)),
                Record::Acked { through, chain } => Some(Step::Acked(through, chain)),
                Record::Event { class, mono, line } => {
                    let chain = self.place.chain.then(line);
                    let line = line.to_vec();
                    Some(self.entry(What::Event { class, mono, line }, chain))
                }
                Record::Gap(gap) => {
                    let chain = gap.chain;
                    Some(self.entry(What::Gap(gap), chain))
                }
            };
            self.rest = &self.rest[size..];
            self.place.offset += size;
            if let Some(step) = step {
                return step;
            }
        }
    }

    fn entry(&mut self, what: What, chain: Chain) -> Step<'a> {
        let entry = Entry {
            seq: self.place.seq,
            boot: self.place.boot.clone(),
            chain,
            what,
        };
        self.place.seq = entry.last().saturating_add(1);
        self.place.chain = chain;
        self.place.mono = self.place.mono.max(entry.span().1);
        Step::Entry(entry)
    }
}

/// Replaces events by gaps: all of a class that is to go, or everything. Neighbouring gaps of one
/// boot become one. What is not above `acked` was confirmed and is no loss.
pub fn shed(entries: Vec<Entry>, only_telemetry: bool, acked: u64) -> Vec<Entry> {
    let mut kept: Vec<Entry> = Vec::new();
    for mut entry in entries {
        if let What::Event { class, mono, line } = &entry.what
            && (*class == Class::Telemetry || !only_telemetry)
        {
            entry.what = What::Gap(Gap {
                n: 1,
                cause: if entry.seq <= acked {
                    GapCause::Acked
                } else {
                    GapCause::Shed
                },
                class: *class,
                from_mono_us: *mono,
                to_mono_us: *mono,
                watched: watched(line).into_iter().collect(),
                chain: entry.chain,
            });
        }
        match kept.last_mut() {
            Some(last) if joins(last, &entry) => join(last, entry),
            _ => kept.push(entry),
        }
    }
    kept
}

/// The stretch that a heartbeat proves.
fn watched(line: &[u8]) -> Option<(Micros, Micros)> {
    let event = Event::from_line(line).ok()?;
    match event.happening {
        Happening::Heartbeat(heartbeat) => Some((heartbeat.watched_from_mono_us, event.mono_us)),
        _ => None,
    }
}

fn joins(a: &Entry, b: &Entry) -> bool {
    match (&a.what, &b.what) {
        (What::Gap(left), What::Gap(right)) => a.boot == b.boot && left.cause == right.cause,
        _ => false,
    }
}

fn join(into: &mut Entry, next: Entry) {
    if let (What::Gap(gap), What::Gap(more)) = (&mut into.what, next.what) {
        gap.n += more.n;
        gap.class = gap.class.max(more.class);
        gap.from_mono_us = gap.from_mono_us.min(more.from_mono_us);
        gap.to_mono_us = gap.to_mono_us.max(more.to_mono_us);
        gap.chain = more.chain;
        gap.watched.extend(more.watched);
        join_stretches(&mut gap.watched);
        into.chain = next.chain;
    }
}

fn join_stretches(stretches: &mut Vec<(Micros, Micros)>) {
    stretches.sort_unstable();
    let mut joined: Vec<(Micros, Micros)> = Vec::with_capacity(stretches.len());
    for &(from, to) in stretches.iter() {
        match joined.last_mut() {
            Some(last) if from <= last.1 => last.1 = last.1.max(to),
            _ => joined.push((from, to)),
        }
    }
    while joined.len() > MAX_WATCHED {
        let shortest = (0..joined.len()).min_by_key(|&i| joined[i].1 - joined[i].0);
        joined.remove(shortest.unwrap_or(0));
    }
    *stretches = joined;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(lines: &[&str]) -> Vec<Entry> {
        let mut chain = Chain::START;
        lines
            .iter()
            .zip(1..)
            .map(|(line, seq)| {
                chain = chain.then(line.as_bytes());
                let event = Event::from_line(line.as_bytes()).unwrap();
                Entry {
                    seq,
                    boot: Some("b".parse().unwrap()),
                    chain,
                    what: What::Event {
                        class: event.happening.class(),
                        mono: event.mono_us,
                        line: line.as_bytes().to_vec(),
                    },
                }
            })
            .collect()
    }

    const BEAT_1: &str =
        r#"{"mono_us":60,"kind":"heartbeat","watched_from_mono_us":0,"clock":"unset"}"#;
    const BEAT_2: &str =
        r#"{"mono_us":120,"kind":"heartbeat","watched_from_mono_us":60,"clock":"unset"}"#;
    const PASSAGE: &str =
        r#"{"mono_us":130,"kind":"passage","lane":"l","dir":"in","duration_ms":1}"#;
    const BEAT_3: &str =
        r#"{"mono_us":180,"kind":"heartbeat","watched_from_mono_us":120,"clock":"unset"}"#;

    fn gap(entry: &Entry) -> &Gap {
        match &entry.what {
            What::Gap(gap) => gap,
            What::Event { .. } => panic!("{entry:?}"),
        }
    }

    #[test]
    fn telemetry_goes_first_and_its_watch_stays() {
        let all = entries(&[BEAT_1, BEAT_2, PASSAGE, BEAT_3]);
        let kept = shed(all.clone(), true, 0);
        assert_eq!(kept.len(), 3);
        assert_eq!(kept[1], all[2]);
        let first = gap(&kept[0]);
        assert_eq!(
            (first.n, first.class, first.cause),
            (2, Class::Telemetry, GapCause::Shed)
        );
        assert_eq!(first.watched, [(0, 120)]);
        assert_eq!(first.chain, all[1].chain);

        let all_gone = shed(kept, false, 0);
        assert_eq!(all_gone.len(), 1);
        let gone = gap(&all_gone[0]);
        assert_eq!((gone.n, gone.class), (4, Class::Record));
        assert_eq!((gone.from_mono_us, gone.to_mono_us), (60, 180));
        assert_eq!(gone.watched, [(0, 180)]);
        assert_eq!(gone.chain, all[3].chain);
    }

    #[test]
    fn what_was_confirmed_is_no_loss() {
        let kept = shed(entries(&[BEAT_1, BEAT_2, PASSAGE, BEAT_3]), false, 2);
        let causes: Vec<_> = kept
            .iter()
            .map(|entry| (gap(entry).n, gap(entry).cause))
            .collect();
        assert_eq!(causes, [(2, GapCause::Acked), (2, GapCause::Shed)]);
    }

    #[test]
    fn gaps_of_two_boots_stay_two() {
        let mut all = entries(&[BEAT_1, BEAT_2]);
        all[1].boot = Some("c".parse().unwrap());
        assert_eq!(shed(all, false, 0).len(), 2);
    }

    #[test]
    fn stretches_are_bounded() {
        let mut stretches: Vec<_> = (0..1000).map(|i| (i * 10, i * 10 + 5 + i % 3)).collect();
        join_stretches(&mut stretches);
        assert_eq!(stretches.len(), MAX_WATCHED);
    }
}
