//! What the rule finds among real people: sensitivity and specificity with their spread, printed and
//! held to what was promised. `cargo test --release -p gatepost-edge figures -- --nocapture`
//!
//! 961 people (doi 10.13026/3bhc-9065; a fever is an oral temperature of 37.5 degC or more) pass one
//! lane in random orders, measured by a sensor with an unknown offset of up to 1 degC either way and a
//! constant drift of up to 2 degC an hour. Their first three readings are the attempts.

use rand::{RngExt, SeedableRng, rngs::StdRng, seq::SliceRandom};

use super::*;

const ORDERS: u64 = 200;

struct Person {
    skin: [f64; 3],
    fever: bool,
}

fn people(place: Place) -> Vec<Person> {
    let text = include_str!(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../tests/data/face-temperatures.csv"
    ));
    let first = match place {
        Place::Forehead => 1,
        Place::Canthus => 5,
    };
    let people = text.lines().skip(1).map(|line| {
        let numbers: Vec<f64> = line
            .split(',')
            .map(|field| field.parse().unwrap())
            .collect();
        Person {
            skin: [numbers[first], numbers[first + 1], numbers[first + 2]],
            fever: numbers[9] >= 37.5,
        }
    });
    people.collect()
}

/// Of those who were judged: found fevers and fevers, passed well people and well people; and
/// measurements, over all who were measured.
#[derive(Default, Clone, Copy)]
struct Tally {
    found: f64,
    fevers: f64,
    passed: f64,
    well: f64,
    warming: f64,
    measured: f64,
}

impl Tally {
    fn sensitivity(self) -> f64 {
        self.found / self.fevers
    }

    fn specificity(self) -> f64 {
        self.passed / self.well
    }
}

/// One day at a lane: `per_minute` people arrive at irregular times.
fn one_order(people: &[Person], tuning: Tuning, per_minute: f64, order: u64) -> Tally {
    let mut random = StdRng::seed_from_u64(order);
    let offset = random.random_range(-1.0..=1.0);
    let drift = random.random_range(-2.0..=2.0);
    let mut turn: Vec<usize> = (0..people.len()).collect();
    turn.shuffle(&mut random);
    let mut baseline = Baseline::default();
    let mut tally = Tally::default();
    let mut now_s = 100.0;
    for person in turn.into_iter().map(|index| &people[index]) {
        let mean = 60.0 / per_minute;
        now_s += mean / 3.0 - random.random_range(f64::EPSILON..1.0).ln() * mean * 2.0 / 3.0;
        let mut verdict = ScreeningVerdict::Remeasure;
        for (attempt, skin) in person.skin.iter().enumerate() {
            if verdict == ScreeningVerdict::Remeasure {
                let at_s = now_s + attempt as f64 * 0.5;
                let seen = ((skin + offset + drift * at_s / 3600.0) * 50.0).round() / 50.0;
                verdict = baseline
                    .judge_by((at_s * 1e6) as Micros, seen, None, tuning)
                    .verdict;
                tally.measured += 1.0;
            }
        }
        baseline.leave(Micros::MAX);
        let fever = f64::from(u8::from(verdict == ScreeningVerdict::Fever));
        match (verdict, person.fever) {
            (ScreeningVerdict::WarmingUp, _) => tally.warming += 1.0,
            (_, true) => {
                tally.fevers += 1.0;
                tally.found += fever;
            }
            (_, false) => {
                tally.well += 1.0;
                tally.passed += 1.0 - fever;
            }
        }
    }
    tally
}

/// The mean over all orders with the 5th and 95th percentile.
fn spread(values: impl Iterator<Item = f64>) -> (f64, f64, f64) {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let at = |share: f64| values[(share * (values.len() - 1) as f64).round() as usize];
    (
        values.iter().sum::<f64>() / values.len() as f64,
        at(0.05),
        at(0.95),
    )
}

fn measure(place: Place, point: Point, per_minute: f64) -> (f64, f64) {
    let people = people(place);
    let tallies: Vec<Tally> = (0..ORDERS)
        .map(|order| one_order(&people, Tuning::of(place, point), per_minute, order))
        .collect();
    let sensitivity = spread(tallies.iter().map(|t| t.sensitivity()));
    let specificity = spread(tallies.iter().map(|t| t.specificity()));
    let readings = spread(tallies.iter().map(|t| t.measured / people.len() as f64)).0;
    let warming = spread(tallies.iter().map(|t| t.warming)).0;
    println!(
        "{place:?} {point:?}, {per_minute} a minute: sensitivity {:.3} ({:.3} to {:.3}), specificity {:.3} ({:.3} to {:.3}), \
         {readings:.2} readings a person, {warming:.0} of {} warming up",
        sensitivity.0,
        sensitivity.1,
        sensitivity.2,
        specificity.0,
        specificity.1,
        specificity.2,
        people.len(),
    );
    (sensitivity.0, specificity.0)
}

#[test]
fn figures_hold_on_real_faces() {
    for per_minute in [20.0, 2.0] {
        let (sensitivity, specificity) = measure(Place::Canthus, Point::Sensitive, per_minute);
        assert!(
            sensitivity >= 0.86 && specificity >= 0.86,
            "{sensitivity} {specificity}"
        );
        let (sensitivity, specificity) = measure(Place::Canthus, Point::Quiet, per_minute);
        assert!(
            sensitivity >= 0.64 && specificity >= 0.98,
            "{sensitivity} {specificity}"
        );
        let (sensitivity, specificity) = measure(Place::Forehead, Point::Sensitive, per_minute);
        assert!(
            sensitivity >= 0.76 && specificity >= 0.76,
            "{sensitivity} {specificity}"
        );
        measure(Place::Forehead, Point::Quiet, per_minute);
    }
}

