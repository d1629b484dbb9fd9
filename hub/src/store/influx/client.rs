//! The HTTP interface of InfluxDB 2: write, query, and what is made at the start where it may be made.

use std::{
    fs,
    io::{self, Write},
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

/// How long InfluxDB keeps what is in the bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retention {
    /// For good.
    Forever,
    /// So many days.
    Days(u32),
}

impl Retention {
    /// As the interface has it: 0 for good.
    fn seconds(self) -> u64 {
        match self {
            Self::Forever => 0,
            Self::Days(days) => u64::from(days) * DAY,
        }
    }
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

/// Why the store cannot be used as it is configured.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// A file cannot be read.
    #[error("cannot read {}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A file has no certificate.
    #[error("{} has no certificate; give `ca_file` of [store] a PEM file", .0.display())]
    Certificate(PathBuf),
    /// A token that cannot stand in a request.
    #[error("{} has no token; write the token of InfluxDB into it, on one line", .0.display())]
    Token(PathBuf),
    /// The server cannot be asked now.
    #[error("InfluxDB at {url} does not answer: {reason}")]
    Unreachable {
        /// Its address.
        url: String,
        /// What happened.
        reason: String,
    },
    /// The server answers, and will not do it.
    #[error("InfluxDB at {url} refuses: {reason}; {cure}")]
    Refused {
        /// Its address.
        url: String,
        /// In the server's words.
        reason: String,
        /// What to do.
        cure: String,
    },
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

    /// Looks whether points may be taken out of the bucket, by taking out none.
    fn may_take_out(&self) -> Result<(), QueryError> {
        self.take_out("_measurement=\"gatepost\"", 0, 1)
    }

    /// Sees that the bucket can be written and read with this token; makes it where it is missing and
    /// this may be done, and gives it the wanted retention. Answers what is not as wanted and does no
    /// harm.
    pub fn set_up(&self, retention: Option<Retention>) -> Result<Vec<String>, SetupError> {
        if let Err(reason) = self.may_write()? {
            let Answer::Misconfigured { .. } = reason else {
                return Err(self.refused(reason));
            };
            // A bucket that is not there is made; whatever else is wrong comes to light again.
            if self.make_bucket(retention).is_err() || self.may_write()?.is_err() {
                return Err(self.refused(reason));
            }
        }
        let probe = format!(
            "from(bucket: {}) |> range(start: -1s) |> limit(n: 1)",
            Value::from(self.place.bucket.as_str())
        );
        match self.query(&probe) {
            Ok(_) => {}
            Err(QueryError::Unavailable(reason)) => return Err(self.unreachable(reason)),
            Err(QueryError::Refused(reason)) => {
                return Err(SetupError::Refused {
                    url: self.place.url.clone(),
                    reason,
                    cure: format!(
                        "give the token the right to read bucket `{}`, too",
                        self.place.bucket
                    ),
                });
            }
        }
        let mut notes = Vec::new();
        if let Some(wanted) = retention
            && let Err(reason) = self.keep_for(wanted)
        {
            notes.push(format!(
                "the retention of bucket `{}` cannot be set ({reason}); set it to {} s in InfluxDB",
                self.place.bucket,
                wanted.seconds()
            ));
        }
        if let Ok((_, kept)) = self.bucket() {
            self.kept_s.store(kept, Ordering::Relaxed);
        }
        let takes_out = self.may_take_out();
        self.takes_out.store(takes_out.is_ok(), Ordering::Relaxed);
        match takes_out {
            Ok(()) => {}
            Err(QueryError::Unavailable(reason)) => return Err(self.unreachable(reason)),
            Err(QueryError::Refused(reason)) => notes.push(format!(
                "what a site does not keep any longer cannot be taken out of bucket `{}` ({reason}): it \
                 stays until the bucket lets it go; give the bucket a retention, or use a server and a \
                 token that delete",
                self.place.bucket
            )),
        }
        Ok(notes)
    }

