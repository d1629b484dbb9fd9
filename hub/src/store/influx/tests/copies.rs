//! A history is brought from one store to the other and back.

use std::time::Duration;

use super::{
    proxy::{Fault, Proxy},
    *,
};
use crate::{
    core::Commit,
    store::{
        copy::{Copied, Copy, CopyError, Way},
        embedded::{Retained, Sealed, tests::retention},
        journal::Journal,
    },
};

const QUICK: Pace = Pace {
    linger: Duration::ZERO,
    first: Duration::from_millis(1),
    longest: Duration::from_millis(1),
    misconfigured: Duration::from_millis(1),
    settle: Duration::ZERO,
};

fn with_a_site(data: &Path) -> Journal {
    let mut journal = Journal::open(data).unwrap();
    let mut site = crate::core::testing::site();
    site.id = contract::site();
    journal.put_sites(&[site]).unwrap();
    journal
}

fn whole(copied: &[Copied], events: u64) {
    let [site] = copied else {
        panic!("{copied:?}");
    };
    assert_eq!(site.events, events);
    assert!(site.is_whole(), "{site:?}");
}

#[test]
fn a_history_goes_over_and_back_and_goes_on_where_it_was_cut_off() {
    let Some(server) = server() else { return };
    let mut events = contract::a_day();
    let mut kinds = contract::every_kind();
    for event in &mut kinds {
        event.log = "log-2".parse().unwrap();
    }
    events.extend(kinds);
    let all = events.len() as u64;
    let first = tempfile::tempdir().unwrap();
    let mut journal = with_a_site(first.path());
    for chunk in events.chunks(50) {
        journal
            .commit(&Commit {
                events: chunk.to_vec(),
                changes: Vec::new(),
            })
            .unwrap();
    }
    let expected = {
        let history = journal.history().unwrap();
        contract::answers(&history, &contract::site())
    };
    drop(journal);

    // InfluxDB dies in the middle.
    let direct = server.client();
    let proxy = Proxy::before(server.url());
    let mut place = direct.place().clone();
    place.url = proxy.url.clone();
    let spoiled = Arc::new(Client::new(place).unwrap());
    let open = |client: &Arc<Client>, data: &Path, way| {
        let mut copy = Copy::open(data, Arc::clone(client), QUICK, way).unwrap();
        copy.page = 100;
        copy
    };
    proxy.spoil(&[Fault::None; 3]);
    proxy.spoil(&[Fault::Unheard; 11]);
    let mut pages = 0;
    let cut = open(&spoiled, first.path(), Way::ToInflux).run(|_, _| pages += 1);
    assert!(matches!(cut, Err(CopyError::Influx(_))), "{cut:?}");
    assert_eq!(pages, 3);
    let mut more = 0;
    let mut copy = open(&direct, first.path(), Way::ToInflux);
    whole(&copy.run(|_, _| more += 1).unwrap(), all);
    assert!(more <= 5, "it goes on: {more} pages");
    assert_eq!(contract::answers(&copy.influx, &contract::site()), expected);
    drop(copy);
    // Once more changes nothing.
    let mut copy = open(&direct, first.path(), Way::ToInflux);
    whole(&copy.run(|_, _| ()).unwrap(), all);
    drop(copy);

    // What comes late lies before where the copy had come.
    let mut journal = Journal::open(first.path()).unwrap();
    let late = contract::passage(900_000, -3_600, "people", "in");
    journal
        .commit(&Commit {
            events: vec![late],
            changes: Vec::new(),
        })
        .unwrap();
    let expected = {
        let history = journal.history().unwrap();
        contract::answers(&history, &contract::site())
    };
    drop(journal);
    let all = all + 1;
    let mut copy = open(&direct, first.path(), Way::ToInflux);
    whole(&copy.run(|_, _| ()).unwrap(), all);
    assert_eq!(contract::answers(&copy.influx, &contract::site()), expected);
    drop(copy);

    // Back, into another record.
    let second = tempfile::tempdir().unwrap();
    drop(with_a_site(second.path()));
    let mut copy = open(&direct, second.path(), Way::ToEmbedded);
    whole(&copy.run(|_, _| ()).unwrap(), all);
    let history = copy.journal.history().unwrap();
    assert_eq!(contract::answers(&history, &contract::site()), expected);
}

#[test]
fn what_is_only_added_up_stays_where_it_is_and_comes_from_nowhere() {
    let Some(server) = server() else { return };
    let client = server.client();
    let folder = tempfile::tempdir().unwrap();
    let mut journal = with_a_site(folder.path());
    let events = retention::fifty_days();
    for chunk in events.chunks(5_000) {
        journal
            .commit(&Commit {
                events: chunk.to_vec(),
                changes: Vec::new(),
            })
            .unwrap();
    }
    drop(journal);
    let copy = |way| {
        let mut copy = Copy::open(folder.path(), Arc::clone(&client), QUICK, way).unwrap();
        copy.run(|_, _| ()).unwrap().remove(0)
    };
    let all = copy(Way::ToInflux);
    assert!(all.is_whole() && all.added_up.is_empty(), "{all:?}");
    assert_eq!(all.events, events.len() as u64);

    // The embedded store keeps ten days of events.
    let mut journal = Journal::open(folder.path()).unwrap();
    let newest = contract::passage(1, 0, "people", "in");
    journal
        .commit(&Commit {
            events: vec![retention::at(1_000_000, 50 * 86_400, newest)],
            changes: Vec::new(),
        })
        .unwrap();
    let sites = retention::kept(10, 100, gatepost_model::retention::Span::Forever);
    let now = contract::wall("2026-09-20T00:00:00Z");
    while journal.seal(now).unwrap() != Sealed::Nothing {}
    while journal.retain(now, &sites).unwrap() != Retained::Nothing {}
    let answers = |journal: &Journal| {
        let history = journal.history().unwrap();
        let edges: Vec<Wall> = (0..=50)
            .map(|day| contract::wall("2026-08-01T00:00:00Z").plus_micros(day * 86_400_000_000))
            .collect();
        history
            .counts(&contract::site(), &retention::passages(), &edges)
            .unwrap()
    };
    let before = answers(&journal);
    drop(journal);
    for way in [Way::ToEmbedded, Way::ToInflux] {
        let some = copy(way);
        assert!(some.is_whole() && some.events < all.events / 3, "{some:?}");
        let kinds: Vec<&str> = some.added_up.keys().map(String::as_str).collect();
        assert_eq!(kinds, ["passage", "reading", "screening"]);
    }
    assert_eq!(answers(&Journal::open(folder.path()).unwrap()), before);
}
