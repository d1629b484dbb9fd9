//! Each path's success and its errors, as JSON.

use std::sync::atomic::Ordering;

use axum::{
    body::Body,
    http::{Request, StatusCode},
};
use gatepost_model::remote::MAX_CONFIG_BYTES;
use serde_json::json;

use crate::{
    fake::Fake,
    request::{app, get, post, send},
};

#[tokio::test]
async fn reads_answer_what_the_hub_knows() {
    for (name, path) in [
        ("sites", "/api/v1/sites"),
        ("site", "/api/v1/sites/binjiang"),
        ("events", "/api/v1/sites/binjiang/events"),
        ("series", "/api/v1/sites/binjiang/series?metric=passages"),
        ("slots", "/api/v1/sites/binjiang/slots"),
        ("compliance", "/api/v1/sites/binjiang/compliance"),
        ("settings", "/api/v1/sites/binjiang/settings"),
        ("unit", "/api/v1/sites/binjiang/units/gate-1"),
        ("units", "/api/v1/units"),
        ("latest", "/api/v1/latest?site=binjiang"),
        ("alerts", "/api/v1/alerts"),
        ("alert", "/api/v1/alerts/1"),
        ("hand_overs", "/api/v1/sites/binjiang/hand-overs"),
        (
            "measured",
            "/api/v1/sites/binjiang/measured?date=2026-11-23",
        ),
        ("isolation", "/api/v1/sites/binjiang/isolation"),
        ("downtimes", "/api/v1/downtimes"),
        ("throughput", "/api/v1/sites/binjiang/throughput"),
        ("quarantine", "/api/v1/quarantine"),
        ("outbox", "/api/v1/outbox"),
        ("recipients", "/api/v1/sites/binjiang/recipients"),
    ] {
        let answer = get(app(&Fake::new()), path).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.text);
        insta::assert_json_snapshot!(name, answer.shown());
    }
}

#[tokio::test]
async fn what_is_not_there_is_a_problem() {
    for (path, detail) in [
        ("/api", "there is no path `/api`"),
        ("/api/v1", "there is no path `/api/v1`"),
        ("/api/v1/nothing", "there is no path `/api/v1/nothing`"),
        ("/api/v1/sites/", "there is no path `/api/v1/sites/`"),
        ("/api/v1/sites/nowhere", "there is no site `nowhere`"),
        ("/api/v1/sites/No%20Where", "there is no site `No Where`"),
        ("/api/v1/sites/nowhere/events", "there is no site `nowhere`"),
        (
            "/api/v1/sites/nowhere/series?metric=passages",
            "there is no site `nowhere`",
        ),
        ("/api/v1/sites/nowhere/slots", "there is no site `nowhere`"),
        (
            "/api/v1/sites/binjiang/units/gate-9",
            "there is no unit `gate-9`",
        ),
        (
            "/api/v1/sites/binjiang/units/alerts",
            "there is no unit `alerts`",
        ),
        ("/api/v1/alerts/99", "there is no alert `99`"),
        ("/api/v1/alerts/first", "there is no alert `first`"),
        (
            "/api/v1/stream?scope=site:nowhere",
            "there is no site `nowhere`",
        ),
    ] {
        let answer = get(app(&Fake::new()), path).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
        assert_eq!(
            answer.problem(),
            ("not_found".to_owned(), detail.to_owned()),
            "{path}"
        );
    }
}

#[tokio::test]
async fn a_path_that_is_no_text_is_not_there() {
    let answer = get(app(&Fake::new()), "/api/v1/sites/%FF").await;
    assert_eq!(answer.problem().0, "not_found");
}

#[tokio::test]
async fn a_method_that_a_path_does_not_take_is_a_problem() {
    let answer = post(app(&Fake::new()), "/api/v1/sites", "{}").await;
    assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED);
    assert!(
        answer.header("allow").contains("GET"),
        "{:?}",
        answer.headers
    );
    insta::assert_json_snapshot!("method_not_allowed", answer.shown());

    let answer = get(app(&Fake::new()), "/api/v1/alerts/1/acknowledge").await;
    assert_eq!(answer.problem().0, "method_not_allowed");
}

