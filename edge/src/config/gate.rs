//! What is wired at the gate: lanes, thermometers, round stations, entry boxes, sensors and pins.

use std::time::Duration;

use gatepost_model::{LaneId, LaneKind, LeadsTo, SensorId, Zone};

use super::{
    Mistakes,
    bodies::{self, Bodies},
    pins::{Pins, Probe, Purpose, Wiring},
    reader::Section,
};
use crate::{
    core::screening::rule::{Place, Point},
    input::{InputIx, InputNames},
};

/// All that is wired.
#[derive(Debug, Clone, Default)]
pub struct Gate {
    /// Every input by name.
    pub inputs: InputNames,
    /// Every output.
    pub outputs: Vec<Output>,
    /// The lanes.
    pub lanes: Vec<Lane>,
    /// The thermometers that screen people.
    pub thermometers: Vec<Thermometer>,
    /// The round stations.
    pub stations: Vec<Station>,
    /// The guards' boxes.
    pub boxes: Vec<EntryBox>,
    /// Sensors of any other quantity.
    pub sensors: Vec<Sensor>,
    /// Between two heartbeats, in board time.
    pub heartbeat: Duration,
    /// Names the text that this was read from.
    pub fingerprint: String,
}

/// `[[output]]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// Its name.
    pub name: String,
    /// The level that it has before the agent starts and after it ends.
    pub safe: bool,
}

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

/// A button.
#[derive(Debug, Clone)]
pub struct Button {
    /// Its pin.
    pub input: InputIx,
    /// Its name in faults.
    pub sensor: SensorId,
}

/// `[[thermometer]]`
#[derive(Debug, Clone)]
pub struct Thermometer {
    /// Its name.
    pub sensor: SensorId,
    /// Where its answers come in.
    pub input: InputIx,
    /// The lane whose people it measures, as a place in [`Gate::lanes`].
    pub lane: usize,
    /// Where it looks.
    pub place: Place,
    /// How readily it suspects.
    pub point: Point,
}

/// `[[round_station]]`
#[derive(Debug, Clone)]
pub struct Station {
    /// The zone whose rounds begin and end here.
    pub zone: Zone,
    /// The start button.
    pub start: Button,
    /// The stop button.
    pub stop: Button,
    /// The pump's flow meter, if there is one.
    pub flow: Option<Flow>,
    /// Check points to be pressed between start and stop.
    pub points: Vec<Button>,
    /// A round that is not stopped for this long is abandoned.
    pub timeout: Duration,
}

/// A flow meter.
#[derive(Debug, Clone)]
pub struct Flow {
    /// Its pin.
    pub input: InputIx,
    /// Its name in readings.
    pub sensor: SensorId,
    /// Its calibration.
    pub pulses_per_litre: f64,
    /// Less than this is a drip and no evidence of a round.
    pub min_litres: f64,
}

/// `[[entry_box]]`: the guard's three buttons.
#[derive(Debug, Clone)]
pub struct EntryBox {
    /// The lane that he speaks of, as a place in [`Gate::lanes`].
    pub lane: usize,
    /// Let in.
    pub admitted: Button,
    /// Sent away.
    pub refused: Button,
    /// Set apart.
    pub isolated: Button,
    /// What opens for those who are let in.
    pub barrier: Option<Barrier>,
}

/// A barrier that opens on a pulse. Away from its safe level its output says `open`; nothing here says
/// `close`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Barrier {
    /// Its output, as a place in [`Gate::outputs`].
    pub output: usize,
    /// How long it is told to open.
    pub pulse: Duration,
}

/// `[[sensor]]`: anything else that is measured.
#[derive(Debug, Clone)]
pub struct Sensor {
    /// Its name.
    pub sensor: SensorId,
    /// Where its answers come in.
    pub input: InputIx,
    /// Where it hangs.
    pub zone: Option<Zone>,
    /// At most one reading of each quantity in this span.
    pub interval: Duration,
}

