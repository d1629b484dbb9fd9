//! Rows over time: counts or measurements, each bucket with the share of it that was watched.
//!
//! A number is `null` only where nobody watched and nothing was seen: never 0 for not looking.

use gatepost_dashboard::{
    ports::{ReadError, SeriesQuery},
    view::{Cell, Series},
};
use gatepost_model::{Direction, LaneId, LaneKind, LeadsTo, Site, Wall, Zone};

use crate::{
    calendar::SiteZone,
    core::{
        coverage::{Join, Sight, Subject},
        headcount::Anchor,
    },
    store::port::{CountFilter, EventStore, Question, Stats, StatsFilter},
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

/// Answers a query. Columns are `time` (the bucket's beginning), then `n` for counts and for the
/// headcount at the bucket's end, or `n`, `min`, `mean`, `max` for what is measured, then
/// `coverage`.
pub fn series(source: &Source<'_>, query: &SeriesQuery) -> Result<Series, ReadError> {
    let edges = source.zone.edges(query.from, query.to, query.step)?;
    match query.metric.as_str() {
        "passages" => source.passages(query, &edges),
        "headcount" => source.headcount(query, &edges),
        "skin_c" => {
            let lanes = source.lanes(query, |lane| lane == LaneKind::People);
            let which = (!lanes.is_empty()).then(|| StatsFilter::SkinC {
                lanes: lanes.clone(),
            });
            let subjects = source.installed(lanes.into_iter().map(Subject::Lane));
            source.measured(which.as_ref(), &subjects, Join::All, &edges)
        }
        "litres" => {
            let which = StatsFilter::Litres { zone: query.zone };
            let subjects = match query.zone {
                Some(zone) => vec![Subject::Zone(zone)],
                None => source.installed(Zone::ALL.into_iter().map(Subject::Zone)),
            };
            source.measured(Some(&which), &subjects, Join::All, &edges)
        }
        quantity => source.readings(quantity, query, &edges),
    }
}

impl Source<'_> {
    fn passages(&self, query: &SeriesQuery, edges: &[Wall]) -> Result<Series, ReadError> {
        let lanes = self.lanes(query, |_| true);
        let counts = self.count(&lanes, query.dir, edges)?;
        let subjects = match &query.lane {
            Some(lane) => vec![Subject::Lane(lane.clone())],
            None => self.installed(lanes.iter().cloned().map(Subject::Lane)),
        };
        let mut coverage = self.coverage(&subjects, Join::All, edges);
        if let Some(which) = passages_of(&lanes, query.dir) {
            self.lessen(&mut coverage, Question::Counts(&which), edges)?;
        }
        let rows = counts.into_iter().zip(coverage).map(|(n, coverage)| {
            let n = (n > 0 || coverage > 0.0).then_some(n);
            ([many(n)], coverage)
        });
        Ok(table(&["n"], edges, rows))
    }

    /// The headcount at the end of each bucket, of the part of it that has passed.
    fn headcount(&self, query: &SeriesQuery, edges: &[Wall]) -> Result<Series, ReadError> {
        let leads_to = query.zone.map_or(LeadsTo::Site, LeadsTo::Zone);
        let lanes: Vec<LaneId> = self
            .site
            .lanes
            .iter()
            .filter(|lane| lane.kind == LaneKind::People && lane.leads_to == leads_to)
            .map(|lane| lane.id.clone())
            .collect();
        let begins = self.anchor.map_or(self.now, |anchor| anchor.at);
        // The first bucket is all that came before the asked range.
        let since: Vec<Wall> = std::iter::once(begins)
            .chain(edges.iter().map(|edge| *edge.max(&begins)))
            .collect();
        let into = self.count(&lanes, Some(Direction::In), &since)?;
        let out = self.count(&lanes, Some(Direction::Out), &since)?;
        let subjects: Vec<Subject> = lanes.iter().cloned().map(Subject::Lane).collect();
        let mut coverage = self.coverage(&subjects, Join::All, edges);
        if let Some(which) = passages_of(&lanes, None) {
            self.lessen(&mut coverage, Question::Counts(&which), edges)?;
        }
        // From where on it is not known who moved, it is not known who is inside.
        let untold = match passages_of(&lanes, None) {
            Some(which) => self
                .store
                .untold(&self.site.id, Question::Counts(&which), &since)?,
            None => Vec::new(),
        };
        let since_begun = untold.iter().filter(|(_, to)| *to > begins);
        let lost_from = since_begun.map(|(from, _)| *from.max(&begins)).min();
        let mut inside = self.anchor.map_or(0, |anchor| anchor.count);
        let mut moved = into.into_iter().zip(out);
        let mut advance = |moved: Option<(u64, u64)>| {
            let (into, out) = moved.unwrap_or_default();
            let signed = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
            inside += signed(into) - signed(out);
            (inside.max(0), into + out > 0)
        };
        advance(moved.next());
        let rows: Vec<_> = edges
            .windows(2)
            .zip(coverage)
            .map(|(bucket, coverage)| {
                let (estimate, is_seen) = advance(moved.next());
                let has_begun = bucket[0] < self.now && bucket[1] > begins;
                let is_told = lost_from.is_none_or(|from| bucket[1] <= from);
                let is_known = has_begun && is_told && (is_seen || coverage > 0.0);
                ([Cell::from(is_known.then_some(estimate))], coverage)
            })
            .collect();
        Ok(table(&["n"], edges, rows))
    }

    fn readings(
        &self,
        quantity: &str,
        query: &SeriesQuery,
        edges: &[Wall],
    ) -> Result<Series, ReadError> {
        let which = StatsFilter::Readings {
            quantity: quantity.to_owned(),
            sensor: query.sensor.clone(),
            zone: query.zone,
        };
        // Which sensors measure a quantity is known from what they measured.
        let mut subjects: Vec<Subject> = match &query.sensor {
            Some(sensor) => vec![Subject::Sensor(sensor.clone())],
            None => self
                .store
                .latest(&self.site.id)?
                .into_iter()
                .filter(|latest| latest.quantity == quantity)
                .filter(|latest| query.zone.is_none() || latest.zone == query.zone)
                .map(|latest| Subject::Sensor(latest.sensor))
                .collect(),
        };
        subjects.dedup();
        self.measured(Some(&which), &subjects, Join::Any, edges)
    }

    /// `which` is none where there is nothing that could have measured.
    fn measured(
        &self,
        which: Option<&StatsFilter>,
        subjects: &[Subject],
        join: Join,
        edges: &[Wall],
    ) -> Result<Series, ReadError> {
        let stats = match which {
            Some(which) => self.store.stats(&self.site.id, which, edges)?,
            None => vec![None; edges.len().saturating_sub(1)],
        };
        let mut coverage = self.coverage(subjects, join, edges);
        if let Some(which) = which {
            self.lessen(&mut coverage, Question::Stats(which), edges)?;
        }
        let rows = stats.into_iter().zip(coverage).map(|(stats, coverage)| {
            let n = match stats {
                Some(stats) => Some(stats.n),
                None => (coverage > 0.0).then_some(0),
            };
            let number = |of: fn(Stats) -> f64| Cell::from(stats.map(of));
            let values = [
                many(n),
                number(|stats| stats.min),
                number(|stats| stats.mean),
                number(|stats| stats.max),
            ];
            (values, coverage)
        });
        Ok(table(&["n", "min", "mean", "max"], edges, rows))
    }

    /// The lanes that a query means: the named one, else those of the site that are of the kind and,
    /// where a zone is named, lead into it.
    fn lanes(&self, query: &SeriesQuery, is_kind: impl Fn(LaneKind) -> bool) -> Vec<LaneId> {
        if let Some(lane) = &query.lane {
            return vec![lane.clone()];
        }
        let leads_there = |to: LeadsTo| query.zone.is_none_or(|zone| to == LeadsTo::Zone(zone));
        self.site
            .lanes
            .iter()
            .filter(|lane| is_kind(lane.kind) && leads_there(lane.leads_to))
            .map(|lane| lane.id.clone())
            .collect()
    }

    fn count(
        &self,
        lanes: &[LaneId],
        dir: Option<Direction>,
        edges: &[Wall],
    ) -> Result<Vec<u64>, ReadError> {
        match passages_of(lanes, dir) {
            Some(which) => self.store.counts(&self.site.id, &which, edges),
            None => Ok(vec![0; edges.len().saturating_sub(1)]),
        }
    }

    /// Takes from the share of each bucket that was watched what the store cannot tell any more.
    fn lessen(
        &self,
        coverage: &mut [f64],
        which: Question<'_>,
        edges: &[Wall],
    ) -> Result<(), ReadError> {
        let untold = self.store.untold(&self.site.id, which, edges)?;
        for (bucket, share) in edges.windows(2).zip(coverage) {
            for (from, to) in &untold {
                let lost = to.min(&bucket[1]).micros_since(*from.max(&bucket[0]));
                if lost > 0 {
                    let whole = bucket[1].micros_since(bucket[0]);
                    *share = (*share - lost as f64 / whole as f64).max(0.0);
                }
            }
        }
        Ok(())
    }

    /// What some unit ever watched: a lane that is planned and not wired yet makes no sum unknown.
    fn installed(&self, subjects: impl Iterator<Item = Subject>) -> Vec<Subject> {
        subjects
            .filter(|subject| self.sight.is_installed(subject))
            .collect()
    }

    fn coverage(&self, subjects: &[Subject], join: Join, edges: &[Wall]) -> Vec<f64> {
        self.sight.coverage(subjects, join, edges, self.now)
    }
}

