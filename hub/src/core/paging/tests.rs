use std::collections::BTreeMap;

use gatepost_dashboard::{
    ports::{Act, AlertAct, Command},
    view::{AlertView, Subject},
};
use gatepost_model::{
    Site, Wall,
    alert::{AlertKind, AlertState, Severity},
};

use super::*;
use crate::core::{
    Core, Decision, Settings,
    alerts::{BookDraft, Cause, Occurrence},
    input::{Effect, Input},
    state::Change,
    testing::wall,
};

/// 15:31 on the site, a Monday.
const NOW: &str = "2026-11-23T07:31:00Z";

fn at(seconds: i64) -> Wall {
    wall(NOW).plus_micros(seconds * 1_000_000)
}

fn site(recipients: &str) -> Site {
    toml::from_str(&format!(
        r#"
        id = "s"
        time_zone = "Asia/Shanghai"
        name = {{ zh = "一号", en = "One" }}
        {recipients}
        "#
    ))
    .unwrap()
}

const GUARD: &str = r#"
    [[recipient]]
    name = "guard"
    channel = "robot"
"#;

/// A hub with people to tell.
struct Desk {
    core: Core,
    sent: Vec<(i64, Dispatch)>,
}

impl Desk {
    fn new(recipients: &str) -> Self {
        let mut desk = Self {
            core: Core::new(Settings::new("0123456789abcdef".to_owned())),
            sent: Vec::new(),
        };
        desk.turn(0, Input::Site(site(recipients)));
        desk
    }

    fn turn(&mut self, seconds: i64, input: Input) {
        let decision = self.core.decide(at(seconds), [input]);
        self.core.apply(&decision.commit);
        self.note(seconds, decision);
    }

    fn note(&mut self, seconds: i64, decision: Decision) {
        for effect in decision.effects {
            if let Effect::Send(dispatch) = effect {
                self.sent.push((seconds, *dispatch));
            }
        }
    }

    /// An alert of a kind about a unit.
    fn raise(&mut self, seconds: i64, unit: &str, severity: Severity) -> u64 {
        let cause = Cause {
            site: "s".parse().unwrap(),
            kind: AlertKind::Loss,
            subject: Subject {
                unit: Some(unit.parse().unwrap()),
                ..Subject::default()
            },
        };
        let occurrence = Occurrence {
            happened_at: at(seconds),
            params: BTreeMap::new(),
            is_old: false,
        };
        let mut draft = BookDraft::new(&self.core.state().alerts, 0);
        let (id, _) = draft.raise(&cause, severity, occurrence, at(seconds));
        let changed: Vec<AlertView> = draft.into_changed().collect();
        for alert in changed {
            self.core.state_mut().apply(&Change::Alert(alert));
        }
        id
    }

    fn tick(&mut self, seconds: i64) {
        self.turn(seconds, Input::Tick);
    }

    fn answer(&mut self, seconds: i64, result: Result<&str, Failure>) {
        let dispatch = self.sent.last().unwrap().1.id;
        let result = result.map(str::to_owned);
        self.turn(seconds, Input::Sent { dispatch, result });
    }

    fn acknowledge(&mut self, seconds: i64, alert: u64) {
        self.act(seconds, alert, AlertAct::Acknowledge, None);
    }

    fn act(&mut self, seconds: i64, alert: u64, act: AlertAct, note: Option<&str>) {
        let command = Command {
            by: "wang".to_owned(),
            key: None,
            act: Act::Alert {
                alert,
                version: None,
                note: note.map(str::to_owned),
                act,
            },
        };
        self.turn(seconds, Input::Command { ticket: 1, command });
    }

    /// When something was sent, to whom, and about how many alerts.
    fn log(&self) -> Vec<(i64, &str, usize)> {
        let sent = self.sent.iter();
        sent.map(|(seconds, dispatch)| {
            let first = &dispatch.messages[0];
            (*seconds, first.recipient.as_str(), dispatch.messages.len())
        })
        .collect()
    }

