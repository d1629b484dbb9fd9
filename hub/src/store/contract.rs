//! What every store of the history must do, as cases that run over any of them.
//!
//! A store's own tests hand over how to make an empty one; see [`check`].

use std::sync::Arc;

use gatepost_dashboard::ports::{EventQuery, ReadError, Step};
use gatepost_model::{Direction, LaneId, SiteId, Wall, Zone, event::Line};
use serde_json::{Value, json};

use super::{
    event::{StoredEvent, TimeSource},
    port::{CountFilter, EventStore, Stats, StatsFilter},
};
use crate::calendar::SiteZone;

/// A store, and the way into it.
pub(crate) trait Bench {
    /// Appends, durably; answers how many were new.
    fn append(&self, events: &[StoredEvent]) -> u64;
    /// Its reads.
    fn store(&self) -> &dyn EventStore;
}

/// Runs every case on an empty store of its own.
pub(crate) fn check<B: Bench>(empty: impl Fn() -> B) {
    for (name, case) in CASES {
        // Tests show what was printed only if they fail: the last name is the one that did.
        println!("case: {name}");
        case(&empty());
    }
}

type Case = fn(&dyn Bench);

const CASES: [(&str, Case); 13] = [
    ("what goes in comes out", comes_out),
    ("the same again changes nothing", idempotent),
    ("equal times survive, in order", equal_times),
    ("shuffled and late gives the same", shuffled),
    ("pages neither lose nor repeat", pages),
    ("ranges are half-open", half_open),
    ("filters", filters),
    ("buckets over a shift of the clock", shifted_day),
    ("numbers of readings, screenings and rounds", numbers),
    ("latest is by the time of measuring", latest),
    ("hostile words are words", hostile),
    ("every kind, with any text in every field", kinds),
    ("ids, numbers and times at their limits", limits),
];

pub(crate) fn wall(text: &str) -> Wall {
    Wall::parse(text).unwrap()
}

pub(crate) fn site() -> SiteId {
    "binjiang".parse().unwrap()
}

/// An event of site `binjiang`, unit `gate-1`, log `log-1`, on the evening of 2026-11-23 in UTC.
pub(crate) fn event(seq: u64, second: i64, fields: Value) -> StoredEvent {
    let mut line = json!({"mono_us": seq * 1000});
    for (name, value) in fields.as_object().unwrap() {
        line[name] = value.clone();
    }
    let line = line.to_string();
    let time = wall("2026-11-23T20:00:00Z").plus_micros(second * 1_000_000);
    StoredEvent {
        site: site(),
        unit: "gate-1".parse().unwrap(),
        log: "log-1".parse().unwrap(),
        seq,
        n: 1,
        boot: "boot-1".parse().unwrap(),
        mono_us: seq * 1000,
        time,
        time_error_ms: 12,
        source: TimeSource::Unit,
        received: time.plus_micros(1_000_000),
        entry: Line::from_bytes(line.as_bytes()).unwrap(),
        line: Arc::from(line),
    }
}

pub(crate) fn passage(seq: u64, second: i64, lane: &str, dir: &str) -> StoredEvent {
    let fields = json!({"kind": "passage", "lane": lane, "dir": dir, "duration_ms": 400});
    event(seq, second, fields)
}

pub(crate) fn reading(seq: u64, second: i64, sensor: &str, value: f64) -> StoredEvent {
    let fields = json!({"kind": "reading", "sensor": sensor, "quantity": "ambient_c", "value": value, "zone": "living"});
    event(seq, second, fields)
}

pub(crate) fn test(mut event: StoredEvent) -> StoredEvent {
    let mut line: Value = serde_json::from_str(&event.line).unwrap();
    line["test"] = json!(true);
    event.line = Arc::from(line.to_string());
    event.entry = Line::from_bytes(event.line.as_bytes()).unwrap();
    event
}

