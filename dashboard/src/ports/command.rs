//! The port of what people change.

use std::{future::Future, pin::Pin};

use gatepost_model::{
    LaneId, LogId, SiteId, UnitId, Wall, Zone, alert::Outcome, event::EntryOutcome, remote::Order,
};

use crate::view::{
    AlertView, CalendarView, CommandView, EntryCounts, EpisodeView, ExcuseView, HandOverView,
    HandRound, IsolationView, MessageView, RollCallView, SettingsView, UnitConfig,
};

/// What a person changes.
#[derive(Debug, Clone, PartialEq)]
pub struct Command {
    /// Who.
    pub by: String,
    /// The same key again is the same command again.
    pub key: Option<String>,
    /// What.
    pub act: Act,
}

/// What is done.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Act {
    /// Something with an alert.
    Alert {
        /// Which alert.
        alert: u64,
        /// The version that the person saw.
        version: Option<u64>,
        /// Why, or what will be done.
        note: Option<String>,
        /// What.
        act: AlertAct,
    },
    /// Something is found out about a suspected fever.
    Episode {
        /// Which episode.
        episode: String,
        /// The version that the person saw.
        version: Option<u64>,
        /// Why.
        note: Option<String>,
        /// What.
        act: EpisodeAct,
    },
    /// A planned round need not be done.
    Excuse {
        /// The site.
        site: SiteId,
        /// Which planned round.
        slot: String,
        /// Why.
        reason: String,
    },
    /// A round that no unit saw.
    Round {
        /// The site.
        site: SiteId,
        /// The round.
        round: HandRound,
    },
    /// People were counted.
    RollCall {
        /// The site.
        site: SiteId,
        /// In a zone; on the site where none is named.
        zone: Option<Zone>,
        /// How many.
        count: u64,
    },
    /// A recipient is sent a test message.
    Test {
        /// The site.
        site: SiteId,
        /// Its name.
        recipient: String,
    },
    /// Who leaves hands over to who comes.
    HandOver {
        /// The site.
        site: SiteId,
        /// Who comes.
        to: String,
        /// What is said with it.
        note: Option<String>,
    },
    /// Who comes takes over.
    AcceptHandOver {
        /// The site.
        site: SiteId,
        /// The hand-over's number.
        id: u64,
    },
    /// People were let out of isolation.
    Release {
        /// The site.
        site: SiteId,
        /// How many.
        count: u64,
        /// Why.
        reason: String,
    },
    /// An attempt to enter ended.
    Entry {
        /// The site.
        site: SiteId,
        /// At which lane.
        lane: LaneId,
        /// How.
        outcome: EntryOutcome,
        /// Why it was refused.
        reason: Option<String>,
    },
    /// A unit is to run with another configuration.
    Configure {
        /// The site.
        site: SiteId,
        /// The unit.
        unit: UnitId,
        /// The version that the person saw.
        version: Option<u64>,
        /// The whole text; none for the unit's own file.
        text: Option<String>,
    },
    /// A unit is told to do something now.
    Tell {
        /// The site.
        site: SiteId,
        /// The unit.
        unit: UnitId,
        /// What.
        command: Order,
    },
    /// A site is to have other settings.
    Settings {
        /// The site.
        site: SiteId,
        /// The version that the person saw.
        version: Option<String>,
        /// The whole file.
        text: String,
    },
    /// Public holidays and make-up work days are taken into a site's settings.
    Calendar {
        /// The site.
        site: SiteId,
        /// The file: iCalendar, or a table.
        text: String,
        /// Whether all its days without a mark are holidays.
        all_holidays: bool,
    },
    /// What was set aside is brought again.
    Retry {
        /// Which item in quarantine.
        quarantine: u64,
    },
}

impl Act {
    /// The item in quarantine that it is about; 0 of other acts.
    pub fn quarantine(&self) -> u64 {
        match self {
            Self::Retry { quarantine } => *quarantine,
            _ => 0,
        }
    }

    /// Whether it changes a site's settings, which may be changed beside the hub, too.
    pub fn is_of_settings(&self) -> bool {
        matches!(self, Self::Settings { .. } | Self::Calendar { .. })
    }
}

