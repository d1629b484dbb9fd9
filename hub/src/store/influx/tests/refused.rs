//! A point that InfluxDB refuses: set aside with its reason, and brought again on command.

use gatepost_dashboard::ports::{Act, Command};

use super::*;
use crate::{
    core::{
        Commit, Core, Settings,
        input::{Effect, Input},
        quarantine::Again,
    },
    store::journal::Journal,
};

#[test]
fn a_refused_point_is_set_aside_and_can_be_brought_again() {
    let Some(server) = server() else { return };
    let folder = tempfile::tempdir().unwrap();
    let mut journal = Journal::open_before_influx(folder.path(), u64::MAX).unwrap();
    let client = server.client();
    assert_eq!(client.set_up(Some(Retention::Days(1))).unwrap(), [""; 0]);
    let influx = journal.influx(Arc::clone(&client)).unwrap();
    let mut forwarder = influx.forwarder(Clock, Pace::default()).unwrap();
    let mut core = Core::new(Settings::new(journal.store().to_owned()));
    let mut site = crate::core::testing::site();
    site.id = contract::site();
    let now = contract::wall("2026-11-30T00:00:00Z");
    let turn = |journal: &mut Journal, core: &mut Core, input: Input| {
        let decision = core.decide(now, [input]);
        journal.commit(&decision.commit).unwrap();
        core.apply(&decision.commit);
        decision
    };
    turn(&mut journal, &mut core, Input::Site(site));

    // What is too old for the bucket is refused; the future never is.
    let mut events: Vec<StoredEvent> = (1..=40)
        .map(|seq| contract::passage(seq, 0, "people", "in"))
        .collect();
    for event in &mut events {
        let year = if event.seq % 20 == 7 { "1999" } else { "2150" };
        event.time = contract::wall(&format!("{year}-01-01T00:00:00Z"));
    }
    let commit = |events: &[StoredEvent]| Commit {
        events: events.to_vec(),
        changes: Vec::new(),
    };
    journal.commit(&commit(&events)).unwrap();
    assert_eq!(forwarder.round().unwrap(), forward::Round::Sent(40));
    assert_eq!(forwarder.round().unwrap(), forward::Round::Idle);
    let seqs = |kind: &str| -> Vec<u64> {
        let query = EventQuery {
            kind: Some(kind.to_owned()),
            limit: 100,
            ..EventQuery::default()
        };
        let page = influx.events(&contract::site(), &query).unwrap();
        let mut seqs: Vec<u64> = page
            .events
            .iter()
            .map(|it| it["seq"].as_u64().unwrap())
            .collect();
        seqs.sort_unstable();
        seqs
    };
    let stored: Vec<u64> = (1..=40).filter(|seq| seq % 20 != 7).collect();
    assert_eq!(seqs("passage"), stored);

    let points = journal.refused(10).unwrap();
    assert_eq!(
        points.iter().map(|it| it.event.seq).collect::<Vec<_>>(),
        [7, 27]
    );
    assert_eq!(points[0].event, events[6]);
    turn(&mut journal, &mut core, Input::StoreRefused(points));
    assert_eq!(journal.refused(10).unwrap(), []);
    let aside = journal.aside(1).unwrap().unwrap();
    assert_eq!(aside.code, "store_refused");
    assert!(
        aside.reason.contains("outside retention policy"),
        "{}",
        aside.reason
    );
    assert_eq!(aside.bytes, events[6].line.as_bytes());
    assert_eq!(aside.again, Some(Again::Event(Box::new(events[6].clone()))));
    assert_eq!(core.state().alerts.open().count(), 1);

    // Somebody gives the bucket more time, and asks for the points again.
    let retry = |journal: &Journal, id: u64| Input::Retry {
        ticket: 1,
        command: Command {
            by: "li".to_owned(),
            key: None,
            act: Act::Retry { quarantine: id },
        },
        aside: journal.aside(id).unwrap().map(Box::new),
    };
    client.set_up(Some(Retention::Forever)).unwrap();
    for id in [1, 2] {
        let input = retry(&journal, id);
        let decision = turn(&mut journal, &mut core, input);
        assert!(
            matches!(
                &decision.effects[..],
                [Effect::Answer { answer: Ok(_), .. }]
            ),
            "{:?}",
            decision.effects
        );
    }
    let input = retry(&journal, 1);
    let again = turn(&mut journal, &mut core, input);
    assert!(matches!(
        &again.effects[..],
        [Effect::Answer { answer: Err(_), .. }]
    ));
    assert_eq!(
        seqs("passage"),
        (1..=40).collect::<Vec<_>>(),
        "from the journal"
    );
    assert_eq!(forwarder.round().unwrap(), forward::Round::Sent(2));
    assert_eq!(
        seqs("passage"),
        (1..=40).collect::<Vec<_>>(),
        "from InfluxDB"
    );
    // What was taken is taken, whoever brings it.
    journal.commit(&commit(&events)).unwrap();
    assert_eq!(forwarder.round().unwrap(), forward::Round::Idle);
}
