//! Cases of what a site does not keep any longer: coarser, and never another number.

use gatepost_dashboard::ports::{EventQuery, Step};
use gatepost_model::{
    Direction, SiteId, Wall,
    retention::{Keep, Retention, Span},
};
use serde_json::{Value, json};

use super::{
    Bench, all, event, every_kind, passage, passages, reading, rewritten, site, test, wall,
};
use crate::{
    calendar::SiteZone,
    store::{
        embedded::Kept,
        event::StoredEvent,
        port::{CountFilter, Question, Stats, StatsFilter},
    },
};

const DAYS: i64 = 8;
/// When the first of them begins.
const BEGINS: &str = "2026-08-01T00:00:00Z";
/// After the last of the sites' midnights.
const ENDS: &str = "2026-08-08T20:00:00Z";
/// Eight of the sites' days: hours are not those of UTC there.
const FIRST: &str = "2026-07-31T18:15:00Z";
const LAST: &str = "2026-08-08T18:15:00Z";
/// Up to here there are only days, and up to there only hours.
const HOURLY: &str = "2026-08-03T18:15:00Z";
const RAW: &str = "2026-08-06T18:15:00Z";

fn zone() -> SiteZone {
    SiteZone::parse("Asia/Kathmandu").unwrap()
}

fn other() -> SiteId {
    "elsewhere".parse().unwrap()
}

fn kept(site: SiteId, keep: Keep) -> Kept {
    Kept {
        site,
        zone: zone(),
        retention: Retention {
            telemetry: keep,
            screenings: keep,
            record: keep,
        },
    }
}

/// One site keeps two days of events and five of hours, the other one everything.
fn sites() -> [Kept; 2] {
    let short = Keep {
        raw: Span::Days(2),
        hourly: Span::Days(5),
        daily: Span::Forever,
    };
    [kept(site(), short), kept(other(), Keep::default())]
}

/// Every 1000 seconds a reading, a passage and somebody's temperature; numbers that are no decimals, and
/// each kind with a test of it, among them.
fn days() -> Vec<StoredEvent> {
    let mut made = Vec::new();
    for n in 0..DAYS * 86_400 / 1000 {
        let value = match n % 50 {
            7 => 1.0 / 3.0,
            9 => -1e300,
            _ => (n % 37) as f64 / 4.0,
        };
        made.push((n * 1000, reading(1, 0, "yard-env", value)));
        let (lane, dir) = (
            ["people", "goods"][n as usize % 2],
            ["in", "out"][n as usize % 3 / 2],
        );
        made.push((n * 1000 + 1, passage(1, 0, lane, dir)));
        let skin_c = 34.0 + (n % 11) as f64 / 10.0;
        let screening = json!({"kind": "screening", "lane": "people", "id": "s", "attempt": 1, "skin_c": skin_c, "rule": "rel-1", "verdict": "normal"});
        made.push((n * 1000 + 2, event(1, 0, screening)));
    }
    for (n, event) in (0..).zip(every_kind()) {
        made.push((100_000 + n * 17, event.clone()));
        made.push((100_000 + n * 17, test(event)));
    }
    let numbered = (1..).zip(made);
    numbered
        .map(|(seq, (second, event))| by_the_units_clock(seq, second, event))
        .collect()
}

/// So many seconds after the beginning of 2026-08-01 in UTC, as the unit's own clock has it.
pub(crate) fn by_the_units_clock(seq: u64, second: i64, event: StoredEvent) -> StoredEvent {
    let time = wall(BEGINS).plus_micros(second * 1_000_000);
    let mut line: Value = serde_json::from_str(&event.line).unwrap();
    line["at"] = json!(time);
    line["err_ms"] = json!(event.time_error_ms);
    let event = StoredEvent {
        seq,
        time,
        received: time,
        ..event
    };
    rewritten(event, line.to_string())
}

/// The same at the other site.
fn at_the_other(events: &[StoredEvent]) -> Vec<StoredEvent> {
    let there = events.iter().cloned().map(|event| StoredEvent {
        site: other(),
        ..event
    });
    there.collect()
}

fn edges(from: &str, to: &str, step: Step) -> Vec<Wall> {
    zone().edges(wall(from), wall(to), step).unwrap()
}

fn kinds() -> Vec<CountFilter> {
    // One of each measurement that has a kind of its own, of those that share one, and of the rest.
    let kinds = ["reading", "heartbeat", "cleared", "calibration", "weather"];
    let kinds = kinds.map(|kind| CountFilter {
        kind: kind.to_owned(),
        lanes: Vec::new(),
        dir: None,
    });
    let passages = passages(&["people"], Some(Direction::In));
    kinds.into_iter().chain([passages]).collect()
}

fn numbers() -> [StatsFilter; 3] {
    [
        StatsFilter::Readings {
            quantity: "ambient_c".to_owned(),
            sensor: Some("yard-env".parse().unwrap()),
            zone: None,
        },
        StatsFilter::SkinC { lanes: vec![] },
        StatsFilter::Litres { zone: None },
    ]
}

type Told = (Vec<Vec<u64>>, Vec<Vec<Option<Stats>>>);