/// Of human skin in the thermometer's band, 8 to 14 um.
const SKIN_EMISSIVITY: f64 = 0.98;

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
    root: &mut Section<'_>,
    simulated: bool,
    mistakes: &mut Mistakes,
) -> (Gate, Wiring) {
    let mut pins = Pins::read(root, simulated, mistakes);
    let mut gate = Gate::default();
    let mut named = Vec::new();
    for section in root.sections("lane", mistakes) {
        let place = section.place("name");
        named.extend(section.peek("name"));
        if let Some(lane) = lane(section, &mut pins, mistakes) {
            let id = lane.id.as_str();
            if gate.lanes.iter().any(|other| other.id == lane.id) {
                mistakes.add(place, format!("there are two lanes `{id}`"), "rename one");
            }
            gate.lanes.push(lane);
        }
    }
    let lanes = Lanes {
        read: &gate.lanes,
        named: &named,
    };
    let mut probes: Vec<Probe> = Vec::new();
    for section in root.sections("thermometer", mistakes) {
        let place = section.place("address");
        let Some((thermometer, probe)) =
            thermometer(section, lanes, simulated, &mut pins, mistakes)
        else {
            continue;
        };
        let same = |other: &&Probe| (other.bus, other.address) == (probe.bus, probe.address);
        if let Some(other) = probes.iter().find(same).filter(|_| !simulated) {
            let what = format!("`{}` has this address on the same bus", other.name);
            mistakes.add(place, what, "give one of them another address or bus");
        }
        gate.thermometers.push(thermometer);
        probes.push(probe);
    }
    for section in root.sections("round_station", mistakes) {
        let place = section.place("zone");
        if let Some(station) = station(section, &gate.stations, &mut pins, mistakes) {
            if gate.stations.iter().any(|other| other.zone == station.zone) {
                let what = format!("there are two round stations of zone `{}`", station.zone);
                mistakes.add(place, what, "keep one");
            }
            gate.stations.push(station);
        }
    }
    for section in root.sections("entry_box", mistakes) {
        let entry_box = entry_box(section, lanes, &gate.boxes, &mut pins, mistakes);
        gate.boxes.extend(entry_box);
    }
    for section in root.sections("sensor", mistakes) {
        if !simulated {
            let cure = "leave it out: the thermometers tell the ambient beside the skin";
            section.wrong(
                "",
                "nothing on this board reads a [[sensor]]",
                cure,
                mistakes,
            );
        }
        gate.sensors.extend(sensor(section, &mut pins, mistakes));
    }
    let (inputs, outputs, mut wiring) = pins.wired();
    wiring.probes = probes;
    gate.inputs = inputs;
    gate.outputs = outputs;
    (gate, wiring)
}

fn lane(mut section: Section<'_>, pins: &mut Pins, mistakes: &mut Mistakes) -> Option<Lane> {
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
struct Lanes<'a> {
    read: &'a [Lane],
    /// Names of those too that have a mistake of their own: to name one is no second mistake.
    named: &'a [String],
}

/// The lane that a table names.
fn lane_of(section: &mut Section<'_>, lanes: Lanes<'_>, mistakes: &mut Mistakes) -> Option<usize> {
    let name = section.text("lane", mistakes)?;
    let mut read = lanes.read.iter();
    let found = read.position(|lane| lane.id.as_str() == name);
    if found.is_none() && !lanes.named.contains(&name) {
        let cure = format!("write one of {}", lanes.named.join(", "));
        section.wrong("lane", format!("there is no lane `{name}`"), cure, mistakes);
    }
    found
}

fn thermometer(
    mut section: Section<'_>,
    lanes: Lanes<'_>,
    simulated: bool,
    pins: &mut Pins,
    mistakes: &mut Mistakes,
) -> Option<(Thermometer, Probe)> {
    let named = pins.measuring(&mut section, mistakes);
    let lane = lane_of(&mut section, lanes, mistakes);
    let trigger = section
        .optional_text("trigger", mistakes)
        .and_then(|name| pins.take(&section, "trigger", &name, Purpose::Signal, mistakes));
    let bus = section.whole("bus", 1, 0..=255, mistakes);
    if !simulated && !section.has("address") {
        let cure = "add `address = 0x5a`, or the one that the thermometer was given";
        section.wrong(
            "address",
            "the thermometer has no `address`",
            cure,
            mistakes,
        );
    }
    let address = section.whole("address", 0x5a, 0x03..=0x77, mistakes);
    let emissivity = section.number("emissivity", SKIN_EMISSIVITY, 0.1..=1.0, mistakes);
    let place = match section.optional_text("place", mistakes).as_deref() {
        None | Some("forehead") => Place::Forehead,
        Some("canthus") => Place::Canthus,
        Some(other) => {
            let what = format!("a thermometer cannot look at `{other}`");
            section.wrong("place", what, "write forehead or canthus", mistakes);
            Place::default()
        }
    };
    let point = match section
        .optional_text("operating_point", mistakes)
        .as_deref()
    {
        None | Some("quiet") => Point::Quiet,
        Some("sensitive") => Point::Sensitive,
        Some(other) => {
            let what = format!("there is no operating point `{other}`");
            section.wrong(
                "operating_point",
                what,
                "write quiet or sensitive",
                mistakes,
            );
            Point::default()
        }
    };
    section.finish(mistakes);
    let (input, sensor) = named?;
    let lane = lane?;
    let beams = lanes
        .read
        .get(lane)
        .map_or_else(Vec::new, |lane| vec![lane.beam_a.input, lane.beam_b.input]);
    let probe = Probe {
        input,
        name: sensor.to_string(),
        bus: u8::try_from(bus).unwrap_or_default(),
        address: u16::try_from(address).unwrap_or_default(),
        emissivity,
        triggers: trigger.map_or(beams, |(input, _)| vec![input]),
    };
    let thermometer = Thermometer {
        sensor,
        input,
        lane,
        place,
        point,
    };
    Some((thermometer, probe))
}

