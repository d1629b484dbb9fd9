//! What every store of the history must do, as cases that run over any of them.
//!
//! A store's own tests hand over how to make an empty one; see [`check`].

mod counting;
mod made;
mod retention;

use gatepost_dashboard::ports::{EventQuery, ReadError};
use gatepost_model::{Direction, SiteId, Wall};
use serde_json::{Value, json};

use super::{
    embedded::Kept,
    event::{StoredEvent, TimeSource},
    port::{CountFilter, EventStore, Stats, StatsFilter},
};

use counting::{filters, half_open, latest, numbers, shifted_day};
use made::HOSTILE;
pub(crate) use made::{a_day, event, every_kind, passage, reading, rewritten, site, test, wall};
pub(crate) use retention::by_the_units_clock;

/// A store, and the way into it.
pub(crate) trait Bench {
    /// Appends, durably; answers how many were new.
    fn append(&self, events: &[StoredEvent]) -> u64;
    /// Its reads.
    fn store(&self) -> &dyn EventStore;
    /// Lets go all that sites do not keep any longer at a time.
    fn retain(&self, now: Wall, sites: &[Kept]);
    /// Whether it can.
    fn lets_go(&self) -> bool {
        true
    }
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

const CASES: [(&str, Case); 15] = [
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
    ("what is not kept any longer", retention::coarser),
    ("late for what is not kept any longer", retention::late),
];

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
    gap.n = 40;
    let gap = rewritten(
        gap,
        r#"{"kind":"gap","n":40,"cause":"shed","class":"record","from_mono_us":1,"to_mono_us":9,"watched":[[1,2]],"chain":"5b1e0c9a77d2f014"}"#,
    );
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
