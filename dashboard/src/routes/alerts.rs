//! Alerts, and what people do about them.

use axum::{Json, extract::State, http::HeaderMap, response::Response};
use gatepost_model::{Wall, alert::Outcome};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::people::{key, name, words};
use crate::{
    error::Problem,
    extract::{Body, OfAlert},
    params::Params,
    ports::{Act, AlertAct, AlertQuery, Answer, Command},
    schema,
    state::AppState,
    view::AlertView,
};

/// A page unless more or less is asked for.
const USUAL: usize = 100;
/// The longest page.
const MAX: usize = 1_000;
/// A page of alerts.
#[derive(Serialize, ToSchema)]
pub(crate) struct Alerts {
    /// Worst first.
    alerts: Vec<AlertView>,
    /// Where the next page begins.
    next: Option<String>,
}

/// Who does something with an alert, and why.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Deed {
    /// Who; `operator` if not said. At most 64 characters.
    by: Option<String>,
    /// Why, or what will be done. At most 2,000 characters.
    note: Option<String>,
    /// The alert's version that the person saw; a change in between is then a conflict.
    version: Option<u64>,
}

/// Likewise, and to whom it is given.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Assignment {
    /// To whom. At most 64 characters.
    to: String,
    /// Who; `operator` if not said.
    by: Option<String>,
    /// Why.
    note: Option<String>,
    /// The alert's version that the person saw.
    version: Option<u64>,
}

/// Likewise, and until when it can wait.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Shelving {
    /// Until when; at most eight hours from now.
    #[schema(value_type = schema::Time)]
    until: Wall,
    /// Why. At most 2,000 characters.
    note: String,
    /// Who; `operator` if not said.
    by: Option<String>,
    /// The alert's version that the person saw.
    version: Option<u64>,
}

/// Likewise, and how it ended.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Resolution {
    /// How it ended: `manual` if not said, which a suspected fever does not take.
    #[schema(value_type = Option<schema::Outcome>)]
    outcome: Option<Outcome>,
    /// Who; `operator` if not said.
    by: Option<String>,
    /// What it was; needed for the outcome `other`.
    note: Option<String>,
    /// The alert's version that the person saw.
    version: Option<u64>,
}

/// Alerts, worst first; the open ones unless more is asked for
#[utoipa::path(
    get, path = "/api/v1/alerts", tag = "alerts",
    params(
        ("site" = Option<String>, Query, description = "Only of this site"),
        ("state" = Option<schema::AlertState>, Query, description = "Only in this state"),
        ("kind" = Option<schema::AlertKind>, Query, description = "Only of this kind"),
        ("all" = Option<bool>, Query, description = "Resolved ones too"),
        ("limit" = Option<usize>, Query, description = "At most so many, 1 to 1000; 100 if not said"),
        ("cursor" = Option<String>, Query, description = "The `next` of the page before"),
    ),
    responses((status = 200, body = Alerts)),
)]
pub(crate) async fn list(
    State(app): State<AppState>,
    mut params: Params,
) -> Result<Response, Problem> {
    let query = AlertQuery {
        site: params.parse("site")?,
        state: params.word("state", "raised, acknowledged, shelved, resolved")?,
        all: params.flag("all")?,
        kind: params.word("kind", "the kinds of alerts; /api/docs lists them")?,
        limit: params.limit(USUAL, MAX)?,
        cursor: params.text("cursor")?,
    };
    params.end()?;
    app.answer(move |read| {
        let (alerts, next) = read.alerts(&query)?;
        Ok(Alerts { alerts, next })
    })
    .await
}

/// One alert with its history
#[utoipa::path(
    get, path = "/api/v1/alerts/{alert}", tag = "alerts",
    params(("alert" = u64, Path, description = "The alert's id")),
    responses((status = 200, body = AlertView)),
)]
pub(crate) async fn one(
    State(app): State<AppState>,
    OfAlert(alert): OfAlert,
    params: Params,
) -> Result<Response, Problem> {
    params.end()?;
    app.answer(move |read| read.alert(alert)).await
}

/// Somebody has it. Already acknowledged answers 200 with who has it
#[utoipa::path(
    post, path = "/api/v1/alerts/{alert}/acknowledge", tag = "alerts",
    params(("alert" = u64, Path, description = "The alert's id")),
    request_body = Deed,
    responses((status = 200, body = AlertView)),
)]
pub(crate) async fn acknowledge(
    State(app): State<AppState>,
    OfAlert(alert): OfAlert,
    headers: HeaderMap,
    Body(said): Body<Deed>,
) -> Result<Json<Answer>, Problem> {
    let Deed { by, note, version } = said;
    act(
        &app,
        &headers,
        alert,
        AlertAct::Acknowledge,
        by,
        note,
        version,
    )
    .await
}

