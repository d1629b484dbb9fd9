//! What each input is for, by the wiring.

use std::collections::BTreeSet;

use gatepost_model::SensorId;

use super::{lane::Side, round::Pin};
use crate::{
    config::{Gate, Station},
    input::InputIx,
};

/// What an input is for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Route {
    Beam(usize, Side),
    Station(usize, Pin),
    /// A flow meter, by the first station that has it.
    Flow(usize),
    Sprayer(usize),
    EntryButton(usize, usize),
    Thermometer(usize),
    Sensor(usize),
    Nowhere,
}

/// What each input is for, by its number.
pub(super) fn routes(gate: &Gate) -> Vec<Route> {
    let mut routes = vec![Route::Nowhere; gate.inputs.len()];
    let mut set = |input: InputIx, route: Route| {
        if let Some(place) = routes.get_mut(input.0) {
            *place = route;
        }
    };
    for (index, lane) in gate.lanes.iter().enumerate() {
        set(lane.beam_a.input, Route::Beam(index, Side::A));
        set(lane.beam_b.input, Route::Beam(index, Side::B));
        if let Some(sprayer) = &lane.sprayer {
            set(sprayer.input, Route::Sprayer(index));
        }
    }
    for (index, thermometer) in gate.thermometers.iter().enumerate() {
        set(thermometer.input, Route::Thermometer(index));
    }
    for (index, station) in gate.stations.iter().enumerate() {
        set(station.start.input, Route::Station(index, Pin::Start));
        set(station.stop.input, Route::Station(index, Pin::Stop));
        if let Some(flow) = &station.flow {
            let has_it = |it: &Station| it.flow.as_ref().map(|it| it.input) == Some(flow.input);
            let first = gate.stations.iter().position(has_it).unwrap_or(index);
            set(flow.input, Route::Flow(first));
        }
        for (place, point) in station.points.iter().enumerate() {
            set(point.input, Route::Station(index, Pin::Point(place)));
        }
    }
    for (index, entry_box) in gate.boxes.iter().enumerate() {
        let buttons = [&entry_box.admitted, &entry_box.refused, &entry_box.isolated];
        for (place, button) in buttons.into_iter().enumerate() {
            set(button.input, Route::EntryButton(index, place));
        }
    }
    for (index, sensor) in gate.sensors.iter().enumerate() {
        set(sensor.input, Route::Sensor(index));
    }
    routes
}

/// The names of all buttons: they have faults, and are watched for nothing else.
pub(super) fn buttons(gate: &Gate) -> impl Iterator<Item = &SensorId> {
    let stations = gate.stations.iter();
    let of_stations = stations.flat_map(|it| [&it.start, &it.stop].into_iter().chain(&it.points));
    let boxes = gate.boxes.iter();
    let of_boxes = boxes.flat_map(|it| [&it.admitted, &it.refused, &it.isolated]);
    of_stations.chain(of_boxes).map(|button| &button.sensor)
}

/// Every sensor that is watched.
pub(super) fn wired_sensors(gate: &Gate) -> Vec<SensorId> {
    let beams = gate
        .lanes
        .iter()
        .flat_map(|lane| [lane.beam_a.sensor.clone(), lane.beam_b.sensor.clone()]);
    let thermometers = gate
        .thermometers
        .iter()
        .map(|thermometer| thermometer.sensor.clone());
    let mut known = BTreeSet::new();
    let flows = gate
        .lanes
        .iter()
        .map(|lane| &lane.sprayer)
        .chain(gate.stations.iter().map(|station| &station.flow))
        .filter_map(|flow| flow.as_ref().map(|flow| flow.sensor.clone()))
        .filter(|sensor| known.insert(sensor.clone()));
    let sensors = gate.sensors.iter().map(|sensor| sensor.sensor.clone());
    beams
        .chain(thermometers)
        .chain(flows)
        .chain(sensors)
        .collect()
}
