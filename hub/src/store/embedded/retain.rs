//! Retention: what is older than a site keeps it becomes a part of its site-local hour, an hour a part
//! of its day, and then it goes. A slice at a time, each in a transaction, between two turns.
//!
//! A hub whose clock is wrong must not throw away a record: time has passed only as far as some unit's
//! own trusted clock says so too, and not what the hub told a unit. Where no unit ever knows the time by
//! itself nothing is old.

use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::Days;
use gatepost_dashboard::ports::Step;
use gatepost_model::{
    SiteId, Wall,
    retention::{Keep, Retention, Span},
};
use rusqlite::{Connection, TransactionBehavior, params};

use super::{
    aggregate::{Key, Width},
    block,
    point::{HOUR, SeriesId, wall},
    read,
    roll::{Aggregated, Rolling, add, delete},
    writer::Writer,
};
use crate::calendar::SiteZone;

/// A site with what it keeps.
#[derive(Debug, Clone)]
pub struct Kept {
    /// The site.
    pub site: SiteId,
    /// Its calendar.
    pub zone: SiteZone,
    /// How long.
    pub retention: Retention,
}

/// What a call has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retained {
    /// Nothing is too old, for now.
    Nothing,
    /// A slice. There may be more.
    Slice,
}

/// What goes on between two calls.
#[derive(Debug, Default)]
pub(super) struct Retaining {
    /// The newest time that a unit's own clock gave.
    sure: Option<i64>,
    /// The site whose turn it is.
    at: usize,
    /// No site has sealed readings before this hour.
    cleared: HashMap<SiteId, i64>,
    /// Room is to be given back.
    has_freed: bool,
}

impl Retaining {
    /// A unit that trusts its clock gave a time.
    pub(super) fn is_sure_of(&mut self, time: i64) {
        self.sure = self.sure.max(Some(time));
    }

    /// An hour was sealed.
    pub(super) fn sealed(&mut self, hour: i64) {
        for cleared in self.cleared.values_mut() {
            *cleared = hour.min(*cleared);
        }
    }
}

/// So far the hub's clock may be ahead of what units say, microseconds.
pub(in crate::store) const AHEAD: i64 = 24 * HOUR;
/// Rows, blocks or aggregates of one slice: what a commit holds up is bounded by it.
pub(super) const SLICE: usize = 4_000;
/// Free pages that stay in the file for what comes: giving them back would be writing for nothing.
const SLACK: i64 = 256;
/// Pages that are given back at once.
const GIVEN: i64 = 512;

impl Writer {
    /// Does one slice of what sites do not keep any longer at `now`.
    pub fn retain(
        &mut self,
        connection: &mut Connection,
        now: Wall,
        sites: &[Kept],
    ) -> rusqlite::Result<Retained> {
        self.set_aside(connection)?;
        let Some(sure) = self.retaining.sure else {
            return Ok(Retained::Nothing);
        };
        let now = now.min(wall(sure.saturating_add(AHEAD)));
        let Some(kept) = sites.get(self.retaining.at) else {
            self.retaining.at = 0;
            return self.give_back(connection);
        };
        if self.site(connection, now, kept)? {
            self.retaining.has_freed = true;
        } else {
            self.retaining.at += 1;
        }
        Ok(Retained::Slice)
    }

