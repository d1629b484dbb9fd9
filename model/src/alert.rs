//! Alerts: one thing that is wrong, in codes; texts are made where they are read.

use serde::{Deserialize, Serialize};

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlertKind {
    /// A screening judged `fever`: a suspicion, a task at the gate.
    FeverSuspected,
    /// A planned round that was watched throughout and not done.
    MissedRound,
    /// A unit has not been heard for 5 intervals.
    UnitOffline,
    /// Something a unit sent could not be taken and was set aside.
    Quarantine,
    /// A unit counted events that are lost.
    Loss,
    /// A unit's log contradicts the record: a card that went back in time, or a cloned one.
    Fork,
    /// A unit's clock disagrees with the hub's by more than 5 s.
    ClockDisputed,
    /// A sensor reported a fault.
    SensorFault,
    /// None of a site's units is heard: its link, or its power.
    SiteLinkLost,
    /// A planned round was begun and was not enough.
    ShortRound,
    /// More people are inside than the site allows.
    Capacity,
    /// A channel did not take messages to people.
    DeliveryFailed,
    /// A part of the hub itself does not work: its store, its broker, its disk.
    HubTrouble,
    /// A certificate that a unit's link needs ends soon, or has ended.
    Certificate,
}

impl AlertKind {
    /// Every kind, for documentation and dictionaries.
    pub const ALL: [Self; 14] = [
        Self::FeverSuspected,
        Self::MissedRound,
        Self::UnitOffline,
        Self::Quarantine,
        Self::Loss,
        Self::Fork,
        Self::ClockDisputed,
        Self::SensorFault,
        Self::SiteLinkLost,
        Self::ShortRound,
        Self::Capacity,
        Self::DeliveryFailed,
        Self::HubTrouble,
        Self::Certificate,
    ];

    /// The severity unless the site says otherwise: a suspected fever is amber (UI: priorities),
    /// one silent unit or sensor, a short round or a certificate to be renewed is minor, a missed round, a lost record or site, too
    /// many people or a channel or the hub that fails is major.
    pub fn severity(self) -> Severity {
        match self {
            Self::FeverSuspected
            | Self::MissedRound
            | Self::Loss
            | Self::Fork
            | Self::SiteLinkLost
            | Self::Capacity
            | Self::DeliveryFailed
            | Self::HubTrouble => Severity::Major,
            Self::ShortRound
            | Self::UnitOffline
            | Self::Quarantine
            | Self::ClockDisputed
            | Self::SensorFault
            | Self::Certificate => Severity::Minor,
        }
    }
}

/// How soon a person is needed. The worst is the smallest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// 紧急: within 2 minutes.
    Critical,
    /// 重要: within 15 minutes.
    Major,
    /// 提示: within the shift.
    Minor,
}

/// Where an alert stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlertState {
    /// 产生: nobody has answered.
    Raised,
    /// 接警: somebody has it.
    Acknowledged,
    /// 暂停提醒: somebody decided that it can wait, until when, and why.
    Shelved,
    /// 办结: over.
    Resolved,
}

/// How an alert ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The cause went away.
    Cleared,
    /// Old news: the cause was over, or older than 15 minutes, when the hub first saw it. Nobody
    /// was paged.
    Late,
    /// A person said so.
    Manual,
    /// 复测正常: measured again with a clinical device, and normal.
    RemeasuredNormal,
    /// 已隔离: the person is in isolation.
    Isolated,
    /// 误测: the reading was wrong.
    FalseReading,
    /// 其他: as the note says.
    Other,
}

impl Outcome {
    /// Every outcome, for documentation and dictionaries.
    pub const ALL: [Self; 7] = [
        Self::Cleared,
        Self::Late,
        Self::Manual,
        Self::RemeasuredNormal,
        Self::Isolated,
        Self::FalseReading,
        Self::Other,
    ];

    /// Whether a person may say it: *cleared* and *late* are the hub's own words.
    pub fn is_said_by_people(self) -> bool {
        !matches!(self, Self::Cleared | Self::Late)
    }

    /// Whether it says what became of a suspected fever (UI: life cycle of alerts).
    pub fn settles_a_fever(self) -> bool {
        matches!(
            self,
            Self::RemeasuredNormal | Self::Isolated | Self::FalseReading | Self::Other
        )
    }
}
