use gatepost_dashboard::ports::{AlertAct, Answer, CommandError};
use proptest::prelude::*;

use super::*;
use crate::core::testing::wall;

const AT: &str = "2026-11-23T07:31:00Z";
const HOLD_US: i64 = 120_000_000;

fn at(seconds: i64) -> Wall {
    wall(AT).plus_micros(seconds * 1_000_000)
}

fn cause(kind: AlertKind) -> Cause {
    Cause {
        site: "s".parse().unwrap(),
        kind,
        subject: Subject {
            unit: Some("gate-1".parse().unwrap()),
            ..Subject::default()
        },
    }
}

fn happened(seconds: i64) -> Occurrence {
    Occurrence {
        happened_at: at(seconds),
        params: BTreeMap::new(),
        is_old: false,
    }
}

/// One turn's changes, taken over.
fn turn<T>(book: &mut Book, change: impl FnOnce(&mut BookDraft<'_>) -> T) -> T {
    let mut draft = BookDraft::new(book, HOLD_US);
    let answer = change(&mut draft);
    let changed: Vec<_> = draft.into_changed().collect();
    changed.into_iter().for_each(|alert| book.put(alert));
    answer
}

fn raise(book: &mut Book, kind: AlertKind, seconds: i64) -> (u64, bool) {
    turn(book, |draft| {
        draft.raise(
            &cause(kind),
            Severity::Minor,
            happened(seconds),
            at(seconds),
        )
    })
}

fn person(by: &str, version: Option<u64>) -> Person {
    Person {
        by: by.to_owned(),
        note: None,
        version,
    }
}

const OVER: AlertAct = AlertAct::Resolve {
    outcome: Some(Outcome::FalseReading),
};

fn act(
    book: &mut Book,
    id: u64,
    act: &AlertAct,
    by: &str,
    version: Option<u64>,
    seconds: i64,
) -> Result<AlertView, CommandError> {
    turn(book, |draft| {
        draft.act(id, act, person(by, version), at(seconds))
    })
}

fn conflict(alert: &AlertView) -> CommandError {
    CommandError::Conflict(Box::new(Answer::Alert(Box::new(alert.clone()))))
}

fn states(book: &Book) -> Vec<(AlertState, u64)> {
    book.all().map(|alert| (alert.state, alert.count)).collect()
}

#[test]
fn a_cause_has_one_alert_while_it_is_open() {
    let mut book = Book::default();
    assert_eq!(raise(&mut book, AlertKind::SensorFault, 0), (1, true));
    assert_eq!(raise(&mut book, AlertKind::SensorFault, 1), (1, false));
    assert_eq!(raise(&mut book, AlertKind::UnitOffline, 1), (2, true));
    let mut elsewhere = cause(AlertKind::SensorFault);
    elsewhere.subject.unit = Some("gate-2".parse().unwrap());
    let new = turn(&mut book, |draft| {
        draft.raise(&elsewhere, Severity::Minor, happened(2), at(2))
    });
    assert_eq!(new, (3, true));
    let open = AlertState::Raised;
    assert_eq!(states(&book), [(open, 2), (open, 1), (open, 1)]);
    // What only repeats itself does not fill the history.
    for second in 3..300 {
        raise(&mut book, AlertKind::SensorFault, second);
    }
    let alert = book.get(1).unwrap();
    assert_eq!((alert.count, alert.history.len()), (299, 2));
    assert_eq!(
        alert.version, 1,
        "a person may answer the alert as it was seen"
    );
}

#[test]
fn what_goes_away_is_resolved_when_it_stays_away() {
    let mut book = Book::default();
    let offline = cause(AlertKind::UnitOffline);
    raise(&mut book, AlertKind::UnitOffline, 0);
    turn(&mut book, |draft| draft.clear(&offline, at(10), at(10)));
    turn(&mut book, |draft| draft.settle(at(129)));
    assert_eq!(states(&book), [(AlertState::Raised, 1)]);
    // It came back within the hold: one alert, counted.
    raise(&mut book, AlertKind::UnitOffline, 129);
    turn(&mut book, |draft| draft.settle(at(500)));
    assert_eq!(states(&book), [(AlertState::Raised, 2)]);
    turn(&mut book, |draft| draft.clear(&offline, at(500), at(500)));
    turn(&mut book, |draft| draft.settle(at(620)));
    let alert = book.get(1).unwrap();
    assert_eq!(alert.outcome, Some(Outcome::Cleared));
    assert_eq!(alert.resolved_at, Some(at(620)));
    // And again, long after, is a new one.
    assert_eq!(raise(&mut book, AlertKind::UnitOffline, 1_300), (2, true));
}

#[test]
fn what_cannot_go_away_stays_until_a_person_resolves_it() {
    for kind in AlertKind::ALL
        .into_iter()
        .filter(|kind| !clears_itself(*kind))
    {
        let mut book = Book::default();
        raise(&mut book, kind, 0);
        turn(&mut book, |draft| draft.clear(&cause(kind), at(1), at(1)));
        turn(&mut book, |draft| draft.settle(at(100_000)));
        assert_eq!(states(&book), [(AlertState::Raised, 1)], "{kind:?}");
        let said = act(&mut book, 1, &OVER, "wang", None, 100_001);
        assert_eq!(said.unwrap().outcome, Some(Outcome::FalseReading));
    }
}

#[test]
fn after_an_answer_what_comes_anew_is_a_new_alert() {
    let mut book = Book::default();
    let acknowledge = |book: &mut Book, id| {
        act(book, id, &AlertAct::Acknowledge, "wang", None, 1).unwrap();
    };
    // A unit that is still offline is the same thing; one that was back is not.
    raise(&mut book, AlertKind::UnitOffline, 0);
    acknowledge(&mut book, 1);
    assert_eq!(raise(&mut book, AlertKind::UnitOffline, 2), (1, false));
    turn(&mut book, |draft| {
        draft.clear(&cause(AlertKind::UnitOffline), at(3), at(3))
    });
    assert_eq!(raise(&mut book, AlertKind::UnitOffline, 4), (2, true));
    assert_eq!(book.get(1).unwrap().outcome, Some(Outcome::Cleared));
    // Each loss stands for itself.
    raise(&mut book, AlertKind::Loss, 0);
    acknowledge(&mut book, 3);
    assert_eq!(raise(&mut book, AlertKind::Loss, 5), (4, true));
    assert_eq!(book.get(3).unwrap().state, AlertState::Acknowledged);
}

#[test]
fn old_news_calls_nobody() {
    let mut book = Book::default();
    let old = |seconds| Occurrence {
        is_old: true,
        ..happened(seconds)
    };
    let fault = cause(AlertKind::SensorFault);
    let late = |book: &mut Book, seconds| {
        turn(book, |draft| {
            draft.raise(&fault, Severity::Minor, old(seconds), at(90_000))
        })
    };
    assert_eq!(late(&mut book, 0), (1, true));
    let alert = book.get(1).unwrap();
    assert_eq!(alert.state, AlertState::Resolved);
    assert_eq!(alert.outcome, Some(Outcome::Late));
    // What flapped then is one; what came again after it had stayed away is another.
    let gone = |book: &mut Book, seconds| {
        turn(book, |draft| draft.clear(&fault, at(seconds), at(90_000)));
    };
    gone(&mut book, 30);
    assert_eq!(late(&mut book, 60), (1, false));
    gone(&mut book, 90);
    assert_eq!(late(&mut book, 80_000), (2, true));
    // What lasted and comes again now is the same, and now it calls.
    assert_eq!(raise(&mut book, AlertKind::SensorFault, 90_000), (2, false));
    assert_eq!(book.get(2).unwrap().state, AlertState::Raised);
    // And while that is open, what is old belongs to it.
    assert_eq!(late(&mut book, 80_001), (2, false));
    gone(&mut book, 90_001);
    turn(&mut book, |draft| draft.settle(at(90_200)));
    assert_eq!(raise(&mut book, AlertKind::SensorFault, 91_000), (3, true));
}

#[test]
fn losses_are_summed_up() {
    let mut book = Book::default();
    for n in [3, 4] {
        let mut loss = happened(n);
        loss.params.insert("n".to_owned(), n.into());
        turn(&mut book, |draft| {
            draft.raise(&cause(AlertKind::Loss), Severity::Minor, loss, at(n))
        });
    }
    assert_eq!(book.get(1).unwrap().params["n"], 7);
}

#[test]
fn people_answer_what_they_saw() {
    let mut book = Book::default();
    raise(&mut book, AlertKind::Loss, 0);
    let seen = Some(book.get(1).unwrap().version);
    let first = act(&mut book, 1, &AlertAct::Acknowledge, "wang", seen, 1).unwrap();
    // The same again is done already, by whom it was.
    let second = act(&mut book, 1, &AlertAct::Acknowledge, "li", seen, 2);
    assert_eq!(second, Ok(first.clone()));
    // A change that was not seen is in the way.
    let stale = act(&mut book, 1, &OVER, "li", seen, 3);
    assert_eq!(stale, Err(conflict(&first)));
    let done = act(&mut book, 1, &OVER, "li", Some(first.version), 3).unwrap();
    assert_eq!(done.state, AlertState::Resolved);
    let late = act(&mut book, 1, &AlertAct::Acknowledge, "zhao", None, 4);
    assert_eq!(late, Err(conflict(&done)));
    let nowhere = act(&mut book, 9, &AlertAct::Acknowledge, "zhao", None, 4);
    assert!(matches!(nowhere, Err(CommandError::NotFound { .. })));
}

#[test]
fn what_is_given_to_somebody_is_had_by_them() {
    let mut book = Book::default();
    raise(&mut book, AlertKind::Loss, 0);
    let to = AlertAct::Assign {
        to: "li".to_owned(),
    };
    let given = act(&mut book, 1, &to, "wang", None, 1).unwrap();
    assert_eq!(given.state, AlertState::Acknowledged);
    assert_eq!(given.acknowledged_by.as_deref(), Some("li"));
    let said = given.history.last().unwrap();
    assert_eq!(
        (said.by.as_deref(), said.to.as_deref()),
        (Some("wang"), Some("li"))
    );
    let silent = act(&mut book, 1, &AlertAct::Comment, "li", None, 2);
    assert!(matches!(silent, Err(CommandError::Refused(_))));
}

#[test]
fn what_can_wait_says_why_and_comes_back() {
    let mut book = Book::default();
    raise(&mut book, AlertKind::SensorFault, 0);
    raise(&mut book, AlertKind::FeverSuspected, 0);
    let shelve = |book: &mut Book, id, seconds, note: Option<&str>| {
        let person = Person {
            note: note.map(str::to_owned),
            ..person("wang", None)
        };
        let until = at(seconds);
        turn(book, |draft| {
            draft.act(id, &AlertAct::Shelve { until }, person, at(10))
        })
    };
    let day = LONGEST_SHELF.num_seconds();
    for (id, seconds, note) in [
        (1, 3_600, None),
        (1, 10 + day + 1, Some("the part is ordered")),
        (1, 10, Some("the part is ordered")),
        (2, 3_600, Some("later")),
    ] {
        let refused = shelve(&mut book, id, seconds, note);
        assert!(
            matches!(refused, Err(CommandError::Refused(_))),
            "{id} {seconds} {note:?}"
        );
    }
    let shelved = shelve(&mut book, 1, 3_600, Some("the part is ordered")).unwrap();
    assert_eq!(shelved.state, AlertState::Shelved);
    turn(&mut book, |draft| draft.settle(at(3_599)));
    assert_eq!(book.get(1).unwrap().state, AlertState::Shelved);
    turn(&mut book, |draft| draft.settle(at(3_600)));
    assert_eq!(book.get(1).unwrap().state, AlertState::Raised);
    // Back to what it was before.
    act(&mut book, 1, &AlertAct::Acknowledge, "li", None, 3_601).unwrap();
    turn(&mut book, |draft| {
        let until = AlertAct::Shelve { until: at(4_000) };
        let person = Person {
            note: Some("still ordered".to_owned()),
            ..person("li", None)
        };
        draft.act(1, &until, person, at(3_602))
    })
    .unwrap();
    let back = act(&mut book, 1, &AlertAct::Unshelve, "zhao", None, 3_603).unwrap();
    assert_eq!(back.state, AlertState::Acknowledged);
    assert_eq!(back.acknowledged_by.as_deref(), Some("li"));
}

#[test]
fn a_fever_says_how_it_ended_and_is_critical_when_nobody_answers() {
    let mut book = Book::default();
    raise(&mut book, AlertKind::FeverSuspected, 0);
    turn(&mut book, |draft| draft.settle(at(299)));
    assert_eq!(book.get(1).unwrap().severity, Severity::Minor);
    turn(&mut book, |draft| draft.settle(at(300)));
    let waiting = book.get(1).unwrap().clone();
    assert_eq!(waiting.severity, Severity::Critical);
    turn(&mut book, |draft| draft.settle(at(400)));
    assert_eq!(book.get(1), Some(&waiting), "it escalates once");
    for outcome in [
        None,
        Some(Outcome::Manual),
        Some(Outcome::Cleared),
        Some(Outcome::Other),
    ] {
        let refused = act(
            &mut book,
            1,
            &AlertAct::Resolve { outcome },
            "li",
            None,
            401,
        );
        assert!(
            matches!(refused, Err(CommandError::Refused(_))),
            "{outcome:?}"
        );
    }
    assert!(act(&mut book, 1, &OVER, "li", None, 402).is_ok());
}

#[test]
fn what_flaps_is_one_alert() {
    let mut book = Book::default();
    let offline = cause(AlertKind::UnitOffline);
    for round in 0..20 {
        raise(&mut book, AlertKind::UnitOffline, round * 500);
        turn(&mut book, |draft| {
            draft.clear(&offline, at(round * 500 + 10), at(round * 500 + 10))
        });
        turn(&mut book, |draft| draft.settle(at(round * 500 + 200)));
    }
    assert_eq!(states(&book), [(AlertState::Resolved, 20)]);
    // After ten quiet minutes it is another.
    assert_eq!(
        raise(&mut book, AlertKind::UnitOffline, 19 * 500 + 800),
        (2, true)
    );
}

#[test]
fn a_lost_site_hides_its_units_and_a_silent_unit_its_sensors() {
    let mut book = Book::default();
    raise(&mut book, AlertKind::SensorFault, 0);
    raise(&mut book, AlertKind::UnitOffline, 1);
    turn(&mut book, |draft| draft.relink());
    let parent = |book: &Book, id| book.get(id).unwrap().parent;
    // Another turn may change the parent alone.
    let relinked = |book: &mut Book, change: &dyn Fn(&mut BookDraft<'_>)| {
        turn(book, |draft| {
            change(draft);
            draft.relink();
        });
    };
    let site = "s".parse().unwrap();
    let lost = link_lost(&site);
    relinked(&mut book, &|draft| {
        draft.raise(&lost, Severity::Major, happened(2), at(2));
    });
    assert_eq!(parent(&book, 1), Some(2));
    assert_eq!(parent(&book, 2), Some(3));
    assert_eq!(parent(&book, 3), None);
    relinked(&mut book, &|draft| draft.clear(&lost, at(3), at(3)));
    assert_eq!(parent(&book, 2), None);
    let offline = cause(AlertKind::UnitOffline);
    relinked(&mut book, &|draft| draft.clear_for_good(&offline, at(4)));
    assert_eq!(parent(&book, 1), None);
}

#[derive(Debug, Clone)]
enum Move {
    Raise(AlertKind, bool),
    Clear(AlertKind),
    Settle,
    Acknowledge(u64),
    Resolve(u64),
}

fn moves() -> impl Strategy<Value = Move> {
    let kind = || prop::sample::select(AlertKind::ALL.to_vec());
    prop_oneof![
        3 => (kind(), any::<bool>()).prop_map(|(kind, is_old)| Move::Raise(kind, is_old)),
        2 => kind().prop_map(Move::Clear),
        1 => Just(Move::Settle),
        1 => (1_u64..12).prop_map(Move::Acknowledge),
        1 => (1_u64..12).prop_map(Move::Resolve),
    ]
}

proptest! {
    /// Whatever happens: one open alert a cause at most (loss, fork and quarantine: one that nobody
    /// has answered), every occurrence is counted once, versions only grow, and what a person resolved
    /// is never open again.
    #[test]
    fn every_occurrence_is_in_one_alert(moves in prop::collection::vec((moves(), 0_i64..400), 1..60)) {
        let mut book = Book::default();
        let (mut now, mut raised) = (0, 0);
        for (step, wait) in moves {
            now += wait;
            let before = book.clone();
            turn(&mut book, |draft| match step {
                Move::Raise(kind, is_old) => {
                    raised += 1;
                    let occurrence = Occurrence { is_old, ..happened(now) };
                    draft.raise(&cause(kind), Severity::Minor, occurrence, at(now));
                }
                Move::Clear(kind) => draft.clear(&cause(kind), at(now), at(now)),
                Move::Settle => draft.settle(at(now)),
                Move::Acknowledge(id) => {
                    drop(draft.act(id, &AlertAct::Acknowledge, person("wang", None), at(now)));
                }
                Move::Resolve(id) => {
                    drop(draft.act(id, &OVER, person("wang", None), at(now)));
                }
            });
            for kind in AlertKind::ALL {
                let open = book.open().filter(|alert| alert.kind == kind);
                let waiting = open.filter(|alert| {
                    !stands_alone(kind) || alert.state == AlertState::Raised
                });
                prop_assert!(waiting.count() <= 1, "{kind:?}");
            }
            for alert in before.all() {
                let after = book.get(alert.id).unwrap();
                prop_assert!(after.version >= alert.version);
                prop_assert!(after.count >= alert.count);
                let by_a_person = alert.outcome.is_some_and(Outcome::is_said_by_people);
                if by_a_person {
                    prop_assert_eq!(after.state, AlertState::Resolved);
                }
            }
            prop_assert_eq!(book.all().map(|alert| alert.count).sum::<u64>(), raised);
        }
    }
}
