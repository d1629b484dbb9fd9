//! What must be in the record, kept as plainly as possible.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use gatepost_hub::store::event::{StoredEvent, TimeSource};
use gatepost_model::{
    BootId, Chain, Direction, Happening, LogId, UnitId, Wall,
    event::{Class, GapCause, Line},
};

use super::hub::Hub;

/// Time of the world: microseconds since the schedule began, as a wall clock shows them.
pub(crate) fn wall(at: u64) -> Wall {
    let start = Wall::parse("2026-11-23T07:00:00Z").expect("a time");
    start.plus_micros(i64::try_from(at).expect("schedules are short"))
}

/// A passage that a unit has confirmed.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Truth {
    pub(crate) unit: UnitId,
    pub(crate) boot: BootId,
    pub(crate) mono: u64,
    pub(crate) dir: Direction,
}

/// What a unit gave its spool.
#[derive(Debug, Clone)]
pub(crate) struct Pushed {
    pub(crate) line: String,
    pub(crate) boot: BootId,
    pub(crate) mono: u64,
    pub(crate) class: Class,
    /// No hub can read it.
    pub(crate) broken: bool,
}

/// A log as its unit wrote it.
#[derive(Debug, Default)]
struct Log {
    lines: Vec<Pushed>,
    /// So many are on disk for sure.
    durable: usize,
}

/// The oracle.
#[derive(Debug, Default)]
pub(crate) struct Oracle {
    logs: BTreeMap<(UnitId, LogId), Log>,
    boots: HashMap<BootId, u64>,
    truths: Vec<Truth>,
    /// Tails that were cut off.
    pub(crate) torn: u64,
}

/// What was found in a record.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Found {
    pub(crate) passages: u64,
    pub(crate) gaps: u64,
    pub(crate) aside: u64,
    pub(crate) estimated: u64,
    pub(crate) by_the_hubs_clock: u64,
    pub(crate) equal_times: u64,
}

/// Which losses a schedule permits.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Permits {
    /// The spool has little room.
    pub(crate) shed: bool,
    /// The hub was restored from a backup.
    pub(crate) acked: bool,
}

impl Oracle {
    /// A boot begins.
    pub(crate) fn began(&mut self, boot: BootId, at: u64) {
        self.boots.insert(boot, at);
    }

    /// A spool was opened and goes on after `last`.
    pub(crate) fn opened(&mut self, unit: &UnitId, log: &LogId, last: u64, torn: u64) {
        let log = self.log(unit, log);
        let last = last as usize;
        assert!(
            (log.durable..=log.lines.len()).contains(&last),
            "{unit} goes on after {last}, {} were on disk and {} written",
            log.durable,
            log.lines.len()
        );
        log.lines.truncate(last);
        log.durable = last;
        self.torn += u64::from(torn > 0);
    }

    /// A line got its number.
    pub(crate) fn pushed(&mut self, unit: &UnitId, log: &LogId, seq: u64, pushed: Pushed) {
        let log = self.log(unit, log);
        assert_eq!(seq, log.lines.len() as u64 + 1, "{unit} numbers with holes");
        log.lines.push(pushed);
    }

    /// Everything up to a number is on disk.
    pub(crate) fn durable(&mut self, unit: &UnitId, log: &LogId, through: u64) {
        self.log(unit, log).durable = through as usize;
    }

    /// Passages that their unit has confirmed.
    pub(crate) fn happened(&mut self, truths: impl IntoIterator<Item = Truth>) {
        self.truths.extend(truths);
    }

    fn log(&mut self, unit: &UnitId, log: &LogId) -> &mut Log {
        self.logs.entry((unit.clone(), log.clone())).or_default()
    }

    /// Where each log ends, and the chain over all its lines, whatever became of them.
    pub(crate) fn ends(&self) -> impl Iterator<Item = (&(UnitId, LogId), (u64, Chain))> {
        self.logs.iter().map(|(key, log)| {
            let lines = log.lines.iter();
            let chain = lines.fold(Chain::START, |chain, pushed| {
                chain.then(pushed.line.as_bytes())
            });
            (key, (log.lines.len() as u64, chain))
        })
    }

