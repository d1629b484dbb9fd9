//! What must be known of a day in the end, from what happened alone: written from the product's
//! words, and nothing here is the hub's.

use std::collections::{BTreeMap, BTreeSet};

use gatepost_model::Zone;

use super::world::{DATE, Day, LIVING_HOLDS, SITE_HOLDS, Truth, UNITS, WINDOWS};

/// What is known in the end, in plain words.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Known {
    /// Verdicts by slot.
    pub(super) verdicts: BTreeMap<String, String>,
    /// Suspected fevers: what was measured, in order.
    pub(super) episodes: BTreeMap<String, Vec<f64>>,
    /// People on the site and in the living zone, by the sum.
    pub(super) site: i64,
    pub(super) living: i64,
    /// Whether there are more than there may be.
    pub(super) site_over: bool,
    pub(super) living_over: bool,
    /// By how much a roll-call corrected the site's sum.
    pub(super) correction: Option<i64>,
    /// Entries by outcome, and by reason for those that were refused.
    pub(super) entries: BTreeMap<String, u64>,
    /// Alerts: kind, about what, when it first happened (seconds), how often.
    pub(super) alerts: BTreeSet<(String, String, i64, u64)>,
}

pub(super) fn known(day: &Day) -> Known {
    let mut known = Known {
        verdicts: verdicts(day),
        ..Known::default()
    };
    let called = day.roll_call;
    let (mut before, mut since) = (0, 0);
    for happened in &day.truth {
        match happened {
            Truth::Passed { lane, at, into } => {
                let moved = if *into { 1 } else { -1 };
                match (*lane, called) {
                    ("yard", _) => known.living += moved,
                    (_, Some((when, _))) if *at < when => before += moved,
                    _ => since += moved,
                }
            }
            Truth::Entered { outcome, reason } => {
                let key = reason.map_or((*outcome).to_owned(), |it| format!("{outcome}: {it}"));
                *known.entries.entry(key).or_default() += 1;
            }
            _ => {}
        }
    }
    let counted = called.map(|(_, people)| i64::try_from(people).unwrap());
    known.site = counted.unwrap_or(0) + since;
    known.site_over = known.site > SITE_HOLDS;
    known.living_over = known.living > LIVING_HOLDS;
    known.correction = counted.map(|counted| counted - before);
    episodes(day, &mut known);
    for (unit, ..) in UNITS {
        faults(day, unit, &mut known);
        losses(day, unit, &mut known);
    }
    let missed = known
        .verdicts
        .iter()
        .filter(|(_, verdict)| *verdict == "missed");
    let missed = missed.map(|(slot, _)| {
        let window = WINDOWS[usize::from(slot.ends_with('2'))];
        ("missed_round".to_owned(), slot.clone(), window.1, 1)
    });
    known.alerts.extend(missed);
    known
}

/// A round is good if it was started, stopped and enough was sprayed. In the window it is done; after
/// it and before the next, late; no good one but some in the window, short. Nothing at all is missed
/// if everybody who could have seen one watched all the time, and unknown if not.
fn verdicts(day: &Day) -> BTreeMap<String, String> {
    let mut verdicts = BTreeMap::new();
    for zone in [Zone::Management, Zone::Living] {
        for (number, (opens, closes)) in (1..).zip(WINDOWS) {
            let next = if number == 1 {
                WINDOWS[1].0
            } else {
                24 * 3600 + WINDOWS[0].0
            };
            let is_in = |at: i64| (opens..closes).contains(&at);
            let (mut done, mut late, mut short) = (false, false, false);
            for happened in &day.truth {
                let Truth::Round {
                    zone: of,
                    start,
                    end,
                    litres,
                    stopped,
                    ..
                } = happened
                else {
                    continue;
                };
                if *of != zone {
                    continue;
                }
                let is_good = *stopped && *litres >= 1.0;
                done |= is_good && (is_in(*start) || is_in(*end));
                late |= is_good && *start >= closes && *end < next;
                short |= !is_good && is_in(*start);
            }
            let slot = format!("{zone}-{DATE}-{number}");
            let excused = day.excused.as_ref().is_some_and(|(_, it)| *it == slot);
            let verdict = match (done, late, excused, short) {
                (true, ..) => "done",
                (_, true, ..) => "late",
                (_, _, true, _) => "excused",
                (.., true) => "short",
                _ if is_watched(day, zone, opens, closes) => "missed",
                _ => "unknown",
            };
            verdicts.insert(slot, verdict.to_owned());
        }
    }
    verdicts
}

fn is_watched(day: &Day, zone: Zone, opens: i64, closes: i64) -> bool {
    let mut stations = UNITS.iter().filter(|(_, _, zones)| zones.contains(&zone));
    stations.all(|(station, ..)| {
        let (mut watched, mut lost) = (Vec::new(), Vec::new());
        for happened in &day.truth {
            match happened {
                Truth::Watched { unit, from, to } if unit == station => watched.push(*from..*to),
                Truth::Lost { unit, from, to, .. } if unit == station => lost.push(*from..*to),
                _ => {}
            }
        }
        let is_in = |ranges: &[std::ops::Range<i64>], second: i64| {
            ranges.iter().any(|range| range.contains(&second))
        };
        let blind =
            (opens..closes).filter(|second| !is_in(&watched, *second) || is_in(&lost, *second));
        blind.take(60).count() < 60
    })
}

fn episodes(day: &Day, known: &mut Known) {
    let mut measured: BTreeMap<String, Vec<(i64, f64, bool)>> = BTreeMap::new();
    for happened in &day.truth {
        if let Truth::Measured {
            unit,
            id,
            at,
            skin_c,
            fever,
        } = happened
        {
            let readings = measured.entry(format!("{unit}/{id}")).or_default();
            readings.push((*at, *skin_c, *fever));
        }
    }
    for (person, readings) in measured {
        if let Some((at, ..)) = readings.iter().find(|(.., fever)| *fever) {
            let alert = ("fever_suspected".to_owned(), person.clone(), *at, 1);
            if !person.contains("/m") {
                known.alerts.insert(alert);
            }
            let skins = readings.iter().map(|(_, skin_c, _)| *skin_c);
            known.episodes.insert(person, skins.collect());
        }
    }
}

/// One alert for a beam that flaps; after long quiet another.
fn faults(day: &Day, of: &str, known: &mut Known) {
    let mut alerts: Vec<(i64, i64, u64)> = Vec::new();
    for happened in &day.truth {
        let Truth::Fault { unit, from, to } = happened else {
            continue;
        };
        match alerts.last_mut() {
            _ if *unit != of => {}
            Some((_, end, count)) if *from - *end < 10 * 60 => {
                *end = *to;
                *count += 1;
            }
            _ => alerts.push((*from, *to, 1)),
        }
    }
    let named = alerts
        .into_iter()
        .map(|(from, _, count)| ("sensor_fault".to_owned(), of.to_owned(), from, count));
    known.alerts.extend(named);
}

/// One alert a unit, as nobody answered it.
fn losses(day: &Day, of: &str, known: &mut Known) {
    let ends = day.truth.iter().filter_map(|happened| match happened {
        Truth::Lost { unit, to, .. } if *unit == of => Some(*to),
        _ => None,
    });
    let ends: Vec<i64> = ends.collect();
    if let Some(first) = ends.iter().min() {
        let alert = ("loss".to_owned(), of.to_owned(), *first, ends.len() as u64);
        known.alerts.insert(alert);
    }
}
