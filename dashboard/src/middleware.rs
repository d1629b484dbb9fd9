//! What holds for every request: headers of the answer, who may ask, how long it may take.

use std::time::Duration;

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use base64::{Engine, prelude::BASE64_STANDARD};

use crate::{
    error::Problem,
    state::{AppState, digest},
};

/// Longest time until an answer begins. The live stream begins at once and then stays open.
const DEADLINE: Duration = Duration::from_secs(30);

/// Nothing from elsewhere, nothing inline, in nobody's frame.
const CONTENT_SECURITY_POLICY: &str = "default-src 'self'; script-src 'self'; style-src 'self'; \
     object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

const HEADERS: [(HeaderName, &str); 6] = [
    (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "same-origin"),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
];

/// Puts the headers on every answer that keep a page from doing what it should not.
pub(crate) async fn security_headers(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    for (name, value) in HEADERS {
        response
            .headers_mut()
            .insert(name, HeaderValue::from_static(value));
    }
    response
}

/// Answers of the API are of this moment.
pub(crate) async fn no_store(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    response
        .headers_mut()
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    response
}

/// Says so when an answer takes too long, instead of leaving the reader waiting.
pub(crate) async fn deadline(request: Request, next: Next) -> Response {
    match tokio::time::timeout(DEADLINE, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Problem::timeout(DEADLINE.as_secs()).into_response(),
    }
}

/// Refuses who has no token, and what another origin's page sends.
pub(crate) async fn access(
    State(app): State<AppState>,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let headers = request.headers();
    match &app.token {
        Some(token) if presented(headers).is_none_or(|given| digest(&given) != *token) => {
            return Err(Problem::unauthorized());
        }
        None => own_name(headers)?,
        Some(_) => {}
    }
    if !matches!(
        *request.method(),
        Method::GET | Method::HEAD | Method::OPTIONS
    ) {
        same_origin(headers)?;
    }
    Ok(next.run(request).await)
}

/// The token of a request: a bearer's, or the password of what a browser asked its user for.
fn presented(headers: &HeaderMap) -> Option<String> {
    let (scheme, value) = text(headers, header::AUTHORIZATION)?.split_once(' ')?;
    let value = value.trim();
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(value.to_owned());
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let pair = String::from_utf8(BASE64_STANDARD.decode(value).ok()?).ok()?;
    pair.split_once(':').map(|(_, token)| token.to_owned())
}

/// Without a token the API is for this machine. A page anywhere can give its own name the address
/// 127.0.0.1 and would then be of one origin with the API; its name is what tells it from us.
fn own_name(headers: &HeaderMap) -> Result<(), Problem> {
    let Some(host) = text(headers, header::HOST) else {
        return Ok(());
    };
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or(rest),
        None => host.split(':').next().unwrap_or(host),
    };
    let ours = name.parse::<std::net::IpAddr>().is_ok()
        || name == "localhost"
        || name.ends_with(".localhost");
    match ours {
        true => Ok(()),
        false => Err(Problem::forbidden(
            "without a token only addresses and `localhost` are answered; set `token` in the hub's configuration",
        )),
    }
}

/// A change must come from our own page or from a program. Browsers name the origin of every change.
fn same_origin(headers: &HeaderMap) -> Result<(), Problem> {
    let Some(origin) = headers.get(header::ORIGIN) else {
        return Ok(());
    };
    let from = origin
        .to_str()
        .ok()
        .and_then(|origin| origin.split_once("://"));
    match (from, text(headers, header::HOST)) {
        (Some((_, from)), Some(host)) if from.eq_ignore_ascii_case(host) => Ok(()),
        _ => Err(Problem::forbidden(
            "the `Origin` is not the `Host`: changes are taken from the hub's own page only",
        )),
    }
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}
