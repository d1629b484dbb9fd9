//! Rule `rel-1`: a person's skin temperature, judged against the people just measured at this lane.
//!
//! **Baseline.** A robust Kalman filter of two states: what people measure now (the level), and how
//! that moves (a slope that is forgotten within half an hour), so that a sensor's offset does not
//! matter and its drift is followed. It learns from first attempts only, and only after the verdict:
//! no verdict, threshold or re-measurement feeds back into it. Its weights are one-sided (Huber's
//! below, redescending above), since a fever is always warm: a run of feverish people hardly moves it.
//!
//! **Verdict.** The first measurement never says `fever`: at or above the threshold less a band it
//! says `remeasure`, else `normal`. A second and third one within [`AGAIN`] are judged against the
//! frozen baseline of the first: two of three decide. The threshold widens with the baseline's own
//! uncertainty.
//!
//! **Warming up.** Until [`WARM_UP`] people have settled nobody is judged. A run of people that are
//! nearly all warm or nearly all cold is a moved sensor or changed weather, and sends the lane back.
//! After a pause the baseline stays, moved by the ambient temperature, with its uncertainty.
//!
//! Only `+ - * / sqrt` and comparisons, so that a replay gives the same bits everywhere. Method,
//! constants and measured rates: `docs/screening.md`.

use std::{collections::VecDeque, time::Duration};

use gatepost_model::{Micros, event::ScreeningVerdict};
use serde::{Deserialize, Serialize};

/// The rule's name and version in the record.
pub const RULE: &str = "rel-1";
/// A new measurement within this time after `remeasure` belongs to the same person.
pub const AGAIN: Duration = Duration::from_secs(30);
/// People to be measured before anybody is judged.
pub const WARM_UP: usize = 16;

/// Where the thermometer looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// The middle of the forehead.
    #[default]
    Forehead,
    /// The inner corner of the eye: it tells fevers far better.
    Canthus,
}

/// How readily the rule suspects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Point {
    /// The best balance of sensitivity and specificity.
    Sensitive,
    /// Few false suspicions: for a gate with hundreds of workers.
    #[default]
    Quiet,
}

/// The constants of one place and operating point, degC.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Tuning {
    /// Spread of healthy people.
    spread: f64,
    /// Above the baseline by this much is warm.
    threshold: f64,
    /// So much below the threshold a first measurement is taken again.
    band: f64,
    /// What skin gains for each degree of ambient temperature. A guess: the data behind the other
    /// constants was taken in one room.
    per_ambient: f64,
}

impl Tuning {
    fn of(place: Place, point: Point) -> Self {
        let (spread, sensitive, quiet, band, per_ambient) = match place {
            Place::Canthus => (0.40, 0.50, 0.85, 0.20, 0.05),
            Place::Forehead => (0.50, 0.45, 1.00, 0.30, 0.10),
        };
        let threshold = match point {
            Point::Sensitive => sensitive,
            Point::Quiet => quiet,
        };
        Self {
            spread,
            threshold,
            band,
            per_ambient,
        }
    }
}

/// Variance that the slope returns to, (degC/h)^2.
const SLOPE_VARIANCE: f64 = 1.5 * 1.5;
/// How fast the slope is forgotten, hours.
const SLOPE_MEMORY_H: f64 = 0.5;
/// Variance that the level gains with each person, degC^2.
const LEVEL_NOISE: f64 = 0.008 * 0.008;
/// Likewise while it is young.
const LEVEL_NOISE_YOUNG: f64 = 0.04 * 0.04;
/// The level's variance while people pass is never taken for more, degC^2.
const LEVEL_CAP: f64 = 0.40 * 0.40;
/// Nor after a pause.
const PAUSE_CAP: f64 = 0.60 * 0.60;
/// Added after a pause when no ambient temperature can correct the level, degC^2.
const BLIND_PAUSE: f64 = 0.3 * 0.3;
/// Weights: full between these, in standard deviations; Huber's below.
const COLD_Z: f64 = 1.5;
const WARM_Z: f64 = 1.25;
/// Nothing at and above this.
const FEVER_Z: f64 = 2.5;
/// A baseline is young for so many people.
const YOUNG: u32 = 30;
/// Longer than this is a pause, hours.
const PAUSE_H: f64 = 0.5;
/// After 14 days nothing is known any more, hours.
const FORGET_H: f64 = 336.0;
/// A warm-up's drift is not taken for longer than this, hours.
const WARM_UP_H: f64 = 0.25;
/// Sums of hundredths are not exact in binary.
const EPSILON: f64 = 1e-9;
const US_PER_HOUR: f64 = 3_600_000_000.0;