/// Passages of lanes; nothing of no lanes.
fn passages_of(lanes: &[LaneId], dir: Option<Direction>) -> Option<CountFilter> {
    (!lanes.is_empty()).then(|| CountFilter {
        kind: "passage".to_owned(),
        lanes: lanes.to_vec(),
        dir,
    })
}

fn many(n: Option<u64>) -> Cell {
    Cell::from(n.map(|n| i64::try_from(n).unwrap_or(i64::MAX)))
}

fn table<const N: usize>(
    names: &[&str; N],
    edges: &[Wall],
    rows: impl IntoIterator<Item = ([Cell; N], f64)>,
) -> Series {
    let columns = std::iter::once("time")
        .chain(names.iter().copied())
        .chain(std::iter::once("coverage"));
    let rows = edges.iter().zip(rows).map(|(start, (values, coverage))| {
        let mut row = Vec::with_capacity(N + 2);
        row.push(Cell::Time(*start));
        row.extend(values);
        row.push(Cell::Number(six_digits(coverage)));
        row
    });
    Series {
        columns: columns.map(str::to_owned).collect(),
        rows: rows.collect(),
    }
}

/// Rounded to six digits, but never to 0 or 1 what is neither.
fn six_digits(share: f64) -> f64 {
    if share <= 0.0 || share >= 1.0 {
        return share;
    }
    ((share * 1e6).round() / 1e6).clamp(0.000_001, 0.999_999)
}

#[cfg(test)]
mod tests;
