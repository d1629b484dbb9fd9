//! Cases of counting, summing up and the newest reading.

use gatepost_dashboard::ports::{EventQuery, Step};
use gatepost_model::{Direction, LaneId, Zone};
use serde_json::json;

use super::{
    Bench, all, count, event, passage, passages, reading, seconds, seqs, site, test, wall,
};
use crate::{
    calendar::SiteZone,
    store::{
        event::StoredEvent,
        port::{Stats, StatsFilter},
    },
};

pub(super) fn half_open(bench: &dyn Bench) {
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

pub(super) fn filters(bench: &dyn Bench) {
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

pub(super) fn shifted_day(bench: &dyn Bench) {
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

pub(super) fn numbers(bench: &dyn Bench) {
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

pub(super) fn latest(bench: &dyn Bench) {
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
