//! The port to the record's history.

use gatepost_dashboard::{
    ports::{EventQuery, ReadError},
    view::EventPage,
};
use gatepost_model::{Direction, LaneId, SensorId, SiteId, UnitId, Wall, Zone};

/// Reads of the record. Test events are on pages of events and nowhere else.
///
/// `edges` of the counting reads are ascending and one more than the buckets; buckets are half-open.
pub trait EventStore: Send + Sync {
    /// A page of events, by time, unit, log and sequence. The cursor is a place in that order: what
    /// arrives late before it is not on later pages, and nothing is on two.
    fn events(&self, site: &SiteId, query: &EventQuery) -> Result<EventPage, ReadError>;

    /// How many events each bucket has.
    fn counts(
        &self,
        site: &SiteId,
        which: &CountFilter,
        edges: &[Wall],
    ) -> Result<Vec<u64>, ReadError>;

    /// What was measured in each bucket.
    fn stats(
        &self,
        site: &SiteId,
        which: &StatsFilter,
        edges: &[Wall],
    ) -> Result<Vec<Option<Stats>>, ReadError>;

    /// The newest reading of each sensor and quantity, by the time of measuring.
    fn latest(&self, site: &SiteId) -> Result<Vec<LatestReading>, ReadError>;

    /// Where the answer to a counting question is not the whole: there the store had something that
    /// it cannot tell any more, because it is damaged, or kept only as a part of an hour or a day
    /// that the question cuts. A store that says nothing of the kind tells all it had.
    fn untold(
        &self,
        _site: &SiteId,
        _which: Question<'_>,
        _edges: &[Wall],
    ) -> Result<Vec<(Wall, Wall)>, ReadError> {
        Ok(Vec::new())
    }
}

/// A counting question.
#[derive(Debug, Clone, Copy)]
pub enum Question<'a> {
    /// [`EventStore::counts`]
    Counts(&'a CountFilter),
    /// [`EventStore::stats`]
    Stats(&'a StatsFilter),
}

/// The most events of one page.
pub const MAX_PAGE: usize = 10_000;

/// Which events are counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CountFilter {
    /// The kind: `passage`, `unclear`, `entry` ...
    pub kind: String,
    /// Only of these lanes; of all where none is named.
    pub lanes: Vec<LaneId>,
    /// Only this way.
    pub dir: Option<Direction>,
}

/// Which numbers are summed up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StatsFilter {
    /// Readings of a quantity.
    Readings {
        /// The quantity.
        quantity: String,
        /// Only of sensors with this name.
        sensor: Option<SensorId>,
        /// Only of this zone.
        zone: Option<Zone>,
    },
    /// Skin temperatures of screenings, degC.
    SkinC {
        /// Only of these lanes; of all where none is named.
        lanes: Vec<LaneId>,
    },
    /// Litres of rounds that ended.
    Litres {
        /// Only of this zone.
        zone: Option<Zone>,
    },
}

/// Numbers summed up.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stats {
    /// How many; at least 1.
    pub n: u64,
    /// The smallest.
    pub min: f64,
    /// Their mean.
    pub mean: f64,
    /// The largest.
    pub max: f64,
}

/// The newest reading of a sensor.
#[derive(Debug, Clone, PartialEq)]
pub struct LatestReading {
    /// The unit.
    pub unit: UnitId,
    /// The sensor.
    pub sensor: SensorId,
    /// What it measures.
    pub quantity: String,
    /// Where.
    pub zone: Option<Zone>,
    /// The number.
    pub value: f64,
    /// When it was measured.
    pub at: Wall,
}
