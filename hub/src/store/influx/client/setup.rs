//! What is looked at and made when the hub starts: the bucket, the token's rights, the retention.

use std::{io, path::PathBuf, sync::atomic::Ordering};

use serde_json::{Value, json};

use super::{Client, QueryError, SMALL, read};
use crate::store::influx::answer::{Answer, message};

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

impl Client {
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
    pub(in crate::store::influx) fn takes_requests(&self) -> bool {
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
