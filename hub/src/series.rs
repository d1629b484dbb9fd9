//! Rows over time: counts or measurements, each bucket with the share of it that was watched.

use gatepost_dashboard::{
    ports::{ReadError, SeriesQuery},
    view::Series,
};
use gatepost_model::{Site, Wall};

use crate::{
    calendar::SiteZone,
    core::{coverage::Sight, headcount::Anchor},
    store::port::EventStore,
};

/// What a series is made from.
#[derive(Clone, Copy)]
pub struct Source<'a> {
    /// The site.
    pub site: &'a Site,
    /// Its time zone.
    pub zone: SiteZone,
    /// The record.
    pub store: &'a dyn EventStore,
    /// What its units could see.
    pub sight: &'a Sight,
    /// Where the site's headcount begins; none before its first event.
    pub anchor: Option<Anchor>,
    /// The hub's time.
    pub now: Wall,
}

/// Answers a query.
pub fn series(_source: &Source<'_>, _query: &SeriesQuery) -> Result<Series, ReadError> {
    unimplemented!()
}
