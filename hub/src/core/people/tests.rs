use std::collections::BTreeMap;

use gatepost_dashboard::{
    ports::{AlertAct, EpisodeAct},
    view::{AuditEntry, EpisodeState, EpisodeView},
};
use gatepost_model::{
    Site,
    alert::{AlertKind, AlertState, Outcome, Severity},
    recipient::Recipient,
};
use serde_json::json;

use super::*;
use crate::core::{
    Core, Decision, Settings,
    input::{Effect, Input},
    state::{AnyRow, Change, SiteState},
    testing::{Log, site, wall},
};

mod fever;

/// 15:31 on the site.
const NOW: &str = "2026-11-23T07:31:00Z";

fn at(seconds: i64) -> Wall {
    wall(NOW).plus_micros(seconds * 1_000_000)
}

/// A hub with its trail of audit.
struct Desk {
    core: Core,
    trail: Vec<AuditEntry>,
}

impl Desk {
    fn new() -> Self {
        let core = Core::new(Settings::new("0123456789abcdef".to_owned()));
        let mut desk = Self {
            core,
            trail: Vec::new(),
        };
        desk.turn(0, [Input::Site(site())]);
        desk
    }

    fn turn(&mut self, seconds: i64, inputs: impl IntoIterator<Item = Input>) -> Decision {
        let decision = self.core.decide(at(seconds), inputs);
        self.core.apply(&decision.commit);
        for change in &decision.commit.changes {
            if let Change::Put(_, AnyRow::Audit(entry)) = change {
                self.trail.push(entry.clone());
            }
        }
        decision
    }

    fn ask(
        &mut self,
        seconds: i64,
        by: &str,
        key: Option<&str>,
        act: Act,
    ) -> Result<Answer, CommandError> {
        let command = Command {
            by: by.to_owned(),
            key: key.map(str::to_owned),
            act,
        };
        let input = Input::Command { ticket: 1, command };
        let mut effects = self.turn(seconds, [input]).effects.into_iter();
        let answer = effects.find_map(|effect| match effect {
            Effect::Answer { answer, .. } => Some(answer),
            Effect::Ack { .. } | Effect::Say { .. } | Effect::Send(_) => None,
        });
        answer.unwrap()
    }

    fn site(&self) -> &SiteState {
        &self.core.state().sites["s"]
    }

    fn episode(&self) -> &EpisodeView {
        self.site().episodes.values().next().unwrap()
    }
}

/// A log whose events happened `ago` seconds before the batch was sent.
fn screenings(verdicts: &[(&str, u32, &str)], ago: i64) -> Log {
    let mut log = Log::new("gate-1", "a");
    for (index, (id, attempt, verdict)) in (0..).zip(verdicts) {
        let mono_us = u64::try_from(600 - ago).unwrap() * 1_000_000 + index;
        let fields = json!({ "lane": "people", "id": id, "attempt": attempt, "skin_c": 36.6,
            "ambient_c": 18.4, "baseline_c": 34.7, "delta_c": 1.9, "rule": "rel-1",
            "verdict": verdict });
        log.event(mono_us, "screening", fields);
    }
    log
}

#[test]
fn a_roll_call_begins_the_headcount_anew_and_shows_the_correction() {
    let mut desk = Desk::new();
    let mut log = Log::new("gate-1", "a");
    for second in [100, 110, 120] {
        log.passage(second * 1_000_000);
    }
    desk.turn(0, [log.input(0..2, at(0))]);
    let act = Act::RollCall {
        site: "s".parse().unwrap(),
        zone: None,
        count: 7,
    };
    let Ok(Answer::RollCall(called)) = desk.ask(60, "wang", None, act) else {
        panic!("no roll-call");
    };
    assert_eq!((called.estimate, called.correction), (Some(2), Some(5)));
    // What happened before it and arrives after it is in the count already.
    desk.turn(90, [log.input(2..3, at(0))]);
    assert_eq!(desk.site().tally(None).unwrap().raw(), 7);
    log.passage(650_000_000);
    let mut header = log.header(3..4);
    header.sent.mono_us = 700_000_000;
    desk.turn(120, [log.input_with(&header, 3..4, at(120))]);
    assert_eq!(desk.site().tally(None).unwrap().raw(), 8);
    let nowhere = Act::RollCall {
        site: "s".parse().unwrap(),
        zone: Some(gatepost_model::Zone::Living),
        count: 1,
    };
    let refused = desk.ask(130, "wang", None, nowhere);
    assert!(matches!(refused, Err(CommandError::Refused(_))));
}

fn hand() -> HandRound {
    serde_json::from_value(json!({ "zone": "living", "started": "2026-11-23T06:10:00Z",
        "ended": "2026-11-23T06:40:00Z", "reason": "the unit is being repaired",
        "agent": "chlorine", "concentration": "500 mg/l", "contact_min": 30 }))
    .unwrap()
}

/// The verdict on the living zone's second slot of the day, 14:00 to 17:00 on the site.
fn verdict(desk: &Desk) -> (Verdict, usize) {
    let mut rows = desk.site().slots.values();
    let row = rows
        .find(|row| row.slot.id == "living-2026-11-23-2")
        .unwrap();
    (row.verdict, row.history.len())
}

