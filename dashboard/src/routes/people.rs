//! Who does something, and why, as every change says it.

use axum::{
    Json,
    extract::FromRequestParts,
    http::{HeaderMap, request::Parts},
};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    error::Problem,
    ports::{Act, Answer, Command},
    state::AppState,
};

/// Who acts, until there are users.
const NOBODY_IN_PARTICULAR: &str = "operator";
/// Longest name, in characters.
const MAX_NAME: usize = 64;
/// Longest note, in characters.
const MAX_NOTE: usize = 2_000;
/// Longest idempotency key, in characters.
const MAX_KEY: usize = 128;

/// Somebody who changes something: once, however often the request is sent with its key.
pub(crate) struct Person {
    app: AppState,
    key: Option<String>,
}

impl FromRequestParts<AppState> for Person {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Self, Problem> {
        Ok(Self {
            key: key(&parts.headers)?,
            app: app.clone(),
        })
    }
}

impl Person {
    /// Does it; answers when it is durable.
    pub(super) async fn does(self, by: Option<String>, act: Act) -> Result<Json<Answer>, Problem> {
        let command = Command {
            by: name(by)?,
            key: self.key,
            act,
        };
        Ok(Json(self.app.command.command(command).await?))
    }
}

/// Who says so, and why.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Said {
    /// Who; `operator` if not said. At most 64 characters.
    pub(super) by: Option<String>,
    /// Why, or what will be done. At most 2,000 characters.
    pub(super) note: Option<String>,
    /// The version that the person saw; a change in between is then a conflict.
    pub(super) version: Option<u64>,
}

/// A name; of nobody in particular if none is said.
pub(super) fn name(by: Option<String>) -> Result<String, Problem> {
    let by = tidy("by", by, MAX_NAME)?;
    Ok(by.unwrap_or_else(|| NOBODY_IN_PARTICULAR.to_owned()))
}

/// The words of a field, if there are any.
pub(super) fn words(field: &str, words: Option<String>) -> Result<Option<String>, Problem> {
    tidy(field, words, MAX_NOTE)
}

/// Words that must be there.
pub(super) fn reason(reason: String) -> Result<String, Problem> {
    let said = words("reason", Some(reason))?;
    said.ok_or_else(|| Problem::invalid_body("say why in `reason`"))
}

/// The `Idempotency-Key` of a request: the same key again is the same command again.
fn key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(key) = headers.get("idempotency-key") else {
        return Ok(None);
    };
    match key.to_str() {
        Ok(key) if !key.is_empty() && key.len() <= MAX_KEY => Ok(Some(key.to_owned())),
        _ => Err(Problem::invalid_parameter(
            "Idempotency-Key",
            format!("1 to {MAX_KEY} visible ASCII characters"),
        )),
    }
}

fn tidy(field: &str, text: Option<String>, max: usize) -> Result<Option<String>, Problem> {
    let text = text
        .map(|text| text.trim().to_owned())
        .filter(|text| !text.is_empty());
    match &text {
        Some(long) if long.chars().count() > max => Err(Problem::invalid_body(format!(
            "`{field}` is longer than {max} characters"
        ))),
        _ => Ok(text),
    }
}