/// What people find out about a suspected fever.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EpisodeAct {
    /// Measured again with a clinical device.
    Remeasure {
        /// What it showed, degC.
        clinical_c: f64,
        /// Which device.
        device: Option<String>,
    },
    /// It is a fever.
    Confirm {
        /// What a clinical device showed, degC.
        clinical_c: f64,
        /// Which device.
        device: Option<String>,
    },
    /// It is none; the note says why.
    Dismiss,
    /// The person is in isolation.
    Isolate,
    /// The person is no longer in isolation.
    Release,
}

/// What people do with an alert.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AlertAct {
    /// Somebody has it.
    Acknowledge,
    /// It is given to somebody.
    Assign {
        /// To whom.
        to: String,
    },
    /// Something is said about it: in the note.
    Comment,
    /// It can wait.
    Shelve {
        /// Until when; at most eight hours from now.
        until: Wall,
    },
    /// It cannot wait any longer.
    Unshelve,
    /// It is over.
    Resolve {
        /// How it ended; a fever must say so.
        outcome: Option<Outcome>,
    },
}

/// What a change came to.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
#[serde(untagged)]
pub enum Answer {
    /// An alert as it is now.
    Alert(Box<AlertView>),
    /// A fever episode as it is now.
    Episode(Box<EpisodeView>),
    /// Why a planned round need not be done.
    Excuse(ExcuseView),
    /// A round recorded by hand.
    Round(Box<HandRound>),
    /// A roll-call.
    RollCall(RollCallView),
    /// The isolation register.
    Isolation(Box<IsolationView>),
    /// A message that is to be sent.
    Message(MessageView),
    /// A hand-over as it is now.
    HandOver(Box<HandOverView>),
    /// The day's entries, with the new one.
    Entries(EntryCounts),
    /// The configuration that a unit is to run with.
    Config(Box<UnitConfig>),
    /// A command to a unit.
    Command(Box<CommandView>),
    /// A site's settings.
    Settings(Box<SettingsView>),
    /// What a calendar changed of them.
    Calendar(Box<CalendarView>),
    /// What was set aside and is in the record now.
    Retried(Retried),
    /// What the same command came to before.
    Again(serde_json::Value),
}

/// An event that was set aside and is in the record now, or on its way to the store.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
pub struct Retried {
    /// Which item in quarantine it was.
    pub quarantine: u64,
    /// Its site.
    #[schema(value_type = String)]
    pub site: SiteId,
    /// The unit.
    #[schema(value_type = String)]
    pub unit: UnitId,
    /// The unit's log.
    #[schema(value_type = String)]
    pub log: LogId,
    /// Its sequence.
    pub seq: u64,
}

impl Answer {
    /// What it is about, as a program reads it.
    pub fn noun(&self) -> &'static str {
        match self {
            Self::Alert(_) => "alert",
            Self::Episode(_) => "episode",
            Self::Excuse(_) => "excuse",
            Self::Round(_) => "round",
            Self::RollCall(_) => "roll_call",
            Self::Isolation(_) => "isolation",
            Self::Message(_) => "message",
            Self::HandOver(_) => "hand_over",
            Self::Entries(_) => "entries",
            Self::Config(_) => "config",
            Self::Command(_) => "command",
            Self::Settings(_) => "settings",
            Self::Calendar(_) => "calendar",
            Self::Retried(_) => "retried",
            Self::Again(_) => "answer",
        }
    }
}

/// Why a change was not made.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum CommandError {
    /// No such thing.
    #[error("there is no {what} `{id}`")]
    NotFound {
        /// `alert` ...
        what: &'static str,
        /// The id asked for.
        id: String,
    },
    /// Somebody changed it in between.
    #[error("it was changed in between")]
    Conflict(Box<Answer>),
    /// The rules do not allow it.
    #[error("{0}")]
    Refused(String),
    /// It could not be made durable.
    #[error("it could not be stored: {0}")]
    Unavailable(String),
}

/// A change under way.
pub type Change = Pin<Box<dyn Future<Output = Result<Answer, CommandError>> + Send>>;

/// What people may change. A change is answered when it is durable.
pub trait SiteCommand: Send + Sync + 'static {
    /// Makes a change. The same action already done answers with what is, by whom.
    fn command(&self, command: Command) -> Change;
}