#[tokio::test]
async fn a_store_that_cannot_answer_is_a_problem() {
    let fake = Fake::new();
    fake.broken.store(true, Ordering::Relaxed);
    let answer = get(app(&fake), "/api/v1/sites").await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    insta::assert_json_snapshot!("unavailable", answer.shown());
    let answer = post(app(&fake), "/api/v1/alerts/1/acknowledge", "{}").await;
    assert_eq!(answer.problem().0, "unavailable");
}

#[tokio::test]
async fn a_read_that_fails_badly_leaves_the_others_alone() {
    let fake = Fake::new();
    let answer = get(app(&fake), "/api/v1/alerts/13").await;
    assert_eq!(answer.problem().0, "unavailable");
    let answer = get(app(&fake), "/api/v1/alerts/1").await;
    assert_eq!(answer.status, StatusCode::OK);
}

#[tokio::test]
async fn an_alert_is_acknowledged_and_resolved() {
    let fake = Fake::new();
    let body = r#"{"by":" 李伟 ","note":"on my way","version":4}"#;
    let answer = post(app(&fake), "/api/v1/alerts/1/acknowledge", body).await;
    assert_eq!(answer.status, StatusCode::OK);
    insta::assert_json_snapshot!("acknowledged", answer.shown());
    assert_eq!(
        fake.asked(),
        r#"Command { by: "李伟", key: None, act: Alert { alert: 1, version: Some(4), note: Some("on my way"), act: Acknowledge } }"#
    );

    let answer = post(app(&fake), "/api/v1/alerts/1/resolve", "").await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(
        fake.asked(),
        r#"Command { by: "operator", key: None, act: Alert { alert: 1, version: None, note: None, act: Resolve { outcome: None } } }"#
    );
}

