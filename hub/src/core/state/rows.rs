//! The rows of a site's state.

use chrono::TimeDelta;
use gatepost_dashboard::view::{
    CommandView, EntryCounts, ExcuseView, HandRound, Proof, RollCallView, UnitConfig, Verdict,
    VerdictChange,
};
use gatepost_model::{
    BootId, Chain, LaneId, LogId, Micros, SensorId, UnitId, Wall, Zone, event::FaultCode,
    time::Clock, wire::Alive,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::core::{
    certificate::Told,
    coverage::Blinded,
    headcount::{Counts, Tally},
    rounds::{SeenRound, Slot},
};

/// Something of the state that is kept by its key.
pub trait Row: Clone + PartialEq + Serialize + DeserializeOwned {
    /// What it is kept under.
    type Key: Clone + Ord + Serialize;

    /// Its key.
    fn key(&self) -> Self::Key;
}

/// One log of one unit: how far the record has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogRow {
    /// The unit.
    pub unit: UnitId,
    /// Its log.
    pub log: LogId,
    /// The last number that is stored.
    pub through: u64,
    /// The chain after it.
    pub chain: Chain,
    /// Time of the last event of it.
    pub last_at: Option<Wall>,
    /// How many events of it are lost for good.
    pub lost: u64,
}

impl Row for LogRow {
    type Key = (UnitId, LogId);

    fn key(&self) -> Self::Key {
        (self.unit.clone(), self.log.clone())
    }
}

/// What is known of a unit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UnitRow {
    /// The unit.
    pub unit: UnitId,
    /// When a batch or a birth of it was last taken.
    pub heard_at: Option<Wall>,
    /// Time of its newest event.
    pub data_at: Option<Wall>,
    /// Seconds between its `alive` messages.
    pub interval_s: u64,
    /// What it knew last of its wall clock.
    pub clock: Option<Clock>,
    /// The agent's version.
    pub version: Option<String>,
    /// Lanes that it watches.
    pub lanes: Vec<LaneId>,
    /// Sensors that it watches.
    pub sensors: Vec<SensorId>,
    /// Zones that it serves.
    pub zones: Vec<Zone>,
    /// Time of the boot event that said so.
    pub said_at: Option<Wall>,
    /// It was found offline and has not been heard since.
    pub offline: bool,
    /// Its clock contradicts the hub's.
    pub disputed: bool,
    /// What it said last of its link's certificates.
    #[serde(default)]
    pub certificate: Option<Told>,
}

impl UnitRow {
    /// A unit of which nothing is known.
    pub fn new(unit: UnitId) -> Self {
        Self {
            unit,
            heard_at: None,
            data_at: None,
            interval_s: 10,
            clock: None,
            version: None,
            lanes: Vec::new(),
            sensors: Vec::new(),
            zones: Vec::new(),
            said_at: None,
            offline: false,
            disputed: false,
            certificate: None,
        }
    }
}

impl Row for UnitRow {
    type Key = UnitId;

    fn key(&self) -> Self::Key {
        self.unit.clone()
    }
}

/// What is known of a lane.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LaneRow {
    /// The lane.
    pub lane: LaneId,
    /// Time of the last passage.
    pub last_at: Option<Wall>,
    /// What people at this lane measure, by the last screening, degC.
    pub baseline_c: Option<f64>,
    /// The last screening had no baseline.
    pub warming_up: bool,
    /// Time of the last screening.
    pub screened_at: Option<Wall>,
}

impl LaneRow {
    /// A lane at which nothing happened yet.
    pub fn new(lane: LaneId) -> Self {
        Self {
            lane,
            last_at: None,
            baseline_c: None,
            warming_up: false,
            screened_at: None,
        }
    }
}

impl Row for LaneRow {
    type Key = LaneId;

    fn key(&self) -> Self::Key {
        self.lane.clone()
    }
}

/// A quarter of an hour of a lane.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuarterRow {
    /// The lane.
    pub lane: LaneId,
    /// Its beginning.
    pub start: Wall,
    /// What moved.
    #[serde(flatten)]
    pub counts: Counts,
    /// People screened.
    pub screened: u64,
    /// Suspected fevers.
    pub fevers: u64,
}

impl Row for QuarterRow {
    type Key = (LaneId, Wall);

