//! The two ports through which this crate asks the hub, and the live stream's third.
//!
//! Reads are synchronous and may block on a disk: routes call them on the blocking pool.

use std::{future::Future, pin::Pin, sync::Arc};

use chrono::NaiveDate;
use gatepost_model::{
    Direction, LaneId, LogId, SensorId, SiteId, UnitId, Wall, Zone,
    alert::{AlertKind, AlertState, Outcome},
    event::EntryOutcome,
    remote::Order,
};
use tokio::sync::broadcast;

use crate::view::{
    AlertView, AuditEntry, CalendarView, CommandView, ComplianceView, DowntimeView, EntryCounts,
    EpisodeView, EventPage, ExcuseView, HandOverView, HandRound, IsolationView, LatestView,
    MeasuredView, MessageView, QuarantineItem, RecipientView, RollCallView, Series, SettingsView,
    SiteRow, SiteSnapshot, SlotView, ThroughputView, UnitConfig, UnitView,
};

/// Why a question has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// No such thing.
    #[error("there is no {what} `{id}`")]
    NotFound {
        /// `site`, `alert`, `unit` ...
        what: &'static str,
        /// The id asked for.
        id: String,
    },
    /// The question makes no sense.
    #[error("`{parameter}`: {reason}")]
    Invalid {
        /// The parameter at fault.
        parameter: &'static str,
        /// What is wrong with it, and what would be right.
        reason: String,
    },
    /// The store cannot answer now.
    #[error("the store cannot answer: {0}")]
    Unavailable(String),
}

/// Which events.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct EventQuery {
    /// Only this kind.
    pub kind: Option<String>,
    /// Only this lane.
    pub lane: Option<LaneId>,
    /// Only this zone.
    pub zone: Option<Zone>,
    /// Only this unit.
    pub unit: Option<UnitId>,
    /// From here on, inclusive.
    pub from: Option<Wall>,
    /// Up to here, exclusive.
    pub to: Option<Wall>,
    /// At most so many, 1 to 10,000.
    pub limit: usize,
    /// The `next` of the page before.
    pub cursor: Option<String>,
}

/// The width of a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// 1, 5, 30 minutes or 1 hour of elapsed time, aligned to the site-local day.
    Minutes(u32),
    /// A site-local day, 23 to 25 hours.
    Day,
}

/// Which series.
#[derive(Debug, Clone, PartialEq)]
pub struct SeriesQuery {
    /// `passages`, `skin_c`, `ambient_c`, `litres`, `headcount` or any quantity.
    pub metric: String,
    /// Only this lane.
    pub lane: Option<LaneId>,
    /// Only this direction; both are summed otherwise.
    pub dir: Option<Direction>,
    /// Only this zone.
    pub zone: Option<Zone>,
    /// Only this sensor.
    pub sensor: Option<SensorId>,
    /// From here on, inclusive.
    pub from: Wall,
    /// Up to here, exclusive.
    pub to: Wall,
    /// The width of a bucket.
    pub step: Step,
}

/// Which alerts.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct AlertQuery {
    /// Only of this site.
    pub site: Option<SiteId>,
    /// Only in this state; open ones (not resolved) if none is asked for and `all` is false.
    pub state: Option<AlertState>,
    /// Resolved ones too.
    pub all: bool,
    /// Only of this kind.
    pub kind: Option<AlertKind>,
    /// At most so many, 1 to 1,000.
    pub limit: usize,
    /// The `next` of the page before.
    pub cursor: Option<String>,
}

