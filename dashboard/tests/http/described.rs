//! What the OpenAPI document says is what the router does.

use axum::{
    body::Body,
    http::{Request, StatusCode},
};
use serde_json::Value;

use crate::{
    fake::Fake,
    request::{app, get, send},
};

async fn document() -> Value {
    get(app(&Fake::new()), "/api/v1/openapi.json").await.json()
}

fn operations(document: &Value) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys() {
            found.push((method.to_uppercase(), path.clone()));
        }
    }
    found
}

#[tokio::test]
async fn every_described_path_is_answered() {
    for (method, path) in operations(&document().await) {
        let filled = path
            .replace("{site}", "binjiang")
            .replace("{unit}", "gate-1")
            .replace("{slot}", "living-2026-11-23-1")
            .replace("{episode}", "binjiang.gate-1.p1")
            .replace("{recipient}", "guard")
            .replace("{id}", "1")
            .replace("{alert}", "1")
            .replace("{item}", "1");
        if filled.ends_with("/stream") {
            continue; // never ends; `live` reads it
        }
        let metric = if filled.ends_with("/series") {
            "?metric=passages"
        } else {
            ""
        };
        let request = Request::builder()
            .method(method.as_str())
            .uri(format!("{filled}{metric}"))
            .header("content-type", "application/json")
            .body(Body::from(body_of(&method, &path)))
            .unwrap();
        let answer = send(app(&Fake::new()), request).await;
        assert_eq!(
            answer.status,
            StatusCode::OK,
            "{method} {path}: {}",
            answer.text
        );
    }
}

/// A body for what cannot do without one.
fn body_of(method: &str, path: &str) -> &'static str {
    let last = path.rsplit('/').next().unwrap();
    match last {
        "commands" if method == "POST" => r#"{"command":{"do":"identify","seconds":10}}"#,
        "assign" | "hand-overs" => r#"{"to":"li"}"#,
        "shelve" => r#"{"until":"2026-11-23T09:00:00Z","note":"the part is ordered"}"#,
        "remeasure" | "confirm" => r#"{"clinical_c":38.2}"#,
        "excuse" => r#"{"reason":"rain"}"#,
        "rounds" => {
            r#"{"round":{"zone":"living","started":"2026-11-23T01:00:00Z",
                "ended":"2026-11-23T01:20:00Z","reason":"the unit was being repaired"}}"#
        }
        "isolation" => r#"{"count":1,"reason":"well"}"#,
        "settings" if method == "PUT" => r#"{"text":"id = \"binjiang\""}"#,
        "calendar" => r#"{"text":"date,kind\n2027-01-01,holiday\n"}"#,
        "roll-calls" => r#"{"count":41}"#,
        "entries" => r#"{"lane":"people","outcome":"admitted"}"#,
        _ => "",
    }
}

#[tokio::test]
async fn the_paths_are_these() {
    let operations: Vec<String> = operations(&document().await)
        .into_iter()
        .map(|(method, path)| format!("{method} {path}"))
        .collect();
    insta::assert_json_snapshot!("operations", operations);
}

#[tokio::test]
async fn every_reference_leads_somewhere() {
    let document = document().await;
    let mut references = Vec::new();
    collect(&document, &mut references);
    assert!(references.len() > 50, "{}", references.len());
    for reference in references {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
}

#[tokio::test]
async fn what_is_answered_is_described() {
    let document = document().await;
    let answer = get(app(&Fake::new()), "/api/v1/alerts/1").await.json();
    let described = &document["components"]["schemas"]["AlertView"]["properties"];
    for field in answer.as_object().unwrap().keys() {
        assert!(described.get(field).is_some(), "{field}");
    }
    insta::assert_json_snapshot!(
        "schema_of_an_alert",
        document["components"]["schemas"]["AlertView"]
    );
    insta::assert_json_snapshot!(
        "schema_of_a_kind",
        document["components"]["schemas"]["AlertKind"]
    );
}

#[tokio::test]
async fn the_page_lists_every_path_and_code() {
    let page = get(app(&Fake::new()), "/api/docs").await.text;
    for (method, path) in operations(&document().await) {
        assert!(
            page.contains(&format!("<b>{method}</b> <code>{path}</code>")),
            "{method} {path}"
        );
    }
    for code in [
        "not_found",
        "invalid_parameter",
        "conflict",
        "unavailable",
        "unauthorized",
    ] {
        assert!(page.contains(&format!("id=\"{code}\"")), "{code}");
    }
    assert!(!page.contains("<script") && !page.contains("<style"));
}

fn collect<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
    match value {
        Value::Object(fields) => {
            found.extend(fields.get("$ref").and_then(Value::as_str));
            fields.values().for_each(|value| collect(value, found));
        }
        Value::Array(values) => values.iter().for_each(|value| collect(value, found)),
        _ => {}
    }
}
