//! Thirty days of a site whose gate now and then sees nothing: the band covers the truth, and is no
//! wider than it must be.

use gatepost_model::Direction;

use super::*;
use crate::core::coverage::{BootKey, Watch, Watching};

const MINUTE: i64 = 60_000_000;
const DAY: i64 = 1440;
/// Days of which the hub learns what is usual, before those that are judged.
const LEARNT: i64 = 7;
const DAYS: i64 = 30;

fn at(minutes: i64) -> Wall {
    Wall::parse("2026-09-30T16:00:00Z")
        .unwrap()
        .plus_micros(minutes * MINUTE)
}

fn people() -> LaneId {
    "people".parse().unwrap()
}

/// Numbers that are the same for the same seed (splitmix64), 0 to 1.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) as f64 / u64::MAX as f64
    }
}

/// How many come and go in a minute of the day, on average: a shift that begins at seven, goes out for
/// lunch and leaves at six, and some who come and go all day.
fn rates(minute: i64) -> (f64, f64) {
    match minute / 60 {
        6 => (0.7, 0.02),
        7 => (0.5, 0.02),
        11 => (0.05, 0.4),
        12 => (0.4, 0.05),
        17 => (0.02, 0.5),
        18 => (0.02, 0.7),
        8..=16 => (0.08, 0.08),
        _ => (0.004, 0.004),
    }
}

/// What goes wrong at the site.
#[derive(Debug, Clone, Copy)]
struct Case {
    /// On this share of the days the lane is not watched for 5 to 120 minutes.
    outages: f64,
    /// This share of the passages is not counted, or counted twice.
    error: f64,
    /// Only those who pass this way are.
    wrong: Option<Direction>,
    /// Heads are counted at midnight.
    called: bool,
    /// Each seventh day a tenth of them comes.
    rests: bool,
}

impl Case {
    /// Minutes from one question to the next: all times of the day, and seldom where an answer takes
    /// long because of all that was not watched.
    fn asked(self) -> i64 {
        if self.called { 45 } else { 405 }
    }
}

/// A site of which heads are counted each midnight, and the lanes err as often as that.
const fn called(outages: f64, error: f64) -> Case {
    Case {
        outages,
        error,
        wrong: None,
        called: true,
        rests: false,
    }
}

/// The same, and nobody counts heads.
const fn uncalled(outages: f64, error: f64) -> Case {
    Case {
        called: false,
        ..called(outages, error)
    }
}

struct Month {
    case: Case,
    hours: HourTable,
    sight: Sight,
    tally: Tally,
    covered: u32,
    asked: u32,
    without: u32,
    width: i64,
}

/// One site's, with a hundredth of all passages unclear.
fn month(seed: u64, case: Case) -> Month {
    let mut dice = Dice(seed);
    let boot = BootKey {
        unit: "gate-1".parse().unwrap(),
        log: "log".parse().unwrap(),
        boot: "b1".parse().unwrap(),
    };
    let mut month = Month {
        case,
        hours: HourTable::default(),
        sight: Sight::default(),
        tally: Tally::new(Anchor {
            at: at(0),
            count: 0,
            called: false,
        }),
        covered: 0,
        asked: 0,
        without: 0,
        width: 0,
    };
    month.sight.put_watching(Watching {
        boot: boot.clone(),
        from_mono: 0,
        lanes: vec![people()],
        sensors: vec![],
        zones: vec![],
    });
    let mut inside = 0_i64;
    let (mut blind_from, mut blind_to) = (0, 0);
    for minute in 0..(LEARNT + DAYS) * DAY {
        if minute % DAY == 0 {
            if case.called {
                let count = inside;
                month.tally = Tally::new(Anchor {
                    at: at(minute),
                    count,
                    called: true,
                });
            }
            (blind_from, blind_to) = (0, 0);
            if dice.roll() < case.outages {
                blind_from = minute + (dice.roll() * 1200.0) as i64;
                blind_to = blind_from + 5 + (dice.roll() * 115.0) as i64;
            }
        }
        let is_blind = (blind_from..blind_to).contains(&minute);
        if !is_blind {
            let mono = |minutes: i64| u64::try_from(minutes * MINUTE).unwrap();
            let (from, to) = (mono(minute), mono(minute + 1));
            let watch = Watch::proven(boot.clone(), from, to, at(minute + 1), 0);
            month.sight.watches.add(watch);
        }
        let (come, go) = rates(minute % DAY);
        let share = match case.rests && minute / DAY % 7 == 6 {
            true => 0.1,
            false => 1.0,
        };
        for (rate, dir, step) in [(come, Direction::In, 1), (go, Direction::Out, -1)] {
            if dice.roll() >= rate * share || inside + step < 0 {
                continue;
            }
            inside += step;
            let movement = match dice.roll() < 0.01 {
                true => Movement::Unclear,
                false => Movement::Passage(dir),
            };
            let errs = case.wrong.is_none_or(|wrong| wrong == dir);
            let miscounted = (dice.roll() < case.error && errs).then(|| dice.roll() < 0.75);
            let times = match (is_blind, miscounted) {
                // Most who are miscounted are not counted.
                (true, _) | (false, Some(true)) => 0,
                (false, Some(false)) => 2,
                (false, None) => 1,
            };
            for _ in 0..times {
                month.tally.add(at(minute), movement);
                month.hours.add(&people(), at(minute), movement);
            }
        }
        if minute >= LEARNT * DAY && minute % case.asked() == 0 {
            month.ask(minute + 1, inside);
        }
    }
    month
}

