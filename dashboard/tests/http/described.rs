//! What the OpenAPI document says is what the router does.

use std::collections::BTreeMap;

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

/// A request to a described path.
fn filled(method: &str, path: &str) -> Request<Body> {
    let filled = path
        .replace("{site}", "binjiang")
        .replace("{unit}", "gate-1")
        .replace("{slot}", "living-2026-11-23-1")
        .replace("{episode}", "binjiang.gate-1.p1")
        .replace("{recipient}", "guard")
        .replace("{id}", "1")
        .replace("{alert}", "1")
        .replace("{item}", "1");
    let metric = if filled.ends_with("/series") {
        "?metric=passages"
    } else {
        ""
    };
    Request::builder()
        .method(method)
        .uri(format!("{filled}{metric}"))
        .header("content-type", "application/json")
        .body(Body::from(body_of(method, path)))
        .unwrap()
}

#[tokio::test]
async fn every_described_path_is_answered() {
    for (method, path) in operations(&document().await) {
        if path.ends_with("/stream") {
            continue; // never ends; `live` reads it
        }
        let answer = send(app(&Fake::new()), filled(&method, &path)).await;
        assert_eq!(
            answer.status,
            StatusCode::OK,
            "{method} {path}: {}",
            answer.text
        );
    }
}

/// The schema of a described body.
fn schema(described: &Value) -> Option<&Value> {
    described.pointer("/content/application~1json/schema")
}

/// The properties of a schema, with those of the schemas that it is made of.
fn properties<'d>(document: &'d Value, schema: &'d Value) -> BTreeMap<&'d str, &'d Value> {
    if let Some(name) = schema["$ref"].as_str() {
        return properties(
            document,
            document.pointer(name.strip_prefix('#').unwrap()).unwrap(),
        );
    }
    let own = schema["properties"].as_object().into_iter().flatten();
    let mut all: BTreeMap<_, _> = own.map(|(name, it)| (name.as_str(), it)).collect();
    for part in schema["allOf"].as_array().into_iter().flatten() {
        all.extend(properties(document, part));
    }
    all
}

/// The fields of a value that its schema does not have, each with its place.
fn unknown_to(document: &Value, schema: &Value, value: &Value, place: &str) -> Vec<String> {
    if let Some(name) = schema["$ref"].as_str() {
        let named = document.pointer(name.strip_prefix('#').unwrap()).unwrap();
        return unknown_to(document, named, value, place);
    }
    // A value that may be absent is one of `null` and a schema.
    let choices = schema["oneOf"].as_array();
    let of_value = |it: &&Value| it["type"] != "null";
    if let Some(only) = choices.and_then(|all| all.iter().find(of_value)) {
        return unknown_to(document, only, value, place);
    }
    match value {
        Value::Array(items) => items
            .iter()
            .flat_map(|item| unknown_to(document, &schema["items"], item, place))
            .collect(),
        Value::Object(fields) => {
            let known = properties(document, schema);
            if known.is_empty() {
                return Vec::new();
            }
            let of_field = |(name, value): (&String, &Value)| {
                let place = format!("{place}.{name}");
                match known.get(name.as_str()) {
                    Some(schema) => unknown_to(document, schema, value, &place),
                    None => vec![place],
                }
            };
            fields.iter().flat_map(of_field).collect()
        }
        _ => Vec::new(),
    }
}

#[tokio::test]
async fn bodies_and_answers_have_the_fields_of_their_schemas() {
    let document = document().await;
    let mut seen = (0, 0);
    for (method, path) in operations(&document) {
        let operation = &document["paths"][&path][method.to_lowercase()];
        let body = body_of(&method, &path);
        if method != "GET" && !body.is_empty() {
            let body: Value = serde_json::from_str(body).unwrap();
            let schema = schema(&operation["requestBody"]);
            let schema = schema.unwrap_or_else(|| panic!("{method} {path}: {operation:#}"));
            let unknown = unknown_to(&document, schema, &body, "");
            assert_eq!(unknown, [""; 0], "{method} {path}");
            seen.0 += 1;
        }
        let Some(schema) = schema(&operation["responses"]["200"]) else {
            continue;
        };
        // What a change answers here is always an alert.
        if method == "GET" && !path.ends_with("/stream") {
            let answer = send(app(&Fake::new()), filled(&method, &path)).await;
            let unknown = unknown_to(&document, schema, &answer.json(), "");
            assert_eq!(unknown, [""; 0], "{path}");
            seen.1 += 1;
        }
    }
    assert!(seen.0 > 10 && seen.1 > 15, "{seen:?}");
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
