//! When to look, and what the looks at one person come to. No clock, no bus.
//!
//! While somebody stands there the thermometer is read every 50 ms, for at least [`AT_LEAST`] (who
//! walks through is behind the beam sooner than the sensor has seen him) and at most [`AT_MOST`].
//! What counts is the upper quartile of the looks: edges of the window see cooler background and pull
//! down, a single spike is never chosen. In between it is read now and then, to know that it lives.

use std::time::Duration;

use super::word::WordError;
use crate::time::BoardTime;

/// Between two looks at a person; the sensor renews its word about ten times a second.
const EVERY: Duration = Duration::from_millis(50);
/// A person is looked at for at least this long,
const AT_LEAST: Duration = Duration::from_millis(300);
/// and at most this long.
const AT_MOST: Duration = Duration::from_millis(1500);
/// Fewer good looks than this are no measurement.
const ENOUGH: usize = 3;
/// Between two looks at nobody.
const IDLE: Duration = Duration::from_secs(10);
/// The same after a failure, so that its end is noticed soon.
const IDLE_FAILED: Duration = Duration::from_secs(2);

/// One look.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample {
    /// What it looks at, degC.
    pub object_c: f64,
    /// The sensor itself, degC.
    pub ambient_c: f64,
}

/// What is to be told.
#[derive(Debug)]
pub enum Answer {
    /// A person's skin.
    Person {
        /// The upper quartile of the looks, degC.
        skin_c: f64,
        /// The median of the sensor's own temperature, degC.
        ambient_c: f64,
    },
    /// Nobody is there and the thermometer works again, or still.
    Alive {
        /// The sensor's own temperature, degC.
        ambient_c: f64,
    },
    /// It gives no answer that can be true.
    Failed(WordError),
}

/// One thermometer's looks.
#[derive(Debug)]
pub struct Window {
    state: State,
    due: BoardTime,
}

#[derive(Debug)]
enum State {
    /// Nobody is there, or who is there has been measured.
    Idle,
    Looking {
        since: BoardTime,
        present: bool,
        good: Vec<Sample>,
        error: Option<WordError>,
    },
}

impl Window {
    /// Nobody is there; the first look is due at once.
    pub fn new(now: BoardTime) -> Self {
        Self {
            state: State::Idle,
            due: now,
        }
    }

    /// When the next look is due.
    pub fn due(&self) -> BoardTime {
        self.due
    }

    /// Somebody steps before the thermometer, or away. Who stays is measured once.
    pub fn handle_presence(&mut self, now: BoardTime, is_there: bool) {
        match &mut self.state {
            State::Looking { since, present, .. } => {
                *present = is_there;
                if !is_there && now.since(*since) >= AT_LEAST {
                    // Who has been seen for long enough is judged as he steps away.
                    self.due = now;
                }
            }
            State::Idle if is_there => {
                self.due = now;
                self.state = State::Looking {
                    since: now,
                    present: true,
                    good: Vec::new(),
                    error: None,
                };
            }
            State::Idle => {}
        }
    }

    /// A look that was due was taken.
    pub fn handle_sample(
        &mut self,
        now: BoardTime,
        sample: Result<Sample, WordError>,
    ) -> Option<Answer> {
        let State::Looking {
            since,
            present,
            good,
            error,
        } = &mut self.state
        else {
            return Some(self.told_idle(now, sample));
        };
        match sample {
            Ok(sample) => good.push(sample),
            Err(failure) => *error = Some(failure),
        }
        let looked = now.since(*since);
        let enough = !*present && looked >= AT_LEAST;
        if !enough && looked < AT_MOST {
            self.due = now.plus(EVERY);
            return None;
        }
        let (good, error) = (std::mem::take(good), error.take());
        self.state = State::Idle;
        match (good.len() >= ENOUGH, error) {
            (true, _) => {
                self.rest(now, false);
                Some(person(&good))
            }
            (false, Some(error)) => {
                self.rest(now, true);
                Some(Answer::Failed(error))
            }
            // The bus was too slow for this person; the next look says whether it lives.
            (false, None) => {
                self.due = now;
                None
            }
        }
    }

