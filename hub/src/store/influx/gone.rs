//! What InfluxDB has no longer, or not for long: hours and days in a file beside the journal, and the mark
//! of what is being taken out.
//!
//! | table | holds |
//! |---|---|
//! | `aggregate`, `aggregate_series`, `event_word` | hours and days, as the embedded store keeps them |
//! | `going` | points that are added up and may still be in InfluxDB: nobody counts them there |
//! | `told` | since when, and up to when, a site's class of data was added up before it went |
//!
//! Hours and the mark are written in one transaction. Whatever happens then, the points are taken out
//! again and again until none is found, and only then the mark goes.

use std::{ops::Range, path::Path};

use gatepost_model::{SiteId, Wall};
use rusqlite::{Connection, OptionalExtension, params};

use super::{
    line::{OTHER, has_kinds, measurement},
    words::encode,
};
use crate::store::{
    embedded::{self, Class, Sums},
    event::StoredEvent,
};

/// The file's name, beside the journal.
const FILE: &str = "sums.sqlite";

const TABLES: &str = "
    CREATE TABLE IF NOT EXISTS going (
        one INTEGER PRIMARY KEY CHECK (one = 1),
        site TEXT NOT NULL,
        kind TEXT NOT NULL,
        other INTEGER NOT NULL,
        first INTEGER NOT NULL,
        end INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE IF NOT EXISTS told (
        site TEXT NOT NULL,
        class TEXT NOT NULL,
        since INTEGER NOT NULL,
        through INTEGER NOT NULL,
        PRIMARY KEY (site, class)
    ) STRICT, WITHOUT ROWID;
";

/// Opens the file of a journal for writing, making it if it is not there.
pub(super) fn open(journal: &Path) -> rusqlite::Result<Sums> {
    Sums::open(&journal.with_file_name(FILE), TABLES)
}

/// Opens the file of a journal for reading; nothing if nothing was ever added up.
pub(super) fn read(journal: &Path) -> rusqlite::Result<Option<Sums>> {
    let file = journal.with_file_name(FILE);
    // It is made as a whole before anything is in it.
    file.exists().then(|| Sums::read(&file)).transpose()
}

/// Points that are taken out together: of a kind, in its own measurement or in the one of all the rest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) kind: String,
    pub(super) in_other: bool,
}

impl Part {
    /// The points of a kind that are no tests.
    pub(super) fn of_kind(kind: &str) -> Self {
        Self {
            kind: kind.to_owned(),
            in_other: measurement(kind) == OTHER,
        }
    }

    fn of(event: &StoredEvent) -> Self {
        Self {
            in_other: event.is_test() || measurement(event.kind()) == OTHER,
            kind: event.kind().to_owned(),
        }
    }

    pub(super) fn measurement(&self) -> &'static str {
        if self.in_other {
            OTHER
        } else {
            measurement(&self.kind)
        }
    }
}

/// Points that are added up and may still be there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Going {
    pub(super) site: SiteId,
    pub(super) part: Part,
    /// Microseconds since 1970.
    pub(super) times: Range<i64>,
}

impl Going {
    /// Whether an event would be one of them if it came now.
    pub(super) fn has(&self, event: &StoredEvent) -> bool {
        self.times.contains(&event.time.micros())
            && self.site == event.site
            && self.part == Part::of(event)
    }

    /// When it has events of a site and kind that would be counted.
    pub(super) fn times_of(&self, site: &SiteId, kind: &str) -> Option<Range<i64>> {
        let is_asked = self.site == *site && self.part == Part::of_kind(kind);
        is_asked.then(|| self.times.clone())
    }

    /// As a request to take points out says it.
    pub(super) fn predicate(&self) -> String {
        let measurement = self.part.measurement();
        let site = encode(self.site.as_str());
        let mut predicate = format!("_measurement=\"{measurement}\" AND site=\"{site}\"");
        if has_kinds(measurement) {
            let kind = encode(&self.part.kind);
            predicate.push_str(&format!(" AND kind=\"{kind}\""));
        }
        predicate
    }

    pub(super) fn load(connection: &Connection) -> rusqlite::Result<Option<Self>> {
        connection
            .prepare_cached("SELECT site, kind, other, first, end FROM going")?
            .query_row([], |row| {
                Ok(Self {
                    site: embedded::id(row, 0)?,
                    part: Part {
                        kind: row.get(1)?,
                        in_other: row.get(2)?,
                    },
                    times: row.get(3)?..row.get(4)?,
                })
            })
            .optional()
    }

    pub(super) fn mark(&self, connection: &Connection) -> rusqlite::Result<()> {
        connection
            .prepare_cached(
                "INSERT INTO going (one, site, kind, other, first, end) VALUES (1, ?1, ?2, ?3, ?4, ?5)",
            )?
            .execute(params![
                self.site.as_str(),
                self.part.kind,
                self.part.in_other,
                self.times.start,
                self.times.end
            ])?;
        Ok(())
    }

    pub(super) fn unmark(connection: &Connection) -> rusqlite::Result<()> {
        connection.execute("DELETE FROM going", [])?;
        Ok(())
    }
}

/// All that a site has of a class up to a time is added up; what the bucket let go before `oldest` may
/// have been let go unseen.
pub(super) fn tell(
    connection: &Connection,
    (site, class): (&SiteId, Class),
    through: i64,
    oldest: Option<Wall>,
) -> rusqlite::Result<()> {
    let oldest = oldest.map_or(i64::MIN, Wall::micros);
    connection
        .prepare_cached(
            "INSERT INTO told (site, class, since, through) VALUES (?1, ?2, ?4, ?3)
             ON CONFLICT DO UPDATE SET through = max(through, excluded.through),
                 since = CASE WHEN through < excluded.since THEN excluded.since ELSE since END",
        )?
        .execute(params![site.as_str(), name_of(class), through, oldest])?;
    Ok(())
}

/// From when on a site's data of a class is known, in a bucket that has nothing before `oldest`.
pub(super) fn known_since(
    connection: &Connection,
    (site, class): (&SiteId, Class),
    oldest: Wall,
) -> rusqlite::Result<Wall> {
    let since: Option<i64> = connection
        .prepare_cached("SELECT since FROM told WHERE site = ?1 AND class = ?2 AND through >= ?3")?
        .query_row(
            params![site.as_str(), name_of(class), oldest.micros()],
            |row| row.get(0),
        )
        .optional()?;
    Ok(since.map_or(oldest, embedded::wall))
}

fn name_of(class: Class) -> &'static str {
    match class {
        Class::Telemetry => "telemetry",
        Class::Screenings => "screenings",
        Class::Record => "record",
    }
}
