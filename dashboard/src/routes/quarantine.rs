//! What could not be taken, kept with its reason.

use axum::{extract::State, response::Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{error::Problem, params::Params, state::AppState, view::QuarantineItem};

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