/// One event of each kind that there is, with all its fields, and one of a kind to come.
pub(crate) fn every_kind() -> Vec<StoredEvent> {
    let fields = [
        json!({"kind": "boot", "version": "1.2.3", "config": "c0ffee", "lanes": ["people"], "sensors": ["yard-env"], "zones": ["living"], "reason": "boot"}),
        json!({"kind": "heartbeat", "watched_from_mono_us": 1, "uptime_s": 60, "clock": "synced", "waiting": 3, "disk_free": 1_u64 << 40, "cpu_c": 51.0, "undervoltage": false, "lost_edges": 0}),
        json!({"kind": "passage", "lane": "goods", "dir": "out", "duration_ms": 4000, "disinfected": true, "litres": 2.0}),
        json!({"kind": "unclear", "lane": "people", "reason": "overlap"}),
        json!({"kind": "entry", "lane": "people", "outcome": "refused", "reason": "no \"certificate\", 没有"}),
        json!({"kind": "screening", "lane": "people", "id": "s-1", "attempt": 1, "skin_c": 34.75, "ambient_c": 18.0, "baseline_c": 34.5, "delta_c": 0.25, "rule": "rel-1", "verdict": "normal"}),
        json!({"kind": "reading", "sensor": "yard-env", "quantity": "humidity", "value": 50.0, "zone": "isolation"}),
        json!({"kind": "round", "zone": "living", "round": "r-1", "phase": "ended", "started_mono_us": 1, "litres": 3.0, "pump_s": 60.0, "points": ["a", "b"], "evidence": "button+flow"}),
        json!({"kind": "fault", "sensor": "people-ir", "code": "bus_error", "detail": "pec\n2"}),
        json!({"kind": "cleared", "sensor": "people-ir", "code": "bus_error", "detail": ""}),
        json!({"kind": "calibration", "sensor": "living-flow", "quantity": "pulses_per_litre", "before": 450.0, "after": 440.5, "by": "李"}),
        json!({"kind": "weather", "wind": [1, 2.5], "seq": "its own", "nested": {"a": null}}),
    ];
    let seconds = 0_i64..;
    let events = (1..).zip(seconds).zip(fields);
    events
        .map(|((seq, second), fields)| event(seq, second, fields))
        .collect()
}

fn all() -> EventQuery {
    EventQuery {
        limit: 1000,
        ..EventQuery::default()
    }
}

fn events(bench: &dyn Bench, query: &EventQuery) -> Vec<Value> {
    bench.store().events(&site(), query).unwrap().events
}

fn seqs(bench: &dyn Bench, query: &EventQuery) -> Vec<u64> {
    let seq = |event: &Value| event["seq"].as_u64().unwrap();
    events(bench, query).iter().map(seq).collect()
}

fn count(bench: &dyn Bench, which: &CountFilter, edges: &[Wall]) -> Vec<u64> {
    bench.store().counts(&site(), which, edges).unwrap()
}

fn passages(lanes: &[&str], dir: Option<Direction>) -> CountFilter {
    CountFilter {
        kind: "passage".to_owned(),
        lanes: lanes.iter().map(|lane| lane.parse().unwrap()).collect(),
        dir,
    }
}

/// Borders at these seconds.
fn seconds(borders: &[i64]) -> Vec<Wall> {
    borders
        .iter()
        .map(|second| event(1, *second, json!({"kind": "x"})).time)
        .collect()
}