    fn key(&self) -> Self::Key {
        (self.lane.clone(), self.start)
    }
}

/// A headcount's sum.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TallyRow {
    /// Of a zone; of the site where none is named.
    pub of: Option<Zone>,
    /// The sum.
    pub tally: Tally,
}

impl Row for TallyRow {
    type Key = Option<Zone>;

    fn key(&self) -> Self::Key {
        self.of
    }
}

/// The newest reading of a sensor and quantity, by the time of measuring.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReadingRow {
    /// The unit.
    pub unit: UnitId,
    /// The sensor.
    pub sensor: SensorId,
    /// What it measures.
    pub quantity: String,
    /// Where.
    pub zone: Option<Zone>,
    /// The number.
    pub value: f64,
    /// When it was measured.
    pub at: Wall,
    /// How far that may be off, milliseconds.
    pub error_ms: u64,
    /// How often it comes, microseconds, as observed.
    pub interval_us: Option<i64>,
}

impl Row for ReadingRow {
    type Key = (UnitId, SensorId, String);

    fn key(&self) -> Self::Key {
        (
            self.unit.clone(),
            self.sensor.clone(),
            self.quantity.clone(),
        )
    }
}

/// A fault that is open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FaultRow {
    /// The unit.
    pub unit: UnitId,
    /// The sensor.
    pub sensor: SensorId,
    /// What is wrong.
    pub code: FaultCode,
    /// Since when.
    pub since: Wall,
    /// What it concerns; hidden while it lasts if the fault is one that blinds.
    pub concerns: Vec<Blinded>,
}

impl Row for FaultRow {
    type Key = (UnitId, SensorId, FaultCode);

    fn key(&self) -> Self::Key {
        (self.unit.clone(), self.sensor.clone(), self.code)
    }
}

/// A round as far as the record has it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RoundRow {
    /// The unit that saw it.
    pub unit: UnitId,
    /// The round.
    pub seen: SeenRound,
}

impl Row for RoundRow {
    type Key = (UnitId, String);

    fn key(&self) -> Self::Key {
        (self.unit.clone(), self.seen.round.clone())
    }
}

/// The verdict on a slot.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SlotRow {
    /// The slot.
    pub slot: Slot,
    /// The verdict now.
    pub verdict: Verdict,
    /// Since when the hub gives it.
    pub since: Wall,
    /// What it rests on.
    pub proof: Option<Proof>,
    /// Verdicts that were corrected, oldest first.
    pub history: Vec<VerdictChange>,
}

impl Row for SlotRow {
    /// The slot's end first, so that a range of times is a range of rows.
    type Key = (Wall, String);

    fn key(&self) -> Self::Key {
        (self.slot.end, self.slot.id.clone())
    }
}

impl Row for RollCallView {
    type Key = (Option<Zone>, Wall);

    fn key(&self) -> Self::Key {
        (self.zone, self.at)
    }
}

impl Row for ExcuseView {
    type Key = String;

    fn key(&self) -> String {
        self.slot.clone()
    }
}

impl Row for HandRound {
    type Key = String;

    fn key(&self) -> String {
        self.id.clone()
    }
}

impl Row for UnitConfig {
    type Key = UnitId;

    fn key(&self) -> UnitId {
        self.unit.clone()
    }
}

/// The last commands to a unit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CommandsRow {
    /// The unit.
    pub unit: UnitId,
    /// The newest first.
    pub newest: Vec<CommandView>,
}

impl CommandsRow {
    /// A unit that was never told anything.
    pub fn new(unit: UnitId) -> Self {
        Self {
            unit,
            newest: Vec::new(),
        }
    }
}

impl Row for CommandsRow {
    type Key = UnitId;

    fn key(&self) -> UnitId {
        self.unit.clone()
    }
}

impl Row for EntryCounts {
    type Key = String;

    fn key(&self) -> String {
        self.date.clone()
    }
}

/// What a command with an idempotency key came to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SaidRow {
    /// The key.
    pub key: String,
    /// When.
    pub at: Wall,
    /// What is the same when the same is asked again.
    pub print: String,
    /// The answer.
    pub answer: Value,
}

impl SaidRow {
    /// When the key may be used anew: after a day.
    pub fn forgotten_at(&self) -> Wall {
        self.at.plus(TimeDelta::days(1))
    }
}

