//! Events as stored.

use axum::{extract::State, response::Response};

use super::stretch::forward;
use crate::{
    error::Problem, extract::InSite, params::Params, ports::EventQuery, schema, state::AppState,
    view::EventPage,
};

/// A page unless more or less is asked for.
const USUAL: usize = 1_000;
/// The longest page.
const MAX: usize = 10_000;

/// Events as stored: wire fields with unit, boot, log, seq and the time that the hub gave them
#[utoipa::path(
    get, path = "/api/v1/sites/{site}/events", tag = "record",
    params(
        ("site" = String, Path, description = "The site's id"),
        ("kind" = Option<String>, Query, description = "Only this kind: `passage`, `screening`, `round` ..."),
        ("lane" = Option<String>, Query, description = "Only this lane"),
        ("zone" = Option<schema::Zone>, Query, description = "Only this zone"),
        ("unit" = Option<String>, Query, description = "Only this unit"),
        ("from" = Option<schema::Time>, Query, description = "From here on, inclusive"),
        ("to" = Option<schema::Time>, Query, description = "Up to here, exclusive"),
        ("limit" = Option<usize>, Query, description = "At most so many, 1 to 10000; 1000 if not said"),
        ("cursor" = Option<String>, Query, description = "The `next` of the page before"),
    ),
    responses((status = 200, body = EventPage)),
)]
pub(crate) async fn list(
    State(app): State<AppState>,
    InSite(site): InSite,
    mut params: Params,
) -> Result<Response, Problem> {
    let query = EventQuery {
        kind: params.text("kind")?,
        lane: params.parse("lane")?,
        zone: params.parse("zone")?,
        unit: params.parse("unit")?,
        from: params.time("from")?,
        to: params.time("to")?,
        limit: params.limit(USUAL, MAX)?,
        cursor: params.text("cursor")?,
    };
    params.end()?;
    if let (Some(from), Some(to)) = (query.from, query.to) {
        forward(from, to)?;
    }
    app.answer(move |read| read.events(&site, &query)).await
}
