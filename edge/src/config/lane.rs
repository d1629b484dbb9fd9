//! Lanes: two beams, and how long what passes may take.

use std::time::Duration;

use gatepost_model::{LaneId, LaneKind, LeadsTo, SensorId};

use super::{
    bodies::{self, Bodies},
    gate::{Flow, flow},
    mistakes::Mistakes,
    pins::Pins,
    reader::Section,
};
use crate::input::InputIx;

/// `[[lane]]`: two beams that tell in from out. A is the outer one.
#[derive(Debug, Clone)]
pub struct Lane {
    /// Its name.
    pub id: LaneId,
    /// What passes.
    pub kind: LaneKind,
    /// Where `in` leads.
    pub leads_to: LeadsTo,
    /// The outer beam.
    pub beam_a: Beam,
    /// The inner beam.
    pub beam_b: Beam,
    /// A beam must be broken this long to count.
    pub min_on: Duration,
    /// A beam must be clear this long to count.
    pub min_off: Duration,
    /// A gap of this length, both beams clear, still belongs to the same vehicle.
    pub merge: Duration,
    /// Where it is known how far apart the beams are: two people at once may show themselves.
    pub bodies: Option<Bodies>,
    /// A passage that takes longer is unclear.
    pub timeout: Duration,
    /// A beam that is broken for longer is blocked.
    pub blocked: Duration,
    /// Lit while somebody is to be measured again.
    pub lamp: Option<usize>,
    /// Sounds with a suspicion.
    pub buzzer: Option<usize>,
    /// The meter of the sprayer that disinfects what passes.
    pub sprayer: Option<Flow>,
}

/// One beam of a lane.
#[derive(Debug, Clone)]
pub struct Beam {
    /// Its pin.
    pub input: InputIx,
    /// Its name in faults.
    pub sensor: SensorId,
}

/// A lane's timings where the file is silent.
struct LaneDefaults {
    merge_ms: u64,
    timeout_s: f64,
    blocked_s: f64,
}

/// People walk; between a lorry's cab, body and trailer light falls through, and it may stand at
/// the gate for its papers.
fn lane_defaults(kind: LaneKind) -> LaneDefaults {
    let (merge_ms, timeout_s, blocked_s) = match kind {
        LaneKind::People => (0, 10.0, 60.0),
        LaneKind::Car => (500, 60.0, 300.0),
        LaneKind::Goods => (1500, 180.0, 600.0),
    };
    LaneDefaults {
        merge_ms,
        timeout_s,
        blocked_s,
    }
}

pub(super) fn read(
    mut section: Section<'_>,
    pins: &mut Pins,
    mistakes: &mut Mistakes,
) -> Option<Lane> {
    let id = section.id("name", mistakes);
    let kind = section
        .text("kind", mistakes)
        .and_then(|text| match text.as_str() {
            "people" => Some(LaneKind::People),
            "car" => Some(LaneKind::Car),
            "goods" => Some(LaneKind::Goods),
            _ => {
                let what = format!("there is no kind of lane `{text}`");
                section.wrong("kind", what, "write people, car or goods", mistakes);
                None
            }
        });
    let leads_to = match section.optional_text("leads_to", mistakes).as_deref() {
        None | Some("site") => Some(LeadsTo::Site),
        Some(zone) => match zone.parse() {
            Ok(zone) => Some(LeadsTo::Zone(zone)),
            Err(_) => {
                let what = format!("`{zone}` is neither the site nor a zone");
                let cure = "write site, management, construction, living or isolation";
                section.wrong("leads_to", what, cure, mistakes);
                None
            }
        },
    };
    let beam_a = pins.beam(&mut section, "beam_a", mistakes);
    let beam_b = pins.beam(&mut section, "beam_b", mistakes);
    let default = lane_defaults(kind.unwrap_or(LaneKind::People));
    let min_on = section.millis("min_on_ms", 8, 0..=1000, mistakes);
    let min_off = section.millis("min_off_ms", 30, 0..=5000, mistakes);
    let merge = section.millis("merge_ms", default.merge_ms, 0..=60_000, mistakes);
    let bodies = bodies::read(&mut section, kind, mistakes);
    let timeout = section.seconds("timeout_s", default.timeout_s, 0.1..=86_400.0, mistakes);
    let blocked = section.seconds("blocked_s", default.blocked_s, 0.1..=86_400.0, mistakes);
    let lamp = pins.output(&mut section, "lamp", mistakes);
    let buzzer = pins.output(&mut section, "buzzer", mistakes);
    let sprayer = flow(&mut section, "sprayer", &[], pins, mistakes);
    section.finish(mistakes);
    Some(Lane {
        id: id?,
        kind: kind?,
        leads_to: leads_to?,
        beam_a: beam_a?,
        beam_b: beam_b?,
        min_on,
        min_off,
        merge,
        bodies,
        timeout,
        blocked,
        lamp,
        buzzer,
        sprayer,
    })
}

/// The lanes of the file, for tables that name one.
#[derive(Clone, Copy)]
pub(super) struct Lanes<'a> {
    pub(super) read: &'a [Lane],
    /// Names of those too that have a mistake of their own: to name one is no second mistake.
    pub(super) named: &'a [String],
}

/// The lane that a table names.
pub(super) fn lane_of(
    section: &mut Section<'_>,
    lanes: Lanes<'_>,
    mistakes: &mut Mistakes,
) -> Option<usize> {
    let name = section.text("lane", mistakes)?;
    let mut read = lanes.read.iter();
    let found = read.position(|lane| lane.id.as_str() == name);
    if found.is_none() && !lanes.named.contains(&name) {
        let cure = format!("write one of {}", lanes.named.join(", "));
        section.wrong("lane", format!("there is no lane `{name}`"), cure, mistakes);
    }
    found
}
