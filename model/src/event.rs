//! What a gate unit saw: one event a line, written once and never changed.
//!
//! A line is JSON. [`Event::to_line`] makes it, [`Event::from_line`] reads it. Unknown fields are
//! ignored and unknown kinds are events like others ([`Happening::Unknown`]): a newer unit's lines
//! are kept as they are. A known kind with a missing or impossible field is a [`LineError`], and the
//! hub sets that line aside alone.

mod plain;

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

pub use plain::PlainReading;

use crate::{
    id::{LaneId, SensorId},
    site::{Direction, Zone},
    time::{Clock, MAX_MICROS, Micros, Wall},
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

/// Why a line is no event.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LineError {
    /// Not JSON, or not an object with `kind` and `mono_us`, or a known kind with a wrong field.
    #[error("{0}")]
    Json(String),
    /// A number outside what it can be.
    #[error("`{field}` is {value}, which is out of range")]
    Range {
        /// The field.
        field: &'static str,
        /// Its value.
        value: String,
    },
    /// A gap where only events can be.
    #[error("a gap cannot stand here")]
    Gap,
}

impl LineError {
    /// A stable code for the quarantine.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Json(_) => "bad_line",
            Self::Range { .. } => "out_of_range",
            Self::Gap => "bad_gap",
        }
    }
}

#[derive(Deserialize)]
struct Head {
    kind: String,
    mono_us: Option<Micros>,
    at: Option<Wall>,
    err_ms: Option<u64>,
    #[serde(default)]
    test: bool,
}

/// One line of a batch: an event, or what stands in the place of events that are gone.
#[derive(Debug, Clone, PartialEq)]
pub enum Line {
    /// An event.
    Event(Event),
    /// Events that the unit no longer has.
    Gap(Gap),
}

impl Line {
    /// Reads a line.
    pub fn from_bytes(line: &[u8]) -> Result<Self, LineError> {
        let plain = std::str::from_utf8(line).ok().and_then(PlainReading::read);
        if let Some(plain) = plain
            && let Ok(sensor) = plain.sensor.parse()
        {
            let reading = Reading {
                sensor,
                quantity: plain.quantity.to_owned(),
                value: plain.value,
                zone: plain.zone,
            };
            return Ok(Self::Event(Event {
                mono_us: plain.mono_us,
                at: plain.at,
                test: false,
                happening: Happening::Reading(reading),
            }));
        }
        Self::read(line)
    }

    /// Reads a line of any form.
    fn read(line: &[u8]) -> Result<Self, LineError> {
        let head: Head = json(line)?;
        if head.kind == "gap" {
            let gap: Gap = json(line)?;
            within("n", gap.n, 1, MAX_MICROS)?;
            within("to_mono_us", gap.to_mono_us, gap.from_mono_us, MAX_MICROS)?;
            return Ok(Self::Gap(gap));
        }
        let mono_us = head
            .mono_us
            .ok_or_else(|| LineError::Json("missing field `mono_us`".to_owned()))?;
        within("mono_us", mono_us, 0, MAX_MICROS)?;
        let at = head.at.map(|at| Stamp {
            at,
            err_ms: head.err_ms.unwrap_or(0),
        });
        let happening = Happening::read(&head.kind, line)?;
        Ok(Self::Event(Event {
            mono_us,
            at,
            test: head.test,
            happening,
        }))
    }
}

impl Gap {
    /// The gap as it stands in a batch, without a line end.
    pub fn to_line(&self) -> String {
        #[derive(Serialize)]
        struct Form<'a> {
            kind: &'static str,
            #[serde(flatten)]
            gap: &'a Gap,
        }
        to_json(&Form {
            kind: "gap",
            gap: self,
        })
    }
}

impl Event {
    /// The line that is written, sent and chained: made once. Without a line end.
    ///
    /// A [`Happening::Unknown`] has no line of its own; its own bytes are what is kept.
    pub fn to_line(&self) -> String {
        #[derive(Serialize)]
        struct Form<'a> {
            mono_us: Micros,
            #[serde(skip_serializing_if = "Option::is_none")]
            at: Option<Wall>,
            #[serde(skip_serializing_if = "Option::is_none")]
            err_ms: Option<u64>,
            #[serde(skip_serializing_if = "std::ops::Not::not")]
            test: bool,
            #[serde(flatten)]
            happening: &'a Happening,
        }
        to_json(&Form {
            mono_us: self.mono_us,
            at: self.at.map(|stamp| stamp.at),
            err_ms: self.at.map(|stamp| stamp.err_ms),
            test: self.test,
            happening: &self.happening,
        })
    }

    /// Reads a line that must be an event.
    pub fn from_line(line: &[u8]) -> Result<Self, LineError> {
        match Line::from_bytes(line)? {
            Line::Event(event) => Ok(event),
            Line::Gap(_) => Err(LineError::Gap),
        }
    }
}

