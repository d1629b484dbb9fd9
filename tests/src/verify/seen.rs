//! The record's events, as far as they are compared.

use std::{borrow::Cow, collections::HashMap};

use anyhow::Context;
use gatepost_model::Wall;
use serde::Deserialize;
use serde_json::Value;

/// An event of the record, as far as it is compared.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    /// Where it belongs.
    pub key: Key,
    /// What must agree besides: direction, temperature, outcome, litres.
    pub detail: String,
    /// `(site/unit, log)`.
    pub log: (String, String),
    /// Its sequence.
    pub seq: u64,
    /// The time that the record gives it, and its error.
    pub time: Wall,
    /// Milliseconds either way.
    pub time_error_ms: u64,
    /// The round that it belongs to.
    pub round: Option<String>,
}

/// What tells one happening from another: unit, boot, kind, lane or zone, and its moment.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// `site/unit`
    pub unit: String,
    /// The boot.
    pub boot: String,
    /// `passage`, `screening`, `entry`, `round started`, `round ended`, `unclear`.
    pub kind: String,
    /// Lane or zone.
    pub place: String,
    /// Monotonic time; of an end the start's, because the truth may not know the end.
    pub mono_us: u64,
}

#[derive(Deserialize)]
struct Raw {
    unit: String,
    boot: String,
    log: String,
    seq: u64,
    mono_us: u64,
    kind: String,
    time: Wall,
    time_error_ms: u64,
    lane: Option<String>,
    zone: Option<String>,
    dir: Option<String>,
    skin_c: Option<f64>,
    outcome: Option<String>,
    phase: Option<String>,
    litres: Option<f64>,
    started_mono_us: Option<u64>,
    round: Option<String>,
}

impl Seen {
    /// Reads an event as the API gives it.
    pub fn read(site: &str, event: &Value) -> anyhow::Result<Self> {
        let raw = Raw::deserialize(event)?;
        let unit = format!("{site}/{}", raw.unit);
        let (mut kind, mut mono_us) = (raw.kind, raw.mono_us);
        let detail = match kind.as_str() {
            "passage" => raw.dir.context("no `dir`")?,
            "screening" => format!("{:.2}", raw.skin_c.context("no `skin_c`")?),
            "entry" => raw.outcome.context("no `outcome`")?,
            "round" => {
                let phase = raw.phase.context("no `phase`")?;
                kind = format!("round {phase}");
                if phase == "started" {
                    String::new()
                } else {
                    mono_us = raw.started_mono_us.context("no `started_mono_us`")?;
                    format!("{} {:.1} l", raw.mono_us, raw.litres.unwrap_or(0.0))
                }
            }
            _ => String::new(),
        };
        Ok(Self {
            key: Key {
                boot: raw.boot,
                kind,
                place: raw.lane.or(raw.zone).unwrap_or_default(),
                mono_us,
                unit: unit.clone(),
            },
            detail,
            log: (unit, raw.log),
            seq: raw.seq,
            time: raw.time,
            time_error_ms: raw.time_error_ms,
            round: raw.round,
        })
    }

    /// The key by which it is found. What ends a round bears the moment of the round's start, and a
    /// round may end in a later boot than the one in which it started.
    pub(super) fn found_by<'a>(&'a self, starts: &HashMap<(&str, &str), &Key>) -> Cow<'a, Key> {
        let start = self.round.as_deref().and_then(|round| {
            let start = starts.get(&(self.key.unit.as_str(), round))?;
            Some(Key {
                kind: self.key.kind.clone(),
                ..(*start).clone()
            })
        });
        start.map_or(Cow::Borrowed(&self.key), Cow::Owned)
    }

    pub(super) fn describe(&self) -> String {
        let Key {
            unit,
            boot,
            kind,
            place,
            mono_us,
        } = &self.key;
        format!(
            "{unit} {kind} {place} {} at {mono_us} of boot {boot} (seq {})",
            self.detail, self.seq
        )
    }
}
