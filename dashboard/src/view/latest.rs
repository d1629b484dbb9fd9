//! What each sensor measured last.

use gatepost_model::{SensorId, SiteId, UnitId, Wall, Zone};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::schema;

/// The newest reading of a sensor's quantity, by the time of measuring.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct LatestView {
    /// The site.
    #[schema(value_type = String)]
    pub site: SiteId,
    /// The unit.
    #[schema(value_type = String)]
    pub unit: UnitId,
    /// The sensor.
    #[schema(value_type = String)]
    pub sensor: SensorId,
    /// What it measures, with its unit: `ambient_c`.
    pub quantity: String,
    /// Where.
    #[schema(value_type = Option<schema::Zone>)]
    pub zone: Option<Zone>,
    /// The number.
    pub value: f64,
    /// When it was measured: however long ago, nothing newer is in the record.
    #[schema(value_type = schema::Time)]
    pub time: Wall,
}