fn comes_out(bench: &dyn Bench) {
    let mut gap = event(2, 1, json!({"kind": "x"}));
    gap.line = Arc::from(
        r#"{"kind":"gap","n":40,"cause":"shed","class":"record","from_mono_us":1,"to_mono_us":9,"watched":[[1,2]],"chain":"5b1e0c9a77d2f014"}"#,
    );
    gap.entry = Line::from_bytes(gap.line.as_bytes()).unwrap();
    gap.n = 40;
    let mut estimated = event(
        42,
        2,
        json!({"kind": "weather", "wind": [1, 2.5], "seq": "its own"}),
    );
    estimated.source = TimeSource::Estimated;
    estimated.time_error_ms = u64::from(u32::MAX);
    let kept = [passage(1, 0, "people", "in"), gap, estimated];
    assert_eq!(bench.append(&kept), 3);
    let expected: Vec<Value> = kept.iter().map(StoredEvent::to_json).collect();
    assert_eq!(events(bench, &all()), expected);
    assert_eq!(expected[1]["kind"], "gap");
    let page = bench.store().events(&site(), &all()).unwrap();
    assert_eq!(page.next, None);
    let nowhere = "elsewhere".parse().unwrap();
    assert!(
        bench
            .store()
            .events(&nowhere, &all())
            .unwrap()
            .events
            .is_empty()
    );
}

fn idempotent(bench: &dyn Bench) {
    let first = [
        passage(1, 0, "people", "in"),
        reading(2, 1, "yard-env", 18.5),
    ];
    assert_eq!(bench.append(&first), 2);
    // Whatever a repeat says, what is there stays as it is.
    let again = [
        passage(1, 500, "goods", "out"),
        reading(2, 500, "yard-env", 99.0),
        passage(3, 2, "people", "in"),
    ];
    assert_eq!(bench.append(&again), 1);
    assert_eq!(bench.append(&again), 0);
    assert_eq!(bench.append(&[]), 0);
    assert_eq!(seqs(bench, &all()), [1, 2, 3]);
    assert_eq!(
        count(bench, &passages(&[], None), &seconds(&[0, 1000])),
        [2]
    );
    let latest = bench.store().latest(&site()).unwrap();
    assert_eq!(latest[0].value, 18.5);
    // Within one call, too.
    assert_eq!(
        bench.append(&[passage(4, 3, "people", "in"), passage(4, 3, "people", "in")]),
        1
    );
}

fn equal_times(bench: &dyn Bench) {
    let mut other_log = passage(1, 0, "people", "in");
    other_log.log = "log-0".parse().unwrap();
    let mut other_unit = passage(1, 0, "people", "in");
    other_unit.unit = "gate-0".parse().unwrap();
    other_unit.log = "log-9".parse().unwrap();
    let mut other_site = passage(1, 0, "people", "in");
    other_site.site = "elsewhere".parse().unwrap();
    let same = (1..=1500).map(|seq| passage(seq, 0, "people", "in"));
    let kept: Vec<StoredEvent> = same.chain([other_log, other_unit, other_site]).collect();
    assert_eq!(bench.append(&kept), 1503);
    assert_eq!(
        count(
            bench,
            &passages(&["people"], Some(Direction::In)),
            &seconds(&[0, 1])
        ),
        [1502]
    );
    let query = EventQuery {
        limit: 10_000,
        ..all()
    };
    let key = |event: &Value| {
        let text = |name: &str| event[name].as_str().unwrap().to_owned();
        (text("unit"), text("log"), event["seq"].as_u64().unwrap())
    };
    let keys: Vec<_> = events(bench, &query).iter().map(key).collect();
    assert_eq!(keys.len(), 1502);
    assert!(keys.is_sorted());
}

/// Readings and passages of two units over a day, with their numbers out of step with their times.
pub(crate) fn a_day() -> Vec<StoredEvent> {
    (0_i64..600)
        .map(|n| {
            let seq = u64::try_from(n / 2 + 1).unwrap();
            let second = n * 137 % 80_000;
            let mut event = match n % 3 {
                0 => passage(seq, second, "people", if n % 2 == 0 { "in" } else { "out" }),
                1 => reading(seq, second, "yard-env", (n % 17) as f64 / 4.0),
                _ => event(seq, second, json!({"kind": "screening", "lane": "people", "id": "s", "attempt": 1, "skin_c": 34.0 + (n % 8) as f64 / 4.0, "rule": "rel-1", "verdict": "normal"})),
            };
            if n % 2 == 0 {
                event.unit = "gate-2".parse().unwrap();
            }
            event
        })
        .collect()
}

