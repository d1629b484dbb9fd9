//! The plan of a site's rounds: due windows, the days on which they hold, and what a round must be.

use chrono::{Datelike, NaiveDate, NaiveTime, Weekday};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::site::{Name, Site, Zone};

/// A due window in the site's local time, `[start, end)`. An end at or before the start is the
/// next day's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Window {
    /// When the round may begin.
    #[serde(with = "hour_minute")]
    pub start: NaiveTime,
    /// When it must have been done.
    #[serde(with = "hour_minute")]
    pub end: NaiveTime,
    /// On which days it opens.
    #[serde(default, skip_serializing_if = "Days::is_every_day")]
    pub on: Days,
}

/// `08:00`, as people write times of day.
pub(crate) mod hour_minute {
    use super::*;

    const FORM: &str = "%H:%M";

    pub(crate) fn serialize<S: Serializer>(
        time: &NaiveTime,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&time.format(FORM))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<NaiveTime, D::Error> {
        let text = String::deserialize(deserializer)?;
        NaiveTime::parse_from_str(&text, FORM)
            .map_err(|_| de::Error::custom(format!("`{text}` is no time of day like 08:00")))
    }
}

/// On which days something holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Days {
    /// On all of them.
    #[default]
    #[serde(with = "every_day")]
    EveryDay,
    /// By the site's calendar.
    ByWork(ByWork),
    /// On these days of the week, whatever the calendar says.
    Week(Week),
}

mod every_day {
    use super::*;

    const WORD: &str = "every_day";

    pub(super) fn serialize<S: Serializer>(serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(WORD)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<(), D::Error> {
        let text = String::deserialize(deserializer)?;
        let is_it = text == WORD;
        is_it
            .then_some(())
            .ok_or_else(|| de::Error::custom("another word"))
    }
}

/// By the site's calendar: Monday to Friday and the make-up work days, without the holidays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ByWork {
    /// On days of work.
    WorkDays,
    /// On all others.
    DaysOff,
}

impl Days {
    /// Whether it holds on all days.
    pub fn is_every_day(&self) -> bool {
        *self == Self::EveryDay
    }
}

/// Some days of the week; written as a list like `["mon", "thu"]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Week(u8);

const WEEK: [Weekday; 7] = [
    Weekday::Mon,
    Weekday::Tue,
    Weekday::Wed,
    Weekday::Thu,
    Weekday::Fri,
    Weekday::Sat,
    Weekday::Sun,
];

impl Week {
    /// These days.
    pub fn of(days: &[Weekday]) -> Self {
        Self(days.iter().fold(0, |bits, day| bits | bit(*day)))
    }

    /// Whether a day is among them.
    pub fn has(self, day: Weekday) -> bool {
        self.0 & bit(day) != 0
    }
}

fn bit(day: Weekday) -> u8 {
    1 << day.num_days_from_monday()
}

impl Serialize for Week {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let days = WEEK.into_iter().filter(|day| self.has(*day));
        serializer.collect_seq(days.map(|day| day.to_string().to_lowercase()))
    }
}

impl<'de> Deserialize<'de> for Week {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let words = Vec::<String>::deserialize(deserializer)?;
        let days: Result<Vec<Weekday>, _> = words.iter().map(|word| word.parse()).collect();
        match days {
            Ok(days) if !days.is_empty() => Ok(Self::of(&days)),
            _ => Err(de::Error::custom("no list of days like [\"mon\", \"thu\"]")),
        }
    }
}

/// What a site has settled about one of its zones.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ZoneSettings {
    /// False where the site has no such zone (a mall has no living zone).
    pub used: bool,
    /// The site's own name for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<Name>,
    /// Due windows of each day; twice a day unless the site says otherwise.
    pub windows: Vec<Window>,
    /// Below this many litres a round with a flow meter is `short`. A lower bound for plausibility,
    /// no target. Litres, more than 0.
    pub min_litres: f64,
    /// A round that took less time than this is `short`. Minutes; 0 if any time is enough.
    #[serde(skip_serializing_if = "is_zero")]
    pub min_minutes: f64,
    /// More people than this in it are an alert.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capacity: Option<u32>,
    /// How large it is, square metres, where the least is reckoned by that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub area_m2: Option<f64>,
    /// The plausible least on each square metre, millilitres.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ml_per_m2: Option<f64>,
}

fn is_zero(number: &f64) -> bool {
    *number == 0.0
}

impl Default for ZoneSettings {
    fn default() -> Self {
        let window = |start, end| Window {
            start: NaiveTime::from_hms_opt(start, 0, 0).unwrap_or_default(),
            end: NaiveTime::from_hms_opt(end, 0, 0).unwrap_or_default(),
            on: Days::EveryDay,
        };
        Self {
            used: true,
            name: None,
            windows: vec![window(8, 11), window(14, 17)],
            min_litres: 1.0,
            min_minutes: 0.0,
            capacity: None,
            area_m2: None,
            ml_per_m2: None,
        }
    }
}

impl ZoneSettings {
    /// The plausible least of a round, litres: by its own number, and by the area where that is
    /// said.
    pub fn least_litres(&self) -> f64 {
        let by_area = self
            .area_m2
            .zip(self.ml_per_m2)
            .map_or(0.0, |(area, rate)| area * rate / 1000.0);
        self.min_litres.max(by_area)
    }
}

/// Days without planned rounds: work is stopped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pause {
    /// The first such day.
    pub from: NaiveDate,
    /// The last such day.
    pub to: NaiveDate,
    /// Only in this zone; in all where none is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<Zone>,
    /// Why.
    pub reason: String,
}

