//! Lanes against a physical simulation: bodies move through beams, beams make edges, the agent's core
//! counts; and what truly passed is known. The simulation shares nothing with the agent but the form
//! of recorded inputs. Prints the table of docs/lanes.md.

#![expect(clippy::unwrap_used, reason = "a test may panic, helpers included")]

mod beams;
mod bodies;
mod scenes;

use std::collections::BTreeMap;

use beams::{Beams, Fault};
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
    lane = [{ name = "lane", kind = "KIND", beam_a = "a", beam_b = "b" MERGE }]
"#;

/// A hand that swings before the body clears both beams for some 60 ms until the body comes; nobody
/// follows another so closely.
const PEOPLE_MERGE: &str = ", merge_ms = 80";

/// What the agent said of a scene.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Said {
    into: u32,
    out: u32,
    unclear: u32,
    blocked: u32,
}

fn play(kind: &str, edges: &[(u64, &str, bool)]) -> Said {
    let merge = if kind == "people" { PEOPLE_MERGE } else { "" };
    let wiring = WIRING.replace("KIND", kind).replace("MERGE", merge);
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
    let end = edges.last().map_or(0, |edge| edge.0) + 400_000_000;
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

fn run(scene: Scene, fault: Fault, seed: u64) -> Row {
    let mut dice = StdRng::seed_from_u64(seed);
    let mut row = Row::default();
    for _ in 0..scene.plays() {
        let spacing = if scene.is_vehicles() {
            scene.vehicle_spacing()
        } else {
            dice.random_range(0.10..0.20)
        };
        let beams = Beams::new(spacing, fault, &mut dice);
        let (bodies, truth) = scene.bodies(spacing, &mut dice);
        let said = play(scene.kind(), &beams.edges(&bodies, &mut dice));
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
        let fault = if scene == Scene::DroppedEdges {
            Fault::Drops
        } else {
            Fault::None
        };
        let row = run(scene, fault, 40 + place as u64);
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
    ] {
        assert_eq!(row(exact).right, row(exact).scenes, "{exact:?}");
    }
    let blocked = row(Scene::Blocked);
    assert_eq!((blocked.said.into, blocked.said.out), (0, 0));
    assert_eq!(blocked.said.blocked, blocked.scenes);
    let drops = row(Scene::DroppedEdges);
    assert!(percent(drops.right + drops.told_unclear, drops.scenes) >= 98.0);
    // Two at once are told where two beams can tell it; docs/lanes.md says how seldom that is.
    let heels = row(Scene::OnTheHeels);
    assert!(percent(heels.told_unclear, heels.scenes) >= 35.0);
}
