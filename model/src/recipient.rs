//! Who is told of what is wrong on a site: over which channel, in which language, when, and how soon
//! after nobody else answered.

use chrono::NaiveTime;
use serde::{Deserialize, Serialize};

use crate::{
    alert::Severity,
    plan::{Days, hour_minute},
};

/// Somebody, or a group behind a robot, that is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipient {
    /// Who; unique on the site.
    pub name: String,
    /// The name of a channel in the hub's configuration.
    pub channel: String,
    /// The e-mail address; none for a robot or a webhook, which has one of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// The language of the text.
    #[serde(default)]
    pub language: Language,
    /// Only what is at least as severe.
    #[serde(default = "minor")]
    pub least: Severity,
    /// Told only when nobody has answered for so long: the escalation chain. Minutes.
    #[serde(default)]
    pub after_min: u32,
    /// Told only in these times, by the duty roster; always if there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub duty: Vec<Hours>,
    /// In these times only what is critical is told at once; the rest waits for their end.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub quiet: Vec<Hours>,
}

fn minor() -> Severity {
    Severity::Minor
}

/// A language of texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Language {
    /// 中文
    #[default]
    #[serde(rename = "zh")]
    Chinese,
    /// English.
    #[serde(rename = "en")]
    English,
}

/// Hours of a day in the site's local time, `[start, end)`; an end at or before the start is the
/// next day's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hours {
    /// From then on.
    #[serde(with = "hour_minute")]
    pub start: NaiveTime,
    /// Up to then.
    #[serde(with = "hour_minute")]
    pub end: NaiveTime,
    /// On which days they begin.
    #[serde(default, skip_serializing_if = "Days::is_every_day")]
    pub on: Days,
}

impl Hours {
    /// Full hours of every day, 0 to 23.
    pub(crate) fn between(start: u32, end: u32) -> Self {
        let at = |hour| NaiveTime::from_hms_opt(hour, 0, 0).unwrap_or_default();
        Self {
            start: at(start),
            end: at(end),
            on: Days::EveryDay,
        }
    }
}
