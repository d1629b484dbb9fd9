//! Hand-overs of shifts.

use axum::{
    Json,
    extract::{Path, State},
    response::Response,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::people::{Person, name, words};
use crate::{
    error::Problem,
    extract::{Body, InSite},
    params::Params,
    ports::{Act, Answer},
    state::AppState,
    view::HandOverView,
};

/// Hand-overs of a site.
#[derive(Serialize, ToSchema)]
pub(crate) struct HandOvers {
    /// Newest first.
    hand_overs: Vec<HandOverView>,
}

/// Who leaves, and to whom.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Offer {
    /// Who leaves; `operator` if not said.
    by: Option<String>,
    /// Who comes.
    to: String,
    /// What is said with it.
    note: Option<String>,
}

/// Who comes.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Signed {
    /// Who; `operator` if not said.
    by: Option<String>,
}

/// Hand-overs of a site, newest first
#[utoipa::path(
    get, path = "/api/v1/sites/{site}/hand-overs", tag = "people",
    params(("site" = String, Path, description = "The site's id")),
    responses((status = 200, body = HandOvers)),
)]
pub(crate) async fn list(
    State(app): State<AppState>,
    InSite(site): InSite,
    params: Params,
) -> Result<Response, Problem> {
    params.end()?;
    app.answer(move |read| {
        let hand_overs = read.hand_overs(&site)?;
        Ok(HandOvers { hand_overs })
    })
    .await
}

/// Who leaves signs what is open, for who comes to sign
#[utoipa::path(
    post, path = "/api/v1/sites/{site}/hand-overs", tag = "people",
    params(("site" = String, Path, description = "The site's id")),
    request_body = Offer,
    responses((status = 200, body = HandOverView)),
)]
pub(crate) async fn offer(
    person: Person,
    InSite(site): InSite,
    Body(offer): Body<Offer>,
) -> Result<Json<Answer>, Problem> {
    let act = Act::HandOver {
        site,
        to: name(Some(offer.to))?,
        note: words("note", offer.note)?,
    };
    person.does(offer.by, act).await
}

/// Who comes signs: what the other had goes back to all
#[utoipa::path(
    post, path = "/api/v1/sites/{site}/hand-overs/{id}/accept", tag = "people",
    params(
        ("site" = String, Path, description = "The site's id"),
        ("id" = u64, Path, description = "The hand-over's number"),
    ),
    request_body = Signed,
    responses((status = 200, body = HandOverView)),
)]
pub(crate) async fn accept(
    person: Person,
    Path((site, id)): Path<(String, String)>,
    Body(signed): Body<Signed>,
) -> Result<Json<Answer>, Problem> {
    let act = Act::AcceptHandOver {
        site: site
            .parse()
            .map_err(|_| Problem::not_found("site", &site))?,
        id: id
            .parse()
            .map_err(|_| Problem::not_found("hand-over", &id))?,
    };
    person.does(signed.by, act).await
}
