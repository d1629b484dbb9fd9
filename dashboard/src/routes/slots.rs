//! Planned rounds.

use axum::{extract::State, response::Response};
use chrono::TimeDelta;
use serde::Serialize;
use utoipa::ToSchema;

use super::stretch::or_today;
use crate::{
    error::Problem,
    extract::InSite,
    params::Params,
    schema,
    state::AppState,
    view::{ComplianceView, SlotView},
};

/// Planned rounds.
#[derive(Serialize, ToSchema)]
pub(crate) struct Slots {
    /// Those whose window touches the stretch.
    slots: Vec<SlotView>,
}

/// How planned rounds went.
#[derive(Serialize, ToSchema)]
pub(crate) struct Compliance {
    /// By month; of each the whole site first, then its zones.
    compliance: Vec<ComplianceView>,
}

/// How planned rounds went, by month and zone: what is unknown is neither good nor bad
#[utoipa::path(
    get, path = "/api/v1/sites/{site}/compliance", tag = "record",
    params(
        ("site" = String, Path, description = "The site's id"),
        ("from" = Option<schema::Time>, Query, description = "From here on, inclusive; a year before `to` if not said"),
        ("to" = Option<schema::Time>, Query, description = "Up to here, exclusive; now if not said"),
    ),
    responses((status = 200, body = Compliance)),
)]
pub(crate) async fn compliance(
    State(app): State<AppState>,
    InSite(site): InSite,
    mut params: Params,
) -> Result<Response, Problem> {
    let from = params.time("from")?;
    let to = params.time("to")?;
    params.end()?;
    app.answer(move |read| {
        let to = to.unwrap_or_else(|| read.now());
        let from = from.unwrap_or_else(|| to.plus(-TimeDelta::days(365)));
        let compliance = read.compliance(&site, from, to)?;
        Ok(Compliance { compliance })
    })
    .await
}

/// Planned rounds with verdict, its history and proof
#[utoipa::path(
    get, path = "/api/v1/sites/{site}/slots", tag = "record",
    params(
        ("site" = String, Path, description = "The site's id"),
        ("from" = Option<schema::Time>, Query, description = "From here on, inclusive; the start of the site's day if not said"),
        ("to" = Option<schema::Time>, Query, description = "Up to here, exclusive; the end of the site's day if not said"),
    ),
    responses((status = 200, body = Slots)),
)]
pub(crate) async fn list(
    State(app): State<AppState>,
    InSite(site): InSite,
    mut params: Params,
) -> Result<Response, Problem> {
    let from = params.time("from")?;
    let to = params.time("to")?;
    params.end()?;
    app.answer(move |read| {
        let (from, to) = or_today(read, &site, from, to)?;
        let slots = read.slots(&site, from, to)?;
        Ok(Slots { slots })
    })
    .await
}
