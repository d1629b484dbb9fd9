//! Units' cores with their spools, a bad network and the hub's core, in one thread on a virtual clock,
//! against a plain oracle: many schedules of faults, each a function of its number.
//!
//! A schedule that fails prints its number; `SIMULATION_SEED=NUMBER` runs it alone.

mod hub;
mod link;
mod oracle;
mod schedule;
mod unit;

use e2e::clock;
use schedule::{Exercised, Schedule};

/// How many schedules.
const SCHEDULES: u64 = 600;

#[test]
fn nothing_is_lost_doubled_or_disordered_whatever_fails() {
    if let Some(seed) = std::env::var("SIMULATION_SEED")
        .ok()
        .and_then(|seed| seed.parse().ok())
    {
        println!("schedule {seed}: {:?}", Schedule::of(seed).run());
        return;
    }
    let began = clock::now();
    let mut all = Exercised::default();
    for seed in 0..SCHEDULES {
        all.add(&Schedule::of(seed).run());
    }
    println!("{SCHEDULES} schedules in {:.1?}: {all:?}", began.elapsed());
    // A simulation in which something never happens proves nothing about it.
    for (what, times) in all.each() {
        assert!(times >= 20, "{what} happened only {times} times");
    }
}