/// A time of day in which the site is switched off: who is silent then is not missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SwitchedOff {
    /// From then on, the site's local time.
    #[serde(with = "hour_minute")]
    pub start: NaiveTime,
    /// Up to then; of the next day if it is not after the start.
    #[serde(with = "hour_minute")]
    pub end: NaiveTime,
    /// On which days it begins.
    #[serde(default, skip_serializing_if = "Days::is_every_day")]
    pub on: Days,
}

impl Site {
    /// Whether people work on the site on a day: Monday to Friday and the make-up work days,
    /// without the holidays.
    pub fn works_on(&self, date: NaiveDate) -> bool {
        let is_weekend = matches!(date.weekday(), Weekday::Sat | Weekday::Sun);
        !self.holidays.contains(&date) && (!is_weekend || self.work_days.contains(&date))
    }

    /// Whether something holds on a day.
    pub fn holds_on(&self, days: Days, date: NaiveDate) -> bool {
        match days {
            Days::EveryDay => true,
            Days::ByWork(ByWork::WorkDays) => self.works_on(date),
            Days::ByWork(ByWork::DaysOff) => !self.works_on(date),
            Days::Week(week) => week.has(date.weekday()),
        }
    }

    /// The windows of a zone that open on a day, each with its number in the zone's list, from 1.
    pub fn windows_on(&self, zone: Zone, date: NaiveDate) -> Vec<(u32, Window)> {
        let settings = self.zone(zone);
        let is_planned = self.plan_from.is_some_and(|from| from <= date);
        let mut pauses = self.pauses.iter();
        let is_paused = pauses.any(|pause| {
            (pause.from..=pause.to).contains(&date) && pause.zone.is_none_or(|it| it == zone)
        });
        if !settings.used || !is_planned || is_paused {
            return Vec::new();
        }
        let numbered = (1_u32..).zip(settings.windows);
        numbered
            .filter(|(_, window)| self.holds_on(window.on, date))
            .collect()
    }

    /// Whether another site's settings make the same plan of rounds.
    pub fn has_the_plan_of(&self, other: &Self) -> bool {
        let zones = |site: &Self| {
            Zone::ALL.map(|zone| ZoneSettings {
                name: None,
                capacity: None,
                ..site.zone(zone)
            })
        };
        self.time_zone == other.time_zone
            && self.plan_from == other.plan_from
            && self.holidays == other.holidays
            && self.work_days == other.work_days
            && self.pauses == other.pauses
            && zones(self) == zones(other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site(settings: &str) -> Site {
        toml_like(settings)
    }

    /// Settings as JSON over the least that a site must have.
    fn toml_like(settings: &str) -> Site {
        let mut site = serde_json::json!({ "id": "s", "time_zone": "Asia/Shanghai",
            "plan_from": "2026-09-01", "name": { "zh": "一", "en": "One" } });
        let more: serde_json::Value = serde_json::from_str(settings).unwrap();
        let more = more.as_object().unwrap().clone();
        site.as_object_mut().unwrap().extend(more);
        serde_json::from_value(site).unwrap()
    }

    fn numbers(site: &Site, date: &str) -> Vec<u32> {
        let windows = site.windows_on(Zone::Living, date.parse().unwrap());
        windows.into_iter().map(|(number, _)| number).collect()
    }

    #[test]
    fn windows_open_on_their_days() {
        let site = site(
            r#"{ "holidays": ["2026-10-01"], "work_days": ["2026-10-10"],
                 "pause": [{ "from": "2026-12-01", "to": "2026-12-02", "reason": "frost" }],
                 "zone": { "living": { "windows": [
                     { "start": "08:00", "end": "09:00" },
                     { "start": "10:00", "end": "11:00", "on": "work_days" },
                     { "start": "12:00", "end": "13:00", "on": "days_off" },
                     { "start": "14:00", "end": "15:00", "on": ["thu", "sat"] },
                     { "start": "16:00", "end": "17:00", "on": "every_day" } ] } } }"#,
        );
        // A Thursday that is a holiday, a Saturday that is worked, and usual days.
        assert_eq!(numbers(&site, "2026-10-01"), [1, 3, 4, 5]);
        assert_eq!(numbers(&site, "2026-10-10"), [1, 2, 4, 5]);
        assert_eq!(numbers(&site, "2026-10-12"), [1, 2, 5]);
        assert_eq!(numbers(&site, "2026-10-17"), [1, 3, 4, 5]);
        assert!(numbers(&site, "2026-12-02").is_empty());
        assert!(numbers(&site, "2026-08-31").is_empty());
        let written = serde_json::to_value(&site).unwrap();
        assert_eq!(serde_json::from_value::<Site>(written).unwrap(), site);
    }

    #[test]
    fn the_least_is_the_larger_one() {
        let settings = ZoneSettings {
            area_m2: Some(400.0),
            ml_per_m2: Some(50.0),
            ..ZoneSettings::default()
        };
        assert_eq!(settings.least_litres(), 20.0);
        assert_eq!(ZoneSettings::default().least_litres(), 1.0);
    }

    #[test]
    fn the_plan_is_what_makes_slots() {
        let one = site("{}");
        let renamed = site(r#"{ "zone": { "living": { "name": { "zh": "宿舍", "en": "" } } } }"#);
        assert!(one.has_the_plan_of(&renamed));
        assert!(!one.has_the_plan_of(&site(r#"{ "holidays": ["2026-10-01"] }"#)));
        assert!(!one.has_the_plan_of(&site(r#"{ "time_zone": "Asia/Tokyo" }"#)));
    }
}
