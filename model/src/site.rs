//! What a site is: its gates' lanes, its four zones, and what it has settled.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    str::FromStr,
};

use chrono::NaiveDate;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::{
    alert::{AlertKind, Severity},
    id::{LaneId, SiteId, UnitId},
    plan::{Pause, SwitchedOff, ZoneSettings},
    recipient::{Hours, Recipient},
    retention::Retention,
};

/// One of the four slots for zones that every site has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Zone {
    /// 管理区
    Management,
    /// 施工区
    Construction,
    /// 生活区
    Living,
    /// 隔离区
    Isolation,
}

impl Zone {
    /// All four, in the order in which they are shown.
    pub const ALL: [Self; 4] = [
        Self::Management,
        Self::Construction,
        Self::Living,
        Self::Isolation,
    ];

    /// The zone's word in topics, paths and files.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Management => "management",
            Self::Construction => "construction",
            Self::Living => "living",
            Self::Isolation => "isolation",
        }
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A word that is none of the four zones.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no zone: management, construction, living or isolation")]
pub struct NoZone(pub String);

impl FromStr for Zone {
    type Err = NoZone;

    fn from_str(text: &str) -> Result<Self, NoZone> {
        Self::ALL
            .into_iter()
            .find(|zone| zone.as_str() == text)
            .ok_or_else(|| NoZone(text.chars().take(40).collect()))
    }
}

/// What passes through a lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LaneKind {
    /// 人行
    People,
    /// 小客车
    Car,
    /// 货车
    Goods,
}

impl LaneKind {
    /// The kind's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::People => "people",
            Self::Car => "car",
            Self::Goods => "goods",
        }
    }
}

/// Where a lane leads: into the site, or into one of its zones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LeadsTo {
    /// Into the site: its passages make the site's headcount.
    Site,
    /// From the site into a zone.
    Zone(Zone),
}

impl Serialize for LeadsTo {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(match self {
            Self::Site => "site",
            Self::Zone(zone) => zone.as_str(),
        })
    }
}

impl<'de> Deserialize<'de> for LeadsTo {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text == "site" {
            return Ok(Self::Site);
        }
        text.parse().map(Self::Zone).map_err(|_| {
            de::Error::custom(format!(
                "`{text}` is neither `site` nor one of the four zones"
            ))
        })
    }
}

/// Which way something passed, seen from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Towards where the lane leads.
    In,
    /// Away from it.
    Out,
}

impl Direction {
    /// The direction's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::In => "in",
            Self::Out => "out",
        }
    }
}

/// A name in the two languages of the page. If one is missing the other stands in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Name {
    /// Chinese.
    pub zh: String,
    /// English.
    pub en: String,
}

/// A lane of a site.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lane {
    /// Unique on the site; events carry it.
    pub id: LaneId,
    /// What passes.
    pub kind: LaneKind,
    /// Where `in` leads.
    #[serde(default = "into_the_site")]
    pub leads_to: LeadsTo,
    /// Shown instead of the kind's word where the site has a name of its own for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Name>,
}

fn into_the_site() -> LeadsTo {
    LeadsTo::Site
}

/// One fenced place with its own time zone, gates, four zones and settings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Site {
    /// Unique on the hub.
    pub id: SiteId,
    /// IANA name of the time zone in which the site's days, windows and reports are.
    pub time_zone: String,
    /// The first site-local day for which rounds are planned; none are planned without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan_from: Option<NaiveDate>,
    /// From which site-local day on a changed plan holds: not before tomorrow, so that no plan
    /// rewrites what was. Tomorrow if nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan_holds_from: Option<NaiveDate>,
    /// Public holidays.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub holidays: BTreeSet<NaiveDate>,
    /// Make-up work days: days of a weekend that are worked.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub work_days: BTreeSet<NaiveDate>,
    /// More people than this on the site are an alert.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity: Option<u32>,
    /// Share of people whom a lane does not count, or counts twice, 0 to [`MOST_COUNT_ERROR`]: what a
    /// count by hand beside the gate has shown. Widens the headcount's band.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub count_error: f64,
    /// When those who come and go are to be measured: morning and evening, unless the site says
    /// otherwise.
    #[serde(default = "morning_and_evening")]
    pub measuring: Vec<Hours>,
    /// Units that should be there, so that one that never spoke is seen to be missing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub units: Vec<UnitId>,
    /// How it is called.
    pub name: Name,
    /// Its gates' lanes, in the order in which they are shown.
    #[serde(default, rename = "lane", skip_serializing_if = "Vec::is_empty")]
    pub lanes: Vec<Lane>,
    /// Settings of zones; a zone that is not named has the defaults.
    #[serde(default, rename = "zone", skip_serializing_if = "BTreeMap::is_empty")]
    pub zones: BTreeMap<Zone, ZoneSettings>,
    /// How long what is kept.
    #[serde(default)]
    pub retention: Retention,
    /// Days without planned rounds.
    #[serde(default, rename = "pause", skip_serializing_if = "Vec::is_empty")]
    pub pauses: Vec<Pause>,
    /// Times of day in which the site has no power by plan.
    #[serde(default, rename = "off", skip_serializing_if = "Vec::is_empty")]
    pub switched_off: Vec<SwitchedOff>,
    /// Who is told of what is wrong.
    #[serde(default, rename = "recipient", skip_serializing_if = "Vec::is_empty")]
    pub recipients: Vec<Recipient>,
    /// Severities that differ from the kinds' own.
    #[serde(
        default,
        rename = "severity",
        skip_serializing_if = "BTreeMap::is_empty"
    )]
    pub severities: BTreeMap<AlertKind, Severity>,
}

/// A gate that errs more often than this, as a share of people, needs mending and not a wider band.
pub const MOST_COUNT_ERROR: f64 = 0.2;

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
fn is_zero(number: &f64) -> bool {
    *number == 0.0
}

fn morning_and_evening() -> Vec<Hours> {
    [(6, 10), (17, 21)]
        .into_iter()
        .map(|(start, end)| Hours::between(start, end))
        .collect()
}

impl Site {
    /// A site that has settled nothing but its name and where it is.
    pub fn new(id: SiteId, time_zone: String, name: Name) -> Self {
        Self {
            id,
            time_zone,
            plan_from: None,
            plan_holds_from: None,
            capacity: None,
            count_error: 0.0,
            measuring: morning_and_evening(),
            holidays: BTreeSet::new(),
            work_days: BTreeSet::new(),
            units: Vec::new(),
            name,
            lanes: Vec::new(),
            zones: BTreeMap::new(),
            retention: Retention::default(),
            pauses: Vec::new(),
            switched_off: Vec::new(),
            recipients: Vec::new(),
            severities: BTreeMap::new(),
        }
    }

    /// How soon a person is needed here for an alert of a kind.
    pub fn severity(&self, kind: AlertKind) -> Severity {
        let own = self.severities.get(&kind).copied();
        own.unwrap_or_else(|| kind.severity())
    }

    /// The settings of a zone, the defaults where the site says nothing.
    pub fn zone(&self, zone: Zone) -> ZoneSettings {
        self.zones.get(&zone).cloned().unwrap_or_default()
    }
}