/// A flow meter, if one is named. Round stations of one pump may share it with those `before`.
fn flow(
    section: &mut Section<'_>,
    key: &'static str,
    before: &[Station],
    pins: &mut Pins,
    mistakes: &mut Mistakes,
) -> Option<Flow> {
    let name = section.optional_text(key, mistakes)?;
    let mut known = before.iter().filter_map(|station| station.flow.as_ref());
    let shared = known.find(|flow| flow.sensor.as_str() == name);
    let found = match shared {
        Some(flow) => Some((flow.input, flow.sensor.clone())),
        None => pins.take(section, key, &name, Purpose::Signal, mistakes),
    };
    let range = 0.001..=1_000_000.0;
    let pulses_per_litre = section.required_number("pulses_per_litre", range, mistakes);
    let min_litres = section.number("min_litres", 0.0, 0.0..=1_000_000.0, mistakes);
    if shared.is_some_and(|flow| flow.pulses_per_litre.to_bits() != pulses_per_litre.to_bits()) {
        let what = format!("`{name}` has other pulses_per_litre before");
        section.wrong(
            "pulses_per_litre",
            what,
            "one meter has one factor",
            mistakes,
        );
    }
    let (input, sensor) = found?;
    Some(Flow {
        input,
        sensor,
        pulses_per_litre,
        min_litres,
    })
}

fn station(
    mut section: Section<'_>,
    before: &[Station],
    pins: &mut Pins,
    mistakes: &mut Mistakes,
) -> Option<Station> {
    let zone = section.id("zone", mistakes);
    let start = pins.button(&mut section, "start", mistakes);
    let stop = pins.button(&mut section, "stop", mistakes);
    let flow = flow(&mut section, "flow", before, pins, mistakes);
    let mut points = Vec::new();
    for name in section.texts("points", mistakes) {
        points.extend(
            pins.take(&section, "points", &name, Purpose::Button, mistakes)
                .map(|(input, sensor)| Button { input, sensor }),
        );
    }
    let timeout = section.seconds("timeout_s", 7200.0, 1.0..=86_400.0, mistakes);
    section.finish(mistakes);
    Some(Station {
        zone: zone?,
        start: start?,
        stop: stop?,
        flow,
        points,
        timeout,
    })
}

fn entry_box(
    mut section: Section<'_>,
    lanes: Lanes<'_>,
    before: &[EntryBox],
    pins: &mut Pins,
    mistakes: &mut Mistakes,
) -> Option<EntryBox> {
    let lane = lane_of(&mut section, lanes, mistakes);
    let admitted = pins.button(&mut section, "admitted", mistakes);
    let refused = pins.button(&mut section, "refused", mistakes);
    let isolated = pins.button(&mut section, "isolated", mistakes);
    let output = pins.output(&mut section, "barrier", mistakes);
    let lamps = lanes
        .read
        .iter()
        .flat_map(|lane| [lane.lamp, lane.buzzer])
        .chain(before.iter().map(|other| other.barrier.map(|it| it.output)));
    if output.is_some() && lamps.into_iter().any(|other| other == output) {
        let what = "this output is something else already";
        section.wrong(
            "barrier",
            what,
            "a barrier has an output of its own",
            mistakes,
        );
    }
    let pulse = section.seconds("barrier_s", 3.0, 0.1..=30.0, mistakes);
    section.finish(mistakes);
    Some(EntryBox {
        lane: lane?,
        admitted: admitted?,
        refused: refused?,
        isolated: isolated?,
        barrier: output.map(|output| Barrier { output, pulse }),
    })
}

fn sensor(mut section: Section<'_>, pins: &mut Pins, mistakes: &mut Mistakes) -> Option<Sensor> {
    let named = pins.measuring(&mut section, mistakes);
    let zone = if section.place("zone") == section.place("") {
        section.optional_text("zone", mistakes);
        None
    } else {
        Some(section.id::<Zone>("zone", mistakes)?)
    };
    let interval = section.seconds("interval_s", 60.0, 0.0..=86_400.0, mistakes);
    section.finish(mistakes);
    let (input, sensor) = named?;
    Some(Sensor {
        sensor,
        input,
        zone,
        interval,
    })
}
