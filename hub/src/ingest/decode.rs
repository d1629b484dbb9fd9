//! MQTT messages into what the core is told: pure.

use std::sync::Arc;

use bytes::Bytes;
use gatepost_model::{
    SiteId, Topic, UnitId, Wall,
    event::LineError,
    topic::Channel,
    wire::{self, BatchError},
};

use crate::core::{
    input::{Batch, BatchLine, Content, Input, Refused},
    quarantine::print_of,
};

/// A message as it came.
#[derive(Debug, Clone)]
pub struct Message {
    /// The topic's bytes.
    pub topic: Bytes,
    /// What was published.
    pub payload: Bytes,
    /// The broker had kept it from before.
    pub retained: bool,
    /// When it came.
    pub received: Wall,
}

/// Reads a message. Every one becomes an input: what cannot be read, one to be set aside.
pub fn decode(message: Message) -> Input {
    let topic_text = String::from_utf8_lossy(&message.topic).into_owned();
    let topic = match Topic::parse(&topic_text) {
        Ok(topic) => topic,
        Err(error) => {
            let reason = with_source(&error);
            return refused(message, topic_text, None, "bad_topic", reason);
        }
    };
    let Message {
        payload, received, ..
    } = &message;
    let received = *received;
    let (site, unit) = (topic.site.clone(), topic.unit.clone());
    let read = match topic.channel {
        Channel::Events => batch(&topic, payload, received),
        Channel::Alive => serde_json::from_slice(payload)
            .map(|alive| Input::Alive {
                site,
                unit,
                alive,
                received,
            })
            .map_err(|error| ("bad_alive", error.to_string())),
        Channel::Status => serde_json::from_slice(payload)
            .map(|status| Input::Status {
                site,
                unit,
                status,
                retained: message.retained,
                received,
            })
            .map_err(|error| ("bad_status", error.to_string())),
        Channel::Reply => serde_json::from_slice(payload)
            .map(|reply| Input::Reply {
                site,
                unit,
                reply,
                received,
            })
            .map_err(|error| ("bad_reply", error.to_string())),
        Channel::Ack | Channel::Config | Channel::Command => {
            Err(("bad_topic", "nobody listens on this topic".to_owned()))
        }
    };
    read.unwrap_or_else(|(code, reason)| {
        let from = Some((topic.site, topic.unit));
        refused(message, topic_text, from, code, reason)
    })
}

fn batch(topic: &Topic, payload: &Bytes, received: Wall) -> Result<Input, (&'static str, String)> {
    let read = wire::decode(&topic.unit, payload)
        .map_err(|error: BatchError| (error.code(), error.to_string()))?;
    let lines = read
        .lines
        .into_iter()
        .map(|line| BatchLine {
            seq: line.seq,
            n: line.n,
            chain: line.chain,
            content: content(payload, line.bytes, line.content),
        })
        .collect();
    Ok(Input::Batch(Box::new(Batch {
        site: topic.site.clone(),
        unit: topic.unit.clone(),
        received,
        header: read.header,
        lines,
        payload: payload.clone(),
    })))
}

fn content(payload: &Bytes, bytes: &[u8], content: wire::Content) -> Content {
    match (content, std::str::from_utf8(bytes)) {
        (wire::Content::Line(line, form), Ok(text)) => {
            Content::Line(Arc::from(text), Box::new(line), form)
        }
        // Where it was not looked at, as in a field that is not known, JSON need not be text.
        (wire::Content::Line(..), Err(error)) => Content::Broken(
            payload.slice_ref(bytes),
            LineError::Json(format!("not UTF-8: {error}")),
        ),
        (wire::Content::Broken(error), _) => Content::Broken(payload.slice_ref(bytes), error),
    }
}

fn refused(
    message: Message,
    topic: String,
    from: Option<(SiteId, UnitId)>,
    code: &'static str,
    reason: String,
) -> Input {
    // Of presence only the newest word counts, so that all that cannot be read is one thing.
    let same = match code {
        "bad_alive" | "bad_status" | "bad_reply" => &[][..],
        _ => &message.payload[..],
    };
    let print = print_of(&topic, code, same);
    let (site, unit) = from.unzip();
    Input::Refused(Refused {
        received: message.received,
        topic,
        site,
        unit,
        code,
        reason,
        payload: message.payload,
        print,
    })
}

fn with_source(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(topic: &str, payload: &[u8]) -> Input {
        decode(Message {
            topic: Bytes::copy_from_slice(topic.as_bytes()),
            payload: Bytes::copy_from_slice(payload),
            retained: false,
            received: Wall::parse("2026-11-23T07:31:00Z").unwrap(),
        })
    }

    #[track_caller]
    fn code(topic: &str, payload: &[u8]) -> &'static str {
        match read(topic, payload) {
            Input::Refused(refused) => refused.code,
            other => panic!("{other:?} is not refused"),
        }
    }

    #[test]
    fn what_cannot_be_read_is_refused_with_a_code() {
        assert_eq!(code("gatepost/v1/S!/gate-1/events", b"{}"), "bad_topic");
        assert_eq!(code("gatepost/v1/s/gate-1/ack", b"{}"), "bad_topic");
        assert_eq!(code("gatepost/v1/s/gate-1/events", b"{}"), "bad_header");
        assert_eq!(code("gatepost/v1/s/gate-1/alive", b"\xff"), "bad_alive");
        assert_eq!(code("gatepost/v1/s/gate-1/status", b""), "bad_status");
        assert_eq!(code("gatepost/v1/s/gate-1/reply", b"{}"), "bad_reply");
    }

    #[test]
    fn a_line_that_is_no_text_is_broken_alone() {
        let mut payload = br#"{"v":1,"unit":"gate-1","log":"l","first":1,"count":2,"chain":"0000000000000000","boot":"b","sent":{"boot":"b","mono_us":9,"clock":"unset"}}"#.to_vec();
        payload.extend_from_slice(b"\n{\"mono_us\":1,\"kind\":\"unclear\",\"lane\":\"people\",\"reason\":\"overlap\",\"x\":\"\xff\"}");
        payload.extend_from_slice(
            b"\n{\"mono_us\":2,\"kind\":\"unclear\",\"lane\":\"people\",\"reason\":\"overlap\"}",
        );
        let Input::Batch(batch) = read("gatepost/v1/s/gate-1/events", &payload) else {
            panic!("it can be read as a whole");
        };
        assert!(
            matches!(&batch.lines[0].content, Content::Broken(bytes, _) if bytes.contains(&0xff))
        );
        assert!(matches!(&batch.lines[1].content, Content::Line(..)));
        assert_eq!((batch.lines[1].seq, batch.lines[1].last()), (2, 2));
    }
}
