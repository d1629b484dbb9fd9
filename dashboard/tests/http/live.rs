//! The live stream, read event by event. Time is virtual.

use axum::{
    Router,
    body::Body,
    http::{Request, Response, StatusCode},
};
use gatepost_dashboard::{Options, router};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::{
    fake::{CHANNEL, Fake, alert, frame},
    request::app,
};

/// One event: name, id, data.
type Seen = (String, Option<u64>, Value);

struct Stream(Response<Body>);

impl Stream {
    async fn open(app: Router, query: &str, last: Option<&str>) -> Self {
        let mut request = Request::get(format!("/api/v1/stream{query}"));
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let response = app
            .oneshot(request.body(Body::empty()).unwrap())
            .await
            .unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        Self(response)
    }

    /// The next event, or `None` at the stream's end.
    async fn next(&mut self) -> Option<Seen> {
        let bytes = self
            .0
            .body_mut()
            .frame()
            .await?
            .unwrap()
            .into_data()
            .unwrap();
        let text = std::str::from_utf8(&bytes).unwrap();
        assert!(text.ends_with("\n\n"), "one event in one piece: {text:?}");
        let field = |name: &str| {
            text.lines()
                .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
                .map(str::to_owned)
        };
        Some((
            field("event").unwrap(),
            field("id").map(|id| id.parse().unwrap()),
            serde_json::from_str(&field("data").unwrap()).unwrap(),
        ))
    }

    async fn names(&mut self, count: usize) -> Vec<(String, Option<u64>)> {
        let mut names = Vec::new();
        for _ in 0..count {
            let (name, id, _) = self.next().await.unwrap();
            names.push((name, id));
        }
        names
    }
}

fn named(events: &[(&str, Option<u64>)]) -> Vec<(String, Option<u64>)> {
    events
        .iter()
        .map(|(name, id)| ((*name).to_owned(), *id))
        .collect()
}

#[tokio::test(start_paused = true)]
async fn it_says_hello_then_the_snapshot_then_the_news() {
    let fake = Fake::new();
    let mut stream = Stream::open(app(&fake), "?scope=site:binjiang", None).await;
    let headers = stream.0.headers();
    assert_eq!(headers["content-type"], "text/event-stream");
    assert_eq!(headers["cache-control"], "no-cache, no-transform");
    assert_eq!(headers["x-accel-buffering"], "no");

    let (name, id, hello) = stream.next().await.unwrap();
    assert_eq!((name.as_str(), id), ("hello", None));
    assert_eq!(
        hello,
        json!({"rev": 7, "server_time": "2026-11-23T07:31:02.000Z", "build": gatepost_dashboard::build_id()})
    );
    fake.delta();
    let _ = fake
        .frames
        .send(frame(None, "alert", json!({"alert": alert(3, 1)})));
    assert_eq!(
        stream.names(3).await,
        named(&[("snapshot", Some(7)), ("delta", Some(8)), ("alert", None)])
    );
}

#[tokio::test(start_paused = true)]
async fn a_quiet_stream_tells_the_time() {
    let begin = tokio::time::Instant::now();
    let mut stream = Stream::open(app(&Fake::new()), "", None).await;
    stream.names(2).await;
    for seconds in [10, 20, 30] {
        let (name, id, clock) = stream.next().await.unwrap();
        assert_eq!((name.as_str(), id), ("clock", None));
        assert_eq!(clock, json!({"server_time": "2026-11-23T07:31:02.000Z"}));
        assert_eq!(begin.elapsed().as_secs(), seconds);
    }
}

#[tokio::test(start_paused = true)]
async fn it_goes_on_where_the_reader_was() {
    for (query, last, rev) in [
        ("?last_event_id=5", None, Some(5)),
        ("", Some("5"), Some(5)),
        // The browser's own reconnecting repeats the address and adds the newer header.
        ("?last_event_id=2", Some("5"), Some(5)),
        ("?last_event_id=x", None, None),
    ] {
        let fake = Fake::new();
        let mut stream = Stream::open(app(&fake), query, last).await;
        assert_eq!(*fake.last_rev.lock().unwrap(), rev, "{query} {last:?}");
        let expected = match rev {
            Some(_) => named(&[("hello", None), ("delta", Some(6)), ("delta", Some(7))]),
            None => named(&[("hello", None), ("snapshot", Some(7))]),
        };
        assert_eq!(
            stream.names(expected.len()).await,
            expected,
            "{query} {last:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_lags_behind_gets_a_snapshot() {
    let fake = Fake::new();
    let mut stream = Stream::open(app(&fake), "?scope=fleet&last_event_id=7", None).await;
    assert_eq!(stream.names(1).await, named(&[("hello", None)]));
    for _ in 0..=CHANNEL {
        fake.delta();
    }
    let rev = 7 + CHANNEL as u64 + 1;
    assert_eq!(stream.names(1).await, named(&[("snapshot", Some(rev))]));
    assert_eq!(*fake.last_rev.lock().unwrap(), None);
    fake.delta();
    assert_eq!(stream.names(1).await, named(&[("delta", Some(rev + 1))]));
}

#[tokio::test(start_paused = true)]
async fn it_ends_when_the_hub_shuts_down() {
    let options = Options::default();
    let shutdown = options.shutdown.clone();
    let mut stream = Stream::open(router(Fake::new().services(options)), "", None).await;
    stream.names(2).await;
    shutdown.cancel();
    assert_eq!(stream.next().await, None);
}