    /// One slice of a site. Answers whether there was one.
    fn site(
        &mut self,
        connection: &mut Connection,
        now: Wall,
        kept: &Kept,
    ) -> rusqlite::Result<bool> {
        for class in Class::ALL {
            let keep = class.of(&kept.retention);
            if let Some(before) = before(now, kept, keep.raw)
                && (class == Class::Telemetry && self.blocks(connection, kept, before)?
                    || rows(connection, kept, class, before)?)
            {
                return Ok(true);
            }
            if let Some(before) = before(now, kept, keep.hourly)
                && hours(connection, kept, class, before)?
            {
                return Ok(true);
            }
            if let Some(before) = before(now, kept, keep.daily)
                && days(connection, kept, class, before)?
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Readings in blocks.
    fn blocks(
        &mut self,
        connection: &mut Connection,
        kept: &Kept,
        before: i64,
    ) -> rusqlite::Result<bool> {
        let shared = std::sync::Arc::clone(&self.shared);
        let memory = shared.read();
        let of_site: HashSet<SeriesId> = memory
            .catalog
            .of_site(&kept.site)
            .map(|(_, series)| series.family)
            .collect();
        let cleared = self.retaining.cleared.entry(kept.site.clone());
        let cleared = cleared.or_insert(i64::MIN);
        let due: Vec<i64> = memory
            .sealed
            .range(*cleared..before.div_euclid(HOUR))
            .copied()
            .collect();
        let mut looked_at = 0;
        for hour in due {
            let (keys, of_others) = blocks_of(connection, hour, &of_site)?;
            if keys.is_empty() {
                *cleared = hour + 1;
                looked_at += of_others;
                // What others keep longer is passed over, in slices as well.
                if looked_at > SLICE {
                    return Ok(true);
                }
                continue;
            }
            let transaction =
                connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let mut rolling = Rolling::new(&transaction, kept)?;
            for key in keys {
                rolling.block(&memory, &shared.damaged, key)?;
            }
            rolling.finish()?;
            let is_empty = !transaction
                .prepare_cached("SELECT 1 FROM reading_block WHERE key >= ?1 AND key < ?2")?
                .exists(params![block::key(hour, 0), block::key(hour + 1, 0)])?;
            drop(memory);
            let mut memory = shared.write();
            transaction.commit()?;
            if is_empty {
                memory.sealed.remove(&hour);
            }
            return Ok(true);
        }
        Ok(false)
    }

    /// Gives room back to the file system that nothing is likely to need.
    fn give_back(&mut self, connection: &mut Connection) -> rusqlite::Result<Retained> {
        if !self.retaining.has_freed {
            return Ok(Retained::Nothing);
        }
        let free: i64 = connection.pragma_query_value(None, "freelist_count", |row| row.get(0))?;
        if free > SLACK {
            let pages = GIVEN.min(free - SLACK);
            connection.pragma(None, "incremental_vacuum", pages, |_| Ok(()))?;
            return Ok(Retained::Slice);
        }
        self.retaining.has_freed = false;
        connection.pragma(None, "wal_checkpoint", "TRUNCATE", |_| Ok(()))?;
        Ok(Retained::Nothing)
    }
}

/// What is older than this was over before so long a time, counted in the site's days; nothing is too old
/// for ever.
pub(in crate::store) fn before(now: Wall, kept: &Kept, span: Span) -> Option<i64> {
    match span {
        Span::Forever => None,
        Span::Days(days) => {
            let today = kept.zone.day_of(now);
            let day = today.checked_sub_days(Days::new(days.into()))?;
            Some(kept.zone.day_bounds(day).0.micros())
        }
    }
}

/// A class of data of which a site says how long it is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in crate::store) enum Class {
    Telemetry,
    Screenings,
    Record,
}

impl Class {
    pub(in crate::store) const ALL: [Self; 3] = [Self::Telemetry, Self::Screenings, Self::Record];

    pub(in crate::store) fn of_kind(kind: &str) -> Self {
        match kind {
            "reading" | "heartbeat" => Self::Telemetry,
            "screening" => Self::Screenings,
            _ => Self::Record,
        }
    }

