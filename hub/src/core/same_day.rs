//! The same day in any order: live, a week late, shuffled and doubled, it comes to the same.

mod oracle;
mod world;

use gatepost_dashboard::ports::{Act, Command};
use gatepost_model::{
    Wall,
    alert::{AlertKind, Outcome},
    wire::Anchor,
};

use super::{Core, Input, Settings, input::Input as In, state::SiteState, testing::Dice};
use oracle::Known;
use world::{DATE, Day, UnitLog, midnight};

const DAYS: u64 = 200;
/// When everything has been said.
const IN_THE_END: i64 = 9 * 24 * 3_600;
const A_WEEK: i64 = 7 * 24 * 3_600;

#[test]
fn the_same_day_comes_to_the_same_in_any_order() {
    for seed in 0..DAYS {
        let day = world::day(seed);
        let expected = oracle::known(&day);
        let live = lived(&day, &plan(&day, seed, false));
        let shuffled = lived(&day, &plan(&day, seed, true));
        assert_eq!(known(&live, &day), expected, "live, seed {seed}");
        assert_eq!(known(&shuffled, &day), expected, "shuffled, seed {seed}");
        assert_eq!(
            in_full(&live),
            in_full(&shuffled),
            "live and shuffled, seed {seed}"
        );
    }
}

/// What comes when, seconds since midnight.
#[derive(Debug, Clone)]
enum Come {
    Batch(usize, std::ops::Range<usize>),
    RollCall(u64),
    Excuse(String),
}

/// Live, every batch comes as soon as it is made, in the order of time. Otherwise some units are a
/// week late, others now and then some minutes, and batches of several units come in any order. All
/// come twice.
fn plan(day: &Day, seed: u64, is_shuffled: bool) -> Vec<(i64, Come)> {
    let mut dice = Dice::new(seed ^ 0x5eed);
    let mut coming = Vec::new();
    for (index, unit) in day.logs.iter().enumerate() {
        let delay = if is_shuffled && dice.is_one_in(2) {
            A_WEEK
        } else {
            0
        };
        let mut at = 0;
        let mut first = 0;
        while first < unit.times.len() {
            let end = (first + 1 + dice.below(40) as usize).min(unit.times.len());
            let jitter = if is_shuffled { dice.below(1_200) } else { 0 };
            at = at.max(unit.times[end - 1] + 1 + delay + jitter);
            coming.push((at, Come::Batch(index, first..end)));
            let again = if is_shuffled {
                at + dice.below(90_000)
            } else {
                at
            };
            coming.push((again, Come::Batch(index, first..end)));
            first = end;
        }
    }
    if let Some((at, people)) = day.roll_call {
        coming.push((at, Come::RollCall(people)));
    }
    if let Some((at, slot)) = &day.excused {
        coming.push((*at, Come::Excuse(slot.clone())));
    }
    coming.sort_by_key(|(at, _)| *at);
    coming
}

fn at(seconds: i64) -> Wall {
    midnight().plus_micros(seconds * 1_000_000)
}

fn lived(day: &Day, coming: &[(i64, Come)]) -> Core {
    let mut core = Core::new(Settings::new("0123456789abcdef".to_owned()));
    let mut turn = |seconds: i64, input: Input| {
        let decision = core.decide(at(seconds), [input]);
        core.apply(&decision.commit);
    };
    turn(0, In::Site(world::site()));
    let mut ticked = 0;
    for (seconds, come) in coming {
        while ticked + 300 < *seconds && ticked < 2 * 24 * 3_600 {
            ticked += 300;
            turn(ticked, In::Tick);
        }
        turn(*seconds, input(day, *seconds, come));
        if *seconds > ticked + 300 {
            ticked = *seconds;
            turn(ticked, In::Tick);
        }
    }
    for nth in 0..5 {
        turn(IN_THE_END + nth * 60, In::Tick);
    }
    core
}

fn input(day: &Day, seconds: i64, come: &Come) -> Input {
    let command = |act| In::Command {
        ticket: 1,
        command: Command {
            by: "wang".to_owned(),
            key: None,
            act,
        },
    };
    let site = || "s".parse().unwrap();
    match come {
        Come::Batch(unit, lines) => batch(&day.logs[*unit], lines.clone(), at(seconds)),
        Come::RollCall(count) => command(Act::RollCall {
            site: site(),
            zone: None,
            count: *count,
        }),
        Come::Excuse(slot) => command(Act::Excuse {
            site: site(),
            slot: slot.clone(),
            reason: "rain".to_owned(),
        }),
    }
}

fn batch(unit: &UnitLog, lines: std::ops::Range<usize>, received: Wall) -> Input {
    let mut header = unit.log.header(lines.clone());
    header.anchor = Some(Anchor {
        mono_us: 3_600_000_000,
        wall: midnight(),
        err_ms: 20,
    });
    unit.log.input_with(&header, lines, received)
}

fn site_of(core: &Core) -> &SiteState {
    &core.state().sites["s"]
}