impl Happening {
    fn read(kind: &str, line: &[u8]) -> Result<Self, LineError> {
        Ok(match kind {
            "boot" => Self::Boot(json(line)?),
            "heartbeat" => Self::Heartbeat(json(line)?),
            "passage" => Self::Passage(json(line)?),
            "unclear" => Self::Unclear(json(line)?),
            "entry" => Self::Entry(json(line)?),
            "screening" => Self::Screening(json(line)?),
            "reading" => Self::Reading(json(line)?),
            "round" => Self::Round(json(line)?),
            "fault" => Self::Fault(json(line)?),
            "cleared" => Self::Cleared(json(line)?),
            "calibration" => Self::Calibration(json(line)?),
            other => {
                // Only an object with its kind is an event; anything else is no line of ours.
                json::<serde_json::Map<String, Value>>(line)?;
                Self::Unknown(other.chars().take(crate::wire::MAX_TEXT).collect())
            }
        })
    }
}

fn json<T: DeserializeOwned>(line: &[u8]) -> Result<T, LineError> {
    serde_json::from_slice(line).map_err(|error| LineError::Json(error.to_string()))
}

pub(crate) fn to_json<T: Serialize>(value: &T) -> String {
    // Nothing here can fail to serialise: keys are strings, numbers are finite or become null.
    serde_json::to_string(value).unwrap_or_default()
}

fn within(field: &'static str, value: u64, from: u64, to: u64) -> Result<(), LineError> {
    if (from..=to).contains(&value) {
        Ok(())
    } else {
        Err(LineError::Range {
            field,
            value: value.to_string(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documented_lines_are_read_and_written_back() {
        let lines = [
            r#"{"mono_us":81230000000,"at":"2026-11-23T07:30:57.552Z","err_ms":12,"kind":"passage","lane":"people","dir":"in","duration_ms":412}"#,
            r#"{"mono_us":81230100000,"at":"2026-11-23T07:30:57.652Z","err_ms":12,"kind":"screening","lane":"people","id":"6f1c-people-81229900000","attempt":1,"skin_c":34.82,"ambient_c":18.4,"baseline_c":34.55,"delta_c":0.27,"rule":"rel-1","verdict":"normal"}"#,
        ];
        for line in lines {
            assert_eq!(Event::from_line(line.as_bytes()).unwrap().to_line(), line);
        }
    }

    #[test]
    fn a_newer_kind_is_an_event_and_a_newer_field_is_ignored() {
        let event = Event::from_line(br#"{"mono_us":1,"kind":"weather","wind":3}"#).unwrap();
        assert_eq!(event.happening.kind(), "weather");
        let event = Event::from_line(
            br#"{"mono_us":1,"kind":"unclear","lane":"people","reason":"fog","x":[]}"#,
        )
        .unwrap();
        assert!(matches!(
            event.happening,
            Happening::Unclear(Unclear {
                reason: UnclearReason::Other,
                ..
            })
        ));
    }

    #[test]
    fn impossible_lines_are_refused_with_a_code() {
        let cases: [(&str, &str); 8] = [
            ("", "bad_line"),
            ("[]", "bad_line"),
            (
                r#"{"kind":"passage","lane":"people","dir":"in","duration_ms":1}"#,
                "bad_line",
            ),
            (
                r#"{"mono_us":1,"kind":"passage","lane":"people","dir":"up","duration_ms":1}"#,
                "bad_line",
            ),
            (
                r#"{"mono_us":1,"kind":"passage","lane":"PEOPLE","dir":"in","duration_ms":1}"#,
                "bad_line",
            ),
            (
                r#"{"mono_us":9007199254740992,"kind":"reading","sensor":"a","quantity":"q","value":1}"#,
                "out_of_range",
            ),
            (
                r#"{"mono_us":1,"kind":"reading","sensor":"a","quantity":"q","value":1e999}"#,
                "bad_line",
            ),
            (
                r#"{"mono_us":1,"at":"0001-01-01T00:00:00Z","kind":"reading","sensor":"a","quantity":"q","value":1}"#,
                "bad_line",
            ),
        ];
        for (line, code) in cases {
            assert_eq!(
                Event::from_line(line.as_bytes()).unwrap_err().code(),
                code,
                "{line}"
            );
        }
    }
}
