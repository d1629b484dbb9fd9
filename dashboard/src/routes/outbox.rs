//! Messages to people, and what became of them.

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
    ports::{Act, Answer},
    state::AppState,
    view::{MessageView, RecipientView},
};

/// A page unless more or less is asked for.
const USUAL: usize = 100;
/// The longest page.
const MAX: usize = 1_000;

/// A page of messages.
#[derive(Serialize, ToSchema)]
pub(crate) struct Outbox {
    /// Newest first.
    messages: Vec<MessageView>,
    /// Where the next page begins.
    next: Option<String>,
}

/// Who tries a recipient.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Tried {
    /// Who; `operator` if not said.
    by: Option<String>,
}

/// Messages to people with their delivery, newest first
#[utoipa::path(
    get, path = "/api/v1/outbox", tag = "alerts",
    params(
        ("limit" = Option<usize>, Query, description = "At most so many, 1 to 1000; 100 if not said"),
        ("cursor" = Option<u64>, Query, description = "The `next` of the page before"),
    ),
    responses((status = 200, body = Outbox)),
)]
pub(crate) async fn list(
    State(app): State<AppState>,
    mut params: Params,
) -> Result<Response, Problem> {
    let limit = params.limit(USUAL, MAX)?;
    let before = params.parse("cursor")?;
    params.end()?;
    app.answer(move |read| {
        let messages = read.messages(limit, before)?;
        let last = messages.last().filter(|_| messages.len() == limit);
        let next = last.map(|message| message.id.to_string());
        Ok(Outbox { messages, next })
    })
    .await
}

/// Who is told of what is wrong on a site.
#[derive(Serialize, ToSchema)]
pub(crate) struct Recipients {
    /// As the site's settings name them.
    recipients: Vec<RecipientView>,
}

/// Who is told of what is wrong on a site, each with the newest message; no addresses
#[utoipa::path(
    get, path = "/api/v1/sites/{site}/recipients", tag = "alerts",
    params(("site" = String, Path, description = "The site's id; `hub` for trouble of the hub itself")),
    responses((status = 200, body = Recipients)),
)]
pub(crate) async fn recipients(
    State(app): State<AppState>,
    Path(site): Path<String>,
    params: Params,
) -> Result<Response, Problem> {
    params.end()?;
    let site = site
        .parse()
        .map_err(|_| Problem::not_found("site", &site))?;
    app.answer(move |read| {
        let recipients = read.recipients(&site)?;
        Ok(Recipients { recipients })
    })
    .await
}

/// Sends a recipient of a site a test message; `GET outbox` tells what became of it
#[utoipa::path(
    post, path = "/api/v1/sites/{site}/recipients/{recipient}/test", tag = "alerts",
    params(
        ("site" = String, Path, description = "The site's id"),
        ("recipient" = String, Path, description = "The recipient's name in the site's settings"),
    ),
    request_body = Tried,
    responses((status = 200, body = MessageView)),
)]
pub(crate) async fn test(
    person: Person,
    Path((site, recipient)): Path<(String, String)>,
    Body(tried): Body<Tried>,
) -> Result<Json<Answer>, Problem> {
    let site = site
        .parse()
        .map_err(|_| Problem::not_found("site", &site))?;
    person.does(tried.by, Act::Test { site, recipient }).await
}
