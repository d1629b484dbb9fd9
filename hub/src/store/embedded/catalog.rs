//! Which series there are: in memory, as the tables `reading_series`, `event_log` and `event_word`
//! have them.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    sync::Arc,
};

use gatepost_model::{BootId, LogId, SensorId, SiteId, UnitId, Zone, event::Reading};
use rusqlite::{Connection, Row};
use rustc_hash::FxHashMap;

use super::{
    block::MOST_KIN,
    point::SeriesId,
    read::id,
    rows::{Checked, check_of},
};
use crate::store::event::StoredEvent;

/// What the readings of a series have in common.
#[derive(Debug, Clone)]
pub(super) struct Series {
    pub(super) site: SiteId,
    pub(super) unit: UnitId,
    pub(super) log: LogId,
    /// The log's number.
    pub(super) log_code: i64,
    pub(super) boot: BootId,
    pub(super) sensor: SensorId,
    pub(super) quantity: Arc<str>,
    pub(super) zone: Option<Zone>,
    /// The first of the series that it shares blocks with: of its run, and read with it.
    pub(super) family: SeriesId,
}

impl Series {
    /// What a reading of it says besides its number.
    pub(super) fn reading(&self) -> Reading {
        Reading {
            sensor: self.sensor.clone(),
            quantity: self.quantity.to_string(),
            value: 0.0,
            zone: self.zone,
        }
    }

    /// Whether it has readings of a quantity and, where they are named, of a sensor and a zone.
    pub(super) fn is_asked(
        &self,
        quantity: &str,
        sensor: Option<&SensorId>,
        zone: Option<Zone>,
    ) -> bool {
        *self.quantity == *quantity
            && sensor.is_none_or(|sensor| self.sensor == *sensor)
            && zone.is_none_or(|zone| self.zone == Some(zone))
    }
}

/// A log and a boot in it: what whole batches share.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Run {
    pub(super) site: SiteId,
    pub(super) unit: UnitId,
    pub(super) log: LogId,
    pub(super) boot: BootId,
}

impl Run {
    pub(super) fn of(event: &StoredEvent) -> Self {
        Self {
            site: event.site.clone(),
            unit: event.unit.clone(),
            log: event.log.clone(),
            boot: event.boot.clone(),
        }
    }

    /// The CRC-32 of a series of it. Older hubs gave it no family.
    pub(super) fn check(&self, id: SeriesId, family: Option<SeriesId>, reading: &Reading) -> u32 {
        let family = family.map_or(0, |family| i64::from(family) + 1);
        check_of(&Checked {
            names: [self.site.as_str(), self.unit.as_str(), self.log.as_str()],
            numbers: [id.into(), family, 0, 0, 0, 0],
            words: [
                Some("reading"),
                None,
                None,
                reading.zone.map(Zone::as_str),
                Some(reading.sensor.as_str()),
                Some(&reading.quantity),
                Some(self.boot.as_str()),
            ],
            value: None,
            line: "",
        })
    }

    /// Whether two events are of one.
    pub(super) fn is_same(one: &StoredEvent, other: &StoredEvent) -> bool {
        // What a message brought bears one copy of its names.
        let same = |one: &str, other: &str| std::ptr::eq(one, other) || one == other;
        // Units are what differs.
        same(one.unit.as_str(), other.unit.as_str())
            && same(one.log.as_str(), other.log.as_str())
            && same(one.boot.as_str(), other.boot.as_str())
            && same(one.site.as_str(), other.site.as_str())
    }
}

/// What a run is found by: its names in one text, with what no name has between them.
fn key_of(names: [&str; 4], key: &mut String) {
    key.clear();
    for name in names {
        key.push_str(name);
        key.push('/');
    }
}

/// The series of a run.
#[derive(Debug)]
pub(super) struct OfRun {
    /// The number of its log.
    pub(super) log: i64,
    /// In the order of their numbers.
    members: Vec<Member>,
    by_sensor: FxHashMap<SensorId, Vec<usize>>,
    /// The family that its next series joins, and how many it has.
    pub(super) family: Option<(SeriesId, usize)>,
}

/// A series of a run.
#[derive(Debug)]
struct Member {
    sensor: SensorId,
    quantity: Arc<str>,
    zone: Option<Zone>,
    id: SeriesId,
}

impl Member {
    fn has(&self, reading: &Reading) -> bool {
        self.sensor == reading.sensor
            && *self.quantity == *reading.quantity
            && self.zone == reading.zone
    }
}

