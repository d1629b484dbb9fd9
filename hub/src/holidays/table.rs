//! A calendar as a table: `date,kind,name`, a day a line; `kind` is `holiday` (休) or `work` (班), the
//! name may be left out.

use chrono::NaiveDate;

use super::{Holidays, Kind, put};
use crate::config::Mistakes;

/// Reads a table, or says everything that is wrong with it.
pub(super) fn parse(text: &str) -> Result<Holidays, Mistakes> {
    let mut mistakes = Mistakes::of(text);
    let mut holidays = Holidays::default();
    let mut rows = csv::ReaderBuilder::new();
    let mut rows = rows
        .trim(csv::Trim::All)
        .flexible(true)
        .from_reader(text.as_bytes());
    let columns = rows.headers().cloned().unwrap_or_default();
    let column = |name: &str| columns.iter().position(|it| it.eq_ignore_ascii_case(name));
    let (Some(date), Some(kind)) = (column("date"), column("kind")) else {
        let what = "this is neither iCalendar nor a table with the columns `date` and `kind`";
        mistakes.add(0, what, HEADER);
        return Err(mistakes);
    };
    let name = column("name");
    for row in rows.records() {
        let row = match row {
            Ok(row) => row,
            Err(error) => {
                let at = error.position().map_or(0, |it| start(text, it));
                mistakes.add(at, error.to_string(), HEADER);
                continue;
            }
        };
        let at = row.position().map_or(0, |it| start(text, it));
        let cell = |column: usize| row.get(column).unwrap_or_default();
        let day = date_of(cell(date));
        if day.is_none() {
            let what = format!("`{}` is no day", shortened(cell(date)));
            mistakes.add(at, what, "write it like 2027-01-01");
        }
        let what = kind_of(cell(kind));
        if what.is_none() {
            let what = format!("`{}` is no kind of a day", shortened(cell(kind)));
            mistakes.add(at, what, "write `holiday` or `work`");
        }
        if let (Some(day), Some(what)) = (day, what)
            && let Err(wrong) = put(&mut holidays.days, day, what, name.map_or("", cell))
        {
            mistakes.add(at, wrong, "keep the line that is right");
        }
    }
    if mistakes.is_empty() && holidays.days.is_empty() {
        mistakes.add(0, "there is no day in it", HEADER);
    }
    if mistakes.is_empty() {
        Ok(holidays)
    } else {
        Err(mistakes)
    }
}

/// Where a row begins: the reader counts the empty lines before it to it.
fn start(text: &str, position: &csv::Position) -> usize {
    let at = usize::try_from(position.byte()).unwrap_or(usize::MAX);
    let rest = text.get(at..).unwrap_or_default();
    at + rest.len() - rest.trim_start_matches(['\r', '\n']).len()
}

/// A day as people and spreadsheets write it, the year first.
fn date_of(cell: &str) -> Option<NaiveDate> {
    let written = ["%Y-%m-%d", "%Y/%m/%d", "%Y%m%d"];
    written
        .iter()
        .find_map(|it| NaiveDate::parse_from_str(cell, it).ok())
}

fn kind_of(cell: &str) -> Option<Kind> {
    match cell.to_lowercase().as_str() {
        "holiday" | "休" => Some(Kind::Holiday),
        "work" | "班" => Some(Kind::Work),
        _ => None,
    }
}

fn shortened(cell: &str) -> String {
    cell.chars().take(40).collect()
}

const HEADER: &str = "begin with a line `date,kind,name` and write a day a line like \
                      `2027-01-01,holiday,New Year`";
