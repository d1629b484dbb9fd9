//! What was watched, asked by subject and time.

use std::collections::BTreeMap;

use gatepost_model::{Micros, UnitId, Wall};

use super::{Blind, BlindCause, Blinded, BootKey, Join, Subject, Watches, Watching, watches::Span};

/// What a site's units could see.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Sight {
    /// The proven stretches.
    pub watches: Watches,
    watching: BTreeMap<BootKey, BTreeMap<Micros, Watching>>,
    blinds: BTreeMap<UnitId, Blinds>,
}

/// When blind times end, by where they begin; open while they last.
type Blinds = BTreeMap<(Wall, Blinded, BlindCause), Option<Wall>>;

/// A time, half-open.
type Range = (Wall, Wall);

impl Sight {
    /// Takes over what a boot event says. The same again changes nothing.
    pub fn put_watching(&mut self, watching: Watching) {
        self.watching
            .entry(watching.boot.clone())
            .or_default()
            .insert(watching.from_mono, watching);
    }

    /// The newest word of a boot at or before a moment, else its first.
    pub fn watching(&self, boot: &BootKey, at_mono: Micros) -> Option<&Watching> {
        let said = self.watching.get(boot)?;
        let newest = said.range(..=at_mono).next_back();
        newest.or_else(|| said.iter().next()).map(|(_, it)| it)
    }

    /// Adds a blind time, or closes one: that of the same unit, `what`, `from` and `why` is replaced.
    pub fn put_blind(&mut self, blind: Blind) {
        self.blinds
            .entry(blind.unit)
            .or_default()
            .insert((blind.from, blind.what, blind.why), blind.to);
    }

    /// Whether any unit ever said that it watches this.
    pub fn is_installed(&self, subject: &Subject) -> bool {
        self.watching
            .values()
            .flat_map(BTreeMap::values)
            .any(|watching| watching.covers(subject))
    }

    /// When it was watched within `[from, to)`: united over units and logs, in order, disjoint.
    /// Stretches whose times may be off by more than `max_error_ms` count for nothing.
    pub fn seen(&self, subject: &Subject, from: Wall, to: Wall, max_error_ms: u64) -> Vec<Range> {
        let mut all: Vec<Range> = self
            .seen_by_unit(subject, from, to, max_error_ms)
            .into_values()
            .flatten()
            .collect();
        unite(&mut all);
        clipped(all, from, to)
    }

    /// Likewise, each unit by itself, as far as its stretches reach.
    fn seen_by_unit(
        &self,
        subject: &Subject,
        from: Wall,
        to: Wall,
        max_error_ms: u64,
    ) -> BTreeMap<&UnitId, Vec<Range>> {
        let mut by_unit: BTreeMap<&UnitId, Vec<Range>> = BTreeMap::new();
        for (boot, spans) in self.watches.boots() {
            let Some(said) = self.watching.get(boot) else {
                continue;
            };
            for (from_mono, span) in spans {
                if span.to_wall <= from || span.from_wall >= to || span.error_ms > max_error_ms {
                    continue;
                }
                let parts = parts_covering(said, subject, from_mono, span);
                by_unit.entry(&boot.unit).or_default().extend(parts);
            }
        }
        for (unit, ranges) in &mut by_unit {
            unite(ranges);
            let mut hidden: Vec<Range> = self
                .blinds
                .get(*unit)
                .into_iter()
                .flatten()
                .filter(|((_, what, _), _)| what.hides(subject))
                .map(|((start, _, _), end)| (*start, end.unwrap_or(to)))
                .collect();
            unite(&mut hidden);
            *ranges = without(ranges, &hidden);
        }
        by_unit
    }

    /// When it was not watched within `[from, to)`: the rest of [`Self::seen`], whatever the error
    /// of its times.
    pub fn unseen(&self, subject: &Subject, from: Wall, to: Wall) -> Vec<Range> {
        if from >= to {
            return Vec::new();
        }
        without(&[(from, to)], &self.seen(subject, from, to, u64::MAX))
    }

