//! What waits in the journal, to be read.

use std::{ops::Range, sync::Arc};

use gatepost_dashboard::ports::ReadError;
use gatepost_model::SiteId;
use rusqlite::{Connection, params};

use super::{
    packed::{self, Waiting},
    waiting::Shared,
};
use crate::store::{embedded, port::LatestReading};

/// The journal's file, open for reading.
#[derive(Debug)]
pub(super) struct OpenEnd {
    connection: Connection,
    shared: Arc<Shared>,
}

impl OpenEnd {
    pub(super) fn of(connection: Connection, shared: Arc<Shared>) -> Self {
        Self { connection, shared }
    }

    /// Looks at each event of a site that is not known to be in InfluxDB, of some time in microseconds,
    /// and tells whether it may be. One row after another, however many wait.
    pub(super) fn each(
        &self,
        site: &SiteId,
        times: Range<i64>,
        mut each: impl FnMut(&Waiting, bool),
    ) -> Result<(), ReadError> {
        let mut look = || -> rusqlite::Result<()> {
            let mut statement = self.connection.prepare_cached(
                "SELECT id <= (SELECT sending FROM influx_mark), data, id, first, last
                 FROM influx_row NOT INDEXED
                 WHERE id > (SELECT confirmed FROM influx_mark)
                   AND site = ?1 AND last >= ?2 AND first < ?3",
            )?;
            let mut rows = statement.query(params![site.as_str(), times.start, times.end])?;
            while let Some(row) = rows.next()? {
                let may_be_there = row.get(0)?;
                let data = row.get_ref(1)?.as_blob().unwrap_or_default();
                let Ok(waiting) = packed::read(site, data) else {
                    let span = (row.get(3)?, row.get(4)?);
                    self.shared.damaged.met(row.get(2)?, site, span);
                    continue;
                };
                for waiting in waiting {
                    if times.contains(&waiting.event.time.micros()) {
                        each(&waiting, may_be_there);
                    }
                }
            }
            Ok(())
        };
        look().map_err(unavailable)
    }

    /// The newest reading of each sensor and quantity.
    pub(super) fn latest(&self, site: &SiteId) -> Result<Vec<LatestReading>, ReadError> {
        let read = || -> rusqlite::Result<Vec<LatestReading>> {
            let mut statement = self.connection.prepare_cached(
                "SELECT unit, sensor, quantity, zone, value, time FROM influx_latest
                 WHERE site = ?1 ORDER BY unit, sensor, quantity",
            )?;
            let rows = statement.query_map([site.as_str()], |row| {
                let zone: Option<String> = row.get(3)?;
                Ok(LatestReading {
                    unit: embedded::id(row, 0)?,
                    sensor: embedded::id(row, 1)?,
                    quantity: row.get(2)?,
                    zone: zone.and_then(|zone| zone.parse().ok()),
                    value: row.get(4)?,
                    at: embedded::wall(row.get(5)?),
                })
            })?;
            rows.collect()
        };
        read().map_err(unavailable)
    }
}

fn unavailable(error: rusqlite::Error) -> ReadError {
    ReadError::Unavailable(error.to_string())
}
