//! What is not kept any longer is taken out of a real InfluxDB, whatever happens meanwhile.

use std::time::Duration;

use gatepost_model::retention::{Keep, Span};

use super::{
    proxy::{Fault, Proxy},
    *,
};
use crate::{
    calendar::SiteZone,
    core::Commit,
    store::{embedded::wall, journal::Journal},
};

const QUICK: Pace = Pace {
    linger: Duration::ZERO,
    first: Duration::ZERO,
    longest: Duration::ZERO,
    misconfigured: Duration::ZERO,
    settle: Duration::ZERO,
};
const DAYS: i64 = 24;
const DAY: i64 = 86_400;
/// Half a day after the last of them.
const NOW: &str = "2026-08-25T12:00:00Z";
/// What is older goes.
const RAW: &str = "2026-08-23T00:00:00Z";

fn kept() -> Vec<Kept> {
    let keep = Keep {
        raw: Span::Days(2),
        ..Keep::default()
    };
    vec![Kept {
        site: contract::site(),
        zone: SiteZone::parse("UTC").unwrap(),
        retention: gatepost_model::retention::Retention {
            telemetry: keep,
            screenings: keep,
            record: keep,
        },
    }]
}

fn event(seq: u64, second: i64, is_passage: bool) -> StoredEvent {
    let event = if is_passage {
        contract::passage(1, 0, "people", "in")
    } else {
        contract::reading(1, 0, "yard-env", 18.5)
    };
    contract::by_the_units_clock(seq, second, event)
}

/// A journal that is forwarded, and emptied in InfluxDB, through a proxy, and is read without.
struct Site {
    folder: tempfile::TempDir,
    journal: Journal,
    proxy: Proxy,
    direct: Arc<Client>,
    spoiled: Arc<Client>,
    /// Passages, and readings, of each day.
    truth: [Vec<u64>; 2],
    seq: u64,
}

impl Site {
    fn new(server: &Server) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let proxy = Proxy::before(server.url());
        let direct = server.client();
        let mut place = direct.place().clone();
        place.url = proxy.url.clone();
        let spoiled = Client::new(place).unwrap();
        spoiled.set_up(None).unwrap();
        Self {
            journal: Journal::open_before_influx(folder.path(), u64::MAX).unwrap(),
            folder,
            proxy,
            direct,
            spoiled: Arc::new(spoiled),
            truth: [vec![0; DAYS as usize + 1], vec![0; DAYS as usize + 1]],
            seq: 0,
        }
    }

    /// The process ends and begins anew.
    fn restart(&mut self) {
        self.journal = Journal::open_before_influx(self.folder.path(), u64::MAX).unwrap();
    }

    fn put(&mut self, events: &[(i64, bool)]) {
        let mut made = Vec::new();
        for (second, is_passage) in events {
            self.seq += 1;
            made.push(event(self.seq, *second, *is_passage));
            self.truth[usize::from(!is_passage)][usize::try_from(second / DAY).unwrap()] += 1;
        }
        self.commit(made);
    }

    fn commit(&mut self, events: Vec<StoredEvent>) {
        let changes = Vec::new();
        self.journal.commit(&Commit { events, changes }).unwrap();
    }

    fn influx(&self, client: &Arc<Client>) -> Influx {
        self.journal.influx(Arc::clone(client)).unwrap()
    }

    fn forward(&self) {
        let mut forwarder = self.influx(&self.spoiled).forwarder(Clock, QUICK).unwrap();
        loop {
            match forwarder.round().unwrap() {
                forward::Round::Idle => return,
                forward::Round::Sent(_) => {}
                forward::Round::Wait { why, .. } => panic!("{why}"),
            }
        }
    }

    /// Lets go until there is nothing more, or something fails. Answers what failed.
    fn retain(&self) -> Option<String> {
        let shared = &self.influx(&self.direct).shared;
        shared.ask(contract::wall(NOW), &kept());
        let mut forwarder = self.influx(&self.spoiled).forwarder(Clock, QUICK).unwrap();
        loop {
            match forwarder.retain().unwrap() {
                Slice::Nothing => return None,
                Slice::Done => {}
                Slice::Wait { why } => return Some(why),
            }
        }
    }

    fn going(&self) -> Option<Going> {
        let sums = self.influx(&self.direct).sums().unwrap().unwrap();
        Going::load(sums.connection()).unwrap()
    }

    /// What is counted of each day is what came, wherever it is.
    fn is_right(&self) {
        let influx = self.influx(&self.direct);
        let edges: Vec<Wall> = (0..=DAYS + 1)
            .map(|day| contract::wall("2026-08-01T00:00:00Z").plus_micros(day * DAY * 1_000_000))
            .collect();
        let site = contract::site();
        let counts = ["passage", "reading"].map(|kind| {
            let which = CountFilter {
                kind: kind.to_owned(),
                lanes: Vec::new(),
                dir: None,
            };
            let question = port::Question::Counts(&which);
            assert_eq!(influx.untold(&site, question, &edges).unwrap(), []);
            influx.counts(&site, &which, &edges).unwrap()
        });
        assert_eq!(counts, self.truth);
        let which = StatsFilter::Readings {
            quantity: "ambient_c".to_owned(),
            sensor: None,
            zone: None,
        };
        let stats = influx.stats(&site, &which, &edges).unwrap();
        let measured = stats.iter().map(|stats| stats.map_or(0, |it| it.n));
        assert_eq!(measured.collect::<Vec<_>>(), self.truth[1]);
    }

    /// Events on pages, and points in InfluxDB, of times that are not kept.
    fn old(&self, server: &Server) -> (usize, String) {
        let query = EventQuery {
            to: Some(contract::wall(RAW)),
            limit: 10_000,
            ..EventQuery::default()
        };
        let page = self.influx(&self.direct).events(&contract::site(), &query);
        let bucket = &self.direct.place().bucket;
        let flux = format!(
            "from(bucket: {bucket:?}) |> range(start: 2026-08-01T00:00:00Z, stop: {RAW})
             |> filter(fn: (r) => r._field == \"seq\") |> group() |> count()"
        );
        let said = server.ask(&flux);
        (page.unwrap().events.len(), said.trim().to_owned())
    }
}

