//! What is wired at the gate: thermometers, round stations, entry boxes, sensors and pins.

use std::time::Duration;

use gatepost_model::{SensorId, Zone};

use super::{
    Mistakes,
    lane::{self, Lane, Lanes, lane_of},
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
        if let Some(lane) = lane::read(section, &mut pins, mistakes) {
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
pub(super) fn flow(
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