#[test]
fn a_run_of_feverish_people_does_not_drag_the_baseline_up() {
    let people = people(Place::Canthus);
    let (sick, well): (Vec<&Person>, Vec<&Person>) = people.iter().partition(|person| person.fever);
    let mut moved = Vec::new();
    for order in 0..ORDERS {
        let mut random = StdRng::seed_from_u64(order);
        let mut baseline = Baseline::default();
        let mut now = 100_000_000;
        let mut next = |baseline: &mut Baseline, person: &Person| {
            now += 3_000_000;
            let said = baseline.judge(now, person.skin[0], None, Place::Canthus, Point::Quiet);
            baseline.leave(Micros::MAX);
            said.baseline
        };
        let mut pick = |from: &[&Person]| random.random_range(0..from.len());
        let mut before = None;
        for _ in 0..100 {
            before = next(&mut baseline, well[pick(&well)]);
        }
        for _ in 0..10 {
            next(&mut baseline, sick[pick(&sick)]);
        }
        let after = next(&mut baseline, well[pick(&well)]);
        moved.extend(before.zip(after).map(|(before, after)| after - before));
    }
    let (mean, low, high) = spread(moved.into_iter());
    println!("ten fevers in a row move the baseline by {mean:.3} degC ({low:.3} to {high:.3})");
    assert!(mean.abs() < 0.1, "{mean}");
}

/// On a cold wet morning the first people are a degree colder than those who come when it is warm. The
/// share of well people 17 to 40, and of those after, who are not judged; and of the judged who pass.
fn cold_morning(point: Point) -> [(f64, f64); 2] {
    const COLD: usize = 20;
    let people = people(Place::Canthus);
    let well: Vec<&Person> = people.iter().filter(|person| !person.fever).collect();
    let mut phases = [[0.0; 3]; 2];
    for order in 0..ORDERS {
        let mut random = StdRng::seed_from_u64(order);
        let mut baseline = Baseline::default();
        for turn in 0..150 {
            let cold = if turn < COLD { 1.0 } else { 0.0 };
            let person = well[random.random_range(0..well.len())];
            let mut verdict = ScreeningVerdict::Remeasure;
            for (attempt, skin) in person.skin.iter().enumerate() {
                if verdict == ScreeningVerdict::Remeasure {
                    let at = 100_000_000 + turn as u64 * 3_000_000 + attempt as u64 * 500_000;
                    let said = baseline.judge(at, skin - cold, None, Place::Canthus, point);
                    verdict = said.verdict;
                }
            }
            baseline.leave(Micros::MAX);
            let phase = match turn {
                ..WARM_UP => continue,
                WARM_UP..40 => 0,
                _ => 1,
            };
            let kind = match verdict {
                ScreeningVerdict::WarmingUp => 0,
                ScreeningVerdict::Fever => 1,
                _ => 2,
            };
            phases[phase][kind] += 1.0;
        }
    }
    phases.map(|[waiting, stopped, passed]: [f64; 3]| {
        let judged = stopped + passed;
        (waiting / (waiting + judged), passed / judged)
    })
}

#[test]
fn the_first_people_of_a_cold_morning_are_forgotten_soon() {
    for (point, promised) in [(Point::Sensitive, 0.86), (Point::Quiet, 0.98)] {
        let [early, late] = cold_morning(point);
        println!(
            "{point:?}, 20 people a degree cold: of 17 to 40 {:.2} not judged, specificity {:.2}; from 41 on {:.3}, {:.3}",
            early.0, early.1, late.0, late.1
        );
        assert!(late.0 < 0.02 && late.1 >= promised, "{late:?}");
    }
}

/// Thresholds of the curve, degC above the baseline.
const THRESHOLDS: [f64; 11] = [
    0.30, 0.40, 0.45, 0.50, 0.60, 0.70, 0.80, 0.85, 0.90, 1.00, 1.20,
];

/// Sensitivity and specificity for each threshold, at 20 people a minute, means over some orders.
fn curve(place: Place) -> Vec<(f64, f64)> {
    let people = people(place);
    let points = THRESHOLDS.iter().map(|threshold| {
        let tuning = Tuning {
            threshold: *threshold,
            ..Tuning::of(place, Point::Sensitive)
        };
        let tallies: Vec<Tally> = (0..ORDERS / 5)
            .map(|order| one_order(&people, tuning, 20.0, order))
            .collect();
        (
            spread(tallies.iter().map(|t| t.sensitivity())).0,
            spread(tallies.iter().map(|t| t.specificity())).0,
        )
    });
    points.collect()
}

/// Under the curve with its corners, by trapezes.
fn area(curve: &[(f64, f64)]) -> f64 {
    let corners = [&[(1.0, 0.0)], curve, &[(0.0, 1.0)]].concat();
    corners
        .windows(2)
        .map(|pair| (pair[1].1 - pair[0].1) * (pair[0].0 + pair[1].0) / 2.0)
        .sum()
}

#[test]
fn the_curve_trades_missed_fevers_for_false_ones() {
    for (place, least_area) in [(Place::Canthus, 0.94), (Place::Forehead, 0.84)] {
        let curve = curve(place);
        for (threshold, (sensitivity, specificity)) in THRESHOLDS.iter().zip(&curve) {
            println!("{place:?} T {threshold:.2}: {sensitivity:.3}/{specificity:.3}");
        }
        println!("{place:?}: area {:.3}", area(&curve));
        for pair in curve.windows(2) {
            assert!(
                pair[1].0 < pair[0].0 && pair[1].1 > pair[0].1,
                "{place:?}: {pair:?}"
            );
        }
        assert!(
            area(&curve) >= least_area,
            "{place:?}: area {}",
            area(&curve)
        );
    }
}
