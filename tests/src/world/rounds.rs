//! Rounds: somebody presses *start*, sprays, presses *stop*; and sometimes forgets, is late, or does
//! not come.

use gatepost_model::Zone;

use super::{
    beams::press,
    day::{DayBuilder, HOUR, Happening, MINUTE, Signal, WallUs, seconds},
    dice::Dice,
    sites::{PULSES_PER_LITRE, Plan},
    truth::What,
};

/// The pins of a zone's round station, and its ambient sensor.
#[derive(Debug, Clone, Copy)]
pub struct ZonePins {
    /// The start button.
    pub start: &'static str,
    /// The stop button.
    pub stop: &'static str,
    /// The flow meter.
    pub flow: &'static str,
    /// The ambient sensor.
    pub ambient: &'static str,
}

/// The pins of a zone.
pub const fn pins(zone: Zone) -> ZonePins {
    match zone {
        Zone::Management => ZonePins {
            start: "management-start",
            stop: "management-stop",
            flow: "management-flow",
            ambient: "management-env",
        },
        Zone::Construction => ZonePins {
            start: "construction-start",
            stop: "construction-stop",
            flow: "construction-flow",
            ambient: "construction-env",
        },
        Zone::Living => ZonePins {
            start: "living-start",
            stop: "living-stop",
            flow: "living-flow",
            ambient: "living-env",
        },
        Zone::Isolation => ZonePins {
            start: "isolation-start",
            stop: "isolation-stop",
            flow: "isolation-flow",
            ambient: "isolation-env",
        },
    }
}

/// The windows of the default plan, in local hours.
const WINDOWS: [(f64, f64); 2] = [(8.0, 11.0), (14.0, 17.0)];

/// How a round goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Course {
    /// As planned.
    Done,
    /// After its window.
    Late,
    /// The pump hardly ran.
    Short,
    /// *Stop* is never pressed.
    Forgotten,
    /// Nobody came.
    Skipped,
}

/// A day's rounds of all zones.
pub fn rounds(day: &mut DayBuilder, plan: &Plan, dice: &mut Dice) {
    for zone in plan.zones() {
        for (from, to) in WINDOWS {
            let course = match dice.between(0.0, 1.0) {
                share if share < 0.025 => Course::Skipped,
                share if share < 0.05 => Course::Late,
                share if share < 0.065 => Course::Short,
                share if share < 0.08 => Course::Forgotten,
                _ => Course::Done,
            };
            let start = match course {
                Course::Skipped => continue,
                Course::Late => day.span.hour(to + dice.between(0.2, 1.2)),
                _ => day.span.hour(from + dice.between(0.1, 2.2)),
            };
            // A day on which clocks change may have no such hour where it is expected.
            if start < day.span.to - 4 * HOUR {
                round(day, zone, start, course, dice);
            }
        }
    }
}

fn round(day: &mut DayBuilder, zone: Zone, at: WallUs, course: Course, dice: &mut Dice) {
    let pins = pins(zone);
    let (mut signals, started) = press(pins.start, at, dice);
    let litres_a_minute = dice.between(2.0, 3.0);
    let pumping = match course {
        Course::Short => dice.between(4.0, 12.0),
        _ => 60.0 * dice.between(6.0, 18.0),
    };
    let mut pulses: u64 = 0;
    let mut now = started + seconds(dice.between(5.0, 25.0));
    let mut pumped = 0.0;
    let mut until_pause = dice.between(40.0, 240.0);
    while pumped < pumping {
        let span = dice
            .around(60.0 / litres_a_minute / PULSES_PER_LITRE, 0.08)
            .max(0.3);
        signals.push((now, Signal::Level(pins.flow, true)));
        signals.push((now + seconds(span * 0.4), Signal::Level(pins.flow, false)));
        pulses += 1;
        pumped += span;
        until_pause -= span;
        now += seconds(span);
        if until_pause < 0.0 {
            // On to the next room.
            now += seconds(dice.between(5.0, 40.0));
            until_pause = dice.between(40.0, 240.0);
        }
    }
    let mut end = None;
    if course != Course::Forgotten {
        let at = now + seconds(dice.between(3.0, 20.0));
        let (stop, counts) = press(pins.stop, at, dice);
        signals.extend(stop);
        end = Some(counts);
    }
    let round = Happening {
        zone: Some(zone),
        end,
        litres: Some(pulses as f64 / PULSES_PER_LITRE),
        ..Happening::new(What::Round, started)
    };
    day.happens(round, signals);
    if course == Course::Done && dice.chance(0.05) {
        // An impatient second press changes nothing.
        let (again, _) = press(pins.start, started + MINUTE, dice);
        day.noise(again);
    }
}
