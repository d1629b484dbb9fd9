//! When time alone may change something of a site, so that a look at the clock costs what is due
//! and not what exists.
//!
//! A site's time is never later than it should be, and may be earlier: whoever looks finds nothing
//! to do then, and says when to look again. So a unit that is heard moves nothing here; its silence
//! is found out when it would have been due.

use std::collections::{BTreeMap, BTreeSet};

use gatepost_model::{SiteId, Wall};

/// Sites by when they must be looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Due {
    by_time: BTreeSet<(Option<Wall>, SiteId)>,
    by_site: BTreeMap<SiteId, Option<Wall>>,
}

impl Due {
    /// Sites that must be looked at by now, those that waited longest first.
    pub fn until(&self, now: Wall) -> impl Iterator<Item = &SiteId> {
        let due = self
            .by_time
            .iter()
            .take_while(move |(at, _)| *at <= Some(now));
        due.map(|(_, site)| site)
    }

    /// Whether any site must be looked at by now.
    pub fn is_due(&self, now: Wall) -> bool {
        self.until(now).next().is_some()
    }

    /// The site was looked at, and must be again then.
    pub(super) fn set(&mut self, site: &SiteId, at: Wall) {
        self.put(site, Some(at));
    }

    /// Something of the site changed that time may change further, then at the earliest.
    pub(super) fn by(&mut self, site: &SiteId, at: Wall) {
        if self.by_site.get(site).is_none_or(|known| *known > Some(at)) {
            self.put(site, Some(at));
        }
    }

    /// Something of the site changed: it must be looked at as soon as possible.
    pub(super) fn at_once(&mut self, site: &SiteId) {
        self.put(site, None);
    }

    /// `None` is before every time.
    fn put(&mut self, site: &SiteId, at: Option<Wall>) {
        let before = self.by_site.insert(site.clone(), at);
        if before == Some(at) {
            return;
        }
        if let Some(before) = before {
            self.by_time.remove(&(before, site.clone()));
        }
        self.by_time.insert((at, site.clone()));
    }
}
