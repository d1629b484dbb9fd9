//! Alerts, and what people do about them.

use axum::{Json, extract::State, response::Response};
use gatepost_model::{Wall, alert::Outcome};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::people::{Person, Said, name, words};
use crate::{
    error::Problem,
    extract::{Body, OfAlert},
    params::Params,
    ports::{Act, AlertAct, AlertQuery, Answer},
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

/// Who gives it to somebody, and to whom.
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

/// Who says that it can wait, and until when.
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

/// Who says that it is over, and how it ended.
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
    request_body = Said,
    responses((status = 200, body = AlertView)),
)]
pub(crate) async fn acknowledge(
    person: Person,
    OfAlert(alert): OfAlert,
    Body(said): Body<Said>,
) -> Result<Json<Answer>, Problem> {
    act(person, alert, AlertAct::Acknowledge, said).await
}

/// It is given to somebody, who then has it
#[utoipa::path(
    post, path = "/api/v1/alerts/{alert}/assign", tag = "alerts",
    params(("alert" = u64, Path, description = "The alert's id")),
    request_body = Assignment,
    responses((status = 200, body = AlertView)),
)]
pub(crate) async fn assign(
    person: Person,
    OfAlert(alert): OfAlert,
    Body(said): Body<Assignment>,
) -> Result<Json<Answer>, Problem> {
    let to = name(Some(said.to))?;
    let Assignment {
        by, note, version, ..
    } = said;
    let said = Said { by, note, version };
    act(person, alert, AlertAct::Assign { to }, said).await
}

/// Something is said about it
#[utoipa::path(
    post, path = "/api/v1/alerts/{alert}/comment", tag = "alerts",
    params(("alert" = u64, Path, description = "The alert's id")),
    request_body = Said,
    responses((status = 200, body = AlertView)),
)]
pub(crate) async fn comment(
    person: Person,
    OfAlert(alert): OfAlert,
    Body(said): Body<Said>,
) -> Result<Json<Answer>, Problem> {
    act(person, alert, AlertAct::Comment, said).await
}

/// It can wait: until when, and why. Not for a suspected fever
#[utoipa::path(
    post, path = "/api/v1/alerts/{alert}/shelve", tag = "alerts",
    params(("alert" = u64, Path, description = "The alert's id")),
    request_body = Shelving,
    responses((status = 200, body = AlertView)),
)]
pub(crate) async fn shelve(
    person: Person,
    OfAlert(alert): OfAlert,
    Body(said): Body<Shelving>,
) -> Result<Json<Answer>, Problem> {
    let Shelving {
        until,
        by,
        note,
        version,
    } = said;
    let note = Some(note);
    let said = Said { by, note, version };
    act(person, alert, AlertAct::Shelve { until }, said).await
}

/// It cannot wait any longer
#[utoipa::path(
    post, path = "/api/v1/alerts/{alert}/unshelve", tag = "alerts",
    params(("alert" = u64, Path, description = "The alert's id")),
    request_body = Said,
    responses((status = 200, body = AlertView)),
)]
pub(crate) async fn unshelve(
    person: Person,
    OfAlert(alert): OfAlert,
    Body(said): Body<Said>,
) -> Result<Json<Answer>, Problem> {
    act(person, alert, AlertAct::Unshelve, said).await
}

/// It is over. Already resolved answers 200 with who said so
#[utoipa::path(
    post, path = "/api/v1/alerts/{alert}/resolve", tag = "alerts",
    params(("alert" = u64, Path, description = "The alert's id")),
    request_body = Resolution,
    responses((status = 200, body = AlertView)),
)]
pub(crate) async fn resolve(
    person: Person,
    OfAlert(alert): OfAlert,
    Body(said): Body<Resolution>,
) -> Result<Json<Answer>, Problem> {
    let Resolution {
        outcome,
        by,
        note,
        version,
    } = said;
    let said = Said { by, note, version };
    act(person, alert, AlertAct::Resolve { outcome }, said).await
}

async fn act(
    person: Person,
    alert: u64,
    act: AlertAct,
    said: Said,
) -> Result<Json<Answer>, Problem> {
    let Said { by, note, version } = said;
    let act = Act::Alert {
        alert,
        version,
        note: words("note", note)?,
        act,
    };
    person.does(by, act).await
}
