//! A year of planned rounds in zones whose clocks jump, by the virtual clock: every slot has exactly
//! one verdict, and a plan that changes rewrites nothing that was.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{Days, NaiveDate};
use gatepost_dashboard::view::Verdict;
use gatepost_model::{
    Site, Wall, Zone,
    plan::{self, ByWork},
    wire::Anchor,
};
use serde_json::json;

use super::{
    Core, Settings,
    input::Input,
    rounds::Slot,
    state::{SiteState, SlotRow},
    testing::Log,
};
use crate::{calendar::SiteZone, holidays};

const HOUR_US: i64 = 3_600_000_000;

fn date(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

/// The four zones twice a day, and the living zone in the night hour that a clock may jump over.
fn site(time_zone: &str, from: &str) -> Site {
    toml::from_str(&format!(
        r#"
        id = "s"
        time_zone = "{time_zone}"
        plan_from = "{from}"
        name = {{ zh = "一号", en = "One" }}

        [zone.living]
        windows = [
            {{ start = "08:00", end = "11:00" }},
            {{ start = "14:00", end = "17:00" }},
            {{ start = "02:10", end = "02:40" }},
        ]
        "#
    ))
    .unwrap()
}

/// A hub that lives through a time with one unit that sees all zones.
struct Year {
    core: Core,
    log: Log,
    /// Monotonic time zero.
    zero: Wall,
    sent: usize,
    now: Wall,
}

impl Year {
    fn new(site: Site, from: Wall) -> Self {
        let mut year = Self {
            core: Core::new(Settings::new("0123456789abcdef".to_owned())),
            log: Log::new("yard-1", "a"),
            zero: from.plus_micros(-HOUR_US),
            sent: 0,
            now: from,
        };
        year.turn(Input::Site(site));
        let zones = Zone::ALL;
        let boot = json!({ "version": "1", "config": "c", "reason": "boot", "lanes": [],
            "sensors": [], "zones": zones });
        year.says(from, "boot", boot);
        year
    }

    fn turn(&mut self, input: Input) {
        let decision = self.core.decide(self.now, [input]);
        self.core.apply(&decision.commit);
    }

    fn mono(&self, at: Wall) -> u64 {
        u64::try_from(at.micros_since(self.zero)).unwrap()
    }

    fn says(&mut self, at: Wall, kind: &str, fields: serde_json::Value) {
        let mut stamped = json!({ "at": at, "err_ms": 5 });
        let fields = fields.as_object().unwrap().clone();
        stamped.as_object_mut().unwrap().extend(fields);
        self.log.event(self.mono(at), kind, stamped);
    }

    /// What the unit said since it last sent something arrives.
    fn send(&mut self) {
        let lines = self.sent..self.log.lines.len();
        self.sent = lines.end;
        let mut header = self.log.header(lines.clone());
        header.anchor = Some(Anchor {
            mono_us: 0,
            wall: self.zero,
            err_ms: 5,
        });
        let batch = self.log.input_with(&header, lines, self.now);
        self.turn(batch);
    }

    /// Six hours pass; the unit watched them, and did the rounds whose windows are over.
    fn pass(&mut self, slots: &[Slot]) {
        let from = self.now;
        self.now = from.plus_micros(6 * HOUR_US);
        for slot in slots {
            let middle = slot
                .start
                .plus_micros(slot.end.micros_since(slot.start) / 2);
            if (from..self.now).contains(&middle) {
                self.round(slot, middle);
            }
        }
        let watched = json!({ "watched_from_mono_us": self.mono(from), "clock": "synced" });
        self.says(self.now, "heartbeat", watched);
        self.send();
        self.turn(Input::Tick);
    }

    fn round(&mut self, slot: &Slot, at: Wall) {
        let started = self.mono(at.plus_micros(-60_000_000));
        let ended = json!({ "zone": slot.zone, "round": slot.id, "phase": "ended",
            "started_mono_us": started, "litres": 3.0, "pump_s": 30.0,
            "evidence": "button+flow" });
        self.says(at, "round", ended);
    }

    fn site(&self) -> &SiteState {
        &self.core.state().sites["s"]
    }

    fn slots(&self) -> impl Iterator<Item = &SlotRow> {
        self.site().slots.values()
    }

    /// All windows over, and the grace: then what each came to.
    fn ends(&mut self) {
        self.now = self.now.plus_micros(30 * HOUR_US);
        self.turn(Input::Tick);
    }
}

/// Windows of the days, from the zone's own tables alone.
fn windows(zone: &str, days: impl Iterator<Item = NaiveDate>) -> BTreeMap<String, Slot> {
    let zone = SiteZone::parse(zone).unwrap();
    let mut slots = BTreeMap::new();
    for date in days {
        for id in Zone::ALL {
            let hours = [((8, 0), (11, 0)), ((14, 0), (17, 0)), ((2, 10), (2, 40))];
            let count = if id == Zone::Living { 3 } else { 2 };
            for (number, (opens, closes)) in (1..).zip(hours.into_iter().take(count)) {
                let at = |(hour, minute): (u32, u32)| {
                    let time = chrono::NaiveTime::from_hms_opt(hour, minute, 0).unwrap();
                    zone.instant(date, time)
                };
                let slot = Slot {
                    id: format!("{id}-{date}-{number}"),
                    zone: id,
                    date,
                    number,
                    start: at(opens),
                    end: at(closes),
                };
                if slot.start < slot.end {
                    slots.insert(slot.id.clone(), slot);
                }
            }
        }
    }
    slots
}

fn days(from: &str, n: usize) -> impl Iterator<Item = NaiveDate> + Clone {
    date(from).iter_days().take(n)
}

/// Each slot once, each with a last word, done exactly where a round was.
fn check(year: &Year, expected: &BTreeMap<String, Slot>, done: &BTreeSet<String>) {
    let ends = expected.values().map(|slot| slot.end).max().unwrap();
    let known: Vec<&SlotRow> = year.slots().filter(|row| row.slot.end <= ends).collect();
    let ids: BTreeSet<&String> = known.iter().map(|row| &row.slot.id).collect();
    assert_eq!(ids.len(), known.len(), "a slot has two verdicts");
    assert!(ids.into_iter().eq(expected.keys()), "other slots");
    for row in known {
        assert_eq!(row.slot, expected[&row.slot.id]);
        let is_done = done.contains(&row.slot.id);
        let verdict = if is_done {
            Verdict::Done
        } else {
            Verdict::Missed
        };
        assert_eq!(row.verdict, verdict, "{}", row.slot.id);
    }
}

/// Two of three rounds are done.
fn some(slots: &BTreeMap<String, Slot>) -> (Vec<Slot>, BTreeSet<String>) {
    let picked = slots.values().enumerate().filter(|(n, _)| n % 3 != 0);
    let picked: Vec<Slot> = picked.map(|(_, slot)| slot.clone()).collect();
    let ids = picked.iter().map(|slot| slot.id.clone()).collect();
    (picked, ids)
}

fn a_year(zone: &str, first: &str, n: usize) -> Year {
    let expected = windows(zone, days(first, n));
    let (rounds, done) = some(&expected);
    let begin = SiteZone::parse(zone).unwrap().day_bounds(date(first)).0;
    let mut year = Year::new(site(zone, first), begin);
    for day in 0..n as i64 {
        // Rounds of windows near these six hours; the list is in no order of time.
        let near = begin.plus_micros((day - 1) * 24 * HOUR_US);
        let far = begin.plus_micros((day + 3) * 24 * HOUR_US);
        let rounds: Vec<Slot> = rounds
            .iter()
            .filter(|slot| (near..far).contains(&slot.start))
            .cloned()
            .collect();
        (0..4).for_each(|_| year.pass(&rounds));
    }
    year.pass(&rounds);
    year.ends();
    check(&year, &expected, &done);
    year
}

#[test]
fn a_leap_year_with_two_shifts_of_the_clock() {
    let year = a_year("America/New_York", "2028-01-01", 366);
    let leap = year
        .slots()
        .filter(|row| row.slot.date == date("2028-02-29"));
    assert_eq!(leap.count(), 9);
    // The night window does not exist on the day of the shift in March.
    let short = year
        .slots()
        .filter(|row| row.slot.date == date("2028-03-12"));
    assert_eq!(short.count(), 8);
}

#[test]
fn a_year_in_which_the_zone_changes_its_offset() {
    a_year("Asia/Pyongyang", "2018-01-01", 365);
}

#[test]
fn a_site_that_moves_keeps_what_was() {
    let before = windows("Asia/Shanghai", days("2028-05-01", 20));
    // Seen from either zone tomorrow is the 21st.
    let after = windows("America/Los_Angeles", days("2028-05-21", 20));
    let mut expected = before.clone();
    expected.extend(after);
    let (rounds, done) = some(&expected);
    let begin = SiteZone::parse("Asia/Shanghai")
        .unwrap()
        .day_bounds(date("2028-05-01"))
        .0;
    let mut year = Year::new(site("Asia/Shanghai", "2028-05-01"), begin);
    for quarter in 0..42 * 4 {
        if quarter == 19 * 4 + 2 {
            year.turn(Input::Site(site("America/Los_Angeles", "2028-05-01")));
        }
        year.pass(&rounds);
    }
    year.ends();
    check(&year, &expected, &done);
}

#[test]
fn a_changed_plan_begins_tomorrow_even_for_a_hub_that_slept() {
    let zone = SiteZone::parse("Asia/Shanghai").unwrap();
    let begin = zone.day_bounds(date("2028-05-01")).0;
    let mut year = Year::new(site("Asia/Shanghai", "2028-05-01"), begin);
    year.pass(&[]);
    // Three days later, with all that the unit saw still to come, somebody leaves two windows out.
    year.now = begin.plus_micros(75 * HOUR_US);
    let mut changed = site("Asia/Shanghai", "2028-05-01");
    let mut living = changed.zone(Zone::Living);
    living.windows.truncate(1);
    changed.zones.insert(Zone::Living, living);
    year.turn(Input::Site(changed.clone()));
    for _ in 0..12 {
        year.pass(&[]);
    }
    let of = |year: &Year, day: &str| {
        let living = year.slots().filter(|row| row.slot.zone == Zone::Living);
        living.filter(|row| row.slot.date == date(day)).count()
    };
    let counts = [
        "2028-05-01",
        "2028-05-03",
        "2028-05-04",
        "2028-05-05",
        "2028-05-06",
    ];
    assert_eq!(counts.map(|day| of(&year, day)), [3, 3, 3, 1, 1]);
    // A day further on that the settings name is obeyed, one that was is not.
    for (named, expected) in [("2028-05-09", "2028-05-09"), ("2028-05-02", "2028-05-08")] {
        changed.plan_holds_from = Some(date(named));
        changed
            .holidays
            .insert(date(named).checked_add_days(Days::new(1)).unwrap());
        year.turn(Input::Site(changed.clone()));
        year.turn(Input::Tick);
        let newest = year.site().plans.keys().next_back().unwrap();
        assert_eq!(*newest, date(expected), "{named}");
    }
}

#[test]
fn a_calendar_that_comes_late_leaves_the_days_that_were() {
    let zone = SiteZone::parse("Asia/Shanghai").unwrap();
    let begin = zone.day_bounds(date("2028-05-01")).0;
    let mut own = site("Asia/Shanghai", "2028-05-01");
    let mut living = own.zone(Zone::Living);
    living.windows.truncate(1);
    living.windows[0].on = plan::Days::ByWork(ByWork::WorkDays);
    own.zones.insert(Zone::Living, living);
    let mut year = Year::new(own.clone(), begin);
    year.pass(&[]);
    // On Tuesday it turns out that Monday was a holiday, Wednesday is, and Saturday is worked.
    year.now = begin.plus_micros(36 * HOUR_US);
    let text = "date,kind\n2028-05-01,holiday\n2028-05-03,holiday\n2028-05-06,work\n";
    let calendar = holidays::parse(text, holidays::Unmarked::Festivals).unwrap();
    assert_eq!(calendar.merge_into(&mut own).len(), 3);
    year.turn(Input::Site(own));
    for _ in 0..24 {
        year.pass(&[]);
    }
    let of = |day: &&str| {
        let mut slots = year.slots().filter(|row| row.slot.zone == Zone::Living);
        slots.any(|row| row.slot.date == date(day))
    };
    let days = [
        "2028-05-01",
        "2028-05-02",
        "2028-05-03",
        "2028-05-04",
        "2028-05-06",
        "2028-05-07",
    ];
    let planned: Vec<&str> = days.into_iter().filter(of).collect();
    assert_eq!(
        planned,
        ["2028-05-01", "2028-05-02", "2028-05-04", "2028-05-06"]
    );
}
