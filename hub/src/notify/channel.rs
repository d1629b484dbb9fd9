//! All channels by name.

use std::collections::BTreeMap;

use gatepost_model::Wall;
use tokio::task::spawn_blocking;
use ureq::Agent;

use super::{Templates, Text, dingtalk, email::Mailer, feishu, http, webhook, wecom};
use crate::{
    config::{Channel, ChannelKind},
    core::paging::{Dispatch, Failure},
};

/// The ways to people.
#[derive(Debug)]
pub struct Channels {
    by_name: BTreeMap<String, Way>,
    templates: BTreeMap<String, Templates>,
    no_templates: Templates,
    agent: Agent,
}

#[derive(Debug)]
enum Way {
    Mail(Mailer),
    Http(ChannelKind),
}

/// A mail server cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the channel `{name}` cannot be used")]
pub struct ChannelsError {
    name: String,
    #[source]
    source: Box<dyn std::error::Error + Send + Sync>,
}

impl Channels {
    /// Of a configuration.
    pub fn new(channels: &[Channel]) -> Result<Self, ChannelsError> {
        let mut by_name = BTreeMap::new();
        for channel in channels {
            let name = channel.name.clone();
            let way = match &channel.kind {
                ChannelKind::Email(settings) => {
                    let mailer = Mailer::new(settings).map_err(|source| ChannelsError {
                        name: name.clone(),
                        source,
                    })?;
                    Way::Mail(mailer)
                }
                kind => Way::Http(kind.clone()),
            };
            by_name.insert(name, way);
        }
        let templates = channels
            .iter()
            .map(|channel| (channel.name.clone(), channel.templates.clone()));
        Ok(Self {
            by_name,
            templates: templates.collect(),
            no_templates: Templates::default(),
            agent: http::agent(),
        })
    }

    /// A channel's own words.
    pub fn templates(&self, name: &str) -> &Templates {
        self.templates.get(name).unwrap_or(&self.no_templates)
    }

    /// What those that speak HTTP share.
    pub fn agent(&self) -> Agent {
        self.agent.clone()
    }

    /// Sends what goes out at once. Answers the channel's receipt.
    pub async fn send(
        &self,
        dispatch: &Dispatch,
        text: &Text,
        now: Wall,
    ) -> Result<String, Failure> {
        let Some(way) = self.by_name.get(&dispatch.address.channel) else {
            // Somebody may add it to the configuration yet.
            return Err(retry("the hub's configuration has no channel of that name"));
        };
        let kind = match way {
            Way::Mail(mailer) => return mailer.send(dispatch, text).await,
            Way::Http(kind) => kind.clone(),
        };
        let (agent, dispatch, text) = (self.agent.clone(), dispatch.clone(), text.clone());
        let sending = spawn_blocking(move || match &kind {
            ChannelKind::Webhook { url, secret } => {
                webhook::send(&agent, url, secret.as_ref(), &dispatch, &text, now)
            }
            ChannelKind::WeCom { url } => wecom::send(&agent, url, &text),
            ChannelKind::DingTalk { url, secret } => {
                dingtalk::send(&agent, url, secret.as_ref(), &text, now)
            }
            ChannelKind::Feishu { url, secret } => {
                feishu::send(&agent, url, secret.as_ref(), &text, now)
            }
            ChannelKind::Email(_) => Err(refused("a mail server is no web server")),
        });
        let sent = sending.await;
        sent.unwrap_or_else(|_| Err(retry("the hub is stopping")))
    }
}

impl Failure {
    /// In words.
    pub fn why(&self) -> &str {
        match self {
            Self::Retry { why, .. } | Self::Refused { why } => why,
        }
    }
}

pub(super) fn retry(why: impl Into<String>) -> Failure {
    Failure::Retry {
        after_us: None,
        why: why.into(),
    }
}

pub(super) fn refused(why: impl Into<String>) -> Failure {
    Failure::Refused { why: why.into() }
}

/// After a robot said that too much comes, it is left alone for so long, microseconds.
pub(super) fn too_fast(seconds: i64, why: String) -> Failure {
    Failure::Retry {
        after_us: Some(seconds * 1_000_000),
        why,
    }
}
