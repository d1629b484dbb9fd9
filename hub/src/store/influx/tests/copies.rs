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
        journal::Journal,
    },
};

const QUICK: Pace = Pace {
    linger: Duration::ZERO,
    first: Duration::from_millis(1),
    longest: Duration::from_millis(1),
    misconfigured: Duration::from_millis(1),
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
    let proxy = Proxy::before(&server.url);
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
