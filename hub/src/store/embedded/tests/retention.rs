//! What is older than a site keeps it: coarser, then gone, and never a wrong number.

use gatepost_dashboard::ports::Step;
use gatepost_model::{
    Direction,
    event::{Line, Stamp},
    retention::{Keep, Retention, Span},
};
use serde_json::json;

use super::*;
use crate::calendar::SiteZone;

const BEGINS: &str = "2026-08-01T00:00:00Z";
const DAYS: i64 = 50;
const ENDS: &str = "2026-09-20T00:00:00Z";

/// A zone whose hours are not those of UTC.
fn zone() -> SiteZone {
    SiteZone::parse("Asia/Kathmandu").unwrap()
}

/// By the unit's own clock.
pub(crate) fn at(seq: u64, second: i64, mut event: StoredEvent) -> StoredEvent {
    event.time = contract::wall(BEGINS).plus_micros(second * 1_000_000);
    event.received = event.time;
    event.seq = seq;
    let Line::Event(entry) = &mut event.entry else {
        panic!("a gap has no clock");
    };
    entry.at = Some(Stamp {
        at: event.time,
        err_ms: event.time_error_ms,
    });
    let line = entry.to_line();
    contract::rewritten(event, line)
}

/// Every 1000 seconds a reading, a passage and somebody's temperature.
pub(crate) fn fifty_days() -> Vec<StoredEvent> {
    let mut events = Vec::new();
    for n in 0..DAYS * 86_400 / 1000 {
        let mut put = |second: i64, event: StoredEvent| {
            let seq = events.len() as u64 + 1;
            events.push(at(seq, n * 1000 + second, event));
        };
        put(
            0,
            contract::reading(1, 0, "yard-env", (n % 37) as f64 / 4.0),
        );
        let dir = if n % 3 == 0 { "out" } else { "in" };
        put(1, contract::passage(1, 0, "people", dir));
        let skin_c = 34.0 + (n % 11) as f64 / 10.0;
        put(
            2,
            contract::event(
                1,
                0,
                json!({"kind": "screening", "lane": "people", "id": "s", "attempt": 1, "skin_c": skin_c, "rule": "rel-1", "verdict": "normal"}),
            ),
        );
    }
    events
}

pub(crate) fn kept(raw: u16, hourly: u16, daily: Span) -> [Kept; 1] {
    let keep = Keep {
        raw: Span::Days(raw),
        hourly: Span::Days(hourly),
        daily,
    };
    [Kept {
        site: contract::site(),
        zone: zone(),
        retention: Retention {
            telemetry: keep,
            screenings: keep,
            record: keep,
        },
    }]
}

impl File {
    fn retain(&self, now: &str, sites: &[Kept]) {
        let mut writing = self.writing.lock().unwrap();
        let (connection, writer) = &mut *writing;
        let now = contract::wall(now);
        for _ in 0..10_000 {
            if writer.retain(connection, now, sites).unwrap() == Retained::Nothing {
                return;
            }
        }
        panic!("it never ends");
    }

    /// Pages of the file, and those among them that nothing needs.
    fn pages(&self) -> (i64, i64) {
        let writing = self.writing.lock().unwrap();
        let ask = |what: &str| {
            let pages = writing.0.pragma_query_value(None, what, |row| row.get(0));
            pages.unwrap()
        };
        (ask("page_count"), ask("freelist_count"))
    }

    fn verified(&self) -> Verified {
        verify(&self.writing.lock().unwrap().0).unwrap()
    }
}

pub(crate) fn passages() -> CountFilter {
    CountFilter {
        kind: "passage".to_owned(),
        lanes: vec!["people".parse().unwrap()],
        dir: Some(Direction::In),
    }
}

fn questions() -> [StatsFilter; 2] {
    [
        StatsFilter::Readings {
            quantity: "ambient_c".to_owned(),
            sensor: Some("yard-env".parse().unwrap()),
            zone: None,
        },
        StatsFilter::SkinC {
            lanes: vec!["people".parse().unwrap()],
        },
    ]
}

type Told = (Vec<u64>, Vec<Vec<Option<Stats>>>);

fn told(file: &File, edges: &[Wall]) -> Told {
    let (store, site) = (&file.store, contract::site());
    let stats = questions().map(|which| store.stats(&site, &which, edges).unwrap());
    (
        store.counts(&site, &passages(), edges).unwrap(),
        stats.into(),
    )
}

/// Whether some answer is said not to be the whole.
fn is_untold(file: &File, edges: &[Wall]) -> bool {
    let (store, site) = (&file.store, contract::site());
    let [readings, skin_c] = questions();
    let which = passages();
    [
        Question::Counts(&which),
        Question::Stats(&readings),
        Question::Stats(&skin_c),
    ]
    .into_iter()
    .any(|which| !store.untold(&site, which, edges).unwrap().is_empty())
}

