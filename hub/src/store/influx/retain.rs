//! Retention in InfluxDB: what a site does not keep any longer is added up by the hour in a file of the
//! hub's, as the embedded store does it, and then taken out.
//!
//! A slice is what a site has of one kind on one of its days. Sums are asked for by hours, which InfluxDB
//! makes in its storage; where one is not exact, the hour's points are added one by one. Sums and the
//! mark of what is to go become durable in one transaction ([`gone`]), then the points are taken out
//! until none is found, then the mark goes. Nothing is brought over meanwhile, and nothing is added up
//! while it is not known what of the journal is in InfluxDB, so that each event is in one of three
//! places: in the journal, in InfluxDB, or in a sum.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet, HashMap, VecDeque},
    ops::Range,
    sync::{Arc, PoisonError},
};

use gatepost_dashboard::ports::Step;
use gatepost_model::SiteId;

use super::{
    client::{Client, QueryError},
    flux::{Run, Which},
    gone::{self, Going, Part},
    read::Found,
    table,
    waiting::{Asked, Shared},
    words,
};
use crate::{
    clock::Clock,
    store::embedded::{self, Aggregate, Class, Group, Kept, Sum, Sums},
};

/// What became of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Slice {
    /// Nothing is too old, for now.
    Nothing,
    /// A slice. There may be more.
    Done,
    /// Nothing came of it; the same again later.
    Wait {
        /// Why, in words.
        why: String,
    },
}

