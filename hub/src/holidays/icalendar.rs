//! A calendar as iCalendar (RFC 5545): its events of whole days.
//!
//! What an event is, its publisher says in one of three ways: `X-APPLE-SPECIAL-DAY` with
//! `WORK-HOLIDAY` or `ALTERNATE-WORKDAY`; a mark 休 or 班 in the summary; or words there. In a file that
//! marks some of its events the others are festivals that people work on. A file that marks none says
//! nothing, and is only taken if whoever brings it vouches for it ([`Unmarked::Holidays`]).

use chrono::{NaiveDate, NaiveDateTime, NaiveTime};
use icalendar::parser::Property;

use super::{Holidays, Kind, put};
use crate::config::Mistakes;

/// How such a file begins.
pub(super) const BEGIN: &str = "BEGIN:VCALENDAR";

/// What an event without a mark is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unmarked {
    /// A festival that is worked, if others have marks; nothing is known if none has.
    Festivals,
    /// A public holiday.
    Holidays,
}

impl Unmarked {
    /// Whether all of them are holidays.
    pub fn of(all_holidays: bool) -> Self {
        if all_holidays {
            Self::Holidays
        } else {
            Self::Festivals
        }
    }
}

/// Reads a calendar, or says everything that is wrong with it.
pub(super) fn parse(text: &str, unmarked: Unmarked) -> Result<Holidays, Mistakes> {
    let mut mistakes = Mistakes::of(text);
    let events = events(text, &mut mistakes);
    let mut holidays = Holidays::default();
    for event in &events {
        if event.is_cancelled() {
            continue;
        }
        let name = event.summary();
        let kind = match event.mark() {
            Ok(mark) => mark.or((unmarked == Unmarked::Holidays).then_some(Kind::Holiday)),
            Err((at, what)) => {
                mistakes.add(at, what, "write 休 or 班 behind the name");
                continue;
            }
        };
        let Some(kind) = kind else {
            let line = mistakes.line_of(event.at);
            holidays.left_out.push((line, name.to_owned()));
            continue;
        };
        match event.days() {
            Ok(days) => {
                for day in days {
                    if let Err(wrong) = put(&mut holidays.days, day, kind, name) {
                        mistakes.add(event.at, wrong, "keep the event that is right");
                        break;
                    }
                }
            }
            Err((at, what, cure)) => mistakes.add(at, what, cure),
        }
    }
    if mistakes.is_empty() && holidays.days.is_empty() {
        let cure = "write 休 or 班 behind the names, or say `--all-holidays` if each event is a \
                    public holiday";
        mistakes.add(0, "no event is marked as a holiday or a work day", cure);
    }
    if mistakes.is_empty() {
        Ok(holidays)
    } else {
        Err(mistakes)
    }
}

/// A property with the byte at which its line begins.
struct Entry {
    at: usize,
    name: String,
    value: String,
}

/// An event as it is written.
struct Event {
    at: usize,
    entries: Vec<Entry>,
}

/// A mistake: its byte, what is wrong, and the cure.
type Wrong = (usize, String, &'static str);

impl Event {
    fn entry(&self, name: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.name == name)
    }

    fn summary(&self) -> &str {
        self.entry("SUMMARY").map_or("", |entry| entry.value.trim())
    }

    fn is_cancelled(&self) -> bool {
        let status = self.entry("STATUS");
        status.is_some_and(|it| it.value.trim().eq_ignore_ascii_case("CANCELLED"))
    }

    /// What the publisher says that it is.
    fn mark(&self) -> Result<Option<Kind>, (usize, String)> {
        let special = self.entry("X-APPLE-SPECIAL-DAY").map(|it| it.value.trim());
        match special {
            Some("WORK-HOLIDAY") => return Ok(Some(Kind::Holiday)),
            Some("ALTERNATE-WORKDAY") => return Ok(Some(Kind::Work)),
            _ => {}
        }
        let summary = self.summary().to_lowercase();
        let has = |words: &[&str]| words.iter().any(|word| summary.contains(word));
        let bare = summary.trim_end_matches([')', '）', ']', '】', ' ']);
        // A work day's name often has the holiday's in it that it makes up for, never the other way.
        if bare.ends_with('班') || has(WORK) {
            return Ok(Some(Kind::Work));
        }
        let off = bare.strip_suffix('休').filter(|it| !it.ends_with('调'));
        if off.is_some() || has(HOLIDAY) {
            return Ok(Some(Kind::Holiday));
        }
        if summary.contains("调休") {
            let at = self.entry("SUMMARY").map_or(self.at, |entry| entry.at);
            let what = "`调休` is said of days off and of days that are worked for them";
            return Err((at, what.to_owned()));
        }
        Ok(None)
    }

    /// The whole days that it takes.
    fn days(&self) -> Result<Vec<NaiveDate>, Wrong> {
        if let Some(entry) = REPEATS.iter().find_map(|name| self.entry(name)) {
            let what = format!("`{}` repeats the event", entry.name);
            return Err((entry.at, what, "write an event for each year"));
        }
        let Some(start) = self.entry("DTSTART") else {
            let what = "the event has no `DTSTART`".to_owned();
            return Err((self.at, what, "write its first day"));
        };
        let first = day(start)?;
        let (length_at, length) = match (self.entry("DTEND"), self.entry("DURATION")) {
            (Some(end), _) => (end.at, (day(end)? - first).num_days()),
            (None, Some(entry)) => (entry.at, whole_days(entry)?),
            (None, None) => (start.at, 1),
        };
        if length < 1 {
            let what = "the event ends before its first day is over".to_owned();
            return Err((length_at, what, "an event ends on the day after its last"));
        }
        if length > LONGEST {
            let what = format!("the event takes {length} days");
            return Err((length_at, what, "write at most a month in one event"));
        }
        let length = usize::try_from(length).unwrap_or(1);
        Ok(first.iter_days().take(length).collect())
    }
}

