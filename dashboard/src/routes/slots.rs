//! Planned rounds.

use axum::{extract::State, response::Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::stretch::or_today;
use crate::{
    error::Problem, extract::InSite, params::Params, schema, state::AppState, view::SlotView,
};

/// Planned rounds.
#[derive(Serialize, ToSchema)]
pub(crate) struct Slots {
    /// Those whose window touches the stretch.
    slots: Vec<SlotView>,
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
