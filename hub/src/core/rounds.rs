//! Planned rounds: the slots of a site and the verdict on each.

use chrono::{NaiveDate, TimeDelta};
use gatepost_dashboard::view::{Proof, Verdict};
use gatepost_model::{
    Micros, Site, UnitId, Wall, Zone,
    event::{Evidence, Round, RoundPhase},
};
use serde::{Deserialize, Serialize};

use crate::calendar::SiteZone;

/// A planned round: a zone and its due window `[start, end)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slot {
    /// `{zone}-{local date}-{number}`.
    pub id: String,
    /// The zone.
    pub zone: Zone,
    /// The site-local day in which the window opens.
    pub date: NaiveDate,
    /// Number of the window in that day, from 1.
    pub number: u32,
    /// When the window opens.
    pub start: Wall,
    /// When it closes.
    pub end: Wall,
}

/// The slots whose windows touch `[from, to)`, by start, then zone, then number.
pub fn slots_between(_site: &Site, _zone: SiteZone, _from: Wall, _to: Wall) -> Vec<Slot> {
    unimplemented!()
}

/// When the zone's window after `slot` opens; none if no other is planned.
pub fn next_start(_site: &Site, _zone: SiteZone, _slot: &Slot) -> Option<Wall> {
    unimplemented!()
}

/// A round as the record has it so far.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SeenRound {
    /// The zone.
    pub zone: Zone,
    /// The round.
    pub round: String,
    /// The unit that saw it; none for one recorded by hand.
    pub unit: Option<UnitId>,
    /// When it started.
    pub started: Wall,
    /// When it ended or was given up.
    pub ended: Option<Wall>,
    /// Where it stands.
    pub phase: RoundPhase,
    /// Litres by the flow meter.
    pub litres: f64,
    /// Seconds that the pump ran.
    pub pump_s: f64,
    /// Check points reached.
    pub points: Vec<String>,
    /// What it rests on.
    pub evidence: Evidence,
    /// The worst error of its times, milliseconds.
    pub error_ms: u64,
}

impl SeenRound {
    /// A round known from one of its events, placed at `at`.
    pub fn new(_unit: UnitId, _event: &Round, _mono_us: Micros, _at: Wall, _error_ms: u64) -> Self {
        unimplemented!()
    }

    /// Takes over another of its events, in whatever order they come.
    pub fn absorb(&mut self, _other: &Self) {
        unimplemented!()
    }

    /// What a verdict shows of it.
    pub fn proof(&self) -> Proof {
        unimplemented!()
    }
}

/// What the verdict on one slot rests on.
#[derive(Debug, Clone, Copy)]
pub struct Case<'a> {
    /// The slot.
    pub slot: &'a Slot,
    /// When the zone's next window opens.
    pub next_start: Option<Wall>,
    /// Rounds of the zone; others are ignored.
    pub rounds: &'a [SeenRound],
    /// The zone's plausible least, litres.
    pub min_litres: f64,
    /// The record has passed the window's end and watched it throughout.
    pub watched: bool,
    /// A person excused it.
    pub excused: bool,
    /// The hub's time.
    pub now: Wall,
    /// How long after the end the record may take to arrive.
    pub grace: TimeDelta,
}

/// The verdict on a slot, and the round that it rests on.
pub fn judge<'a>(_case: &Case<'a>) -> (Verdict, Option<&'a SeenRound>) {
    unimplemented!()
}