/// It is given to somebody, who then has it
#[utoipa::path(
    post, path = "/api/v1/alerts/{alert}/assign", tag = "alerts",
    params(("alert" = u64, Path, description = "The alert's id")),
    request_body = Assignment,
    responses((status = 200, body = AlertView)),
)]
pub(crate) async fn assign(
    State(app): State<AppState>,
    OfAlert(alert): OfAlert,
    headers: HeaderMap,
    Body(said): Body<Assignment>,
) -> Result<Json<Answer>, Problem> {
    let to = name(Some(said.to))?;
    let Assignment {
        by, note, version, ..
    } = said;
    act(
        &app,
        &headers,
        alert,
        AlertAct::Assign { to },
        by,
        note,
        version,
    )
    .await
}

/// Something is said about it
#[utoipa::path(
    post, path = "/api/v1/alerts/{alert}/comment", tag = "alerts",
    params(("alert" = u64, Path, description = "The alert's id")),
    request_body = Deed,
    responses((status = 200, body = AlertView)),
)]
pub(crate) async fn comment(
    State(app): State<AppState>,
    OfAlert(alert): OfAlert,
    headers: HeaderMap,
    Body(said): Body<Deed>,
) -> Result<Json<Answer>, Problem> {
    let Deed { by, note, version } = said;
    act(&app, &headers, alert, AlertAct::Comment, by, note, version).await
}

/// It can wait: until when, and why. Not for a suspected fever
#[utoipa::path(
    post, path = "/api/v1/alerts/{alert}/shelve", tag = "alerts",
    params(("alert" = u64, Path, description = "The alert's id")),
    request_body = Shelving,
    responses((status = 200, body = AlertView)),
)]
pub(crate) async fn shelve(
    State(app): State<AppState>,
    OfAlert(alert): OfAlert,
    headers: HeaderMap,
    Body(said): Body<Shelving>,
) -> Result<Json<Answer>, Problem> {
    let until = said.until;
    let Shelving {
        by, note, version, ..
    } = said;
    let note = Some(note);
    act(
        &app,
        &headers,
        alert,
        AlertAct::Shelve { until },
        by,
        note,
        version,
    )
    .await
}

/// It cannot wait any longer
#[utoipa::path(
    post, path = "/api/v1/alerts/{alert}/unshelve", tag = "alerts",
    params(("alert" = u64, Path, description = "The alert's id")),
    request_body = Deed,
    responses((status = 200, body = AlertView)),
)]
pub(crate) async fn unshelve(
    State(app): State<AppState>,
    OfAlert(alert): OfAlert,
    headers: HeaderMap,
    Body(said): Body<Deed>,
) -> Result<Json<Answer>, Problem> {
    let Deed { by, note, version } = said;
    act(&app, &headers, alert, AlertAct::Unshelve, by, note, version).await
}

/// It is over. Already resolved answers 200 with who said so
#[utoipa::path(
    post, path = "/api/v1/alerts/{alert}/resolve", tag = "alerts",
    params(("alert" = u64, Path, description = "The alert's id")),
    request_body = Resolution,
    responses((status = 200, body = AlertView)),
)]
pub(crate) async fn resolve(
    State(app): State<AppState>,
    OfAlert(alert): OfAlert,
    headers: HeaderMap,
    Body(said): Body<Resolution>,
) -> Result<Json<Answer>, Problem> {
    let outcome = said.outcome;
    let Resolution {
        by, note, version, ..
    } = said;
    act(
        &app,
        &headers,
        alert,
        AlertAct::Resolve { outcome },
        by,
        note,
        version,
    )
    .await
}

async fn act(
    app: &AppState,
    headers: &HeaderMap,
    alert: u64,
    act: AlertAct,
    by: Option<String>,
    note: Option<String>,
    version: Option<u64>,
) -> Result<Json<Answer>, Problem> {
    let command = Command {
        by: name(by)?,
        key: key(headers)?,
        act: Act::Alert {
            alert,
            version,
            note: words(note)?,
            act,
        },
    };
    Ok(Json(app.command.command(command).await?))
}
