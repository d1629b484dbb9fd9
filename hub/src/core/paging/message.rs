//! One message to one recipient, and what became of it.

use gatepost_dashboard::view::MessageView;
use gatepost_model::{
    SiteId, Wall,
    alert::{AlertKind, Severity},
    recipient::Language,
};
use serde::{Deserialize, Serialize};

/// Where messages go: what has one pace.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Address {
    /// The name of a channel in the hub's configuration.
    pub channel: String,
    /// The address on it; none where the channel has one of its own.
    pub to: Option<String>,
}

/// What a message says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Said {
    /// Something is wrong.
    Raised,
    /// It became critical.
    Escalated,
    /// It still waits for somebody, or again; the how manieth reminder, from 1.
    Reminded(u32),
    /// Nothing: somebody tries the channel.
    Test,
}

/// Where a message stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MessageState {
    /// It waits for its time, its pace, or the channel.
    Queued,
    /// It was handed to the channel, which has not answered yet.
    Sending,
    /// The channel took it. Whether somebody read it no channel tells.
    Sent,
    /// It will not be tried again.
    Failed,
    /// Somebody answered, or it was over, before it was sent.
    Dropped,
}

impl Said {
    /// Its word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Raised => "raised",
            Self::Escalated => "escalated",
            Self::Reminded(_) => "reminded",
            Self::Test => "test",
        }
    }
}

impl MessageState {
    /// Its word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Sending => "sending",
            Self::Sent => "sent",
            Self::Failed => "failed",
            Self::Dropped => "dropped",
        }
    }
}

/// One message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MessageRow {
    /// Its number on the hub.
    pub id: u64,
    /// The alert; none for a test.
    pub alert: Option<u64>,
    /// What is wrong; none for a test.
    pub kind: Option<AlertKind>,
    /// How severe it was.
    pub severity: Severity,
    /// The site.
    pub site: SiteId,
    /// Whom it tells.
    pub recipient: String,
    /// Where.
    pub address: Address,
    /// In which language.
    pub language: Language,
    /// What it says.
    pub said: Said,
    /// When it was made.
    pub made_at: Wall,
    /// Not to be sent before.
    pub not_before: Wall,
    /// The channel itself said when to try again: till then it is left alone.
    #[serde(default)]
    pub is_asked: bool,
    /// Where it stands.
    pub state: MessageState,
    /// Which dispatch took it last: those of one went out together.
    pub dispatch: Option<u64>,
    /// How often it was tried.
    pub attempts: u32,
    /// It may have arrived once already, before the hub was stopped.
    pub repeated: bool,
    /// When the channel took it.
    pub sent_at: Option<Wall>,
    /// What the channel said, its receipt or its last error.
    pub answer: Option<String>,
}

impl MessageRow {
    /// As it is shown: without the address.
    pub fn view(&self) -> MessageView {
        MessageView {
            id: self.id,
            site: self.site.clone(),
            recipient: self.recipient.clone(),
            channel: self.address.channel.clone(),
            alert: self.alert,
            kind: self.kind,
            said: self.said.as_str().to_owned(),
            state: self.state.as_str().to_owned(),
            made_at: self.made_at,
            sent_at: self.sent_at,
            attempts: self.attempts,
            repeated: self.repeated,
            answer: self.answer.clone(),
        }
    }
}

/// Why a channel did not take a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// It may the next time; not before so many microseconds have passed, if the channel says so.
    Retry {
        /// As the channel says.
        after_us: Option<i64>,
        /// In words.
        why: String,
    },
    /// It never will.
    Refused {
        /// In words.
        why: String,
    },
}
