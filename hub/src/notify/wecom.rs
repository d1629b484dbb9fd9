//! 企业微信 robots.
//!
//! `msgtype` `markdown`, at most 4,096 bytes; 20 messages a minute. The answer is always HTTP 200 with
//! `errcode`: 0 taken, 45009 too many, -1 busy (developer.work.weixin.qq.com, 群机器人配置说明 and
//! 全局错误码).

use serde_json::json;
use ureq::Agent;

use super::{
    Text,
    channel::{refused, retry, too_fast},
    http::ask_robot,
};
use crate::{config::Secret, core::paging::Failure};

/// The most bytes of a text.
pub(super) const MAX_BYTES: usize = 4096;

pub(super) fn send(agent: &Agent, url: &Secret, text: &Text) -> Result<String, Failure> {
    let content = text.within(MAX_BYTES);
    let body = json!({ "msgtype": "markdown", "markdown": { "content": content } });
    let (code, words) = ask_robot(agent, &url.0, &body, ("errcode", "errmsg"))?;
    let said = format!("{code} {words}");
    match code {
        0 => Ok(said),
        45009 => Err(too_fast(60, said)),
        -1 => Err(retry(said)),
        _ => Err(refused(said)),
    }
}
