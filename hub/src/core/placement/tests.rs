use gatepost_model::wire::Anchor;
use proptest::prelude::*;

use super::*;
use crate::core::testing::{Log, wall};

const RECEIVED: &str = "2026-11-23T08:00:00Z";

/// A header of boot `b1` that was sent in it, ten minutes after its beginning.
fn header() -> Header {
    let mut log = Log::new("gate-1", "l");
    log.passage(1);
    log.header(0..1)
}

fn of_an_earlier_boot() -> Header {
    let mut header = header();
    header.sent.boot = "b2".parse().unwrap();
    header
}

#[track_caller]
fn is(placed: Placed, time: &str, error_ms: u64, source: TimeSource) {
    assert_eq!(
        (placed.time.to_string(), placed.error_ms, placed.source),
        (time.to_owned(), error_ms, source)
    );
}

#[test]
fn the_units_own_time_comes_first() {
    let mut header = header();
    header.anchor = Some(Anchor {
        mono_us: 0,
        wall: wall("2020-01-01T00:00:00Z"),
        err_ms: 1,
    });
    let mut placer = Placer::new(&header, (0, 0), wall(RECEIVED), None, false);
    let stamp = Stamp {
        at: wall("2026-11-23T07:30:57.552Z"),
        err_ms: 12,
    };
    is(
        placer.place(5, Some(stamp)),
        "2026-11-23T07:30:57.552Z",
        12,
        TimeSource::Unit,
    );
}

#[test]
fn an_anchor_gives_the_time_of_its_boot_with_an_error_that_grows() {
    let mut header = of_an_earlier_boot();
    header.anchor = Some(Anchor {
        mono_us: 3_600_000_000,
        wall: wall("2026-11-23T07:00:00Z"),
        err_ms: 20,
    });
    let placer = Placer::new(&header, (0, 0), wall(RECEIVED), None, false);
    let before = placer.at(0, None);
    is(
        before,
        "2026-11-23T06:00:00.000Z",
        20 + 360,
        TimeSource::Unit,
    );
    let after = placer.at(3_601_000_000, None);
    is(after, "2026-11-23T07:00:01.000Z", 21, TimeSource::Unit);
    let placer = Placer::new(&header, (0, 0), wall(RECEIVED), None, true);
    let disputed = placer.at(3_600_000_000, None);
    is(
        disputed,
        "2026-11-23T07:00:00.000Z",
        20,
        TimeSource::Disputed,
    );
}

#[test]
fn in_the_boot_of_sending_the_hubs_clock_gives_the_time() {
    let header = header();
    // A clock that nobody asked cannot be disputed.
    let placer = Placer::new(&header, (0, 0), wall(RECEIVED), None, true);
    let placed = placer.at(540_000_000, None);
    is(placed, "2026-11-23T07:59:00.000Z", 1006, TimeSource::Hub);
    // Later than its own sending it cannot be.
    let placed = placer.at(700_000_000, None);
    is(placed, "2026-11-23T08:00:00.000Z", 1000, TimeSource::Hub);
}

#[test]
fn bounds_leave_the_middle_of_what_they_allow() {
    let mut header = of_an_earlier_boot();
    header.bounds = Some(Bounds {
        after: wall("2026-11-23T06:00:00Z"),
        before: wall("2026-11-23T06:10:00Z"),
    });
    // Two minutes of events in ten: eight minutes are free.
    let span = (1_000_000, 121_000_000);
    let placer = Placer::new(&header, span, wall(RECEIVED), None, false);
    let first = placer.at(1_000_000, None);
    is(
        first,
        "2026-11-23T06:04:00.000Z",
        240_000,
        TimeSource::Estimated,
    );
    let last = placer.at(121_000_000, None);
    is(
        last,
        "2026-11-23T06:06:00.000Z",
        240_000,
        TimeSource::Estimated,
    );
    // More events than time: one of the bounds is wrong by so much.
    let span = (0, 720_000_000);
    let placer = Placer::new(&header, span, wall(RECEIVED), None, false);
    let first = placer.at(0, None);
    is(
        first,
        "2026-11-23T06:00:00.000Z",
        120_000,
        TimeSource::Estimated,
    );
}

#[test]
fn with_nothing_at_all_it_was_between_the_last_known_time_and_now() {
    let header = of_an_earlier_boot();
    let last = Some(wall("2026-11-23T07:00:00Z"));
    let placer = Placer::new(&header, (0, 0), wall(RECEIVED), last, false);
    let placed = placer.at(0, None);
    is(
        placed,
        "2026-11-23T07:30:00.000Z",
        1_800_000,
        TimeSource::Estimated,
    );
    let placer = Placer::new(&header, (0, 60_000_000), wall(RECEIVED), None, false);
    let first = placer.at(0, None);
    is(
        first,
        "2026-11-23T07:59:00.000Z",
        NOTHING_KNOWN_MS,
        TimeSource::Estimated,
    );
}

#[test]
fn rounding_never_turns_the_order_round() {
    let mut header = header();
    header.anchor = Some(Anchor {
        mono_us: 0,
        wall: wall("2026-11-23T07:00:00Z"),
        err_ms: 1,
    });
    let mut placer = Placer::new(&header, (0, 0), wall(RECEIVED), None, false);
    // Stamped with a rounded-up millisecond, and then one that the anchor places just before it.
    let stamp = Stamp {
        at: wall("2026-11-23T07:00:01.001Z"),
        err_ms: 1,
    };
    let first = placer.place(1_000_400, Some(stamp));
    let second = placer.place(1_000_500, None);
    assert_eq!(second.time, first.time);
    // A clock that was set back is told as it was.
    let stamp = Stamp {
        at: wall("2026-11-23T06:00:00Z"),
        err_ms: 1,
    };
    assert_eq!(placer.place(1_000_600, Some(stamp)).time, stamp.at);
}

proptest! {
    /// Without stamps, times follow the monotonic clock, are whole milliseconds, and lie within the
    /// bounds whenever these can hold the events.
    #[test]
    fn times_follow_the_monotonic_clock(
        mut monos in prop::collection::vec(0_u64..600_000_000, 1..40),
        which in 0..4,
        slack_s in 0_i64..1000,
    ) {
        monos.sort_unstable();
        let span = (monos[0], *monos.last().unwrap());
        let length = (span.1 - span.0) as i64;
        let received = wall(RECEIVED);
        let after = received.plus_micros(-4 * 3_600_000_000);
        let before = after.plus_micros(length + slack_s * 1_000_000);
        let mut header = if which == 0 { header() } else { of_an_earlier_boot() };
        if which == 1 {
            header.anchor = Some(Anchor { mono_us: 17, wall: after, err_ms: 3 });
        }
        if which == 2 {
            header.bounds = Some(Bounds { after, before });
        }
        let mut placer = Placer::new(&header, span, received, Some(after), false);
        let mut last = None;
        for mono in monos {
            let placed = placer.place(mono, None);
            prop_assert_eq!(placed.time.micros() % 1000, 0);
            prop_assert!(last.is_none_or(|last| last <= placed.time));
            prop_assert!(placed.time <= received);
            if which == 2 {
                prop_assert!(placed.time.micros_since(after) >= -1000);
                prop_assert!(placed.time <= before);
                prop_assert!(placed.error_ms >= 1);
            }
            last = Some(placed.time);
        }
    }
}
