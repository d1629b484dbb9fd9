//! Site-local time: days, windows and bucket borders, over every jump of the clock.

use chrono::{NaiveDate, NaiveTime};
use chrono_tz::Tz;
use gatepost_dashboard::ports::{ReadError, Step};
use gatepost_model::Wall;

/// A site's time zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SiteZone(Tz);

/// A name that is no time zone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no IANA time zone like Asia/Shanghai")]
pub struct NoTimeZone(pub String);

impl SiteZone {
    /// By its IANA name.
    pub fn parse(name: &str) -> Result<Self, NoTimeZone> {
        name.parse()
            .map(Self)
            .map_err(|_| NoTimeZone(name.chars().take(40).collect()))
    }

    /// The site-local day of a moment.
    pub fn day_of(self, _at: Wall) -> NaiveDate {
        unimplemented!()
    }

    /// The site-local hour of a moment, 0 to 23.
    pub fn hour_of(self, _at: Wall) -> u32 {
        unimplemented!()
    }

    /// When a site-local day begins and ends.
    pub fn day_bounds(self, _date: NaiveDate) -> (Wall, Wall) {
        unimplemented!()
    }

    /// The moment of a site-local date and time.
    pub fn instant(self, _date: NaiveDate, _time: NaiveTime) -> Wall {
        unimplemented!()
    }

    /// The borders of the buckets that intersect `[from, to)`: one more than there are buckets.
    pub fn edges(self, _from: Wall, _to: Wall, _step: Step) -> Result<Vec<Wall>, ReadError> {
        unimplemented!()
    }
}
