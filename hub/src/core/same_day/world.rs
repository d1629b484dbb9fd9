//! A day of a site: what happened, and the logs that its three units made of it.

use gatepost_model::{Site, Wall, Zone};
use serde_json::{Value, json};

use crate::core::testing::{Dice, Log, wall};

/// Midnight of the site's day, 2026-11-23 in Shanghai.
pub(super) fn midnight() -> Wall {
    wall("2026-11-22T16:00:00Z")
}

/// The day as it is written.
pub(super) const DATE: &str = "2026-11-23";

const MINUTE: i64 = 60;
const HOUR: i64 = 3_600;
/// The record goes on into the next day, so that the last window's grace is watched, too.
const END: i64 = 25 * HOUR;
/// All units were switched on so long before midnight, seconds.
const BOOTED_BEFORE: i64 = HOUR;

/// One thing that happened; times are seconds since midnight.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Truth {
    Watched {
        unit: &'static str,
        from: i64,
        to: i64,
    },
    Passed {
        lane: &'static str,
        at: i64,
        into: bool,
    },
    Round {
        zone: Zone,
        id: String,
        start: i64,
        end: i64,
        litres: f64,
        stopped: bool,
    },
    Measured {
        unit: &'static str,
        id: String,
        at: i64,
        skin_c: f64,
        fever: bool,
    },
    Entered {
        outcome: &'static str,
        reason: Option<&'static str>,
    },
    Fault {
        unit: &'static str,
        from: i64,
        to: i64,
    },
    Lost {
        unit: &'static str,
        n: u64,
        from: i64,
        to: i64,
    },
}

/// Which zones' rounds each unit sees, and which lane it watches.
pub(super) const UNITS: [(&str, &str, &[Zone]); 3] = [
    ("gate-1", "people", &[Zone::Management]),
    ("gate-2", "yard", &[Zone::Living]),
    ("gate-3", "goods", &[Zone::Living]),
];

/// Due windows of every day, seconds since midnight.
pub(super) const WINDOWS: [(i64, i64); 2] = [(8 * HOUR, 11 * HOUR), (14 * HOUR, 17 * HOUR)];

#[derive(Debug, Clone)]
pub(super) struct Day {
    pub(super) truth: Vec<Truth>,
    pub(super) logs: Vec<UnitLog>,
    /// People counted on the site, and when.
    pub(super) roll_call: Option<(i64, u64)>,
    /// A planned round that somebody excused, and when.
    pub(super) excused: Option<(i64, String)>,
    /// A thermometer went mad: its suspicions are no fevers.
    pub(super) is_mad: bool,
}

/// A unit's log with the time of each line, seconds since midnight.
#[derive(Debug, Clone)]
pub(super) struct UnitLog {
    pub(super) log: Log,
    pub(super) times: Vec<i64>,
}

/// So many may be on the site, and in the living zone.
pub(super) const SITE_HOLDS: i64 = 12;
pub(super) const LIVING_HOLDS: i64 = 6;

/// The site: lanes of people into the site and into the living zone, two of the zones in use.
pub(super) fn site() -> Site {
    toml::from_str(&format!(
        r#"
        id = "s"
        time_zone = "Asia/Shanghai"
        plan_from = "{DATE}"
        name = {{ zh = "一号", en = "One" }}
        capacity = {SITE_HOLDS}

        [[lane]]
        id = "people"
        kind = "people"

        [[lane]]
        id = "yard"
        kind = "people"
        leads_to = "living"

        [[lane]]
        id = "goods"
        kind = "goods"

        [zone.living]
        capacity = {LIVING_HOLDS}
        [zone.construction]
        used = false
        [zone.isolation]
        used = false
        "#
    ))
    .unwrap()
}

pub(super) fn day(seed: u64) -> Day {
    let mut dice = Dice::new(seed);
    let mut truth = Vec::new();
    let is_mad = dice.is_one_in(5);
    let mut logs = Vec::new();
    for (unit, lane, zones) in UNITS {
        let mut life = Life {
            unit,
            lane,
            outages: outages(&mut dice),
            lines: Vec::new(),
            truth: Vec::new(),
        };
        life.watch(zones);
        for zone in zones {
            for window in WINDOWS {
                life.round(&mut dice, *zone, window);
            }
        }
        if lane != "goods" {
            life.people(&mut dice);
        }
        if lane == "people" && is_mad {
            life.madness(&mut dice);
        }
        life.faults(&mut dice);
        let (log, mut happened) = life.written(&mut dice);
        logs.push(log);
        truth.append(&mut happened);
    }
    let roll_call = dice
        .is_one_in(2)
        .then(|| (12 * HOUR + 1, dice.below(50) as u64));
    let excused = dice.is_one_in(3).then(|| {
        let number = dice.within(1, 3);
        (18 * HOUR, format!("living-{DATE}-{number}"))
    });
    Day {
        truth,
        logs,
        roll_call,
        excused,
        is_mad,
    }
}