pub(crate) type Answers = (Vec<Value>, Vec<u64>, Vec<Vec<Option<Stats>>>, String);

pub(crate) fn answers(store: &dyn EventStore, site: &SiteId) -> Answers {
    let edges: Vec<i64> = (0..=80).map(|n| n * 1000).collect();
    let edges = seconds(&edges);
    let which = [
        StatsFilter::Readings {
            quantity: "ambient_c".to_owned(),
            sensor: None,
            zone: None,
        },
        StatsFilter::SkinC { lanes: vec![] },
    ];
    let stats = which.map(|which| store.stats(site, &which, &edges).unwrap());
    let counts = store.counts(site, &passages(&[], None), &edges).unwrap();
    let latest = format!("{:?}", store.latest(site).unwrap());
    let events = store.events(site, &all()).unwrap().events;
    (events, counts, stats.to_vec(), latest)
}

fn shuffled(bench: &dyn Bench) {
    let live = a_day();
    bench.append(&live);
    let expected = answers(bench.store(), &site());
    assert_eq!(expected.0.len(), 600);
    assert_eq!(expected.1.iter().sum::<u64>(), 200);

    let mut late = live;
    // A fixed shuffle: 241 and 601 have no common divisor.
    late.sort_by_key(|event| {
        let unit = u64::from(event.unit.as_str() == "gate-2");
        (event.seq * 2 + unit) * 241 % 601
    });
    for event in &mut late {
        event.site = "later".parse().unwrap();
    }
    for chunk in late.chunks(7) {
        bench.append(chunk);
        bench.append(chunk);
    }
    let mut given = answers(bench.store(), &"later".parse().unwrap());
    for event in &mut given.0 {
        event["site"] = json!("binjiang");
    }
    assert_eq!(given, expected);
}

fn pages(bench: &dyn Bench) {
    bench.append(&a_day());
    let whole = events(bench, &all());
    for (kind, limit) in [(None, 9), (None, 10), (Some("passage"), 25), (None, 600)] {
        let mut query = EventQuery {
            kind: kind.map(str::to_owned),
            limit,
            ..all()
        };
        let mut walked = Vec::new();
        loop {
            let page = bench.store().events(&site(), &query).unwrap();
            assert!(page.events.len() <= limit);
            walked.extend(page.events);
            query.cursor = page.next;
            if query.cursor.is_none() {
                break;
            }
            // What arrives before the place where a reader is moves nothing.
            let walked_so_far = u64::try_from(walked.len()).unwrap();
            if walked_so_far % 50 == 0 {
                let mut late = passage(10_000 + walked_so_far, -5, "people", "in");
                late.log = "late".parse().unwrap();
                bench.append(&[late]);
            }
        }
        let expected: Vec<Value> = whole
            .iter()
            .filter(|event| kind.is_none_or(|kind| event["kind"] == kind))
            .cloned()
            .collect();
        walked.retain(|event| event["log"] != "late");
        assert_eq!(walked, expected, "{kind:?} {limit}");
    }
    for cursor in [
        "",
        "1",
        "x~gate-1~log-1~1",
        "1~gate-1~log-1",
        "1~gate-1~log-1~1~1",
        "1~gate-1~log-1~9999999999999999999",
    ] {
        let query = EventQuery {
            cursor: Some(cursor.to_owned()),
            ..all()
        };
        let error = bench.store().events(&site(), &query).unwrap_err();
        assert!(
            matches!(
                error,
                ReadError::Invalid {
                    parameter: "cursor",
                    ..
                }
            ),
            "{cursor}"
        );
    }
}

