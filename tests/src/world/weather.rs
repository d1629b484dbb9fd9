//! Temperatures: a year, a day, and a little that is different every day.

use chrono::{Datelike, Timelike};
use gatepost_model::Zone;

use super::{
    day::{DayBuilder, HOUR, MINUTE, Signal, WallUs},
    dice::Dice,
    rounds::pins,
    sites::{Plan, Post},
};

/// Between two readings of an ambient sensor.
const EVERY: i64 = 5 * MINUTE;

/// The air outside at a site, degC.
pub fn outside_c(plan: &Plan, seed: u64, at: WallUs) -> f64 {
    let local = chrono::DateTime::from_timestamp_micros(at)
        .unwrap_or_default()
        .with_timezone(&plan.zone);
    let year = f64::from(local.ordinal()) / 365.25;
    let day = f64::from(local.num_seconds_from_midnight()) / 86_400.0;
    let turn = std::f64::consts::TAU;
    // Coldest in the second half of January and at four in the morning.
    let season = -12.0 * (turn * (year - 0.055)).cos();
    let daily = -4.0 * (turn * (day - 4.0 / 24.0)).cos();
    // Each day has its own warmth; days flow into each other.
    let of = |days: i64| {
        let date = local.date_naive() + chrono::TimeDelta::days(days);
        Dice::new(seed, &["weather", plan.id, &date.to_string()]).around(0.0, 2.5)
    };
    let weather = of(0) * (1.0 - day) + of(1) * day;
    plan.mean_c + season + daily + weather
}

/// The air in a zone: outside it is the weather, indoors the heating.
fn zone_c(zone: Zone, outside: f64) -> f64 {
    match zone {
        Zone::Construction => outside,
        Zone::Management => 20.5 + 0.15 * (outside - 20.0),
        Zone::Living => 18.5 + 0.25 * (outside - 20.0),
        Zone::Isolation => 21.5 + 0.1 * (outside - 20.0),
    }
}

/// The readings of a day.
pub fn readings(day: &mut DayBuilder, plan: &Plan, post: Post, seed: u64, dice: &mut Dice) {
    let sensors: Vec<(&'static str, Option<Zone>)> = match post {
        Post::Gate => vec![("gate-env", None)],
        Post::Yard => plan
            .zones()
            .map(|zone| (pins(zone).ambient, Some(zone)))
            .collect(),
    };
    for (sensor, zone) in sensors {
        let phase = dice.whole(0, EVERY as u64) as i64;
        let mut at = day.span.from + phase;
        let mut hour = (0, 0.0);
        while at < day.span.to {
            // The weather is asked once an hour and drawn straight between.
            if hour.0 != at / HOUR {
                hour = (at / HOUR, outside_c(plan, seed, at));
            }
            let outside = hour.1 + dice.around(0.0, 0.08);
            let value = zone.map_or(outside, |zone| zone_c(zone, outside));
            let value = (value * 10.0).round() / 10.0;
            day.noise([(at, Signal::Ambient(sensor, value))]);
            at += EVERY;
        }
    }
}