/// When a unit saw nothing.
fn outages(dice: &mut Dice) -> Vec<(i64, i64)> {
    let mut outages = Vec::new();
    let mut from = 0;
    for _ in 0..dice.below(3) {
        from = dice.within(from + HOUR, from + 9 * HOUR);
        let to = from + dice.within(6 * MINUTE, 2 * HOUR);
        outages.push((from, to));
        from = to;
    }
    outages
}

/// One unit's day while it is made up.
struct Life {
    unit: &'static str,
    lane: &'static str,
    outages: Vec<(i64, i64)>,
    lines: Vec<(i64, &'static str, Value)>,
    truth: Vec<Truth>,
}

impl Life {
    fn sees(&self, from: i64, to: i64) -> bool {
        let margin = 2 * MINUTE;
        self.outages
            .iter()
            .all(|(start, end)| to + margin < *start || *end + margin < from)
    }

    fn line(&mut self, at: i64, kind: &'static str, fields: Value) {
        self.lines.push((at, kind, fields));
    }

    fn watch(&mut self, zones: &[Zone]) {
        let sensors = [format!("{}-a", self.lane), "env".to_owned()];
        let boot = json!({ "version": "1", "config": "c", "reason": "boot", "lanes": [self.lane],
            "sensors": sensors[1..], "zones": zones });
        let mut starts = vec![1];
        starts.extend(self.outages.iter().map(|(_, to)| *to));
        let mut ends: Vec<i64> = self.outages.iter().map(|(from, _)| *from).collect();
        ends.push(END);
        for (from, to) in starts.into_iter().zip(ends) {
            self.line(from, "boot", boot.clone());
            self.truth.push(Truth::Watched {
                unit: self.unit,
                from,
                to,
            });
            let mut since = from;
            while since < to {
                let until = (since + 10 * MINUTE).min(to);
                let watched = (since + BOOTED_BEFORE) * 1_000_000;
                let fields = json!({ "watched_from_mono_us": watched, "clock": "synced" });
                self.line(until, "heartbeat", fields);
                since = until;
            }
        }
    }

    fn round(&mut self, dice: &mut Dice, zone: Zone, (opens, closes): (i64, i64)) {
        let inside = dice.within(opens + 3 * MINUTE, closes - HOUR) + 7;
        let (start, lasts, litres, stopped) = match dice.below(9) {
            0 | 1 => (inside, 10 * MINUTE, 3.0, true),
            2 => (inside, 10 * MINUTE, 0.25, true),
            3 => (inside, 10 * MINUTE, 0.0, true),
            4 => (
                closes + dice.within(20, 100) * MINUTE,
                9 * MINUTE,
                2.5,
                true,
            ),
            5 => (closes - 5 * MINUTE, 10 * MINUTE, 3.0, true),
            6 => (inside, 30 * MINUTE, 3.0, false),
            _ => return,
        };
        let end = start + lasts;
        if !self.sees(start, end) {
            return;
        }
        let id = format!("{}-{zone}-{start}", self.unit);
        let evidence = if litres > 0.0 {
            "button+flow"
        } else {
            "button"
        };
        let mono = (start + BOOTED_BEFORE) * 1_000_000;
        let fields = |phase: &str, litres: f64| {
            json!({ "zone": zone, "round": id, "phase": phase, "started_mono_us": mono,
                "litres": litres, "pump_s": 60.0, "evidence": evidence })
        };
        self.line(start, "round", fields("started", 0.0));
        let phase = if stopped { "ended" } else { "abandoned" };
        self.line(end, "round", fields(phase, litres));
        self.truth.push(Truth::Round {
            zone,
            id,
            start,
            end,
            litres,
            stopped,
        });
    }

    fn people(&mut self, dice: &mut Dice) {
        for person in 0..dice.within(5, 60) {
            let at = dice.within(6 * HOUR, 20 * HOUR);
            if !self.sees(at, at + MINUTE) {
                continue;
            }
            if dice.is_one_in(3) {
                self.screening(dice, person, at);
            }
            if dice.is_one_in(8) {
                self.entry(dice, at + 30);
            }
            let into = !dice.is_one_in(3);
            let dir = if into { "in" } else { "out" };
            let fields = json!({ "lane": self.lane, "dir": dir, "duration_ms": 400 });
            self.line(at + 40, "passage", fields);
            self.truth.push(Truth::Passed {
                lane: self.lane,
                at: at + 40,
                into,
            });
        }
    }

