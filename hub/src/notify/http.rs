//! Requests to channels, each bounded by time-outs. They wait for their answer, so they run where
//! waiting is allowed.

use std::time::Duration;

use serde_json::Value;
use ureq::{Agent, Body, RequestBuilder, http::Response, typestate::WithBody};

use super::channel::{refused, retry, too_fast};
use crate::core::paging::Failure;

const CONNECT: Duration = Duration::from_secs(10);
const PATIENCE: Duration = Duration::from_secs(25);
/// No channel's answer is longer.
const LONGEST_ANSWER: u64 = 64 * 1024;

/// What all channels share.
pub(super) fn agent() -> Agent {
    let config = Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .timeout_connect(Some(CONNECT))
        .timeout_global(Some(PATIENCE))
        .user_agent(concat!("gatepost-hub/", env!("CARGO_PKG_VERSION")));
    config.build().into()
}

/// Posts JSON. Answers status and body of what was taken.
pub(super) fn post(
    agent: &Agent,
    url: &str,
    headers: &[(&str, String)],
    body: &str,
) -> Result<(u16, String), Failure> {
    let request = agent.post(url).content_type("application/json");
    let request = headers.iter().fold(request, |request, (name, value)| {
        request.header(*name, value)
    });
    read(here(request, url).send(body))
}

/// Asks for an address.
pub(super) fn get(agent: &Agent, url: &str) -> Result<(), Failure> {
    let request = agent.get(url);
    let request = match is_here(url) {
        true => request.config().proxy(None).build(),
        false => request,
    };
    read(request.call()).map(drop)
}

/// What a robot answers: a code, and words.
pub(super) fn ask_robot(
    agent: &Agent,
    url: &str,
    body: &Value,
    names: (&str, &str),
) -> Result<(i64, String), Failure> {
    let (_, said) = post(agent, url, &[], &body.to_string())?;
    let said: Value = serde_json::from_str(&said).unwrap_or_default();
    let words = said[names.1].as_str().unwrap_or_default();
    match said[names.0].as_i64() {
        Some(code) => Ok((code, words.chars().take(200).collect())),
        None => Err(refused(format!("the answer has no `{}`", names.0))),
    }
}

/// Addresses of this machine, to which no proxy knows a way.
pub(crate) fn is_here(url: &str) -> bool {
    ["http://127.0.0.1:", "http://[::1]:", "http://localhost:"]
        .iter()
        .any(|here| url.starts_with(here))
}

fn here(request: RequestBuilder<WithBody>, url: &str) -> RequestBuilder<WithBody> {
    match is_here(url) {
        true => request.config().proxy(None).build(),
        false => request,
    }
}

fn read(said: Result<Response<Body>, ureq::Error>) -> Result<(u16, String), Failure> {
    // The address is left out of the words: of a robot it is the key.
    let mut said = said.map_err(|error| match error {
        ureq::Error::BadUri(_) | ureq::Error::Http(_) => refused("the address is none"),
        error => retry(error.to_string()),
    })?;
    let status = said.status();
    if status.is_success() {
        let body = said.body_mut().with_config().limit(LONGEST_ANSWER);
        let body = body.lossy_utf8(true).read_to_string();
        let body = body.map_err(|error| retry(format!("the answer was cut off: {error}")))?;
        return Ok((status.as_u16(), body));
    }
    let why = format!("the answer was {status}");
    if !(status.is_server_error() || matches!(status.as_u16(), 408 | 429)) {
        return Err(refused(why));
    }
    let after = said.headers().get("retry-after");
    let seconds = after.and_then(|it| it.to_str().ok()?.parse::<i64>().ok());
    Err(match seconds {
        Some(seconds) => too_fast(seconds.clamp(0, 86_400), why),
        None => retry(why),
    })
}
