//! For whoever runs it: is it alive, does it work, what does it count.

use axum::{
    Json,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    error::Problem, params::Params, ports::Readiness, state::AppState, view::DowntimeView,
};

/// When the hub was down.
#[derive(Serialize, ToSchema)]
pub(crate) struct Downtimes {
    /// Newest first.
    downtimes: Vec<DowntimeView>,
}

/// When the hub itself was down, newest first
#[utoipa::path(
    get, path = "/api/v1/downtimes", tag = "health",
    responses((status = 200, body = Downtimes)),
)]
pub(crate) async fn downtimes(
    State(app): State<AppState>,
    params: Params,
) -> Result<Response, Problem> {
    params.end()?;
    app.answer(move |read| {
        let downtimes = read.downtimes()?;
        Ok(Downtimes { downtimes })
    })
    .await
}

/// Whether the hub works, part by part.
#[derive(Serialize, ToSchema)]
pub(crate) struct Ready {
    /// All parts work.
    ready: bool,
    /// Each part by name.
    parts: Vec<Readiness>,
}

/// The process answers
#[utoipa::path(get, path = "/healthz", tag = "health", responses((status = 200, body = String, content_type = "text/plain")))]
pub(crate) async fn alive() -> &'static str {
    "alive\n"
}

/// Store, broker and ingest work, each by name
#[utoipa::path(
    get, path = "/readyz", tag = "health",
    responses((status = 200, body = Ready), (status = 503, description = "Some part does not work", body = Ready)),
)]
pub(crate) async fn ready(State(app): State<AppState>) -> Result<Response, Problem> {
    let parts = app.ask(|read| Ok(read.readiness())).await?;
    let ready = parts.iter().all(|part| part.ready);
    let status = match ready {
        true => StatusCode::OK,
        false => StatusCode::SERVICE_UNAVAILABLE,
    };
    Ok((status, Json(Ready { ready, parts })).into_response())
}

/// Counters as OpenMetrics text
#[utoipa::path(
    get, path = "/metrics", tag = "health",
    responses((status = 200, body = String, content_type = "application/openmetrics-text")),
)]
pub(crate) async fn metrics(State(app): State<AppState>) -> Result<Response, Problem> {
    const KIND: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    let text = app.ask(|read| Ok(read.metrics())).await?;
    Ok(([(header::CONTENT_TYPE, KIND)], text).into_response())
}
