//! Outputs as they are: what the judgement wants, and over it for a while what a person tests.
//!
//! A test never holds a judgement back: as soon as a lamp or a buzzer is wanted on, its test is over.

use std::time::Duration;

use super::{earliest, out::OutputChange};
use crate::time::BoardTime;

/// Half a period of blinking.
const BLINK: Duration = Duration::from_millis(500);

/// The outputs of a unit.
#[derive(Debug)]
pub struct Outputs {
    outputs: Vec<Output>,
}

#[derive(Debug)]
struct Output {
    safe: bool,
    wanted: bool,
    test: Option<Test>,
}

#[derive(Debug)]
struct Test {
    level: bool,
    until: BoardTime,
    /// When the level changes next; none for a steady one.
    turns: Option<BoardTime>,
}

impl Outputs {
    /// All at their safe level.
    pub fn new(safe: impl IntoIterator<Item = bool>) -> Self {
        let output = |safe| Output {
            safe,
            wanted: safe,
            test: None,
        };
        Self {
            outputs: safe.into_iter().map(output).collect(),
        }
    }

    /// The watch begins: all are at their safe level.
    pub fn begin(&mut self) {
        for output in &mut self.outputs {
            output.wanted = output.safe;
            output.test = None;
        }
    }

    /// The judgement wants a level: passed on, unless a test is under way that it does not end.
    pub fn want(&mut self, change: OutputChange) -> Option<OutputChange> {
        let output = self.outputs.get_mut(change.output)?;
        output.wanted = change.level;
        if change.level != output.safe {
            output.test = None;
        }
        output.test.is_none().then_some(change)
    }

    /// Tests an output: away from its safe level, steady or blinking. Refused while the judgement
    /// uses it.
    pub fn test(
        &mut self,
        place: usize,
        now: BoardTime,
        span: Duration,
        blinks: bool,
    ) -> Option<OutputChange> {
        let output = self.outputs.get_mut(place)?;
        if output.wanted != output.safe {
            return None;
        }
        let level = !output.safe;
        output.test = Some(Test {
            level,
            until: now.plus(span),
            turns: blinks.then(|| now.plus(BLINK)),
        });
        Some(OutputChange {
            at: now,
            output: place,
            level,
        })
    }

    /// When a tested output changes.
    pub fn deadline(&self) -> Option<BoardTime> {
        let tests = self
            .outputs
            .iter()
            .filter_map(|output| output.test.as_ref());
        earliest(tests.flat_map(|test| [Some(test.until), test.turns]))
    }

    /// What is due by `now`.
    pub fn handle_deadline(&mut self, now: BoardTime) -> Vec<OutputChange> {
        let mut changes = Vec::new();
        for (place, output) in self.outputs.iter_mut().enumerate() {
            let Some(test) = &mut output.test else {
                continue;
            };
            let level = if test.until <= now {
                let wanted = output.wanted;
                output.test = None;
                wanted
            } else if let Some(turns) = test.turns.filter(|turns| *turns <= now) {
                test.turns = Some(turns.plus(BLINK));
                test.level = !test.level;
                test.level
            } else {
                continue;
            };
            changes.push(OutputChange {
                at: now,
                output: place,
                level,
            });
        }
        changes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: u64 = 1_000_000;

    fn run_to(outputs: &mut Outputs, now: u64) -> Vec<(u64, usize, bool)> {
        let mut seen = Vec::new();
        while let Some(due) = outputs.deadline().filter(|due| due.0 <= now) {
            let changes = outputs.handle_deadline(due);
            seen.extend(
                changes
                    .iter()
                    .map(|it| (it.at.0 / 100_000, it.output, it.level)),
            );
        }
        seen
    }

    #[test]
    fn a_blinking_lamp_ends_as_the_judgement_wants_it() {
        let mut outputs = Outputs::new([false, true]);
        let first = outputs.test(0, BoardTime(S), Duration::from_secs(2), true);
        assert_eq!(first.map(|it| it.level), Some(true));
        assert_eq!(
            run_to(&mut outputs, 60 * S),
            [
                (15, 0, false),
                (20, 0, true),
                (25, 0, false),
                (30, 0, false)
            ]
        );
        // An output whose safe level is high is tested low.
        let first = outputs.test(1, BoardTime(60 * S), Duration::from_secs(1), false);
        assert_eq!(first.map(|it| it.level), Some(false));
        assert_eq!(run_to(&mut outputs, 90 * S), [(610, 1, true)]);
    }

    #[test]
    fn a_suspicion_ends_a_test_and_is_not_tested_away() {
        let mut outputs = Outputs::new([false]);
        outputs.test(0, BoardTime(S), Duration::from_secs(10), true);
        let lamp = OutputChange {
            at: BoardTime(2 * S),
            output: 0,
            level: true,
        };
        assert_eq!(outputs.want(lamp), Some(lamp));
        assert_eq!(outputs.deadline(), None);
        assert_eq!(
            outputs.test(0, BoardTime(3 * S), Duration::from_secs(1), false),
            None
        );
    }

    #[test]
    fn what_goes_out_during_a_test_stays_out_after_it() {
        let mut outputs = Outputs::new([false]);
        outputs.test(0, BoardTime(S), Duration::from_secs(1), false);
        let off = OutputChange {
            at: BoardTime(S + 1),
            output: 0,
            level: false,
        };
        assert_eq!(outputs.want(off), None);
        assert_eq!(run_to(&mut outputs, 9 * S), [(20, 0, false)]);
    }
}