    fn states(&self) -> Vec<MessageState> {
        self.core.state().post.all().map(|row| row.state).collect()
    }
}

#[test]
fn a_storm_is_one_message_and_a_digest() {
    let mut desk = Desk::new(GUARD);
    for cause in 0..500 {
        let seconds = cause / 50;
        desk.raise(seconds, &format!("gate-{cause}"), Severity::Major);
        if cause % 50 == 49 {
            desk.tick(seconds);
            if desk.sent.len() == 1 && desk.states().contains(&MessageState::Sending) {
                desk.answer(seconds, Ok("ok"));
            }
        }
    }
    for seconds in 10..200 {
        desk.tick(seconds);
        if desk.states().contains(&MessageState::Sending) {
            desk.answer(seconds, Ok("ok"));
        }
    }
    let log = desk.log();
    assert_eq!(log.len(), 2, "{log:?}");
    assert!(log[1].0 - log[0].0 >= 60, "{log:?}");
    assert_eq!(log.iter().map(|(.., alerts)| alerts).sum::<usize>(), 500);
}

#[test]
fn what_is_critical_does_not_wait_for_the_digest() {
    let mut desk = Desk::new(GUARD);
    desk.raise(0, "gate-1", Severity::Minor);
    desk.tick(0);
    desk.answer(1, Ok("ok"));
    desk.raise(2, "gate-2", Severity::Minor);
    desk.raise(2, "gate-3", Severity::Critical);
    (2..9).for_each(|seconds| desk.tick(seconds));
    assert_eq!(desk.log(), [(0, "guard", 1), (7, "guard", 2)]);
    // The most severe is named first.
    assert_eq!(desk.sent[1].1.messages[0].severity, Severity::Critical);
}

#[test]
fn a_chain_goes_on_until_somebody_answers() {
    let chain = r#"
        [[recipient]]
        name = "guard"
        channel = "robot"

        [[recipient]]
        name = "chief"
        channel = "mail"
        to = "chief@example.org"
        after_min = 10

        [[recipient]]
        name = "town"
        channel = "mail"
        to = "town@example.org"
        after_min = 30
    "#;
    let mut desk = Desk::new(chain);
    let alert = desk.raise(0, "gate-1", Severity::Major);
    for seconds in (0..3_600).step_by(60) {
        desk.tick(seconds);
        if desk.states().contains(&MessageState::Sending) {
            desk.answer(seconds, Ok("ok"));
        }
        if seconds == 900 {
            desk.acknowledge(seconds, alert);
        }
    }
    assert_eq!(desk.log(), [(0, "guard", 1), (600, "chief", 1)]);
}

#[test]
fn quiet_hours_and_duty_are_kept() {
    // It is Monday, 15:31.
    let people = r#"
        [[recipient]]
        name = "asleep"
        channel = "a"
        quiet = [{ start = "15:00", end = "16:00" }]

        [[recipient]]
        name = "next shift"
        channel = "b"
        duty = [{ start = "17:00", end = "18:00", on = ["mon"] }]

        [[recipient]]
        name = "on duty"
        channel = "c"
        duty = [{ start = "08:00", end = "20:00" }]

        [[recipient]]
        name = "only critical"
        channel = "d"
        least = "critical"
    "#;
    let mut desk = Desk::new(people);
    desk.raise(0, "gate-1", Severity::Major);
    (0..180).for_each(|minute| desk.tick(minute * 60));
    let log: Vec<_> = desk
        .log()
        .iter()
        .map(|(at, who, _)| (at / 60, *who))
        .collect();
    assert_eq!(log, [(0, "on duty"), (29, "asleep"), (89, "next shift")]);
    desk.raise(0, "gate-2", Severity::Critical);
    desk.sent.clear();
    let critical: Vec<String> = {
        desk.tick(180 * 60);
        desk.log()
            .iter()
            .map(|(_, who, _)| (*who).to_owned())
            .collect()
    };
    assert_eq!(
        critical,
        ["only critical"],
        "the others still wait for an answer"
    );
}

