//! A button: what counts as a press, and what shows that it is broken.
//!
//! Held for longer than anybody holds one it is `stuck`; until it is let go it says nothing more. With
//! more presses or edges than a finger makes it is `out_of_range`: a loose contact, or interference.
//! Its presses count for nothing until it has been calm.

use std::time::Duration;

use gatepost_model::{SensorId, event::FaultCode};

use super::{
    SYNC_WINDOW,
    debounce::{Change, Debounce},
    earliest,
    noise::Noise,
    out::Out,
};
use crate::time::BoardTime;

/// Contacts bounce for up to this long.
const BOUNCE: Duration = Duration::from_millis(20);
/// Nobody holds a button for so long.
const HELD: Duration = Duration::from_secs(60);
/// Nobody presses more often in a second.
const MOST_PRESSES: u32 = 5;
/// A bouncing contact has fewer edges in a second.
const MOST_EDGES: u32 = 200;

/// The machine of one button.
#[derive(Debug)]
pub struct Button {
    sensor: SensorId,
    debounce: Debounce,
    edges: Noise,
    presses: Noise,
    stuck_at: Option<BoardTime>,
    /// It was stuck before the watch began; until its level must be known.
    doubted_until: Option<BoardTime>,
}

impl Button {
    /// A button that nobody presses.
    pub fn new(sensor: SensorId) -> Self {
        Self {
            sensor,
            debounce: Debounce::new(BOUNCE, BOUNCE),
            edges: Noise::new(MOST_EDGES),
            presses: Noise::new(MOST_PRESSES),
            stuck_at: None,
            doubted_until: None,
        }
    }

    /// The watch begins, with the faults that are known.
    pub fn begin(&mut self, now: BoardTime, is_known: impl Fn(&SensorId, FaultCode) -> bool) {
        self.debounce.reset(false);
        let noisy = is_known(&self.sensor, FaultCode::OutOfRange);
        self.edges.begin(now, noisy);
        self.presses.begin(now, false);
        self.stuck_at = None;
        let stuck = is_known(&self.sensor, FaultCode::Stuck);
        self.doubted_until = stuck.then(|| now.plus(SYNC_WINDOW));
    }

    /// Its level, raw. At a restart the level of one that is held is no press.
    pub fn handle_level(&mut self, now: BoardTime, level: bool, syncs: bool, out: &mut Out) {
        if syncs {
            self.debounce.reset(level);
            self.stuck_at = level.then(|| now.plus(HELD));
            return;
        }
        if self.edges.handle_edge(now) {
            out.fault(
                now,
                &self.sensor,
                FaultCode::OutOfRange,
                self.edges.detail(),
            );
        }
        // The same level twice says nothing that anything depends on: a press is a press.
        let _ = self.debounce.handle_edge(now, level);
    }

    /// Whether it is pressed.
    pub fn level(&self) -> bool {
        self.debounce.level()
    }

    /// The next time at which something is decided without an input.
    pub fn deadline(&self) -> Option<BoardTime> {
        earliest([
            self.debounce.deadline(),
            self.stuck_at,
            self.doubted_until,
            self.edges.deadline(),
            self.presses.deadline(),
        ])
    }

    /// A press that counts by `now`, with the time of its edge.
    pub fn poll_press(&mut self, now: BoardTime, out: &mut Out) -> Option<BoardTime> {
        let calm = [self.edges.poll_calm(now), self.presses.poll_calm(now)];
        if calm.contains(&true) && !self.is_noisy() {
            out.cleared(now, &self.sensor, FaultCode::OutOfRange);
        }
        if self.stuck_at.take_if(|at| *at <= now).is_some() {
            let detail = format!("pressed for {} s", HELD.as_secs());
            out.fault(now, &self.sensor, FaultCode::Stuck, detail);
        }
        if self.doubted_until.take_if(|at| *at <= now).is_some() && !self.debounce.raw() {
            out.cleared(now, &self.sensor, FaultCode::Stuck);
        }
        let Change { at, level } = self.debounce.poll_change(now)?;
        self.stuck_at = level.then(|| at.plus(HELD));
        if !level {
            out.cleared(at, &self.sensor, FaultCode::Stuck);
            return None;
        }
        if self.presses.handle_edge(now) {
            let detail = format!("pressed more than {MOST_PRESSES} times in a second");
            out.fault(now, &self.sensor, FaultCode::OutOfRange, detail);
        }
        (!self.is_noisy()).then_some(at)
    }

    fn is_noisy(&self) -> bool {
        self.edges.is_noisy() || self.presses.is_noisy()
    }

    /// The first edge that is not decided.
    pub fn open_since(&self) -> Option<BoardTime> {
        self.debounce.pending_since()
    }
}
