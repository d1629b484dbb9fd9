//! Fever episodes, and what people find out.

use axum::{
    Json,
    extract::{Path, State},
    response::Response,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::people::{Person, Said, words};
use crate::{
    error::Problem,
    extract::{Body, InSite},
    params::Params,
    ports::{Act, Answer, EpisodeAct},
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

impl Clinical {
    /// The temperature, the device, and who says so.
    fn parts(self) -> (f64, Option<String>, Said) {
        let Self {
            clinical_c,
            device,
            by,
            note,
            version,
        } = self;
        (clinical_c, device, Said { by, note, version })
    }
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
    person: Person,
    Path(episode): Path<String>,
    Body(said): Body<Clinical>,
) -> Result<Json<Answer>, Problem> {
    let (clinical_c, device, said) = said.parts();
    let act = EpisodeAct::Remeasure { clinical_c, device };
    find(person, episode, act, said).await
}

/// It is a fever, by a clinical device
#[utoipa::path(
    post, path = "/api/v1/episodes/{episode}/confirm", tag = "episodes",
    params(("episode" = String, Path, description = "The episode's id")),
    request_body = Clinical,
    responses((status = 200, body = EpisodeView)),
)]
pub(crate) async fn confirm(
    person: Person,
    Path(episode): Path<String>,
    Body(said): Body<Clinical>,
) -> Result<Json<Answer>, Problem> {
    let (clinical_c, device, said) = said.parts();
    let act = EpisodeAct::Confirm { clinical_c, device };
    find(person, episode, act, said).await
}

/// It is none: why
#[utoipa::path(
    post, path = "/api/v1/episodes/{episode}/dismiss", tag = "episodes",
    params(("episode" = String, Path, description = "The episode's id")),
    request_body = Said,
    responses((status = 200, body = EpisodeView)),
)]
pub(crate) async fn dismiss(
    person: Person,
    Path(episode): Path<String>,
    Body(said): Body<Said>,
) -> Result<Json<Answer>, Problem> {
    find(person, episode, EpisodeAct::Dismiss, said).await
}

/// The person is in isolation
#[utoipa::path(
    post, path = "/api/v1/episodes/{episode}/isolate", tag = "episodes",
    params(("episode" = String, Path, description = "The episode's id")),
    request_body = Said,
    responses((status = 200, body = EpisodeView)),
)]
pub(crate) async fn isolate(
    person: Person,
    Path(episode): Path<String>,
    Body(said): Body<Said>,
) -> Result<Json<Answer>, Problem> {
    find(person, episode, EpisodeAct::Isolate, said).await
}

/// The person is no longer in isolation
#[utoipa::path(
    post, path = "/api/v1/episodes/{episode}/release", tag = "episodes",
    params(("episode" = String, Path, description = "The episode's id")),
    request_body = Said,
    responses((status = 200, body = EpisodeView)),
)]
pub(crate) async fn release(
    person: Person,
    Path(episode): Path<String>,
    Body(said): Body<Said>,
) -> Result<Json<Answer>, Problem> {
    find(person, episode, EpisodeAct::Release, said).await
}

async fn find(
    person: Person,
    episode: String,
    act: EpisodeAct,
    said: Said,
) -> Result<Json<Answer>, Problem> {
    let Said { by, note, version } = said;
    let act = Act::Episode {
        episode,
        version,
        note: words("note", note)?,
        act,
    };
    person.does(by, act).await
}