/// What the rule remembers of a lane. It survives a restart of the agent and a power cut.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Baseline {
    warming: bool,
    /// The newest people first, and when.
    ring: VecDeque<(f64, Micros)>,
    level: f64,
    slope: f64,
    /// Covariance of level and slope.
    p11: f64,
    p12: f64,
    p22: f64,
    /// The newest people first: 1 warm, -1 cold, 0 neither.
    signs: VecDeque<i8>,
    age: u32,
    last: Option<Micros>,
    ambient: Option<f64>,
    open: Option<Open>,
    /// The person measured last, while nobody else can be meant.
    #[serde(default)]
    closed: Option<Open>,
}

/// A person who is to be measured again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Open {
    began: Micros,
    latest: Micros,
    attempts: u32,
    warm: u32,
    level: f64,
    threshold: f64,
}

/// The judgement on one measurement.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Judgement {
    /// 1 for the first measurement of a person.
    pub attempt: u32,
    /// When the person was first measured.
    pub began: Micros,
    /// What people here measure now, degC; none while warming up.
    pub baseline: Option<f64>,
    /// The judgement.
    pub verdict: ScreeningVerdict,
}

impl Default for Baseline {
    fn default() -> Self {
        Self {
            warming: true,
            ring: VecDeque::with_capacity(WARM_UP),
            level: 0.0,
            slope: 0.0,
            p11: 0.0,
            p12: 0.0,
            p22: SLOPE_VARIANCE,
            signs: VecDeque::with_capacity(WARM_UP),
            age: 0,
            last: None,
            ambient: None,
            open: None,
            closed: None,
        }
    }
}

impl Baseline {
    /// A new boot began at `now`: monotonic times start again, and how long the pause was is unknown.
    pub fn boot(&mut self, now: Micros) {
        self.last = None;
        self.open = None;
        self.closed = None;
        // Their times belong to another boot. An hour ago is long enough to say nothing of a drift.
        for (_, time) in &mut self.ring {
            *time = now.saturating_sub(3_600_000_000);
        }
    }

    /// Somebody passed the lane: whoever was measured until then has gone.
    pub fn leave(&mut self, at: Micros) {
        self.open.take_if(|open| open.latest <= at);
        self.closed.take_if(|closed| closed.latest <= at);
    }

    /// A person asks for another measurement of whoever was measured last, who counts as one to be
    /// measured again. False if there is nobody: he has passed, or it is too long ago.
    pub fn reopen(&mut self, now: Micros) -> bool {
        let last = self.open.take().or_else(|| self.closed.take());
        self.open = last.filter(|last| now.saturating_sub(last.latest) <= micros(AGAIN));
        self.open.is_some()
    }

    /// Judges a measurement at `now`, then learns from it.
    pub fn judge(
        &mut self,
        now: Micros,
        skin: f64,
        ambient: Option<f64>,
        place: Place,
        point: Point,
    ) -> Judgement {
        self.judge_by(now, skin, ambient, Tuning::of(place, point))
    }

