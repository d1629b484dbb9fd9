//! 飞书 robots.
//!
//! `msg_type` `text`, a body of at most 20 KB; 100 messages a minute, 5 a second. Signed (签名校验):
//! the body has `timestamp` in seconds, not more than an hour off, and `sign`, the base64 of the
//! HMAC-SHA256 over nothing with timestamp, newline and secret as the key. The answer is HTTP 200 with
//! `code`: 0 taken, 11232 too many (open.feishu.cn, 自定义机器人使用指南).

use gatepost_model::Wall;
use serde_json::json;
use ureq::Agent;

use super::{
    Text,
    channel::{refused, too_fast},
    http::ask_robot,
    sign::{base64, hmac},
};
use crate::{config::Secret, core::paging::Failure};

/// The most bytes of a text: a body may have 20 KB, and JSON may double some of them.
pub(super) const MAX_BYTES: usize = 8_000;

pub(super) fn send(
    agent: &Agent,
    url: &Secret,
    secret: Option<&Secret>,
    text: &Text,
    now: Wall,
) -> Result<String, Failure> {
    let content = text.within(MAX_BYTES);
    let mut body = json!({ "msg_type": "text", "content": { "text": content } });
    if let Some(Secret(secret)) = secret {
        let timestamp = (now.micros() / 1_000_000).to_string();
        let key = format!("{timestamp}\n{secret}");
        body["sign"] = base64(&hmac(key.as_bytes(), b"")).into();
        body["timestamp"] = timestamp.into();
    }
    let (code, words) = ask_robot(agent, &url.0, &body, ("code", "msg"))?;
    let said = format!("{code} {words}");
    match code {
        0 => Ok(said),
        11_232 => Err(too_fast(60, said)),
        _ => Err(refused(said)),
    }
}
