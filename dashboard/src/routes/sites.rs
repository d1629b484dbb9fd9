//! All sites, and one of them live.

use axum::{extract::State, response::Response};
use gatepost_model::Wall;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    error::Problem,
    extract::InSite,
    params::Params,
    schema,
    state::AppState,
    view::{SiteRow, SiteSnapshot},
};

/// All sites.
#[derive(Serialize, ToSchema)]
pub(crate) struct Sites {
    /// Worst first.
    sites: Vec<SiteRow>,
    /// The hub's clock: ages are counted from it.
    #[schema(value_type = schema::Time)]
    server_time: Wall,
}

/// One site, and the hub's clock.
#[derive(Serialize, ToSchema)]
pub(crate) struct SiteNow {
    #[serde(flatten)]
    site: SiteSnapshot,
    /// The hub's clock: ages are counted from it.
    #[schema(value_type = schema::Time)]
    server_time: Wall,
}

/// All sites with their worst alert, worst first
#[utoipa::path(get, path = "/api/v1/sites", tag = "sites", responses((status = 200, body = Sites)))]
pub(crate) async fn list(State(app): State<AppState>, params: Params) -> Result<Response, Problem> {
    params.end()?;
    app.answer(|read| {
        Ok(Sites {
            sites: read.sites()?,
            server_time: read.now(),
        })
    })
    .await
}

/// One site live: lanes, zones, units, open alerts, headcount
#[utoipa::path(
    get, path = "/api/v1/sites/{site}", tag = "sites",
    params(("site" = String, Path, description = "The site's id")),
    responses((status = 200, body = SiteNow)),
)]
pub(crate) async fn one(
    State(app): State<AppState>,
    InSite(site): InSite,
    params: Params,
) -> Result<Response, Problem> {
    params.end()?;
    app.answer(move |read| {
        Ok(SiteNow {
            site: read.site(&site)?,
            server_time: read.now(),
        })
    })
    .await
}
