//! The contract over the embedded store, and what is its own.

use rusqlite::Connection;
use tempfile::TempDir;

use super::*;
use crate::store::{
    contract::{self, Bench},
    event::StoredEvent,
};

/// A journal's file with nothing but the history in it.
pub(crate) struct File {
    pub(crate) folder: TempDir,
    writer: Mutex<Connection>,
    store: Embedded,
}

impl File {
    pub(crate) fn empty() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("hub.sqlite");
        let writer = Connection::open(&file).unwrap();
        writer.pragma_update(None, "journal_mode", "WAL").unwrap();
        writer.pragma_update(None, "synchronous", "FULL").unwrap();
        schema(&writer).unwrap();
        let store = Embedded::open(&file).unwrap();
        Self {
            folder,
            writer: Mutex::new(writer),
            store,
        }
    }
}

impl Bench for File {
    fn append(&self, events: &[StoredEvent]) -> u64 {
        let mut writer = self.writer.lock().unwrap();
        let transaction = writer.transaction().unwrap();
        let added = append(&transaction, events).unwrap();
        transaction.commit().unwrap();
        added
    }

    fn store(&self) -> &dyn EventStore {
        &self.store
    }
}

#[test]
fn the_embedded_store_holds_the_contract() {
    contract::check(File::empty);
}

#[test]
fn what_is_not_committed_is_not_there_and_leaves_no_trace() {
    let file = File::empty();
    let events = [contract::passage(1, 0, "people", "in")];
    {
        let mut writer = file.writer.lock().unwrap();
        let transaction = writer.transaction().unwrap();
        assert_eq!(append(&transaction, &events).unwrap(), 1);
        transaction.rollback().unwrap();
    }
    assert_eq!(file.append(&events), 1);
    let query = EventQuery {
        limit: 10,
        ..EventQuery::default()
    };
    let page = file.store.events(&contract::site(), &query).unwrap();
    assert_eq!(page.events, [events[0].to_json()]);
}

#[test]
fn the_tables_are_made_once_and_a_missing_file_is_an_error() {
    let file = File::empty();
    file.append(&[contract::passage(1, 0, "people", "in")]);
    schema(&file.writer.lock().unwrap()).unwrap();
    assert_eq!(file.append(&[contract::passage(1, 0, "people", "in")]), 0);
    assert!(Embedded::open(&file.folder.path().join("nothing")).is_err());
}

/// Prints how many events a second go in, in batches of 5,000 with a flush each, and what a site's
/// two weeks cost to ask: `cargo test --release -p gatepost-hub --lib -- --ignored --nocapture speed`.
#[test]
#[ignore = "a measurement: meaningful in release builds only"]
#[expect(clippy::disallowed_methods, reason = "it measures")]
fn speed() {
    let file = File::empty();
    let mut next = 0_u64;
    let mut batch = || -> Vec<StoredEvent> {
        (0..5_000)
            .map(|_| {
                next += 1;
                let second = i64::try_from(next / 2).unwrap();
                let mut event = match next % 4 {
                    0 => contract::passage(next / 6 + 1, second, "people", "in"),
                    _ => contract::reading(next / 6 + 1, second, "yard-env", 18.25),
                };
                event.unit = ["a", "b", "c", "d", "e", "f"][usize::try_from(next % 6).unwrap()]
                    .parse()
                    .unwrap();
                event
            })
            .collect()
    };
    let batches: Vec<Vec<StoredEvent>> = (0..60).map(|_| batch()).collect();
    let started = std::time::Instant::now();
    for batch in &batches {
        assert_eq!(file.append(batch), 5_000);
    }
    let seconds = started.elapsed().as_secs_f64();
    let bytes = std::fs::metadata(file.folder.path().join("hub.sqlite"))
        .unwrap()
        .len();
    println!(
        "{:.0} events/s, {} bytes an event",
        300_000.0 / seconds,
        bytes / 300_000
    );

    let from = batches[0][0].time;
    let edges: Vec<Wall> = (0..=84)
        .map(|n| from.plus_micros(n * 1_800_000_000))
        .collect();
    let timed = |name: &str, ask: &dyn Fn()| {
        let started = std::time::Instant::now();
        ask();
        println!("{name}: {:.1} ms", started.elapsed().as_secs_f64() * 1e3);
    };
    let which = CountFilter {
        kind: "passage".to_owned(),
        lanes: vec!["people".parse().unwrap()],
        dir: None,
    };
    timed("75,000 passages counted", &|| {
        let counts = file
            .store
            .counts(&contract::site(), &which, &edges)
            .unwrap();
        assert_eq!(counts.iter().sum::<u64>(), 75_000);
    });
    let which = StatsFilter::Readings {
        quantity: "ambient_c".to_owned(),
        sensor: None,
        zone: None,
    };
    timed("225,000 readings summed up", &|| {
        file.store.stats(&contract::site(), &which, &edges).unwrap();
    });
    let query = EventQuery {
        limit: 100,
        from: Some(from.plus_micros(75_000_000_000)),
        ..EventQuery::default()
    };
    timed("a page of 100 in the middle", &|| {
        file.store.events(&contract::site(), &query).unwrap();
    });
    timed("latest", &|| {
        file.store.latest(&contract::site()).unwrap();
    });
}
