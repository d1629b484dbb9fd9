//! The rule against an independent implementation of the same description.
//!
//! `vectors.jsonl` was written by one in another language: real people's temperatures
//! (doi 10.13026/3bhc-9065) in seven orders, with offsets, drifts, a pause, a boot, a run of ten
//! fevers and sensors that shift.

use serde::Deserialize;

use super::*;

#[derive(Deserialize)]
#[serde(untagged)]
enum Row {
    Sequence {
        sequence: String,
        place: Place,
        operating_point: Point,
    },
    Measured(Measured),
}

#[derive(Deserialize)]
struct Measured {
    mono_us: Micros,
    skin_c: f64,
    ambient_c: Option<f64>,
    before: Option<String>,
    attempt: u32,
    baseline: Option<f64>,
    verdict: ScreeningVerdict,
}

#[test]
fn an_independent_implementation_says_the_same() {
    let mut baseline = Baseline::default();
    let mut setting = (String::new(), Place::Forehead, Point::Quiet);
    let mut rows = 0;
    for line in include_str!("vectors.jsonl").lines() {
        match serde_json::from_str(line).unwrap() {
            Row::Sequence {
                sequence,
                place,
                operating_point,
            } => {
                baseline = Baseline::default();
                setting = (sequence, place, operating_point);
            }
            Row::Measured(row) => {
                let (sequence, place, point) = &setting;
                let at = format!("{sequence} at {}", row.mono_us);
                if row.before.as_deref() == Some("boot") {
                    baseline.boot(row.mono_us);
                }
                // What is remembered survives being written down.
                let written = serde_json::to_string(&baseline).unwrap();
                baseline = serde_json::from_str(&written).unwrap();
                let said = baseline.judge(row.mono_us, row.skin_c, row.ambient_c, *place, *point);
                assert_eq!(
                    (said.attempt, said.verdict),
                    (row.attempt, row.verdict),
                    "{at}"
                );
                assert_eq!(said.baseline.is_some(), row.baseline.is_some(), "{at}");
                let apart = said.baseline.unwrap_or(0.0) - row.baseline.unwrap_or(0.0);
                assert!(apart.abs() < 1e-8, "{at}: {apart}");
                rows += 1;
            }
        }
    }
    assert!(rows > 600, "{rows}");
}

#[test]
fn a_lane_that_nobody_passed_for_two_weeks_knows_nothing() {
    let mut baseline = Baseline::default();
    let minute = 60_000_000;
    for person in 0..40 {
        baseline.judge(
            person * minute,
            34.5 + (person % 5) as f64 * 0.1,
            None,
            Place::Forehead,
            Point::Quiet,
        );
    }
    let mut later = baseline.clone();
    let after = |days: u64| 40 * minute + days * 24 * 60 * minute;
    let said = later.judge(after(13), 34.7, None, Place::Forehead, Point::Quiet);
    assert_eq!(said.verdict, ScreeningVerdict::Normal);
    let said = baseline.judge(after(15), 34.7, None, Place::Forehead, Point::Quiet);
    assert_eq!(said.verdict, ScreeningVerdict::WarmingUp);
}