/// Words of a summary by which an event is a day that is worked.
const WORK: &[&str] = &[
    "（班",
    "(班",
    "补班",
    "補班",
    "上班",
    "工作日",
    "work day",
    "workday",
    "working day",
];

/// Words of a summary by which an event is a holiday.
const HOLIDAY: &[&str] = &[
    "（休", "(休", "假期", "放假", "休假", "休息", "补休", "holiday", "day off",
];

/// Properties that make several events of one.
const REPEATS: [&str; 4] = ["RRULE", "RDATE", "EXDATE", "RECURRENCE-ID"];

/// No public holiday is longer, in days.
const LONGEST: i64 = 31;

/// `20270101`, or midnight at its beginning without a time zone, as some programs write whole days.
fn day(entry: &Entry) -> Result<NaiveDate, Wrong> {
    let value = entry.value.trim();
    let midnight = |value| {
        let at = NaiveDateTime::parse_from_str(value, "%Y%m%dT%H%M%S").ok()?;
        (at.time() == NaiveTime::MIN).then_some(at.date())
    };
    let date = NaiveDate::parse_from_str(value, "%Y%m%d").ok();
    date.filter(|_| value.len() == 8)
        .or_else(|| midnight(value))
        .ok_or_else(|| {
            let value: String = value.chars().take(40).collect();
            let what = format!("`{}` is `{value}`, which is no whole day", entry.name);
            (
                entry.at,
                what,
                "write it like `DTSTART;VALUE=DATE:20270101`",
            )
        })
}

/// `P3D` or `P1W`.
fn whole_days(entry: &Entry) -> Result<i64, Wrong> {
    let value = entry.value.trim();
    let number = |unit: char, days: i64| {
        let digits = value.strip_prefix('P')?.strip_suffix(unit)?;
        digits
            .parse::<u16>()
            .ok()
            .map(|number| i64::from(number) * days)
    };
    number('D', 1).or_else(|| number('W', 7)).ok_or_else(|| {
        let what = "`DURATION` is not of whole days".to_owned();
        (entry.at, what, "write it like `P3D`")
    })
}

/// The events of a file. What lies within them (alarms) or beside them (time zones) is passed over.
fn events(text: &str, mistakes: &mut Mistakes) -> Vec<Event> {
    let mut open: Vec<(usize, String)> = Vec::new();
    let mut events: Vec<Event> = Vec::new();
    for (at, line) in unfolded(text) {
        if line.trim().is_empty() {
            continue;
        }
        let Some((word, value)) = line.split_once(':') else {
            let line: String = line.chars().take(40).collect();
            mistakes.add(
                at,
                format!("`{line}` is no line of a calendar"),
                AS_PUBLISHED,
            );
            continue;
        };
        let value = value.trim();
        if word.eq_ignore_ascii_case("BEGIN") {
            if value.eq_ignore_ascii_case("VEVENT") {
                let entries = Vec::new();
                events.push(Event { at, entries });
            }
            open.push((at, value.to_uppercase()));
        } else if word.eq_ignore_ascii_case("END") {
            let last = open.pop();
            if last.is_none_or(|(_, name)| !name.eq_ignore_ascii_case(value)) {
                let what = format!("`END:{value}` ends nothing that begins before it");
                mistakes.add(at, what, AS_PUBLISHED);
                // Whatever follows would be said of the wrong thing.
                return events;
            }
        } else if open.last().is_some_and(|(_, name)| name == "VEVENT") {
            match Property::try_from(line.as_str()) {
                Ok(property) => {
                    if let Some(event) = events.last_mut() {
                        event.entries.push(Entry {
                            at,
                            name: property.name.as_str().to_uppercase(),
                            value: property.val.as_str().to_owned(),
                        });
                    }
                }
                Err(_) => mistakes.add(at, format!("`{word}` cannot be read"), AS_PUBLISHED),
            }
        }
    }
    if let Some((at, name)) = open.pop() {
        mistakes.add(at, format!("`BEGIN:{name}` has no end"), AS_PUBLISHED);
    }
    events
}

const AS_PUBLISHED: &str = "take the file as it is published, as a whole";

/// The same file where it was folded within a character, as RFC 5545 lets it be (3.1): the rest of the
/// character stands before the break, so that each line is a text and has the number that it had.
pub(super) fn with_whole_characters(bytes: &[u8]) -> Vec<u8> {
    let mut whole = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((&byte, after)) = rest.split_first() {
        let folds: [&[u8]; 4] = [b"\r\n ", b"\r\n\t", b"\n ", b"\n\t"];
        let fold = folds.into_iter().find(|fold| rest.starts_with(fold));
        if let Some(fold) = fold {
            let next = &rest[fold.len()..];
            let is_within = |byte: &&u8| (0x80..0xC0).contains(*byte);
            let length = next.iter().take_while(is_within).count();
            whole.extend_from_slice(&next[..length]);
            whole.extend_from_slice(fold);
            rest = &next[length..];
        } else {
            whole.push(byte);
            rest = after;
        }
    }
    whole
}

/// The lines as they were before they were folded, each with the byte at which it begins.
fn unfolded(text: &str) -> Vec<(usize, String)> {
    let mut lines: Vec<(usize, String)> = Vec::new();
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let bare = line.trim_end_matches(['\r', '\n']);
        match (bare.strip_prefix([' ', '\t']), lines.last_mut()) {
            (Some(more), Some((_, begun))) => begun.push_str(more),
            _ => lines.push((at, bare.to_owned())),
        }
        at += line.len();
    }
    lines
}
