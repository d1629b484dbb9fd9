//! The guard's three buttons: one press is one word on one attempt to enter.

use std::time::Duration;

use gatepost_model::{
    Happening, LaneId,
    event::{Entry, EntryOutcome},
};

use super::{debounce::Debounce, earliest, out::Out};
use crate::time::BoardTime;

/// Contacts bounce for up to this long.
const BOUNCE: Duration = Duration::from_millis(20);

/// The three buttons, in the order of [`EntryBox`]'s places.
const OUTCOMES: [EntryOutcome; 3] = [
    EntryOutcome::Admitted,
    EntryOutcome::Refused,
    EntryOutcome::Isolated,
];

/// The machine of one box.
#[derive(Debug)]
pub struct EntryBox {
    lane: LaneId,
    buttons: [Debounce; 3],
}

impl EntryBox {
    /// A box that speaks of a lane.
    pub fn new(lane: LaneId) -> Self {
        Self {
            lane,
            buttons: [(); 3].map(|()| Debounce::new(BOUNCE, BOUNCE)),
        }
    }

    /// The watch begins.
    pub fn begin(&mut self) {
        for button in &mut self.buttons {
            button.reset(false);
        }
    }

    /// A button's level, raw. At a restart the level of a button that is held is no press.
    pub fn handle_level(&mut self, place: usize, now: BoardTime, level: bool, syncs: bool) {
        let Some(button) = self.buttons.get_mut(place) else {
            return;
        };
        if syncs {
            button.reset(level);
        } else {
            // The same level twice says nothing that anything depends on: a press is a press.
            let _ = button.handle_edge(now, level);
        }
    }

    /// The next time at which a press counts.
    pub fn deadline(&self) -> Option<BoardTime> {
        earliest(self.buttons.iter().map(Debounce::deadline))
    }

    /// Says what counts by `now`.
    pub fn handle_deadline(&mut self, now: BoardTime, out: &mut Out) {
        for (button, outcome) in self.buttons.iter_mut().zip(OUTCOMES) {
            if let Some(press) = button.poll_change(now).filter(|change| change.level) {
                let entry = Entry {
                    lane: self.lane.clone(),
                    outcome,
                    reason: None,
                    screening: None,
                    passage_mono_us: None,
                };
                out.happened(press.at, Happening::Entry(entry));
            }
        }
    }

    /// The first edge that is not decided.
    pub fn open_since(&self) -> Option<BoardTime> {
        earliest(self.buttons.iter().map(Debounce::pending_since))
    }
}