fn edges(from: &str, to: &str, step: Step) -> Vec<Wall> {
    let (from, to) = (contract::wall(from), contract::wall(to));
    zone().edges(from, to, step).unwrap()
}

#[test]
fn hours_and_days_are_the_same_after_their_events_have_gone() {
    let file = File::empty();
    file.append(&fifty_days());
    file.seal();
    assert!(file.verified().sealed > 4_000);
    let local = |hours, days| {
        [
            edges("2026-08-01T18:15:00Z", "2026-09-19T18:15:00Z", hours),
            edges("2026-08-01T18:15:00Z", "2026-09-19T18:15:00Z", days),
        ]
    };
    let both = local(Step::Minutes(60), Step::Day);
    let before = [told(&file, &both[0]), told(&file, &both[1])];
    let pages = file.pages();

    file.retain(ENDS, &kept(10, 40, Span::Forever));
    let file = file.reopened();
    // 9 of 50 days are days, 30 are hours, the rest is as it was.
    assert_eq!(told(&file, &both[1]), before[1]);
    assert!(!is_untold(&file, &both[1]));
    let hourly = edges(
        "2026-08-10T18:15:00Z",
        "2026-09-19T18:15:00Z",
        Step::Minutes(60),
    );
    let skipped = both[0].iter().position(|edge| *edge == hourly[0]).unwrap();
    let (counts, stats) = told(&file, &hourly);
    assert_eq!(counts, before[0].0[skipped..]);
    for (stats, before) in stats.iter().zip(&before[0].1) {
        assert_eq!(stats[..], before[skipped..]);
    }
    assert!(!is_untold(&file, &hourly));

    let page = file.store.events(
        &contract::site(),
        &EventQuery {
            limit: 1,
            ..EventQuery::default()
        },
    );
    let oldest = page.unwrap().events[0]["time"].as_str().unwrap().to_owned();
    assert_eq!(&oldest[..10], "2026-09-09", "{oldest}");
    let (left, free) = file.pages();
    let shown = format!("{left} of {pages:?} pages are left, {free} free");
    assert!(left < pages.0 && free <= 256, "{shown}");
    assert!((left - free) * 2 < pages.0, "{shown}");
    assert_eq!(file.verified().wrong, Vec::<String>::new());

    // After a new start it takes a unit's word again before anything is old.
    file.retain(ENDS, &kept(10, 20, Span::Days(30)));
    assert_eq!(told(&file, &both[1]), before[1]);
    let next = contract::passage(1, 0, "people", "out");
    file.append(&[at(1_000_000, DAYS * 86_400, next)]);
    file.retain(ENDS, &kept(10, 20, Span::Days(30)));
    let gone = edges("2026-08-01T18:15:00Z", "2026-08-19T18:15:00Z", Step::Day);
    assert_eq!(told(&file, &gone).0, vec![0; 18]);
}

#[test]
fn a_question_that_cuts_what_is_left_is_said_to_be_unanswered_there() {
    let file = File::empty();
    file.append(&fifty_days());
    file.seal();
    let asked = [
        edges(
            "2026-09-01T18:15:00Z",
            "2026-09-03T18:15:00Z",
            Step::Minutes(30),
        ),
        edges(
            "2026-09-01T18:45:00Z",
            "2026-09-03T18:45:00Z",
            Step::Minutes(60),
        ),
        edges(
            "2026-08-03T18:15:00Z",
            "2026-08-06T18:15:00Z",
            Step::Minutes(60),
        ),
        edges("2026-08-03T12:00:00Z", "2026-08-06T11:00:00Z", Step::Day),
    ];
    let before: Vec<Told> = asked.iter().map(|edges| told(&file, edges)).collect();
    file.retain(ENDS, &kept(10, 40, Span::Forever));
    let site = contract::site();
    for (edges, before) in asked.iter().zip(before) {
        let which = passages();
        let untold = file
            .store
            .untold(&site, Question::Counts(&which), edges)
            .unwrap();
        assert!(!untold.is_empty());
        let is_told = |bucket: &[Wall]| {
            let is_apart = |(from, to): &(Wall, Wall)| *to <= bucket[0] || *from >= bucket[1];
            untold.iter().all(is_apart)
        };
        let counts = told(&file, edges).0;
        for ((bucket, n), before) in edges.windows(2).zip(counts).zip(before.0) {
            if is_told(bucket) {
                assert_eq!(n, before, "{bucket:?}");
            } else {
                assert!(n <= before, "{bucket:?}");
            }
        }
    }
}

