//! What really happened: the lines of `world.jsonl`.
//!
//! A line is written once it is known whether the unit had confirmed the inputs: `durable` says
//! so. A durable happening must be in the record exactly once, any other at most once.

use gatepost_model::{BootId, Direction, LaneId, Micros, SiteId, UnitId, Wall, Zone};
use serde::{Deserialize, Serialize};

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Truth {
    /// When; the same moment as `mono_us`.
    pub t: Wall,
    /// When it was over, for what lasts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub t_end: Option<Wall>,
    /// Where.
    pub site: SiteId,
    /// Before which unit.
    pub unit: UnitId,
    /// In which boot of it.
    pub boot: BootId,
    /// Monotonic time of that boot: of a passage when its last beam clears, of a round when
    /// *start* was pressed.
    pub mono_us: Micros,
    /// What.
    pub what: What,
    /// Which lane.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lane: Option<LaneId>,
    /// Which zone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<Zone>,
    /// Which way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dir: Option<Direction>,
    /// Who: a number of the day, no name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<String>,
    /// The true temperature of the body, degC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body_c: Option<f64>,
    /// What the thermometer was made to say, degC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skin_c: Option<f64>,
    /// How an attempt to enter ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<String>,
    /// Litres that the pump gave; absent where pulses were missed because the agent was away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub litres: Option<f64>,
    /// Of a round: when *stop* was pressed; absent if it was forgotten.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_mono_us: Option<Micros>,
    /// The unit had confirmed all its inputs.
    pub durable: bool,
}

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// Somebody passed a lane.
    Passage,
    /// Somebody turned round in a lane: nothing must be in the record.
    Uturn,
    /// Somebody's skin was measured.
    Screening,
    /// A zone was disinfected.
    Round,
    /// The guard pressed a button of the box.
    Entry,
    /// Somebody walked beside another: two beams cannot tell that there were two, so the one line
    /// `passage` of the other is all that the record can have. Matched with nothing.
    Unclear,
}

impl What {
    /// The word in the file.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Passage => "passage",
            Self::Uturn => "uturn",
            Self::Screening => "screening",
            Self::Round => "round",
            Self::Entry => "entry",
            Self::Unclear => "unclear",
        }
    }
}
