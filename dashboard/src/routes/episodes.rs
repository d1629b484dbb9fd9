//! Fever episodes, and what people find out.

use axum::{
    Json,
    extract::{Path, State},
    http::HeaderMap,
    response::Response,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::people::{key, name, words};
use crate::{
    error::Problem,
    extract::{Body, InSite},
    params::Params,
    ports::{Act, Answer, Command, EpisodeAct},
    state::AppState,
    view::EpisodeView,
};

/// Fever episodes of a site.
#[derive(Serialize, ToSchema)]
pub(crate) struct Episodes {
    /// Newest first.
    episodes: Vec<EpisodeView>,
}

/// What a clinical thermometer showed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Clinical {
    /// Body temperature, degC, 34 to 43.
    clinical_c: f64,
    /// Which device.
    device: Option<String>,
    /// Who; `operator` if not said.
    by: Option<String>,
    /// In words.
    note: Option<String>,
    /// The episode's version that the person saw.
    version: Option<u64>,
}

/// Who says so, and why.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Finding {
    /// Who; `operator` if not said.
    by: Option<String>,
    /// Why; needed to dismiss.
    note: Option<String>,
    /// The episode's version that the person saw.
    version: Option<u64>,
}

/// Fever episodes of a site, newest first
#[utoipa::path(
    get, path = "/api/v1/sites/{site}/episodes", tag = "episodes",
    params(("site" = String, Path, description = "The site's id")),
    responses((status = 200, body = Episodes)),
)]
pub(crate) async fn list(
    State(app): State<AppState>,
    InSite(site): InSite,
    params: Params,
) -> Result<Response, Problem> {
    params.end()?;
    app.answer(move |read| {
        let episodes = read.episodes(&site)?;
        Ok(Episodes { episodes })
    })
    .await
}

/// Measured again with a clinical device
#[utoipa::path(
    post, path = "/api/v1/episodes/{episode}/remeasure", tag = "episodes",
    params(("episode" = String, Path, description = "The episode's id")),
    request_body = Clinical,
    responses((status = 200, body = EpisodeView)),
)]
pub(crate) async fn remeasure(
    State(app): State<AppState>,
    Path(episode): Path<String>,
    headers: HeaderMap,
    Body(said): Body<Clinical>,
) -> Result<Json<Answer>, Problem> {
    let (act, said) = measured(said, |clinical_c, device| EpisodeAct::Remeasure {
        clinical_c,
        device,
    });
    find(&app, &headers, episode, act, said).await
}

/// It is a fever, by a clinical device
#[utoipa::path(
    post, path = "/api/v1/episodes/{episode}/confirm", tag = "episodes",
    params(("episode" = String, Path, description = "The episode's id")),
    request_body = Clinical,
    responses((status = 200, body = EpisodeView)),
)]
pub(crate) async fn confirm(
    State(app): State<AppState>,
    Path(episode): Path<String>,
    headers: HeaderMap,
    Body(said): Body<Clinical>,
) -> Result<Json<Answer>, Problem> {
    let (act, said) = measured(said, |clinical_c, device| EpisodeAct::Confirm {
        clinical_c,
        device,
    });
    find(&app, &headers, episode, act, said).await
}

/// It is none: why
#[utoipa::path(
    post, path = "/api/v1/episodes/{episode}/dismiss", tag = "episodes",
    params(("episode" = String, Path, description = "The episode's id")),
    request_body = Finding,
    responses((status = 200, body = EpisodeView)),
)]
pub(crate) async fn dismiss(
    State(app): State<AppState>,
    Path(episode): Path<String>,
    headers: HeaderMap,
    Body(said): Body<Finding>,
) -> Result<Json<Answer>, Problem> {
    find(&app, &headers, episode, EpisodeAct::Dismiss, said).await
}

/// The person is in isolation
#[utoipa::path(
    post, path = "/api/v1/episodes/{episode}/isolate", tag = "episodes",
    params(("episode" = String, Path, description = "The episode's id")),
    request_body = Finding,
    responses((status = 200, body = EpisodeView)),
)]
pub(crate) async fn isolate(
    State(app): State<AppState>,
    Path(episode): Path<String>,
    headers: HeaderMap,
    Body(said): Body<Finding>,
) -> Result<Json<Answer>, Problem> {
    find(&app, &headers, episode, EpisodeAct::Isolate, said).await
}

/// The person is no longer in isolation
#[utoipa::path(
    post, path = "/api/v1/episodes/{episode}/release", tag = "episodes",
    params(("episode" = String, Path, description = "The episode's id")),
    request_body = Finding,
    responses((status = 200, body = EpisodeView)),
)]
pub(crate) async fn release(
    State(app): State<AppState>,
    Path(episode): Path<String>,
    headers: HeaderMap,
    Body(said): Body<Finding>,
) -> Result<Json<Answer>, Problem> {
    find(&app, &headers, episode, EpisodeAct::Release, said).await
}

fn measured(said: Clinical, act: fn(f64, Option<String>) -> EpisodeAct) -> (EpisodeAct, Finding) {
    let Clinical {
        clinical_c,
        device,
        by,
        note,
        version,
    } = said;
    (act(clinical_c, device), Finding { by, note, version })
}

async fn find(
    app: &AppState,
    headers: &HeaderMap,
    episode: String,
    act: EpisodeAct,
    said: Finding,
) -> Result<Json<Answer>, Problem> {
    let command = Command {
        by: name(said.by)?,
        key: key(headers)?,
        act: Act::Episode {
            episode,
            version: said.version,
            note: words(said.note)?,
            act,
        },
    };
    Ok(Json(app.command.command(command).await?))
}