fn half_open(bench: &dyn Bench) {
    let kept: Vec<StoredEvent> = (0..10)
        .map(|n| passage(u64::try_from(n).unwrap() + 1, n, "people", "in"))
        .collect();
    bench.append(&kept);
    let edges = seconds(&[2, 4, 5, 5, 8]);
    assert_eq!(count(bench, &passages(&[], None), &edges), [2, 1, 0, 3]);
    let query = EventQuery {
        from: Some(edges[0]),
        to: Some(edges[1]),
        ..all()
    };
    assert_eq!(seqs(bench, &query), [3, 4]);
    let query = EventQuery {
        from: Some(edges[1]),
        to: Some(edges[0]),
        ..all()
    };
    assert!(seqs(bench, &query).is_empty());
    assert!(count(bench, &passages(&[], None), &[]).is_empty());
    assert!(count(bench, &passages(&[], None), &edges[..1]).is_empty());
}

fn filters(bench: &dyn Bench) {
    let mut other_unit = reading(5, 5, "hall-env", 20.0);
    other_unit.unit = "yard-1".parse().unwrap();
    bench.append(&[
        passage(1, 1, "people", "in"),
        passage(2, 2, "people", "out"),
        passage(3, 3, "goods", "in"),
        event(
            4,
            4,
            json!({"kind": "unclear", "lane": "people", "reason": "overlap"}),
        ),
        other_unit,
        test(passage(6, 6, "people", "in")),
        test(reading(7, 7, "yard-env", 21.0)),
    ]);
    let seqs = |query: EventQuery| seqs(bench, &query);
    let lane = |lane: &str| Some(lane.parse::<LaneId>().unwrap());
    assert_eq!(
        seqs(EventQuery {
            lane: lane("people"),
            ..all()
        }),
        [1, 2, 4, 6]
    );
    assert_eq!(
        seqs(EventQuery {
            kind: Some("passage".to_owned()),
            ..all()
        }),
        [1, 2, 3, 6]
    );
    assert_eq!(
        seqs(EventQuery {
            kind: Some("unclear".to_owned()),
            lane: lane("people"),
            ..all()
        }),
        [4]
    );
    assert_eq!(
        seqs(EventQuery {
            unit: Some("yard-1".parse().unwrap()),
            ..all()
        }),
        [5]
    );
    assert_eq!(
        seqs(EventQuery {
            zone: Some(Zone::Living),
            ..all()
        }),
        [5, 7]
    );
    assert!(
        seqs(EventQuery {
            kind: Some("nothing".to_owned()),
            ..all()
        })
        .is_empty()
    );
    assert!(
        seqs(EventQuery {
            lane: lane("car"),
            ..all()
        })
        .is_empty()
    );

    // Tests are counted nowhere.
    let count = |lanes: &[&str], dir| count(bench, &passages(lanes, dir), &seconds(&[0, 10]));
    assert_eq!(count(&[], None), [3]);
    assert_eq!(count(&["people"], None), [2]);
    assert_eq!(count(&["people", "goods"], Some(Direction::In)), [2]);
    assert_eq!(count(&["goods"], Some(Direction::Out)), [0]);
    assert_eq!(count(&["car"], None), [0]);
    let latest = bench.store().latest(&site()).unwrap();
    assert_eq!(latest.len(), 1);
    assert_eq!(
        (latest[0].sensor.as_str(), latest[0].zone),
        ("hall-env", Some(Zone::Living))
    );
}

