//! What a gate unit saw: one event a line, written once and never changed.
//!
//! A line is JSON. [`Event::to_line`] makes it, [`Event::from_line`] reads it. Unknown fields are
//! ignored and unknown kinds are events like others ([`Happening::Unknown`]): a newer unit's lines
//! are kept as they are. A known kind with a missing or impossible field is a [`LineError`], and the
//! hub sets that line aside alone.

mod line;
mod plain;

use serde::{Deserialize, Serialize};

pub(crate) use line::to_json;
pub use line::{Form, Line, LineError};
pub use plain::PlainReading;

use crate::{
    id::{LaneId, SensorId},
    site::{Direction, Zone},
    time::{Clock, Micros, Wall},
};

/// One thing that a unit saw, with its time.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Monotonic time of the boot named in the batch's header.
    pub mono_us: Micros,
    /// Wall time with its error, if the unit trusted its clock at capture.
    pub at: Option<Stamp>,
    /// The unit was in test mode: kept and shown as a test, counted nowhere.
    pub test: bool,
    /// What happened.
    pub happening: Happening,
}

/// A wall time and how far it may be off, either way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// The time.
    pub at: Wall,
    /// Its error in milliseconds.
    pub err_ms: u64,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Happening {
    /// The agent started.
    Boot(Boot),
    /// Every minute: the proof that the inputs were watched.
    Heartbeat(Heartbeat),
    /// One person or vehicle passed a lane. The event's time is when the last beam cleared.
    Passage(Passage),
    /// Something moved in a lane, direction unknown: never counted in or out.
    Unclear(Unclear),
    /// The guard's word on one attempt to enter.
    Entry(Entry),
    /// One person's skin temperature was taken and judged.
    Screening(Screening),
    /// One measured number.
    Reading(Reading),
    /// A disinfection round began or ended.
    Round(Round),
    /// Something is wrong with a sensor.
    Fault(Fault),
    /// A fault is over.
    Cleared(Fault),
    /// A sensor's factor was changed.
    Calibration(Calibration),
    /// A kind that this version does not know; its line is kept as it is.
    #[serde(skip)]
    Unknown(String),
}

/// The agent started; also a restart within a boot of the kernel.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Boot {
    /// The agent's version.
    pub version: String,
    /// A short fingerprint of the configuration it runs with.
    pub config: String,
    /// The lanes that it watches.
    pub lanes: Vec<LaneId>,
    /// The sensors that it watches.
    pub sensors: Vec<SensorId>,
    /// The zones whose rounds it can see: those with a round station.
    #[serde(default)]
    pub zones: Vec<Zone>,
    /// `boot`, `restart` or what the agent knows of why it started.
    pub reason: String,
}

/// The inputs were watched from `watched_from_mono_us` to the event's time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Heartbeat {
    /// Where the watched stretch begins; stretches join without holes.
    pub watched_from_mono_us: Micros,
    /// Seconds since the agent started.
    #[serde(default)]
    pub uptime_s: u64,
    /// What the unit knows of its wall clock.
    pub clock: Clock,
    /// Events in the spool that the hub has not confirmed.
    #[serde(default)]
    pub waiting: u64,
    /// Free bytes where the spool is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disk_free: Option<u64>,
    /// The processor's temperature, degC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_c: Option<f64>,
    /// The supply voltage was too low since the last heartbeat.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undervoltage: Option<bool>,
    /// Edges lost since the agent started, as far as they can be known.
    #[serde(default)]
    pub lost_edges: u64,
    /// Of the certificates that the link to the broker needs, the one that ends first; none while the
    /// link is not encrypted, or there was none since the agent started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<Certificate>,
}

/// A certificate, and when it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certificate {
    /// Whose.
    pub of: CertificateOf,
    /// From then on it is no longer valid.
    pub ends: Wall,
}

/// Whose certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CertificateOf {
    /// What the unit shows the broker.
    Unit,
    /// What the broker shows the unit.
    Broker,
}

