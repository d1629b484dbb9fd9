//! The guard's three buttons: one press is one word on one attempt to enter. Who is admitted has the
//! barrier open, for a while: on the guard's word, and on no machine's.

use gatepost_model::{
    Happening, LaneId, SensorId,
    event::{Entry, EntryOutcome, FaultCode},
};

use super::{button::Button, earliest, out::Out};
use crate::{config, time::BoardTime};

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
    buttons: [Button; 3],
    barrier: Option<Barrier>,
}

#[derive(Debug)]
struct Barrier {
    config: config::Barrier,
    /// The level that opens.
    opens: bool,
    /// When its pulse ends, while it is open.
    ends: Option<BoardTime>,
}

impl EntryBox {
    /// A box that speaks of a lane, and opens a barrier by this level of its output.
    pub fn new(
        lane: LaneId,
        wired: &config::EntryBox,
        barrier: Option<(config::Barrier, bool)>,
    ) -> Self {
        let barrier = barrier.map(|(config, opens)| Barrier {
            config,
            opens,
            ends: None,
        });
        Self {
            lane,
            barrier,
            buttons: [&wired.admitted, &wired.refused, &wired.isolated]
                .map(|button| Button::new(button.sensor.clone())),
        }
    }

    /// The watch begins: outputs are at their safe level.
    pub fn begin(&mut self, now: BoardTime, is_known: impl Fn(&SensorId, FaultCode) -> bool) {
        if let Some(barrier) = &mut self.barrier {
            barrier.ends = None;
        }
        for button in &mut self.buttons {
            button.begin(now, &is_known);
        }
    }

    /// A button's level, raw. At a restart the level of a button that is held is no press.
    pub fn handle_level(
        &mut self,
        place: usize,
        now: BoardTime,
        level: bool,
        syncs: bool,
        out: &mut Out,
    ) {
        if let Some(button) = self.buttons.get_mut(place) {
            button.handle_level(now, level, syncs, out);
        }
    }

    /// The next time at which a press counts, or a pulse ends.
    pub fn deadline(&self) -> Option<BoardTime> {
        let pulse = self.barrier.as_ref().and_then(|barrier| barrier.ends);
        earliest(self.buttons.iter().map(Button::deadline).chain([pulse]))
    }

    /// Says what counts by `now`.
    pub fn handle_deadline(&mut self, now: BoardTime, out: &mut Out) {
        if let Some(barrier) = &mut self.barrier
            && barrier.ends.take_if(|ends| *ends <= now).is_some()
        {
            out.output(now, Some(barrier.config.output), !barrier.opens);
        }
        for (button, outcome) in self.buttons.iter_mut().zip(OUTCOMES) {
            if let Some(at) = button.poll_press(now, out) {
                if outcome == EntryOutcome::Admitted
                    && let Some(barrier) = &mut self.barrier
                {
                    out.output(now, Some(barrier.config.output), barrier.opens);
                    barrier.ends = Some(now.plus(barrier.config.pulse));
                }
                let entry = Entry {
                    lane: self.lane.clone(),
                    outcome,
                    reason: None,
                    screening: None,
                    passage_mono_us: None,
                };
                out.happened(at, Happening::Entry(entry));
            }
        }
    }

    /// The first edge that is not decided.
    pub fn open_since(&self) -> Option<BoardTime> {
        earliest(self.buttons.iter().map(Button::open_since))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::input::InputIx;

    const MS: u64 = 1000;

    fn guard(opens: bool) -> EntryBox {
        let config = config::Barrier {
            output: 4,
            pulse: Duration::from_secs(3),
        };
        let button = |name: &str| config::Button {
            input: InputIx(0),
            sensor: name.parse().unwrap(),
        };
        let wired = config::EntryBox {
            lane: 0,
            admitted: button("ok"),
            refused: button("no"),
            isolated: button("apart"),
            barrier: Some(config),
        };
        EntryBox::new("people".parse().unwrap(), &wired, Some((config, opens)))
    }

    fn press(guard: &mut EntryBox, place: usize, at_ms: u64, out: &mut Out) {
        run_to(guard, at_ms, out);
        guard.handle_level(place, BoardTime(at_ms * MS), true, false, out);
        run_to(guard, at_ms + 200, out);
        guard.handle_level(place, BoardTime((at_ms + 200) * MS), false, false, out);
    }

    fn run_to(guard: &mut EntryBox, ms: u64, out: &mut Out) {
        while let Some(due) = guard.deadline().filter(|due| due.0 <= ms * MS) {
            guard.handle_deadline(due, out);
        }
    }

    fn moved(out: &Out) -> Vec<(u64, bool)> {
        assert!(out.outputs.iter().all(|it| it.output == 4));
        out.outputs
            .iter()
            .map(|it| (it.at.0 / MS, it.level))
            .collect()
    }

    #[test]
    fn the_barrier_opens_for_whom_the_guard_admits_and_for_a_while() {
        for opens in [true, false] {
            let (mut guard, mut out) = (guard(opens), Out::default());
            press(&mut guard, 1, 1000, &mut out);
            press(&mut guard, 2, 2000, &mut out);
            assert_eq!(moved(&out), []);
            press(&mut guard, 0, 3000, &mut out);
            run_to(&mut guard, 60_000, &mut out);
            assert_eq!(moved(&out), [(3020, opens), (6020, !opens)]);
        }
    }

    #[test]
    fn the_next_one_has_it_open_for_as_long_and_a_stuck_button_for_no_longer() {
        let (mut guard, mut out) = (guard(true), Out::default());
        press(&mut guard, 0, 1000, &mut out);
        run_to(&mut guard, 3000, &mut out);
        guard.handle_level(0, BoardTime(3000 * MS), true, false, &mut out);
        run_to(&mut guard, 600_000, &mut out);
        assert_eq!(moved(&out), [(1020, true), (3020, true), (6020, false)]);
        // Nor is it a press after a restart.
        guard.begin(BoardTime(600_000 * MS), |_, _| false);
        guard.handle_level(0, BoardTime(600_000 * MS), true, true, &mut out);
        run_to(&mut guard, 900_000, &mut out);
        assert_eq!(moved(&out).len(), 3);
    }
}