    pub(in crate::store) fn of(self, retention: &Retention) -> Keep {
        match self {
            Self::Telemetry => retention.telemetry,
            Self::Screenings => retention.screenings,
            Self::Record => retention.record,
        }
    }
}

/// The blocks of some families in an hour, up to a slice of them, and how many others are beside them.
fn blocks_of(
    connection: &Connection,
    hour: i64,
    families: &HashSet<SeriesId>,
) -> rusqlite::Result<(Vec<i64>, usize)> {
    let mut statement = connection.prepare_cached(
        "SELECT key FROM reading_block WHERE key >= ?1 AND key < ?2 ORDER BY key",
    )?;
    let mut rows = statement.query(params![block::key(hour, 0), block::key(hour + 1, 0)])?;
    let (mut keys, mut others) = (Vec::new(), 0);
    while let Some(row) = rows.next()? {
        let key = row.get(0)?;
        if !families.contains(&block::parts(key).1) {
            others += 1;
            continue;
        }
        keys.push(key);
        if keys.len() == SLICE {
            break;
        }
    }
    Ok((keys, others))
}

/// The kinds of a class that a site has rows of.
fn kinds(connection: &Connection, site: i64, class: Class) -> rusqlite::Result<Vec<i64>> {
    let mut word = connection.prepare_cached("SELECT word FROM event_word WHERE id = ?1")?;
    let mut found = Vec::new();
    for kind in read::kinds(connection, site)? {
        let word: String = word.query_row([kind], |row| row.get(0))?;
        if Class::of_kind(&word) == class {
            found.push(kind);
        }
    }
    Ok(found)
}

/// Events that are rows.
fn rows(
    connection: &mut Connection,
    kept: &Kept,
    class: Class,
    before: i64,
) -> rusqlite::Result<bool> {
    let Some(site) = read::code(connection, kept.site.as_str())? else {
        return Ok(false);
    };
    for kind in kinds(connection, site, class)? {
        let is_due = connection
            .prepare_cached(
                "SELECT 1 FROM event INDEXED BY event_by_kind
                 WHERE site = ?1 AND kind = ?2 AND time < ?3",
            )?
            .exists([site, kind, before])?;
        if !is_due {
            continue;
        }
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut rolling = Rolling::new(&transaction, kept)?;
        rolling.rows(kind, before)?;
        rolling.finish()?;
        transaction.commit()?;
        return Ok(true);
    }
    Ok(false)
}

/// Aggregates of a width that are too old, of the kinds of a class.
fn too_old(
    connection: &Connection,
    kept: &Kept,
    class: Class,
    width: Width,
    before: i64,
) -> rusqlite::Result<Vec<(Key, Aggregated)>> {
    let mut statement = connection.prepare_cached(
        "SELECT word.word, it.series, it.start, it.end, it.data, it.lost
         FROM event_word AS site
         CROSS JOIN aggregate_series AS series ON series.site = site.id
         CROSS JOIN event_word AS word ON word.id = series.kind
         CROSS JOIN aggregate AS it ON it.series = series.id AND it.width = ?2
         WHERE site.word = ?1 AND it.start < ?3 AND it.end <= ?3",
    )?;
    let width = width as i64;
    let mut rows = statement.query(params![kept.site.as_str(), width, before])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let kind: String = row.get(0)?;
        if Class::of_kind(&kind) != class {
            continue;
        }
        let key = Key {
            series: row.get(1)?,
            width,
            start: row.get(2)?,
        };
        found.push((key, Aggregated::read(row, key, 3)?));
        if found.len() == SLICE {
            break;
        }
    }
    Ok(found)
}

/// Hours into days.
pub(super) fn hours(
    connection: &mut Connection,
    kept: &Kept,
    class: Class,
    before: i64,
) -> rusqlite::Result<bool> {
    let old = too_old(connection, kept, class, Width::Hour, before)?;
    if old.is_empty() {
        return Ok(false);
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut days: BTreeMap<Key, Aggregated> = BTreeMap::new();
    for (key, hour) in old {
        let (start, end) = kept.zone.bucket(wall(key.start), Step::Day);
        let day = Key {
            width: Width::Day as i64,
            start: start.micros(),
            ..key
        };
        let hour = Aggregated {
            end: hour.end.max(end.micros()),
            ..hour
        };
        days.entry(day)
            .and_modify(|day| day.merge(&hour))
            .or_insert(hour);
        delete(&transaction, key)?;
    }
    for (key, day) in days {
        add(&transaction, key, day)?;
    }
    transaction.commit()?;
    Ok(true)
}

/// Days go for good.
pub(super) fn days(
    connection: &mut Connection,
    kept: &Kept,
    class: Class,
    before: i64,
) -> rusqlite::Result<bool> {
    let old = too_old(connection, kept, class, Width::Day, before)?;
    if old.is_empty() {
        return Ok(false);
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for (key, _) in &old {
        delete(&transaction, *key)?;
    }
    transaction.commit()?;
    Ok(true)
}
