//! One change of the state, and the form in which it is stored.

use gatepost_dashboard::view::{
    AlertView, AuditEntry, EntryCounts, EpisodeView, ExcuseView, HandOverView, HandRound,
    RollCallView, UnitConfig,
};
use gatepost_model::{Micros, Site, SiteId, UnitId, Wall};

use super::rows::{
    CommandsRow, FaultRow, Judged, LaneRow, LogRow, Presence, QuarterRow, ReadingRow, RoundRow,
    Row, SaidRow, SlotRow, TallyRow, UnitRow,
};
use crate::core::{
    coverage::{Blind, BlindCause, Blinded, BootKey, Joined, Watch, WatchKey, Watching},
    downtime::Lived,
    fever::MeasuringRow,
    paging::MessageRow,
    quarantine::ShelfChange,
    rounds::PlanRow,
};
use crate::store::influx::Refused;

/// One change. Applying it twice is applying it once.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// A site's settings, as somebody changed them through the hub.
    Site(Site),
    /// A site's settings, as somebody else has stored them. Not stored: by now he may have changed them
    /// again.
    StoredSite(Site),
    /// An alert as it is now.
    Alert(AlertView),
    /// What was set aside.
    Shelf(ShelfChange),
    /// A row of a site as it is now.
    Put(SiteId, AnyRow),
    /// A row of a site is no more.
    Remove(SiteId, AnyKey),
    /// A watched stretch grew, and swallowed others.
    Watched(SiteId, Joined),
    /// A point that the store refused is out of it, for now.
    Withdrawn(Box<Refused>),
    /// A unit was heard. Not stored.
    Heard(SiteId, UnitId, Presence),
    /// Slots were looked at, or must be. Not stored.
    Judged(SiteId, Judged),
    /// The hub lives.
    Lived(Lived),
    /// A message as it is now.
    Message(MessageRow),
    /// A message is no more.
    Forgotten(u64),
    /// It was looked whose turn it is to be told of an alert, and must be again then, if ever. Not
    /// stored.
    Called(u64, Option<Wall>),
    /// A site was looked at and must be again then. Not stored.
    Looked(SiteId, Wall),
    /// Rows of a site that nobody needs were forgotten. Not stored.
    Pruned(SiteId, Wall),
    /// Units can be heard from here on, or cannot. Not stored.
    Listening(Option<Wall>),
}

impl Change {
    /// Whether it outlives a restart.
    pub fn is_durable(&self) -> bool {
        !matches!(
            self,
            Self::StoredSite(..)
                | Self::Heard(..)
                | Self::Judged(..)
                | Self::Looked(..)
                | Self::Called(..)
                | Self::Pruned(..)
                | Self::Listening(..)
        )
    }
}

macro_rules! rows {
    ($($variant:ident($row:ty) = $table:literal,)*) => {
        /// A row of any table of a site.
        #[derive(Debug, Clone, PartialEq)]
        #[expect(missing_docs, reason = "each is documented as a type")]
        pub enum AnyRow {
            $($variant($row),)*
        }

        impl AnyRow {
            /// The table that it is stored in.
            pub fn table(&self) -> &'static str {
                match self {
                    $(Self::$variant(_) => $table,)*
                }
            }

            /// The key that it is stored under, and the row itself, as JSON.
            pub fn stored(&self) -> Result<(String, String), serde_json::Error> {
                match self {
                    $(Self::$variant(row) => Ok((
                        serde_json::to_string(&row.key())?,
                        serde_json::to_string(row)?,
                    )),)*
                }
            }

            /// A stored row; none of a table that this version does not know.
            pub fn read(table: &str, row: &str) -> Result<Option<Self>, serde_json::Error> {
                match table {
                    $($table => serde_json::from_str(row).map(|row| Some(Self::$variant(row))),)*
                    _ => Ok(None),
                }
            }
        }

        $(impl From<$row> for AnyRow {
            fn from(row: $row) -> Self {
                Self::$variant(row)
            }
        })*
    };
}

rows! {
    Log(LogRow) = "log",
    Unit(UnitRow) = "unit",
    Lane(LaneRow) = "lane",
    Measuring(MeasuringRow) = "measuring",
    Quarter(QuarterRow) = "quarter",
    Tally(TallyRow) = "tally",
    Reading(ReadingRow) = "reading",
    Fault(FaultRow) = "fault",
    Round(RoundRow) = "round",
    Plan(PlanRow) = "plan",
    Slot(SlotRow) = "slot",
    Watch(Watch) = "watch",
    Watching(Watching) = "watching",
    Blind(Blind) = "blind",
    Episode(EpisodeView) = "episode",
    RollCall(RollCallView) = "roll_call",
    Excuse(ExcuseView) = "excuse",
    HandRound(HandRound) = "hand_round",
    HandOver(HandOverView) = "hand_over",
    Entries(EntryCounts) = "entries",
    Said(SaidRow) = "said",
    Audit(AuditEntry) = "audit",
    Config(UnitConfig) = "config",
    Commands(CommandsRow) = "commands",
}

/// The key of a row that can be removed.
#[derive(Debug, Clone, PartialEq)]
pub enum AnyKey {
    /// A fault that is over.
    Fault(<FaultRow as Row>::Key),
    /// An idempotency key whose day is over.
    Said(<SaidRow as Row>::Key),
    /// A plan that never held.
    Plan(<PlanRow as Row>::Key),
    /// A round of long ago.
    Round(<RoundRow as Row>::Key),
    /// Counts of long ago.
    Quarter(<QuarterRow as Row>::Key),
}

impl AnyKey {
    /// The table that the row is stored in.
    pub fn table(&self) -> &'static str {
        match self {
            Self::Fault(_) => "fault",
            Self::Said(_) => "said",
            Self::Plan(_) => "plan",
            Self::Round(_) => "round",
            Self::Quarter(_) => "quarter",
        }
    }

    /// The key that the row is stored under, as JSON.
    pub fn stored(&self) -> Result<String, serde_json::Error> {
        match self {
            Self::Fault(key) => serde_json::to_string(key),
            Self::Said(key) => serde_json::to_string(key),
            Self::Plan(key) => serde_json::to_string(key),
            Self::Round(key) => serde_json::to_string(key),
            Self::Quarter(key) => serde_json::to_string(key),
        }
    }
}

impl Row for Watch {
    type Key = WatchKey;

    fn key(&self) -> Self::Key {
        self.key.clone()
    }
}

impl Row for Watching {
    type Key = (BootKey, Micros);

    fn key(&self) -> Self::Key {
        (self.boot.clone(), self.from_mono)
    }
}

impl Row for Blind {
    type Key = (UnitId, Blinded, Wall, BlindCause);

    fn key(&self) -> Self::Key {
        (self.unit.clone(), self.what.clone(), self.from, self.why)
    }
}