impl OfRun {
    /// The series of a reading. Sensors are read in turn: nearly always it is the one after the one
    /// that was found last, whose place is in `last`.
    pub(super) fn find(&self, reading: &Reading, last: &mut Option<usize>) -> Option<SeriesId> {
        let is_it = |place: &usize| self.members[*place].has(reading);
        let next = last.map_or(0, |last| last + 1);
        let next = if next < self.members.len() { next } else { 0 };
        let place = if is_it(&next) {
            next
        } else {
            let of_sensor = self.by_sensor.get(&reading.sensor)?;
            of_sensor.iter().copied().find(is_it)?
        };
        *last = Some(place);
        Some(self.members[place].id)
    }
}

/// The family of a run's next series `id`, and how many that has then.
pub(super) fn join(family: Option<(SeriesId, usize)>, id: SeriesId) -> (SeriesId, usize) {
    match family {
        Some((family, kin)) if kin < MOST_KIN => (family, kin + 1),
        _ => (id, 1),
    }
}

/// What measures on a site: unit, sensor, quantity.
pub(super) type Gauge = (UnitId, SensorId, String);

/// All series by their numbers, and the ways to find them.
#[derive(Debug, Default)]
pub(super) struct Catalog {
    /// None where the names are damaged.
    series: Vec<Option<Series>>,
    /// The gauges and families of all series, beside each other for who writes.
    destinations: Vec<Option<Destination>>,
    /// Names of sensors and quantities, once each.
    sensors: HashSet<SensorId>,
    quantities: HashSet<Arc<str>>,
    /// Those of which the names are damaged: what bears their numbers cannot be told.
    pub(super) lost: BTreeSet<SeriesId>,
    by_run: FxHashMap<Box<str>, OfRun>,
    by_site: HashMap<SiteId, Vec<SeriesId>>,
    gauges: HashMap<SiteId, BTreeMap<Gauge, usize>>,
    gauge_count: usize,
}

/// Where readings of a series go.
#[derive(Debug, Clone, Copy)]
pub(super) struct Destination {
    /// Which newest reading it may have: of its sensor and quantity over all boots and logs.
    pub(super) gauge: usize,
    /// The family that it shares blocks with.
    pub(super) family: SeriesId,
}

impl Catalog {
    pub(super) fn len(&self) -> usize {
        self.series.len()
    }

    /// How many gauges there are.
    pub(super) fn gauge_count(&self) -> usize {
        self.gauge_count
    }

    /// The gauges of a site, in order.
    pub(super) fn gauges(&self, site: &SiteId) -> impl Iterator<Item = (&Gauge, usize)> {
        let gauges = self.gauges.get(site).into_iter().flatten();
        gauges.map(|(gauge, at)| (gauge, *at))
    }

    pub(super) fn get(&self, id: SeriesId) -> Option<&Series> {
        self.series.get(id as usize)?.as_ref()
    }

    /// The series of the run of an event, to be asked for many readings of it. `key` is overwritten.
    pub(super) fn run(&self, of: &StoredEvent, key: &mut String) -> Option<&OfRun> {
        let names = [
            of.site.as_str(),
            of.unit.as_str(),
            of.log.as_str(),
            of.boot.as_str(),
        ];
        key_of(names, key);
        self.by_run.get(key.as_str())
    }

    /// The family of a series. What is known of none is without kin.
    pub(super) fn family(&self, id: SeriesId) -> SeriesId {
        self.destination(id).map_or(id, |it| it.family)
    }

    /// Where readings of a series go, if its names are not lost.
    pub(super) fn destination(&self, id: SeriesId) -> Option<Destination> {
        *self.destinations.get(id as usize)?
    }

    /// The series of a site.
    pub(super) fn of_site(&self, site: &SiteId) -> impl Iterator<Item = (SeriesId, &Series)> {
        let ids = self.by_site.get(site).map_or(&[][..], Vec::as_slice);
        ids.iter().filter_map(|id| Some((*id, self.get(*id)?)))
    }

    /// The number of a gauge, a new one if it has none.
    pub(super) fn gauge(&mut self, site: &SiteId, gauge: Gauge) -> usize {
        let next = self.gauge_count;
        let gauges = self.gauges.entry(site.clone()).or_default();
        let at = *gauges.entry(gauge).or_insert(next);
        self.gauge_count = next.max(at + 1);
        at
    }