/// Why a slice does not go on.
#[derive(Debug, thiserror::Error)]
enum RetainError {
    #[error(transparent)]
    Influx(#[from] QueryError),
    #[error("the sums cannot be written")]
    Sqlite(#[from] rusqlite::Error),
    #[error("InfluxDB has not taken out yet what it was told to")]
    Still,
}

/// Lets go what sites do not keep.
#[derive(Debug)]
pub(super) struct Retainer {
    client: Arc<Client>,
    shared: Arc<Shared>,
    sums: Sums,
    going: Option<Going>,
    asked: Option<Asked>,
    todo: VecDeque<Todo>,
    /// All of a site's class before these times is added up.
    done: HashMap<(SiteId, Class), i64>,
    /// The newest of them.
    newest: i64,
    /// Hours that are added up with one question.
    hours: usize,
}

/// What is to be looked at. Sites are those of the list that was asked for.
#[derive(Debug)]
enum Todo {
    /// A site's kinds of a class before a time.
    Kinds(usize, Class, i64),
    /// Events of a part, from a time to another one.
    Part(usize, Part, (i64, i64)),
    /// All of a class before a time was looked at.
    Looked(usize, Class, i64),
    /// Hours, and days.
    Coarsen(usize),
}

/// The kinds that have measurements of their own, or share one that has no tests in it.
const OWN: [&str; 10] = [
    "reading",
    "heartbeat",
    "screening",
    "passage",
    "unclear",
    "entry",
    "round",
    "fault",
    "cleared",
    "boot",
];

/// Answers of about so many rows are neither small nor large.
const ROWS: usize = 20_000;

const HOUR: i64 = 3_600_000_000;

impl Retainer {
    pub(super) fn new(
        client: Arc<Client>,
        shared: Arc<Shared>,
        sums: Sums,
    ) -> rusqlite::Result<Self> {
        Ok(Self {
            going: Going::load(sums.connection())?,
            client,
            shared,
            sums,
            asked: None,
            todo: VecDeque::new(),
            done: HashMap::new(),
            newest: i64::MIN,
            hours: 1,
        })
    }

    /// What is being taken out and is not known to be out.
    pub(super) fn going(&self) -> Option<&Going> {
        self.going.as_ref()
    }

    /// An event has come over: its class is to be looked at again if it is older than what was.
    pub(super) fn came(&mut self, site: &SiteId, kind: &str, time: i64) {
        if time >= self.newest {
            return;
        }
        let key = (site.clone(), Class::of_kind(kind));
        if self.done.get(&key).is_some_and(|done| time < *done) {
            self.done.remove(&key);
        }
    }

    /// Takes out what is marked.
    pub(super) fn finish(&mut self) -> Slice {
        let finished = self.take_out();
        Self::told(finished)
    }

    /// One slice of what is not kept any longer.
    pub(super) fn slice(&mut self, clock: &Clock) -> Slice {
        let slice = self.next(clock);
        Self::told(slice)
    }

    fn told(slice: Result<bool, RetainError>) -> Slice {
        match slice {
            Ok(true) => Slice::Done,
            Ok(false) => Slice::Nothing,
            Err(error) => Slice::Wait {
                why: crate::engine::chain(&error),
            },
        }
    }

    fn next(&mut self, clock: &Clock) -> Result<bool, RetainError> {
        if self.going.is_some() {
            return self.take_out();
        }
        let Some(todo) = self.todo.pop_front() else {
            return Ok(self.begin());
        };
        let Some(asked) = &self.asked else {
            return Ok(false);
        };
        match todo {
            Todo::Kinds(at, class, before) => {
                let kept = asked.sites[at].clone();
                let kinds = self.kinds(&kept, before);
                if kinds.is_err() {
                    self.todo.push_front(Todo::Kinds(at, class, before));
                }
                let others = kinds?.into_iter().map(|kind| Part {
                    kind,
                    in_other: true,
                });
                let own = OWN.into_iter().map(Part::of_kind);
                for part in own.chain(others) {
                    if Class::of_kind(&part.kind) == class {
                        let before = end_of(&part, before);
                        self.todo.push_front(Todo::Part(at, part, (0, before)));
                    }
                }
                Ok(true)
            }
            Todo::Part(at, part, (from, before)) => {
                let kept = asked.sites[at].clone();
                let through = self.part(&kept, &part, (from, before));
                match through {
                    Ok(Some(through)) if through < before => {
                        self.todo
                            .push_front(Todo::Part(at, part, (through, before)));
                    }
                    Err(_) => self.todo.push_front(Todo::Part(at, part, (from, before))),
                    Ok(_) => {}
                }
                through?;
                Ok(true)
            }
            Todo::Looked(at, class, before) => {
                let site = asked.sites[at].site.clone();
                let oldest = self.client.oldest(clock.now());
                gone::tell(self.sums.connection(), (&site, class), before, oldest)?;
                self.done.insert((site, class), before);
                self.newest = self.newest.max(before);
                Ok(true)
            }
            Todo::Coarsen(at) => {
                let (now, kept) = (asked.now, asked.sites[at].clone());
                // Nobody counts in the middle of it: it is one transaction.
                if self.sums.coarsen(now, &kept)? {
                    self.todo.push_front(Todo::Coarsen(at));
                }
                Ok(true)
            }
        }
    }

    /// Begins with what was asked for last. Answers whether there is anything.
    fn begin(&mut self) -> bool {
        self.asked = self.shared.asked();
        let Some(asked) = &self.asked else {
            return false;
        };
        if !self.client.takes_out() {
            return false;
        }
        for (at, kept) in asked.sites.iter().enumerate() {
            for class in Class::ALL {
                let raw = class.of(&kept.retention).raw;
                let Some(before) = embedded::before(asked.now, kept, raw) else {
                    continue;
                };
                let key = (kept.site.clone(), class);
                if self.done.get(&key).is_none_or(|done| *done < before) {
                    self.todo.push_back(Todo::Kinds(at, class, before));
                    self.todo.push_back(Todo::Looked(at, class, before));
                }
            }
            self.todo.push_back(Todo::Coarsen(at));
        }
        !self.todo.is_empty()
    }

    /// The kinds that a site has among the rest and the tests.
    fn kinds(&self, kept: &Kept, before: i64) -> Result<Vec<String>, QueryError> {
        let bucket = &self.client.place().bucket;
        let mut kinds = Vec::new();
        let answer = self
            .client
            .query(&Which::kinds(bucket, &kept.site, before))?;
        table::rows(&answer, |row| {
            kinds.extend(words::decode(row.need("kind")?).map(Cow::into_owned));
            Ok(())
        })?;
        Ok(kinds)
    }

    /// Adds up the first day of a part from a time on, and takes it out. Answers where that day ends;
    /// nothing if there is none.
    fn part(
        &mut self,
        kept: &Kept,
        part: &Part,
        (from, before): (i64, i64),
    ) -> Result<Option<i64>, RetainError> {
        let bucket = &self.client.place().bucket;
        let all = Which::part(bucket, &kept.site, part);
        let Some(first) = self.first(&all, from, before)? else {
            return Ok(None);
        };
        let (start, end) = kept.zone.bucket(embedded::wall(first), Step::Day);
        let times = start.micros().max(from)..end.micros().min(before);
        let hours = self.sums_of(kept, part, times.clone())?;
        let going = Going {
            site: kept.site.clone(),
            part: part.clone(),
            times: times.clone(),
        };
        {
            // Whoever counts sees the points or the sums.
            let gate = self.shared.gate.write();
            let _gate = gate.unwrap_or_else(PoisonError::into_inner);
            self.sums
                .add(&kept.site, &hours, |transaction| going.mark(transaction))?;
        }
        self.going = Some(going);
        self.take_out()?;
        Ok(Some(times.end))
    }

    /// The time of the first point.
    fn first(&self, which: &Which, from: i64, to: i64) -> Result<Option<i64>, QueryError> {
        let mut first = None;
        if from < to {
            let answer = self.client.query(&which.first(from, to))?;
            table::rows(&answer, |row| {
                first = Some(row.nanos("_time")?.div_euclid(1000));
                Ok(())
            })?;
        }
        Ok(first)
    }

    /// Takes out what is marked, looks whether it is out, and takes the mark away.
    fn take_out(&mut self) -> Result<bool, RetainError> {
        let Some(going) = &self.going else {
            return Ok(false);
        };
        let times = going.times.clone();
        self.client
            .take_out(&going.predicate(), times.start, times.end)?;
        let all = Which::part(&self.client.place().bucket, &going.site, &going.part);
        if self.first(&all, times.start, times.end)?.is_some() {
            return Err(RetainError::Still);
        }
        let gate = self.shared.gate.write();
        let _gate = gate.unwrap_or_else(PoisonError::into_inner);
        Going::unmark(self.sums.connection())?;
        self.going = None;
        Ok(true)
    }

    /// What the hours of a part come to, in a time of less than a day or two.
    fn sums_of(
        &mut self,
        kept: &Kept,
        part: &Part,
        times: Range<i64>,
    ) -> Result<Hours, QueryError> {
        let mut hours = Hours::new();
        let mut at = times.start;
        while at < times.end {
            let run = run(kept, at, times.end, self.hours);
            at = run.to;
            let rows = self.run(kept, part, &run, &mut hours)?;
            let each = (rows / run.count()).max(1);
            self.hours = (ROWS / each).clamp(1, 2 * self.hours.max(1)).min(24);
        }
        Ok(hours)
    }

    /// Adds up hours of one length. Answers how many rows that took.
    fn run(
        &self,
        kept: &Kept,
        part: &Part,
        run: &Run,
        hours: &mut Hours,
    ) -> Result<usize, QueryError> {
        let bucket = &self.client.place().bucket;
        let which = Which::counted_part(bucket, &kept.site, part);
        let asked: Vec<String> = ASKED
            .iter()
            .filter(|(_, field, _)| *field == "seq" || has_numbers(part))
            .map(|(name, field, aggregate)| which.hourly(name, field, aggregate, run))
            .collect();
        let answer = self.client.query(&asked.join("\n"))?;
        let mut parts: BTreeMap<(Group, i64), Counted> = BTreeMap::new();
        let mut rows = 0;
        table::rows(&answer, |row| {
            rows += 1;
            let start = row.nanos("_start")?.div_euclid(1000);
            let counted = parts.entry((group(part, row), start)).or_default();
            counted.take(row)
        })?;
        let mut single: BTreeMap<(Group, i64), Sum> = BTreeMap::new();
        for (key, counted) in &parts {
            if counted.found.sum().is_none() {
                single.insert(key.clone(), Sum::default());
            }
        }
        let starts: BTreeSet<i64> = single.keys().map(|(_, start)| *start).collect();
        for start in starts {
            let answer = self
                .client
                .query(&which.numbers(start, start + run.every))?;
            table::rows(&answer, |row| {
                if let Some(sum) = single.get_mut(&(group(part, row), start)) {
                    sum.add(row.number("_value")?);
                }
                Ok(())
            })?;
        }
        for ((group, start), counted) in parts {
            let (begin, end) = kept.zone.bucket(embedded::wall(start), Step::Minutes(60));
            let sum = counted.found.sum();
            let key = (group, start);
            let aggregate = Aggregate {
                count: counted.count,
                sum: sum.or_else(|| single.remove(&key)).unwrap_or_default(),
                span: counted.span,
            };
            let hour = (key.0, (begin.micros(), end.micros()));
            hours
                .entry(hour)
                .and_modify(|it| it.merge(&aggregate))
                .or_insert(aggregate);
        }
        Ok(rows)
    }
}

type Hours = BTreeMap<(Group, (i64, i64)), Aggregate>;

/// Up to when a part is added up. The embedded store keeps readings in blocks of whole hours.
fn end_of(part: &Part, before: i64) -> i64 {
    if part.kind == "reading" && !part.in_other {
        before.div_euclid(HOUR) * HOUR
    } else {
        before
    }
}

/// Whether something of its events is summed up.
fn has_numbers(part: &Part) -> bool {
    !part.in_other && matches!(&*part.kind, "reading" | "screening" | "round")
}

/// Hours of one length from a time on, as far as there are, up to a number of them.
fn run(kept: &Kept, from: i64, to: i64, most: usize) -> Run {
    let mut run = Run {
        from,
        to: from,
        every: 0,
    };
    for _ in 0..most {
        let (_, end) = kept.zone.bucket(embedded::wall(run.to), Step::Minutes(60));
        let end = end.micros().min(to);
        let length = end - run.to;
        if length <= 0 || run.every != 0 && run.every != length {
            break;
        }
        (run.to, run.every) = (end, length);
    }
    run
}

/// What an event of a row is added up by.
fn group(part: &Part, row: table::Row<'_>) -> Group {
    let word = |tag| {
        let word = row.get(tag).and_then(words::decode);
        word.map(Cow::into_owned)
    };
    Group {
        kind: part.kind.clone(),
        lane: word("lane"),
        dir: word("dir"),
        zone: word("zone"),
        sensor: word("sensor"),
        quantity: word("quantity"),
    }
}

/// Result, field, aggregate; see [`Found`] for those of numbers.
const ASKED: [(&str, &str, &str); 8] = [
    ("count", "seq", "count"),
    ("first", "seq", "first"),
    ("last", "seq", "last"),
    ("n", "value", "count"),
    ("a", "value", "min"),
    ("z", "value", "max"),
    ("d", "value_e9", "count"),
    ("s", "value_e9", "sum"),
];

/// An hour of a group under way; it may have several series.
struct Counted {
    count: u64,
    span: (i64, i64),
    found: Found,
}

impl Default for Counted {
    fn default() -> Self {
        Self {
            count: 0,
            span: (i64::MAX, i64::MIN),
            found: Found::NONE,
        }
    }
}

impl Counted {
    fn take(&mut self, row: table::Row<'_>) -> Result<(), QueryError> {
        let time = || Ok(row.nanos("_time")?.div_euclid(1000));
        match row.need("result")? {
            "count" => self.count += row.number::<u64>("_value")?,
            "first" => self.span.0 = self.span.0.min(time()?),
            "last" => self.span.1 = self.span.1.max(time()?),
            name => self.found.take(name, row)?,
        }
        Ok(())
    }
}
