//! Alerts with their history.

use std::collections::BTreeMap;

use gatepost_model::{
    LaneId, SensorId, SiteId, UnitId, Wall, Zone,
    alert::{AlertKind, AlertState, Outcome, Severity},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::schema;

/// An alert.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AlertView {
    /// Unique on the hub.
    pub id: u64,
    /// What is wrong.
    #[schema(value_type = schema::AlertKind)]
    pub kind: AlertKind,
    /// How soon a person is needed.
    #[schema(value_type = schema::Severity)]
    pub severity: Severity,
    /// Where it stands.
    #[schema(value_type = schema::AlertState)]
    pub state: AlertState,
    /// Where.
    #[schema(value_type = String)]
    pub site: SiteId,
    /// What it is about.
    pub subject: Subject,
    /// Figures for its text: `delta_c`, `skin_c`, `n`, `code` ...
    pub params: BTreeMap<String, Value>,
    /// When the cause happened.
    #[schema(value_type = schema::Time)]
    pub happened_at: Wall,
    /// When the cause last came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::Time>)]
    pub seen_at: Option<Wall>,
    /// When the cause went away, if it did and has not come back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::Time>)]
    pub gone_at: Option<Wall>,
    /// When the hub raised it.
    #[schema(value_type = schema::Time)]
    pub raised_at: Wall,
    /// How often the same cause came again.
    pub count: u64,
    /// The cause is over.
    pub cleared: bool,
    /// The open alert that explains it: while that is open, this one calls nobody.
    #[serde(default)]
    pub parent: Option<u64>,
    /// Whose it is, where it was given to somebody.
    #[serde(default)]
    pub assigned_to: Option<String>,
    /// Until when it calls nobody, while it is shelved.
    #[serde(default)]
    #[schema(value_type = Option<schema::Time>)]
    pub shelved_until: Option<Wall>,
    /// Who has it.
    pub acknowledged_by: Option<String>,
    /// Since when.
    #[schema(value_type = Option<schema::Time>)]
    pub acknowledged_at: Option<Wall>,
    /// When it ended.
    #[schema(value_type = Option<schema::Time>)]
    pub resolved_at: Option<Wall>,
    /// How it ended.
    #[schema(value_type = Option<schema::Outcome>)]
    pub outcome: Option<Outcome>,
    /// Grows with every change; sent back with a change to notice another's.
    pub version: u64,
    /// What was done, oldest first.
    pub history: Vec<AlertEntry>,
}

/// What an alert is about.
#[derive(
    Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
pub struct Subject {
    /// A unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub unit: Option<UnitId>,
    /// A lane.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub lane: Option<LaneId>,
    /// A zone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::Zone>)]
    pub zone: Option<Zone>,
    /// A sensor of the unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub sensor: Option<SensorId>,
    /// One happening: a screening, a slot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
}

/// One line of an alert's history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AlertEntry {
    /// When.
    #[schema(value_type = schema::Time)]
    pub at: Wall,
    /// `raised`, `again`, `cleared`, `acknowledged`, `assigned`, `commented`, `shelved`,
    /// `unshelved`, `returned`, `escalated`, `resolved`.
    pub what: String,
    /// Who, if a person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// To whom, if it was given to somebody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// In words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}
