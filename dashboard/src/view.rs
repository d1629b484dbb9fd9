//! What the API says, as types: the JSON of its paths and of the live stream.
//!
//! States and reasons travel as codes with parameters; words are made by the reader. Times are UTC;
//! days, windows and bucket borders are computed by the hub in the site's zone, never by a page.

mod alert;
mod hand_over;
mod latest;
mod message;
mod people;
mod remote;
mod settings;
mod slot;

use gatepost_model::{
    LaneId, LaneKind, LeadsTo, LogId, SensorId, SiteId, UnitId, Wall, Zone, event::FaultCode,
    site::Name, time::Clock, unit::UnitState,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

pub use alert::{AlertEntry, AlertView, Subject};
pub use hand_over::{HandOverView, OpenAlert};
pub use latest::LatestView;
pub use message::{DowntimeView, MessageView, RecipientView};
pub use people::{
    AttemptView, AuditEntry, ClinicalView, EntryCounts, EpisodeState, EpisodeView, ExcuseView,
    GapReason, HandRound, IsolationView, MeasuredView, MeasuringGap, RollCallView, ThroughputView,
};
pub use remote::{CommandView, ConfigBrief, UnitConfig};
pub use settings::{CalendarDay, CalendarView, LeftOut, SettingsView};
pub use slot::{ComplianceView, Proof, SlotView, Verdict, VerdictChange};

use crate::schema;

/// One site in the overview: `GET /api/v1/sites`, and the `sites` collection of the fleet stream.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SiteRow {
    /// The site.
    #[schema(value_type = String)]
    pub id: SiteId,
    /// How it is called.
    #[schema(value_type = schema::Name)]
    pub name: Name,
    /// IANA time zone.
    pub time_zone: String,
    /// The site's day as `YYYY-MM-DD`.
    pub local_date: String,
    /// Open alerts by severity.
    pub alerts: AlertCounts,
    /// The open alert that needs a person most.
    pub worst: Option<AlertView>,
    /// How many people are inside, estimated.
    pub headcount: Option<Headcount>,
    /// People through lanes that lead into the site, today.
    pub today: Today,
    /// Today's counts of each lane.
    pub lanes: Vec<LaneBrief>,
    /// Today's slots of each zone.
    pub zones: Vec<ZoneBrief>,
    /// Units heard within 5 intervals.
    pub units_online: u32,
    /// Units that are known or expected.
    pub units_total: u32,
    /// Time of the newest event.
    #[schema(value_type = Option<schema::Time>)]
    pub data_at: Option<Wall>,
    /// Some unit's backlog is arriving.
    pub catching_up: bool,
    /// Events that units still hold, by their own word.
    pub waiting: u64,
}

/// Open alerts by severity.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AlertCounts {
    /// Critical, open.
    pub critical: u32,
    /// Major, open.
    pub major: u32,
    /// Minor, open.
    pub minor: u32,
    /// Of all these, not acknowledged.
    pub unacknowledged: u32,
}

/// A lane in the overview.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct LaneBrief {
    /// The lane.
    #[schema(value_type = String)]
    pub id: LaneId,
    /// What passes.
    #[schema(value_type = schema::LaneKind)]
    pub kind: LaneKind,
    /// Passages in, today; `null` where nobody watched and nothing was seen.
    #[serde(rename = "in")]
    pub into: Option<u64>,
    /// Passages out, today.
    pub out: Option<u64>,
    /// How fresh its counts are.
    pub state: Freshness,
}

/// A zone in the overview.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ZoneBrief {
    /// The zone.
    #[schema(value_type = schema::Zone)]
    pub id: Zone,
    /// False where the site has no such zone.
    pub used: bool,
    /// The verdicts of today's slots, in order.
    pub verdicts: Vec<Verdict>,
}

/// How fresh what a tile shows is (UI: states of a tile).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Freshness {
    /// Nothing installed that could measure it.
    Empty,
    /// Installed, never reported.
    NoDataYet,
    /// As new as it should be.
    Fresh,
    /// Older than two of its intervals.
    Late,
    /// Older than three.
    Stale,
    /// Its unit has not been heard for 5 intervals.
    Offline,
}