impl Month {
    fn ask(&mut self, minute: i64, inside: i64) {
        let lanes = [people()];
        let basis = Basis {
            lanes: &lanes,
            hours: &self.hours,
            sight: &self.sight,
            zone: SiteZone::parse("Asia/Shanghai").unwrap(),
            now: at(minute),
            lag_us: 0,
            count_error: self.case.error,
        };
        let said = headcount(&self.tally, &basis);
        self.asked += 1;
        match said.low.zip(said.high) {
            Some((low, high)) => {
                self.covered += u32::from((low..=high).contains(&inside));
                self.width += high - low;
            }
            None => self.without += 1,
        }
    }
}

/// The band's mean width in three months, of which it covers the truth in 95 % at least.
fn judged(case: Case) -> f64 {
    let (mut covered, mut asked, mut width, mut without) = (0, 0, 0, 0);
    for seed in 0..3 {
        let month = month(seed, case);
        covered += month.covered;
        asked += month.asked;
        width += month.width;
        without += month.without;
    }
    let share = f64::from(covered) / f64::from(asked - without);
    let mean = width as f64 / f64::from(asked - without);
    println!(
        "{case:?}: covered {share:.3}, mean width {mean:.2}, without a band {without} of {asked}"
    );
    assert!(share >= 0.95, "{case:?}: {share}");
    assert!(without * 50 < asked);
    mean
}

#[test]
fn the_band_covers_the_truth_for_thirty_days() {
    for (case, widest) in [
        (called(0.0, 0.0), 3.5),
        (called(0.3, 0.0), 6.0),
        (called(1.0, 0.0), 11.0),
        (called(0.0, 0.01), 9.0),
        (called(0.3, 0.03), 16.0),
    ] {
        let mean = judged(case);
        assert!(mean <= widest, "{case:?}: {mean} wide");
    }
}

#[test]
fn it_does_where_nobody_counts_heads() {
    let one_way = |wrong, outages, error| Case {
        wrong: Some(wrong),
        ..uncalled(outages, error)
    };
    for (case, widest) in [
        (uncalled(0.0, 0.0), 110.0),
        (uncalled(0.3, 0.0), 165.0),
        (uncalled(0.1, 0.01), 180.0),
        (one_way(Direction::Out, 0.1, 0.01), 170.0),
        (one_way(Direction::In, 0.1, 0.01), 160.0),
        (
            Case {
                rests: true,
                ..one_way(Direction::Out, 0.3, 0.03)
            },
            370.0,
        ),
        (
            Case {
                rests: true,
                ..uncalled(0.3, 0.0)
            },
            150.0,
        ),
        (
            Case {
                rests: true,
                ..called(1.0, 0.0)
            },
            12.0,
        ),
    ] {
        let mean = judged(case);
        assert!(mean <= widest, "{case:?}: {mean} wide");
    }
}
