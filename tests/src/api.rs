//! The hub's HTTP interface, as far as the demo and the tests ask it.

use std::time::Duration;

use anyhow::{Context, bail};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;

/// A client of one hub.
#[derive(Debug, Clone)]
pub struct Api {
    base: String,
    token: Option<String>,
    client: reqwest::Client,
}

/// What `GET units` says of a unit, as far as anybody here asks.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct UnitRow {
    /// The unit.
    pub id: String,
    /// `online`, `late` ...
    pub state: String,
    /// Events that it holds.
    pub waiting: u64,
    /// Its backlog is arriving.
    pub catching_up: bool,
    /// Seconds since its newest event; none if it has none.
    pub data_age_s: Option<f64>,
}

/// Events a page.
const PAGE: usize = 10_000;

impl Api {
    /// A client of the hub at `HOST:PORT`.
    pub fn new(http: &str, token: Option<String>) -> anyhow::Result<Self> {
        let client = reqwest::Client::builder()
            .no_proxy()
            .connect_timeout(Duration::from_secs(5))
            .timeout(Duration::from_secs(60))
            .build()?;
        Ok(Self {
            base: format!("http://{http}"),
            token,
            client,
        })
    }

    /// A `GET`, ready to be sent.
    pub fn get(&self, path: &str) -> reqwest::RequestBuilder {
        let request = self.client.get(format!("{}{path}", self.base));
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    /// Sends JSON to a path below `/api/v1/`; the answer's.
    pub async fn send(
        &self,
        method: reqwest::Method,
        path: &str,
        body: &Value,
    ) -> anyhow::Result<Value> {
        let request = self
            .client
            .request(method, format!("{}/api/v1/{path}", self.base))
            .json(body);
        let request = match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        };
        let answer = request.send().await?;
        let status = answer.status();
        let body = answer.bytes().await?;
        if !status.is_success() {
            bail!("{path}: {status}: {}", String::from_utf8_lossy(&body));
        }
        serde_json::from_slice(&body).with_context(|| path.to_owned())
    }

    /// JSON from a path below `/api/v1/`.
    pub async fn json<T: DeserializeOwned>(&self, path: &str) -> anyhow::Result<T> {
        let answer = self.get(&format!("/api/v1/{path}")).send().await?;
        let status = answer.status();
        let body = answer.bytes().await?;
        if !status.is_success() {
            bail!("{path}: {status}: {}", String::from_utf8_lossy(&body));
        }
        serde_json::from_slice(&body).with_context(|| path.to_owned())
    }

    /// Whether the hub answers.
    pub async fn is_up(&self) -> bool {
        let answer = self
            .get("/healthz")
            .timeout(Duration::from_secs(2))
            .send()
            .await;
        answer.is_ok_and(|answer| answer.status().is_success())
    }

    /// All units of all sites.
    pub async fn units(&self) -> anyhow::Result<Vec<UnitRow>> {
        #[derive(Deserialize)]
        struct Units {
            units: Vec<UnitRow>,
        }
        Ok(self.json::<Units>("units").await?.units)
    }

    /// Every event of a kind at a site, page by page.
    pub async fn events(&self, site: &str, kind: &str) -> anyhow::Result<Vec<Value>> {
        #[derive(Deserialize)]
        struct Page {
            events: Vec<Value>,
            next: Option<String>,
        }
        let mut events = Vec::new();
        let mut next = String::new();
        loop {
            let path = format!("sites/{site}/events?kind={kind}&limit={PAGE}{next}");
            let page: Page = self.json(&path).await?;
            events.extend(page.events);
            match page.next {
                Some(cursor) => next = format!("&cursor={cursor}"),
                None => return Ok(events),
            }
        }
    }
}
