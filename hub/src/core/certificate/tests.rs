use gatepost_dashboard::{
    ports::{Act, AlertAct, Command},
    view::AlertView,
};
use gatepost_model::alert::{AlertState, Severity};
use serde_json::{Value, json};

use super::*;
use crate::core::{
    Core, Settings,
    input::Input,
    testing::{Dice, Log, site, wall},
};

const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;

fn at(seconds: i64) -> Wall {
    wall("2026-11-23T07:31:00Z").plus_micros(seconds * 1_000_000)
}

struct Desk {
    core: Core,
}

impl Desk {
    fn new() -> Self {
        let mut desk = Self {
            core: Core::new(Settings::new("0123456789abcdef".to_owned())),
        };
        // Nothing else is to be judged.
        let plan_from = chrono::NaiveDate::from_ymd_opt(2030, 1, 1);
        let site = gatepost_model::Site {
            plan_from,
            ..site()
        };
        desk.turn(0, Input::Site(site));
        desk
    }

    fn turn(&mut self, seconds: i64, input: Input) {
        let decision = self.core.decide(at(seconds), [input]);
        self.core.apply(&decision.commit);
    }

    /// Time passes until the alert of a cause that stays away is resolved.
    fn settles(&mut self, seconds: i64) {
        self.turn(seconds, Input::Tick);
        self.turn(seconds + HOUR / 2, Input::Tick);
    }

    fn alerts(&self) -> Vec<AlertView> {
        let all = self.core.state().alerts.all();
        all.filter(|it| it.kind == AlertKind::Certificate)
            .cloned()
            .collect()
    }

    fn stand(&self) -> Vec<(AlertState, Severity)> {
        let all = self.alerts();
        all.iter().map(|it| (it.state, it.severity)).collect()
    }
}

/// A unit and what it told at which second.
struct Unit {
    log: Log,
    told: Vec<i64>,
}

impl Unit {
    fn new(name: &str) -> Self {
        Self {
            log: Log::new(name, "a"),
            told: Vec::new(),
        }
    }

    /// A heartbeat that says which certificate ends when, or nothing of any.
    fn tells(&mut self, seconds: i64, certificate: Option<(&str, i64)>) {
        let mut fields = json!({ "watched_from_mono_us": 0, "clock": "synced", "at": at(seconds),
            "err_ms": 20 });
        if let Some((of, ends)) = certificate {
            fields["certificate"] = json!({ "of": of, "ends": at(ends) });
        }
        let mono = u64::try_from(seconds + HOUR).unwrap() * 1_000_000;
        self.log.event(mono, "heartbeat", fields);
        self.told.push(seconds);
    }

    /// Tells it, and is heard at once.
    fn is_heard(&mut self, desk: &mut Desk, seconds: i64, certificate: Option<(&str, i64)>) {
        self.tells(seconds, certificate);
        let n = self.told.len();
        desk.turn(seconds, self.log.input(n - 1..n, at(seconds)));
    }
}

#[test]
fn it_warns_a_month_before_and_is_urgent_in_the_last_week_until_there_is_a_new_one() {
    let (mut desk, mut unit) = (Desk::new(), Unit::new("gate-1"));
    let old = Some(("unit", 100 * DAY));
    unit.is_heard(&mut desk, 70 * DAY - 1, old);
    assert_eq!(desk.stand(), []);
    unit.is_heard(&mut desk, 70 * DAY, old);
    assert_eq!(desk.stand(), [(AlertState::Raised, Severity::Minor)]);
    let alert = &desk.alerts()[0];
    assert_eq!(alert.subject.unit, Some("gate-1".parse().unwrap()));
    let figures = json!({ "of": "unit", "ends": at(100 * DAY) });
    assert_eq!(serde_json::to_value(&alert.params).unwrap(), figures);
    unit.is_heard(&mut desk, 93 * DAY - 1, old);
    assert_eq!(desk.stand(), [(AlertState::Raised, Severity::Minor)]);
    unit.is_heard(&mut desk, 93 * DAY, old);
    let urgent = (AlertState::Raised, Severity::Critical);
    assert_eq!(desk.stand(), [urgent]);
    // Past its end, and from a unit that says nothing of it, it is what it was: one.
    unit.is_heard(&mut desk, 101 * DAY, old);
    unit.is_heard(&mut desk, 102 * DAY, None);
    desk.settles(102 * DAY + 1);
    assert_eq!(desk.stand(), [urgent]);
    assert_eq!(desk.alerts()[0].count, 1);
    unit.is_heard(&mut desk, 103 * DAY, Some(("unit", 300 * DAY)));
    desk.settles(103 * DAY + 1);
    assert_eq!(desk.stand(), [(AlertState::Resolved, Severity::Critical)]);
    assert_eq!(desk.alerts()[0].gone_at, Some(at(103 * DAY)));
}

#[test]
fn a_unit_that_never_told_of_one_has_none() {
    let (mut desk, mut unit) = (Desk::new(), Unit::new("gate-1"));
    for day in 0..5 {
        unit.is_heard(&mut desk, day * DAY, None);
        desk.settles(day * DAY + 1);
    }
    assert_eq!(desk.stand(), []);
}

#[test]
fn whoever_put_it_off_is_told_anew_when_it_is_urgent() {
    let (mut desk, mut unit) = (Desk::new(), Unit::new("gate-1"));
    let old = Some(("broker", 100 * DAY));
    unit.is_heard(&mut desk, 71 * DAY, old);
    let command = Command {
        by: "wang".to_owned(),
        key: None,
        act: Act::Alert {
            alert: desk.alerts()[0].id,
            version: None,
            note: Some("the new one is on its way".to_owned()),
            act: AlertAct::Resolve { outcome: None },
        },
    };
    desk.turn(72 * DAY, Input::Command { ticket: 1, command });
    unit.is_heard(&mut desk, 73 * DAY, old);
    let over = (AlertState::Resolved, Severity::Minor);
    assert_eq!(desk.stand(), [over]);
    unit.is_heard(&mut desk, 94 * DAY, old);
    let anew = (AlertState::Raised, Severity::Critical);
    assert_eq!(desk.stand(), [over, anew]);
}

