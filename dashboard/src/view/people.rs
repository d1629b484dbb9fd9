//! What people find out, count and record by hand.

use std::collections::BTreeMap;

use gatepost_model::{Direction, LaneId, SiteId, UnitId, Wall, Zone};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::AlertEntry;
use crate::schema;

/// A fever episode: what a machine suspected of one person, and what people found out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct EpisodeView {
    /// Unique on the hub.
    pub id: String,
    /// Where.
    #[schema(value_type = String)]
    pub site: SiteId,
    /// Which unit measured.
    #[schema(value_type = String)]
    pub unit: UnitId,
    /// At which lane.
    #[schema(value_type = String)]
    pub lane: LaneId,
    /// The screening.
    pub screening: String,
    /// Where it stands.
    pub state: EpisodeState,
    /// When it was first suspected.
    #[schema(value_type = schema::Time)]
    pub happened_at: Wall,
    /// Every reading of the screening, with what it was judged by, in order.
    pub attempts: Vec<AttemptView>,
    /// What clinical thermometers showed, in order.
    pub clinical: Vec<ClinicalView>,
    /// Its alert; none where the lane suspects more people than can be ill.
    pub alert: Option<u64>,
    /// Grows with every word of a person; sent back with a change to notice another's.
    pub version: u64,
    /// What was found out, oldest first.
    pub history: Vec<AlertEntry>,
}

/// Where a fever episode stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum EpisodeState {
    /// 体温异常·待复测
    Suspected,
    /// 已复测
    Remeasured,
    /// 确认发热: a person said so.
    Confirmed,
    /// 排除
    Dismissed,
    /// 隔离中
    Isolated,
    /// 解除隔离
    Released,
}

/// One reading of a screening.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AttemptView {
    /// 1 for the first measurement.
    pub attempt: u32,
    /// When.
    #[schema(value_type = schema::Time)]
    pub at: Wall,
    /// Raw skin temperature, degC.
    pub skin_c: f64,
    /// Ambient temperature beside it, degC.
    pub ambient_c: Option<f64>,
    /// What people at the lane measured then, degC.
    pub baseline_c: Option<f64>,
    /// `skin_c - baseline_c`, degC.
    pub delta_c: Option<f64>,
    /// The rule that judged, with its version.
    pub rule: String,
    /// `normal`, `remeasure`, `fever`, `warming_up`.
    pub verdict: String,
}

/// What a clinical thermometer showed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ClinicalView {
    /// When it was entered.
    #[schema(value_type = schema::Time)]
    pub at: Wall,
    /// Body temperature, degC, 34 to 43.
    pub clinical_c: f64,
    /// Which device.
    pub device: Option<String>,
    /// By whom.
    pub by: String,
}

/// A person's count that re-anchors a headcount.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RollCallView {
    /// Of a zone; of the site where none is named.
    #[schema(value_type = Option<schema::Zone>)]
    pub zone: Option<Zone>,
    /// When.
    #[schema(value_type = schema::Time)]
    pub at: Wall,
    /// Who counted.
    pub by: String,
    /// How many were there.
    pub counted: u64,
    /// What the headcount had been, as far as is known by now.
    pub estimate: Option<i64>,
    /// By how much its sum was corrected.
    pub correction: Option<i64>,
}

impl RollCallView {
    /// Somebody passed before it, and it became known after it.
    pub fn passed(&mut self, dir: Direction) {
        let counted = i64::try_from(self.counted).unwrap_or(i64::MAX);
        let sum = counted.saturating_sub(self.correction.unwrap_or(counted));
        let sum = match dir {
            Direction::In => sum.saturating_add(1),
            Direction::Out => sum.saturating_sub(1),
        };
        self.set_sum(Some(sum));
    }

    /// What the sum of passages had been: less than 0 if some left unseen.
    pub fn set_sum(&mut self, sum: Option<i64>) {
        let counted = i64::try_from(self.counted).unwrap_or(i64::MAX);
        self.estimate = sum.map(|sum| sum.max(0));
        self.correction = sum.map(|sum| counted.saturating_sub(sum));
    }
}

/// Why a planned round need not be done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ExcuseView {
    /// Which planned round.
    pub slot: String,
    /// Since when.
    #[schema(value_type = schema::Time)]
    pub at: Wall,
    /// Who said so.
    pub by: String,
    /// Why: `rain`, `people_present`, `stopped_work`, or in words.
    pub reason: String,
}