#[test]
fn a_failure_is_tried_again_ever_later_and_ends_as_an_alert() {
    let mut desk = Desk::new(&format!(
        "{GUARD}
        [[recipient]]
        name = \"chief\"
        channel = \"mail\"
        to = \"chief@example.org\"
        least = \"major\"
        "
    ));
    desk.raise(0, "gate-1", Severity::Minor);
    let later = Failure::Retry {
        after_us: None,
        why: "no route".to_owned(),
    };
    let mut tried = Vec::new();
    for seconds in 0..200 {
        let before = desk.sent.len();
        desk.tick(seconds);
        if desk.sent.len() > before {
            tried.push(seconds);
            desk.answer(seconds, Err(later.clone()));
        }
    }
    assert_eq!(tried, [0, 10, 30, 70, 150]);
    // A channel that says when is obeyed; that it fails for five minutes is told over the other.
    desk.tick(310);
    let banned = Failure::Retry {
        after_us: Some(3_000_000_000),
        why: "45009".to_owned(),
    };
    desk.answer(310, Err(banned));
    desk.tick(311);
    assert_eq!(desk.log().last(), Some(&(311, "chief", 1)));
    desk.answer(311, Ok("ok"));
    (312..3_310).for_each(|seconds| desk.tick(seconds));
    assert_eq!(desk.sent.len(), 7);
    desk.tick(3_310);
    assert_eq!(desk.log().last(), Some(&(3_310, "guard", 1)));
    let refused = Failure::Refused {
        why: "93000".to_owned(),
    };
    desk.answer(3_310, Err(refused));
    assert_eq!(desk.states()[0], MessageState::Failed);
    let failed: Vec<_> = desk.core.state().alerts.open().collect();
    let failed = failed
        .iter()
        .find(|it| it.kind == AlertKind::DeliveryFailed);
    let failed = failed.unwrap();
    assert_eq!(failed.subject.id.as_deref(), Some("robot/guard"));
    assert_eq!((failed.count, failed.raised_at), (1, at(310)));
    // Of a channel that fails nobody is told over it, and nobody twice.
    (3_311..3_500).for_each(|seconds| desk.tick(seconds));
    assert_eq!(desk.sent.len(), 8);
}

#[test]
fn what_is_critical_is_tried_every_minute_and_waits_for_nothing_else() {
    let mut desk = Desk::new(GUARD);
    desk.raise(0, "gate-1", Severity::Minor);
    let later = || Failure::Retry {
        after_us: None,
        why: "no route".to_owned(),
    };
    let mut tried = Vec::new();
    for seconds in 0..3_000 {
        if seconds == 2_000 {
            desk.raise(seconds, "gate-2", Severity::Critical);
        }
        let before = desk.sent.len();
        desk.tick(seconds);
        if desk.sent.len() > before {
            tried.push(seconds);
            desk.answer(seconds, Err(later()));
        }
    }
    let critical: Vec<i64> = tried.into_iter().filter(|it| *it >= 2_000).collect();
    assert_eq!(critical[..4], [2_000, 2_010, 2_030, 2_070]);
    let waits: Vec<i64> = critical.windows(2).map(|two| two[1] - two[0]).collect();
    assert!(waits[3..].iter().all(|wait| *wait <= 60), "{waits:?}");
    let told = desk.core.state().alerts.all();
    let told = told.filter(|it| it.kind == AlertKind::DeliveryFailed);
    assert_eq!(told.map(|it| it.count).collect::<Vec<_>>(), [1]);
}

