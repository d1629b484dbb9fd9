//! What every route can reach.

use std::sync::Arc;

use axum::{
    http::header,
    response::{IntoResponse, Response},
};
use serde::Serialize;
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::{
    error::Problem,
    ports::{LiveStream, ReadError, SiteCommand, SiteRead},
};

/// Streams that may be open at once. A page holds one however many tabs it has, so this is hundreds
/// of screens; more is a reader that does not close what it opens.
const MAX_STREAMS: usize = 512;

/// The ports that the router asks, and how it should behave.
#[derive(Clone)]
pub struct Services {
    /// What is known.
    pub read: Arc<dyn SiteRead>,
    /// What people may change.
    pub command: Arc<dyn SiteCommand>,
    /// The live stream.
    pub live: Arc<dyn LiveStream>,
    /// How it should behave.
    pub options: Options,
}

/// How the router should behave.
#[derive(Clone, Default)]
pub struct Options {
    /// Asked of every request for data or the page: as `Authorization: Bearer`, or as the password
    /// that a browser asks for. Without one the API is open, and answers only to the machine's own
    /// names and to addresses; the caller must listen on loopback only.
    pub token: Option<String>,
    /// Ends open streams, so that a graceful shutdown does not wait for them.
    pub shutdown: CancellationToken,
}

/// What every route can reach.
#[derive(Clone)]
pub(crate) struct AppState {
    pub(crate) read: Arc<dyn SiteRead>,
    pub(crate) command: Arc<dyn SiteCommand>,
    pub(crate) live: Arc<dyn LiveStream>,
    pub(crate) shutdown: CancellationToken,
    pub(crate) streams: Arc<Semaphore>,
    /// SHA-256 of the token: digests are compared, so that the time taken tells nothing of it.
    pub(crate) token: Option<[u8; 32]>,
}

impl AppState {
    pub(crate) fn new(services: Services) -> Self {
        Self {
            read: services.read,
            command: services.command,
            live: services.live,
            shutdown: services.options.shutdown,
            streams: Arc::new(Semaphore::new(MAX_STREAMS)),
            token: services.options.token.as_deref().map(digest),
        }
    }

    /// Asks a question on the blocking pool: reads may wait for a disk.
    pub(crate) async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&dyn SiteRead) -> Result<T, ReadError> + Send + 'static,
    ) -> Result<T, Problem> {
        let read = Arc::clone(&self.read);
        blocking(move || question(&*read))
            .await?
            .map_err(Problem::from)
    }

    /// Asks a question and answers with its JSON, written on the blocking pool too: a page of events
    /// is megabytes.
    pub(crate) async fn answer<T: Serialize>(
        &self,
        question: impl FnOnce(&dyn SiteRead) -> Result<T, ReadError> + Send + 'static,
    ) -> Result<Response, Problem> {
        let json = self
            .ask(move |read| {
                let answer = question(read)?;
                serde_json::to_vec(&answer)
                    .map_err(|error| ReadError::Unavailable(format!("no JSON: {error}")))
            })
            .await?;
        Ok(([(header::CONTENT_TYPE, "application/json")], json).into_response())
    }
}

/// Runs what may block. A panic in it is answered like a store that cannot answer.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Problem> {
    tokio::task::spawn_blocking(work).await.map_err(|error| {
        tracing::error!(%error, "a read ended without an answer");
        Problem::unavailable("the read ended without an answer; see the hub's log")
    })
}

pub(crate) fn digest(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}
