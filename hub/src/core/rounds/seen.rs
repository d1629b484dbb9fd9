//! A round as the record has it so far.

use gatepost_dashboard::view::{HandRound, Proof};
use gatepost_model::{
    Micros, UnitId, Wall, Zone,
    event::{Evidence, Round, RoundPhase},
    plan::ZoneSettings,
};
use serde::{Deserialize, Serialize};

/// What a round must be at least.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Least {
    /// Litres, where they are measured.
    pub litres: f64,
    /// How long it must last, microseconds.
    pub lasting_us: i64,
}

impl Least {
    /// By the settings of a zone.
    pub fn of(settings: &ZoneSettings) -> Self {
        Self {
            litres: settings.least_litres(),
            // Settings name at most hours.
            lasting_us: (settings.min_minutes * 60e6) as i64,
        }
    }
}

/// A round as the record has it so far: of its start, its end, or both.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SeenRound {
    /// The zone.
    pub zone: Zone,
    /// The round; unique on its unit.
    pub round: String,
    /// The unit that saw it; none for one recorded by hand.
    pub unit: Option<UnitId>,
    /// When it started.
    pub started: Wall,
    /// `started` is the time of its own event, not reckoned back from the end.
    pub start_seen: bool,
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
    /// A round known from one of its events, at `mono_us`, placed at `at`.
    pub fn new(unit: UnitId, event: &Round, mono_us: Micros, at: Wall, error_ms: u64) -> Self {
        let lasted = mono_us.saturating_sub(event.started_mono_us);
        let start_seen = event.phase == RoundPhase::Started;
        let started = if start_seen {
            at
        } else {
            at.plus_micros(-i64::try_from(lasted).unwrap_or(i64::MAX))
        };
        Self {
            zone: event.zone,
            round: event.round.clone(),
            unit: Some(unit),
            started,
            start_seen,
            ended: (!start_seen).then_some(at),
            phase: event.phase,
            litres: event.litres,
            pump_s: event.pump_s,
            points: event.points.clone(),
            evidence: event.evidence,
            error_ms,
        }
    }

    /// A round that no unit saw.
    pub fn by_hand(round: &HandRound) -> Self {
        Self {
            zone: round.zone,
            round: round.id.clone(),
            unit: None,
            started: round.started,
            start_seen: true,
            ended: Some(round.ended),
            phase: RoundPhase::Ended,
            litres: round.litres.unwrap_or(0.0),
            pump_s: 0.0,
            points: Vec::new(),
            evidence: Evidence::Other,
            error_ms: 0,
        }
    }

    /// Takes over another of its events, in whatever order they come: the start's time is the
    /// start's event's, all else is that of the event which closed it.
    pub fn absorb(&mut self, other: &Self) {
        if other.start_seen && !self.start_seen {
            self.started = other.started;
            self.start_seen = true;
        }
        if closes(other.phase) > closes(self.phase) {
            self.ended = other.ended;
            self.phase = other.phase;
            self.litres = other.litres;
            self.pump_s = other.pump_s;
            self.points.clone_from(&other.points);
            self.evidence = other.evidence;
            if !self.start_seen {
                self.started = other.started;
            }
        }
        self.error_ms = self.error_ms.max(other.error_ms);
    }

    /// Whether it is more than button presses: enough litres where they were measured, or check
    /// points reached, and long enough. A press of *start* and *stop* alone is never enough; a
    /// person's word is, unless it names too few litres.
    pub fn is_enough(&self, least: Least) -> bool {
        let lasted_us = self.ended.map_or(0, |end| end.micros_since(self.started));
        if lasted_us < least.lasting_us {
            return false;
        }
        if self.unit.is_none() {
            return self.litres == 0.0 || self.litres >= least.litres;
        }
        let by_flow = self.litres >= least.litres;
        let by_points = !self.points.is_empty();
        match self.evidence {
            Evidence::ButtonFlow => by_flow,
            Evidence::ButtonPoints => by_points,
            Evidence::Button => false,
            Evidence::Other => by_flow || by_points,
        }
    }

    /// What a verdict shows of it.
    pub fn proof(&self) -> Proof {
        Proof {
            round: self.round.clone(),
            unit: self.unit.clone(),
            started: self.started,
            ended: self.ended,
            litres: self.litres,
            pump_s: self.pump_s,
            points: self.points.clone(),
            evidence: match self.evidence {
                _ if self.unit.is_none() => "hand",
                Evidence::Button => "button",
                Evidence::ButtonFlow => "button+flow",
                Evidence::ButtonPoints => "button+points",
                Evidence::Other => "other",
            }
            .to_owned(),
        }
    }
}

/// A stop says more than that it never came.
fn closes(phase: RoundPhase) -> u8 {
    match phase {
        RoundPhase::Started => 0,
        RoundPhase::Abandoned => 1,
        RoundPhase::Ended => 2,
    }
}
