//! What survives a restart of the agent, and a core that goes on from it.

use std::collections::BTreeMap;

use gatepost_model::SensorId;
use serde::{Deserialize, Serialize};

use super::{
    Core,
    boots::Boots,
    entry_box,
    followed::Followed,
    heartbeat::{self, Health},
    lane,
    out::Out,
    outputs::Outputs,
    reading, round,
    route::{buttons, routes, wired_sensors},
    screening::{self, Baseline},
    sensor_health::Faults,
    test_mode::TestMode,
    wall::WallClock,
};
use crate::{config::Gate, time::BoardTime};

/// What survives a restart. It is written with the events that it goes with, in one commit.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Checkpoint {
    boots: Boots,
    baselines: BTreeMap<SensorId, Baseline>,
    rounds: Vec<round::Running>,
    faults: Faults,
    /// Flow meters' factors that were found on site.
    pub(super) factors: BTreeMap<SensorId, round::Factor>,
    test: Option<TestMode>,
}

impl Core {
    /// A core that goes on from a checkpoint; for a new unit from [`Checkpoint::default`].
    pub fn new(gate: Gate, checkpoint: Checkpoint) -> Self {
        let Checkpoint {
            boots,
            mut baselines,
            rounds,
            mut faults,
            factors,
            test,
        } = checkpoint;
        let sensors = wired_sensors(&gate);
        // Those of the unit itself are told anew by who begins to watch it now.
        faults.keep(|sensor| sensors.contains(sensor) || buttons(&gate).any(|it| it == sensor));
        let thermometers = gate.thermometers.iter().filter_map(|thermometer| {
            let lane = gate.lanes.get(thermometer.lane)?;
            let baseline = baselines.remove(&thermometer.sensor).unwrap_or_default();
            Some(screening::Thermometer::new(
                thermometer.clone(),
                lane,
                baseline,
            ))
        });
        let stations = gate.stations.iter().map(|station| {
            let running = rounds.iter().find(|running| running.is_of(station.zone));
            let flow = station.flow.as_ref();
            let factor = flow.and_then(|flow| factors.get(&flow.sensor));
            round::Station::new(station.clone(), running.cloned(), factor.copied())
        });
        let boxes = gate.boxes.iter().filter_map(|entry_box| {
            let lane = gate.lanes.get(entry_box.lane)?;
            let barrier = entry_box.barrier.and_then(|barrier| {
                let output = gate.outputs.get(barrier.output)?;
                Some((barrier, !output.safe))
            });
            Some(entry_box::EntryBox::new(
                lane.id.clone(),
                entry_box,
                barrier,
            ))
        });
        Self {
            routes: routes(&gate),
            boot: None,
            boots,
            now: BoardTime(0),
            restarted: None,
            begun_within: None,
            wall: WallClock::default(),
            lanes: gate.lanes.iter().cloned().map(lane::Lane::new).collect(),
            thermometers: thermometers.collect(),
            stations: stations.collect(),
            boxes: boxes.collect(),
            sensors: gate
                .sensors
                .iter()
                .cloned()
                .map(reading::Sensor::new)
                .collect(),
            outputs: Outputs::new(gate.outputs.iter().map(|output| output.safe)),
            followed: Followed::default(),
            faults,
            test,
            pulse: heartbeat::Pulse::new(gate.heartbeat),
            lost_edges: 0,
            health: Health::default(),
            next: None,
            out: Out::default(),
            gate,
        }
    }

    /// What is to survive a restart, as it is now.
    pub fn checkpoint(&self) -> Checkpoint {
        let baselines = self
            .thermometers
            .iter()
            .map(|thermometer| (thermometer.sensor().clone(), thermometer.baseline().clone()));
        Checkpoint {
            boots: self.boots.kept(),
            baselines: baselines.collect(),
            rounds: self
                .stations
                .iter()
                .filter_map(round::Station::running)
                .cloned()
                .collect(),
            faults: self.faults.clone(),
            factors: self
                .stations
                .iter()
                .filter_map(round::Station::factor)
                .collect(),
            test: self.test.clone(),
        }
    }
}