fn told(bench: &dyn Bench, site: &SiteId, edges: &[Wall]) -> Told {
    let (kinds, numbers) = (kinds(), numbers());
    let counts = kinds.iter();
    let counts = counts.map(|which| bench.store().counts(site, which, edges).unwrap());
    let stats = numbers.iter();
    let stats = stats.map(|which| bench.store().stats(site, which, edges).unwrap());
    (counts.collect(), stats.collect())
}

/// Where some answer is said not to be the whole.
fn untold(bench: &dyn Bench, site: &SiteId, edges: &[Wall]) -> Vec<(Wall, Wall)> {
    let (kinds, numbers) = (kinds(), numbers());
    let questions = kinds.iter().map(Question::Counts);
    let questions = questions.chain(numbers.iter().map(Question::Stats));
    questions
        .flat_map(|which| bench.store().untold(site, which, edges).unwrap())
        .collect()
}

fn oldest(bench: &dyn Bench, site: &SiteId) -> String {
    let query = EventQuery { limit: 1, ..all() };
    let page = bench.store().events(site, &query).unwrap();
    page.events[0]["time"].as_str().unwrap().to_owned()
}

/// What both sites tell is the same, wherever the short one still tells it.
fn tell_the_same(bench: &dyn Bench) {
    for edges in [
        edges(FIRST, LAST, Step::Day),
        edges(HOURLY, LAST, Step::Minutes(60)),
        edges(RAW, LAST, Step::Minutes(30)),
    ] {
        assert_eq!(
            told(bench, &site(), &edges),
            told(bench, &other(), &edges),
            "{edges:?}"
        );
        assert_eq!(untold(bench, &site(), &edges), [], "{edges:?}");
    }
}

/// Events of each site as pages have them.
fn left(bench: &dyn Bench) -> [usize; 2] {
    [site(), other()].map(|site| {
        let query = EventQuery {
            limit: 10_000,
            ..all()
        };
        bench.store().events(&site, &query).unwrap().events.len()
    })
}

pub(super) fn coarser(bench: &dyn Bench) {
    let events = days();
    let there = at_the_other(&events);
    let everything = events.len();
    bench.append(&events);
    bench.append(&there);
    tell_the_same(bench);
    bench.retain(wall(ENDS), &sites());
    tell_the_same(bench);
    let after = left(bench);
    assert_eq!(after[1], everything);
    if bench.lets_go() {
        let oldest = oldest(bench, &site());
        // Of readings the rest of an hour may still be there.
        assert!(("2026-08-06T18:00"..).contains(&&*oldest), "{oldest}");
        assert!(after[0] < everything / 2, "{after:?}");
        // A question that cuts what is left is said to be unanswered there, and what is told is right.
        for cut in [
            edges(HOURLY, RAW, Step::Minutes(30)),
            edges(FIRST, HOURLY, Step::Minutes(60)),
        ] {
            let untold = untold(bench, &site(), &cut);
            assert!(!untold.is_empty());
            let (here, there) = (told(bench, &site(), &cut), told(bench, &other(), &cut));
            for (here, there) in here.0.iter().zip(&there.0) {
                for (bucket, (here, there)) in cut.windows(2).zip(here.iter().zip(there)) {
                    let is_told = untold
                        .iter()
                        .all(|(from, to)| *to <= bucket[0] || *from >= bucket[1]);
                    assert!(here == there || !is_told && here < there, "{bucket:?}");
                }
            }
        }
    }
    bench.retain(wall(ENDS), &sites());
    tell_the_same(bench);
    assert_eq!(left(bench), after);
    // Time that no unit vouches for has not passed.
    bench.retain(wall("2099-01-01T00:00:00Z"), &sites());
    assert_eq!(left(bench)[1], everything);
    assert!(left(bench)[0] > 0);
}

pub(super) fn late(bench: &dyn Bench) {
    let mut events = days();
    let mut n = 0;
    let late: Vec<StoredEvent> = events
        .extract_if(.., |_| {
            n += 1;
            n % 7 == 0
        })
        .collect();
    bench.append(&events);
    bench.append(&at_the_other(&events));
    bench.retain(wall(ENDS), &sites());
    tell_the_same(bench);
    let before = left(bench);
    for chunk in late.chunks(200) {
        bench.append(chunk);
        bench.append(&at_the_other(chunk));
    }
    tell_the_same(bench);
    bench.retain(wall(ENDS), &sites());
    tell_the_same(bench);
    if bench.lets_go() {
        assert!(left(bench)[0] < before[0] + late.len(), "{before:?}");
    }
    assert_eq!(left(bench)[1], before[1] + late.len());
    // Days go as well, and with them what was late.
    let short = Keep {
        raw: Span::Days(2),
        hourly: Span::Days(3),
        daily: Span::Days(4),
    };
    bench.retain(wall(ENDS), &[kept(site(), short)]);
    if bench.lets_go() {
        let gone = edges(FIRST, "2026-08-04T18:15:00Z", Step::Day);
        let (counts, stats) = told(bench, &site(), &gone);
        assert!(counts.iter().flatten().all(|n| *n == 0), "{counts:?}");
        assert!(stats.iter().flatten().all(Option::is_none), "{stats:?}");
    }
}
