//! Units of all sites, and one of them.

use axum::{extract::State, response::Response};
use gatepost_model::SiteId;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{error::Problem, extract::OfUnit, params::Params, state::AppState, view::UnitView};

/// Units of all sites.
#[derive(Serialize, ToSchema)]
pub(crate) struct Units {
    /// Known or expected.
    units: Vec<UnitOfSite>,
}

/// A unit and its site.
#[derive(Serialize, ToSchema)]
pub(crate) struct UnitOfSite {
    /// The site.
    #[schema(value_type = String)]
    site: SiteId,
    #[serde(flatten)]
    unit: UnitView,
}

/// Units of all sites
#[utoipa::path(get, path = "/api/v1/units", tag = "units", responses((status = 200, body = Units)))]
pub(crate) async fn list(State(app): State<AppState>, params: Params) -> Result<Response, Problem> {
    params.end()?;
    app.answer(|read| {
        let units = read.units()?.into_iter();
        Ok(Units {
            units: units
                .map(|(site, unit)| UnitOfSite { site, unit })
                .collect(),
        })
    })
    .await
}

/// One unit: presence, backlog, clock, faults
#[utoipa::path(
    get, path = "/api/v1/sites/{site}/units/{unit}", tag = "units",
    params(
        ("site" = String, Path, description = "The site's id"),
        ("unit" = String, Path, description = "The unit's id"),
    ),
    responses((status = 200, body = UnitOfSite)),
)]
pub(crate) async fn one(
    State(app): State<AppState>,
    OfUnit(site, unit): OfUnit,
    params: Params,
) -> Result<Response, Problem> {
    params.end()?;
    app.answer(move |read| {
        let unit = read.unit(&site, &unit)?;
        Ok(UnitOfSite { site, unit })
    })
    .await
}
