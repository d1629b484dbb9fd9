//! Every error as `application/problem+json` (RFC 9457), in this one file.

use std::collections::BTreeMap;

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::ports::{Answer, CommandError, ReadError};

/// A problem: what every answer that is not a success carries.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct Problem {
    /// Where the code is described.
    #[serde(rename = "type")]
    kind: String,
    /// The code in words.
    title: &'static str,
    /// The HTTP status.
    status: u16,
    /// Stable: what programs compare.
    code: &'static str,
    /// What is wrong here, and what would be right.
    detail: String,
    /// The parameter at fault, for `invalid_parameter`.
    #[serde(skip_serializing_if = "Option::is_none")]
    parameter: Option<String>,
    /// What is in the way as it is now, under its noun, for `conflict`.
    #[serde(flatten)]
    #[schema(value_type = Option<Object>)]
    now: Option<Box<Now>>,
}

/// Every code with its status and title. `docs` prints the same list.
pub(crate) const CODES: [(&str, StatusCode, &str); 10] = [
    INVALID_PARAMETER,
    INVALID_BODY,
    BODY_TOO_LARGE,
    UNAUTHORIZED,
    FORBIDDEN,
    NOT_FOUND,
    METHOD_NOT_ALLOWED,
    CONFLICT,
    NOT_ALLOWED,
    UNAVAILABLE,
];

/// What is in the way, under its noun.
type Now = BTreeMap<&'static str, Answer>;

type Code = (&'static str, StatusCode, &'static str);

const INVALID_PARAMETER: Code = (
    "invalid_parameter",
    StatusCode::BAD_REQUEST,
    "A parameter cannot be understood",
);
const INVALID_BODY: Code = (
    "invalid_body",
    StatusCode::BAD_REQUEST,
    "The body cannot be understood",
);
const BODY_TOO_LARGE: Code = (
    "body_too_large",
    StatusCode::PAYLOAD_TOO_LARGE,
    "The body is too large",
);
const UNAUTHORIZED: Code = (
    "unauthorized",
    StatusCode::UNAUTHORIZED,
    "A token is needed",
);
const FORBIDDEN: Code = (
    "forbidden",
    StatusCode::FORBIDDEN,
    "The request comes from elsewhere",
);
const NOT_FOUND: Code = ("not_found", StatusCode::NOT_FOUND, "No such thing");
const METHOD_NOT_ALLOWED: Code = (
    "method_not_allowed",
    StatusCode::METHOD_NOT_ALLOWED,
    "The path has no such method",
);
const CONFLICT: Code = (
    "conflict",
    StatusCode::CONFLICT,
    "Somebody changed it in between",
);
const NOT_ALLOWED: Code = (
    "not_allowed",
    StatusCode::UNPROCESSABLE_ENTITY,
    "The rules do not allow it",
);
const UNAVAILABLE: Code = (
    "unavailable",
    StatusCode::SERVICE_UNAVAILABLE,
    "The hub cannot answer now",
);
impl Problem {
    fn new((code, status, title): Code, detail: impl Into<String>) -> Self {
        Self {
            kind: format!("/api/docs#{code}"),
            title,
            status: status.as_u16(),
            code,
            detail: detail.into(),
            parameter: None,
            now: None,
        }
    }

    pub(crate) fn invalid_parameter(name: &str, reason: impl Into<String>) -> Self {
        Self {
            parameter: Some(name.to_owned()),
            ..Self::new(INVALID_PARAMETER, reason)
        }
    }

    pub(crate) fn invalid_body(reason: impl Into<String>) -> Self {
        Self::new(INVALID_BODY, reason)
    }

    pub(crate) fn body_too_large(limit: usize) -> Self {
        Self::new(BODY_TOO_LARGE, format!("at most {limit} bytes are taken"))
    }

    pub(crate) fn unauthorized() -> Self {
        Self::new(
            UNAUTHORIZED,
            "send the token of the hub's configuration as `Authorization: Bearer`, or as the password",
        )
    }

    pub(crate) fn forbidden(reason: impl Into<String>) -> Self {
        Self::new(FORBIDDEN, reason)
    }

    pub(crate) fn not_found(what: &str, id: &str) -> Self {
        let id: String = id.chars().take(64).collect();
        Self::new(NOT_FOUND, format!("there is no {what} `{id}`"))
    }

    pub(crate) fn method_not_allowed(method: &str, path: &str) -> Self {
        Self::new(METHOD_NOT_ALLOWED, format!("{path} does not take {method}"))
    }

    pub(crate) fn unavailable(reason: impl Into<String>) -> Self {
        Self::new(UNAVAILABLE, reason)
    }

    pub(crate) fn timeout(seconds: u64) -> Self {
        Self::unavailable(format!(
            "there was no answer within {seconds} s; ask for less, or later"
        ))
    }
}

impl From<ReadError> for Problem {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::NotFound { what, id } => Self::not_found(what, &id),
            ReadError::Invalid { parameter, reason } => Self::invalid_parameter(parameter, reason),
            ReadError::Unavailable(reason) => {
                tracing::warn!(reason, "a read was refused: the store cannot answer");
                Self::unavailable(format!("the store cannot answer: {reason}"))
            }
        }
    }
}

impl From<CommandError> for Problem {
    fn from(error: CommandError) -> Self {
        match error {
            CommandError::NotFound { what, id } => Self::not_found(what, &id),
            CommandError::Conflict(now) => {
                let noun = now.noun();
                let detail =
                    format!("the version sent is not the newest; `{noun}` is as it is now");
                Self {
                    now: Some(Box::new([(noun, *now)].into())),
                    ..Self::new(CONFLICT, detail)
                }
            }
            CommandError::Refused(reason) => Self::new(NOT_ALLOWED, reason),
            CommandError::Unavailable(reason) => {
                tracing::warn!(reason, "a change was refused: it could not be stored");
                Self::unavailable(format!("it could not be stored: {reason}"))
            }
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_vec(&self).unwrap_or_default();
        let mut response = (
            status,
            [(header::CONTENT_TYPE, "application/problem+json")],
            body,
        )
            .into_response();
        if status == StatusCode::UNAUTHORIZED {
            // Basic, so that a browser asks for the token by itself and then sends it with every
            // request of the page, the stream's included.
            for way in ["Basic realm=\"Gatepost\", charset=\"UTF-8\"", "Bearer"] {
                response
                    .headers_mut()
                    .append(header::WWW_AUTHENTICATE, HeaderValue::from_static(way));
            }
        }
        response
    }
}