    fn judge_by(
        &mut self,
        now: Micros,
        skin: f64,
        ambient: Option<f64>,
        tuning: Tuning,
    ) -> Judgement {
        if let Some(judgement) = self.judge_again(now, skin) {
            return judgement;
        }
        self.pass_time(now, ambient, tuning);
        self.last = Some(now);
        self.ambient = ambient.or(self.ambient);
        self.ring.push_front((skin, now));
        self.ring.truncate(WARM_UP);
        let first = |baseline, verdict| Judgement {
            attempt: 1,
            began: now,
            baseline,
            verdict,
        };
        if self.warming {
            self.settle(tuning);
            return first(None, ScreeningVerdict::WarmingUp);
        }
        let wider = (1.0 + self.p11 / (tuning.spread * tuning.spread)).sqrt();
        let (level, threshold) = (self.level, tuning.threshold * wider);
        let residual = skin - level;
        let person = Open {
            began: now,
            latest: now,
            attempts: 1,
            warm: u32::from(residual >= threshold - EPSILON),
            level,
            threshold,
        };
        let verdict = if residual >= (tuning.threshold - tuning.band) * wider - EPSILON {
            self.open = Some(person);
            self.closed = None;
            ScreeningVerdict::Remeasure
        } else {
            self.closed = Some(person);
            ScreeningVerdict::Normal
        };
        self.learn(residual, tuning);
        self.watch_for_shift(residual, tuning);
        first(Some(level), verdict)
    }

    fn judge_again(&mut self, now: Micros, skin: f64) -> Option<Judgement> {
        let mut open = self.open.take()?;
        if now.saturating_sub(open.latest) > micros(AGAIN) {
            return None;
        }
        open.attempts += 1;
        open.latest = now;
        open.warm += u32::from(skin - open.level >= open.threshold - EPSILON);
        let verdict = match open.warm {
            2.. => ScreeningVerdict::Fever,
            warm if open.attempts - warm >= 2 => ScreeningVerdict::Normal,
            _ => ScreeningVerdict::Remeasure,
        };
        let judgement = Judgement {
            attempt: open.attempts,
            began: open.began,
            baseline: Some(open.level),
            verdict,
        };
        if verdict == ScreeningVerdict::Remeasure {
            self.open = Some(open);
        } else {
            self.closed = Some(open);
        }
        Some(judgement)
    }

    fn pass_time(&mut self, now: Micros, ambient: Option<f64>, tuning: Tuning) {
        let Some(last) = self.last else {
            if self.ambient.is_some() || !self.ring.is_empty() {
                self.pause(ambient, tuning);
            }
            return;
        };
        let hours = now.saturating_sub(last) as f64 / US_PER_HOUR;
        if hours > FORGET_H {
            self.warming = true;
            self.ring.clear();
            self.signs.clear();
        } else if hours > PAUSE_H {
            self.pause(ambient, tuning);
        } else if !self.warming {
            self.predict(hours);
        }
    }

    fn pause(&mut self, ambient: Option<f64>, tuning: Tuning) {
        let (moved, doubt) = match (ambient, self.ambient) {
            (Some(now), Some(then)) => {
                let moved = tuning.per_ambient * (now - then);
                (moved, (0.5 * moved) * (0.5 * moved))
            }
            _ => (0.0, BLIND_PAUSE),
        };
        for (skin, _) in &mut self.ring {
            *skin += moved;
        }
        if !self.warming {
            self.level += moved;
            self.slope = 0.0;
            self.p11 = (LEVEL_CAP + doubt).min(PAUSE_CAP);
            self.p12 = 0.0;
            self.p22 = SLOPE_VARIANCE;
            self.signs.clear();
            self.age = 0;
        }
    }

    fn predict(&mut self, hours: f64) {
        let keeps = 1.0 / (1.0 + hours / SLOPE_MEMORY_H);
        let reach = hours * keeps;
        self.level += self.slope * reach;
        let noise = if self.age < YOUNG {
            LEVEL_NOISE_YOUNG
        } else {
            LEVEL_NOISE
        };
        self.p11 = self.p11 + 2.0 * reach * self.p12 + reach * reach * self.p22 + noise;
        self.p12 = keeps * (self.p12 + reach * self.p22);
        self.p22 = keeps * keeps * self.p22 + (1.0 - keeps * keeps) * SLOPE_VARIANCE;
        self.slope *= keeps;
        self.cap();
    }