/// A site live: `GET /api/v1/sites/{site}`, and the snapshot of its stream.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SiteSnapshot {
    /// The site.
    #[schema(value_type = String)]
    pub id: SiteId,
    /// How it is called.
    #[schema(value_type = schema::Name)]
    pub name: Name,
    /// IANA time zone.
    pub time_zone: String,
    /// The site's day as `YYYY-MM-DD`.
    pub local_date: String,
    /// When that day began.
    #[schema(value_type = schema::Time)]
    pub day_start: Wall,
    /// When it ends.
    #[schema(value_type = schema::Time)]
    pub day_end: Wall,
    /// How many people are inside, estimated.
    pub headcount: Option<Headcount>,
    /// People through lanes that lead into the site, today.
    pub today: Today,
    /// The gates' lanes.
    pub lanes: Vec<LaneView>,
    /// The four zones.
    pub zones: Vec<ZoneView>,
    /// The units.
    pub units: Vec<UnitView>,
    /// Open alerts, worst first: critical before major before minor, unanswered before answered,
    /// then oldest first.
    pub alerts: Vec<AlertView>,
    /// Parts of the hub that do not work now, as `/readyz` names them: what is shown here is not the
    /// newest.
    pub troubles: Vec<String>,
}

/// People through the lanes that lead into the site, in the site's day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Today {
    /// In.
    #[serde(rename = "in")]
    pub into: u64,
    /// Out.
    pub out: u64,
    /// Something moved, direction unknown.
    pub unclear: u64,
}

/// In minus out since the last roll-call. Never to be used as a fire roll.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Headcount {
    /// The best estimate, at least 0.
    pub estimate: i64,
    /// The lower end of the band; `null` while there is no history to judge unwatched time by.
    pub low: Option<i64>,
    /// The upper end of the band; likewise.
    pub high: Option<i64>,
    /// Where the count begins.
    #[schema(value_type = schema::Time)]
    pub since: Wall,
    /// Unclear passages since then.
    pub unclear: u64,
    /// Seconds since then in which not all of its lanes were watched.
    pub unwatched_s: u64,
}

/// A lane, live.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct LaneView {
    /// The lane.
    #[schema(value_type = String)]
    pub id: LaneId,
    /// What passes.
    #[schema(value_type = schema::LaneKind)]
    pub kind: LaneKind,
    /// Where `in` leads.
    #[schema(value_type = schema::LeadsTo)]
    pub leads_to: LeadsTo,
    /// The site's own name for it.
    #[schema(value_type = Option<schema::Name>)]
    pub name: Option<Name>,
    /// Passages in, today.
    #[serde(rename = "in")]
    pub into: u64,
    /// Passages out, today.
    pub out: u64,
    /// Unclear, today.
    pub unclear: u64,
    /// People screened, today.
    pub screened: u64,
    /// Suspected fevers, today.
    pub fevers: u64,
    /// What people at this lane measure now, degC.
    pub baseline_c: Option<f64>,
    /// The screening's baseline is not ready.
    pub warming_up: bool,
    /// Time of the last passage.
    #[schema(value_type = Option<schema::Time>)]
    pub last_at: Option<Wall>,
    /// How fresh its counts are: by its unit's heartbeat, since a lane only speaks when someone comes.
    pub state: Freshness,
    /// Since when it is not fresh.
    #[schema(value_type = Option<schema::Time>)]
    pub state_since: Option<Wall>,
    /// Its unit's backlog is arriving: the counts are those of the past.
    pub catching_up: bool,
    /// Its counts are complete up to here.
    #[schema(value_type = Option<schema::Time>)]
    pub as_of: Option<Wall>,
    /// Share of the day so far that it was watched, 0 to 1.
    pub coverage: f64,
    /// Seconds of the day so far that it was not watched.
    pub uncovered_s: u64,
    /// Today by hours.
    pub hours: Vec<HourBar>,
    /// Faults that are open.
    pub faults: Vec<FaultView>,
}

/// One hour of a lane's day.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct HourBar {
    /// Its beginning.
    #[schema(value_type = schema::Time)]
    pub time: Wall,
    /// Passages in; `null` where nobody watched and nothing was seen.
    #[serde(rename = "in")]
    pub into: Option<u64>,
    /// Passages out.
    pub out: Option<u64>,
    /// Share of it that was watched, of the part that has passed.
    pub coverage: f64,
}

/// A fault that is open.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct FaultView {
    /// Which sensor.
    #[schema(value_type = String)]
    pub sensor: SensorId,
    /// What is wrong.
    #[schema(value_type = schema::FaultCode)]
    pub code: FaultCode,
    /// Since when.
    #[schema(value_type = schema::Time)]
    pub since: Wall,
}

/// A zone, live.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ZoneView {
    /// The zone.
    #[schema(value_type = schema::Zone)]
    pub id: Zone,
    /// False where the site has no such zone.
    pub used: bool,
    /// The site's own name for it.
    #[schema(value_type = Option<schema::Name>)]
    pub name: Option<Name>,
    /// Its temperature.
    pub ambient: Measured,
    /// How many people are inside, where lanes lead into it.
    pub headcount: Option<Headcount>,
    /// Today's planned rounds, in order.
    pub slots: Vec<SlotView>,
    /// Units that serve it and were heard within 5 intervals.
    pub units_online: u32,
    /// Units that serve it.
    pub units_total: u32,
}

