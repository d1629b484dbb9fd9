//! The flight recorder: the last minutes of raw inputs, in memory, in the form that `replay` reads.
//!
//! It is bounded by time and by number, so that a flood does not fill the memory. What falls out at the
//! old end is not forgotten without trace: the boot, the clock and the levels as they then stood begin
//! the record, so that a replay of it starts from the truth. Not in it is what the unit had learned
//! before: baselines of thermometers are anew in a replay.

pub mod file;

use std::{collections::VecDeque, time::Duration};

use gatepost_model::{BootId, Wall};

use crate::{
    input::{Input, InputIx, InputNames, What},
    time::{BoardTime, micros},
};

/// How far back it goes.
pub const SPAN: Duration = Duration::from_secs(600);
/// The most inputs in it: about a megabyte.
pub const MOST: usize = 32 * 1024;

/// The ring.
#[derive(Debug, Default)]
pub struct Recorder {
    newest: VecDeque<Entry>,
    start: Start,
    now: BoardTime,
}

/// One input; most are levels, and small.
#[derive(Debug)]
struct Entry {
    at: BoardTime,
    what: Seen,
}

#[derive(Debug)]
enum Seen {
    Level { input: u32, level: bool },
    Other(Box<What>),
}

/// How things stood before the oldest input.
#[derive(Debug, Default, Clone)]
struct Start {
    at: BoardTime,
    boot: Option<BootId>,
    clock: Option<(BoardTime, Wall, bool, Option<u64>)>,
    levels: Vec<Option<bool>>,
}

impl Recorder {
    /// Takes an input.
    pub fn take(&mut self, input: &Input) {
        self.now = input.mono;
        let what = match &input.what {
            // Time that passes without anything is told by what comes next, and by the record's end.
            What::Tick | What::Link(_) => return self.forget(),
            What::Boot(_) => {
                // Its times begin anew, and so does the record.
                self.newest.clear();
                self.start = Start::default();
                self.start.take(input.mono, &input.what);
                return;
            }
            What::Level { input, level } => Seen::Level {
                input: u32::try_from(input.0).unwrap_or(u32::MAX),
                level: *level,
            },
            other => Seen::Other(Box::new(other.clone())),
        };
        self.newest.push_back(Entry {
            at: input.mono,
            what,
        });
        self.forget();
    }

    /// How things stand now, as lines.
    pub fn now<'r>(&'r self, names: &'r InputNames) -> impl Iterator<Item = String> + 'r {
        let mut stands = self.start.clone();
        for entry in &self.newest {
            stands.take(entry.at, &(&entry.what).into());
        }
        stands.at = self.now;
        let has_boot = stands.boot.is_some();
        let inputs = stands.inputs().into_iter().filter(move |_| has_boot);
        inputs.map(|input| names.write(&input))
    }

    fn forget(&mut self) {
        let is_old = |at: BoardTime| self.now.since(at) > SPAN;
        while self.newest.len() > MOST || self.newest.front().is_some_and(|it| is_old(it.at)) {
            if let Some(Entry { at, what }) = self.newest.pop_front() {
                self.start.take(at, &what.into());
            }
        }
    }

    /// The record as lines: how things stood, what came, and when it ends. Nothing before a boot.
    pub fn lines<'r>(&'r self, names: &'r InputNames) -> impl Iterator<Item = String> + 'r {
        let end = Input {
            mono: self.now,
            what: What::Tick,
        };
        let came = self.newest.iter().map(|entry| Input {
            mono: entry.at,
            what: (&entry.what).into(),
        });
        let all = self.start.inputs().into_iter().chain(came).chain([end]);
        let has_boot = self.start.boot.is_some();
        all.filter(move |_| has_boot)
            .map(move |input| names.write(&input))
    }
}

impl Start {
    fn take(&mut self, at: BoardTime, what: &What) {
        self.at = self.at.max(at);
        match what {
            What::Boot(boot) => self.boot = Some(boot.clone()),
            What::Clock {
                wall,
                synced,
                err_ms,
            } => self.clock = Some((at, *wall, *synced, *err_ms)),
            What::Level { input, level } => {
                if self.levels.len() <= input.0 {
                    self.levels.resize(input.0 + 1, None);
                }
                self.levels[input.0] = Some(*level);
            }
            _ => {}
        }
    }

    fn inputs(&self) -> Vec<Input> {
        let at = self.at;
        let say = |what| Input { mono: at, what };
        let boot = self.boot.clone().map(What::Boot);
        let clock = self.clock.map(|(told, wall, synced, err_ms)| {
            let since = i64::try_from(micros(at.since(told))).unwrap_or(i64::MAX);
            What::Clock {
                wall: wall.plus_micros(since),
                synced,
                err_ms,
            }
        });
        let known = self.levels.iter().enumerate();
        let levels = known.filter_map(|(input, level)| {
            let input = InputIx(input);
            level.map(|level| What::Level { input, level })
        });
        boot.into_iter()
            .chain(clock)
            .chain(levels)
            .map(say)
            .collect()
    }
}

impl From<Seen> for What {
    fn from(seen: Seen) -> Self {
        Self::from(&seen)
    }
}

impl From<&Seen> for What {
    fn from(seen: &Seen) -> Self {
        match seen {
            Seen::Level { input, level } => Self::Level {
                input: InputIx(usize::try_from(*input).unwrap_or(usize::MAX)),
                level: *level,
            },
            Seen::Other(what) => (**what).clone(),
        }
    }
}

#[cfg(test)]
mod tests;