fn shifted_day(bench: &dyn Bench) {
    // One passage each quarter of an hour, from the day before the shift to the day after.
    let start = wall("2005-10-29T07:00:00Z");
    let kept: Vec<StoredEvent> = (0..3 * 4 * 26)
        .map(|n| {
            let mut event = passage(u64::try_from(n).unwrap() + 1, 0, "people", "in");
            event.time = start.plus_micros(n * 900_000_000);
            event
        })
        .collect();
    bench.append(&kept);
    let zone = SiteZone::parse("America/Los_Angeles").unwrap();
    let (from, to) = zone.day_bounds("2005-10-30".parse().unwrap());
    let days = zone
        .edges(from.plus_micros(-24 * 3_600_000_000), to, Step::Day)
        .unwrap();
    assert_eq!(count(bench, &passages(&[], None), &days), [96, 100]);
    let halves = zone.edges(from, to, Step::Minutes(30)).unwrap();
    assert_eq!(count(bench, &passages(&[], None), &halves), [2; 50]);
}

fn numbers(bench: &dyn Bench) {
    let round = |seq, second, zone: &str, phase: &str, litres: f64| {
        event(
            seq,
            second,
            json!({"kind": "round", "zone": zone, "round": "r", "phase": phase, "started_mono_us": 0, "litres": litres, "pump_s": 1.0, "points": [], "evidence": "button+flow"}),
        )
    };
    let screening = |seq, second, lane: &str, skin: f64| {
        event(
            seq,
            second,
            json!({"kind": "screening", "lane": lane, "id": "s", "attempt": 1, "skin_c": skin, "rule": "rel-1", "verdict": "normal"}),
        )
    };
    bench.append(&[
        reading(1, 1, "a", 1.0),
        reading(2, 2, "a", 4.0),
        reading(3, 3, "b", -2.0),
        reading(4, 12, "a", 1.0e308),
        reading(5, 13, "a", 1.0e308),
        event(
            6,
            3,
            json!({"kind": "reading", "sensor": "a", "quantity": "humidity", "value": 50.0}),
        ),
        round(7, 1, "living", "started", 0.0),
        round(8, 2, "living", "ended", 3.5),
        round(9, 3, "isolation", "ended", 1.5),
        round(10, 4, "living", "abandoned", 9.0),
        screening(11, 5, "people", 34.5),
        screening(12, 6, "people-2", 36.5),
    ]);
    let edges = seconds(&[0, 10, 20, 30]);
    let stats = |which: StatsFilter| bench.store().stats(&site(), &which, &edges).unwrap();
    let of = |n, min, mean, max| Some(Stats { n, min, mean, max });
    let readings = |sensor: Option<&str>, zone| StatsFilter::Readings {
        quantity: "ambient_c".to_owned(),
        sensor: sensor.map(|sensor| sensor.parse().unwrap()),
        zone,
    };
    let huge = of(2, 1.0e308, 1.0e308, 1.0e308);
    assert_eq!(
        stats(readings(None, None)),
        [of(3, -2.0, 1.0, 4.0), huge, None]
    );
    assert_eq!(
        stats(readings(Some("a"), Some(Zone::Living))),
        [of(2, 1.0, 2.5, 4.0), huge, None]
    );
    assert_eq!(stats(readings(None, Some(Zone::Isolation))), [None; 3]);
    assert_eq!(stats(readings(Some("c"), None)), [None; 3]);
    assert_eq!(
        stats(StatsFilter::Litres { zone: None })[0],
        of(2, 1.5, 2.5, 3.5)
    );
    assert_eq!(
        stats(StatsFilter::Litres {
            zone: Some(Zone::Living)
        })[0],
        of(1, 3.5, 3.5, 3.5)
    );
    assert_eq!(
        stats(StatsFilter::SkinC { lanes: vec![] })[0],
        of(2, 34.5, 35.5, 36.5)
    );
    let people = vec!["people".parse().unwrap()];
    assert_eq!(
        stats(StatsFilter::SkinC { lanes: people })[0],
        of(1, 34.5, 34.5, 34.5)
    );
}

