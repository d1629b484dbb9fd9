//! A server that stumbles, a full journal, and an end in the middle of it.

use std::time::Duration;

use super::{
    proxy::{Fault, Proxy},
    *,
};
use crate::{
    core::Commit,
    store::{
        journal::{Journal, StoreError},
        port::CountFilter,
    },
};
use forward::Round;

/// A journal before InfluxDB, which is written through a proxy and read without.
struct Before {
    folder: tempfile::TempDir,
    journal: Journal,
    proxy: Proxy,
    direct: Arc<Client>,
    spoiled: Arc<Client>,
}

impl Before {
    fn new(server: &Server, limit: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let proxy = Proxy::before(server.url());
        let direct = server.client();
        let mut place = direct.place().clone();
        place.url = proxy.url.clone();
        Self {
            journal: Journal::open_before_influx(folder.path(), limit).unwrap(),
            folder,
            proxy,
            spoiled: Arc::new(Client::new(place).unwrap()),
            direct,
        }
    }

    /// The process ends and begins anew.
    fn restart(&mut self, limit: u64) {
        self.journal = Journal::open_before_influx(self.folder.path(), limit).unwrap();
    }

    fn forwarder(&self) -> Forwarder {
        let influx = self.journal.influx(Arc::clone(&self.spoiled)).unwrap();
        influx.forwarder(Clock, Pace::default()).unwrap()
    }

    fn append(&mut self, events: &[StoredEvent]) -> Result<(), StoreError> {
        self.journal.commit(&Commit {
            events: events.to_vec(),
            changes: Vec::new(),
        })
    }

    /// How many passages there are by a count, and by pages; and the sum of readings.
    fn seen(&self) -> (u64, usize, u64) {
        let influx = self.journal.influx(Arc::clone(&self.direct)).unwrap();
        seen(&influx).unwrap()
    }
}

fn seen(influx: &Influx) -> Result<(u64, usize, u64), ReadError> {
    let edges = ["2026-11-23T20:00:00Z", "2026-11-24T20:00:00Z"].map(contract::wall);
    let which = CountFilter {
        kind: "passage".to_owned(),
        lanes: Vec::new(),
        dir: None,
    };
    let readings = StatsFilter::Readings {
        quantity: "ambient_c".to_owned(),
        sensor: None,
        zone: None,
    };
    let query = EventQuery {
        limit: 10_000,
        ..EventQuery::default()
    };
    let site = contract::site();
    let count = influx.counts(&site, &which, &edges)?[0];
    let measured = influx.stats(&site, &readings, &edges)?[0];
    let events = influx.events(&site, &query)?.events.len();
    Ok((count, events, measured.map_or(0, |stats| stats.n)))
}

fn events(seqs: std::ops::Range<u64>) -> Vec<StoredEvent> {
    seqs.map(|seq| match seq % 2 {
        0 => contract::passage(seq, seq.cast_signed(), "people", "in"),
        _ => contract::reading(seq, seq.cast_signed(), "yard-env", 18.5),
    })
    .collect()
}

/// However it stumbles, every answer is right at any moment, also after the end of the process.
#[test]
fn nothing_is_lost_or_doubled_by_a_server_that_stumbles() {
    let Some(server) = server() else { return };
    let mut before = Before::new(server, u64::MAX);
    before.append(&events(0..1000)).unwrap();
    let all = (500, 1000, 500);
    assert_eq!(before.seen(), all);
    let stumbles = [
        (Fault::TooMany(7), "HTTP 429"),
        (Fault::Broken, "HTTP 500: an internal error"),
        (Fault::Unheard, ""),
        (Fault::Lost, ""),
        (Fault::Cut, ""),
    ];
    for (fault, words) in stumbles {
        before.proxy.spoil(&[fault]);
        let mut forwarder = before.forwarder();
        match forwarder.round().unwrap() {
            Round::Wait { why, pause } => {
                assert!(why.contains(words), "{fault:?}: {why}");
                let least = if fault == Fault::TooMany(7) { 7 } else { 0 };
                assert!(pause >= Duration::from_secs(least), "{fault:?}: {pause:?}");
            }
            // Half of an answer without a body may be all of it.
            Round::Sent(1000) if fault == Fault::Cut => {}
            other => panic!("{fault:?}: {other:?}"),
        }
        assert_eq!(before.seen(), all, "{fault:?}");
        drop(forwarder);
        before.restart(u64::MAX);
        assert_eq!(before.seen(), all, "{fault:?} and a restart");
    }
    before.append(&events(1000..1400)).unwrap();
    before.proxy.spoil(&[Fault::Slow]);
    let mut forwarder = before.forwarder();
    while forwarder.round().unwrap() != Round::Idle {}
    assert_eq!(before.seen(), (700, 1400, 700));
    before.restart(u64::MAX);
    assert_eq!(before.seen(), (700, 1400, 700));
}