    /// Whether all who should have watched it throughout `[from, to)` did, each but for
    /// `tolerance_us` in all: what one of them did not see may have happened there. Stretches count
    /// as for a bucket of that length.
    pub fn throughout(&self, subject: &Subject, from: Wall, to: Wall, tolerance_us: i64) -> bool {
        let witnesses = self.witnesses(subject, from, to);
        let seen = self.seen_by_unit(subject, from, to, half_of(from, to));
        let did = |unit: &&UnitId| {
            let ranges = seen.get(*unit).cloned().unwrap_or_default();
            to.micros_since(from) - length(&clipped(ranges, from, to)) <= tolerance_us
        };
        !witnesses.is_empty() && witnesses.iter().all(did)
    }

    /// Units that should watch it in `[from, to)`: those that did at the last that is known of them
    /// before the end. A unit of which nothing is known for [`GONE_US`] is no longer there.
    fn witnesses(&self, subject: &Subject, from: Wall, to: Wall) -> Vec<&UnitId> {
        let mut newest: BTreeMap<&UnitId, (Wall, bool)> = BTreeMap::new();
        for (boot, spans) in self.watches.boots() {
            let Some(said) = self.watching.get(boot) else {
                continue;
            };
            for (from_mono, span) in spans.filter(|(_, span)| span.from_wall < to) {
                let parts = parts_covering(said, subject, from_mono, span);
                let at_its_end = parts.last().is_some_and(|part| part.1 == span.to_wall);
                let last = (span.to_wall, at_its_end);
                let known = newest.entry(&boot.unit).or_insert(last);
                *known = (*known).max(last);
            }
        }
        let is_there = |end: Wall| from.micros_since(end) < GONE_US;
        newest
            .into_iter()
            .filter(|(_, (end, watches))| *watches && is_there(*end))
            .map(|(unit, _)| unit)
            .collect()
    }

    /// For each bucket the share of its part before `now` that was watched, 0 to 1; 0 where nothing
    /// of it has passed. `edges` are ascending and one more than the buckets. A stretch whose times
    /// may be off by more than half a bucket counts nothing for it.
    pub fn coverage(
        &self,
        subjects: &[Subject],
        join: Join,
        edges: &[Wall],
        now: Wall,
    ) -> Vec<f64> {
        let (Some(&first), Some(&last)) = (edges.first(), edges.last()) else {
            return Vec::new();
        };
        // Buckets have few different lengths (a day cut short, the ends of the range), so the
        // ranges are made once for each.
        let mut by_length: BTreeMap<u64, Vec<Range>> = BTreeMap::new();
        edges
            .windows(2)
            .map(|bucket| {
                let (start, end) = (bucket[0], bucket[1].min(now));
                if start >= end {
                    return 0.0;
                }
                let max_error_ms = half_of(bucket[0], bucket[1]);
                let seen = by_length.entry(max_error_ms).or_insert_with(|| {
                    self.joined(subjects, join, (first, last.min(now)), max_error_ms)
                });
                let after = seen.partition_point(|range| range.1 <= start);
                let watched: i64 = seen[after..]
                    .iter()
                    .take_while(|range| range.0 < end)
                    .map(|range| range.1.min(end).micros_since(range.0.max(start)))
                    .sum();
                share(watched, end.micros_since(start))
            })
            .collect()
    }

    fn joined(
        &self,
        subjects: &[Subject],
        join: Join,
        (from, to): Range,
        max_error_ms: u64,
    ) -> Vec<Range> {
        let mut each = subjects
            .iter()
            .map(|subject| self.seen(subject, from, to, max_error_ms));
        match join {
            Join::Any => {
                let mut all: Vec<Range> = each.flatten().collect();
                unite(&mut all);
                all
            }
            Join::All => {
                let Some(mut common) = each.next() else {
                    return Vec::new();
                };
                for seen in each {
                    let rest = without(&[(from, to)], &seen);
                    common = without(&common, &rest);
                }
                common
            }
        }
    }
}

