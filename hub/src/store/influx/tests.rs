//! The store on a real InfluxDB.

mod answers;
mod copies;
mod faults;
mod figures;
mod orders;
mod proxy;
mod refused;
mod retention;
mod server;
mod writes;

use std::{cell::RefCell, sync::atomic::AtomicU64};

use rusqlite::TransactionBehavior;

use super::*;
use crate::store::{
    contract::{self, Bench},
    embedded::Kept,
    event::StoredEvent,
};
use proxy::Proxy;
use server::{Server, server};

/// A journal of its own before a bucket of its own.
struct Stage {
    _folder: tempfile::TempDir,
    journal: RefCell<(Connection, Writer)>,
    influx: Influx,
    forwarder: RefCell<Forwarder>,
    when: When,
    appends: AtomicU64,
}

/// When what waits is brought over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum When {
    /// At once.
    Always,
    /// Never: all answers come from the journal.
    Never,
    /// After every other append.
    Sometimes,
    /// At once, and each time the answer is lost.
    InDoubt,
}

impl Stage {
    fn new(server: &Server, when: When) -> Self {
        Self::before(server.client(), when)
    }

    fn before(client: Arc<Client>, when: When) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("journal.sqlite");
        let connection = Connection::open(&file).unwrap();
        connection
            .pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))
            .unwrap();
        schema(&connection).unwrap();
        let writer = Writer::open(&connection, u64::MAX).unwrap();
        let influx = Influx::of(&writer, &file, client);
        let forwarder = influx.forwarder(Clock, Pace::default()).unwrap();
        Self {
            _folder: folder,
            journal: RefCell::new((connection, writer)),
            influx,
            forwarder: RefCell::new(forwarder),
            when,
            appends: AtomicU64::new(0),
        }
    }

    /// Brings over all that waits.
    fn forward(&self) {
        let mut forwarder = self.forwarder.borrow_mut();
        loop {
            match forwarder.round().unwrap() {
                forward::Round::Idle => return,
                forward::Round::Sent(_) => {}
                forward::Round::Wait { why, .. } => panic!("{why}"),
            }
        }
    }

    /// Brings over all that waits, and forgets that it did, as if the process had ended between the
    /// answer and the mark.
    fn forward_and_forget(&self) {
        let journal = &self.journal.borrow().0;
        let confirmed: i64 = journal
            .query_row("SELECT confirmed FROM influx_mark", [], |row| row.get(0))
            .unwrap();
        self.forward();
        journal
            .execute("UPDATE influx_mark SET confirmed = ?1", [confirmed])
            .unwrap();
    }
}

impl Bench for Stage {
    fn append(&self, events: &[StoredEvent]) -> u64 {
        let added = {
            let (connection, writer) = &mut *self.journal.borrow_mut();
            let transaction = connection
                .transaction_with_behavior(TransactionBehavior::Immediate)
                .unwrap();
            writer.begin();
            let appended = writer.append(&transaction, events).unwrap();
            transaction.commit().unwrap();
            let added = appended.added;
            writer.confirm(appended);
            added
        };
        let appends = self
            .appends
            .fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        match self.when {
            When::Always => self.forward(),
            When::Sometimes if appends.is_multiple_of(2) => self.forward(),
            When::Never | When::Sometimes => {}
            When::InDoubt => self.forward_and_forget(),
        }
        added
    }

    fn store(&self) -> &dyn EventStore {
        &self.influx
    }

    fn retain(&self, now: Wall, sites: &[Kept]) {
        // What waits is kept until it has come over.
        self.forward();
        self.journal.borrow().1.retain(now, sites);
        let mut forwarder = self.forwarder.borrow_mut();
        loop {
            match forwarder.retain().unwrap() {
                Slice::Nothing => return,
                Slice::Done => {}
                Slice::Wait { why } => panic!("{why}"),
            }
        }
    }

    fn lets_go(&self) -> bool {
        self.influx.client.takes_out()
    }
}

fn keeps_the_contract(when: When) {
    if let Some(server) = server() {
        contract::check(|| Stage::new(server, when));
    }
}

#[test]
fn it_keeps_the_contract_with_all_in_influxdb() {
    keeps_the_contract(When::Always);
}

/// As InfluxDB Cloud and others are to be used by who may not look after buckets.
#[test]
fn it_keeps_the_contract_on_a_server_that_only_writes_and_answers() {
    let Some(server) = server() else { return };
    let proxy = Proxy::of_write_and_query(server.url());
    contract::check(|| {
        let mut place = server.client().place().clone();
        place.url = proxy.url.clone();
        let client = Client::new(place).unwrap();
        let notes = client.set_up(Some(Retention::Days(400))).unwrap();
        assert!(
            notes.len() == 2
                && notes[0].contains("set it to 34560000 s")
                && notes[1].contains("stays until the bucket lets it go"),
            "{notes:?}"
        );
        Stage::before(Arc::new(client), When::Always)
    });
}

#[test]
fn it_keeps_the_contract_with_all_in_the_journal() {
    keeps_the_contract(When::Never);
}

#[test]
fn it_keeps_the_contract_with_some_in_either() {
    keeps_the_contract(When::Sometimes);
}

#[test]
fn it_keeps_the_contract_with_nothing_known_of_what_was_sent() {
    keeps_the_contract(When::InDoubt);
}