#[test]
fn a_round_by_hand_corrects_the_verdict_and_both_stay() {
    let mut desk = Desk::new();
    let log = screenings(&[("p1", 1, "normal")], 5);
    desk.turn(0, [log.input(0..1, at(0))]);
    // 17:10: the window is over, and nobody watched it.
    let evening = 100 * 60;
    desk.turn(evening, [Input::Tick]);
    assert_eq!(verdict(&desk).0, Verdict::Unknown);
    let round = |round| Act::Round {
        site: "s".parse().unwrap(),
        round,
    };
    let future = HandRound {
        ended: at(evening + 3_600),
        ..hand()
    };
    let refused = desk.ask(evening + 1, "li", None, round(future));
    assert!(matches!(refused, Err(CommandError::Refused(_))));
    let first = desk
        .ask(evening + 2, "li", Some("k1"), round(hand()))
        .unwrap();
    desk.turn(evening + 3, [Input::Tick]);
    assert_eq!(verdict(&desk), (Verdict::Done, 1));
    // The same key again is the same command again; another command under it is refused.
    let Ok(Answer::Again(again)) = desk.ask(evening + 4, "li", Some("k1"), round(hand())) else {
        panic!("it was done twice");
    };
    assert_eq!(again, serde_json::to_value(&first).unwrap());
    assert_eq!(desk.site().hand_rounds.len(), 1);
    let other = desk.ask(evening + 5, "zhao", Some("k1"), round(hand()));
    assert!(matches!(other, Err(CommandError::Refused(_))));
    // A day later the key is free.
    desk.turn(evening + 90_000, [Input::Tick]);
    assert!(desk.site().said.is_empty());
}

#[test]
fn a_round_that_need_not_be_done_is_excused_with_its_reason() {
    let mut desk = Desk::new();
    let log = screenings(&[("p1", 1, "normal")], 5);
    desk.turn(0, [log.input(0..1, at(0)), Input::Tick]);
    let excuse = |slot: &str| Act::Excuse {
        site: "s".parse().unwrap(),
        slot: slot.to_owned(),
        reason: "rain".to_owned(),
    };
    desk.ask(10, "li", None, excuse("living-2026-11-23-2"))
        .unwrap();
    let nowhere = desk.ask(11, "li", None, excuse("living-2031-01-01-2"));
    assert!(matches!(nowhere, Err(CommandError::NotFound { .. })));
    desk.turn(100 * 60, [Input::Tick]);
    assert_eq!(verdict(&desk).0, Verdict::Excused);
}

#[test]
fn entries_balance_by_day() {
    let mut desk = Desk::new();
    let mut log = Log::new("gate-1", "a");
    for outcome in ["admitted", "admitted", "refused", "isolated"] {
        log.event(
            590_000_000,
            "entry",
            json!({ "lane": "people", "outcome": outcome }),
        );
    }
    desk.turn(0, [log.input(0..4, at(0))]);
    let by_hand = |reason: Option<&str>| Act::Entry {
        site: "s".parse().unwrap(),
        lane: "people".parse().unwrap(),
        outcome: EntryOutcome::Refused,
        reason: reason.map(str::to_owned),
    };
    let refused = desk.ask(1, "li", None, by_hand(None));
    assert!(matches!(refused, Err(CommandError::Refused(_))));
    let Ok(Answer::Entries(day)) = desk.ask(2, "li", None, by_hand(Some("no certificate"))) else {
        panic!("not counted");
    };
    assert_eq!((day.admitted, day.refused, day.isolated), (2, 2, 1));
    assert_eq!(
        (day.date.as_str(), day.reasons["no certificate"]),
        ("2026-11-23", 1)
    );
}

#[test]
fn the_trail_shows_what_was_changed_left_out_or_put_in() {
    let mut desk = Desk::new();
    for count in 0..4 {
        let act = Act::RollCall {
            site: "s".parse().unwrap(),
            zone: None,
            count,
        };
        desk.ask(i64::try_from(count).unwrap(), "wang", None, act)
            .unwrap();
    }
    let trail = desk.trail.clone();
    assert_eq!(trail.len(), 4);
    assert!(verify(&trail));
    let tampered = |change: &dyn Fn(&mut Vec<AuditEntry>)| {
        let mut trail = trail.clone();
        change(&mut trail);
        verify(&trail)
    };
    assert!(!tampered(&|trail| trail[1].by = "li".to_owned()));
    assert!(!tampered(
        &|trail| trail[1].act = Some(json!({ "roll_call": 9 }))
    ));
    assert!(!tampered(&|trail| drop(trail.remove(2))));
    assert!(!tampered(&|trail| trail.swap(1, 2)));
    // Erasing what an act said leaves the chain whole.
    assert!(tampered(&|trail| trail[1].act = None));
}