#[test]
fn what_another_explained_for_a_while_is_told_when_it_is_not_explained_any_more() {
    let mut desk = Desk::new(GUARD);
    desk.raise(0, "gate-1", Severity::Minor);
    desk.tick(0);
    desk.answer(0, Ok("ok"));
    // It waits for its pace when its parent is found.
    let child = desk.raise(1, "gate-2", Severity::Minor);
    desk.tick(1);
    let mut under = |seconds, parent| {
        let mut alert = desk.core.state().alerts.get(child).unwrap().clone();
        alert.parent = parent;
        alert.version += 1;
        desk.core.state_mut().apply(&Change::Alert(alert));
        desk.tick(seconds);
        desk.states()
    };
    let dropped = [MessageState::Sent, MessageState::Dropped];
    assert_eq!(under(2, Some(1)), dropped);
    let states = under(300, None);
    assert_eq!(states[..2], dropped);
    assert_eq!(states[2..], [MessageState::Sending]);
    assert_eq!(desk.log().last(), Some(&(300, "guard", 1)));
}

#[test]
fn numbers_go_on_after_all_is_forgotten() {
    let mut desk = Desk::new(GUARD);
    let days = 86_400;
    for n in 0..3 {
        let alert = desk.raise(n * 60 * days, "gate-1", Severity::Minor);
        desk.tick(n * 60 * days);
        desk.answer(n * 60 * days, Ok("ok"));
        let resolve = AlertAct::Resolve { outcome: None };
        desk.act(n * 60 * days, alert, resolve, None);
        (31..33).for_each(|day| desk.tick((n * 60 + day) * days));
        let kept: Vec<u64> = desk.core.state().post.all().map(|row| row.id).collect();
        assert_eq!(kept, [n.unsigned_abs() + 1]);
    }
    let sent: Vec<u64> = desk.sent.iter().map(|(_, sent)| sent.id).collect();
    assert_eq!(sent, [1, 2, 3]);
}

#[test]
fn what_was_answered_before_it_was_sent_is_dropped() {
    let mut desk = Desk::new(GUARD);
    desk.raise(0, "gate-1", Severity::Minor);
    desk.tick(0);
    desk.answer(0, Ok("ok"));
    let alert = desk.raise(1, "gate-2", Severity::Minor);
    desk.tick(1);
    desk.acknowledge(2, alert);
    (3..100).for_each(|seconds| desk.tick(seconds));
    assert_eq!(desk.states(), [MessageState::Sent, MessageState::Dropped]);
    assert_eq!(desk.sent.len(), 1);
}

/// Killed at every step of a message's life: it is sent once, or once more and marked.
#[test]
fn a_crash_loses_no_message_and_repeats_at_most_one() {
    for crash in 0..6 {
        let mut desk = Desk::new(GUARD);
        desk.raise(0, "gate-1", Severity::Major);
        let mut kept = desk.core.clone();
        let mut arrived = Vec::new();
        let steps: [&dyn Fn(&Core) -> Decision; 3] = [
            &|core| core.decide(at(0), [Input::Tick]),
            &|core| core.decide(at(1), [Input::Tick]),
            &|core| {
                let sending = core.state().post.all().find_map(|row| row.dispatch);
                let result = Ok("ok".to_owned());
                let dispatch = sending.unwrap_or(0);
                core.decide(at(2), [Input::Sent { dispatch, result }])
            },
        ];
        for (n, step) in steps.into_iter().enumerate() {
            let decision = step(&kept);
            // Before the commit nothing has happened; after it the effects may be lost.
            if crash == n * 2 {
                break;
            }
            kept.apply(&decision.commit);
            if crash == n * 2 + 1 {
                break;
            }
            arrived.extend(sends(decision));
        }
        // What is not stored is forgotten: whom to look at is found out again.
        let mut restarted = Core::new(kept.settings().clone());
        restarted.state_mut().apply(&Change::Site(site(GUARD)));
        for row in kept.state().post.all() {
            restarted.state_mut().apply(&Change::Message(row.clone()));
        }
        for alert in kept.state().alerts.all() {
            restarted.state_mut().apply(&Change::Alert(alert.clone()));
        }
        let started = restarted.decide(at(3), [Input::Started]);
        restarted.apply(&started.commit);
        for seconds in 4..200 {
            let decision = restarted.decide(at(seconds), [Input::Tick]);
            restarted.apply(&decision.commit);
            let sent = sends(decision);
            for dispatch in &sent {
                let result = Ok("ok".to_owned());
                let id = dispatch.id;
                let input = Input::Sent {
                    dispatch: id,
                    result,
                };
                let decision = restarted.decide(at(seconds), [input]);
                restarted.apply(&decision.commit);
            }
            arrived.extend(sent);
        }
        assert!(
            (1..=2).contains(&arrived.len()),
            "crash {crash}: {arrived:?}"
        );
        if arrived.len() == 2 {
            assert!(arrived[1].repeated, "crash {crash}");
        }
        let states: Vec<_> = restarted.state().post.all().map(|row| row.state).collect();
        assert_eq!(states, [MessageState::Sent], "crash {crash}");
        let alert = restarted.state().alerts.get(1).unwrap();
        assert_eq!(alert.state, AlertState::Raised);
    }
}

