//! The API described from the code: an OpenAPI document, and a page that lists it.

use std::{fmt::Write, sync::LazyLock};

use axum::{
    Json,
    http::header,
    response::{Html, IntoResponse, Response},
};
use utoipa::{
    Modify, OpenApi,
    openapi::{
        self, ContentBuilder, Ref, RefOr, ResponseBuilder,
        path::{Operation, Parameter, PathItem},
    },
};

use crate::{
    error::{CODES, Problem},
    routes::{
        alerts, audit, episodes, events, hand_overs, health, latest, outbox, quarantine, records,
        remote, series, settings, sites, slots, units,
    },
    schema, stream, view,
};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Gatepost",
        description = "What the hub knows of its sites. Times are RFC 3339 in UTC; states and reasons are codes."
    ),
    paths(
        sites::list, sites::one, events::list, series::rows, slots::list, slots::compliance, units::one, units::list, latest::list,
        alerts::list, alerts::one, alerts::acknowledge, alerts::assign, alerts::comment,
        alerts::shelve, alerts::unshelve, alerts::resolve, outbox::list, outbox::recipients, outbox::test, quarantine::list, quarantine::retry,
        records::round, records::excuse, records::roll_call, records::roll_calls, records::entry,
        records::entries, records::measured, records::throughput, records::isolation, records::release, hand_overs::list, hand_overs::offer, hand_overs::accept, episodes::list, episodes::remeasure, episodes::confirm, episodes::dismiss,
        episodes::isolate, episodes::release, audit::list,
        settings::settings, settings::change, settings::calendar,
        remote::config, remote::configure, remote::commands, remote::tell,
        stream::open, health::alive, health::ready, health::downtimes, health::metrics,
    ),
    components(schemas(
        Problem, schema::Time, schema::Zone, schema::Direction, schema::AlertKind,
        schema::AlertState, view::AlertView,
    )),
    modifiers(&Problems),
)]
struct Api;

/// Every path answers problems; said once instead of at each.
struct Problems;

impl Modify for Problems {
    fn modify(&self, api: &mut openapi::OpenApi) {
        let problem = ResponseBuilder::new()
            .description("A problem with a stable `code`")
            .content(
                "application/problem+json",
                ContentBuilder::new()
                    .schema(Some(Ref::from_schema_name("Problem")))
                    .build(),
            )
            .build();
        for item in api.paths.paths.values_mut() {
            for operation in [&mut item.get, &mut item.post, &mut item.put]
                .into_iter()
                .flatten()
            {
                let responses = &mut operation.responses.responses;
                responses.insert("default".to_owned(), problem.clone().into());
            }
        }
    }
}

static API: LazyLock<openapi::OpenApi> = LazyLock::new(Api::openapi);
static PAGE: LazyLock<String> = LazyLock::new(|| html(&API));

pub(crate) async fn openapi() -> Json<&'static openapi::OpenApi> {
    Json(&API)
}

pub(crate) async fn page() -> Html<&'static str> {
    Html(&PAGE)
}

pub(crate) async fn style() -> Response {
    ([(header::CONTENT_TYPE, "text/css")], STYLE).into_response()
}

fn html(api: &openapi::OpenApi) -> String {
    let mut page = String::from(HEAD);
    for (path, item) in &api.paths.paths {
        for (method, operation) in methods(item) {
            operation_html(&mut page, method, path, operation);
        }
    }
    page.push_str("<h2>Problems</h2>\n<dl>\n");
    for (code, status, title) in CODES {
        // Writing to a String cannot fail.
        let _ = writeln!(
            page,
            "<dt id=\"{code}\"><code>{code}</code> {}</dt><dd>{title}</dd>",
            status.as_u16()
        );
    }
    page.push_str("</dl>\n</html>\n");
    page
}

fn methods(item: &PathItem) -> impl Iterator<Item = (&'static str, &Operation)> {
    let get = item.get.as_ref().map(|operation| ("GET", operation));
    let post = item.post.as_ref().map(|operation| ("POST", operation));
    let put = item.put.as_ref().map(|operation| ("PUT", operation));
    get.into_iter().chain(post).chain(put)
}

fn operation_html(page: &mut String, method: &str, path: &str, operation: &Operation) {
    let summary = operation.summary.as_deref().unwrap_or_default();
    let _ = writeln!(
        page,
        "<section>\n<h3><b>{method}</b> <code>{}</code></h3>\n<p>{}</p>",
        escape(path),
        escape(summary)
    );
    let parameters = operation.parameters.as_deref().unwrap_or_default();
    if !parameters.is_empty() {
        page.push_str("<dl>\n");
        for parameter in parameters.iter().filter_map(inline) {
            let about = parameter.description.as_deref().unwrap_or_default();
            let _ = writeln!(
                page,
                "<dt><code>{}</code></dt><dd>{}</dd>",
                escape(&parameter.name),
                escape(about)
            );
        }
        page.push_str("</dl>\n");
    }
    page.push_str("</section>\n");
}

fn inline(parameter: &RefOr<Parameter>) -> Option<&Parameter> {
    match parameter {
        RefOr::T(parameter) => Some(parameter),
        RefOr::Ref(_) => None,
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

const HEAD: &str = r#"<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Gatepost API</title>
<link rel="stylesheet" href="/api/docs/style.css">
<h1>Gatepost API</h1>
<p>Made from the code. For programs: <a href="/api/v1/openapi.json">openapi.json</a>.
Times are RFC 3339 in UTC; states and reasons are codes; every error is a problem with a stable code.</p>
"#;

const STYLE: &str = "
:root { color-scheme: light dark; }
body, html { font: 15px/1.5 system-ui, sans-serif; max-width: 56rem; margin: 0 auto; padding: 0 1rem; }
h3 { margin: 1.5rem 0 0; font-weight: normal; }
p { margin: .25rem 0; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 0 1rem; margin: .5rem 0; }
dd { margin: 0; }
";
