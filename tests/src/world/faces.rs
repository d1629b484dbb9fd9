//! Real people's temperatures: who comes to the gate has somebody's readings from a file.
//!
//! A file's people come in another order every day. Their readings are the attempts, in order; how many
//! somebody needs is decided by the lamp, that is by the unit's own rule, begun anew each morning.
//! The guard's second device is the mouth: whom the lamp suspects is isolated if it says so, too.

use chrono::NaiveDate;
use gatepost_edge::core::screening::{
    Baseline,
    rule::{Place, Point},
};
use gatepost_model::event::ScreeningVerdict;

use super::dice::Dice;

/// 961 people; `tests/data/README.md` says whose work that is.
const BUNDLED: &str = include_str!("../../data/face-temperatures.csv");
/// The columns of a place's first reading, and of the mouth's temperature.
const FOREHEAD: usize = 1;
const CANTHUS: usize = 5;
const ORAL: usize = 9;
/// Nobody is measured more often.
const ATTEMPTS: usize = 3;
/// By the mouth's temperature, degC.
const FEVER: f64 = 37.5;
/// They were measured in one room: the air at the lane does not follow the weather then. degC.
pub const ROOM_C: f64 = 22.0;

/// A file's people, measured at one place of the face.
#[derive(Debug, Clone, PartialEq)]
pub struct Faces {
    place: Place,
    people: Vec<Face>,
}

/// One of them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Face {
    /// The file's number.
    pub subject: u64,
    /// Of the mouth, degC.
    pub oral: f64,
    readings: [f64; ATTEMPTS],
}

/// Why a file cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FacesError {
    /// A line that is no row.
    #[error("line {0} is not `subject,forehead_1..4,canthus_1..4,oral`")]
    Row(usize),
    /// Nothing in it.
    #[error("there are no rows")]
    Empty,
}

impl Faces {
    /// Reads a file's text: after a line of names a row each, `subject`, four readings of the
    /// forehead, four of the canthus, and the mouth's temperature.
    pub fn parse(text: &str, place: Place) -> Result<Self, FacesError> {
        let first = match place {
            Place::Forehead => FOREHEAD,
            Place::Canthus => CANTHUS,
        };
        let rows = text
            .lines()
            .enumerate()
            .skip(1)
            .filter(|(_, line)| !line.trim().is_empty());
        let people: Vec<Face> = rows
            .map(|(index, line)| face(line, first).ok_or(FacesError::Row(index + 1)))
            .collect::<Result<_, _>>()?;
        if people.is_empty() {
            return Err(FacesError::Empty);
        }
        Ok(Self { place, people })
    }

    /// The people that come with the demo.
    pub fn bundled(place: Place) -> Result<Self, FacesError> {
        Self::parse(BUNDLED, place)
    }

    /// Where they are measured.
    pub fn place(&self) -> Place {
        self.place
    }

    /// A day's people before a site's gate.
    pub fn day(&self, seed: u64, site: &str, date: NaiveDate) -> Queue<'_> {
        let mut dice = Dice::new(seed, &[site, "faces", &date.to_string()]);
        let mut order: Vec<usize> = (0..self.people.len()).collect();
        for place in (1..order.len()).rev() {
            order.swap(place, dice.whole(0, place as u64 + 1) as usize);
        }
        Queue {
            faces: self,
            order,
            baseline: Baseline::default(),
        }
    }
}

fn face(line: &str, first: usize) -> Option<Face> {
    let fields: Vec<&str> = line.trim().split(',').collect();
    let number = |place: usize| -> Option<f64> {
        let number: f64 = fields.get(place)?.trim().parse().ok()?;
        number.is_finite().then_some(number)
    };
    Some(Face {
        subject: fields.first()?.trim().parse().ok()?,
        oral: number(ORAL)?,
        readings: [number(first)?, number(first + 1)?, number(first + 2)?],
    })
}

/// The people of a day, with what the lamp will say of them.
#[derive(Debug, Clone)]
pub struct Queue<'f> {
    faces: &'f Faces,
    order: Vec<usize>,
    baseline: Baseline,
}

impl Queue<'_> {
    /// Who is the day's `person`th, from 1.
    pub fn face(&self, person: u64) -> Face {
        let place = (person as usize).saturating_sub(1) % self.order.len();
        self.faces.people[self.order[place]]
    }

    /// An attempt of somebody, from 0, so many microseconds into the day: what the thermometer
    /// reads, and the lamp's word.
    pub fn attempt(&mut self, face: &Face, attempt: usize, at: u64) -> (f64, ScreeningVerdict) {
        let skin = face.readings[attempt.min(ATTEMPTS - 1)];
        let judgement =
            self.baseline
                .judge(at, skin, Some(ROOM_C), self.faces.place, Point::default());
        (skin, judgement.verdict)
    }

    /// He has gone.
    pub fn leave(&mut self) {
        self.baseline.leave(u64::MAX);
    }
}

impl Face {
    /// Whether he has a fever.
    pub fn is_feverish(&self) -> bool {
        self.oral >= FEVER
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_bundled_people_come_once_each_and_in_another_order_every_day() {
        let faces = Faces::bundled(Place::Canthus).unwrap();
        assert_eq!(faces.people.len(), 961);
        assert_eq!(
            faces.people.iter().filter(|it| it.is_feverish()).count(),
            102
        );
        let subjects = |date: &str| -> Vec<u64> {
            let day = faces.day(1, "s", date.parse().unwrap());
            (1..=961).map(|person| day.face(person).subject).collect()
        };
        let monday = subjects("2026-11-23");
        assert_eq!(monday.iter().collect::<BTreeSet<_>>().len(), 961);
        assert_eq!(monday, subjects("2026-11-23"));
        assert_ne!(monday, subjects("2026-11-24"));
    }

    #[test]
    fn readings_are_of_the_place_and_in_order() {
        let row = "subject,…\n7,34.1,34.2,34.3,34.4,35.1,35.2,35.3,35.4,36.6\n";
        for (place, readings) in [
            (Place::Forehead, [34.1, 34.2, 34.3]),
            (Place::Canthus, [35.1, 35.2, 35.3]),
        ] {
            let faces = Faces::parse(row, place).unwrap();
            let face = faces.people[0];
            assert_eq!(
                (face.subject, face.oral, face.readings),
                (7, 36.6, readings)
            );
        }
    }

    #[test]
    fn what_is_no_such_file_is_refused_with_its_line() {
        let parse = |text: &str| Faces::parse(text, Place::Canthus).unwrap_err();
        assert_eq!(parse(""), FacesError::Empty);
        assert_eq!(parse("subject\n1,2\n"), FacesError::Row(2));
        let nan = "s\n1,34,34,34,34,35,nan,35,35,36.6\n";
        assert_eq!(parse(nan), FacesError::Row(2));
    }
}
