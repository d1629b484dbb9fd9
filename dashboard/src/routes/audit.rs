//! The trail of what people did.

use axum::{extract::State, response::Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{error::Problem, extract::InSite, params::Params, state::AppState, view::AuditEntry};

/// A page unless more or less is asked for.
const USUAL: usize = 100;
/// The longest page.
const MAX: usize = 1_000;

/// A page of a site's trail.
#[derive(Serialize, ToSchema)]
pub(crate) struct Trail {
    /// Newest first.
    audit: Vec<AuditEntry>,
    /// Whether the chain of these entries holds: nobody changed, left out or added one.
    intact: bool,
    /// Where the next page begins.
    next: Option<String>,
}

/// What people did on a site, newest first
#[utoipa::path(
    get, path = "/api/v1/sites/{site}/audit", tag = "audit",
    params(
        ("site" = String, Path, description = "The site's id"),
        ("limit" = Option<usize>, Query, description = "At most so many, 1 to 1000; 100 if not said"),
        ("cursor" = Option<String>, Query, description = "The `next` of the page before"),
    ),
    responses((status = 200, body = Trail)),
)]
pub(crate) async fn list(
    State(app): State<AppState>,
    InSite(site): InSite,
    mut params: Params,
) -> Result<Response, Problem> {
    let limit = params.limit(USUAL, MAX)?;
    let before = params.parse("cursor")?;
    params.end()?;
    app.answer(move |read| {
        let (audit, intact) = read.audit(&site, limit, before)?;
        let last = audit.last().filter(|it| audit.len() == limit && it.n > 1);
        let next = last.map(|entry| entry.n.to_string());
        Ok(Trail {
            audit,
            intact,
            next,
        })
    })
    .await
}
