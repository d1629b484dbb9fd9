//! Any program that takes HTTP.
//!
//! A POST of JSON, in which each message has its number: the same number again is the same message
//! again. Three headers: `X-Gatepost-Delivery` (the number of the attempt), `X-Gatepost-Timestamp`
//! (seconds since 1970) and, where there is a secret,
//! `X-Gatepost-Signature`: `sha256=` and the HMAC-SHA256 in hex over the timestamp, a full stop, and
//! the body. A 2xx is a receipt; 408, 429 and 5xx are tried again; all else is refused.

use gatepost_model::Wall;
use serde_json::json;
use ureq::Agent;

use super::{
    Text,
    http::post,
    sign::{hex, hmac},
};
use crate::{
    config::Secret,
    core::paging::{Dispatch, Failure},
};

pub(super) fn send(
    agent: &Agent,
    url: &str,
    secret: Option<&Secret>,
    dispatch: &Dispatch,
    text: &Text,
    now: Wall,
) -> Result<String, Failure> {
    let alerts: Vec<_> = dispatch
        .messages
        .iter()
        .map(|message| {
            json!({ "message": message.id, "alert": message.alert, "site": message.site,
                "kind": message.kind, "severity": message.severity, "said": message.said.as_str(),
                "recipient": message.recipient })
        })
        .collect();
    let body = json!({ "delivery": dispatch.id, "repeated": dispatch.repeated,
        "title": text.title, "text": text.body, "alerts": alerts });
    let body = body.to_string();
    let timestamp = (now.micros() / 1_000_000).to_string();
    let mut headers = vec![
        ("X-Gatepost-Delivery", dispatch.id.to_string()),
        ("X-Gatepost-Timestamp", timestamp.clone()),
    ];
    if let Some(Secret(secret)) = secret {
        let signed = format!("{timestamp}.{body}");
        let signature = hex(&hmac(secret.as_bytes(), signed.as_bytes()));
        headers.push(("X-Gatepost-Signature", format!("sha256={signature}")));
    }
    let (status, _) = post(agent, url, &headers, &body)?;
    Ok(status.to_string())
}