/// The parts of a stretch in which what the boot said covers the subject.
fn parts_covering(
    said: &BTreeMap<Micros, Watching>,
    subject: &Subject,
    from_mono: Micros,
    span: &Span,
) -> Vec<Range> {
    let mut parts = Vec::new();
    // The first word of a boot counts from the boot's beginning.
    let mut begins = 0;
    let mut words = said.values().peekable();
    while let Some(word) = words.next() {
        let ends = words.peek().map_or(Micros::MAX, |next| next.from_mono);
        let (start, end) = (begins.max(from_mono), ends.min(span.to_mono));
        if start < end && word.covers(subject) {
            parts.push((
                wall_at(from_mono, span, start),
                wall_at(from_mono, span, end),
            ));
        }
        begins = ends;
    }
    parts
}

/// A unit may be out of reach for so long and bring its record after all, microseconds: 14 days.
const GONE_US: i64 = 14 * 24 * 3_600_000_000;

/// What of ranges is within `[from, to)`.
fn clipped(ranges: Vec<Range>, from: Wall, to: Wall) -> Vec<Range> {
    let cut = ranges
        .into_iter()
        .map(|(start, end)| (start.max(from), end.min(to)));
    cut.filter(|(start, end)| start < end).collect()
}

/// The wall time of a moment in a stretch: its ends are known, drift is spread evenly between.
fn wall_at(from_mono: Micros, span: &Span, mono: Micros) -> Wall {
    if mono >= span.to_mono {
        return span.to_wall;
    }
    let length = i128::from(span.to_mono - from_mono).max(1);
    let into = i128::from(mono.saturating_sub(from_mono));
    let wall_length = i128::from(span.to_wall.micros_since(span.from_wall));
    let moved = wall_length * into / length;
    span.from_wall
        .plus_micros(i64::try_from(moved).unwrap_or(i64::MAX))
}

/// Sorts ranges and joins those that overlap or touch.
fn unite(ranges: &mut Vec<Range>) {
    ranges.retain(|range| range.0 < range.1);
    ranges.sort_unstable();
    ranges.dedup_by(|next, range| {
        let touches = next.0 <= range.1;
        if touches {
            range.1 = range.1.max(next.1);
        }
        touches
    });
}

/// What is left of ranges without others; both in order and disjoint.
fn without(ranges: &[Range], others: &[Range]) -> Vec<Range> {
    let mut left = Vec::with_capacity(ranges.len());
    let mut next = 0;
    for &(start, end) in ranges {
        let mut from = start;
        while next < others.len() && others[next].1 <= start {
            next += 1;
        }
        for &(hole_start, hole_end) in others[next..].iter().take_while(|hole| hole.0 < end) {
            if from < hole_start {
                left.push((from, hole_start));
            }
            from = from.max(hole_end);
        }
        if from < end {
            left.push((from, end));
        }
    }
    left
}

fn length(ranges: &[Range]) -> i64 {
    ranges
        .iter()
        .map(|range| range.1.micros_since(range.0))
        .sum()
}

/// Half of a time in milliseconds.
fn half_of(from: Wall, to: Wall) -> u64 {
    u64::try_from(to.micros_since(from) / 2000).unwrap_or(0)
}

fn share(part_us: i64, whole_us: i64) -> f64 {
    if part_us > 0 && whole_us - part_us <= ROUNDING_US {
        return 1.0;
    }
    // Exact enough: microseconds of centuries fit 53 bits.
    part_us as f64 / whole_us as f64
}

/// Units tell wall times in whole milliseconds, so the ends of a stretch may be off by one.
const ROUNDING_US: i64 = 1_000;
