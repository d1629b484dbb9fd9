//! The live stream: `hello`, what brings the reader up to date, then what happens, as server-sent
//! events.
//!
//! A reader that lags behind is given a fresh snapshot instead of what it missed. Browsers cannot
//! see a stream's comments, so a `clock` event every 10 s is what tells them that it lives.

use std::{collections::VecDeque, convert::Infallible, sync::Arc, time::Duration};

use axum::{
    extract::State,
    http::{HeaderMap, header},
    response::{IntoResponse, Response, Sse, sse::Event},
};
use gatepost_model::Wall;
use serde::Serialize;
use tokio::{
    sync::{
        OwnedSemaphorePermit,
        broadcast::{Receiver, error::RecvError},
    },
    time::Interval,
};

use crate::{
    error::Problem,
    params::Params,
    ports::{Frame, Scope, Subscription},
    state::{AppState, blocking},
};

/// How often a quiet stream says that it lives. Pages take 25 s of silence for a lost connection.
const CLOCK: Duration = Duration::from_secs(10);

/// Where the live stream of all sites or of one begins: `hello`, `snapshot` or `delta`s, then news
#[utoipa::path(
    get, path = "/api/v1/stream", tag = "live",
    params(
        ("scope" = Option<String>, Query, description = "`fleet` (if not said) or `site:ID`"),
        ("last_event_id" = Option<u64>, Query, description = "The revision that the reader has; the header `Last-Event-ID` says the same"),
    ),
    responses((status = 200, body = String, content_type = "text/event-stream")),
)]
pub(crate) async fn open(
    State(app): State<AppState>,
    headers: HeaderMap,
    mut params: Params,
) -> Result<Response, Problem> {
    let scope = scope(params.text("scope")?)?;
    let asked = params.text("last_event_id")?;
    params.end()?;
    // A browser that reconnects by itself repeats the address and adds the header: the header is newer.
    let last_rev = headers
        .get("last-event-id")
        .and_then(|id| id.to_str().ok())
        .or(asked.as_deref())
        .and_then(|id| id.parse().ok());

    let permit = Arc::clone(&app.streams)
        .try_acquire_owned()
        .map_err(|_| Problem::unavailable("too many streams are open"))?;
    let reader = Reader::join(app, scope, last_rev, permit).await?;
    let events = futures_util::stream::unfold(reader, |mut reader| async move {
        let event = reader.next().await?;
        Some((Ok::<_, Infallible>(event), reader))
    });
    // Proxies must pass each event on as it comes.
    let unbuffered = [
        (header::CACHE_CONTROL.as_str(), "no-cache, no-transform"),
        ("x-accel-buffering", "no"),
    ];
    Ok((unbuffered, Sse::new(events)).into_response())
}

#[derive(Serialize)]
struct Hello<'a> {
    rev: Option<u64>,
    server_time: Wall,
    build: &'a str,
}

#[derive(Serialize)]
struct Clock {
    server_time: Wall,
}

/// One reader of a stream.
struct Reader {
    app: AppState,
    scope: Scope,
    /// Ready to be sent.
    ready: VecDeque<Event>,
    rest: Receiver<Frame>,
    clock: Interval,
    _permit: OwnedSemaphorePermit,
}

impl Reader {
    async fn join(
        app: AppState,
        scope: Scope,
        last_rev: Option<u64>,
        permit: OwnedSemaphorePermit,
    ) -> Result<Self, Problem> {
        let Subscription { first, rest } = subscribe(&app, &scope, last_rev).await?;
        let hello = Hello {
            rev: first.iter().rev().find_map(|frame| frame.rev).or(last_rev),
            server_time: app.read.now(),
            build: app.live.build(),
        };
        let mut ready = VecDeque::from([json("hello", &hello)]);
        ready.extend(first.iter().map(event));
        let mut clock = tokio::time::interval(CLOCK);
        clock.reset();
        Ok(Self {
            app,
            scope,
            ready,
            rest,
            clock,
            _permit: permit,
        })
    }

    /// The next event; `None` when the hub shuts down or the stream's subject is gone.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Some(event);
            }
            // All three may be dropped half-way: none takes anything before it is ready.
            tokio::select! {
                biased;
                () = self.app.shutdown.cancelled() => return None,
                _ = self.clock.tick() => {
                    let server_time = self.app.read.now();
                    return Some(json("clock", &Clock { server_time }));
                }
                frame = self.rest.recv() => match frame {
                    Ok(frame) => return Some(event(&frame)),
                    Err(RecvError::Closed) => return None,
                    Err(RecvError::Lagged(missed)) => self.start_again(missed).await?,
                },
            }
        }
    }

    /// Takes a fresh snapshot in place of what the reader was too slow for.
    async fn start_again(&mut self, missed: u64) -> Option<()> {
        tracing::debug!(missed, scope = ?self.scope, "a reader lagged behind: snapshot again");
        match subscribe(&self.app, &self.scope, None).await {
            Ok(Subscription { first, rest }) => {
                self.ready = first.iter().map(event).collect();
                self.rest = rest;
                Some(())
            }
            Err(problem) => {
                tracing::debug!(?problem, scope = ?self.scope, "a stream ends");
                None
            }
        }
    }
}

async fn subscribe(
    app: &AppState,
    scope: &Scope,
    last_rev: Option<u64>,
) -> Result<Subscription, Problem> {
    let live = Arc::clone(&app.live);
    let scope = scope.clone();
    blocking(move || live.subscribe(&scope, last_rev))
        .await?
        .map_err(Problem::from)
}

fn scope(text: Option<String>) -> Result<Scope, Problem> {
    let text = text.unwrap_or_else(|| "fleet".to_owned());
    if text == "fleet" {
        return Ok(Scope::Fleet);
    }
    let site = text.strip_prefix("site:").ok_or_else(|| {
        Problem::invalid_parameter(
            "scope",
            format!("`{text}` is neither `fleet` nor `site:ID`"),
        )
    })?;
    site.parse()
        .map(Scope::Site)
        .map_err(|_| Problem::not_found("site", site))
}

fn event(frame: &Frame) -> Event {
    let event = Event::default().event(frame.event).data(&frame.data);
    match frame.rev {
        Some(rev) => event.id(rev.to_string()),
        None => event,
    }
}

fn json(name: &str, data: &impl Serialize) -> Event {
    // These few plain fields always have a JSON form.
    let data = serde_json::to_string(data).unwrap_or_default();
    Event::default().event(name).data(data)
}