/// The process ends at any request of it, answered or not, and what is late comes in between.
#[test]
fn whatever_fails_on_the_way_every_event_is_counted_once() {
    let Some(server) = server() else { return };
    let mut site = Site::new(server);
    let events: Vec<(i64, bool)> = (0..DAYS * 4)
        .flat_map(|n| [(n * DAY / 4 + 5, true), (n * DAY / 4 + 7, false)])
        .collect();
    site.put(&events);
    site.forward();
    site.is_right();
    let (mut failed, mut late) = (0, 0);
    for at in 0..14 {
        for fault in [Fault::Broken, Fault::Unheard, Fault::Lost] {
            // Only what a unit says makes time pass.
            site.put(&[(DAYS * DAY + 10, true)]);
            site.forward();
            let mut faults = vec![Fault::None; at];
            faults.push(fault);
            site.proxy.spoil(&faults);
            failed += usize::from(site.retain().is_some());
            site.proxy.heal();
            site.is_right();
            if let Some(going) = site.going() {
                // It comes to where something is being taken out.
                let begin = contract::wall("2026-08-01T00:00:00Z").micros();
                let second = (going.times.start - begin) / 1_000_000 + 100 + late;
                late += 1;
                site.put(&[(second, going.part.kind == "passage")]);
                site.is_right();
                site.restart();
                site.forward();
                assert_eq!(site.going(), None, "first out, then in");
                site.is_right();
            }
            site.restart();
        }
    }
    assert!(failed >= 30 && late >= 3, "{failed} {late}");
    site.put(&[(DAYS * DAY + 10, true)]);
    site.forward();
    assert_eq!(site.retain(), None);
    site.is_right();
    assert_eq!(site.old(server), (0, String::new()));

    // Damage of a sum is found.
    let journal = site.folder.path().join("journal.sqlite");
    let found = verify_sums(&journal).unwrap();
    assert_eq!(found.wrong, Vec::<String>::new());
    assert!(found.aggregates > 100, "{found:?}");
    let sums = gone::open(&journal).unwrap();
    let spoil = "UPDATE aggregate SET data = CAST(X'00' || data AS BLOB) WHERE start =
                     (SELECT min(start) FROM aggregate)";
    sums.connection().execute_batch(spoil).unwrap();
    assert!(!verify_sums(&journal).unwrap().wrong.is_empty());
}

/// What was taken once is not taken again after it has gone.
#[test]
fn what_has_gone_is_not_new_when_it_is_brought_again() {
    let Some(server) = server() else { return };
    let mut site = Site::new(server);
    let all: Vec<(i64, bool)> = (0..DAYS * 2)
        .map(|n| (n * DAY / 2 + 5, n % 2 == 0))
        .collect();
    site.put(&all);
    site.forward();
    assert_eq!(site.retain(), None);
    site.is_right();
    let again = (1..).zip(&all);
    let again = again.map(|(seq, (second, is_passage))| event(seq, *second, *is_passage));
    site.commit(again.collect());
    site.restart();
    site.forward();
    site.is_right();
    assert_eq!(site.old(server), (0, String::new()));
}

/// Before anything was added up nobody vouches for what the bucket has let go.
#[test]
fn what_the_bucket_let_go_before_it_was_added_up_is_unknown() {
    let sums = tempfile::tempdir().unwrap();
    let sums = gone::open(&sums.path().join("journal.sqlite")).unwrap();
    let site = contract::site();
    let class = (&site, Class::Record);
    let since = |oldest| gone::known_since(sums.connection(), class, wall(oldest)).unwrap();
    let tell = |through, oldest: i64| {
        gone::tell(sums.connection(), class, through, Some(wall(oldest))).unwrap();
    };
    assert_eq!(since(100), wall(100));
    tell(500, 100);
    // What went from then on had been added up.
    assert_eq!((since(300), since(500)), (wall(100), wall(100)));
    assert_eq!(since(501), wall(501));
    tell(900, 450);
    assert_eq!(since(800), wall(100));
    // For a while it was not.
    tell(2_000, 1_000);
    assert_eq!(since(1_500), wall(1_000));
}
