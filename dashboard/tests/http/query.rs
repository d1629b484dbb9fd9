//! What becomes of parameters, and how wrong ones are named.

use axum::http::StatusCode;

use crate::{
    fake::Fake,
    request::{app, get},
};

async fn asked(path: &str) -> String {
    let fake = Fake::new();
    let answer = get(app(&fake), path).await;
    assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.text);
    fake.asked()
}

#[tokio::test]
async fn parameters_reach_the_hub() {
    assert_eq!(
        asked(
            "/api/v1/sites/binjiang/events?kind=passage&lane=people&zone=living&unit=gate-1\
             &from=2026-11-23T08:00:00%2B08:00&to=2026-11-23T01:00:00Z&limit=10000&cursor=1042"
        )
        .await,
        "EventQuery { kind: Some(\"passage\"), lane: Some(LaneId(people)), zone: Some(Living), \
         unit: Some(UnitId(gate-1)), from: Some(2026-11-23T00:00:00.000Z), \
         to: Some(2026-11-23T01:00:00.000Z), limit: 10000, cursor: Some(\"1042\") }"
    );
    assert_eq!(
        asked(
            "/api/v1/sites/binjiang/series?metric=ambient_c&zone=living&sensor=yard-env&dir=out\
             &from=2026-11-01T00:00:00Z&to=2026-11-08T00:00:00Z&step=1d"
        )
        .await,
        "SeriesQuery { metric: \"ambient_c\", lane: None, dir: Some(Out), zone: Some(Living), \
         sensor: Some(SensorId(yard-env)), from: 2026-11-01T00:00:00.000Z, \
         to: 2026-11-08T00:00:00.000Z, step: Day }"
    );
    assert_eq!(
        asked("/api/v1/alerts?site=binjiang&state=raised&kind=unit_offline&all=true&limit=1").await,
        "AlertQuery { site: Some(SiteId(binjiang)), state: Some(Raised), all: true, \
         kind: Some(UnitOffline), limit: 1, cursor: None }"
    );
    assert_eq!(
        asked("/api/v1/quarantine?limit=3&cursor=9").await,
        "(3, Some(\"9\"))"
    );
}

#[tokio::test]
async fn what_is_not_said_has_a_usual_value() {
    let series = asked("/api/v1/sites/binjiang/series?metric=passages&lane=").await;
    assert_eq!(
        series,
        "SeriesQuery { metric: \"passages\", lane: None, dir: None, zone: None, sensor: None, \
         from: 2026-11-22T16:00:00.000Z, to: 2026-11-23T16:00:00.000Z, step: Minutes(60) }"
    );
    // The site's day, not the machine's.
    assert_eq!(
        asked("/api/v1/sites/binjiang/slots?from=2026-11-23T02:00:00Z").await,
        "(2026-11-23T02:00:00.000Z, 2026-11-23T16:00:00.000Z)"
    );
    assert_eq!(asked("/api/v1/quarantine").await, "(100, None)");
}

#[tokio::test]
async fn a_wrong_parameter_is_named() {
    for (path, parameter, why) in [
        ("sites?x=1", "x", "no such parameter"),
        ("sites/binjiang?x=1", "x", "no such parameter"),
        ("units?x=1", "x", "no such parameter"),
        (
            "sites/binjiang/events?lanes=people",
            "lanes",
            "no such parameter",
        ),
        (
            "sites/binjiang/events?lane=people&lane=car",
            "lane",
            "twice",
        ),
        (
            "sites/binjiang/events?lane=People",
            "lane",
            "only a-z, 0-9 and -",
        ),
        ("sites/binjiang/events?unit=alerts", "unit", "reserved"),
        (
            "sites/binjiang/events?zone=kitchen",
            "zone",
            "`kitchen` is no zone",
        ),
        ("sites/binjiang/events?limit=0", "limit", "from 1 to 10000"),
        (
            "sites/binjiang/events?limit=10001",
            "limit",
            "from 1 to 10000",
        ),
        (
            "sites/binjiang/events?limit=many",
            "limit",
            "from 1 to 10000",
        ),
        (
            "sites/binjiang/events?from=noon",
            "from",
            "`noon` is no RFC 3339 time",
        ),
        (
            "sites/binjiang/events?to=2026-11-23",
            "to",
            "no RFC 3339 time",
        ),
        (
            "sites/binjiang/events?from=2026-11-23T08:00:00+08:00",
            "from",
            "%2B",
        ),
        (
            "sites/binjiang/events?from=2026-11-23T08:00:00Z&to=2026-11-23T08:00:00Z",
            "from",
            "is not before `to`",
        ),
        (
            "sites/binjiang/events?cursor=torn",
            "cursor",
            "none that this hub gave",
        ),
        ("sites/binjiang/series", "metric", "passages"),
        ("sites/binjiang/series?metric=", "metric", "passages"),
        (
            "sites/binjiang/series?metric=passages&step=2h",
            "step",
            "1m, 5m, 30m, 1h, 1d",
        ),
        (
            "sites/binjiang/series?metric=passages&dir=up",
            "dir",
            "in, out",
        ),
        (
            "sites/binjiang/series?metric=passages&sensor=a/b",
            "sensor",
            "only",
        ),
        // From the end of the site's day on there is nothing left of it.
        (
            "sites/binjiang/series?metric=passages&from=2026-11-23T16:00:00Z",
            "from",
            "is not before",
        ),
        (
            "sites/binjiang/series?metric=passages&step=1m&from=2026-01-01T00:00:00Z",
            "step",
            "at most 10000",
        ),
        (
            "sites/binjiang/slots?to=2026-11-22T16:00:00Z",
            "from",
            "is not before",
        ),
        ("alerts?site=BIG", "site", "only a-z"),
        (
            "alerts?state=open",
            "state",
            "raised, acknowledged, shelved, resolved",
        ),
        ("alerts?kind=fire", "kind", "`fire`"),
        ("alerts?all=yes", "all", "true, false"),
        ("alerts?limit=1001", "limit", "from 1 to 1000"),
        ("quarantine?limit=-1", "limit", "from 1 to 1000"),
        (
            "stream?scope=everything",
            "scope",
            "neither `fleet` nor `site:ID`",
        ),
    ] {
        let path = format!("/api/v1/{path}");
        let answer = get(app(&Fake::new()), &path).await;
        let (code, detail) = answer.problem();
        assert_eq!(
            (answer.status.as_u16(), code.as_str()),
            (400, "invalid_parameter"),
            "{path}"
        );
        assert_eq!(answer.json()["parameter"], parameter, "{path}");
        assert!(detail.contains(why), "{path}: {detail}");
    }
}

#[tokio::test]
async fn a_wrong_parameter_has_this_form() {
    let answer = get(
        app(&Fake::new()),
        "/api/v1/sites/binjiang/series?metric=n&step=2h",
    )
    .await;
    insta::assert_json_snapshot!("invalid_parameter", answer.shown());
    let long = format!("/api/v1/sites/binjiang/events?kind={}", "x".repeat(600));
    let answer = get(app(&Fake::new()), &long).await;
    assert_eq!(answer.problem().1, "at most 512 bytes are taken");
}
