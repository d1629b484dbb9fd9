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
    path: PathBuf,
    /// Goes with it, if it was made for it.
    folder: Option<TempDir>,
    writing: Mutex<(Connection, Writer)>,
    store: Embedded,
}

impl File {
    pub(crate) fn empty() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let within = Self::within(folder.path().to_owned());
        Self {
            folder: Some(folder),
            ..within
        }
    }

    /// In a folder that stays.
    fn within(path: PathBuf) -> Self {
        let file = path.join("hub.sqlite");
        let connection = Connection::open(&file).unwrap();
        connection
            .pragma_update(None, "auto_vacuum", "INCREMENTAL")
            .unwrap();
        connection
            .pragma_update(None, "journal_mode", "WAL")
            .unwrap();
        connection
            .pragma_update(None, "synchronous", "FULL")
            .unwrap();
        schema(&connection).unwrap();
        Self::over(path, connection)
    }

    fn over(path: PathBuf, connection: Connection) -> Self {
        let mut writer = Writer::open(&connection).unwrap();
        writer.slice = 2_000;
        let store = Embedded::of(&writer, &path.join("hub.sqlite")).unwrap();
        Self {
            path,
            folder: None,
            writing: Mutex::new((connection, writer)),
            store,
        }
    }

    /// The same file as it is after a new start.
    fn reopened(self) -> Self {
        drop(self.writing);
        let connection = Connection::open(self.path.join("hub.sqlite")).unwrap();
        Self {
            folder: self.folder,
            ..Self::over(self.path, connection)
        }
    }

    /// Seals all that is due long after the events of the contract.
    fn seal(&self) {
        self.slices(usize::MAX);
    }

    fn slices(&self, most: usize) {
        let mut writing = self.writing.lock().unwrap();
        let (connection, writer) = &mut *writing;
        let now = contract::wall("2027-01-01T00:00:00Z");
        let mut slices = 0;
        while slices < most {
            match writer.seal(connection, now).unwrap() {
                Sealed::Nothing => return,
                Sealed::Packing => std::thread::yield_now(),
                Sealed::Slice => slices += 1,
            }
        }
    }
}

impl Bench for File {
    fn append(&self, events: &[StoredEvent]) -> u64 {
        let mut writing = self.writing.lock().unwrap();
        let (connection, writer) = &mut *writing;
        let transaction = connection.transaction().unwrap();
        let appended = writer.append(&transaction, events).unwrap();
        transaction.commit().unwrap();
        let added = appended.added;
        writer.confirm(appended);
        added
    }

    fn store(&self) -> &dyn EventStore {
        &self.store
    }

    fn retain(&self, now: Wall, sites: &[Kept]) {
        self.seal();
        let mut writing = self.writing.lock().unwrap();
        let (connection, writer) = &mut *writing;
        while writer.retain(connection, now, sites).unwrap() != Retained::Nothing {}
    }
}

#[test]
fn the_embedded_store_holds_the_contract() {
    contract::check(File::empty);
}

/// A file of which everything is sealed after each append.
struct AllSealed(File);

impl Bench for AllSealed {
    fn append(&self, events: &[StoredEvent]) -> u64 {
        let added = self.0.append(events);
        self.0.seal();
        added
    }

    fn store(&self) -> &dyn EventStore {
        &self.0.store
    }

    fn retain(&self, now: Wall, sites: &[Kept]) {
        Bench::retain(&self.0, now, sites);
    }
}

#[test]
fn sealed_blocks_hold_the_contract() {
    contract::check(|| AllSealed(File::empty()));
}

/// Many series and hours, so that an hour is sealed in several slices.
fn many_readings() -> Vec<StoredEvent> {
    (0..12_000_u64)
        .map(|n| {
            let second = i64::try_from(n / 60 * 30).unwrap();
            let sensor = format!("s-{}", n % 60);
            let mut event = contract::reading(n + 1, second, &sensor, (n % 977) as f64 / 8.0);
            event.received = event.time.plus_micros(40_000);
            event
        })
        .collect()
}

