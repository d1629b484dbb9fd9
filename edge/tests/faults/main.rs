//! Every way in which a sensor breaks, injected at the wire and at the bus, while people keep walking
//! through: a fault within its stated time, no passage and no fever that was none, and cleared by
//! itself. `docs/faults.md` has the table.
//!
//! `cargo test -p gatepost-edge --test faults -- --nocapture` prints it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so")]

mod gate;
mod hanging;
mod table;

use gate::Gate;
use gatepost_model::{Event, Happening, event::ScreeningVerdict};
use table::{Break, Row, TABLE};

const UNIT: &str = r#"
    unit = { site = "s", id = "u", data = "d" }
    mqtt = { address = "h:1" }
    board = { kind = "sim", socket = "s" }
    lane = [{ name = "people", kind = "people", beam_a = "a", beam_b = "b" }]
    thermometer = [{ name = "ir", lane = "people" }]
    round_station = [{ zone = "living", start = "start", stop = "stop", flow = "flow", pulses_per_litre = 450 }]
    entry_box = [{ lane = "people", admitted = "ok", refused = "no", isolated = "apart" }]
"#;

const S: u64 = 1_000_000;
const MS: u64 = 1000;
/// Somebody walks in so often; every tenth such span a round of 20 s is done instead.
const EVERY: u64 = 3 * S;
/// Long enough for the baseline to be ready.
const BREAKS: u64 = 120 * S;
/// And mended again.
const MENDED: u64 = 240 * S;
const END: u64 = 360 * S;

/// Passages that truly were, in a span.
fn walked(from: u64, to: u64) -> usize {
    (1..END / EVERY)
        .filter(|n| n % 20 >= 7)
        .map(|n| n * EVERY + 560 * MS)
        .filter(|at| (from..to).contains(at))
        .count()
}

#[test]
fn every_fault_is_found_invents_nothing_and_goes_by_itself() {
    println!(
        "| broken | told as | stated, s | measured, s | over after, s |\n|---|---|---|---|---|"
    );
    for row in TABLE {
        println!("{}", hold(row, None));
    }
}

#[test]
fn every_fault_lasts_over_a_restart_is_told_again_and_goes_by_itself() {
    for row in TABLE {
        // While it lasts, and nobody is in the lane.
        let after = match row.how {
            Break::Noise(..) => 3 * S,
            _ => 101 * S,
        };
        hold(row, Some(BREAKS + after));
    }
}

/// Holds what a unit says against what truly happened; the row of the table.
fn hold(row: &Row, restart: Option<u64>) -> String {
    let Row {
        what,
        how,
        fault,
        within_s,
        over_s,
    } = row;
    let events = Gate::new(*how, restart).live();
    let of = |event: &&Event, raised: bool| match (&event.happening, fault) {
        (Happening::Fault(it), Some((sensor, code))) if raised => {
            it.sensor.as_str() == *sensor && it.code == *code
        }
        (Happening::Cleared(it), Some((sensor, code))) if !raised => {
            it.sensor.as_str() == *sensor && it.code == *code
        }
        _ => false,
    };
    let told: Vec<u64> = events
        .iter()
        .filter(|it| of(it, true))
        .map(|it| it.mono_us)
        .collect();
    let over: Vec<u64> = events
        .iter()
        .filter(|it| of(it, false))
        .map(|it| it.mono_us)
        .collect();
    let (again, told): (Vec<u64>, Vec<u64>) = told.into_iter().partition(|at| restart == Some(*at));
    let lasting = usize::from(restart.is_some() && fault.is_some());
    assert_eq!(again.len(), lasting, "{what}: {events:#?}");
    let (told_as, measured, gone) = match fault {
        None => {
            let any: Vec<&Event> = events
                .iter()
                .filter(|it| matches!(it.happening, Happening::Fault(_)))
                .collect();
            assert!(any.is_empty(), "{what}: {any:?}");
            ("nothing".to_owned(), "".to_owned(), "".to_owned())
        }
        Some((sensor, code)) => {
            assert!(
                !told.is_empty() && over.len() == told.len(),
                "{what}: told {told:?}, over {over:?}: {events:#?}"
            );
            let after = told[0].saturating_sub(BREAKS);
            assert!(
                told[0] >= BREAKS && after <= within_s * S,
                "{what}: told after {after} us"
            );
            let end = if matches!(how, Break::Noise(..)) {
                BREAKS + 5 * S
            } else {
                MENDED
            };
            assert!(over.iter().all(|at| *at >= end), "{what}: over at {over:?}");
            let gone = over.last().unwrap().saturating_sub(end);
            assert!(gone <= over_s * S, "{what}: over after {gone} us");
            let word = serde_json::to_value(code).unwrap();
            let seconds = |us: u64| format!("{:.1}", us as f64 / S as f64);
            (
                format!("`{sensor}` `{}`", word.as_str().unwrap()),
                seconds(after),
                seconds(gone),
            )
        }
    };

    let passages = |from: u64, to: u64| {
        let seen = events.iter().filter(|it| (from..to).contains(&it.mono_us));
        seen.filter(|it| matches!(it.happening, Happening::Passage(_)))
            .count()
    };
    assert_eq!(passages(0, BREAKS), walked(0, BREAKS), "{what}: before");
    let settled = MENDED + 20 * S;
    assert_eq!(
        passages(settled, END),
        walked(settled, END),
        "{what}: after"
    );
    let beams = match *how {
        Break::Held(pin, _) => pin.len() == 1,
        Break::Noise(pins, _) => pins.contains(&"a"),
        _ => false,
    };
    let during = if beams {
        0..=walked(BREAKS + 15 * S, MENDED)
    } else {
        walked(BREAKS, MENDED)..=walked(BREAKS, MENDED)
    };
    let seen = passages(BREAKS, MENDED);
    assert!(
        during.contains(&seen),
        "{what}: {seen} passages while broken, not {during:?}"
    );
    if matches!(how, Break::Held("a" | "b", _)) {
        assert_eq!(seen, 0, "{what}: passages through one beam");
    }
    // Nobody presses it: what came before it was known to be broken.
    let entries = events
        .iter()
        .filter(|it| matches!(it.happening, Happening::Entry(_)))
        .count();
    let taken_for_presses = match *how {
        Break::Held("ok", _) => 1,
        Break::Noise(&["ok"], 20) => 5,
        _ => 0,
    };
    assert_eq!(entries, taken_for_presses, "{what}: entries");
    for event in &events {
        if let Happening::Screening(screening) = &event.happening {
            assert!(
                matches!(
                    screening.verdict,
                    ScreeningVerdict::Normal | ScreeningVerdict::WarmingUp
                ),
                "{what}: {screening:?}"
            );
        }
    }
    let litres: f64 = events
        .iter()
        .filter_map(|it| match &it.happening {
            Happening::Round(round) if round.phase == gatepost_model::event::RoundPhase::Ended => {
                Some(round.litres)
            }
            _ => None,
        })
        .fold(0.0, f64::max);
    assert!(
        litres <= 200.0 / 450.0 + 2000.0 / 450.0,
        "{what}: {litres} l in a round"
    );
    format!("| {what} | {told_as} | {within_s} | {measured} | {gone} |")
}