#[test]
fn what_comes_late_joins_its_hour() {
    let file = File::empty();
    let mut events = fifty_days();
    let late: Vec<StoredEvent> = {
        let mut n = 0;
        let mut is_late = |_: &StoredEvent| {
            n += 1;
            n % 7 == 0
        };
        events.extract_if(.., |event| is_late(event)).collect()
    };
    let days = edges("2026-08-01T18:15:00Z", "2026-09-19T18:15:00Z", Step::Day);
    let whole = File::empty();
    whole.append(&fifty_days());
    file.append(&events);
    file.seal();
    file.retain(ENDS, &kept(10, 40, Span::Forever));
    assert_ne!(told(&file, &days), told(&whole, &days));
    file.append(&late);
    file.seal();
    assert_eq!(told(&file, &days), told(&whole, &days));
    file.retain(ENDS, &kept(10, 40, Span::Forever));
    assert_eq!(told(&file, &days), told(&whole, &days));
}

#[test]
fn a_clock_that_is_years_ahead_throws_nothing_away() {
    let file = File::empty();
    file.append(&fifty_days());
    file.seal();
    file.retain("2099-01-01T00:00:00Z", &kept(60, 90, Span::Days(100)));
    let page = file.store.events(
        &contract::site(),
        &EventQuery {
            limit: 1,
            ..EventQuery::default()
        },
    );
    let oldest = page.unwrap().events[0]["time"].as_str().unwrap().to_owned();
    assert_eq!(&oldest[..10], "2026-08-01", "{oldest}");
    // Nor does one of which no unit says by its own clock that it is right: what only an anchor tells
    // may be what this hub told the unit.
    let mut unsure = fifty_days();
    for event in &mut unsure {
        if let Line::Event(entry) = &mut event.entry {
            entry.at = None;
            let line = entry.to_line();
            *event = contract::rewritten(event.clone(), line);
        }
        assert_eq!(event.source, crate::store::event::TimeSource::Unit);
    }
    let file = File::empty();
    file.append(&unsure);
    file.seal();
    file.retain("2099-01-01T00:00:00Z", &kept(1, 1, Span::Days(1)));
    let page = file.store.events(
        &contract::site(),
        &EventQuery {
            limit: 1,
            ..EventQuery::default()
        },
    );
    assert_eq!(page.unwrap().events.len(), 1);
}

#[test]
fn a_damaged_hour_is_no_number() {
    let file = File::empty();
    file.append(&fifty_days());
    file.seal();
    file.retain(ENDS, &kept(10, 40, Span::Forever));
    let hours = edges(
        "2026-09-01T18:15:00Z",
        "2026-09-02T18:15:00Z",
        Step::Minutes(60),
    );
    let before = told(&file, &hours);
    {
        let writing = file.writing.lock().unwrap();
        let hour = hours[3].micros();
        let sql = "UPDATE aggregate SET data = CAST(X'00' || data AS BLOB) WHERE start = ?1 AND width = 1";
        assert!(writing.0.execute(sql, [hour]).unwrap() >= 3);
    }
    assert!(is_untold(&file, &hours));
    let mut expected = before;
    expected.0[3] = 0;
    expected.1.iter_mut().for_each(|stats| stats[3] = None);
    assert_eq!(told(&file, &hours), expected);
    assert_eq!(file.verified().wrong.len(), 4);
    // When it has become a part of its day, the day is not the whole.
    file.retain(ENDS, &kept(10, 11, Span::Forever));
    let days = edges("2026-09-01T18:15:00Z", "2026-09-02T18:15:00Z", Step::Day);
    assert!(is_untold(&file, &days));
}

#[test]
fn what_bears_lost_names_goes_and_its_hours_stay_known_to_be_a_part() {
    let file = File::empty();
    let mut events = fifty_days();
    for (n, event) in events.iter_mut().enumerate() {
        // A second sensor, read with the first one.
        if n % 3 == 1 {
            let seq = event.seq;
            *event = at(
                seq,
                n as i64 / 3 * 1000 + 1,
                contract::reading(1, 0, "other", 1.0),
            );
        }
    }
    file.append(&events);
    file.seal();
    let hours = edges(
        "2026-09-01T18:15:00Z",
        "2026-09-02T18:15:00Z",
        Step::Minutes(60),
    );
    let expected = told(&file, &hours);
    {
        let writing = file.writing.lock().unwrap();
        let sql = "UPDATE reading_series SET check32 = check32 + 1 WHERE id = 1";
        assert_eq!(writing.0.execute(sql, []).unwrap(), 1);
    }
    let file = file.reopened();
    file.append(&[at(
        events.len() as u64 + 1,
        DAYS * 86_400,
        contract::passage(1, 0, "people", "in"),
    )]);
    file.retain(ENDS, &kept(10, 40, Span::Forever));
    let blocks: i64 = {
        let writing = file.writing.lock().unwrap();
        let old = contract::wall("2026-09-09T00:00:00Z").micros() / 3_600_000_000;
        let sql = "SELECT count(*) FROM reading_block WHERE key < ?1";
        let count = writing
            .0
            .query_row(sql, [block::key(old, 0)], |row| row.get(0));
        count.unwrap()
    };
    assert_eq!(blocks, 0);
    let file = file.reopened();
    assert_eq!(told(&file, &hours), expected);
    assert!(is_untold(&file, &hours));
}
