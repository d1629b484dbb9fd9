//! What units are told from a distance: their configuration, and commands.

use axum::{Json, extract::State, response::Response};
use gatepost_model::remote::{MAX_CONFIG_BYTES, MAX_TEST_S, Measure, Order};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::people::{Person, name};
use crate::{
    error::Problem,
    extract::{Body, OfUnit},
    params::Params,
    ports::{Act, Answer},
    state::AppState,
    view::{CommandView, UnitConfig},
};

/// A configuration in JSON is at most twice as long as its text, and has a name and a version beside it.
const MAX_WANTED: usize = 2 * MAX_CONFIG_BYTES + 1024;

/// What a unit is to run with.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wanted {
    /// Who; `operator` if not said.
    by: Option<String>,
    /// The version that the person saw; a change in between is then a conflict.
    version: Option<u64>,
    /// A whole `gatepost-edge.toml`; without it the unit's own file.
    text: Option<String>,
}

/// What a unit is to do now.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Told {
    /// Who; `operator` if not said.
    by: Option<String>,
    /// `{"do":"identify","seconds"}`, `{"do":"test_output","output","seconds"}`,
    /// `{"do":"remeasure","lane"}`, `{"do":"calibrate","sensor","pulses_per_litre" or "litres"}`,
    /// `{"do":"test_mode","on"}` or `{"do":"record"}`.
    #[schema(value_type = Object)]
    command: Order,
}

/// Commands to a unit.
#[derive(Serialize, ToSchema)]
pub(crate) struct Commands {
    /// Newest first.
    commands: Vec<CommandView>,
}

/// The configuration that a unit is to run with, and what became of it
#[utoipa::path(
    get, path = "/api/v1/sites/{site}/units/{unit}/config", tag = "units",
    params(
        ("site" = String, Path, description = "The site's id"),
        ("unit" = String, Path, description = "The unit's id"),
    ),
    responses((status = 200, body = UnitConfig)),
)]
pub(crate) async fn config(
    State(app): State<AppState>,
    OfUnit(site, unit): OfUnit,
    params: Params,
) -> Result<Response, Problem> {
    params.end()?;
    app.answer(move |read| read.unit_config(&site, &unit)).await
}

/// A unit is to run with another configuration: it tries it, and keeps it or takes it back
#[utoipa::path(
    put, path = "/api/v1/sites/{site}/units/{unit}/config", tag = "units",
    params(
        ("site" = String, Path, description = "The site's id"),
        ("unit" = String, Path, description = "The unit's id"),
    ),
    request_body = Wanted,
    responses((status = 200, body = UnitConfig)),
)]
pub(crate) async fn configure(
    person: Person,
    OfUnit(site, unit): OfUnit,
    Body(said): Body<Wanted, MAX_WANTED>,
) -> Result<Json<Answer>, Problem> {
    if said
        .text
        .as_ref()
        .is_some_and(|text| text.len() > MAX_CONFIG_BYTES)
    {
        return Err(Problem::invalid_body(format!(
            "`text`: at most {MAX_CONFIG_BYTES} bytes are taken"
        )));
    }
    let act = Act::Configure {
        site,
        unit,
        version: said.version,
        text: said.text,
    };
    person.does(said.by, act).await
}

/// Commands to a unit, newest first, with what came of them
#[utoipa::path(
    get, path = "/api/v1/sites/{site}/units/{unit}/commands", tag = "units",
    params(
        ("site" = String, Path, description = "The site's id"),
        ("unit" = String, Path, description = "The unit's id"),
    ),
    responses((status = 200, body = Commands)),
)]
pub(crate) async fn commands(
    State(app): State<AppState>,
    OfUnit(site, unit): OfUnit,
    params: Params,
) -> Result<Response, Problem> {
    params.end()?;
    app.answer(move |read| {
        let commands = read.unit_commands(&site, &unit)?;
        Ok(Commands { commands })
    })
    .await
}

/// A unit is told to do something now; what came of it is in the list of commands
#[utoipa::path(
    post, path = "/api/v1/sites/{site}/units/{unit}/commands", tag = "units",
    params(
        ("site" = String, Path, description = "The site's id"),
        ("unit" = String, Path, description = "The unit's id"),
    ),
    request_body = Told,
    responses((status = 200, body = CommandView)),
)]
pub(crate) async fn tell(
    person: Person,
    OfUnit(site, unit): OfUnit,
    Body(said): Body<Told>,
) -> Result<Json<Answer>, Problem> {
    let by = name(said.by)?;
    let mut command = said.command;
    sensible(&command)?;
    if let Order::Calibrate { who, .. } = &mut command {
        who.clone_from(&by);
    }
    let act = Act::Tell {
        site,
        unit,
        command,
    };
    person.does(Some(by), act).await
}

/// Names and numbers that no unit would take.
fn sensible(command: &Order) -> Result<(), Problem> {
    match command {
        Order::Identify { seconds } | Order::TestOutput { seconds, .. }
            if !(1..=MAX_TEST_S).contains(seconds) =>
        {
            Err(Problem::invalid_body(format!(
                "`seconds` is 1 to {MAX_TEST_S}"
            )))
        }
        Order::Calibrate {
            by: Measure::PulsesPerLitre(number) | Measure::Litres(number),
            ..
        } if !(number.is_finite() && *number > 0.0) => Err(Problem::invalid_body(
            "`pulses_per_litre` or `litres` is above 0",
        )),
        _ => Ok(()),
    }
}
