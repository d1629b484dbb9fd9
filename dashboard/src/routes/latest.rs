//! Newest readings.

use axum::{extract::State, response::Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{error::Problem, params::Params, state::AppState, view::LatestView};

/// Newest readings.
#[derive(Serialize, ToSchema)]
pub(crate) struct Latest {
    /// One of each sensor and quantity, by site, unit, sensor and quantity.
    latest: Vec<LatestView>,
}

/// The newest reading of every sensor
#[utoipa::path(
    get, path = "/api/v1/latest", tag = "record",
    params(("site" = Option<String>, Query, description = "Only of this site")),
    responses((status = 200, body = Latest)),
)]
pub(crate) async fn list(
    State(app): State<AppState>,
    mut params: Params,
) -> Result<Response, Problem> {
    let site = params.parse("site")?;
    params.end()?;
    app.answer(move |read| {
        let latest = read.latest(site.as_ref())?;
        Ok(Latest { latest })
    })
    .await
}
