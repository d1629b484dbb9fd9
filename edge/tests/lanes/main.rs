//! Lanes against a physical simulation: bodies move through beams, beams make edges, the agent's core
//! counts; and what truly passed is known. The simulation shares nothing with the agent but the form
//! of recorded inputs. Prints the table of docs/lanes.md.

#![expect(clippy::unwrap_used, reason = "a test may panic, helpers included")]

mod beams;
mod bodies;
mod scenes;

use std::collections::BTreeMap;

use beams::{Beams, Fault, Sense};
use gatepost_edge::{
    config::Config,
    core::{Checkpoint, Core, Effects},
};
use gatepost_model::{Direction, Happening, event::FaultCode};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use scenes::{Scene, Truth};

const WIRING: &str = r#"
    unit = { site = "s", id = "u", data = "d" }
    mqtt = { address = "h:1" }
    board = { kind = "sim", socket = "s" }
    lane = [{ name = "lane", kind = "KIND", beam_a = "a", beam_b = "b"TIMES }]
"#;

/// What a lane's configuration says of the bodies that pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    /// Nothing: how far apart the beams are is not known.
    Nothing,
    /// The distance of the beams, as a tape shows it.
    Spacing,
    /// And that many carry rucksacks: persons half a metre deep.
    Rucksacks,
}

/// The lane's own lines. A hand that swings before the body clears both beams for some 60 ms until the
/// body comes; nobody follows another so closely. A loop's relay chatters for longer than a beam.
fn lines(scene: Scene, told: Told, spacing: f64, dice: &mut StdRng) -> String {
    if scene.sense() == Sense::Loop {
        return ", min_on_ms = 50, min_off_ms = 100".to_owned();
    }
    if scene.is_vehicles() {
        return String::new();
    }
    let tape = spacing * 1000.0 + dice.random_range(-5.0..5.0);
    let spacing = format!(", spacing_mm = {tape:.0}");
    match told {
        Told::Nothing => ", merge_ms = 80".to_owned(),
        Told::Spacing => format!(", merge_ms = 80{spacing}"),
        Told::Rucksacks => format!(", merge_ms = 80{spacing}, body_mm = 500"),
    }
}

/// What the agent said of a scene.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Said {
    into: u32,
    out: u32,
    unclear: u32,
    blocked: u32,
}