impl Row for SaidRow {
    type Key = String;

    fn key(&self) -> String {
        self.key.clone()
    }
}

/// When a unit was heard, and what it said of itself. Forgotten at a restart.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Presence {
    /// The last message of any kind but a last will.
    pub contact_at: Option<Wall>,
    /// Its last `alive`.
    pub alive: Option<Alive>,
    /// Its last will came after its last message.
    pub last_will: bool,
    /// The last batch that brought something new.
    pub batch: Option<BatchAge>,
    /// How promptly its messages come.
    pub prompt: Option<Prompt>,
}

impl Presence {
    /// Seconds between its `alive` messages, if it said so.
    pub fn interval_s(&self) -> Option<u64> {
        self.alive.as_ref().map(|alive| alive.interval_s)
    }
}

/// How old events were when they came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchAge {
    /// When they came.
    pub received: Wall,
    /// Time of the newest of them.
    pub newest: Wall,
}

/// What the hub's clock showed when a boot's clock stood at zero, by the message of the last
/// minutes that took the least time on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prompt {
    /// The boot.
    pub boot: BootId,
    /// Since when `zero` is sought.
    pub since: Wall,
    /// The least so far.
    pub zero: Wall,
    /// The least of the minutes before.
    pub before: Option<Wall>,
    /// When a message was last clearly prompter than all before it.
    pub settled: Wall,
}

impl Prompt {
    /// What one message says.
    pub fn new(boot: BootId, mono_us: Micros, received: Wall) -> Self {
        Self {
            boot,
            since: received,
            zero: zero_of(mono_us, received),
            before: None,
            settled: received,
        }
    }

    /// Takes another message of the boot into account. Whole minutes go by in a queue now and then,
    /// and clocks drift apart over hours, so the last five to ten minutes count.
    pub fn update(&mut self, mono_us: Micros, received: Wall) {
        let zero = zero_of(mono_us, received);
        if self.least().micros_since(zero) > CLEARLY_US {
            self.settled = received;
        }
        if received.micros_since(self.since).abs() > PROMPT_US {
            self.before = Some(self.zero);
            self.since = received;
            self.zero = zero;
        } else {
            self.zero = self.zero.min(zero);
        }
    }

    /// When, by the hub's clock, the boot's clock showed `mono_us`.
    pub fn at(&self, mono_us: Micros) -> Wall {
        self.least().plus_micros(signed(mono_us))
    }

    /// Whether messages have come for long enough without one that was clearly prompter: a queue
    /// that empties brings ever newer ones.
    pub fn is_settled(&self, received: Wall) -> bool {
        received.micros_since(self.settled) >= SETTLED_US
    }

    fn least(&self) -> Wall {
        self.before
            .map_or(self.zero, |before| before.min(self.zero))
    }
}

const PROMPT_US: i64 = 300_000_000;
const CLEARLY_US: i64 = 1_000_000;
const SETTLED_US: i64 = 10_000_000;

fn zero_of(mono_us: Micros, received: Wall) -> Wall {
    received.plus_micros(-signed(mono_us))
}

/// Monotonic times are below 2^53.
fn signed(mono_us: Micros) -> i64 {
    i64::try_from(mono_us).unwrap_or(i64::MAX)
}

/// How far a site's slots were looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Judged {
    /// When time alone may change the next verdict; none before the first look.
    pub next: Option<Wall>,
    /// Slots that touch this time must be looked at again.
    pub stale: Option<(Wall, Wall)>,
    /// Likewise, but not before the backlog has arrived that may be about them.
    pub deferred: Option<(Wall, Wall)>,
}

impl Judged {
    /// Adds to what must be looked at again.
    pub fn mark(&mut self, from: Wall, to: Wall) {
        self.stale = Some(hull(self.stale, from, to));
    }

    /// Adds to what must be looked at later.
    pub fn defer(&mut self, from: Wall, to: Wall) {
        self.deferred = Some(hull(self.deferred, from, to));
    }
}

fn hull(range: Option<(Wall, Wall)>, from: Wall, to: Wall) -> (Wall, Wall) {
    range.map_or((from, to), |(first, last)| (first.min(from), last.max(to)))
}
