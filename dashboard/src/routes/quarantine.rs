//! What could not be taken, kept with its reason.

use axum::{
    Json,
    extract::{Path, State},
    response::Response,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::people::Person;
use crate::{
    error::Problem,
    extract::Body,
    params::Params,
    ports::{Act, Answer, Retried},
    state::AppState,
    view::QuarantineItem,
};

/// A page unless more or less is asked for.
const USUAL: usize = 100;
/// The longest page.
const MAX: usize = 1_000;

/// A page of the quarantine.
#[derive(Serialize, ToSchema)]
pub(crate) struct Quarantine {
    /// Newest first.
    quarantine: Vec<QuarantineItem>,
    /// Where the next page begins.
    next: Option<String>,
}

/// Lines and batches that were set aside, newest first
#[utoipa::path(
    get, path = "/api/v1/quarantine", tag = "record",
    params(
        ("limit" = Option<usize>, Query, description = "At most so many, 1 to 1000; 100 if not said"),
        ("cursor" = Option<String>, Query, description = "The `next` of the page before"),
    ),
    responses((status = 200, body = Quarantine)),
)]
pub(crate) async fn list(
    State(app): State<AppState>,
    mut params: Params,
) -> Result<Response, Problem> {
    let limit = params.limit(USUAL, MAX)?;
    let cursor = params.text("cursor")?;
    params.end()?;
    app.answer(move |read| {
        let (quarantine, next) = read.quarantine(limit, cursor.as_deref())?;
        Ok(Quarantine { quarantine, next })
    })
    .await
}

/// Who wants it.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Wanted {
    /// Who; `operator` if not said.
    by: Option<String>,
}

/// What was set aside is brought again
///
/// A line that this version of the hub can read, or a point that the store refused. It keeps its time of
/// receipt, and is in the record and out of quarantine at once.
#[utoipa::path(
    post, path = "/api/v1/quarantine/{item}/retry", tag = "record",
    params(("item" = u64, Path, description = "Which one")),
    request_body = Wanted,
    responses((status = 200, body = Retried)),
)]
pub(crate) async fn retry(
    person: Person,
    Path(item): Path<String>,
    Body(wanted): Body<Wanted>,
) -> Result<Json<Answer>, Problem> {
    let quarantine = item
        .parse()
        .map_err(|_| Problem::not_found("item in quarantine", &item))?;
    person.does(wanted.by, Act::Retry { quarantine }).await
}