    fn screening(&mut self, dice: &mut Dice, person: i64, at: i64) {
        let id = format!("p{person}");
        let is_ill = dice.is_one_in(8);
        for attempt in 1..=dice.within(1, 4) {
            let verdict = if !is_ill {
                "normal"
            } else if attempt == 1 {
                "remeasure"
            } else {
                "fever"
            };
            self.measured(&id, attempt, at + attempt, dice.within(3400, 3900), verdict);
        }
    }

    fn measured(&mut self, id: &str, attempt: i64, at: i64, hundredths: i64, verdict: &str) {
        let skin_c = hundredths as f64 / 100.0;
        let fields = json!({ "lane": self.lane, "id": id, "attempt": attempt, "skin_c": skin_c,
            "rule": "rel-1", "verdict": verdict });
        self.line(at, "screening", fields);
        let (unit, fever, id) = (self.unit, verdict == "fever", id.to_owned());
        self.truth.push(Truth::Measured {
            unit,
            id,
            at,
            skin_c,
            fever,
        });
    }

    fn entry(&mut self, dice: &mut Dice, at: i64) {
        let (outcome, reason) = match dice.below(4) {
            0 => ("refused", Some("no_certificate")),
            1 => ("isolated", None),
            _ => ("admitted", None),
        };
        let fields = json!({ "lane": self.lane, "outcome": outcome, "reason": reason });
        self.line(at, "entry", fields);
        self.truth.push(Truth::Entered { outcome, reason });
    }

    /// Suspicions one after the other, of nearly everybody.
    fn madness(&mut self, dice: &mut Dice) {
        let begin = dice.within(21 * HOUR, 22 * HOUR);
        if self.sees(begin, begin + HOUR) {
            for nth in 0..12 {
                self.measured(&format!("m{nth}"), 1, begin + nth * MINUTE, 3990, "fever");
            }
        }
    }

    /// A beam that is blocked, and flaps.
    fn faults(&mut self, dice: &mut Dice) {
        let sensor = format!("{}-a", self.lane);
        let mut at = dice.within(HOUR, 5 * HOUR);
        for _ in 0..dice.below(6) {
            let lasts = dice.within(MINUTE, 20 * MINUTE);
            if self.sees(at, at + lasts) {
                let fields = json!({ "sensor": sensor, "code": "blocked" });
                self.line(at, "fault", fields.clone());
                self.line(at + lasts, "cleared", fields);
                self.truth.push(Truth::Fault {
                    unit: self.unit,
                    from: at,
                    to: at + lasts,
                });
            }
            // Soon, or long after: nobody says where between them the border is.
            let pause = if dice.is_one_in(2) { (1, 5) } else { (40, 200) };
            at += lasts + dice.within(pause.0, pause.1) * MINUTE;
        }
    }

    /// All lines in order, and now and then something that had to be shed.
    fn written(mut self, dice: &mut Dice) -> (UnitLog, Vec<Truth>) {
        self.lines.sort_by_key(|(at, ..)| *at);
        let mut log = Log::new(self.unit, &format!("log-{}", self.unit));
        let mut times = Vec::new();
        let next: Vec<i64> = self.lines.iter().skip(1).map(|(at, ..)| *at).collect();
        for (index, (at, kind, fields)) in self.lines.into_iter().enumerate() {
            let mono = |at: i64| u64::try_from((at + BOOTED_BEFORE) * 1_000_000).unwrap();
            let mut stamped = json!({
                "at": midnight().plus_micros(at * 1_000_000), "err_ms": 20 });
            let fields = fields.as_object().unwrap().clone();
            stamped.as_object_mut().unwrap().extend(fields);
            log.event(mono(at), kind, stamped);
            times.push(at);
            let is_quiet = next.get(index).is_some_and(|next| at + 9 * MINUTE < *next);
            if kind == "heartbeat" && is_quiet && dice.is_one_in(60) {
                let n = dice.within(1, 4);
                for _ in 0..n {
                    log.event(mono(at), "weather", json!({}));
                }
                let (kept, to) = (times.len(), at + 8 * MINUTE);
                log.shed(kept, mono(at), mono(to));
                times.push(to);
                let (unit, n) = (self.unit, n as u64);
                self.truth.push(Truth::Lost {
                    unit,
                    n,
                    from: at,
                    to,
                });
            }
        }
        (UnitLog { log, times }, self.truth)
    }
}