/// What is known.
pub trait SiteRead: Send + Sync + 'static {
    /// The hub's clock: ages are counted from it.
    fn now(&self) -> Wall;
    /// All sites, worst first.
    fn sites(&self) -> Result<Vec<SiteRow>, ReadError>;
    /// One site, live.
    fn site(&self, site: &SiteId) -> Result<SiteSnapshot, ReadError>;
    /// Events as stored.
    fn events(&self, site: &SiteId, query: &EventQuery) -> Result<EventPage, ReadError>;
    /// Rows over time.
    fn series(&self, site: &SiteId, query: &SeriesQuery) -> Result<Series, ReadError>;
    /// The newest reading of every sensor and quantity, of a site or of all.
    fn latest(&self, site: Option<&SiteId>) -> Result<Vec<LatestView>, ReadError>;
    /// Planned rounds whose window touches `[from, to)`.
    fn slots(&self, site: &SiteId, from: Wall, to: Wall) -> Result<Vec<SlotView>, ReadError>;
    /// How planned rounds whose window touches `[from, to)` went, by month and zone.
    fn compliance(
        &self,
        site: &SiteId,
        from: Wall,
        to: Wall,
    ) -> Result<Vec<ComplianceView>, ReadError>;
    /// Alerts, worst first, with where the next page begins.
    fn alerts(&self, query: &AlertQuery) -> Result<(Vec<AlertView>, Option<String>), ReadError>;
    /// One alert.
    fn alert(&self, id: u64) -> Result<AlertView, ReadError>;
    /// All units of all sites.
    fn units(&self) -> Result<Vec<(SiteId, UnitView)>, ReadError>;
    /// One unit.
    fn unit(&self, site: &SiteId, unit: &UnitId) -> Result<UnitView, ReadError>;
    /// The configuration that a unit is to run with.
    fn unit_config(&self, site: &SiteId, unit: &UnitId) -> Result<UnitConfig, ReadError>;
    /// The settings of a site as its file.
    fn settings(&self, site: &SiteId) -> Result<SettingsView, ReadError>;
    /// Commands to a unit, newest first.
    fn unit_commands(&self, site: &SiteId, unit: &UnitId) -> Result<Vec<CommandView>, ReadError>;
    /// What was set aside, newest first.
    fn quarantine(
        &self,
        limit: usize,
        cursor: Option<&str>,
    ) -> Result<(Vec<QuarantineItem>, Option<String>), ReadError>;
    /// Messages to people, newest first, before the one with the number `before`.
    fn messages(&self, limit: usize, before: Option<u64>) -> Result<Vec<MessageView>, ReadError>;
    /// Who is told of what is wrong on a site, in its settings' order.
    fn recipients(&self, site: &SiteId) -> Result<Vec<RecipientView>, ReadError>;
    /// Hand-overs of shifts, newest first.
    fn hand_overs(&self, site: &SiteId) -> Result<Vec<HandOverView>, ReadError>;
    /// When the hub was down, newest first.
    fn downtimes(&self) -> Result<Vec<DowntimeView>, ReadError>;
    /// Fever episodes, newest first.
    fn episodes(&self, site: &SiteId) -> Result<Vec<EpisodeView>, ReadError>;
    /// Roll-calls, newest first.
    fn roll_calls(&self, site: &SiteId) -> Result<Vec<RollCallView>, ReadError>;
    /// How fast people come through each lane now.
    fn throughput(&self, site: &SiteId) -> Result<Vec<ThroughputView>, ReadError>;
    /// The isolation register.
    fn isolation(&self, site: &SiteId) -> Result<IsolationView, ReadError>;
    /// Balances of entries by site-local day, newest first.
    fn entries(&self, site: &SiteId) -> Result<Vec<EntryCounts>, ReadError>;
    /// What people did on a site, newest first, before the entry with the number `before`; and
    /// whether the chain of those holds.
    fn audit(
        &self,
        site: &SiteId,
        limit: usize,
        before: Option<u64>,
    ) -> Result<(Vec<AuditEntry>, bool), ReadError>;
    /// How many of those who passed on a site-local day were measured, by window; today if none is
    /// said.
    fn measured(
        &self,
        site: &SiteId,
        date: Option<NaiveDate>,
    ) -> Result<Vec<MeasuredView>, ReadError>;
    /// Whether store, broker and ingest work, each by name.
    fn readiness(&self) -> Vec<Readiness>;
    /// OpenMetrics text.
    fn metrics(&self) -> String;
}

/// Whether one part of the hub works.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
pub struct Readiness {
    /// `store`, `broker`, `ingest`.
    pub name: &'static str,
    /// It works.
    pub ready: bool,
    /// What is wrong and what to do, empty if nothing is.
    pub detail: String,
}

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

/// What a stream is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Every site's row.
    Fleet,
    /// One site's snapshot.
    Site(SiteId),
}

/// One event of the stream, serialised once for all its readers.
#[derive(Debug, Clone)]
pub struct Frame {
    /// The stream's revision after it; `None` for what changes nothing.
    pub rev: Option<u64>,
    /// `snapshot`, `delta`, `alert`.
    pub event: &'static str,
    /// JSON.
    pub data: Arc<str>,
}

/// A reader's place in a stream.
pub struct Subscription {
    /// What brings the reader up to date: a snapshot, or the deltas since the revision it had.
    pub first: Vec<Frame>,
    /// What comes. A reader that lags behind is cut and subscribes again.
    pub rest: broadcast::Receiver<Frame>,
}

/// The live stream.
pub trait LiveStream: Send + Sync + 'static {
    /// Joins a stream, with the last revision that the reader has.
    fn subscribe(&self, scope: &Scope, last_rev: Option<u64>) -> Result<Subscription, ReadError>;
    /// Changes with every build: a page of another build reloads.
    fn build(&self) -> &str;
}
