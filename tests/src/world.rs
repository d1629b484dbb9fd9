//! The simulated world: people, vehicles, pumps and weather, as they appear at the pins of the
//! units, and what they mean.
//!
//! Everything below `world` is pure: a day is a function of seed, site, unit and date; time is an
//! argument; nothing is sent. [`crate::player`] plays it to the units' simulated boards.
//!
//! The layers, from below: [`dice`] (chance that can be repeated), [`beams`] (bodies and beams),
//! [`people`], [`vehicles`], [`rounds`] and [`weather`] (what happens in a day), [`day`] (a unit's
//! day), [`counts`] (a day from a file), [`faces`] (people from a file), [`timeline`] (days without end), [`life`] (a unit's boots,
//! and what it has confirmed), [`truth`] (the lines of `world.jsonl`).

pub mod beams;
pub mod counts;
pub mod day;
pub mod dice;
pub mod faces;
pub mod life;
pub mod people;
pub mod rounds;
pub mod sites;
pub mod timeline;
pub mod truth;
pub mod vehicles;
pub mod weather;

use chrono::{Datelike, NaiveDate};

use day::{Day, DayBuilder, Span};
use dice::Dice;
use faces::Faces;
use sites::{Plan, Post};

/// One unit's day at a site, whose people may have a file's faces.
pub fn day_of(plan: &Plan, post: Post, seed: u64, faces: Option<&Faces>, date: NaiveDate) -> Day {
    let dice = |what: &str| Dice::new(seed, &[plan.id, what, &date.to_string()]);
    let mut day = DayBuilder::new(Span::of(plan.zone, date));
    match post {
        Post::Gate => {
            let faces = faces.map(|faces| faces.day(seed, plan.id, date));
            people::people(&mut day, plan, seed, faces, &mut dice("people"));
            vehicles::vehicles(&mut day, &mut dice("vehicles"));
        }
        Post::Yard => rounds::rounds(&mut day, plan, &mut dice("rounds")),
    }
    weather::readings(&mut day, plan, post, seed, &mut dice(post.unit()));
    if cut_off(plan, seed, date) == Some(post) {
        let from = dice("power").between(17.5, 18.5);
        let to = dice("power back").between(20.5, 22.5);
        let (from, to) = (day.span.hour(from), day.span.hour(to));
        day.power_cut(from, to);
    }
    day.finish()
}

/// About every ninth evening one of a site's units has no power.
fn cut_off(plan: &Plan, seed: u64, date: NaiveDate) -> Option<Post> {
    let phase = Dice::new(seed, &["power", plan.id]).whole(0, 9);
    let days = date.num_days_from_ce() as u64;
    let post = if (days / 9).is_multiple_of(2) {
        Post::Gate
    } else {
        Post::Yard
    };
    (days + phase).is_multiple_of(9).then_some(post)
}

#[cfg(test)]
mod tests;
