//! What InfluxDB has leaves the journal.

use gatepost_model::Wall;
use rusqlite::params;
use tracing::warn;

use super::Forwarder;
use crate::engine::chain;

impl Forwarder {
    /// Confirmed rows leave the journal after a day.
    pub(super) fn tidy(&mut self) {
        let now = self.clock.now();
        if self
            .tidied
            .is_some_and(|tidied| now.micros_since(tidied) < TIDY_US)
        {
            return;
        }
        self.tidied = Some(now);
        if let Err(error) = self.let_go(now) {
            warn!(
                error = chain(&error),
                "what InfluxDB has cannot leave the journal yet"
            );
        }
    }

    /// Takes confirmed rows out, and gives their room back.
    fn let_go(&self, now: Wall) -> rusqlite::Result<()> {
        self.connection.execute(
            "DELETE FROM influx_row WHERE id IN (
                 SELECT id FROM influx_row
                 WHERE id <= (SELECT confirmed FROM influx_mark) ORDER BY id LIMIT ?2)
               AND received < ?1",
            params![now.plus_micros(-KEPT_US).micros(), TIDY_ROWS],
        )?;
        let free: i64 = self
            .connection
            .pragma_query_value(None, "freelist_count", |row| row.get(0))?;
        if free > SLACK {
            let pages = (free - SLACK).min(GIVEN);
            self.connection
                .pragma(None, "incremental_vacuum", pages, |_| Ok(()))?;
        }
        Ok(())
    }
}

const TIDY_US: i64 = 60_000_000;
const TIDY_ROWS: i64 = 10_000;
/// Free pages that stay in the file for what comes.
const SLACK: i64 = 2048;
/// Pages that are given back at once.
const GIVEN: i64 = 4096;
const KEPT_US: i64 = 24 * 3_600_000_000;