    fn cap(&mut self) {
        if self.p11 > LEVEL_CAP {
            self.p12 *= LEVEL_CAP / self.p11;
            self.p11 = LEVEL_CAP;
        }
    }

    fn learn(&mut self, residual: f64, tuning: Tuning) {
        let noise = tuning.spread * tuning.spread;
        let z = residual / (self.p11 + noise).sqrt();
        let weight = if z < -COLD_Z {
            COLD_Z / -z
        } else if z <= WARM_Z {
            1.0
        } else if z < FEVER_Z {
            WARM_Z * (FEVER_Z - z) / (FEVER_Z - WARM_Z) / z
        } else {
            0.0
        };
        if weight > 1e-6 {
            let total = self.p11 + noise / weight;
            let (gain, slope_gain) = (self.p11 / total, self.p12 / total);
            self.level += gain * residual;
            self.slope += slope_gain * residual;
            self.p22 -= slope_gain * self.p12;
            self.p12 -= gain * self.p12;
            self.p11 -= gain * self.p11;
        }
        self.age = self.age.saturating_add(1);
    }

    fn watch_for_shift(&mut self, residual: f64, tuning: Tuning) {
        let sign = if residual > tuning.spread {
            1
        } else if residual < -0.6 * tuning.spread {
            -1
        } else {
            0
        };
        self.signs.push_front(sign);
        self.signs.truncate(WARM_UP);
        let count = |newest: usize, sign: i8| {
            self.signs
                .iter()
                .take(newest)
                .filter(|s| **s == sign)
                .count()
        };
        let moved = count(WARM_UP, 1) >= 14 || count(WARM_UP, -1) >= 14;
        let young_and_warm = self.age < YOUNG && count(7, 1) >= 6;
        if moved || young_and_warm {
            self.warming = true;
            self.signs.clear();
            self.ring.truncate(if moved { WARM_UP / 2 } else { 3 });
        }
    }

    /// Ends the warm-up if the people agree; else keeps the newer half and goes on.
    fn settle(&mut self, tuning: Tuning) {
        if self.ring.len() < WARM_UP {
            return;
        }
        let half = WARM_UP / 2;
        let newer = median_of_eight(self.ring.iter().take(half));
        let older = median_of_eight(self.ring.iter().skip(half));
        if (newer - older).abs() >= 1.6 * tuning.spread {
            self.ring.truncate(half);
            return;
        }
        // The middle of the cooler people: with one fever in ten among them, close to the median of
        // the healthy.
        let sorted = sorted(self.ring.iter());
        let span = match (self.ring.front(), self.ring.back()) {
            (Some((_, newest)), Some((_, oldest))) => newest.saturating_sub(*oldest) as f64,
            _ => 0.0,
        };
        let hours = (span / US_PER_HOUR / 2.0).min(WARM_UP_H);
        self.level = (sorted[6] + sorted[7]) / 2.0;
        self.slope = 0.0;
        self.p22 = SLOPE_VARIANCE;
        self.p12 = SLOPE_VARIANCE * hours;
        self.p11 =
            1.5 * tuning.spread * tuning.spread / WARM_UP as f64 + SLOPE_VARIANCE * hours * hours;
        self.cap();
        self.warming = false;
        self.age = 0;
        self.signs.clear();
    }
}

fn sorted<'a>(people: impl Iterator<Item = &'a (f64, Micros)>) -> Vec<f64> {
    let mut values: Vec<f64> = people.map(|(skin, _)| *skin).collect();
    values.sort_by(f64::total_cmp);
    values
}

fn median_of_eight<'a>(people: impl Iterator<Item = &'a (f64, Micros)>) -> f64 {
    let values = sorted(people);
    (values[3] + values[4]) / 2.0
}

fn micros(span: Duration) -> Micros {
    u64::try_from(span.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod figures;
#[cfg(test)]
mod tests;
