//! Episodes of suspected fever, by what people say of them.

use super::*;

fn episode(act: EpisodeAct, version: Option<u64>, note: Option<&str>) -> Act {
    Act::Episode {
        episode: "s.gate-1.p1".to_owned(),
        version,
        note: note.map(str::to_owned),
        act,
    }
}

const CLINICAL: EpisodeAct = EpisodeAct::Confirm {
    clinical_c: 38.4,
    device: None,
};

#[test]
fn a_fever_goes_from_suspicion_to_release_by_peoples_word() {
    let mut desk = Desk::new();
    let log = screenings(
        &[
            ("p1", 1, "remeasure"),
            ("p1", 2, "fever"),
            ("p1", 3, "fever"),
        ],
        5,
    );
    desk.turn(0, [log.input(0..3, at(0))]);
    let known = desk.episode().clone();
    assert_eq!(desk.site().episodes.len(), 1, "one a person, not a reading");
    assert_eq!(known.state, EpisodeState::Suspected);
    let attempts: Vec<_> = known
        .attempts
        .iter()
        .map(|it| (it.attempt, it.skin_c))
        .collect();
    assert_eq!(attempts, [(1, 36.6), (2, 36.6), (3, 36.6)]);
    let alert = |desk: &Desk| {
        desk.core
            .state()
            .alerts
            .get(known.alert.unwrap())
            .unwrap()
            .clone()
    };
    assert_eq!(alert(&desk).severity, Severity::Major);

    let first = desk.ask(10, "wang", None, episode(CLINICAL, Some(1), None));
    let Ok(Answer::Episode(first)) = first else {
        panic!("{first:?}");
    };
    assert_eq!((first.state, first.version), (EpisodeState::Confirmed, 2));
    assert_eq!(alert(&desk).severity, Severity::Critical);
    // It is not dealt with by being known: everybody is called.
    assert_eq!(alert(&desk).state, AlertState::Raised);
    // Two at once: the other is told what is, and by whom.
    let second = desk.ask(
        10,
        "li",
        None,
        episode(EpisodeAct::Dismiss, Some(1), Some("warm cap")),
    );
    assert_eq!(
        second,
        Err(CommandError::Conflict(Box::new(Answer::Episode(first))))
    );

    desk.ask(20, "li", None, episode(EpisodeAct::Isolate, Some(2), None))
        .unwrap();
    assert_eq!(alert(&desk).outcome, Some(Outcome::Isolated));
    desk.ask(30, "li", None, episode(EpisodeAct::Release, Some(3), None))
        .unwrap();
    let history: Vec<_> = desk
        .episode()
        .history
        .iter()
        .map(|it| it.what.as_str())
        .collect();
    assert_eq!(history, ["confirmed", "isolated", "released"]);
    assert!(verify(&desk.trail));
    assert_eq!(desk.trail.len(), 3);
}

#[test]
fn a_confirmed_fever_is_told_at_once_whoever_had_the_suspicion() {
    let mut desk = Desk::new();
    let chief = r#"[{ name = "chief", channel = "mail", least = "critical" }]"#;
    let settings = Site {
        recipients: toml::from_str::<BTreeMap<String, Vec<Recipient>>>(&format!("all = {chief}"))
            .unwrap()
            .remove("all")
            .unwrap(),
        ..site()
    };
    desk.turn(0, [Input::Site(settings)]);
    let log = screenings(&[("p1", 1, "fever")], 5);
    desk.turn(0, [log.input(0..1, at(0))]);
    let told = |desk: &mut Desk, seconds| -> Vec<(String, Severity)> {
        let effects = desk.turn(seconds, [Input::Tick]).effects.into_iter();
        let sent = effects.filter_map(|effect| match effect {
            Effect::Send(dispatch) => Some(dispatch.messages),
            _ => None,
        });
        let sent = sent.flatten();
        sent.map(|message| (message.recipient, message.severity))
            .collect()
    };
    let remeasure = EpisodeAct::Remeasure {
        clinical_c: 38.2,
        device: None,
    };
    desk.ask(5, "wang", None, episode(remeasure, None, None))
        .unwrap();
    assert_eq!(told(&mut desk, 6), [], "wang looks after it");
    desk.ask(10, "wang", None, episode(CLINICAL, None, None))
        .unwrap();
    assert_eq!(
        told(&mut desk, 11),
        [("chief".to_owned(), Severity::Critical)]
    );
}

#[test]
fn what_nobody_can_have_is_refused() {
    let mut desk = Desk::new();
    let log = screenings(&[("p1", 1, "fever")], 5);
    desk.turn(0, [log.input(0..1, at(0))]);
    let impossible = EpisodeAct::Confirm {
        clinical_c: 20.0,
        device: None,
    };
    for act in [impossible, EpisodeAct::Dismiss, EpisodeAct::Release] {
        let refused = desk.ask(1, "li", None, episode(act.clone(), None, None));
        assert!(
            matches!(refused, Err(CommandError::Refused(_))),
            "{act:?}: {refused:?}"
        );
    }
    assert_eq!(desk.episode().version, 1);
    assert!(desk.trail.is_empty());
}

#[test]
fn an_alert_that_is_resolved_settles_its_episode() {
    let mut desk = Desk::new();
    let log = screenings(&[("p1", 1, "fever")], 5);
    desk.turn(0, [log.input(0..1, at(0))]);
    let act = Act::Alert {
        alert: desk.episode().alert.unwrap(),
        version: None,
        note: None,
        act: AlertAct::Resolve {
            outcome: Some(Outcome::FalseReading),
        },
    };
    desk.ask(5, "li", None, act).unwrap();
    assert_eq!(desk.episode().state, EpisodeState::Dismissed);
}

#[test]
fn a_lane_that_suspects_everybody_is_itself_what_is_wrong() {
    let mut desk = Desk::new();
    let ids: Vec<String> = (0..20).map(|n| format!("p{n}")).collect();
    let all: Vec<_> = ids.iter().map(|id| (id.as_str(), 1, "fever")).collect();
    let log = screenings(&all, 5);
    desk.turn(0, [log.input(0..20, at(0))]);
    let of = |kind| {
        let open = desk.core.state().alerts.open();
        open.filter(|alert| alert.kind == kind).count()
    };
    assert_eq!(desk.site().episodes.len(), 20);
    assert_eq!(of(AlertKind::FeverSuspected), MOST_FEVERS);
    assert_eq!(of(AlertKind::SensorFault), 1);
}

/// Before a lane is doubted.
const MOST_FEVERS: usize = 5;

#[test]
fn a_late_fever_still_calls_while_it_is_of_this_shift() {
    for (hours, is_open) in [(2, true), (9, false)] {
        let mut desk = Desk::new();
        let log = screenings(&[("p1", 1, "fever")], 5);
        let late = log.input(0..1, at(0));
        desk.turn(hours * 3_600, [late]);
        let alert = desk.core.state().alerts.all().next().unwrap();
        assert_eq!(alert.outcome.is_none(), is_open, "{hours} h");
        assert_eq!(alert.params["late"], true);
    }
}
