//! Messages to people, as they are shown: to whom by name, never an address.

use gatepost_model::{
    SiteId, Wall,
    alert::{AlertKind, Severity},
    recipient::Language,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::schema;

/// A time in which the hub itself was down: what fell due then was judged afterwards, and nobody was
/// told of it then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DowntimeView {
    /// It was last known to live then.
    #[schema(value_type = schema::Time)]
    pub from: Wall,
    /// It began again then.
    #[schema(value_type = schema::Time)]
    pub to: Wall,
}

/// Somebody, or a group, that is told of what is wrong on a site.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RecipientView {
    /// Who.
    pub name: String,
    /// Over which channel.
    pub channel: String,
    /// In which language: `zh` or `en`.
    #[schema(value_type = String)]
    pub language: Language,
    /// Only what is at least as severe.
    #[schema(value_type = String)]
    pub least: Severity,
    /// Told when nobody has answered for so long, minutes.
    pub after_min: u32,
    /// The newest message to them that is kept.
    pub last: Option<MessageView>,
}

/// A message to a person or a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MessageView {
    /// Its number on the hub.
    pub id: u64,
    /// The site.
    #[schema(value_type = String)]
    pub site: SiteId,
    /// Whom it tells: the recipient's name in the site's settings.
    pub recipient: String,
    /// Over which channel.
    pub channel: String,
    /// The alert; none for a test.
    pub alert: Option<u64>,
    /// What is wrong; none for a test.
    #[schema(value_type = Option<schema::AlertKind>)]
    pub kind: Option<AlertKind>,
    /// `raised`, `escalated`, `reminded` or `test`.
    pub said: String,
    /// `queued`, `sending`, `sent` (the channel took it), `failed`, or `dropped`: answered before
    /// it was sent.
    pub state: String,
    /// When it was made.
    #[schema(value_type = schema::Time)]
    pub made_at: Wall,
    /// When the channel took it.
    #[schema(value_type = Option<schema::Time>)]
    pub sent_at: Option<Wall>,
    /// How often it was tried.
    pub attempts: u32,
    /// It may have arrived twice, because the hub was stopped while it was being sent.
    pub repeated: bool,
    /// What the channel said: its receipt, or why it did not take it.
    pub answer: Option<String>,
}
