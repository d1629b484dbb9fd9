//! One unit's day as it will happen at its pins, with what it means.
//!
//! A day is a function of the seed, the site, the unit and the date, and nothing of it reaches over
//! midnight: so any day can be made again at any time, and a demo goes on where it was.

use chrono::{NaiveDate, NaiveTime, TimeDelta};
use chrono_tz::Tz;
use gatepost_model::{Direction, Zone};

use super::truth::What;

/// Microseconds since 1970.
pub type WallUs = i64;

/// A second in microseconds.
pub const SECOND: i64 = 1_000_000;
/// A minute in microseconds.
pub const MINUTE: i64 = 60 * SECOND;
/// An hour in microseconds.
pub const HOUR: i64 = 60 * MINUTE;

/// Seconds as microseconds.
pub fn seconds(seconds: f64) -> i64 {
    (seconds * SECOND as f64) as i64
}

/// What a board is made to see.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Signal {
    /// A pin's level.
    Level(&'static str, bool),
    /// A thermometer's answer: its name, skin and ambient degC.
    Skin(&'static str, f64, f64),
    /// A thermometer's failed answer.
    Failed(&'static str),
    /// An ambient sensor's answer, degC.
    Ambient(&'static str, f64),
}

/// A signal at its time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stimulus {
    /// When.
    pub at: WallUs,
    /// What.
    pub signal: Signal,
    /// Of which happening, as a place in [`Day::happenings`]; none for what means nothing.
    pub happening: Option<u32>,
}

/// Something that happens, with the inputs that it makes.
#[derive(Debug, Clone, PartialEq)]
pub struct Happening {
    /// What.
    pub what: What,
    /// The moment that the record must bear.
    pub at: WallUs,
    /// When it is over, for what lasts.
    pub end: Option<WallUs>,
    /// Which lane.
    pub lane: Option<&'static str>,
    /// Which zone.
    pub zone: Option<Zone>,
    /// Which way.
    pub dir: Option<Direction>,
    /// Who.
    pub person: Option<String>,
    /// Who walked beside him, unseen by the beams.
    pub beside: Option<String>,
    /// degC.
    pub body_c: Option<f64>,
    /// degC.
    pub skin_c: Option<f64>,
    /// How an attempt to enter ended.
    pub outcome: Option<&'static str>,
    /// Litres.
    pub litres: Option<f64>,
    /// How many stimuli it has; filled in by [`DayBuilder::finish`].
    pub inputs: u32,
}

impl Happening {
    /// A happening of which nothing else is known yet.
    pub fn new(what: What, at: WallUs) -> Self {
        Self {
            what,
            at,
            end: None,
            lane: None,
            zone: None,
            dir: None,
            person: None,
            beside: None,
            body_c: None,
            skin_c: None,
            outcome: None,
            litres: None,
            inputs: 0,
        }
    }
}

/// One unit's day.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Day {
    /// In order of time.
    pub stimuli: Vec<Stimulus>,
    /// What they mean.
    pub happenings: Vec<Happening>,
    /// A stretch without power.
    pub power_cut: Option<(WallUs, WallUs)>,
}

/// A day's borders: the first instants of this local day and of the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// The zone's rules.
    pub zone: Tz,
    /// The local day.
    pub date: NaiveDate,
    /// Its first instant.
    pub from: WallUs,
    /// The next day's first instant.
    pub to: WallUs,
}

impl Span {
    /// The borders of a local day.
    pub fn of(zone: Tz, date: NaiveDate) -> Self {
        Self {
            zone,
            date,
            from: instant(zone, date, NaiveTime::MIN),
            to: instant(zone, date + TimeDelta::days(1), NaiveTime::MIN),
        }
    }

    /// A local time of this day, in hours: `7.5` is half past seven.
    pub fn hour(&self, hour: f64) -> WallUs {
        let minutes = (hour * 60.0).floor();
        let time = NaiveTime::MIN + TimeDelta::minutes(minutes as i64);
        instant(self.zone, self.date, time) + seconds((hour * 60.0 - minutes) * 60.0)
    }
}

/// A local time as an instant: of a repeated hour the first, of a skipped one the moment after.
pub fn instant(zone: Tz, date: NaiveDate, time: NaiveTime) -> WallUs {
    let mut local = date.and_time(time);
    for _ in 0..48 {
        if let Some(found) = local.and_local_timezone(zone).earliest() {
            return found.timestamp_micros();
        }
        local += TimeDelta::minutes(30);
    }
    local.and_utc().timestamp_micros()
}

/// The local day of an instant.
pub fn local_date(zone: Tz, at: WallUs) -> NaiveDate {
    chrono::DateTime::from_timestamp_micros(at)
        .unwrap_or_default()
        .with_timezone(&zone)
        .date_naive()
}

/// Puts a day together.
#[derive(Debug)]
pub struct DayBuilder {
    /// The day's borders.
    pub span: Span,
    day: Day,
}

impl DayBuilder {
    /// An empty day.
    pub fn new(span: Span) -> Self {
        Self {
            span,
            day: Day::default(),
        }
    }

    /// Something happens, made of these signals.
    pub fn happens(
        &mut self,
        happening: Happening,
        signals: impl IntoIterator<Item = (WallUs, Signal)>,
    ) {
        let signals: Vec<_> = signals.into_iter().collect();
        // What would reach over the day's border does not happen.
        if signals
            .iter()
            .any(|(at, _)| *at < self.span.from || *at > self.span.to - SECOND)
        {
            return;
        }
        let place = self.day.happenings.len() as u32;
        self.day.happenings.push(happening);
        let stimuli = signals.into_iter().map(|(at, signal)| Stimulus {
            at,
            signal,
            happening: Some(place),
        });
        self.day.stimuli.extend(stimuli);
    }

    /// Signals that mean nothing by themselves.
    pub fn noise(&mut self, signals: impl IntoIterator<Item = (WallUs, Signal)>) {
        let (from, to) = (self.span.from, self.span.to - SECOND);
        let stimuli = signals
            .into_iter()
            .filter(|(at, _)| (from..=to).contains(at))
            .map(|(at, signal)| Stimulus {
                at,
                signal,
                happening: None,
            });
        self.day.stimuli.extend(stimuli);
    }

    /// The unit has no power in this stretch.
    pub fn power_cut(&mut self, from: WallUs, to: WallUs) {
        self.day.power_cut = Some((from, to));
    }

    /// The day, in order.
    pub fn finish(mut self) -> Day {
        self.day.stimuli.sort_by_key(|stimulus| stimulus.at);
        for stimulus in &self.day.stimuli {
            if let Some(place) = stimulus.happening {
                self.day.happenings[place as usize].inputs += 1;
            }
        }
        self.day
    }
}