fn latest(bench: &dyn Bench) {
    bench.append(&[
        reading(1, 100, "yard-env", 20.0),
        reading(2, 50, "yard-env", 10.0),
    ]);
    bench.append(&[
        reading(3, 90, "yard-env", 15.0),
        reading(4, 1, "hall-env", 5.0),
    ]);
    let mut other_unit = reading(1, 500, "yard-env", 30.0);
    other_unit.unit = "gate-2".parse().unwrap();
    bench.append(&[other_unit]);
    let latest = bench.store().latest(&site()).unwrap();
    let key: Vec<_> = latest
        .iter()
        .map(|it| {
            (
                it.unit.as_str(),
                it.sensor.as_str(),
                it.quantity.as_str(),
                it.value,
            )
        })
        .collect();
    assert_eq!(
        key,
        [
            ("gate-1", "hall-env", "ambient_c", 5.0),
            ("gate-1", "yard-env", "ambient_c", 20.0),
            ("gate-2", "yard-env", "ambient_c", 30.0),
        ]
    );
    assert_eq!(latest[1].at, seconds(&[100])[0]);
    // Of equal times the higher sequence stands, whichever comes first.
    bench.append(&[reading(6, 100, "yard-env", 22.0)]);
    bench.append(&[reading(5, 100, "yard-env", 21.0)]);
    assert_eq!(bench.store().latest(&site()).unwrap()[1].value, 22.0);
}

fn hostile(bench: &dyn Bench) {
    let words = [
        "'; DROP TABLE event; --",
        "a,b=c d\n\"e\\",
        "\u{0}",
        "",
        "門 🚧",
        "ambient_c ",
    ];
    let kept: Vec<StoredEvent> = (1..)
        .zip(words)
        .map(|(seq, word)| event(seq, 0, json!({"kind": "reading", "sensor": "a", "quantity": word, "value": seq, "note": word})))
        .collect();
    assert_eq!(bench.append(&kept), 6);
    let mut kind = event(7, 1, json!({"kind": "x'\n\" ~", "note": "\u{7}"}));
    kind.time = kind.time.plus_micros(500_000);
    bench.append(std::slice::from_ref(&kind));
    for (event, word) in events(bench, &all()).iter().zip(words) {
        assert_eq!(
            (&event["quantity"], &event["note"]),
            (&json!(word), &json!(word))
        );
    }
    let query = EventQuery {
        kind: Some("x'\n\" ~".to_owned()),
        ..all()
    };
    assert_eq!(events(bench, &query), [kind.to_json()]);
    for (n, word) in (1..).zip(words) {
        let which = StatsFilter::Readings {
            quantity: word.to_owned(),
            sensor: None,
            zone: None,
        };
        let stats = bench
            .store()
            .stats(&site(), &which, &seconds(&[0, 1]))
            .unwrap();
        assert_eq!(
            stats[0].map(|stats| (stats.n, stats.mean)),
            Some((1, f64::from(n))),
            "{word:?}"
        );
    }
    assert_eq!(bench.store().latest(&site()).unwrap().len(), words.len());
}

/// A text that breaks what takes it for more than a text.
const HOSTILE: &str = "a,b=c d\n\"e\\ ${r._value} 門 🚧\t%0a\u{7f}";

