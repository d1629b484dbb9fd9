//! What a server's answer to a write means for the lines that were sent: pure.
//!
//! The words are InfluxDB's own: a body `{"code", "message"}`. What it does with the lines:
//!
//! | answer | the lines |
//! |---|---|
//! | 204 | all are stored |
//! | 400 | none is stored; one of them or more cannot be read, or the request is wrong as such |
//! | 422, or any that speaks of a `partial write` | all but the refused ones are stored; which they are is not told, and of several reasons only the first |
//! | 413 | none is stored: too many at once |
//! | 401, 403, 404, and whatever else below 500 | none: the token, the bucket or the address is wrong, which a person can put right |
//! | 429, 408, 5xx, and no answer | nothing is known; the same lines may be sent again |

use std::time::Duration;

use serde_json::Value;

/// What an answer to a write means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// All lines are stored.
    Stored,
    /// None is stored, because of one or more of them.
    Unreadable {
        /// In the server's words.
        reason: String,
    },
    /// All but some are stored.
    Partly {
        /// In the server's words, of one of them.
        reason: String,
    },
    /// None is stored: too many at once.
    TooLarge {
        /// In the server's words.
        reason: String,
    },
    /// Somebody has to put something right: the lines are kept.
    Misconfigured {
        /// In the server's words, with the status.
        reason: String,
        /// What to do about it.
        cure: &'static str,
    },
    /// To be tried again.
    Later {
        /// In the server's words, with the status.
        reason: String,
        /// Not before so long.
        after: Option<Duration>,
    },
}

impl Answer {
    /// Reads an answer. `retry_after` is the header of that name.
    pub fn read(status: u16, retry_after: Option<&str>, body: &str) -> Self {
        let reason = message(body);
        let with_status = || match &*reason {
            "" => format!("HTTP {status}"),
            reason => format!("HTTP {status}: {reason}"),
        };
        let misconfigured = |cure| Self::Misconfigured {
            reason: with_status(),
            cure,
        };
        match status {
            200..=299 => Self::Stored,
            _ if reason.contains("partial write") => Self::Partly { reason },
            422 => Self::Partly { reason },
            400 => Self::Unreadable { reason },
            413 => Self::TooLarge { reason },
            401 => misconfigured(
                "give `token_file` of [store] a token that InfluxDB knows, with the rights to read \
                 and write the bucket",
            ),
            403 => misconfigured("give the token the right to read and to write the bucket"),
            404 => misconfigured(
                "see that `url`, `org` and `bucket` of [store] are those of InfluxDB, or make the \
                 bucket there",
            ),
            408 | 429 | 500.. => Self::Later {
                reason: with_status(),
                after: retry_after.and_then(seconds),
            },
            _ => misconfigured("see that `url` of [store] is the address of an InfluxDB 2"),
        }
    }
}

/// `Retry-After` in seconds; a date is as good as none, since back-off goes on anyway.
fn seconds(text: &str) -> Option<Duration> {
    let seconds: u64 = text.trim().parse().ok()?;
    Some(Duration::from_secs(seconds.min(LONGEST_AFTER)))
}

/// A server that asks for more than an hour is asked again after one.
const LONGEST_AFTER: u64 = 3600;

/// The message of an error's body, or the body itself, in one bounded line.
pub(super) fn message(body: &str) -> String {
    let read: Option<Value> = serde_json::from_str(body).ok();
    let said = read
        .as_ref()
        .and_then(|read| read.get("message").or_else(|| read.get("error")))
        .and_then(Value::as_str)
        .unwrap_or(body);
    let line = said.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(LONGEST_MESSAGE) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

const LONGEST_MESSAGE: usize = 500;

#[cfg(test)]
mod tests {
    use super::*;

    fn body(message: &str) -> String {
        serde_json::json!({"code": "x", "message": message}).to_string()
    }

    /// Answers of InfluxDB 2.9.1, as measured.
    #[test]
    fn every_measured_answer_has_its_meaning() {
        let reads = |status, message: &str| Answer::read(status, None, &body(message));
        assert_eq!(Answer::read(204, None, ""), Answer::Stored);
        for partial in [
            "failure writing points to database: partial write: field type conflict: input field \"value\" on measurement \"c1\" is type string, already exists as type float dropped=1",
            "failure writing points to database: partial write: invalid field name: input field \"time\" on measurement \"m11\" is invalid. Field \"time\" has been stripped from point. dropped=0 for database: DB for retention policy: autogen",
            "failure writing points to database: partial write: dropped 100 points outside retention policy of duration 1h0m0s",
        ] {
            let answer = reads(422, partial);
            assert!(
                matches!(&answer, Answer::Partly { reason } if reason == partial),
                "{answer:?}"
            );
        }
        for unreadable in [
            "unable to parse 'm1,site=s000 garbage': invalid field format",
            "unable to parse 'm8 value=NaN 1795487028000000000': invalid number",
            "unable to parse 'm10 value=1 9223372036854775807': time outside range -9223372036854775806 - 9223372036854775806",
            "unable to parse 'm15,a=1,a=2 v=2 1795487028000000000': duplicate tags",
        ] {
            let answer = reads(400, unreadable);
            assert!(matches!(answer, Answer::Unreadable { .. }), "{answer:?}");
        }
        for (status, wrong) in [
            (401, "unauthorized access"),
            (403, "insufficient permissions for write"),
            (404, "bucket \"nosuch\" not found"),
            (404, "organization name \"nosuch\" not found"),
            (405, "allow: OPTIONS, POST"),
        ] {
            let answer = reads(status, wrong);
            assert!(
                matches!(&answer, Answer::Misconfigured { reason, cure } if reason.contains(wrong) && !cure.is_empty()),
                "{answer:?}"
            );
        }
        for (status, later) in [
            (500, "unable to read data: unexpected EOF"),
            (500, "An internal error has occurred - check server logs"),
            (
                500,
                "unexpected error writing points to database: engine: cache-max-memory-size exceeded: (1555480/200000)",
            ),
            (503, "the server is starting"),
            (429, "org has exceeded its write limit"),
        ] {
            let answer = reads(status, later);
            assert!(matches!(answer, Answer::Later { .. }), "{answer:?}");
        }
        assert!(matches!(
            Answer::read(413, None, "too large"),
            Answer::TooLarge { reason } if reason == "too large"
        ));
        // Other servers say it with another status.
        assert!(matches!(
            reads(400, "partial write of line protocol occurred"),
            Answer::Partly { .. }
        ));
    }

    #[test]
    fn how_long_to_wait_is_told_in_seconds() {
        let after = |header| match Answer::read(429, header, "") {
            Answer::Later { reason, after } => {
                assert_eq!(reason, "HTTP 429");
                after
            }
            other => panic!("{other:?}"),
        };
        assert_eq!(after(Some("30")), Some(Duration::from_secs(30)));
        assert_eq!(after(Some("99999999")), Some(Duration::from_secs(3600)));
        assert_eq!(after(Some("Fri, 31 Dec 1999 23:59:59 GMT")), None);
        assert_eq!(after(None), None);
    }

    #[test]
    fn a_message_is_one_bounded_line() {
        assert_eq!(message("<html>\n  gone </html>"), "<html> gone </html>");
        assert_eq!(message(&"字".repeat(700)).chars().count(), 501);
        assert_eq!(message(r#"{"error":"no"}"#), "no");
    }
}
