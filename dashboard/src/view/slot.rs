//! Planned rounds, their verdicts and what proves them.

use gatepost_model::{UnitId, Wall, Zone};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::ExcuseView;
use crate::schema;

/// A planned round.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SlotView {
    /// Unique on the site: `{zone}-{local date}-{number of the window}`.
    pub id: String,
    /// The zone.
    #[schema(value_type = schema::Zone)]
    pub zone: Zone,
    /// The site-local day as `YYYY-MM-DD`.
    pub date: String,
    /// Number of the window in that day, from 1.
    pub number: u32,
    /// When the window opens.
    #[schema(value_type = schema::Time)]
    pub start: Wall,
    /// When it closes.
    #[schema(value_type = schema::Time)]
    pub end: Wall,
    /// The verdict now.
    pub verdict: Verdict,
    /// Since when it is that.
    #[schema(value_type = schema::Time)]
    pub since: Wall,
    /// What the verdict rests on.
    pub proof: Option<Proof>,
    /// Earlier verdicts that were corrected, oldest first.
    pub history: Vec<VerdictChange>,
    /// Why it need not be done, where somebody said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub excuse: Option<ExcuseView>,
}

/// The verdict on a slot.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// 未到
    Upcoming,
    /// 应做
    Due,
    /// 进行中
    Running,
    /// 已完成
    Done,
    /// 不足
    Short,
    /// 补做
    Late,
    /// 漏消毒
    Missed,
    /// 未知
    Unknown,
    /// 免做
    Excused,
}

/// How planned rounds of one zone, or of all, went in one month.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ComplianceView {
    /// The month as `YYYY-MM`, by the site-local day of each window.
    pub month: String,
    /// The zone; all of the site where none is named.
    #[schema(value_type = Option<schema::Zone>)]
    pub zone: Option<Zone>,
    /// 已完成
    pub done: u64,
    /// 补做
    pub late: u64,
    /// 不足
    pub short: u64,
    /// 漏消毒
    pub missed: u64,
    /// 未知: neither good nor bad.
    pub unknown: u64,
    /// 免做: likewise.
    pub excused: u64,
    /// `done` of all that is known, 0 to 1; none where nothing is.
    pub in_time: Option<f64>,
    /// `done` and `late` of all that is known, 0 to 1; none where nothing is.
    pub made: Option<f64>,
}

/// A verdict that a slot had.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct VerdictChange {
    /// When the hub gave it.
    #[schema(value_type = schema::Time)]
    pub at: Wall,
    /// The verdict.
    pub verdict: Verdict,
}

/// What a verdict rests on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Proof {
    /// The round.
    pub round: String,
    /// The unit that saw it; none for a round recorded by hand.
    #[schema(value_type = Option<String>)]
    pub unit: Option<UnitId>,
    /// When it started.
    #[schema(value_type = schema::Time)]
    pub started: Wall,
    /// When it ended.
    #[schema(value_type = Option<schema::Time>)]
    pub ended: Option<Wall>,
    /// Litres by the flow meter.
    pub litres: f64,
    /// Seconds that the pump ran.
    pub pump_s: f64,
    /// Check points reached.
    pub points: Vec<String>,
    /// `button`, `button+flow`, `button+points`, or `hand` for one recorded by hand.
    pub evidence: String,
}
