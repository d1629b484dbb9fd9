//! Hand-overs: what one shift leaves to the next.

use gatepost_model::{Wall, Zone, alert::AlertKind, alert::AlertState, alert::Severity};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::schema;

/// 交接班: what was open when one shift left, signed by who leaves and by who comes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HandOverView {
    /// Its number on the site, from 1.
    pub id: u64,
    /// When it was signed by who leaves.
    #[schema(value_type = schema::Time)]
    pub at: Wall,
    /// Who leaves.
    pub from: String,
    /// Who comes.
    pub to: String,
    /// What is said with it.
    pub note: Option<String>,
    /// Alerts that are open or on the shelf, the most severe first.
    pub alerts: Vec<OpenAlert>,
    /// Rounds that are due or under way.
    pub slots: Vec<String>,
    /// Fever episodes whose persons are in isolation.
    pub isolated: Vec<String>,
    /// When it was signed by who comes; until then it is an offer.
    #[schema(value_type = Option<schema::Time>)]
    pub accepted_at: Option<Wall>,
    /// Alerts that went back to all, because who left had them.
    pub returned: Vec<u64>,
}

/// An alert as it was handed over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OpenAlert {
    /// Which.
    pub alert: u64,
    /// What is wrong.
    #[schema(value_type = schema::AlertKind)]
    pub kind: AlertKind,
    /// How soon a person is needed.
    #[schema(value_type = schema::Severity)]
    pub severity: Severity,
    /// Where it stood.
    #[schema(value_type = schema::AlertState)]
    pub state: AlertState,
    /// Where on the site.
    #[schema(value_type = Option<schema::Zone>)]
    pub zone: Option<Zone>,
    /// Who had it.
    pub owner: Option<String>,
}
