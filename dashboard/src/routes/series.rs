//! Rows over time.

use axum::{extract::State, response::Response};
use gatepost_model::Wall;

use super::stretch::or_today;
use crate::{
    error::Problem,
    extract::InSite,
    params::Params,
    ports::{ReadError, SeriesQuery, Step},
    schema,
    state::AppState,
    view::Series,
};

/// More rows than any chart has pixels, and seven months of half hours.
const MAX_ROWS: i64 = 10_000;

/// Counts or measurements in buckets of a fixed width, each with the share of it that was watched
#[utoipa::path(
    get, path = "/api/v1/sites/{site}/series", tag = "record",
    params(
        ("site" = String, Path, description = "The site's id"),
        ("metric" = String, Query, description = "`passages`, `skin_c`, `ambient_c`, `litres`, `headcount` or any quantity"),
        ("lane" = Option<String>, Query, description = "Only this lane"),
        ("dir" = Option<schema::Direction>, Query, description = "Only this direction; both are summed otherwise"),
        ("zone" = Option<schema::Zone>, Query, description = "Only this zone"),
        ("sensor" = Option<String>, Query, description = "Only this sensor"),
        ("from" = Option<schema::Time>, Query, description = "From here on, inclusive; the start of the site's day if not said"),
        ("to" = Option<schema::Time>, Query, description = "Up to here, exclusive; the end of the site's day if not said"),
        ("step" = Option<String>, Query, description = "`1m`, `5m`, `30m`, `1h` (if not said) or `1d` (site-local day)"),
    ),
    responses((status = 200, body = Series)),
)]
pub(crate) async fn rows(
    State(app): State<AppState>,
    InSite(site): InSite,
    mut params: Params,
) -> Result<Response, Problem> {
    let metric = params.text("metric")?.ok_or_else(|| {
        Problem::invalid_parameter(
            "metric",
            "say which: passages, skin_c, ambient_c, litres, headcount or a quantity",
        )
    })?;
    let lane = params.parse("lane")?;
    let dir = params.word("dir", "in, out")?;
    let zone = params.parse("zone")?;
    let sensor = params.parse("sensor")?;
    let from = params.time("from")?;
    let to = params.time("to")?;
    let step = step(params.text("step")?.as_deref().unwrap_or("1h"))?;
    params.end()?;
    app.answer(move |read| {
        let (from, to) = or_today(read, &site, from, to)?;
        few_enough(from, to, step)?;
        let query = SeriesQuery {
            metric,
            lane,
            dir,
            zone,
            sensor,
            from,
            to,
            step,
        };
        read.series(&site, &query)
    })
    .await
}

fn step(text: &str) -> Result<Step, Problem> {
    match text {
        "1m" => Ok(Step::Minutes(1)),
        "5m" => Ok(Step::Minutes(5)),
        "30m" => Ok(Step::Minutes(30)),
        "1h" => Ok(Step::Minutes(60)),
        "1d" => Ok(Step::Day),
        _ => Err(Problem::invalid_parameter(
            "step",
            format!("`{text}` is none of 1m, 5m, 30m, 1h, 1d"),
        )),
    }
}

fn few_enough(from: Wall, to: Wall, step: Step) -> Result<(), ReadError> {
    let minutes = match step {
        Step::Minutes(minutes) => i64::from(minutes),
        Step::Day => 24 * 60,
    };
    let rows = to.micros_since(from) / (minutes * 60_000_000);
    if rows <= MAX_ROWS {
        return Ok(());
    }
    Err(ReadError::Invalid {
        parameter: "step",
        reason: format!(
            "this would be {rows} rows, at most {MAX_ROWS} are given: take a wider step or a shorter stretch"
        ),
    })
}