fn kinds(bench: &dyn Bench) {
    let mut kept = every_kind();
    let hostile = [
        json!({"kind": "boot", "version": HOSTILE, "config": HOSTILE, "lanes": [], "sensors": [], "reason": HOSTILE}),
        json!({"kind": "entry", "lane": "people", "outcome": "refused", "reason": HOSTILE}),
        json!({"kind": "screening", "lane": "people", "id": HOSTILE, "attempt": 2, "skin_c": 36.0, "rule": HOSTILE, "verdict": "remeasure"}),
        json!({"kind": "round", "zone": "living", "round": HOSTILE, "phase": "ended", "started_mono_us": 0, "litres": 0.0, "pump_s": 0.0, "points": [HOSTILE], "evidence": HOSTILE}),
        json!({"kind": "fault", "sensor": "a", "code": "stuck", "detail": HOSTILE}),
        json!({"kind": "cleared", "sensor": "a", "code": "stuck", "detail": HOSTILE}),
        json!({"kind": "calibration", "sensor": "a", "quantity": HOSTILE, "before": 1.0, "after": 2.0, "by": HOSTILE}),
        json!({"kind": HOSTILE, HOSTILE: HOSTILE}),
    ];
    for (seq, fields) in (101..).zip(hostile) {
        kept.push(event(seq, 50, fields));
    }
    let kinds: Vec<String> = kept.iter().map(|event| event.kind().to_owned()).collect();
    let tests = kept.clone().into_iter().map(|mut event| {
        event.seq += 1000;
        test(event)
    });
    kept.extend(tests);
    assert_eq!(bench.append(&kept), kept.len() as u64);
    let order = |event: &StoredEvent| (event.time, event.seq);
    kept.sort_by_key(order);
    let expected: Vec<Value> = kept.iter().map(StoredEvent::to_json).collect();
    assert_eq!(events(bench, &all()), expected);
    for kind in &kinds {
        let of_kind = |event: &&Value| event["kind"] == json!(kind);
        let expected: Vec<&Value> = expected.iter().filter(of_kind).collect();
        let query = EventQuery {
            kind: Some(kind.clone()),
            ..all()
        };
        assert_eq!(
            events(bench, &query).iter().collect::<Vec<_>>(),
            expected,
            "{kind}"
        );
        // Of each event there is a test, which is counted nowhere.
        let which = CountFilter {
            kind: kind.clone(),
            lanes: Vec::new(),
            dir: None,
        };
        let counted = count(bench, &which, &seconds(&[0, 100]));
        assert_eq!(counted, [expected.len() as u64 / 2], "{kind}");
    }
}

fn limits(bench: &dyn Bench) {
    let mut kept = Vec::new();
    let times = ["1970-01-01T00:00:00Z", "2199-12-31T23:59:59.999Z"].map(wall);
    let long = |length: usize| "a-9".chars().cycle().take(length).collect::<String>();
    let last = i64::MAX.cast_unsigned();
    let seqs = [
        [1, 999, 1000, 1 << 53, last],
        [2, 998, 1001, (1 << 53) + 1, last - 1],
    ];
    for (time, seqs) in times.into_iter().zip(seqs) {
        for seq in seqs {
            let mut event = event(
                1,
                0,
                json!({"kind": "reading", "sensor": long(32), "quantity": "ambient_c", "value": f64::MAX, "zone": "living"}),
            );
            event.unit = long(32).parse().unwrap();
            event.log = "Az.0_-".repeat(11)[..64].parse().unwrap();
            event.time = time;
            event.received = times[1];
            event.seq = seq;
            kept.push(event);
        }
    }
    let mut heartbeat = event(
        7,
        0,
        json!({"kind": "heartbeat", "watched_from_mono_us": (1_u64 << 53) - 1, "uptime_s": u64::MAX, "clock": "synced", "waiting": u64::MAX, "disk_free": u64::MAX, "lost_edges": u64::MAX}),
    );
    heartbeat.time = times[0];
    kept.push(heartbeat);
    assert_eq!(bench.append(&kept), kept.len() as u64);
    kept.sort_by_key(|event| (event.time, event.unit.clone(), event.log.clone(), event.seq));
    let expected: Vec<Value> = kept.iter().map(StoredEvent::to_json).collect();
    assert_eq!(events(bench, &all()), expected);
    let edges = [times[0], wall("2100-01-01T00:00:00Z"), times[1]];
    let which = StatsFilter::Readings {
        quantity: "ambient_c".to_owned(),
        sensor: None,
        zone: None,
    };
    let stats = bench.store().stats(&site(), &which, &edges).unwrap();
    let first = stats[0].unwrap();
    assert_eq!((first.n, first.mean), (5, f64::MAX));
    assert_eq!(stats[1], None, "the end is not of the range");
}
