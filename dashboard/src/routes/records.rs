//! What people record by hand: rounds, excuses, roll-calls, entries.

use axum::{
    Json,
    extract::{Path, State},
    response::Response,
};
use gatepost_model::{LaneId, Zone, event::EntryOutcome};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::people::{Person, reason, words};
use crate::{
    error::Problem,
    extract::{Body, InSite},
    params::Params,
    ports::{Act, Answer},
    schema,
    state::AppState,
    view::{
        EntryCounts, ExcuseView, HandRound, IsolationView, MeasuredView, RollCallView,
        ThroughputView,
    },
};

/// A round that no unit saw, and who records it.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Recorded {
    /// Who; `operator` if not said.
    by: Option<String>,
    /// The round.
    round: HandRound,
}

/// Why a planned round need not be done.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Excused {
    /// Who; `operator` if not said.
    by: Option<String>,
    /// `rain`, `people_present`, `stopped_work`, or in words.
    reason: String,
}

/// People were counted.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Counted {
    /// Who; `operator` if not said.
    by: Option<String>,
    /// In a zone; on the site where none is named.
    #[schema(value_type = Option<schema::Zone>)]
    zone: Option<Zone>,
    /// How many.
    count: u32,
}

/// How an attempt to enter ended.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Ended {
    /// Who; `operator` if not said.
    by: Option<String>,
    /// At which lane.
    #[schema(value_type = String)]
    lane: LaneId,
    /// `admitted`, `refused` or `isolated`.
    #[schema(value_type = String)]
    outcome: EntryOutcome,
    /// Why it was refused.
    reason: Option<String>,
}

/// Roll-calls of a site.
#[derive(Serialize, ToSchema)]
pub(crate) struct RollCalls {
    /// Newest first.
    roll_calls: Vec<RollCallView>,
}

/// How many were measured.
#[derive(Serialize, ToSchema)]
pub(crate) struct MeasuredWindows {
    /// The site first, then its zones, by window.
    measured: Vec<MeasuredView>,
}

/// How many of those who passed in the morning and in the evening were measured
#[utoipa::path(
    get, path = "/api/v1/sites/{site}/measured", tag = "people",
    params(
        ("site" = String, Path, description = "The site's id"),
        ("date" = Option<String>, Query, description = "The site-local day as YYYY-MM-DD; today if not said"),
    ),
    responses(
        (status = 200, body = MeasuredWindows),
        (status = 404, description = "No such site, or its counts of that day, 70 days old or more, are forgotten"),
    ),
)]
pub(crate) async fn measured(
    State(app): State<AppState>,
    InSite(site): InSite,
    mut params: Params,
) -> Result<Response, Problem> {
    let date = params.parse("date")?;
    params.end()?;
    app.answer(move |read| {
        let measured = read.measured(&site, date)?;
        Ok(MeasuredWindows { measured })
    })
    .await
}

/// People were let out of isolation.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Released {
    /// Who says so; `operator` if not said.
    by: Option<String>,
    /// How many, at least 1.
    count: u32,
    /// Why.
    reason: String,
}

/// The isolation register: in, released, present
#[utoipa::path(
    get, path = "/api/v1/sites/{site}/isolation", tag = "people",
    params(("site" = String, Path, description = "The site's id")),
    responses((status = 200, body = IsolationView)),
)]
pub(crate) async fn isolation(
    State(app): State<AppState>,
    InSite(site): InSite,
    params: Params,
) -> Result<Response, Problem> {
    params.end()?;
    app.answer(move |read| read.isolation(&site)).await
}

/// How fast people come through each lane.
#[derive(Serialize, ToSchema)]
pub(crate) struct Throughput {
    /// In the order of the site's lanes.
    throughput: Vec<ThroughputView>,
}

/// How fast people come through each lane now, and whether a second one is needed
#[utoipa::path(
    get, path = "/api/v1/sites/{site}/throughput", tag = "people",
    params(("site" = String, Path, description = "The site's id")),
    responses((status = 200, body = Throughput)),
)]
pub(crate) async fn throughput(
    State(app): State<AppState>,
    InSite(site): InSite,
    params: Params,
) -> Result<Response, Problem> {
    params.end()?;
    app.answer(move |read| {
        let throughput = read.throughput(&site)?;
        Ok(Throughput { throughput })
    })
    .await
}

