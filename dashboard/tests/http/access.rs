//! Who may ask, and who may change.

use axum::{
    Router,
    body::Body,
    http::{Request, StatusCode},
};
use gatepost_dashboard::{Options, router};

use crate::{
    fake::Fake,
    request::{Answer, app, get, get_with, send},
};

fn guarded() -> Router {
    let token = Some("three-lanes".to_owned());
    router(Fake::new().services(Options {
        token,
        ..Options::default()
    }))
}

async fn acknowledge(app: Router, headers: &[(&str, &str)]) -> Answer {
    let mut request = Request::post("/api/v1/alerts/1/acknowledge");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    send(app, request.body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn a_token_guards_all_but_the_probes() {
    for path in [
        "/",
        "/api/v1/sites",
        "/api/v1/stream",
        "/api/docs",
        "/api/nothing",
        "/metrics",
    ] {
        let answer = get(guarded(), path).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{path}");
        assert_eq!(answer.problem().0, "unauthorized");
        let ways: Vec<_> = answer.headers.get_all("www-authenticate").iter().collect();
        assert_eq!(
            ways,
            ["Basic realm=\"Gatepost\", charset=\"UTF-8\"", "Bearer"],
            "{path}"
        );
    }
    for path in ["/healthz", "/readyz"] {
        assert_eq!(get(guarded(), path).await.status, StatusCode::OK, "{path}");
    }
}

#[tokio::test]
async fn the_token_opens() {
    for (value, status) in [
        ("Bearer three-lanes", StatusCode::OK),
        ("bearer  three-lanes", StatusCode::OK),
        ("Bearer four-lanes", StatusCode::UNAUTHORIZED),
        ("Bearer", StatusCode::UNAUTHORIZED),
        ("Bearer ", StatusCode::UNAUTHORIZED),
        // Basic: `:three-lanes`, `li:three-lanes`, `three-lanes`, no base64, another scheme.
        ("Basic OnRocmVlLWxhbmVz", StatusCode::OK),
        ("Basic bGk6dGhyZWUtbGFuZXM=", StatusCode::OK),
        ("Basic dGhyZWUtbGFuZXM=", StatusCode::UNAUTHORIZED),
        ("Basic ???", StatusCode::UNAUTHORIZED),
        ("Digest three-lanes", StatusCode::UNAUTHORIZED),
    ] {
        let answer = get_with(guarded(), "/api/v1/sites", &[("authorization", value)]).await;
        assert_eq!(answer.status, status, "{value}");
    }
}

#[tokio::test]
async fn without_a_token_only_this_machines_names_are_answered() {
    for (host, status) in [
        ("127.0.0.1:8080", StatusCode::OK),
        ("[::1]:8080", StatusCode::OK),
        ("localhost", StatusCode::OK),
        ("gatepost.localhost:8080", StatusCode::OK),
        ("elsewhere.example:8080", StatusCode::FORBIDDEN),
        ("localhost.example", StatusCode::FORBIDDEN),
        ("127.0.0.1.example", StatusCode::FORBIDDEN),
    ] {
        let answer = get_with(app(&Fake::new()), "/api/v1/sites", &[("host", host)]).await;
        assert_eq!(answer.status, status, "{host}");
    }
    let named = [
        ("host", "hub.example"),
        ("authorization", "Bearer three-lanes"),
    ];
    assert_eq!(
        get_with(guarded(), "/api/v1/sites", &named).await.status,
        StatusCode::OK
    );
}

#[tokio::test]
async fn changes_are_taken_from_our_own_page_and_from_programs() {
    let host = ("host", "127.0.0.1:8080");
    for (origin, status) in [
        (None, StatusCode::OK),
        (Some("http://127.0.0.1:8080"), StatusCode::OK),
        (Some("https://127.0.0.1:8080"), StatusCode::OK),
        (Some("http://127.0.0.1:9090"), StatusCode::FORBIDDEN),
        (Some("http://elsewhere.example"), StatusCode::FORBIDDEN),
        (Some("null"), StatusCode::FORBIDDEN),
    ] {
        let mut headers = vec![host];
        headers.extend(origin.map(|origin| ("origin", origin)));
        let answer = acknowledge(app(&Fake::new()), &headers).await;
        assert_eq!(answer.status, status, "{origin:?}");
        // Reading is not changing: the browser keeps the answer from a foreign page by itself.
        let answer = get_with(app(&Fake::new()), "/api/v1/sites", &headers).await;
        assert_eq!(answer.status, StatusCode::OK, "{origin:?}");
    }
}

#[tokio::test]
async fn a_token_does_not_excuse_a_foreign_origin() {
    let headers = [
        ("host", "hub.example"),
        ("authorization", "Basic OnRocmVlLWxhbmVz"),
        ("origin", "http://elsewhere.example"),
    ];
    let answer = acknowledge(guarded(), &headers).await;
    assert_eq!(answer.problem().0, "forbidden");
}