/// A measured value with its age.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Measured {
    /// The last number by measured time.
    pub value: Option<f64>,
    /// When it was measured.
    #[schema(value_type = Option<schema::Time>)]
    pub at: Option<Wall>,
    /// How often it should come, seconds, as observed.
    pub interval_s: Option<u64>,
    /// How fresh it is.
    pub state: Freshness,
    /// Since when it is not fresh.
    #[schema(value_type = Option<schema::Time>)]
    pub state_since: Option<Wall>,
}

/// A unit, live.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct UnitView {
    /// The unit.
    #[schema(value_type = String)]
    pub id: UnitId,
    /// Presence, by its `alive` messages alone.
    #[schema(value_type = schema::UnitState)]
    pub state: UnitState,
    /// Last message of any kind.
    #[schema(value_type = Option<schema::Time>)]
    pub contact_at: Option<Wall>,
    /// Seconds since then; not part of deltas.
    pub contact_age_s: Option<f64>,
    /// Time of its newest event.
    #[schema(value_type = Option<schema::Time>)]
    pub data_at: Option<Wall>,
    /// Seconds since then; not part of deltas.
    pub data_age_s: Option<f64>,
    /// Seconds between its `alive` messages.
    pub interval_s: u64,
    /// Events that it holds and the hub does not have.
    pub waiting: u64,
    /// Its backlog is arriving.
    pub catching_up: bool,
    /// What it knows of its wall clock.
    #[schema(value_type = Option<schema::Clock>)]
    pub clock: Option<Clock>,
    /// The agent's version.
    pub version: Option<String>,
    /// Lanes that it watches.
    #[schema(value_type = Vec<String>)]
    pub lanes: Vec<LaneId>,
    /// Zones that it serves.
    #[schema(value_type = Vec<schema::Zone>)]
    pub zones: Vec<Zone>,
    /// Faults that are open.
    pub faults: Vec<FaultView>,
    /// Its configuration, wanted and applied; not there if none was ever wanted from here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config: Option<ConfigBrief>,
    /// Events that are lost for good, as it counted them.
    pub lost: u64,
    /// How far each of its logs is in the record.
    pub logs: Vec<LogView>,
}

/// How far a unit's log is in the record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct LogView {
    /// The log.
    #[schema(value_type = String)]
    pub log: LogId,
    /// The last number that is stored; everything before it is stored, or known to be lost.
    pub through: u64,
    /// How many of it are lost for good.
    pub lost: u64,
}

/// Rows over time: `GET /api/v1/sites/{site}/series`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Series {
    /// `time`, then `n` or `n,min,mean,max`, then `coverage`.
    pub columns: Vec<String>,
    /// One row a bucket, in order.
    #[schema(value_type = Vec<Vec<Value>>)]
    pub rows: Vec<Vec<Cell>>,
}

/// A field of a row.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Cell {
    /// A time.
    Time(Wall),
    /// How many.
    Whole(i64),
    /// A measured number, or a share.
    Number(f64),
    /// Not known: `null`.
    Unknown,
}

impl From<Option<i64>> for Cell {
    fn from(whole: Option<i64>) -> Self {
        whole.map_or(Self::Unknown, Self::Whole)
    }
}

impl From<Option<f64>> for Cell {
    fn from(number: Option<f64>) -> Self {
        number.map_or(Self::Unknown, Self::Number)
    }
}

/// A page of events as stored: `GET /api/v1/sites/{site}/events`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct EventPage {
    /// Wire fields, and `unit`, `boot`, `log`, `seq`, `time`, `time_error_ms`, `time_source`, `received`.
    pub events: Vec<Value>,
    /// Where the next page begins.
    pub next: Option<String>,
}

/// Something that could not be taken, kept with its reason: `GET /api/v1/quarantine`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct QuarantineItem {
    /// Unique on the hub.
    pub id: u64,
    /// When it came.
    #[schema(value_type = schema::Time)]
    pub received: Wall,
    /// The topic that it came on.
    pub topic: String,
    /// `line` for one line of a batch, `batch` for a whole message.
    pub scope: String,
    /// The site, as far as it is known.
    #[schema(value_type = Option<String>)]
    pub site: Option<SiteId>,
    /// The unit, as far as it is known.
    #[schema(value_type = Option<String>)]
    pub unit: Option<UnitId>,
    /// The log, of a line.
    pub log: Option<String>,
    /// The sequence, of a line.
    pub seq: Option<u64>,
    /// A stable code.
    pub code: String,
    /// In words.
    pub reason: String,
    /// How often the very same came.
    pub count: u64,
    /// Its beginning as text, lossy.
    pub text: String,
}
