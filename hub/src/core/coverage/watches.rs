//! Watched stretches, joined in monotonic time.

use std::collections::{BTreeMap, BTreeSet};

use gatepost_model::{Micros, Wall};

use super::{BootKey, Watch, WatchKey};

/// What proofs change: a stretch to keep, and stored ones that it has swallowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Joined {
    /// The stretch as it is now.
    pub put: Watch,
    /// Stored stretches that are part of it now, other than one under its own key.
    pub gone: Vec<WatchKey>,
}

/// All watched stretches of a site: disjoint, and none touching another of its boot.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Watches {
    boots: BTreeMap<BootKey, Spans>,
}

impl Watches {
    /// What adding these proofs would change, by key. What is known already changes nothing.
    pub fn joined(&self, proofs: impl IntoIterator<Item = Watch>) -> Vec<Joined> {
        let mut touched: BTreeMap<BootKey, Spans> = BTreeMap::new();
        for proof in proofs {
            let spans = touched
                .entry(proof.key.boot)
                .or_insert_with_key(|key| self.boots.get(key).cloned().unwrap_or_default());
            spans.add(
                proof.key.from_mono,
                Span {
                    to_mono: proof.to_mono,
                    from_wall: proof.from_wall,
                    to_wall: proof.to_wall,
                    error_ms: proof.error_ms,
                },
            );
        }
        let none = Spans::default();
        touched
            .iter()
            .flat_map(|(boot, after)| {
                let before = self.boots.get(boot).unwrap_or(&none);
                after
                    .changes_since(before)
                    .map(|(from_mono, span, gone)| Joined {
                        put: span.watch(boot, from_mono),
                        gone: gone
                            .into_iter()
                            .map(|from_mono| WatchKey {
                                boot: boot.clone(),
                                from_mono,
                            })
                            .collect(),
                    })
            })
            .collect()
    }

    /// Takes over a change that [`Self::joined`] answered.
    pub fn apply(&mut self, change: &Joined) {
        let watch = &change.put;
        let spans = self.boots.entry(watch.key.boot.clone()).or_default();
        for key in &change.gone {
            spans.0.remove(&key.from_mono);
        }
        spans.add(
            watch.key.from_mono,
            Span {
                to_mono: watch.to_mono,
                from_wall: watch.from_wall,
                to_wall: watch.to_wall,
                error_ms: watch.error_ms,
            },
        );
    }

    /// Adds one proof, or a stored stretch. Answers what it changed, if anything.
    pub fn add(&mut self, proof: Watch) -> Option<Joined> {
        let change = self.joined([proof]).pop()?;
        self.apply(&change);
        Some(change)
    }

    /// All stretches, by key.
    pub fn iter(&self) -> impl Iterator<Item = Watch> {
        self.boots.iter().flat_map(|(boot, spans)| {
            spans
                .0
                .iter()
                .map(move |(from_mono, span)| span.watch(boot, *from_mono))
        })
    }

    /// The stretches of each boot, by monotonic beginning.
    pub(super) fn boots(
        &self,
    ) -> impl Iterator<Item = (&BootKey, impl Iterator<Item = (Micros, &Span)>)> {
        self.boots
            .iter()
            .map(|(boot, spans)| (boot, spans.0.iter().map(|(from, span)| (*from, span))))
    }
}

/// A stretch without its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) to_mono: Micros,
    pub(super) from_wall: Wall,
    pub(super) to_wall: Wall,
    pub(super) error_ms: u64,
}

impl Span {
    fn watch(&self, boot: &BootKey, from_mono: Micros) -> Watch {
        Watch {
            key: WatchKey {
                boot: boot.clone(),
                from_mono,
            },
            to_mono: self.to_mono,
            from_wall: self.from_wall,
            to_wall: self.to_wall,
            error_ms: self.error_ms,
        }
    }
}

/// Disjoint stretches of one boot, by their beginning.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Spans(BTreeMap<Micros, Span>);

impl Spans {
    /// Adds a stretch, swallowing all that overlap or touch it. At an end that several proofs share
    /// the wider wall time stands, so that the order of adding does not matter.
    fn add(&mut self, from_mono: Micros, new: Span) {
        let (mut from, mut sum) = (from_mono, new);
        // Stretches are disjoint: those that touch are the last ones that begin at or before the end.
        while let Some((&other_from, &other)) = self.0.range(..=sum.to_mono).next_back() {
            if other.to_mono < from {
                break;
            }
            self.0.remove(&other_from);
            sum.from_wall = match other_from.cmp(&from) {
                std::cmp::Ordering::Less => other.from_wall,
                std::cmp::Ordering::Equal => other.from_wall.min(sum.from_wall),
                std::cmp::Ordering::Greater => sum.from_wall,
            };
            sum.to_wall = match other.to_mono.cmp(&sum.to_mono) {
                std::cmp::Ordering::Less => sum.to_wall,
                std::cmp::Ordering::Equal => other.to_wall.max(sum.to_wall),
                std::cmp::Ordering::Greater => other.to_wall,
            };
            from = from.min(other_from);
            sum.to_mono = sum.to_mono.max(other.to_mono);
            sum.error_ms = sum.error_ms.max(other.error_ms);
        }
        self.0.insert(from, sum);
    }

    /// Stretches that `before` does not have as they are, each with the keys that it replaces.
    fn changes_since<'a>(
        &'a self,
        before: &'a Self,
    ) -> impl Iterator<Item = (Micros, &'a Span, Vec<Micros>)> {
        let kept: BTreeSet<Micros> = self.0.keys().copied().collect();
        self.0
            .iter()
            .filter(|(from, span)| before.0.get(from) != Some(span))
            .map(move |(from, span)| {
                let gone = before
                    .0
                    .range(*from..=span.to_mono)
                    .map(|(key, _)| *key)
                    .filter(|key| !kept.contains(key))
                    .collect();
                (*from, span, gone)
            })
    }
}