#[tokio::test]
async fn an_alert_is_given_away_commented_and_shelved() {
    for (what, body, act) in [
        (
            "assign",
            r#"{"to":"li","by":"wang"}"#,
            r#"Assign { to: "li" }"#,
        ),
        ("comment", r#"{"note":"a spare is here"}"#, "Comment"),
        (
            "shelve",
            r#"{"until":"2026-11-23T09:00:00Z","note":"the part is ordered"}"#,
            "Shelve { until: ",
        ),
        ("unshelve", "", "Unshelve"),
        (
            "resolve",
            r#"{"outcome":"isolated"}"#,
            "Resolve { outcome: Some(Isolated) }",
        ),
    ] {
        let fake = Fake::new();
        let answer = post(app(&fake), &format!("/api/v1/alerts/1/{what}"), body).await;
        assert_eq!(answer.status, StatusCode::OK, "{what}");
        assert!(fake.asked().contains(act), "{what}: {}", fake.asked());
    }
    for (what, body) in [
        ("assign", "{}"),
        ("shelve", r#"{"note":"no end"}"#),
        ("resolve", r#"{"outcome":"bored"}"#),
    ] {
        let answer = post(app(&Fake::new()), &format!("/api/v1/alerts/1/{what}"), body).await;
        assert_eq!(answer.problem().0, "invalid_body", "{what}");
    }
}

#[tokio::test]
async fn a_change_in_between_shows_the_alert_as_it_is() {
    let answer = post(
        app(&Fake::new()),
        "/api/v1/alerts/1/resolve",
        r#"{"version":3}"#,
    )
    .await;
    assert_eq!(answer.status, StatusCode::CONFLICT);
    insta::assert_json_snapshot!("conflict", answer.shown());
}

#[tokio::test]
async fn a_body_that_cannot_be_understood_changes_nothing() {
    for (body, why) in [
        ("{", "EOF"),
        ("[]", "send an object"),
        (r#"{"notes":"x"}"#, "unknown field `notes`"),
        (r#"{"version":"four"}"#, "version"),
        (r#"{"version":-1}"#, "version"),
    ] {
        let fake = Fake::new();
        let answer = post(app(&fake), "/api/v1/alerts/1/acknowledge", body).await;
        let (code, detail) = answer.problem();
        assert_eq!(
            (answer.status.as_u16(), code.as_str()),
            (400, "invalid_body"),
            "{body}"
        );
        assert!(detail.contains(why), "{body}: {detail}");
        assert_eq!(fake.asked(), "", "{body}");
    }
    let long = format!(r#"{{"by":"{}"}}"#, "伟".repeat(65));
    let answer = post(app(&Fake::new()), "/api/v1/alerts/1/acknowledge", long).await;
    assert_eq!(answer.problem().1, "`by` is longer than 64 characters");
}

#[tokio::test]
async fn what_was_set_aside_is_brought_again_by_its_number() {
    let fake = Fake::new();
    let answer = post(app(&fake), "/api/v1/quarantine/7/retry", r#"{"by":"li"}"#).await;
    assert_eq!(answer.status, StatusCode::OK);
    let asked = fake.asked();
    assert!(
        asked.contains("Retry { quarantine: 7 }") && asked.contains("\"li\""),
        "{asked}"
    );
    let answer = post(app(&fake), "/api/v1/quarantine/seven/retry", "{}").await;
    assert_eq!(answer.problem().0, "not_found");
}

#[tokio::test]
async fn a_body_of_another_kind_or_size_is_a_problem() {
    // What a foreign page's form can send without being asked.
    let form = Request::post("/api/v1/alerts/1/acknowledge")
        .header("content-type", "text/plain")
        .body(Body::from("{}"))
        .unwrap();
    let answer = send(app(&Fake::new()), form).await;
    assert_eq!(answer.problem().0, "invalid_body");

    let huge = format!(r#"{{"note":"{}"}}"#, "x".repeat(17_000));
    let answer = post(app(&Fake::new()), "/api/v1/alerts/1/acknowledge", huge).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
    insta::assert_json_snapshot!("body_too_large", answer.shown());
}

#[tokio::test]
async fn a_units_configuration_is_taken_up_to_its_own_limit() {
    // Nothing in JSON is longer beside its text than a text of quotes.
    for (bytes, status) in [
        (MAX_CONFIG_BYTES, StatusCode::OK),
        (MAX_CONFIG_BYTES + 1, StatusCode::BAD_REQUEST),
        (2 * MAX_CONFIG_BYTES, StatusCode::PAYLOAD_TOO_LARGE),
    ] {
        let body = json!({ "by": "li", "text": "\"".repeat(bytes) }).to_string();
        let put = Request::put("/api/v1/sites/binjiang/units/gate-1/config")
            .header("content-type", "application/json")
            .body(Body::from(body))
            .unwrap();
        let answer = send(app(&Fake::new()), put).await;
        assert_eq!(answer.status, status, "{bytes} bytes: {:?}", answer.shown());
    }
}

#[tokio::test]
async fn probes_name_what_does_not_work() {
    let fake = Fake::new();
    assert_eq!(get(app(&fake), "/healthz").await.status, StatusCode::OK);
    insta::assert_json_snapshot!("ready", get(app(&fake), "/readyz").await.shown());

    fake.broken.store(true, Ordering::Relaxed);
    assert_eq!(get(app(&fake), "/healthz").await.status, StatusCode::OK);
    insta::assert_json_snapshot!("not_ready", get(app(&fake), "/readyz").await.shown());

    let metrics = get(app(&fake), "/metrics").await;
    assert_eq!(
        metrics.header("content-type"),
        "application/openmetrics-text; version=1.0.0; charset=utf-8"
    );
    assert!(metrics.text.ends_with("# EOF\n"));
}
