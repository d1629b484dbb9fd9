//! An input goes to the machine that its pin is wired to.

use super::{Core, round, route::Route};
use crate::input::What;

impl Core {
    /// Takes what came at this moment.
    pub(super) fn dispatch(&mut self, what: &What) {
        let now = self.now;
        let out = &mut self.out;
        match what {
            What::Level { input, level } => {
                // What comes with the boot line of a watch that begins in the middle of a boot says
                // how things stand.
                let syncs = self.begun_within == Some(now);
                match self.routes.get(input.0).copied().unwrap_or(Route::Nowhere) {
                    Route::Beam(lane, side) => {
                        let found = syncs || self.restarted.is_some();
                        let lane = &mut self.lanes[lane];
                        if !lane.handle_level(side, now, *level, found, out) {
                            self.lost_edges += 1;
                        }
                    }
                    Route::Station(station, pin) => {
                        self.stations[station].handle_level(pin, now, *level, syncs, out);
                    }
                    Route::Flow(first) => {
                        let meter = self.stations[first].flow_sensor().cloned();
                        let stations = self.stations.iter_mut();
                        let has_it = |it: &round::Station| it.flow_sensor() == meter.as_ref();
                        let sharing: Vec<_> = stations.filter(|it| has_it(it)).collect();
                        if !round::handle_flow(sharing, now, *level, syncs, out) {
                            self.lost_edges += 1;
                        }
                    }
                    Route::Sprayer(lane) => {
                        if !self.lanes[lane].handle_sprayer(*level, syncs) {
                            self.lost_edges += 1;
                        }
                    }
                    Route::EntryButton(entry_box, place) => {
                        self.boxes[entry_box].handle_level(place, now, *level, syncs, out);
                    }
                    Route::Thermometer(_) | Route::Sensor(_) | Route::Nowhere => {}
                }
            }
            What::Measured { input, values } => match self.routes.get(input.0) {
                Some(Route::Thermometer(index)) => {
                    if let Some(boot) = &self.boot {
                        self.thermometers[*index].handle_measured(now, boot, values, out);
                    }
                }
                Some(Route::Sensor(index)) => {
                    self.sensors[*index].handle_measured(now, values, out);
                }
                _ => {}
            },
            What::Failed { input, error } => match self.routes.get(input.0) {
                Some(Route::Thermometer(index)) => {
                    self.thermometers[*index].handle_failed(now, error, out);
                }
                Some(Route::Sensor(index)) => self.sensors[*index].handle_failed(now, error, out),
                _ => {}
            },
            What::Lost { input, edges } => {
                self.lost_edges += u64::from(*edges);
                if let Some(Route::Beam(lane, side)) = self.routes.get(input.0) {
                    self.lanes[*lane].handle_lost(*side, now, out);
                }
            }
            What::Clock {
                wall,
                synced,
                err_ms,
            } => {
                self.wall.handle_clock(now, *wall, *synced, *err_ms);
                if let Some(anchor) = self.wall.anchor() {
                    self.boots.learn(anchor);
                }
            }
            What::Boot(_) | What::Link(_) | What::Tick => {}
        }
    }
}
