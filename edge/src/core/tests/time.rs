//! The times of events, with and without a clock to go by.

use std::collections::BTreeMap;

use super::*;

#[test]
fn the_kernels_own_bound_is_the_stamps_error() {
    let mut rig = Rig::new(Checkpoint::default());
    rig.feed(
        r#"{"mono_us":0,"boot":"b1"}
        {"mono_us":1000000,"clock":"2026-11-23T07:31:00Z","synced":true,"err_ms":180}
        {"mono_us":60000000,"tick":true}"#,
    );
    let lines = rig.lines();
    assert!(lines[1].contains("\"err_ms\":180"), "{lines:?}");
}

/// The unit's quartz is this much too fast, parts per million: within what is stated.
const QUARTZ_PPM: u64 = 40;
const HOUR: u64 = 3_600_000_000;

#[test]
fn fourteen_days_without_network_and_three_power_cuts_keep_every_time_within_its_stated_error() {
    let begun = Wall::parse("2026-11-01T00:00:00Z").unwrap();
    let wall = |micros: u64| begun.plus_micros(i64::try_from(micros).unwrap());
    let mut rig = Rig::new(Checkpoint::default());
    // How long each boot ran, and how long the power was away before it, in true time.
    let lives = [
        ("b1", 72 * HOUR, 0),
        ("b2", 120 * HOUR, HOUR / 6),
        ("b3", 96 * HOUR, 6 * HOUR),
        ("b4", 48 * HOUR, HOUR / 60),
    ];
    let mut now = 0;
    let mut truths = BTreeMap::new();
    for (boot, runs, away) in lives {
        now += away;
        truths.insert(boot, now);
        rig.feed(&format!(r#"{{"mono_us":0,"boot":"{boot}"}}"#));
        if boot == "b1" {
            rig.feed(r#"{"mono_us":1,"clock":"2026-11-01T00:00:00Z","synced":true}"#);
        }
        // Without a clock of its own it wakes up a year ago; then somebody sets it, a year ahead.
        // Nobody says that this is right.
        rig.feed(r#"{"mono_us":60000000,"clock":"2025-11-01T04:05:06Z","synced":false}"#);
        rig.feed(r#"{"mono_us":90000000,"clock":"2027-11-01T00:01:30Z","synced":false}"#);
        let mono = runs + runs / 1_000_000 * QUARTZ_PPM;
        rig.feed(&format!(r#"{{"mono_us":{mono},"tick":true}}"#));
        now += runs;
    }
    let mono = rig.core.now().0;
    let clock = wall(now);
    rig.feed(&format!(
        r#"{{"mono_us":{mono},"clock":"{clock}","synced":true}}"#
    ));

    let true_wall = |boot: &str, mono: u64| {
        wall(
            truths[boot]
                + (u128::from(mono) * 1_000_000 / u128::from(1_000_000 + QUARTZ_PPM)) as u64,
        )
    };
    let mut spans: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    let mut last = None;
    for (boot, event) in rig.effects.events.drain(..) {
        let name = boot.to_string();
        assert!(last <= Some((name.clone(), event.mono_us)), "out of order");
        last = Some((name.clone(), event.mono_us));
        let truth = true_wall(&name, event.mono_us);
        if let Some(stamp) = event.at {
            let off = stamp.at.micros_since(truth).unsigned_abs();
            assert!(
                off <= stamp.err_ms * 1000 + 1000,
                "{name} {off} us, said {} ms",
                stamp.err_ms
            );
        }
        let span = spans.entry(name).or_insert((event.mono_us, event.mono_us));
        span.1 = event.mono_us;
    }
    for (boot, (first, end)) in &spans {
        let id: BootId = boot.parse().unwrap();
        match rig.core.boots().header_time(&id, *first, *end) {
            boots::HeaderTime::Anchor(_) => assert!(["b1", "b4"].contains(&boot.as_str())),
            boots::HeaderTime::Bounds(bounds) => {
                assert!(["b2", "b3"].contains(&boot.as_str()));
                assert!(bounds.after <= true_wall(boot, *first), "{boot} {bounds:?}");
                assert!(bounds.before >= true_wall(boot, *end), "{boot} {bounds:?}");
            }
            boots::HeaderTime::Unknown => panic!("{boot} has no time"),
        }
    }
    assert_eq!(spans.len(), 4);
}