    /// Holds the record against everything, once all is drained.
    pub(crate) fn judge(&self, hub: &Hub, permits: Permits) -> Found {
        let mut found = Found::default();
        let mut by_log: BTreeMap<(UnitId, LogId), Vec<&StoredEvent>> = BTreeMap::new();
        for event in hub.record() {
            let log = (event.unit.clone(), event.log.clone());
            by_log.entry(log).or_default().push(event);
        }
        let mut aside: BTreeMap<(UnitId, LogId), BTreeMap<u64, &[u8]>> = BTreeMap::new();
        for set_aside in hub.aside() {
            let (Some(unit), Some((log, seq))) = (&set_aside.unit, &set_aside.place) else {
                panic!("a whole message was set aside: {}", set_aside.reason);
            };
            let lines = aside.entry((unit.clone(), log.clone())).or_default();
            let before = lines.insert(*seq, &set_aside.bytes);
            assert!(before.is_none(), "line {seq} of {log} was set aside twice");
            found.aside += 1;
        }
        assert_eq!(
            by_log.keys().collect::<Vec<_>>(),
            self.logs.keys().collect::<Vec<_>>(),
            "logs in the record and at the units"
        );
        let mut lost: BTreeSet<(BootId, u64)> = BTreeSet::new();
        for (key, log) in &self.logs {
            let nothing = BTreeMap::new();
            let aside = aside.get(key).unwrap_or(&nothing);
            self.judge_log(log, &by_log[key], aside, permits, &mut lost, &mut found);
        }
        self.judge_passages(hub, &lost, &mut found);
        found
    }

    fn judge_log(
        &self,
        log: &Log,
        record: &[&StoredEvent],
        aside: &BTreeMap<u64, &[u8]>,
        permits: Permits,
        lost: &mut BTreeSet<(BootId, u64)>,
        found: &mut Found,
    ) {
        let mut next: u64 = 1;
        let mut events = record.iter().peekable();
        let mut before: Option<(&BootId, u64)> = None;
        while next <= log.lines.len() as u64 {
            let pushed = &log.lines[next as usize - 1];
            if let Some(bytes) = aside.get(&next) {
                assert!(pushed.broken, "line {next} was set aside: {}", pushed.line);
                assert_eq!(*bytes, pushed.line.as_bytes(), "byte for byte");
                next += 1;
                continue;
            }
            let event = events
                .next()
                .unwrap_or_else(|| panic!("{next} is missing: {}", pushed.line));
            assert_eq!(event.seq, next, "in order, once, without holes");
            match &event.entry {
                Line::Event(_) => {
                    assert_eq!(&*event.line, pushed.line, "byte for byte");
                    assert_eq!(event.boot, pushed.boot);
                    self.judge_time(event, found);
                    found.equal_times += u64::from(before == Some((&pushed.boot, pushed.mono)));
                    before = Some((&pushed.boot, pushed.mono));
                    next += 1;
                }
                Line::Gap(gap) => {
                    let permitted = match gap.cause {
                        GapCause::Shed => permits.shed,
                        GapCause::Acked => permits.acked,
                    };
                    assert!(permitted, "a gap that nothing explains: {}", event.line);
                    for seq in next..next + event.n {
                        let gone = &log.lines[seq as usize - 1];
                        assert!(
                            gap.class == Class::Record || gone.class == Class::Telemetry,
                            "a gap of telemetry hides {}",
                            gone.line
                        );
                        lost.insert((gone.boot.clone(), gone.mono));
                    }
                    found.gaps += 1;
                    next += event.n;
                }
            }
        }
        let more = events.next();
        assert!(more.is_none(), "never written by the unit: {more:?}");
    }

    fn judge_time(&self, event: &StoredEvent, found: &mut Found) {
        let began = self.boots.get(&event.boot).copied().unwrap_or(0);
        let truth = wall(began + event.mono_us);
        let off_ms = event.time.micros_since(truth).abs() / 1000;
        let error_ms = i64::try_from(event.time_error_ms).expect("some days") + 2;
        let error_ms = match event.source {
            // What came late is placed by its receipt: see the link.
            TimeSource::Hub => error_ms + 4_000,
            _ => error_ms,
        };
        assert!(
            off_ms <= error_ms,
            "{off_ms} ms off, ± {error_ms} by {:?}: {}",
            event.source,
            event.line
        );
        found.estimated += u64::from(event.source == TimeSource::Estimated);
        found.by_the_hubs_clock += u64::from(event.source == TimeSource::Hub);
    }

    fn judge_passages(&self, hub: &Hub, lost: &BTreeSet<(BootId, u64)>, found: &mut Found) {
        let mut recorded: BTreeSet<Truth> = BTreeSet::new();
        let (mut into, mut out) = (0, 0);
        for event in hub.record() {
            let Some(Happening::Passage(passage)) = event.happening() else {
                continue;
            };
            match passage.dir {
                Direction::In => into += 1,
                Direction::Out => out += 1,
            }
            let is_new = recorded.insert(Truth {
                unit: event.unit.clone(),
                boot: event.boot.clone(),
                mono: event.mono_us,
                dir: passage.dir,
            });
            assert!(is_new, "twice: {}", event.line);
        }
        for truth in &self.truths {
            let is_lost = lost.contains(&(truth.boot.clone(), truth.mono));
            assert!(
                recorded.contains(truth) || is_lost,
                "confirmed, but not in the record: {truth:?}"
            );
        }
        let site = hub.core().state().sites.values().next().expect("one site");
        let counted = site.tally(None).map_or(0, |tally| tally.raw());
        assert_eq!(counted, into - out, "headcount");
        found.passages += recorded.len() as u64;
    }
}
