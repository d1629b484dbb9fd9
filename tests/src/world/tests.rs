//! The world against the unit's own core: what the world says happened is what the core sees.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use gatepost_edge::{
    config::{Config, Gate},
    core::{Checkpoint, Core, Effects, screening::rule::Place},
};
use gatepost_model::{
    Event, Happening as Seen,
    event::{RoundPhase, ScreeningVerdict},
};

use super::{
    day::{HOUR, MINUTE, WallUs},
    faces::Faces,
    life::{Life, Played, Who},
    sites::{PLANS, Plan, Post, UnitFiles},
    timeline::Source,
    truth::{Truth, What},
    *,
};

fn date(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn gate(plan: &Plan, post: Post) -> Gate {
    let files = UnitFiles {
        data: Path::new("d"),
        socket: Path::new("s"),
        mqtt: "h:1",
        extra: "",
    };
    let text = plan.unit_config(post, &files);
    match Config::parse(&text) {
        Ok(config) => config.gate,
        Err(mistakes) => panic!("{mistakes}\n{text}"),
    }
}

/// Whose life it is, what it plays, and when it begins.
fn whose(plan: &Plan, post: Post, seed: u64, faces: Option<Arc<Faces>>) -> (Who, Source, WallUs) {
    let start = Span::of(plan.zone, date("2026-11-02")).from;
    let source = Source::Life {
        plan: *plan,
        post,
        seed,
        faces,
    };
    let who = Who {
        site: plan.id.parse().unwrap(),
        unit: post.unit().parse().unwrap(),
        pins: plan.pins(post),
        synced: true,
        seed,
    };
    (who, source, start)
}

/// Plays some days to the core and gives what it saw and what was true.
fn live(
    plan: &Plan,
    post: Post,
    seed: u64,
    faces: Option<Arc<Faces>>,
    days: i64,
) -> (Vec<(String, Event)>, Vec<Truth>) {
    let gate = gate(plan, post);
    let mut core = Core::new(gate.clone(), Checkpoint::default());
    let (who, source, start) = whose(plan, post, seed, faces);
    let mut life = Life::begin(who, source, start);
    let (mut out, mut truths, mut events) = (Vec::new(), Vec::new(), Vec::new());
    let end = start + days * 24 * HOUR;
    life.attach(start, &mut out, &mut truths);
    loop {
        let played = life.play(end, 1 << 16, Some(end), &mut out, &mut truths);
        let mut effects = Effects::default();
        for line in out
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty())
        {
            let input = gate.inputs.read(line).unwrap();
            core.handle_input(&input, &mut effects).unwrap();
        }
        out.clear();
        events.extend(
            effects
                .events
                .into_iter()
                .map(|(boot, event)| (boot.to_string(), event)),
        );
        life.confirmed(core.durable().unwrap().0, &mut truths);
        match played {
            Played::All => break,
            Played::Full => {}
            Played::PowerCut(to) => {
                life.cut_power(&mut truths);
                life.restore_power(to, &mut truths);
                life.attach(to, &mut out, &mut truths);
            }
        }
    }
    (events, truths)
}