/// One person or vehicle through one lane.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Passage {
    /// Which lane.
    pub lane: LaneId,
    /// Which way.
    pub dir: Direction,
    /// From the first beam broken to the last one clear, milliseconds.
    pub duration_ms: u64,
    /// Lanes with a sprayer: whether this vehicle was disinfected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disinfected: Option<bool>,
    /// Litres that the sprayer gave.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub litres: Option<f64>,
}

/// Something moved in a lane, direction unknown.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Unclear {
    /// Which lane.
    pub lane: LaneId,
    /// Why it cannot be told.
    pub reason: UnclearReason,
}

/// Why a movement cannot be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnclearReason {
    /// Edges were lost in the middle of it.
    LostEdges,
    /// It began and never ended.
    Timeout,
    /// Two bodies at once.
    Overlap,
    /// The agent stopped in the middle of it.
    Restart,
    /// A reason of a newer version.
    #[serde(other)]
    Other,
}

/// The guard's word on one attempt to enter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Which lane.
    pub lane: LaneId,
    /// How the attempt ended.
    pub outcome: EntryOutcome,
    /// Why it was refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The screening of whom it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub screening: Option<String>,
    /// When whom it is about passed the lane, monotonic.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub passage_mono_us: Option<Micros>,
}

/// How an attempt to enter ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EntryOutcome {
    /// 放行
    Admitted,
    /// 劝返
    Refused,
    /// 隔离
    Isolated,
}

/// One person's skin temperature, judged against the people just measured at that lane.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Screening {
    /// Which lane.
    pub lane: LaneId,
    /// The screening; several attempts may share it.
    pub id: String,
    /// 1 for the first measurement.
    pub attempt: u32,
    /// Raw skin temperature, degC.
    pub skin_c: f64,
    /// Ambient temperature beside it, degC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ambient_c: Option<f64>,
    /// What people at this lane measure now, degC; none while warming up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baseline_c: Option<f64>,
    /// `skin_c - baseline_c`, degC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delta_c: Option<f64>,
    /// The rule that judged, with its version.
    pub rule: String,
    /// The judgement.
    pub verdict: ScreeningVerdict,
}

/// The judgement on one measurement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScreeningVerdict {
    /// 正常
    Normal,
    /// 待复测
    Remeasure,
    /// 体温异常: a suspicion, never a finding.
    Fever,
    /// 基线未就绪
    WarmingUp,
}

/// One measured number.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reading {
    /// Which sensor.
    pub sensor: SensorId,
    /// What it measures, with its unit: `ambient_c`, `humidity`, `cpu_c` ...
    pub quantity: String,
    /// The number.
    pub value: f64,
    /// Where.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<Zone>,
}

/// A disinfection round of one zone began or ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Round {
    /// Which zone.
    pub zone: Zone,
    /// The round; its start and its end share it.
    pub round: String,
    /// Where it stands.
    pub phase: RoundPhase,
    /// When it started, monotonic.
    pub started_mono_us: Micros,
    /// Litres so far, by the flow meter.
    #[serde(default)]
    pub litres: f64,
    /// Seconds that the pump ran.
    #[serde(default)]
    pub pump_s: f64,
    /// Check points reached.
    #[serde(default)]
    pub points: Vec<String>,
    /// What it rests on.
    pub evidence: Evidence,
}

/// Where a round stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RoundPhase {
    /// *start* was pressed.
    Started,
    /// *stop* was pressed.
    Ended,
    /// *stop* was never pressed within the time that a round may take.
    Abandoned,
}

/// What a round rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Evidence {
    /// The buttons alone.
    #[serde(rename = "button")]
    Button,
    /// Buttons and the pump's flow.
    #[serde(rename = "button+flow")]
    ButtonFlow,
    /// Buttons and check points.
    #[serde(rename = "button+points")]
    ButtonPoints,
    /// Evidence of a newer version.
    #[serde(other, rename = "other")]
    Other,
}