    /// The bucket's id, and how many seconds it keeps what is in it; 0 for ever.
    fn bucket(&self) -> Result<(String, u64), String> {
        let asked = [
            ("org", self.place.org.as_str()),
            ("name", self.place.bucket.as_str()),
        ];
        let buckets = self.get("buckets", &asked)?;
        let bucket = &buckets["buckets"][0];
        let id = bucket["id"].as_str().ok_or("the bucket is not shown")?;
        let kept = bucket["retentionRules"][0]["everySeconds"].as_u64();
        Ok((id.to_owned(), kept.unwrap_or(0)))
    }

    /// Writes nothing but a comment, which needs the same rights as a point.
    fn may_write(&self) -> Result<Result<(), Answer>, SetupError> {
        match self.write("# gatepost\n", false) {
            Answer::Stored => Ok(Ok(())),
            Answer::Later { reason, .. } => Err(self.unreachable(reason)),
            refused => Ok(Err(refused)),
        }
    }

    /// Whether the server takes a request that has no line: then what it refuses is the lines' fault.
    pub(super) fn takes_requests(&self) -> bool {
        matches!(self.may_write(), Ok(Ok(())))
    }

    fn refused(&self, answer: Answer) -> SetupError {
        let (reason, cure) = match answer {
            Answer::Misconfigured { reason, cure } => (reason, cure),
            Answer::Unreadable { reason }
            | Answer::Partly { reason }
            | Answer::TooLarge { reason } => (
                reason,
                "see that `org` and `bucket` of [store] are those of InfluxDB",
            ),
            Answer::Stored | Answer::Later { .. } => (String::new(), ""),
        };
        SetupError::Refused {
            url: self.place.url.clone(),
            reason,
            cure: cure.to_owned(),
        }
    }

    fn unreachable(&self, reason: String) -> SetupError {
        SetupError::Unreachable {
            url: self.place.url.clone(),
            reason,
        }
    }

    /// Makes the bucket, or says why it cannot be made.
    fn make_bucket(&self, retention: Option<Retention>) -> Result<(), String> {
        let orgs = self.get("orgs", &[("org", &self.place.org)])?;
        let org = orgs["orgs"][0]["id"]
            .as_str()
            .ok_or("the organisation is not there")?;
        let wanted = json!({
            "orgID": org,
            "name": self.place.bucket,
            "retentionRules": rules(retention.unwrap_or(Retention::Forever)),
        });
        let url = self.url("buckets", &[]);
        let said = self.send(&url, SMALL, |request| {
            request
                .content_type("application/json")
                .send(&wanted.to_string())
        })?;
        if said.is_fine() {
            return Ok(());
        }
        Err(message(&said.body))
    }

    /// Sees that the bucket keeps what is in it for so long.
    fn keep_for(&self, wanted: Retention) -> Result<(), String> {
        let (id, kept) = self.bucket()?;
        if kept == wanted.seconds() {
            return Ok(());
        }
        let url = self.url(&format!("buckets/{id}"), &[]);
        let asked = json!({"retentionRules": rules(wanted)}).to_string();
        let said = self.agent.patch(&url);
        let said = said
            .config()
            .timeout_global(Some(SMALL))
            .build()
            .header("Authorization", self.authorization())
            .content_type("application/json")
            .send(&asked);
        let said = read(said)?;
        if said.is_fine() {
            return Ok(());
        }
        Err(message(&said.body))
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

fn rules(retention: Retention) -> Value {
    let seconds = retention.seconds();
    // Shards as long as InfluxDB itself would make them: it does not do so when a bucket changes.
    let shard = match seconds {
        1..TWO_DAYS => HOUR,
        TWO_DAYS..HALF_A_YEAR => DAY,
        _ => WEEK,
    };
    json!([{"type": "expire", "everySeconds": seconds, "shardGroupDurationSeconds": shard}])
}

const HOUR: u64 = 3600;
const DAY: u64 = 24 * HOUR;
const TWO_DAYS: u64 = 2 * DAY;
const WEEK: u64 = 7 * DAY;
const HALF_A_YEAR: u64 = 182 * DAY;

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
