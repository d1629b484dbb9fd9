//! 钉钉 robots.
//!
//! `msgtype` `markdown`; 20 messages a minute, and who sends more is muted for ten minutes. Signed
//! (加签): the query has `timestamp` in milliseconds, not more than an hour off, and `sign`, the
//! base64 of the HMAC-SHA256 over timestamp, newline and secret with the secret as the key. The answer
//! is HTTP 200 with `errcode`: 0 taken, 410100 and 130101 too many, -1 busy (open.dingtalk.com,
//! 自定义机器人安全设置 and 自定义机器人发送群消息).

use gatepost_model::Wall;
use serde_json::json;
use ureq::Agent;

use super::{
    Text,
    channel::{refused, retry, too_fast},
    http::ask_robot,
    sign::{base64, hmac},
};
use crate::{config::Secret, core::paging::Failure};

/// The most bytes of a text: a message may have 20,000 in all.
pub(super) const MAX_BYTES: usize = 16_000;

pub(super) fn send(
    agent: &Agent,
    url: &Secret,
    secret: Option<&Secret>,
    text: &Text,
    now: Wall,
) -> Result<String, Failure> {
    let mut url = url.0.clone();
    if let Some(Secret(secret)) = secret {
        let timestamp = (now.micros() / 1_000).to_string();
        let signed = format!("{timestamp}\n{secret}");
        let sign = base64(&hmac(secret.as_bytes(), signed.as_bytes()));
        // What of base64 means something else in a query.
        let sign = sign
            .replace('+', "%2B")
            .replace('/', "%2F")
            .replace('=', "%3D");
        let joint = if url.contains('?') { '&' } else { '?' };
        url.push_str(&format!("{joint}timestamp={timestamp}&sign={sign}"));
    }
    let markdown = json!({ "title": text.title, "text": text.within(MAX_BYTES) });
    let body = json!({ "msgtype": "markdown", "markdown": markdown });
    let (code, words) = ask_robot(agent, &url, &body, ("errcode", "errmsg"))?;
    let said = format!("{code} {words}");
    match code {
        0 => Ok(said),
        410_100 | 130_101 => Err(too_fast(600, said)),
        -1 => Err(retry(said)),
        _ => Err(refused(said)),
    }
}