/// Something is wrong with a sensor, or no longer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Fault {
    /// Which sensor; a lane's beams are named by their inputs.
    pub sensor: SensorId,
    /// What is wrong.
    pub code: FaultCode,
    /// In words, at most [`crate::wire::MAX_TEXT`] bytes.
    #[serde(default)]
    pub detail: String,
}

/// What is wrong with a sensor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultCode {
    /// A level that should change does not.
    Stuck,
    /// A beam is broken for longer than anything takes to pass.
    Blocked,
    /// The bus gave no answer or a wrong checksum.
    BusError,
    /// A number outside what the sensor can measure.
    OutOfRange,
    /// The same number for too long.
    Frozen,
    /// The kernel dropped edges.
    LostEdges,
    /// The supply voltage is too low.
    Undervoltage,
    /// The wall clock jumped.
    ClockStep,
    /// The spool's disk is nearly full.
    DiskLow,
    /// A code of a newer version.
    #[serde(other)]
    Other,
}

impl FaultCode {
    /// Whether the sensor sees nothing while the fault lasts.
    pub fn blinds(self) -> bool {
        matches!(self, Self::Stuck | Self::Blocked)
    }
}

/// A sensor's factor was changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    /// Which sensor.
    pub sensor: SensorId,
    /// What was changed, with its unit: `pulses_per_litre`, `offset_c` ...
    pub quantity: String,
    /// The factor before.
    pub before: f64,
    /// The factor from now on.
    pub after: f64,
    /// Who did it.
    pub by: String,
}

/// Events that the unit no longer has, standing in their place so that the numbering has no holes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Gap {
    /// How many sequence numbers it stands for; at least 1.
    pub n: u64,
    /// Why they are gone.
    pub cause: GapCause,
    /// What may have been among them.
    pub class: Class,
    /// Monotonic time of the first of them.
    pub from_mono_us: Micros,
    /// Monotonic time of the last of them.
    pub to_mono_us: Micros,
    /// Stretches that lost heartbeats had proved to be watched.
    #[serde(default)]
    pub watched: Vec<(Micros, Micros)>,
    /// The chain after the last of them.
    pub chain: crate::wire::Chain,
}

/// Why a unit no longer has events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GapCause {
    /// There was no room: loss.
    Shed,
    /// The hub had confirmed them.
    Acked,
}

/// What goes first when the disk is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// Readings and heartbeats.
    Telemetry,
    /// Everything: passages and rounds may be among it.
    Record,
}

impl Happening {
    /// The kind's word on the wire.
    pub fn kind(&self) -> &str {
        match self {
            Self::Boot(_) => "boot",
            Self::Heartbeat(_) => "heartbeat",
            Self::Passage(_) => "passage",
            Self::Unclear(_) => "unclear",
            Self::Entry(_) => "entry",
            Self::Screening(_) => "screening",
            Self::Reading(_) => "reading",
            Self::Round(_) => "round",
            Self::Fault(_) => "fault",
            Self::Cleared(_) => "cleared",
            Self::Calibration(_) => "calibration",
            Self::Unknown(kind) => kind,
        }
    }

    /// What goes first when the disk is full.
    pub fn class(&self) -> Class {
        match self {
            Self::Reading(_) | Self::Heartbeat(_) => Class::Telemetry,
            _ => Class::Record,
        }
    }

    /// The lane that it happened in.
    pub fn lane(&self) -> Option<&LaneId> {
        match self {
            Self::Passage(passage) => Some(&passage.lane),
            Self::Unclear(unclear) => Some(&unclear.lane),
            Self::Entry(entry) => Some(&entry.lane),
            Self::Screening(screening) => Some(&screening.lane),
            _ => None,
        }
    }

    /// The zone that it concerns.
    pub fn zone(&self) -> Option<Zone> {
        match self {
            Self::Round(round) => Some(round.zone),
            Self::Reading(reading) => reading.zone,
            _ => None,
        }
    }
}
