//! What the guard's word is about: whoever was just measured, or has just passed.

use std::time::Duration;

use gatepost_model::{Happening, LaneId, event::Entry};

use crate::time::BoardTime;

/// A word that comes later is about nobody in particular.
const SOON: Duration = Duration::from_secs(60);

/// What happened last at each lane.
#[derive(Debug, Default)]
pub struct Followed {
    lanes: Vec<(LaneId, Last)>,
}

#[derive(Debug, Default)]
struct Last {
    screening: Option<(BoardTime, String)>,
    passage: Option<BoardTime>,
}

impl Followed {
    /// Another boot: nothing happened in it yet.
    pub fn reset(&mut self) {
        self.lanes.clear();
    }

    /// Notes what happened; ties an entry to what it follows, once: the next word is about somebody
    /// else.
    pub fn tie(&mut self, at: BoardTime, happening: &mut Happening) {
        match happening {
            Happening::Screening(it) => {
                let id = it.id.clone();
                self.last(&it.lane.clone()).screening = Some((at, id));
            }
            Happening::Passage(it) => self.last(&it.lane.clone()).passage = Some(at),
            Happening::Entry(entry) => self.tie_entry(at, entry),
            _ => {}
        }
    }

    fn tie_entry(&mut self, at: BoardTime, entry: &mut Entry) {
        let last = self.last(&entry.lane.clone());
        let screening = last
            .screening
            .take()
            .filter(|(then, _)| at.since(*then) <= SOON);
        let passage = last.passage.take().filter(|then| at.since(*then) <= SOON);
        match (screening, passage) {
            // Who was measured and has passed then is one person.
            (Some((measured, id)), passage) => {
                entry.screening = Some(id);
                entry.passage_mono_us = passage.filter(|it| *it >= measured).map(|it| it.0);
            }
            (None, passage) => entry.passage_mono_us = passage.map(|it| it.0),
        }
    }

    fn last(&mut self, lane: &LaneId) -> &mut Last {
        let place = self.lanes.iter().position(|(id, _)| id == lane);
        let place = place.unwrap_or_else(|| {
            self.lanes.push((lane.clone(), Last::default()));
            self.lanes.len() - 1
        });
        &mut self.lanes[place].1
    }
}