fn sends(decision: Decision) -> Vec<Dispatch> {
    let effects = decision.effects.into_iter();
    effects
        .filter_map(|effect| match effect {
            Effect::Send(dispatch) => Some(*dispatch),
            _ => None,
        })
        .collect()
}

#[test]
fn old_news_tells_nobody() {
    let mut desk = Desk::new(GUARD);
    let cause = Cause {
        site: "s".parse().unwrap(),
        kind: AlertKind::Loss,
        subject: Subject::default(),
    };
    let occurrence = Occurrence {
        happened_at: at(-100_000),
        params: BTreeMap::new(),
        is_old: true,
    };
    let mut draft = BookDraft::new(&desk.core.state().alerts, 0);
    draft.raise(&cause, Severity::Major, occurrence, at(0));
    let changed: Vec<AlertView> = draft.into_changed().collect();
    for alert in changed {
        desk.core.state_mut().apply(&Change::Alert(alert));
    }
    (0..100).for_each(|seconds| desk.tick(seconds));
    assert!(desk.sent.is_empty() && desk.states().is_empty());
}

#[test]
fn what_is_critical_is_reminded_of_and_what_comes_back_is_told_again() {
    let mut desk = Desk::new(GUARD);
    desk.raise(0, "gate-1", Severity::Critical);
    let minutes = |desk: &mut Desk, range: std::ops::Range<i64>| {
        for minute in range {
            desk.tick(minute * 60);
            if desk.states().contains(&MessageState::Sending) {
                desk.answer(minute * 60, Ok("ok"));
            }
        }
    };
    minutes(&mut desk, 0..600);
    let at: Vec<i64> = desk.log().iter().map(|(at, ..)| at / 60).collect();
    assert_eq!(at, [0, 15, 30, 45, 60, 75, 90, 105, 120]);
    // It was critical from the start: that it became so would not be true.
    let said = desk.sent.iter().map(|(_, sent)| sent.messages[0].said);
    assert_eq!(
        said.take(2).collect::<Vec<_>>(),
        [Said::Raised, Said::Reminded(1)]
    );

    // Minor things are told once, and again when they come back from the shelf.
    let mut desk = Desk::new(GUARD);
    let alert = desk.raise(0, "gate-1", Severity::Minor);
    minutes(&mut desk, 0..30);
    let until = at_minute(90);
    let shelve = AlertAct::Shelve { until };
    desk.act(1_800, alert, shelve, Some("the part is ordered"));
    minutes(&mut desk, 31..200);
    let at: Vec<i64> = desk.log().iter().map(|(at, ..)| at / 60).collect();
    assert_eq!(at.len(), 2, "{at:?}");
    assert!((90..=92).contains(&at[1]), "{at:?}");
}

fn at_minute(minute: i64) -> Wall {
    at(minute * 60)
}
