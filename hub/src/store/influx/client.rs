//! The HTTP interface of InfluxDB 2: write, query, take out.

mod setup;

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use flate2::{Compression, write::GzEncoder};
use gatepost_model::Wall;
use serde_json::{Value, json};
use ureq::{
    Agent, Body,
    http::Response,
    tls::{PemItem, RootCerts, TlsConfig, parse_pem},
};

use super::answer::{Answer, message};
pub use setup::{Retention, SetupError};

/// Where the history is, and how to get in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The server's address, without a slash at its end.
    pub url: String,
    /// The organisation's name.
    pub org: String,
    /// The bucket's name.
    pub bucket: String,
    /// A file with the token. It is read again whenever the server refuses it, so that it can be
    /// replaced while the hub serves.
    pub token_file: PathBuf,
    /// Certificates to trust in place of those of the public authorities, PEM.
    pub ca_file: Option<PathBuf>,
}

/// Talks to one server about one bucket. Each call waits for its answer, bounded by time-outs.
#[derive(Debug)]
pub struct Client {
    agent: Agent,
    place: Place,
    token: Mutex<String>,
    /// So long the bucket keeps what is in it, seconds; 0 for ever, or where it does not show it.
    kept_s: AtomicU64,
    /// Points may be taken out of the bucket.
    takes_out: AtomicBool,
}

/// Why a question has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// The server does not answer now.
    #[error("InfluxDB does not answer: {0}")]
    Unavailable(String),
    /// The server answers with an error.
    #[error("InfluxDB refuses the question: {0}")]
    Refused(String),
}

/// An answer of any part of the interface.
struct Said {
    status: u16,
    retry_after: Option<String>,
    body: String,
}

