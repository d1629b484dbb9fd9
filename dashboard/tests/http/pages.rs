//! The embedded page, whichever is embedded: the built one or the plain one.

use axum::http::StatusCode;

use crate::{
    fake::Fake,
    request::{Answer, app, get, get_with, post},
};

const PAGE: (&str, &str) = ("accept", "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8");

async fn browse(path: &str) -> Answer {
    get_with(app(&Fake::new()), path, &[PAGE]).await
}

#[tokio::test]
async fn the_document_stands_for_every_address_of_the_page() {
    let home = browse("/").await;
    assert_eq!(home.status, StatusCode::OK);
    assert!(
        home.text.contains("<title>Gatepost</title>"),
        "{}",
        home.text
    );
    for path in [
        "/sites/binjiang",
        "/alerts/1",
        "/charts?metric=passages",
        "/index.html",
    ] {
        let answer = browse(path).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}");
        assert_eq!(answer.text, home.text, "{path}");
        assert_eq!(answer.header("cache-control"), "no-cache", "{path}");
        assert_eq!(answer.header("content-type"), "text/html", "{path}");
    }
}

#[tokio::test]
async fn the_document_stands_for_nothing_else() {
    for path in [
        "/assets/missing.js",
        "/assets/",
        "/api/v1/nothing",
        "/api/nothing",
        "/api",
    ] {
        assert_eq!(browse(path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
    // A program, a script or a picture that asks for what is not there.
    for accept in ["application/json", "*/*", "image/avif,image/webp"] {
        let answer = get_with(app(&Fake::new()), "/sites/binjiang", &[("accept", accept)]).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{accept}");
    }
    assert_eq!(
        get(app(&Fake::new()), "/sites/binjiang").await.status,
        StatusCode::NOT_FOUND
    );
    assert_eq!(
        post(app(&Fake::new()), "/sites/binjiang", "").await.status,
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn what_the_document_needs_is_served() {
    let home = browse("/").await.text;
    for path in home.split('"').filter(|text| text.starts_with("/assets/")) {
        let answer = get(app(&Fake::new()), path).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}");
        assert!(
            answer.header("cache-control").contains("immutable"),
            "{path}"
        );
        let tag = answer.header("etag");
        let again = get_with(app(&Fake::new()), path, &[("if-none-match", tag)]).await;
        assert_eq!(again.status, StatusCode::NOT_MODIFIED, "{path}");
    }
    assert!(!home.contains("<style") && !home.contains(" style=") && !home.contains("<script>"));
}

#[tokio::test]
async fn every_answer_forbids_what_comes_from_elsewhere() {
    for path in [
        "/",
        "/assets/missing.js",
        "/api/v1/sites",
        "/api/v1/nothing",
        "/api/docs",
        "/healthz",
    ] {
        let answer = browse(path).await;
        assert_eq!(
            answer.header("content-security-policy"),
            "default-src 'self'; script-src 'self'; style-src 'self'; object-src 'none'; \
             base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
            "{path}"
        );
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("x-frame-options"), "DENY", "{path}");
    }
}

#[test]
fn the_build_names_itself() {
    let id = gatepost_dashboard::build_id();
    let (version, content) = id.split_once('-').unwrap();
    assert_eq!(version, env!("CARGO_PKG_VERSION"));
    assert_eq!(content.len(), 12);
}