/// A round that no unit saw, recorded by hand.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct HandRound {
    /// Unique on the site; given by the hub.
    #[serde(default)]
    #[schema(read_only)]
    pub id: String,
    /// The zone.
    #[schema(value_type = schema::Zone)]
    pub zone: Zone,
    /// When it started.
    #[schema(value_type = schema::Time)]
    pub started: Wall,
    /// When it ended.
    #[schema(value_type = schema::Time)]
    pub ended: Wall,
    /// Why it is recorded by hand.
    pub reason: String,
    /// Litres, where they were measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub litres: Option<f64>,
    /// What was sprayed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// How strong, as people write it: `500 mg/l`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub concentration: Option<String>,
    /// How long it stayed, minutes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact_min: Option<u32>,
    /// Who did it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operator: Option<String>,
    /// Who looked after it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checker: Option<String>,
    /// When it was recorded; given by the hub.
    #[serde(default)]
    #[schema(value_type = Option<schema::Time>, read_only)]
    pub recorded_at: Option<Wall>,
    /// Who recorded it; given by the hub.
    #[serde(default)]
    #[schema(read_only)]
    pub recorded_by: String,
}

/// How many of those who passed in a window of a day were measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct MeasuredView {
    /// Lanes into this zone; into the site where none is named.
    #[schema(value_type = Option<schema::Zone>)]
    pub zone: Option<Zone>,
    /// When the window opens.
    #[schema(value_type = schema::Time)]
    pub start: Wall,
    /// When it closes.
    #[schema(value_type = schema::Time)]
    pub end: Wall,
    /// Passages either way, of the quarters of an hour that the window touches; as are the others.
    pub passed: u64,
    /// Movements whose direction is unknown.
    pub unclear: u64,
    /// People measured.
    pub measured: u64,
    /// `measured` of `passed`, 0 to 1; none where nobody passed.
    pub share: Option<f64>,
    /// Which share of the window's part that has passed all its lanes were watched, 0 to 1.
    pub watched: f64,
    /// Lanes that people passed and where nobody was measured.
    #[schema(value_type = Vec<String>)]
    pub without: Vec<LaneId>,
    /// What is not known of the window's part that has passed, and why: by lane, then by time.
    #[serde(default)]
    pub gaps: Vec<MeasuringGap>,
}

/// A stretch of a window of which it is not known how many should have been measured, or were.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MeasuringGap {
    /// Where.
    #[schema(value_type = String)]
    pub lane: LaneId,
    /// From then on.
    #[schema(value_type = schema::Time)]
    pub from: Wall,
    /// Up to then.
    #[schema(value_type = schema::Time)]
    pub to: Wall,
    /// Why.
    pub why: GapReason,
}

/// Why something is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum GapReason {
    /// Nobody watched the lane: its unit was out of reach, or could not see.
    OutOfReach,
    /// People passed, and nobody was ever measured at the lane, as far back as is remembered.
    NoThermometer,
    /// People passed, and nobody was measured.
    NobodyMeasured,
}

/// A site-local day's attempts to enter, by how they ended.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EntryCounts {
    /// The day as `YYYY-MM-DD`.
    pub date: String,
    /// 放行
    pub admitted: u64,
    /// 劝返
    pub refused: u64,
    /// 隔离
    pub isolated: u64,
    /// 解除隔离: let out of isolation on this day, whenever they came.
    #[serde(default)]
    pub released: u64,
    /// Refused, by reason.
    pub reasons: BTreeMap<String, u64>,
}

/// How fast people or vehicles come through a lane.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ThroughputView {
    /// The lane.
    #[schema(value_type = String)]
    pub lane: LaneId,
    /// Since when it is counted: the last full quarter of an hour and this one so far, but from the first
    /// of them in which somebody came.
    #[schema(value_type = schema::Time)]
    pub from: Wall,
    /// Until when: now.
    #[schema(value_type = schema::Time)]
    pub to: Wall,
    /// Passages either way.
    pub passed: u64,
    /// People measured.
    pub screened: u64,
    /// `passed` a minute.
    pub per_minute: f64,
    /// Seconds from one measurement to the next, on average; none where nobody was measured.
    pub seconds_between: Option<f64>,
    /// Measuring is slower than people arrive: open a second lane.
    pub second_lane: bool,
}

/// The isolation register: people without names, as the guards' boxes and people by hand say it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct IsolationView {
    /// Taken into isolation so far.
    #[serde(rename = "in")]
    pub into: u64,
    /// Let out so far.
    pub released: u64,
    /// Those who must be there: `in` minus `released`.
    pub present: u64,
    /// Fever episodes whose persons are in isolation; they may be among those above.
    pub episodes: Vec<String>,
    /// By site-local day, newest first.
    pub days: Vec<EntryCounts>,
}

/// What a person did: one link of a site's chain.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AuditEntry {
    /// On which site.
    #[schema(value_type = String)]
    pub site: SiteId,
    /// Its number on the site, from 1.
    pub n: u64,
    /// When.
    #[schema(value_type = schema::Time)]
    pub at: Wall,
    /// Who.
    pub by: String,
    /// What; none once it was erased.
    pub act: Option<Value>,
    /// SHA-256 of the act, hex.
    pub act_hash: String,
    /// The hash of the entry before; empty for the first.
    pub before: String,
    /// SHA-256 over the fields above, hex.
    pub hash: String,
}
