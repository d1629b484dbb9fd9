//! One request through the real router, and its answer.

use std::sync::Arc;

use axum::{
    Router,
    body::Body,
    http::{HeaderMap, Request, StatusCode},
};
use gatepost_dashboard::{Options, router};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::fake::Fake;

/// An answer, read to its end.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("no JSON: {}", self.text))
    }

    /// What a snapshot holds of it.
    pub(crate) fn shown(&self) -> Value {
        json!({
            "status": self.status.as_u16(),
            "content_type": self.header("content-type"),
            "cache_control": self.header("cache-control"),
            "body": self.json(),
        })
    }

    /// Asserts that it is a problem, and gives its code and detail.
    pub(crate) fn problem(&self) -> (String, String) {
        assert_eq!(
            self.header("content-type"),
            "application/problem+json",
            "{}",
            self.text
        );
        let body = self.json();
        assert_eq!(body["status"], self.status.as_u16());
        let text = |field: &str| body[field].as_str().unwrap().to_owned();
        assert_eq!(text("type"), format!("/api/docs#{}", text("code")));
        (text("code"), text("detail"))
    }
}

pub(crate) fn app(fake: &Arc<Fake>) -> Router {
    router(fake.services(Options::default()))
}

pub(crate) async fn send(app: Router, request: Request<Body>) -> Answer {
    let response = app.oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    Answer {
        status: parts.status,
        headers: parts.headers,
        text: String::from_utf8(bytes.to_vec()).unwrap(),
    }
}

pub(crate) async fn get(app: Router, path: &str) -> Answer {
    get_with(app, path, &[]).await
}

pub(crate) async fn get_with(app: Router, path: &str, headers: &[(&str, &str)]) -> Answer {
    let mut request = Request::get(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    send(app, request.body(Body::empty()).unwrap()).await
}

pub(crate) async fn post(app: Router, path: &str, body: impl Into<Body>) -> Answer {
    let request = Request::post(path).header("content-type", "application/json");
    send(app, request.body(body.into()).unwrap()).await
}