impl Said {
    fn is_fine(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

impl Client {
    /// Reads token and certificates; asks nothing yet.
    pub fn new(place: Place) -> Result<Self, SetupError> {
        let token = read_token(&place.token_file)?;
        let mut tls = TlsConfig::builder();
        if let Some(path) = &place.ca_file {
            tls = tls.root_certs(certificates(path)?);
        }
        // The record goes where the configuration says, whatever proxy the environment names.
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .proxy(None)
            .max_redirects(0)
            .timeout_connect(Some(CONNECT))
            .tls_config(tls.build())
            .build()
            .new_agent();
        Ok(Self {
            agent,
            place,
            token: Mutex::new(token),
            kept_s: AtomicU64::new(0),
            takes_out: AtomicBool::new(false),
        })
    }

    /// What is older than this is not in the bucket any more, as far as it shows for how long it keeps
    /// what is in it.
    pub fn oldest(&self, now: Wall) -> Option<Wall> {
        let kept = self.kept_s.load(Ordering::Relaxed);
        let kept = i64::try_from(kept).unwrap_or(i64::MAX);
        (kept > 0).then(|| now.plus_micros(kept.saturating_mul(-1_000_000)))
    }

    /// Where it talks to.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// Reads the token's file again. Answers whether the token is another one.
    pub fn reload_token(&self) -> bool {
        let Ok(token) = read_token(&self.place.token_file) else {
            return false;
        };
        let mut known = self.token();
        let is_new = *known != token;
        *known = token;
        is_new
    }

    fn token(&self) -> MutexGuard<'_, String> {
        // A text is whole whatever panicked while it was held.
        self.token.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes lines of line protocol, packed or plain.
    pub fn write(&self, lines: &str, is_packed: bool) -> Answer {
        let said = if is_packed {
            let packed = pack(lines);
            self.send(&self.write_url(), WRITE, |request| {
                let request = request.header("Content-Encoding", "gzip");
                request.send(&packed[..])
            })
        } else {
            self.send(&self.write_url(), WRITE, |request| request.send(lines))
        };
        match said {
            Ok(said) => Answer::read(said.status, said.retry_after.as_deref(), &said.body),
            Err(reason) => Answer::Later {
                reason,
                after: None,
            },
        }
    }

    fn write_url(&self) -> String {
        let (org, bucket) = (&self.place.org, &self.place.bucket);
        self.url(
            "write",
            &[("org", org), ("bucket", bucket), ("precision", "ns")],
        )
    }

    /// Asks in Flux; answers CSV with a header over each table and no annotations.
    pub fn query(&self, flux: &str) -> Result<String, QueryError> {
        let asked = json!({
            "query": flux,
            "type": "flux",
            "dialect": {"header": true, "annotations": [], "dateTimeFormat": "RFC3339Nano"},
        });
        let asked = asked.to_string();
        let url = self.url("query", &[("org", &self.place.org)]);
        let said = self.send(&url, QUERY, |request| {
            let request = request.header("Accept", "application/csv");
            request.content_type("application/json").send(&asked)
        });
        let said = said.map_err(QueryError::Unavailable)?;
        if said.is_fine() {
            return Ok(said.body);
        }
        let reason = format!("HTTP {}: {}", said.status, message(&said.body));
        Err(match said.status {
            408 | 429 | 500.. => QueryError::Unavailable(reason),
            _ => QueryError::Refused(reason),
        })
    }

    /// Takes out the points of a predicate from a time up to another one, microseconds since 1970.
    pub(super) fn take_out(&self, predicate: &str, from: i64, to: i64) -> Result<(), QueryError> {
        // The end of the interface is the last moment that goes.
        let last = to.saturating_mul(1000).saturating_sub(1);
        let time = |nanos| chrono::DateTime::from_timestamp_nanos(nanos).to_rfc3339();
        let asked = json!({
            "start": time(from.saturating_mul(1000)),
            "stop": time(last),
            "predicate": predicate,
        });
        let (org, bucket) = (&self.place.org, &self.place.bucket);
        let url = self.url("delete", &[("org", org), ("bucket", bucket)]);
        let said = self.send(&url, TAKE_OUT, |request| {
            request
                .content_type("application/json")
                .send(&asked.to_string())
        });
        let said = said.map_err(QueryError::Unavailable)?;
        if said.is_fine() {
            return Ok(());
        }
        let reason = format!("HTTP {}: {}", said.status, message(&said.body));
        Err(match said.status {
            408 | 429 | 500 | 502.. => QueryError::Unavailable(reason),
            _ => QueryError::Refused(reason),
        })
    }

    /// Whether points may be taken out of the bucket, as of the last [`Client::set_up`].
    pub(super) fn takes_out(&self) -> bool {
        self.takes_out.load(Ordering::Relaxed)
    }

    fn get(&self, path: &str, asked: &[(&str, &str)]) -> Result<Value, String> {
        let request = self.agent.get(self.url(path, asked));
        let said = request
            .config()
            .timeout_global(Some(SMALL))
            .build()
            .header("Authorization", self.authorization())
            .call();
        let said = read(said)?;
        if !said.is_fine() {
            return Err(message(&said.body));
        }
        serde_json::from_str(&said.body).map_err(|error| error.to_string())
    }

    /// Posts; answers what was said, or why nothing was.
    fn send(
        &self,
        url: &str,
        patience: Duration,
        send: impl FnOnce(
            ureq::RequestBuilder<ureq::typestate::WithBody>,
        ) -> Result<Response<Body>, ureq::Error>,
    ) -> Result<Said, String> {
        let request = self.agent.post(url);
        let request = request
            .config()
            .timeout_global(Some(patience))
            .build()
            .header("Authorization", self.authorization());
        read(send(request))
    }

    fn authorization(&self) -> String {
        format!("Token {}", *self.token())
    }

    fn url(&self, path: &str, asked: &[(&str, &str)]) -> String {
        let mut url = format!("{}/api/v2/{path}", self.place.url);
        for (n, (name, value)) in asked.iter().enumerate() {
            url.push(if n == 0 { '?' } else { '&' });
            url.push_str(name);
            url.push('=');
            for byte in value.bytes() {
                if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
                    url.push(char::from(byte));
                } else {
                    url.push_str(&format!("%{byte:02X}"));
                }
            }
        }
        url
    }
}

const CONNECT: Duration = Duration::from_secs(5);
/// A write of 1 MiB takes a fraction of a second; a server that is this late answers no more.
const WRITE: Duration = Duration::from_secs(15);
const QUERY: Duration = Duration::from_secs(60);
/// Points are taken out of files one after the other.
const TAKE_OUT: Duration = Duration::from_secs(300);
const SMALL: Duration = Duration::from_secs(10);

/// No answer is longer: a page of events has at most 10,000 of them with 64 KiB each, and usually
/// a hundredth of that.
const LONGEST_BODY: u64 = 1024 * 1024 * 1024;

fn read(said: Result<Response<Body>, ureq::Error>) -> Result<Said, String> {
    let mut said = said.map_err(|error| error.to_string())?;
    let retry_after = said.headers().get("Retry-After");
    let retry_after = retry_after.and_then(|value| value.to_str().ok().map(str::to_owned));
    let body = said.body_mut().with_config().limit(LONGEST_BODY);
    let body = body
        .lossy_utf8(true)
        .read_to_string()
        .map_err(|error| format!("the answer was cut off: {error}"))?;
    Ok(Said {
        status: said.status().as_u16(),
        retry_after,
        body,
    })
}

fn read_token(path: &Path) -> Result<String, SetupError> {
    let text = fs::read_to_string(path).map_err(|source| SetupError::File {
        path: path.to_owned(),
        source,
    })?;
    let token = text.trim();
    let is_token = !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic());
    if !is_token {
        return Err(SetupError::Token(path.to_owned()));
    }
    Ok(token.to_owned())
}

fn certificates(path: &Path) -> Result<RootCerts, SetupError> {
    let bytes = fs::read(path).map_err(|source| SetupError::File {
        path: path.to_owned(),
        source,
    })?;
    let found: Vec<_> = parse_pem(&bytes)
        .filter_map(|item| match item {
            Ok(PemItem::Certificate(certificate)) => Some(certificate),
            _ => None,
        })
        .collect();
    if found.is_empty() {
        return Err(SetupError::Certificate(path.to_owned()));
    }
    Ok(RootCerts::from(found))
}

fn pack(lines: &str) -> Vec<u8> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
    // Writing to memory cannot fail.
    let _ = packer.write_all(lines.as_bytes());
    packer.finish().unwrap_or_default()
}
