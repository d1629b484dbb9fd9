//! What a route takes from a request: ids of the path, query, body. Refusals are problems.

use axum::{
    Json,
    body::Bytes,
    extract::{DefaultBodyLimit, FromRequest, FromRequestParts, Path, Query, Request},
    http::{header, request::Parts},
};
use gatepost_model::{SiteId, UnitId};
use serde::de::DeserializeOwned;

use crate::{error::Problem, params::Params};

/// The site of the path. An impossible id is a site that is not there.
pub(crate) struct InSite(pub(crate) SiteId);

/// The site and the unit of the path.
pub(crate) struct OfUnit(pub(crate) SiteId, pub(crate) UnitId);

/// The alert of the path.
pub(crate) struct OfAlert(pub(crate) u64);

/// A JSON body of at most `MAX` bytes; an empty one stands for `{}`.
pub(crate) struct Body<T, const MAX: usize = MAX_BODY>(pub(crate) T);

/// Longest body that is taken. A person's note is the largest thing that anybody sends, but for a
/// unit's configuration.
pub(crate) const MAX_BODY: usize = 16 * 1024;

impl<S: Send + Sync> FromRequestParts<S> for InSite {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let id: String = segments(parts, state, "site").await?;
        id.parse()
            .map(Self)
            .map_err(|_| Problem::not_found("site", &id))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for OfUnit {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let (site, unit): (String, String) = segments(parts, state, "unit").await?;
        Ok(Self(
            site.parse()
                .map_err(|_| Problem::not_found("site", &site))?,
            unit.parse()
                .map_err(|_| Problem::not_found("unit", &unit))?,
        ))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for OfAlert {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let id: String = segments(parts, state, "alert").await?;
        id.parse()
            .map(Self)
            .map_err(|_| Problem::not_found("alert", &id))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Params {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Query(pairs) = Query::<Vec<(String, String)>>::from_request_parts(parts, state)
            .await
            .map_err(|error| Problem::invalid_parameter("?", error.body_text()))?;
        Self::new(pairs)
    }
}

impl<S: Send + Sync, T: DeserializeOwned, const MAX: usize> FromRequest<S> for Body<T, MAX> {
    type Rejection = Problem;

    async fn from_request(mut request: Request, state: &S) -> Result<Self, Problem> {
        DefaultBodyLimit::max(MAX).apply(&mut request);
        // Only what a page of another origin cannot send without being asked first.
        let json = request
            .headers()
            .get(header::CONTENT_TYPE)
            .and_then(|kind| kind.to_str().ok())
            .is_some_and(|kind| kind.starts_with("application/json"));
        let bytes =
            Bytes::from_request(request, state)
                .await
                .map_err(|error| match error.status() {
                    axum::http::StatusCode::PAYLOAD_TOO_LARGE => Problem::body_too_large(MAX),
                    _ => Problem::invalid_body(error.body_text()),
                })?;
        let body: &[u8] = match &bytes[..] {
            b"" => b"{}",
            _ if !json => {
                return Err(Problem::invalid_body(
                    "send it as `Content-Type: application/json`",
                ));
            }
            // An array would do for a struct whose fields may all be missing.
            bytes if bytes.trim_ascii_start().first() != Some(&b'{') => {
                return Err(Problem::invalid_body("send an object"));
            }
            bytes => bytes,
        };
        Json::from_bytes(body)
            .map(|Json(value)| Self(value))
            .map_err(|error| Problem::invalid_body(error.body_text()))
    }
}

async fn segments<S: Send + Sync, T: DeserializeOwned + Send>(
    parts: &mut Parts,
    state: &S,
    what: &str,
) -> Result<T, Problem> {
    Path::from_request_parts(parts, state)
        .await
        .map(|Path(segments)| segments)
        .map_err(|_| Problem::not_found(what, parts.uri.path()))
}