    /// Takes in the next series. Older hubs gave it no family.
    pub(super) fn push(
        &mut self,
        run: Run,
        log_code: i64,
        family: Option<SeriesId>,
        reading: &Reading,
    ) {
        let id = self.series.len() as SeriesId;
        let (sensor, quantity) = (
            self.sensor(&reading.sensor),
            self.quantity(&reading.quantity),
        );
        let mut key = String::new();
        key_of(
            [
                run.site.as_str(),
                run.unit.as_str(),
                run.log.as_str(),
                run.boot.as_str(),
            ],
            &mut key,
        );
        let family_or_own = family.unwrap_or(id);
        let gauge = (
            run.unit.clone(),
            reading.sensor.clone(),
            reading.quantity.clone(),
        );
        let gauge = self.gauge(&run.site, gauge);
        self.series.push(Some(Series {
            site: run.site.clone(),
            unit: run.unit.clone(),
            log: run.log.clone(),
            log_code,
            boot: run.boot.clone(),
            sensor: sensor.clone(),
            quantity: Arc::clone(&quantity),
            zone: reading.zone,
            family: family_or_own,
        }));
        self.destinations.push(Some(Destination {
            gauge,
            family: family_or_own,
        }));
        self.by_site.entry(run.site.clone()).or_default().push(id);
        let of_run = self.by_run.entry(key.into()).or_insert_with(|| OfRun {
            log: log_code,
            members: Vec::new(),
            by_sensor: FxHashMap::default(),
            family: None,
        });
        let of_sensor = of_run.by_sensor.entry(sensor.clone());
        of_sensor.or_default().push(of_run.members.len());
        of_run.members.push(Member {
            sensor,
            quantity,
            zone: reading.zone,
            id,
        });
        if let Some(family) = family {
            let before = of_run.family.filter(|(before, _)| *before == family);
            let kin = before.map_or(0, |(_, kin)| kin);
            of_run.family = Some((family, kin + 1));
        }
    }

    /// Reads all series.
    ///
    /// One whose checksum is wrong keeps its number without its names: what bears it cannot be told
    /// from now on.
    pub(super) fn load(connection: &Connection) -> rusqlite::Result<Self> {
        let mut catalog = Self::default();
        // Who only looks may look at what an older hub has left.
        let has_families = connection.column_exists(None, "reading_series", "family")?;
        let family = if has_families {
            "series.family"
        } else {
            "NULL"
        };
        let mut statement = connection.prepare(&format!(
            "SELECT log.site, log.unit, log.log, boot.word, sensor.word, quantity.word,
                    series.zone, series.log, series.id, series.check32, {family}
             FROM reading_series AS series
             LEFT JOIN event_log AS log ON log.id = series.log
             LEFT JOIN event_word AS boot ON boot.id = series.boot
             LEFT JOIN event_word AS sensor ON sensor.id = series.sensor
             LEFT JOIN event_word AS quantity ON quantity.id = series.quantity
             ORDER BY series.id",
        ))?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let id: SeriesId = row.get(8)?;
            while catalog.len() < id as usize {
                catalog.push_lost();
            }
            match read(row) {
                Ok((run, log, reading)) if is_sound(row, &run, id, &reading)? => {
                    catalog.push(run, log, row.get(10)?, &reading);
                }
                _ => catalog.push_lost(),
            }
        }
        Ok(catalog)
    }

    /// Takes in a series of which the names are lost.
    fn push_lost(&mut self) {
        self.lost.insert(self.series.len() as SeriesId);
        self.series.push(None);
        self.destinations.push(None);
    }

    fn sensor(&mut self, name: &SensorId) -> SensorId {
        let known = self.sensors.get(name).cloned();
        known.unwrap_or_else(|| {
            self.sensors.insert(name.clone());
            name.clone()
        })
    }

    fn quantity(&mut self, name: &str) -> Arc<str> {
        let known = self.quantities.get(name).map(Arc::clone);
        known.unwrap_or_else(|| {
            let name: Arc<str> = name.into();
            self.quantities.insert(Arc::clone(&name));
            name
        })
    }
}

fn read(row: &Row<'_>) -> rusqlite::Result<(Run, i64, Reading)> {
    let run = Run {
        site: id(row, 0)?,
        unit: id(row, 1)?,
        log: id(row, 2)?,
        boot: id(row, 3)?,
    };
    let zone: Option<String> = row.get(6)?;
    let reading = Reading {
        sensor: id(row, 4)?,
        quantity: row.get(5)?,
        value: 0.0,
        zone: zone.and_then(|zone| zone.parse().ok()),
    };
    Ok((run, row.get(7)?, reading))
}

/// Older hubs wrote no checksum.
fn is_sound(row: &Row<'_>, run: &Run, id: SeriesId, reading: &Reading) -> rusqlite::Result<bool> {
    let check: Option<u32> = row.get(9)?;
    let family = row.get(10)?;
    Ok(check.is_none_or(|check| check == run.check(id, family, reading)))
}