/// Kind, place and moment: what tells one happening from another.
type Key = (&'static str, String, String, u64);

fn seen(events: &[(String, Event)]) -> BTreeMap<Key, String> {
    let keys = events.iter().filter_map(|(boot, event)| {
        let (what, place, detail) = match &event.happening {
            Seen::Passage(passage) => (
                "passage",
                passage.lane.to_string(),
                passage.dir.as_str().to_owned(),
            ),
            Seen::Screening(screening) => (
                "screening",
                screening.lane.to_string(),
                screening.skin_c.to_string(),
            ),
            Seen::Entry(entry) => (
                "entry",
                entry.lane.to_string(),
                format!("{:?}", entry.outcome).to_lowercase(),
            ),
            Seen::Round(round) if round.phase == RoundPhase::Ended => {
                return Some((
                    (
                        "round",
                        round.zone.to_string(),
                        boot.clone(),
                        round.started_mono_us,
                    ),
                    format!("{} {}", event.mono_us, round.litres),
                ));
            }
            _ => return None,
        };
        Some(((what, place, boot.clone(), event.mono_us), detail))
    });
    keys.collect()
}

fn told(truths: &[Truth]) -> BTreeMap<Key, String> {
    let keys = truths
        .iter()
        .filter(|truth| truth.durable)
        .filter_map(|truth| {
            let lane = || {
                truth
                    .lane
                    .as_ref()
                    .map(ToString::to_string)
                    .unwrap_or_default()
            };
            let (place, detail) = match truth.what {
                What::Passage => (lane(), truth.dir?.as_str().to_owned()),
                What::Screening => (lane(), truth.skin_c?.to_string()),
                What::Entry => (lane(), truth.outcome.clone()?),
                What::Round => (
                    truth.zone?.to_string(),
                    format!("{} {}", truth.end_mono_us?, truth.litres?),
                ),
                What::Uturn | What::Unclear => return None,
            };
            Some((
                (
                    truth.what.as_str(),
                    place,
                    truth.boot.to_string(),
                    truth.mono_us,
                ),
                detail,
            ))
        });
    keys.collect()
}

#[test]
fn the_units_core_sees_exactly_what_happens() {
    for plan in &PLANS {
        for post in Post::ALL {
            let (events, truths) = live(plan, post, 1, None, 10);
            let (seen, told) = (seen(&events), told(&truths));
            assert!(
                told.len() > 100 || post == Post::Yard && told.len() > 20,
                "{} {}",
                plan.id,
                told.len()
            );
            for (key, detail) in &told {
                assert_eq!(seen.get(key), Some(detail), "{} {key:?}", plan.id);
            }
            let invented: Vec<_> = seen.keys().filter(|key| !told.contains_key(*key)).collect();
            let uncertain = truths
                .iter()
                .filter(|truth| !truth.durable && truth.what != What::Uturn)
                .count();
            assert!(
                invented.len() <= uncertain,
                "{} {invented:?} {uncertain}",
                plan.id
            );
            let unclear = events
                .iter()
                .filter(|(_, event)| event.happening.kind() == "unclear")
                .count();
            assert!(unclear <= 1, "{} {unclear}", plan.id);
        }
    }
}

/// A day's people with real temperatures: as many are measured again as the unit asks for, and most
/// of those with a fever are found.
#[test]
fn real_people_are_measured_as_often_as_the_lamp_asks() {
    for place in [Place::Canthus, Place::Forehead] {
        let faces = Arc::new(Faces::bundled(place).unwrap());
        let plan = PLANS[0].looking_at(place);
        let (events, truths) = live(&plan, Post::Gate, 1, Some(faces), 3);
        let (seen, told) = (seen(&events), told(&truths));
        for (key, detail) in &told {
            assert_eq!(seen.get(key), Some(detail), "{key:?}");
        }
        let screenings = || {
            events
                .iter()
                .filter_map(|(_, event)| match &event.happening {
                    Seen::Screening(screening) => Some(screening),
                    _ => None,
                })
        };
        let asked = screenings().filter(|it| it.verdict == ScreeningVerdict::Remeasure);
        let again = screenings().filter(|it| it.attempt > 1);
        let (asked, again) = (asked.count(), again.count());
        // The unit knows the lane from the days before, the queue only from its morning.
        assert!(
            asked > 30 && again * 10 >= asked * 8 && again <= asked,
            "{place:?}: {asked} asked for, {again} given of {}",
            screenings().count()
        );
        let isolated = told.values().filter(|word| *word == "isolated").count();
        let feverish: std::collections::BTreeSet<_> = truths
            .iter()
            .filter(|truth| truth.body_c.is_some_and(|oral| oral >= 37.5))
            .map(|truth| (truth.t.to_string()[..10].to_owned(), truth.person.clone()))
            .collect();
        assert!(
            isolated * 4 >= feverish.len() && isolated <= feverish.len(),
            "{place:?}: {isolated} of {} were found",
            feverish.len()
        );
    }
}

#[test]
fn a_world_that_ends_while_a_button_is_held_has_told_of_it() {
    let (plan, post, seed) = (&PLANS[0], Post::Gate, 7);
    let (_, whole) = live(plan, post, seed, None, 1);
    let entry = whole.iter().find(|truth| truth.what == What::Entry);
    let entry = entry.unwrap();
    let (who, source, start) = whose(plan, post, seed, None);
    let mut life = Life::begin(who, source, start);
    let mut truths = Vec::new();
    life.attach(start, &mut Vec::new(), &mut truths);
    // A button is held for longer than this.
    let held = entry.t.micros() + 50_000;
    life.play(held, usize::MAX, None, &mut Vec::new(), &mut truths);
    assert!(!truths.iter().any(|truth| truth.what == What::Entry));
    life.leave(&mut truths);
    let unconfirmed = Truth {
        durable: false,
        ..entry.clone()
    };
    assert_eq!(truths.last(), Some(&unconfirmed));

    // A world that goes on tells the very same, which the journal knows.
    let (who, source, _) = whose(plan, post, seed, None);
    let mut life = Life::resume(who, source, &life.kept(held));
    let mut again = Vec::new();
    let end = held + MINUTE;
    life.play(end, usize::MAX, None, &mut Vec::new(), &mut again);
    assert!(again.contains(&unconfirmed));
}

#[test]
fn a_day_is_the_same_whenever_it_is_made() {
    for post in Post::ALL {
        let made = || day_of(&PLANS[0], post, 5, None, date("2026-11-23"));
        assert_eq!(made(), made());
        assert_ne!(made(), day_of(&PLANS[0], post, 6, None, date("2026-11-23")));
        assert_ne!(made(), day_of(&PLANS[1], post, 5, None, date("2026-11-23")));
    }
}

#[test]
fn pins_alternate_and_nothing_reaches_over_midnight() {
    for plan in &PLANS {
        for post in Post::ALL {
            for day in ["2026-10-25", "2026-11-23", "2027-03-28"] {
                let span = Span::of(plan.zone, date(day));
                let day = day_of(plan, post, 3, None, date(day));
                let mut levels: BTreeMap<&str, bool> = BTreeMap::new();
                for stimulus in &day.stimuli {
                    assert!((span.from..span.to).contains(&stimulus.at));
                    if let day::Signal::Level(pin, level) = stimulus.signal {
                        assert_eq!(
                            levels.insert(pin, level).unwrap_or(false),
                            !level,
                            "{pin} {}",
                            plan.id
                        );
                    }
                }
                assert!(levels.values().all(|level| !level));
            }
        }
    }
}

#[test]
fn a_fortnight_of_three_sites_is_as_busy_as_it_should_be() {
    let (mut events, mut people, mut passages, mut fevers, mut cuts) = (0, 0, 0, 0, 0);
    for plan in &PLANS[..3] {
        for post in Post::ALL {
            let (seen, truths) = live(plan, post, 1, None, 14);
            events += seen.len();
            people += truths
                .iter()
                .filter(|truth| truth.outcome.as_deref() == Some("admitted"))
                .count();
            passages += truths
                .iter()
                .filter(|truth| truth.what == What::Passage)
                .count();
            fevers += truths
                .iter()
                .filter(|truth| truth.outcome.as_deref() == Some("isolated"))
                .count();
            let boots: std::collections::BTreeSet<&String> =
                seen.iter().map(|(boot, _)| boot).collect();
            cuts += boots.len() - 1;
        }
    }
    let a_day = |n: usize| n / (3 * 14);
    assert!((150_000..400_000).contains(&events), "{events}");
    assert!((330..400).contains(&a_day(people)), "{}", a_day(people));
    assert!((700..950).contains(&a_day(passages)), "{}", a_day(passages));
    assert!((5..90).contains(&fevers), "{fevers}");
    assert!((3..=6).contains(&cuts), "{cuts}");
}

#[test]
fn counts_are_played_as_the_file_says_over_the_repeated_hour() {
    let zone = chrono_tz::Tz::America__Los_Angeles;
    let text = "slot_start_local,in,out\n2005-10-30T00:30:00,3,1\n2005-10-30T01:00:00,0,2\n2005-10-30T01:30:00,5,0\n2005-10-30T02:00:00,114,0\n";
    let counts = counts::Counts::parse(text, zone).unwrap();
    let day = counts.day(1, date("2005-10-30"));
    let passages = |from: i64, dir| {
        let in_row = |at: i64| (from..from + 30 * MINUTE).contains(&at);
        let of = |happening: &&day::Happening| happening.dir == Some(dir) && in_row(happening.at);
        day.happenings.iter().filter(of).count() as u32
    };
    for row in &counts.rows {
        assert_eq!(passages(row.start, gatepost_model::Direction::In), row.into);
        assert_eq!(passages(row.start, gatepost_model::Direction::Out), row.out);
    }
    // Half past one comes twice; the row is the first, and two o'clock is two elapsed hours later.
    assert_eq!(counts.rows[3].start - counts.rows[2].start, 90 * MINUTE);
    assert_eq!(day.happenings.len(), 125);
    assert!(counts::Counts::parse("slot\n2005-10-30T00:30:00,3\n", zone).is_err());
}
