//! A site's settings: its file, and the calendar of its holidays.

use axum::{Json, extract::State, response::Response};
use serde::Deserialize;
use utoipa::ToSchema;

use super::people::Person;
use crate::{
    error::Problem,
    extract::{Body, InSite},
    params::Params,
    ports::{Act, Answer},
    state::AppState,
    view::{CalendarView, SettingsView},
};

/// Longest file that is taken, bytes: a calendar of ten years has a tenth of it.
const MAX_TEXT: usize = 256 * 1024;

/// A file in JSON is at most twice as long as its text, and has a few fields beside it.
const MAX_SAID: usize = 2 * MAX_TEXT + 1024;

/// What a site's settings are to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WantedSettings {
    /// Who; `operator` if not said.
    by: Option<String>,
    /// The version that the person saw; a change in between is then a conflict.
    version: Option<String>,
    /// The site's whole file, in TOML, as `site export` writes it.
    text: String,
}

/// A published calendar.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PublishedCalendar {
    /// Who; `operator` if not said.
    by: Option<String>,
    /// The file: iCalendar, or a table with the columns `date`, `kind` (`holiday` or `work`), `name`.
    text: String,
    /// Whether a day without a mark is a holiday in a calendar that has none, as of a country's own.
    #[serde(default)]
    all_holidays: bool,
}

/// The settings of a site
#[utoipa::path(
    get, path = "/api/v1/sites/{site}/settings", tag = "sites",
    params(("site" = String, Path, description = "The site's id")),
    responses((status = 200, body = SettingsView)),
)]
pub(crate) async fn settings(
    State(app): State<AppState>,
    InSite(site): InSite,
    params: Params,
) -> Result<Response, Problem> {
    params.end()?;
    app.answer(move |read| read.settings(&site)).await
}

/// A site is to have other settings; a changed plan begins tomorrow and leaves what was
#[utoipa::path(
    put, path = "/api/v1/sites/{site}/settings", tag = "sites",
    params(("site" = String, Path, description = "The site's id")),
    request_body = WantedSettings,
    responses(
        (status = 200, body = SettingsView),
        (status = 422, description = "Every mistake of the file, each with its line"),
    ),
)]
pub(crate) async fn change(
    person: Person,
    InSite(site): InSite,
    Body(said): Body<WantedSettings, MAX_SAID>,
) -> Result<Json<Answer>, Problem> {
    let act = Act::Settings {
        site,
        version: said.version,
        text: file(said.text)?,
    };
    person.does(said.by, act).await
}

/// Public holidays and make-up work days are taken in from a published calendar
#[utoipa::path(
    post, path = "/api/v1/sites/{site}/calendar", tag = "sites",
    params(("site" = String, Path, description = "The site's id")),
    request_body = PublishedCalendar,
    responses(
        (status = 200, body = CalendarView),
        (status = 422, description = "Every mistake of the file, each with its line"),
    ),
)]
pub(crate) async fn calendar(
    person: Person,
    InSite(site): InSite,
    Body(said): Body<PublishedCalendar, MAX_SAID>,
) -> Result<Json<Answer>, Problem> {
    let act = Act::Calendar {
        site,
        text: file(said.text)?,
        all_holidays: said.all_holidays,
    };
    person.does(said.by, act).await
}

fn file(text: String) -> Result<String, Problem> {
    if text.len() > MAX_TEXT {
        let what = format!("`text`: at most {MAX_TEXT} bytes are taken");
        return Err(Problem::invalid_body(what));
    }
    Ok(text)
}