#[test]
fn old_news_of_an_end_that_is_near_to_this_day_calls_once_the_record_has_caught_up() {
    let (mut desk, mut unit) = (Desk::new(), Unit::new("gate-1"));
    for day in 60..96 {
        unit.tells(day * DAY, Some(("unit", 100 * DAY)));
    }
    let n = unit.told.len();
    desk.turn(95 * DAY + HOUR, unit.log.input(0..n, at(95 * DAY + HOUR)));
    assert_eq!(desk.stand(), [(AlertState::Resolved, Severity::Critical)]);
    unit.is_heard(&mut desk, 96 * DAY, Some(("unit", 100 * DAY)));
    assert_eq!(desk.stand(), [(AlertState::Raised, Severity::Critical)]);
    let alert = &desk.alerts()[0];
    assert_eq!((alert.happened_at, alert.count), (at(70 * DAY), 1));
    assert_eq!(alert.raised_at, at(96 * DAY));
}

/// Units that renew in time, late, or too short, and what should be known of it in the end: of each
/// time in which an end was near, unit, beginning, end, and whether it was urgent.
fn made_up(dice: &mut Dice) -> (Vec<Unit>, Vec<Value>) {
    let (mut units, mut expected) = (Vec::new(), Vec::new());
    for name in ["gate-1", "gate-2", "gate-3"] {
        let mut unit = Unit::new(name);
        let mut ends = dice.below(120) * DAY;
        let mut renewed_at = (ends - dice.below(60) * DAY).max(HOUR);
        let mut open: Option<(i64, bool)> = None;
        let mut close = |open: &mut Option<(i64, bool)>, gone: Option<i64>| {
            if let Some((from, urgent)) = open.take() {
                let gone = gone.map(at);
                expected.push(json!([name, at(from), gone, urgent]));
            }
        };
        let mut now = dice.below(HOUR);
        while now < 150 * DAY {
            if now >= renewed_at {
                ends = now + (31 + dice.below(60)) * DAY + dice.below(DAY);
                renewed_at = ends - dice.below(50) * DAY;
                close(&mut open, Some(now));
            }
            let left = ends - now;
            if left <= 30 * DAY {
                let (_, urgent) = open.get_or_insert((now, false));
                *urgent |= left <= 7 * DAY;
            }
            unit.tells(now, Some(("unit", ends)));
            if dice.is_one_in(9) {
                unit.tells(now + 1, None);
            }
            now += 16 * HOUR + dice.below(HOUR);
        }
        // In the end everything has been said, live.
        let now = 170 * DAY;
        if ends - now <= 30 * DAY {
            let (_, urgent) = open.get_or_insert((now, false));
            *urgent |= ends - now <= 7 * DAY;
        }
        unit.tells(now, Some(("unit", ends)));
        close(&mut open, None);
        units.push(unit);
    }
    expected.sort_by_key(ToString::to_string);
    (units, expected)
}

/// What is known in the end. Late, some units are weeks late, others now and then some hours, and all
/// comes twice.
fn lived(units: &[Unit], dice: &mut Dice, is_late: bool) -> Vec<Value> {
    let mut coming = Vec::new();
    for (index, unit) in units.iter().enumerate() {
        let delay = if is_late { dice.below(2) * 15 * DAY } else { 0 };
        let (mut first, mut heard) = (0, 0);
        let last = unit.told.len() - 1;
        while first <= last {
            let most = usize::try_from(if is_late { 1 + dice.below(30) } else { 1 }).unwrap();
            let end = if first == last {
                last + 1
            } else {
                (first + most).min(last)
            };
            let jitter = if is_late && end <= last {
                delay + dice.below(9 * HOUR)
            } else {
                0
            };
            heard = (unit.told[end - 1] + jitter).max(heard);
            coming.push((heard, index, first..end));
            coming.push((heard + dice.below(3 * HOUR), index, first..end));
            first = end;
        }
    }
    coming.sort_by_key(|(at, ..)| *at);
    let mut desk = Desk::new();
    let mut ticked = 0;
    for (seconds, index, lines) in coming {
        while ticked + DAY < seconds {
            ticked += DAY;
            desk.turn(ticked, Input::Tick);
        }
        desk.turn(seconds, units[index].log.input(lines, at(seconds)));
    }
    desk.settles(171 * DAY);
    let known = desk.alerts().into_iter().map(|alert| {
        assert_eq!(alert.count, 1, "{alert:?}");
        let is_open = alert.state != AlertState::Resolved;
        assert_eq!(is_open, alert.gone_at.is_none(), "{alert:?}");
        let urgent = alert.severity == Severity::Critical;
        json!([alert.subject.unit, alert.happened_at, alert.gone_at, urgent])
    });
    let mut known: Vec<Value> = known.collect();
    known.sort_by_key(ToString::to_string);
    known
}

#[test]
fn it_comes_to_the_same_in_any_order() {
    let mut periods = 0;
    for seed in 0..12 {
        let mut dice = Dice::new(seed);
        let (units, expected) = made_up(&mut dice);
        periods += expected.len();
        assert_eq!(
            lived(&units, &mut dice, false),
            expected,
            "live, seed {seed}"
        );
        assert_eq!(
            lived(&units, &mut dice, true),
            expected,
            "late, seed {seed}"
        );
    }
    assert!(periods > 30, "{periods}");
}