fn play(kind: &str, lines: &str, edges: &[(u64, &str, bool)]) -> Said {
    let wiring = WIRING.replace("KIND", kind).replace("TIMES", lines);
    let gate = Config::parse(&wiring).unwrap().gate;
    let names = gate.inputs.clone();
    let mut core = Core::new(gate, Checkpoint::default());
    let mut effects = Effects::default();
    let mut feed = |line: String| {
        core.handle_input(&names.read(line.as_bytes()).unwrap(), &mut effects)
            .unwrap();
    };
    feed(r#"{"mono_us":0,"boot":"b"}"#.to_owned());
    for (at, pin, level) in edges {
        feed(format!(
            r#"{{"mono_us":{at},"input":"{pin}","level":{}}}"#,
            u8::from(*level)
        ));
    }
    let end = edges.last().map_or(0, |edge| edge.0) + 700_000_000;
    feed(format!(r#"{{"mono_us":{end},"tick":true}}"#));
    let mut said = Said::default();
    for (_, event) in effects.events {
        match event.happening {
            Happening::Passage(passage) if passage.dir == Direction::In => said.into += 1,
            Happening::Passage(_) => said.out += 1,
            Happening::Unclear(_) => said.unclear += 1,
            Happening::Fault(fault) if fault.code == FaultCode::Blocked => said.blocked += 1,
            _ => {}
        }
    }
    said
}

/// Plays a scene many times; the sums of truth and of what was said, and how often both agreed.
#[derive(Debug, Default)]
struct Row {
    scenes: u32,
    truth: Truth,
    said: Said,
    /// In and out as they truly were, and nothing unclear.
    right: u32,
    /// Not right, and said so.
    told_unclear: u32,
    /// More was counted one way than passed that way.
    invented: u32,
}

fn run(scene: Scene, told: Told, seed: u64) -> Row {
    let fault = if scene == Scene::DroppedEdges {
        Fault::Drops
    } else {
        Fault::None
    };
    let mut dice = StdRng::seed_from_u64(seed);
    let mut row = Row::default();
    for _ in 0..scene.plays() {
        let spacing = if scene.is_vehicles() {
            scene.vehicle_spacing()
        } else {
            dice.random_range(0.10..0.20)
        };
        let beams = Beams::new(spacing, scene.sense(), fault, &mut dice);
        let (bodies, truth) = scene.bodies(spacing, &mut dice);
        let edges = beams.edges(&bodies, &mut dice);
        let lines = lines(scene, told, spacing, &mut dice);
        let said = play(scene.kind(), &lines, &edges);
        row.scenes += 1;
        row.truth.into += truth.into;
        row.truth.out += truth.out;
        row.said.into += said.into;
        row.said.out += said.out;
        row.said.unclear += said.unclear;
        row.said.blocked += said.blocked;
        row.invented += u32::from(said.into > truth.into || said.out > truth.out);
        if (said.into, said.out, said.unclear) == (truth.into, truth.out, 0) {
            row.right += 1;
        } else if said.unclear > 0 {
            row.told_unclear += 1;
        }
    }
    row
}

/// Of so many who walk abreast a share is together no deeper than one person may be: nothing of the
/// second ever sticks out. These no two beams can tell, whatever is made of their times.
fn hidden_abreast(plays: u32) -> f64 {
    let mut dice = StdRng::seed_from_u64(40);
    let hidden = (0..plays).filter(|_| {
        let (bodies, _) = Scene::Abreast.bodies(0.15, &mut dice);
        let ends: Vec<_> = bodies.iter().map(|body| body.outline(8.0)).collect();
        let low = ends.iter().map(|ends| ends.0).fold(f64::INFINITY, f64::min);
        let high = ends
            .iter()
            .map(|ends| ends.1)
            .fold(f64::NEG_INFINITY, f64::max);
        high - low <= scenes::DEEPEST_TORSO
    });
    percent(hidden.count() as u32, plays)
}

/// What the lane's configuration changes: of each scene of people how many plays are unclear, and how
/// many wrong without a word.
#[test]
fn what_is_told_of_bodies_decides_what_two_at_once_show() {
    let scenes = [
        Scene::Walker,
        Scene::Hesitating,
        Scene::Laden,
        Scene::Pram,
        Scene::UTurn,
        Scene::CloseFollower,
        Scene::OnTheHeels,
        Scene::Crossing,
        Scene::Abreast,
    ];
    println!(
        "| scene | no distance: unclear / silent | `spacing_mm` | `spacing_mm`, `body_mm = 500` |"
    );
    println!("|---|---|---|---|");
    // Other dice than the first table's.
    for (place, scene) in scenes.into_iter().enumerate() {
        let shares = [Told::Nothing, Told::Spacing, Told::Rucksacks].map(|told| {
            let row = run(scene, told, 140 + place as u64);
            assert_eq!(row.invented, 0, "{scene:?} {told:?}");
            let silent = row.scenes - row.right - row.told_unclear;
            (
                percent(row.told_unclear, row.scenes),
                percent(silent, row.scenes),
            )
        });
        let cells = shares.map(|(told, silent)| format!("{told:.1} % / {silent:.1} %"));
        println!("| {} | {} |", scene.name(), cells.join(" | "));
        let [_, (unclear, silent), (laden, _)] = shares;
        let (most_unclear, most_silent) = match scene {
            Scene::Walker => (1.5, 0.0),
            Scene::CloseFollower => (5.0, 1.0),
            Scene::Hesitating => (10.0, 0.0),
            Scene::Pram | Scene::UTurn => (0.0, 0.0),
            Scene::OnTheHeels => (100.0, 5.0),
            Scene::Crossing => (100.0, 14.0),
            Scene::Abreast => (100.0, 45.0),
            _ => (100.0, 0.0),
        };
        assert!(unclear <= most_unclear, "{scene:?}: {unclear} % unclear");
        assert!(silent <= most_silent, "{scene:?}: {silent} % silent");
        if scene == Scene::Laden {
            assert!(laden <= 6.0, "{laden} % of rucksacks unclear");
        }
    }
    println!(
        "\nabreast and together no deeper than one person: {:.0} %",
        hidden_abreast(2000)
    );
}

fn percent(part: u32, whole: u32) -> f64 {
    100.0 * f64::from(part) / f64::from(whole.max(1))
}

#[test]
fn what_passes_is_counted_or_said_to_be_unclear() {
    let mut rows = BTreeMap::new();
    println!(
        "| scene | plays | truly in / out | counted in / out | unclear | right | wrong but told | wrong, silent |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    for (place, &scene) in Scene::ALL.iter().enumerate() {
        let row = run(scene, Told::Spacing, 40 + place as u64);
        let silent = row.scenes - row.right - row.told_unclear;
        println!(
            "| {} | {} | {} / {} | {} / {} | {} | {:.1} % | {:.1} % | {:.1} % |",
            scene.name(),
            row.scenes,
            row.truth.into,
            row.truth.out,
            row.said.into,
            row.said.out,
            row.said.unclear,
            percent(row.right, row.scenes),
            percent(row.told_unclear, row.scenes),
            percent(silent, row.scenes),
        );
        rows.insert(scene, row);
    }
    let row = |scene: Scene| &rows[&scene];

    for (scene, row) in &rows {
        assert_eq!(row.invented, 0, "{scene:?}: a passage that nobody made");
    }
    let single = row(Scene::SingleFile);
    for (said, truth) in [
        (single.said.into, single.truth.into),
        (single.said.out, single.truth.out),
    ] {
        let off = f64::from(said.abs_diff(truth)) / f64::from(truth);
        assert!(off <= 0.01, "single file: {said} of {truth}");
    }
    for exact in [
        Scene::UTurn,
        Scene::Lorry,
        Scene::LorryThatStops,
        Scene::Car,
        Scene::Pram,
        Scene::LoopLorry,
    ] {
        assert_eq!(row(exact).right, row(exact).scenes, "{exact:?}");
    }
    for stuck in [Scene::Blocked, Scene::LoopStuck] {
        let row = row(stuck);
        assert_eq!((row.said.into, row.said.out), (0, 0), "{stuck:?}");
        assert_eq!(row.said.blocked, row.scenes, "{stuck:?}");
    }
    // Whoever else was there: one passed for sure, and is counted.
    for (scene, share) in [(Scene::Abreast, 100.0), (Scene::OnTheHeels, 97.0)] {
        let row = row(scene);
        let one_each = percent(row.said.into + row.said.out, row.scenes);
        assert!(one_each >= share, "{scene:?}: {one_each} % counted once");
    }
    // Two that no gap parts are never silently one.
    let two = row(Scene::LoopTwo);
    assert!(percent(two.right, two.scenes) >= 97.0);
    assert_eq!(two.right + two.told_unclear, two.scenes);
    let drops = row(Scene::DroppedEdges);
    assert!(percent(drops.right + drops.told_unclear, drops.scenes) >= 98.0);
}
