//! The table of contents of everything that is answered.

use axum::{
    Router,
    extract::{DefaultBodyLimit, OriginalUri, Request},
    middleware::{from_fn, from_fn_with_state},
    routing::{get, post},
};

use crate::{
    assets, docs,
    error::Problem,
    extract::MAX_BODY,
    middleware::{access, deadline, no_store, security_headers},
    routes::{
        alerts, audit, episodes, events, hand_overs, health, latest, outbox, quarantine, records,
        remote, series, settings, sites, slots, units,
    },
    state::{AppState, Services},
    stream,
};

/// The API, the live stream, the page and the probes, ready to be served.
pub fn router(services: Services) -> Router {
    let app = AppState::new(services);

    let v1 = Router::new()
        .route("/sites", get(sites::list))
        .route("/sites/{site}", get(sites::one))
        .route("/sites/{site}/events", get(events::list))
        .route("/sites/{site}/series", get(series::rows))
        .route(
            "/sites/{site}/settings",
            get(settings::settings).put(settings::change),
        )
        .route("/sites/{site}/calendar", post(settings::calendar))
        .route("/sites/{site}/slots", get(slots::list))
        .route("/sites/{site}/compliance", get(slots::compliance))
        .route("/sites/{site}/slots/{slot}/excuse", post(records::excuse))
        .route("/sites/{site}/rounds", post(records::round))
        .route(
            "/sites/{site}/roll-calls",
            get(records::roll_calls).post(records::roll_call),
        )
        .route(
            "/sites/{site}/entries",
            get(records::entries).post(records::entry),
        )
        .route(
            "/sites/{site}/hand-overs",
            get(hand_overs::list).post(hand_overs::offer),
        )
        .route(
            "/sites/{site}/hand-overs/{id}/accept",
            post(hand_overs::accept),
        )
        .route(
            "/sites/{site}/isolation",
            get(records::isolation).post(records::release),
        )
        .route("/sites/{site}/throughput", get(records::throughput))
        .route("/sites/{site}/measured", get(records::measured))
        .route("/sites/{site}/episodes", get(episodes::list))
        .route("/sites/{site}/audit", get(audit::list))
        .route("/episodes/{episode}/remeasure", post(episodes::remeasure))
        .route("/episodes/{episode}/confirm", post(episodes::confirm))
        .route("/episodes/{episode}/dismiss", post(episodes::dismiss))
        .route("/episodes/{episode}/isolate", post(episodes::isolate))
        .route("/episodes/{episode}/release", post(episodes::release))
        .route("/sites/{site}/units/{unit}", get(units::one))
        .route(
            "/sites/{site}/units/{unit}/config",
            get(remote::config).put(remote::configure),
        )
        .route(
            "/sites/{site}/units/{unit}/commands",
            get(remote::commands).post(remote::tell),
        )
        .route("/units", get(units::list))
        .route("/latest", get(latest::list))
        .route("/alerts", get(alerts::list))
        .route("/alerts/{alert}", get(alerts::one))
        .route("/alerts/{alert}/acknowledge", post(alerts::acknowledge))
        .route("/alerts/{alert}/assign", post(alerts::assign))
        .route("/alerts/{alert}/comment", post(alerts::comment))
        .route("/alerts/{alert}/shelve", post(alerts::shelve))
        .route("/alerts/{alert}/unshelve", post(alerts::unshelve))
        .route("/alerts/{alert}/resolve", post(alerts::resolve))
        .route("/downtimes", get(health::downtimes))
        .route("/outbox", get(outbox::list))
        .route("/sites/{site}/recipients", get(outbox::recipients))
        .route(
            "/sites/{site}/recipients/{recipient}/test",
            post(outbox::test),
        )
        .route("/quarantine", get(quarantine::list))
        .route("/quarantine/{item}/retry", post(quarantine::retry))
        .route("/stream", get(stream::open))
        .route("/openapi.json", get(docs::openapi));

    let api = Router::new()
        .nest("/v1", v1)
        .route("/docs", get(docs::page))
        .route("/docs/style.css", get(docs::style))
        .fallback(no_such_path)
        .method_not_allowed_fallback(no_such_method)
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(from_fn(deadline))
        .layer(from_fn(no_store));

    let guarded = Router::new()
        .nest("/api", api)
        .route("/metrics", get(health::metrics))
        .fallback_service(assets::router())
        .layer(from_fn_with_state(app.clone(), access));

    Router::new()
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .merge(guarded)
        .layer(from_fn(security_headers))
        .with_state(app)
}

// The path as it was asked for: a nested router sees only its own end of it.
async fn no_such_path(OriginalUri(uri): OriginalUri) -> Problem {
    Problem::not_found("path", uri.path())
}

async fn no_such_method(request: Request) -> Problem {
    Problem::method_not_allowed(request.method().as_str(), request.uri().path())
}