/// People were let out of isolation
#[utoipa::path(
    post, path = "/api/v1/sites/{site}/isolation", tag = "people",
    params(("site" = String, Path, description = "The site's id")),
    request_body = Released,
    responses((status = 200, body = IsolationView)),
)]
pub(crate) async fn release(
    person: Person,
    InSite(site): InSite,
    Body(said): Body<Released>,
) -> Result<Json<Answer>, Problem> {
    let act = Act::Release {
        site,
        count: said.count.into(),
        reason: reason(said.reason)?,
    };
    person.does(said.by, act).await
}

/// Balances of entries.
#[derive(Serialize, ToSchema)]
pub(crate) struct Entries {
    /// By site-local day, newest first.
    entries: Vec<EntryCounts>,
}

/// A round that no unit saw is recorded by hand
#[utoipa::path(
    post, path = "/api/v1/sites/{site}/rounds", tag = "rounds",
    params(("site" = String, Path, description = "The site's id")),
    request_body = Recorded,
    responses((status = 200, body = HandRound)),
)]
pub(crate) async fn round(
    person: Person,
    InSite(site): InSite,
    Body(said): Body<Recorded>,
) -> Result<Json<Answer>, Problem> {
    let round = HandRound {
        reason: reason(said.round.reason)?,
        ..said.round
    };
    person.does(said.by, Act::Round { site, round }).await
}

/// A planned round need not be done: why
#[utoipa::path(
    post, path = "/api/v1/sites/{site}/slots/{slot}/excuse", tag = "rounds",
    params(
        ("site" = String, Path, description = "The site's id"),
        ("slot" = String, Path, description = "The planned round's id"),
    ),
    request_body = Excused,
    responses((status = 200, body = ExcuseView)),
)]
pub(crate) async fn excuse(
    person: Person,
    Path((site, slot)): Path<(String, String)>,
    Body(said): Body<Excused>,
) -> Result<Json<Answer>, Problem> {
    let act = Act::Excuse {
        site: site
            .parse()
            .map_err(|_| Problem::not_found("site", &site))?,
        slot,
        reason: reason(said.reason)?,
    };
    person.does(said.by, act).await
}

/// People were counted: the headcount begins anew
#[utoipa::path(
    post, path = "/api/v1/sites/{site}/roll-calls", tag = "people",
    params(("site" = String, Path, description = "The site's id")),
    request_body = Counted,
    responses((status = 200, body = RollCallView)),
)]
pub(crate) async fn roll_call(
    person: Person,
    InSite(site): InSite,
    Body(said): Body<Counted>,
) -> Result<Json<Answer>, Problem> {
    let act = Act::RollCall {
        site,
        zone: said.zone,
        count: said.count.into(),
    };
    person.does(said.by, act).await
}

/// Roll-calls of a site, newest first
#[utoipa::path(
    get, path = "/api/v1/sites/{site}/roll-calls", tag = "people",
    params(("site" = String, Path, description = "The site's id")),
    responses((status = 200, body = RollCalls)),
)]
pub(crate) async fn roll_calls(
    State(app): State<AppState>,
    InSite(site): InSite,
    params: Params,
) -> Result<Response, Problem> {
    params.end()?;
    app.answer(move |read| {
        let roll_calls = read.roll_calls(&site)?;
        Ok(RollCalls { roll_calls })
    })
    .await
}

/// An attempt to enter ended
#[utoipa::path(
    post, path = "/api/v1/sites/{site}/entries", tag = "people",
    params(("site" = String, Path, description = "The site's id")),
    request_body = Ended,
    responses((status = 200, body = EntryCounts)),
)]
pub(crate) async fn entry(
    person: Person,
    InSite(site): InSite,
    Body(said): Body<Ended>,
) -> Result<Json<Answer>, Problem> {
    let act = Act::Entry {
        site,
        lane: said.lane,
        outcome: said.outcome,
        reason: words("reason", said.reason)?,
    };
    person.does(said.by, act).await
}

/// Balances of entries by site-local day, newest first
#[utoipa::path(
    get, path = "/api/v1/sites/{site}/entries", tag = "people",
    params(("site" = String, Path, description = "The site's id")),
    responses((status = 200, body = Entries)),
)]
pub(crate) async fn entries(
    State(app): State<AppState>,
    InSite(site): InSite,
    params: Params,
) -> Result<Response, Problem> {
    params.end()?;
    app.answer(move |read| {
        let entries = read.entries(&site)?;
        Ok(Entries { entries })
    })
    .await
}
