//! Pages of events.

use std::{collections::BTreeMap, ops::Range};

use gatepost_dashboard::ports::{EventQuery, ReadError};
use gatepost_model::{SiteId, Wall, event::Reading};

use super::{END, Question, unavailable};
use crate::store::{
    embedded::{Columns, Place},
    event::StoredEvent,
    influx::{
        client::QueryError,
        flux::Which,
        record::{self, Tags},
        table, words,
    },
    port::MAX_PAGE,
};

impl Question<'_> {
    /// A page of events, and where the next begins.
    pub(in crate::store::influx) fn page(
        &self,
        query: &EventQuery,
    ) -> Result<(Vec<StoredEvent>, Option<String>), ReadError> {
        let after = query.cursor.as_deref().map(Place::parse).transpose()?;
        let limit = query.limit.clamp(1, MAX_PAGE);
        let begin = query.from.map_or(0, Wall::micros);
        let begin = after.as_ref().map_or(begin, |after| begin.max(after.time));
        let times = begin..query.to.map_or(END, Wall::micros);
        // One more than asked for tells whether there is a next page.
        let mut first = First {
            after,
            most: limit + 1,
            found: BTreeMap::new(),
        };
        if times.start < times.end {
            self.open.each(self.site, times.clone(), |waiting, _| {
                if is_on_page(&waiting.event, query) {
                    first.take(&waiting.event);
                }
            })?;
            self.records(query, times, &mut first)?;
        }
        let next = (first.found.len() > limit).then(|| first.found.keys().nth(limit - 1));
        let next = next.flatten().map(Place::to_text);
        Ok((first.found.into_values().take(limit).collect(), next))
    }

    /// Takes the first events of InfluxDB. Looked through in stretches that grow, since the server puts
    /// a stretch in order as a whole.
    fn records(
        &self,
        query: &EventQuery,
        times: Range<i64>,
        first: &mut First,
    ) -> Result<(), ReadError> {
        let which = Which::paged(self.bucket(), self.site, query);
        let mut at = times.start;
        let mut stretch = FIRST_STRETCH;
        while at < times.end && !first.is_full_before(at) {
            let end = at.saturating_add(stretch).min(times.end);
            let mut found = self.events(&which.records(at, end, Some(first.most)))?;
            stretch = stretch.saturating_mul(8);
            let was_cut = found.len() >= first.most;
            match found.iter().map(|event| event.time.micros()).max() {
                // Of the last moment there may be more, and they have an order of their own.
                Some(last) if was_cut => {
                    found.retain(|event| event.time.micros() < last);
                    found.extend(self.events(&which.records(last, last + 1, None))?);
                    at = last + 1;
                }
                Some(_) => at = end,
                None => {
                    let answer = self.ask(
                        [which.first(end, times.end)]
                            .into_iter()
                            .filter(|_| end < times.end),
                    )?;
                    at = times.end;
                    table::rows(&answer, |row| {
                        at = row.nanos("_time")?.div_euclid(1000);
                        Ok(())
                    })
                    .map_err(unavailable)?;
                }
            }
            found.retain(|event| !self.going.is_some_and(|going| going.has(event)));
            found.iter().for_each(|event| first.take(event));
        }
        Ok(())
    }

    /// The events of an answer.
    fn events(&self, asked: &str) -> Result<Vec<StoredEvent>, ReadError> {
        let answer = self.client.query(asked).map_err(unavailable)?;
        let mut found = Vec::new();
        table::rows(&answer, |row| {
            // What is none of Gatepost's in its bucket is no event.
            found.extend(event_of(self.site, row)?);
            Ok(())
        })
        .map_err(unavailable)?;
        Ok(found)
    }
}

fn event_of(site: &SiteId, row: table::Row<'_>) -> Result<Option<StoredEvent>, QueryError> {
    let read = || {
        let reading = match (row.get("sensor"), row.get("quantity")) {
            (Some(sensor), Some(quantity)) => Some(Reading {
                sensor: sensor.parse().ok()?,
                quantity: words::decode(quantity)?.into_owned(),
                value: 0.0,
                zone: row.get("zone").and_then(|zone| zone.parse().ok()),
            }),
            _ => None,
        };
        Some(Tags {
            site: site.clone(),
            unit: row.get("unit")?.parse().ok()?,
            log: row.get("log")?.parse().ok()?,
            reading,
        })
    };
    let nanos = row.nanos("_time")?;
    let record = row.need("_value")?;
    Ok(read().and_then(|tags| record::read(nanos, tags, record)))
}

/// The first events of a page, in their order, each once.
struct First {
    after: Option<Place>,
    most: usize,
    found: BTreeMap<Place, StoredEvent>,
}

impl First {
    fn take(&mut self, event: &StoredEvent) {
        let place = Place {
            time: event.time.micros(),
            unit: event.unit.to_string(),
            log: event.log.to_string(),
            seq: event.seq.cast_signed(),
        };
        let is_last = self.found.len() >= self.most
            && self
                .found
                .last_key_value()
                .is_some_and(|(last, _)| place > *last);
        if is_last || self.after.as_ref().is_some_and(|after| place <= *after) {
            return;
        }
        self.found.insert(place, event.clone());
        if self.found.len() > self.most {
            self.found.pop_last();
        }
    }

    /// Whether whatever comes at a time or later cannot be among them.
    fn is_full_before(&self, time: i64) -> bool {
        self.found.len() >= self.most
            && self
                .found
                .last_key_value()
                .is_some_and(|(last, _)| last.time < time)
    }
}

fn is_on_page(event: &StoredEvent, query: &EventQuery) -> bool {
    let columns = Columns::of(event);
    query
        .kind
        .as_deref()
        .is_none_or(|kind| event.kind() == kind)
        && query
            .lane
            .as_ref()
            .is_none_or(|lane| columns.lane == Some(lane.as_str()))
        && query.zone.is_none_or(|zone| columns.zone == Some(zone))
        && query.unit.as_ref().is_none_or(|unit| event.unit == *unit)
}

/// Two hours: a busy site has a page of events in it.
const FIRST_STRETCH: i64 = 2 * 3_600_000_000;