    fn told_idle(&mut self, now: BoardTime, sample: Result<Sample, WordError>) -> Answer {
        self.rest(now, sample.is_err());
        match sample {
            Ok(Sample { ambient_c, .. }) => Answer::Alive { ambient_c },
            Err(error) => Answer::Failed(error),
        }
    }

    fn rest(&mut self, now: BoardTime, failed: bool) {
        self.due = now.plus(if failed { IDLE_FAILED } else { IDLE });
    }
}

fn person(good: &[Sample]) -> Answer {
    let sorted = |of: fn(&Sample) -> f64| {
        let mut values: Vec<f64> = good.iter().map(of).collect();
        values.sort_by(f64::total_cmp);
        values
    };
    let last = good.len() - 1;
    let hundredths = |value: f64| (value * 100.0).round() / 100.0;
    Answer::Person {
        skin_c: hundredths(sorted(|sample| sample.object_c)[last * 3 / 4]),
        ambient_c: hundredths(sorted(|sample| sample.ambient_c)[last / 2]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1000;

    /// Looks whenever one is due, until `end`; what was told.
    fn run(
        window: &mut Window,
        end: u64,
        mut sample: impl FnMut(u64) -> Result<f64, WordError>,
    ) -> Vec<String> {
        let mut told = Vec::new();
        while window.due().0 <= end {
            let now = window.due();
            let look = sample(now.0).map(|object_c| Sample {
                object_c,
                ambient_c: 18.0,
            });
            told.extend(match window.handle_sample(now, look) {
                Some(Answer::Person { skin_c, .. }) => Some(format!("person {skin_c}")),
                Some(Answer::Alive { .. }) => Some("alive".to_owned()),
                Some(Answer::Failed(error)) => Some(error.to_string()),
                None => None,
            });
        }
        told
    }

    fn idle() -> Window {
        let mut window = Window::new(BoardTime(0));
        assert_eq!(run(&mut window, 0, |_| Ok(17.0)), ["alive"]);
        window
    }

    #[test]
    fn who_walks_through_is_measured_once_and_not_at_the_edges() {
        let mut window = idle();
        window.handle_presence(BoardTime(1000 * MS), true);
        window.handle_presence(BoardTime(1120 * MS), false);
        let face = |now: u64| match now / MS - 1000 {
            0..50 => 21.0,
            150..160 => 60.0,
            250.. => 22.0,
            _ => 34.5,
        };
        let told = run(&mut window, 3000 * MS, |now| Ok(face(now)));
        assert_eq!(told, ["person 34.5"]);
    }

    #[test]
    fn who_stays_is_measured_once() {
        let mut window = idle();
        window.handle_presence(BoardTime(1000 * MS), true);
        let told = run(&mut window, 9000 * MS, |_| Ok(34.2));
        assert_eq!(told, ["person 34.2"]);
        window.handle_presence(BoardTime(9500 * MS), false);
        window.handle_presence(BoardTime(9600 * MS), true);
        let told = run(&mut window, 11_500 * MS, |_| Ok(34.3));
        assert_eq!(told, ["person 34.3"]);
    }

    #[test]
    fn a_failing_sensor_measures_nobody_and_tells_when_it_is_back() {
        let mut window = idle();
        window.handle_presence(BoardTime(1000 * MS), true);
        window.handle_presence(BoardTime(1100 * MS), false);
        let told = run(&mut window, 6000 * MS, |now| match now < 4000 * MS {
            true => Err(WordError::Pec),
            false => Ok(20.0),
        });
        assert_eq!(told, ["pec", "pec", "alive"]);
    }

    #[test]
    fn single_failures_in_the_middle_do_no_harm() {
        let mut window = idle();
        window.handle_presence(BoardTime(1000 * MS), true);
        window.handle_presence(BoardTime(1250 * MS), false);
        let told = run(&mut window, 2000 * MS, |now| match now / MS {
            1050 | 1150 => Err(WordError::Pec),
            _ => Ok(34.4),
        });
        assert_eq!(told, ["person 34.4"]);
    }
}