#[test]
fn a_shift_is_handed_over_and_what_was_taken_waits_for_all_again() {
    let mut desk = Desk::new();
    let mut log = Log::new("gate-1", "a");
    for person in ["p1", "p2"] {
        let fever = json!({ "lane": "people", "id": person, "attempt": 1, "skin_c": 37.9,
            "rule": "rel-1", "verdict": "fever" });
        log.event(590_000_000, "screening", fever);
    }
    desk.turn(0, [log.input(0..2, at(0))]);
    let take = |alert| Act::Alert {
        alert,
        version: None,
        note: None,
        act: AlertAct::Acknowledge,
    };
    desk.ask(1, "wang", None, take(1)).unwrap();
    desk.ask(1, "zhao", None, take(2)).unwrap();
    // A lane's sensor, which waits for a part.
    let broken = json!({ "sensor": "people-ir", "code": "stuck", "detail": "" });
    log.event(591_000_000, "fault", broken);
    desk.turn(1, [log.input(2..3, at(0))]);
    desk.ask(1, "wang", None, take(3)).unwrap();
    let shelve = Act::Alert {
        alert: 3,
        version: None,
        note: Some("the part is ordered".to_owned()),
        act: AlertAct::Shelve { until: at(3_600) },
    };
    desk.ask(1, "wang", None, shelve).unwrap();
    let offer = |to: &str| Act::HandOver {
        site: "s".parse().unwrap(),
        to: to.to_owned(),
        note: Some("the lamp is broken".to_owned()),
    };
    let sign = Act::AcceptHandOver {
        site: "s".parse().unwrap(),
        id: 1,
    };
    let own = desk.ask(2, "wang", None, offer("wang"));
    assert!(matches!(own, Err(CommandError::Refused(_))), "{own:?}");
    let Ok(Answer::HandOver(offered)) = desk.ask(2, "wang", None, offer("li")) else {
        panic!("no hand-over");
    };
    let owners: Vec<_> = offered
        .alerts
        .iter()
        .map(|it| it.owner.as_deref())
        .collect();
    assert_eq!(owners, [Some("wang"), Some("zhao"), Some("wang")]);
    assert_eq!(offered.accepted_at, None);
    // Another offer while one waits, and another's signature, are refused.
    let other = desk.ask(3, "zhao", None, offer("chen"));
    assert!(matches!(other, Err(CommandError::Conflict(_))), "{other:?}");
    let other = desk.ask(3, "chen", None, sign.clone());
    assert!(matches!(other, Err(CommandError::Refused(_))), "{other:?}");
    let Ok(Answer::HandOver(taken)) = desk.ask(600, "li", None, sign.clone()) else {
        panic!("not taken over");
    };
    assert_eq!(
        (taken.accepted_at, &taken.returned[..]),
        (Some(at(600)), &[1, 3][..])
    );
    let states: Vec<AlertState> = desk.core.state().alerts.all().map(|it| it.state).collect();
    let [raised, taken_by_zhao, waits] = states[..] else {
        panic!("{states:?}")
    };
    assert_eq!(raised, AlertState::Raised);
    assert_eq!(taken_by_zhao, AlertState::Acknowledged);
    assert_eq!(waits, AlertState::Shelved);
    // It waits for an answer since then, and not since it was raised.
    let severity = |desk: &Desk| desk.core.state().alerts.get(1).unwrap().severity;
    desk.turn(899, [Input::Tick]);
    assert_eq!(severity(&desk), Severity::Major);
    desk.turn(900, [Input::Tick]);
    assert_eq!(severity(&desk), Severity::Critical);
    // Signed once, and kept.
    let again = desk.ask(901, "li", None, sign);
    assert_eq!(again, Ok(Answer::HandOver(taken)));
    // What waits comes back to all, not to who left.
    desk.turn(3_601, [Input::Tick]);
    let back = desk.core.state().alerts.get(3).unwrap();
    assert_eq!(
        (back.state, back.acknowledged_by.as_deref()),
        (AlertState::Raised, None)
    );
    assert!(verify(&desk.trail));
}

#[test]
fn the_isolation_register_is_in_minus_released() {
    let mut desk = Desk::new();
    let isolated = || Act::Entry {
        site: "s".parse().unwrap(),
        lane: "people".parse().unwrap(),
        outcome: EntryOutcome::Isolated,
        reason: None,
    };
    let release = |count| Act::Release {
        site: "s".parse().unwrap(),
        count,
        reason: "well".to_owned(),
    };
    let none = desk.ask(0, "wang", None, release(1));
    assert!(matches!(none, Err(CommandError::Refused(_))), "{none:?}");
    for second in 0..3 {
        desk.ask(second, "wang", None, isolated()).unwrap();
    }
    // The next day.
    let Ok(Answer::Isolation(known)) = desk.ask(40_000, "li", None, release(2)) else {
        panic!("nobody was released");
    };
    assert_eq!((known.into, known.released, known.present), (3, 2, 1));
    let days: Vec<_> = known
        .days
        .iter()
        .map(|day| (day.isolated, day.released))
        .collect();
    assert_eq!(days, [(0, 2), (3, 0)]);
    let more = desk.ask(40_001, "li", None, release(2));
    assert!(matches!(more, Err(CommandError::Refused(_))), "{more:?}");
}
