use gatepost_dashboard::ports::EventQuery;

use super::*;
use crate::{
    core::{Core, Settings, input::Input},
    store::{contract, port::EventStore},
};

const SITE: &str = r#"
    id = "s"
    time_zone = "Asia/Shanghai"
    name = { zh = "一号", en = "One" }
"#;

#[test]
fn the_record_keeps_its_name_and_its_sites() {
    let data = tempfile::tempdir().unwrap();
    let mut journal = Journal::open(data.path()).unwrap();
    let store = journal.store().to_owned();
    assert_eq!(store.len(), 16);
    let mut core = Core::new(Settings::new(store.clone()));
    let now = Wall::parse("2026-11-23T07:31:00Z").unwrap();
    let site: Site = toml::from_str(SITE).unwrap();
    journal.put_sites(std::slice::from_ref(&site)).unwrap();
    let decision = core.decide(now, [Input::Site(site)]);
    journal.commit(&decision.commit).unwrap();
    core.apply(&decision.commit);
    drop(journal);

    let journal = Journal::open(data.path()).unwrap();
    assert_eq!(journal.store(), store);
    let mut state = State::default();
    journal.load(&mut state).unwrap();
    assert_eq!(&state, core.state());
}

#[test]
fn a_full_disk_takes_nothing_in_part_and_goes_on_when_there_is_room() {
    let data = tempfile::tempdir().unwrap();
    let mut journal = Journal::open(data.path()).unwrap();
    let history = journal.history().unwrap();
    let commit = |first: u64| Commit {
        events: (first..first + 100)
            .map(|seq| match seq % 2 {
                0 => contract::passage(seq, seq.cast_signed(), "people", "in"),
                _ => contract::reading(seq, seq.cast_signed(), "yard-env", 18.5),
            })
            .collect(),
        changes: Vec::new(),
    };
    let query = EventQuery {
        limit: 10_000,
        ..EventQuery::default()
    };
    let seqs = || -> Vec<u64> {
        let page = history.events(&contract::site(), &query).unwrap();
        let seq = |event: &serde_json::Value| event["seq"].as_u64().unwrap();
        page.events.iter().map(seq).collect()
    };
    let pages: i64 = journal
        .connection
        .pragma_query_value(None, "page_count", |row| row.get(0))
        .unwrap();
    let limit = |journal: &Journal, pages: i64| {
        let set = |_: &rusqlite::Row<'_>| Ok(());
        let connection = &journal.connection;
        connection
            .pragma_update_and_check(None, "max_page_count", pages, set)
            .unwrap();
    };
    limit(&journal, pages + 12);
    let mut first = 1;
    let error = loop {
        match journal.commit(&commit(first)) {
            Ok(()) => first += 100,
            Err(error) => break error,
        }
    };
    let StoreError::Sqlite(error) = error else {
        panic!("{error}");
    };
    assert_eq!(
        error.sqlite_error_code(),
        Some(rusqlite::ErrorCode::DiskFull)
    );
    assert!(seqs().into_iter().eq(1..first));
    assert!(journal.commit(&commit(first)).is_err());
    assert!(seqs().into_iter().eq(1..first));

    limit(&journal, 1_000_000);
    journal.commit(&commit(first)).unwrap();
    assert!(seqs().into_iter().eq(1..first + 100));
    drop(journal);
    let journal = Journal::open(data.path()).unwrap();
    let again = journal.history().unwrap();
    let page = again.events(&contract::site(), &query).unwrap();
    assert_eq!(page.events.len() as u64, first + 99);
}

#[test]
fn what_another_writes_is_noticed_once() {
    let data = tempfile::tempdir().unwrap();
    let mut hub = Journal::open(data.path()).unwrap();
    let mut other = Journal::open(data.path()).unwrap();
    assert_eq!(hub.changed_sites().unwrap(), None);
    let site: Site = toml::from_str(SITE).unwrap();
    other.put_sites(std::slice::from_ref(&site)).unwrap();
    assert_eq!(hub.changed_sites().unwrap(), Some(vec![site]));
    assert_eq!(hub.changed_sites().unwrap(), None);
}

#[test]
fn settings_that_another_has_stored_are_not_written_over_unseen() {
    let data = tempfile::tempdir().unwrap();
    let mut hub = Journal::open(data.path()).unwrap();
    let mut other = Journal::open(data.path()).unwrap();
    let site = |day: &str| {
        let mut site: Site = toml::from_str(SITE).unwrap();
        site.holidays.insert(day.parse().unwrap());
        site
    };
    let commit = |change: Change| Commit {
        events: Vec::new(),
        changes: vec![change],
    };
    other.put_sites(&[site("2027-01-01")]).unwrap();
    let read = hub.changed_sites().unwrap().unwrap();
    other.put_sites(&[site("2027-05-01")]).unwrap();
    // What was read is what was stored then, and not what is to be stored.
    let read = Change::StoredSite(read[0].clone());
    assert!(!read.is_durable());
    hub.commit(&commit(read)).unwrap();
    assert_eq!(hub.sites().unwrap(), [site("2027-05-01")]);
    let change = commit(Change::Site(site("2027-10-01")));
    let refused = hub.commit(&change).unwrap_err();
    assert!(matches!(refused, StoreError::Foreign), "{refused}");
    assert_eq!(hub.sites().unwrap(), [site("2027-05-01")]);
    // Who has looked may.
    let read = hub.changed_sites().unwrap();
    assert_eq!(read, Some(vec![site("2027-05-01")]));
    hub.commit(&change).unwrap();
    assert_eq!(hub.sites().unwrap(), [site("2027-10-01")]);
}

#[test]
fn two_who_change_a_site_at_once_change_it_one_after_the_other() {
    let data = tempfile::tempdir().unwrap();
    let mut one = Journal::open(data.path()).unwrap();
    one.put_sites(&[toml::from_str(SITE).unwrap()]).unwrap();
    let mut other = Journal::open(data.path()).unwrap();
    let day = |text: &str| text.parse().unwrap();
    let (comes, waits) = std::sync::mpsc::sync_channel(1);
    let waiting = one
        .change_sites(|sites| {
            let waiting = std::thread::spawn(move || {
                comes.send(()).unwrap();
                other.change_sites(|sites| sites[0].holidays.insert(day("2027-01-01")))
            });
            waits.recv().unwrap();
            sites[0].holidays.insert(day("2027-05-01"));
            waiting
        })
        .unwrap();
    assert!(waiting.join().unwrap().unwrap());
    let sites = one.sites().unwrap();
    let both = [day("2027-01-01"), day("2027-05-01")];
    assert!(sites[0].holidays.iter().eq(&both));
}
