//! A world in which exactly as many people pass as a file says: passages per half hour, in the
//! site's local time.

use std::collections::BTreeMap;

use chrono::{NaiveDate, NaiveDateTime};
use chrono_tz::Tz;
use gatepost_model::Direction;

use super::{
    beams::{Body, PEOPLE, crossing},
    day::{Day, DayBuilder, Happening, MINUTE, Span, WallUs, instant, seconds},
    dice::Dice,
    truth::What,
};

/// The length of a row.
const ROW: i64 = 30 * MINUTE;

/// The file: rows `slot_start_local,in,out`.
#[derive(Debug, Clone, PartialEq)]
pub struct Counts {
    /// The zone of its times.
    pub zone: Tz,
    /// In the order of the file.
    pub rows: Vec<Row>,
    /// Rows by day.
    days: BTreeMap<NaiveDate, Vec<usize>>,
}

/// A half hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// Its beginning; of a repeated hour the first.
    pub start: WallUs,
    /// People in.
    pub into: u32,
    /// People out.
    pub out: u32,
}

/// Why a file cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CountsError {
    /// A line that is no row.
    #[error("line {0} is not `YYYY-MM-DDTHH:MM:SS,in,out`")]
    Row(usize),
    /// More people than can walk through a lane one by one.
    #[error("line {0}: more than 300 passages in half an hour do not fit through one lane")]
    Crowd(usize),
    /// Nothing in it.
    #[error("there are no rows")]
    Empty,
}

impl Counts {
    /// Reads a file's text.
    pub fn parse(text: &str, zone: Tz) -> Result<Self, CountsError> {
        let mut rows = Vec::new();
        let mut days: BTreeMap<NaiveDate, Vec<usize>> = BTreeMap::new();
        for (index, line) in text
            .lines()
            .enumerate()
            .skip(1)
            .filter(|(_, line)| !line.trim().is_empty())
        {
            let no = || CountsError::Row(index + 1);
            let mut fields = line.trim().split(',');
            let local: NaiveDateTime = fields
                .next()
                .and_then(|text| text.parse().ok())
                .ok_or_else(no)?;
            let mut number = || {
                fields
                    .next()
                    .and_then(|text| text.trim().parse::<u32>().ok())
            };
            let (into, out) = number().zip(number()).ok_or_else(no)?;
            if into.saturating_add(out) > 300 {
                return Err(CountsError::Crowd(index + 1));
            }
            let start = instant(zone, local.date(), local.time());
            days.entry(local.date()).or_default().push(rows.len());
            rows.push(Row { start, into, out });
        }
        if rows.is_empty() {
            return Err(CountsError::Empty);
        }
        Ok(Self { zone, rows, days })
    }

    /// When the first row begins.
    pub fn start(&self) -> WallUs {
        self.rows.iter().map(|row| row.start).min().unwrap_or(0)
    }

    /// When the last row ends.
    pub fn end(&self) -> WallUs {
        self.rows.iter().map(|row| row.start).max().unwrap_or(0) + ROW
    }

    /// A day at the people's lane.
    pub fn day(&self, seed: u64, date: NaiveDate) -> Day {
        let mut day = DayBuilder::new(Span::of(self.zone, date));
        let mut dice = Dice::new(seed, &["counts", &date.to_string()]);
        for index in self.days.get(&date).into_iter().flatten() {
            row(&mut day, &self.rows[*index], &mut dice);
        }
        day.finish()
    }
}

/// Everybody of a row has a stretch of it for himself, in and out mixed.
fn row(day: &mut DayBuilder, row: &Row, dice: &mut Dice) {
    let total = row.into + row.out;
    let mut left = row.into;
    for place in 0..total {
        let goes_in = dice.whole(0, u64::from(total - place)) < u64::from(left);
        left -= u32::from(goes_in);
        let dir = if goes_in {
            Direction::In
        } else {
            Direction::Out
        };
        let width = ROW / i64::from(total);
        let begin = row.start + width * i64::from(place);
        let start = begin + seconds(dice.between(0.2, 0.5) * width as f64 / 1e6);
        let body = Body::of_length(
            dice.between(0.24, 0.38),
            dice.around(1.15, 0.13).clamp(0.6, 1.7),
        );
        let (signals, end) = crossing(PEOPLE, dir, &body, start, dice);
        let passage = Happening {
            lane: Some(PEOPLE.lane),
            dir: Some(dir),
            ..Happening::new(What::Passage, end)
        };
        day.happens(passage, signals);
    }
}