/// What the hub knows of the day, in the oracle's words.
fn known(core: &Core, day: &Day) -> Known {
    let site = site_of(core);
    let mut known = Known::default();
    let slots = site.slots.values();
    for row in slots.filter(|row| row.slot.date.to_string() == DATE) {
        let verdict = serde_json::to_value(row.verdict).unwrap();
        let verdict = verdict.as_str().unwrap().to_owned();
        known.verdicts.insert(row.slot.id.clone(), verdict);
    }
    for episode in site.episodes.values() {
        let person = format!("{}/{}", episode.unit, episode.screening);
        let skins = episode.attempts.iter().map(|attempt| attempt.skin_c);
        known.episodes.insert(person, skins.collect());
    }
    let sum = |of| site.tally(of).map_or(0, |tally| tally.raw());
    known.site = sum(None);
    known.living = sum(Some(gatepost_model::Zone::Living));
    let over: Vec<_> = core
        .state()
        .alerts
        .all()
        .filter(|alert| alert.kind == AlertKind::Capacity && alert.gone_at.is_none())
        .map(|alert| alert.subject.zone)
        .collect();
    known.site_over = over.contains(&None);
    known.living_over = over.contains(&Some(gatepost_model::Zone::Living));
    let called = site.roll_calls.values().next();
    known.correction = called.and_then(|call| call.correction);
    for entries in site.entries.values() {
        let refused = entries.reasons.iter();
        let refused = refused.map(|(reason, n)| (format!("refused: {reason}"), *n));
        let others = [
            ("admitted", entries.admitted),
            ("isolated", entries.isolated),
        ];
        let others = others.map(|(outcome, n)| (outcome.to_owned(), n));
        known
            .entries
            .extend(others.into_iter().chain(refused).filter(|(_, n)| *n > 0));
    }
    for alert in standing(core) {
        let unit = alert.subject.unit.as_ref().map(ToString::to_string);
        let id = alert.subject.id.clone().unwrap_or_default();
        let (kind, about) = match alert.kind {
            AlertKind::FeverSuspected if !id.starts_with('m') => {
                ("fever_suspected", format!("{}/{id}", unit.unwrap()))
            }
            AlertKind::SensorFault if id == "blocked" => ("sensor_fault", unit.unwrap()),
            AlertKind::Loss => ("loss", unit.unwrap()),
            AlertKind::MissedRound => ("missed_round", id),
            _ => continue,
        };
        let seconds = alert.happened_at.micros_since(midnight()) / 1_000_000;
        let named = (kind.to_owned(), about, seconds, alert.count);
        known.alerts.insert(named);
    }
    if day.is_mad && known.episodes.keys().any(|person| person.contains("/m")) {
        assert_mad(core);
    }
    known
}

/// Twelve suspicions of twelve people are one broken thermometer, not twelve ill people.
fn assert_mad(core: &Core) {
    let of_the_sensor = core.state().alerts.all().filter(|alert| {
        alert.kind == AlertKind::SensorFault
            && alert.subject.id.as_deref() == Some("implausible_rate")
    });
    assert_eq!(of_the_sensor.count(), 1);
    let fevers = core.state().alerts.all().filter(|alert| {
        let id = alert.subject.id.as_deref().unwrap_or_default();
        alert.kind == AlertKind::FeverSuspected && id.starts_with('m')
    });
    assert!(fevers.count() < 12);
}

/// Alerts of the day whose cause was one in the end: how a message came is nothing of the day, and a
/// missed round that was found is none.
fn standing(core: &Core) -> impl Iterator<Item = &gatepost_dashboard::view::AlertView> {
    core.state().alerts.all().filter(|alert| match alert.kind {
        AlertKind::FeverSuspected | AlertKind::Loss | AlertKind::SensorFault => true,
        AlertKind::MissedRound => {
            let is_of_the_day = alert.happened_at < at(24 * 3_600);
            is_of_the_day && alert.gone_at.is_none() && alert.outcome != Some(Outcome::Cleared)
        }
        _ => false,
    })
}

/// All that is known, but for when the hub learned of it and whom it told.
fn in_full(core: &Core) -> serde_json::Value {
    let site = site_of(core);
    let slots: Vec<_> = site
        .slots
        .values()
        .map(|row| (&row.slot.id, row.verdict, &row.proof))
        .collect();
    let episodes: Vec<_> = site
        .episodes
        .values()
        .map(|it| {
            (
                &it.id,
                it.state,
                it.happened_at,
                &it.attempts,
                it.alert.is_some(),
            )
        })
        .collect();
    let mut alerts: Vec<_> = standing(core)
        .map(|alert| {
            let mut params = alert.params.clone();
            params.remove("late");
            let cause = (alert.kind, &alert.subject, alert.happened_at);
            serde_json::json!([cause, alert.seen_at, alert.gone_at, alert.count, params])
        })
        .collect();
    alerts.sort_by_key(ToString::to_string);
    let tallies: Vec<_> = site.tallies.values().collect();
    let calls: Vec<_> = site.roll_calls.values().collect();
    let quarters: Vec<_> = site.quarters.values().collect();
    let entries: Vec<_> = site.entries.values().collect();
    let rounds: Vec<_> = site.rounds.values().collect();
    let watches: Vec<_> = site.sight.watches.iter().collect();
    let lanes: Vec<_> = site.lanes.values().collect();
    serde_json::json!([
        slots, episodes, alerts, tallies, calls, quarters, entries, rounds, watches, lanes
    ])
}
