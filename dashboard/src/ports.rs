//! The ports through which this crate asks the hub: reads are here, commands and the live stream beside.
//!
//! Reads are synchronous and may block on a disk: routes call them on the blocking pool.

mod command;
mod stream;

use chrono::NaiveDate;
use gatepost_model::{
    Direction, LaneId, SensorId, SiteId, UnitId, Wall, Zone,
    alert::{AlertKind, AlertState},
};

use crate::view::{
    AlertView, AuditEntry, CommandView, ComplianceView, DowntimeView, EntryCounts, EpisodeView,
    EventPage, HandOverView, IsolationView, LatestView, MeasuredView, MessageView, QuarantineItem,
    RecipientView, RollCallView, Series, SettingsView, SiteRow, SiteSnapshot, SlotView,
    ThroughputView, UnitConfig, UnitView,
};
pub use command::{
    Act, AlertAct, Answer, Change, Command, CommandError, EpisodeAct, Retried, SiteCommand,
};
pub use stream::{Frame, LiveStream, Scope, Subscription};

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