#[test]
fn what_is_sealed_half_is_the_same_and_so_it_is_after_a_start() {
    let mut day = contract::a_day();
    day.extend(many_readings().into_iter().map(|mut event| {
        event.log = "log-2".parse().unwrap();
        event
    }));
    let file = File::empty();
    for part in day.chunks(700) {
        file.append(part);
    }
    let site = contract::site();
    let expected = contract::answers(&file.store, &site);
    let mut file = file;
    for slices in [0, 1, 1, 2, 40] {
        file.slices(slices);
        assert_eq!(contract::answers(&file.store, &site), expected, "{slices}");
        file = file.reopened();
        assert_eq!(contract::answers(&file.store, &site), expected, "{slices}");
        assert_eq!(file.append(&day[..3_000]), 0);
    }
    file.seal();
    assert!(file.store.shared.read().open == 0);
    assert_eq!(contract::answers(&file.store, &site), expected);
    // What comes late is merged into the sealed hours.
    let mut late = day[700..1_700].to_vec();
    for event in &mut late {
        event.log = "late".parse().unwrap();
    }
    assert_eq!(file.append(&late), 1_000);
    let with_late = contract::answers(&file.store, &site);
    assert_ne!(with_late, expected);
    file.seal();
    assert_eq!(contract::answers(&file.store, &site), with_late);
    let file = file.reopened();
    assert_eq!(contract::answers(&file.store, &site), with_late);
    assert_eq!(file.append(&late), 0);
}

#[test]
fn what_comes_while_a_slice_is_packed_is_there_once() {
    let all = many_readings();
    let (begin, rest) = all.split_at(9_000);
    let (file, unsealed) = (File::empty(), File::empty());
    file.append(begin);
    unsealed.append(begin);
    let site = contract::site();
    let goes_on = || {
        let mut writing = file.writing.lock().unwrap();
        let (connection, writer) = &mut *writing;
        let now = contract::wall("2027-01-01T00:00:00Z");
        writer.seal(connection, now).unwrap()
    };
    // Of the hours that are being sealed, too.
    for part in rest.chunks(600) {
        assert_ne!(goes_on(), Sealed::Nothing);
        assert_eq!((file.append(part), unsealed.append(part)), (600, 600));
        assert_eq!(file.append(part), 0);
        let expected = contract::answers(&unsealed.store, &site);
        assert_eq!(contract::answers(&file.store, &site), expected);
    }
    file.seal();
    let expected = contract::answers(&unsealed.store, &site);
    assert_eq!(contract::answers(&file.store, &site), expected);
    assert_eq!(file.append(&all), 0);
}

#[test]
fn what_is_not_committed_is_not_there_and_leaves_no_trace() {
    let file = File::empty();
    let events = [
        contract::passage(1, 0, "people", "in"),
        contract::reading(2, 0, "yard-env", 18.5),
    ];
    {
        let mut writing = file.writing.lock().unwrap();
        let (connection, writer) = &mut *writing;
        let transaction = connection.transaction().unwrap();
        assert_eq!(writer.append(&transaction, &events).unwrap().added, 2);
        transaction.rollback().unwrap();
    }
    assert_eq!(file.append(&events), 2);
    let query = EventQuery {
        limit: 10,
        ..EventQuery::default()
    };
    let page = file.store.events(&contract::site(), &query).unwrap();
    assert_eq!(page.events, events.map(|event| event.to_json()));
}

#[test]
fn the_tables_are_made_once_and_a_missing_file_is_an_error() {
    let file = File::empty();
    file.append(&[contract::passage(1, 0, "people", "in")]);
    schema(&file.writing.lock().unwrap().0).unwrap();
    assert_eq!(file.append(&[contract::passage(1, 0, "people", "in")]), 0);
    assert!(Embedded::open(&file.path.join("nothing")).is_err());
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
    let bytes = std::fs::metadata(file.path.join("hub.sqlite"))
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

mod families;
pub(crate) mod retention;
mod trials;