/// A question that gets no whole answer has none: never a wrong number.
#[test]
fn a_question_without_a_whole_answer_is_unavailable() {
    let Some(server) = server() else { return };
    let mut before = Before::new(server, u64::MAX);
    before.append(&events(0..100)).unwrap();
    let mut forwarder = before.forwarder();
    while forwarder.round().unwrap() != Round::Idle {}
    let influx = before.journal.influx(Arc::clone(&before.spoiled)).unwrap();
    for fault in [
        Fault::TooMany(1),
        Fault::Broken,
        Fault::Unheard,
        Fault::Lost,
        Fault::Cut,
    ] {
        before.proxy.spoil(&[fault]);
        let answer = seen(&influx);
        assert!(
            matches!(answer, Err(ReadError::Unavailable(_))),
            "{fault:?}: {answer:?}"
        );
        assert_eq!(seen(&influx).unwrap(), (50, 100, 50), "{fault:?}");
    }
    before.proxy.spoil(&[Fault::Slow]);
    assert_eq!(seen(&influx).unwrap(), (50, 100, 50));
}

/// Requests that fail in the same way over and over become other requests.
#[test]
fn what_never_gets_better_is_sent_in_another_way() {
    let Some(server) = server() else { return };
    let mut before = Before::new(server, u64::MAX);
    before.append(&events(0..1000)).unwrap();
    let mut forwarder = before.forwarder();
    before.proxy.spoil(&[Fault::Broken; 5]);
    let mut pauses = Vec::new();
    loop {
        match forwarder.round().unwrap() {
            Round::Wait { pause, .. } => pauses.push(pause),
            Round::Sent(1000) => break,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(pauses.len(), 5);
    assert!(pauses.is_sorted() && pauses[4] > pauses[0], "{pauses:?}");
    assert_eq!(before.seen(), (500, 1000, 500));
}

/// An outage: the journal takes events up to its limit, nothing in part beyond it, and goes on by itself.
#[test]
fn a_full_journal_waits_for_room() {
    let Some(server) = server() else { return };
    let limit = 60_000;
    let mut before = Before::new(server, limit);
    let mut taken = 0;
    let full = loop {
        match before.append(&events(taken..taken + 500)) {
            Ok(()) => taken += 500,
            Err(error) => break error,
        }
    };
    assert!(taken > 500);
    assert!(
        matches!(&full, StoreError::Waiting(AppendError::Full(bytes)) if *bytes <= limit),
        "{full}"
    );
    assert!(full.cure().contains("journal_max_mb"));
    let waiting = |taken: u64| (taken / 2, taken as usize, taken / 2);
    assert_eq!(before.seen(), waiting(taken));
    // What is no event is still kept: alerts, verdicts, what people do.
    before.append(&[]).unwrap();
    before.restart(limit);
    assert!(before.append(&events(taken..taken + 500)).is_err());
    let mut forwarder = before.forwarder();
    while forwarder.round().unwrap() != Round::Idle {}
    before.append(&events(taken..taken + 500)).unwrap();
    assert_eq!(before.seen(), waiting(taken + 500));
}

/// A row of the journal that the disk has spoiled is nobody's zero, before it was to be sent and after.
#[test]
fn a_damaged_row_that_waits_is_unknown_and_the_rest_goes_on() {
    let Some(server) = server() else { return };
    let stage = Stage::new(server, When::Never);
    let site = contract::site();
    let passage = |seq, hour: i64| contract::passage(seq, hour * 3600 + 60, "people", "in");
    for hour in 0..3 {
        let seq = u64::try_from(hour).unwrap() + 1;
        stage.append(&[passage(seq, hour)]);
    }
    let spoil = "UPDATE influx_row SET data = CAST(data || X'00' AS BLOB) WHERE id = 2;
                 UPDATE influx_row SET data = CAST(substr(data, 1, 20) AS BLOB) WHERE id = 2";
    stage.journal.borrow().0.execute_batch(spoil).unwrap();
    let edges: Vec<Wall> = (0..=3)
        .map(|hour| contract::wall("2026-11-23T20:00:00Z").plus_micros(hour * 3_600_000_000))
        .collect();
    let which = port::CountFilter {
        kind: "passage".to_owned(),
        lanes: vec!["people".parse().unwrap()],
        dir: None,
    };
    let told = |influx: &Influx| {
        let counts = influx.counts(&site, &which, &edges).unwrap();
        let question = port::Question::Counts(&which);
        (counts, influx.untold(&site, question, &edges).unwrap())
    };
    let expected = (vec![1, 0, 1], vec![(edges[1], edges[2])]);
    assert_eq!(told(&stage.influx), expected);
    stage.forward();
    assert_eq!(told(&stage.influx), expected);
    let verified = verify(&stage.journal.borrow().0).unwrap();
    assert_eq!((verified.rows, verified.events), (3, 2));
    assert_eq!((verified.wrong.len(), verified.aside), (1, 1));
    // Nor does one hold up those after it when there is nothing else to send.
    stage.append(&[passage(4, 2)]);
    stage
        .journal
        .borrow()
        .0
        .execute_batch(&spoil.replace("= 2", "= 4"))
        .unwrap();
    stage.forward();
    stage.append(&[passage(5, 2)]);
    stage.forward();
    let expected = (
        vec![1, 0, 2],
        vec![(edges[1], edges[2]), (edges[2], edges[3])],
    );
    assert_eq!(told(&stage.influx), expected);
    // Another process knows it too.
    let again = Influx::open(&stage.influx.file, Arc::clone(&stage.influx.client)).unwrap();
    assert_eq!(told(&again), expected);
}
