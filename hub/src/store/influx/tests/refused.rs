//! A point that InfluxDB refuses: set aside with its reason, and brought again on command.

use gatepost_dashboard::ports::{Act, Command};

use super::*;
use crate::{
    core::{
        Commit, Core, Settings,
        input::{Effect, Input},
        quarantine::Again,
        state::{AnyRow, Change},
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
    let set_aside = turn(&mut journal, &mut core, Input::StoreRefused(points));
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
    // Its moment was not seen whole, and what the bucket does not keep is not told as nothing.
    let blind = |change: &Change| match change {
        Change::Put(_, AnyRow::Blind(blind)) => Some((blind.from, blind.to)),
        _ => None,
    };
    let blinds: Vec<_> = set_aside.commit.changes.iter().filter_map(blind).collect();
    assert!(!blinds.is_empty(), "{set_aside:?}");
    for (from, to) in blinds {
        assert!(from < events[6].time && to.is_some_and(|to| to > events[6].time));
    }
    let which = CountFilter {
        kind: "passage".to_owned(),
        lanes: Vec::new(),
        dir: None,
    };
    let untold = |from: &str, to: &str| {
        let edges = [contract::wall(from), contract::wall(to)];
        let question = port::Question::Counts(&which);
        influx.untold(&contract::site(), question, &edges).unwrap()
    };
    let begins = contract::wall("1999-01-01T00:00:00Z");
    assert!(
        matches!(untold("1999-01-01T00:00:00Z", "2150-01-01T00:00:00Z")[..], [(from, _)] if from == begins)
    );
    assert_eq!(untold("2149-01-01T00:00:00Z", "2150-01-01T00:00:00Z"), []);

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
    assert_eq!(untold("1999-01-01T00:00:00Z", "2150-01-01T00:00:00Z"), []);
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

#[test]
fn what_is_brought_over_leaves_the_journal_while_more_comes() {
    let Some(server) = server() else { return };
    let folder = tempfile::tempdir().unwrap();
    let mut journal = Journal::open_before_influx(folder.path(), u64::MAX).unwrap();
    let client = server.client();
    client.set_up(None).unwrap();
    let influx = journal.influx(client).unwrap();
    let file = Connection::open(folder.path().join(crate::store::journal::FILE)).unwrap();
    let rows = || -> i64 {
        let count = "SELECT count(*) FROM influx_row";
        file.query_row(count, [], |row| row.get(0)).unwrap()
    };
    for n in 1..=3 {
        let events = vec![contract::passage(n, 0, "people", "in")];
        let changes = Vec::new();
        journal.commit(&Commit { events, changes }).unwrap();
        // Each looks once a minute, the first time at once: something waits each time.
        let mut forwarder = influx.forwarder(Clock, Pace::default()).unwrap();
        assert_eq!(forwarder.round().unwrap(), forward::Round::Sent(1));
        assert_eq!(rows(), 1, "of {n}: all but the one that was just sent");
    }
    let page = influx.events(
        &contract::site(),
        &EventQuery {
            limit: 9,
            ..EventQuery::default()
        },
    );
    assert_eq!(page.unwrap().events.len(), 3);
}
