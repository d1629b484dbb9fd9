//! What a unit is told from a distance: its wanted configuration, and commands.

use gatepost_model::{
    SiteId, UnitId, Wall,
    remote::{ConfigResult, Order},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::schema;

/// The configuration that a unit is to run with, and what became of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct UnitConfig {
    /// Where.
    #[schema(value_type = String)]
    pub site: SiteId,
    /// Which unit.
    #[schema(value_type = String)]
    pub unit: UnitId,
    /// Rises with every change; 0 if none was ever wanted from here.
    pub version: u64,
    /// A whole `gatepost-edge.toml`; `null` for the unit's own file.
    pub text: Option<String>,
    /// When it was last changed.
    #[schema(value_type = Option<schema::Time>)]
    pub at: Option<Wall>,
    /// By whom.
    pub by: Option<String>,
    /// The version that runs, by the unit's last word; 0 for its own file.
    pub applied: Option<u64>,
    /// The version that the unit's last word is about.
    pub answered: Option<u64>,
    /// What became of that: `applied`, `refused`, `rolled_back` or `overruled`.
    #[schema(value_type = Option<String>)]
    pub result: Option<ConfigResult>,
    /// Mistakes, one a line, or why it was taken back.
    pub detail: String,
    /// When the unit said so.
    #[schema(value_type = Option<schema::Time>)]
    pub answered_at: Option<Wall>,
}

impl UnitConfig {
    /// Nothing was ever wanted.
    pub fn none(site: SiteId, unit: UnitId) -> Self {
        Self {
            site,
            unit,
            version: 0,
            text: None,
            at: None,
            by: None,
            applied: None,
            answered: None,
            result: None,
            detail: String::new(),
            answered_at: None,
        }
    }
}

/// The same in short, beside a unit's other state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ConfigBrief {
    /// The version that is wanted.
    pub wanted: u64,
    /// The version that runs, by the unit's last word.
    pub applied: Option<u64>,
    /// What became of the last one that the unit answered.
    #[schema(value_type = Option<String>)]
    pub result: Option<ConfigResult>,
}

/// A command to a unit, and what came of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CommandView {
    /// Unique on the hub.
    pub id: String,
    /// Where.
    #[schema(value_type = String)]
    pub site: SiteId,
    /// Which unit.
    #[schema(value_type = String)]
    pub unit: UnitId,
    /// What, as it goes to the unit.
    #[schema(value_type = Object)]
    pub command: Order,
    /// When it was given.
    #[schema(value_type = schema::Time)]
    pub at: Wall,
    /// By whom.
    pub by: String,
    /// Whether it was done; `null` while the unit has not answered. A unit that is away never hears
    /// of it.
    pub done: Option<bool>,
    /// What came of it, or why it was not done.
    pub detail: String,
    /// When the unit answered.
    #[schema(value_type = Option<schema::Time>)]
    pub answered_at: Option<Wall>,
}
