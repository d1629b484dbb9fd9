//! How far the sum may be from the truth.

use gatepost_model::{LaneId, Wall};

use super::{
    Basis, Counts, Range,
    usual::{History, Passing, hour_edges},
};
use crate::core::coverage::Subject;

/// What makes the sum over some lanes doubtful since a moment.
pub(super) struct Doubt<'a> {
    basis: &'a Basis<'a>,
    /// Stretches in which a lane was not watched, each with what usually passes then; none where
    /// that is not known.
    unseen: Vec<(Range, Option<Passing>)>,
}

/// By how many the truth may be below and above a sum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reach {
    pub(super) below: i64,
    pub(super) above: i64,
}

impl<'a> Doubt<'a> {
    pub(super) fn since(since: Wall, basis: &'a Basis<'a>) -> Self {
        let mut unseen = Vec::new();
        for lane in basis.lanes {
            let stretches = unwatched(lane, since, basis);
            if stretches.is_empty() {
                continue;
            }
            let history = History::of(lane, basis);
            let usually = |stretch| (stretch, history.usually(stretch, basis.zone));
            unseen.extend(stretches.into_iter().map(usually));
        }
        unseen.sort_unstable_by_key(|(stretch, _)| *stretch);
        Self { basis, unseen }
    }

    /// For how long not all lanes were watched, microseconds.
    pub(super) fn unwatched_us(&self, since: Wall) -> i64 {
        let mut reached = since;
        let mut sum = 0;
        for ((from, to), _) in &self.unseen {
            sum += to.micros_since((*from).max(reached)).max(0);
            reached = reached.max(*to);
        }
        sum
    }

    /// By how many a sum of `counts` that begins at `from` may be wrong; none where what passed unseen
    /// since then is not known.
    pub(super) fn of(&self, counts: &Counts, from: Wall) -> Option<Reach> {
        let since = self.unseen.iter().filter(|((_, to), _)| *to > from);
        let unseen = since
            .map(|(_, passing)| *passing)
            .try_fold(Passing::default(), |sum, passing| Some(sum.and(passing?)))?;
        let unclear = i64::try_from(counts.unclear).unwrap_or(i64::MAX);
        let miscounted = miscounted(counts.into.max(counts.out), self.basis.count_error);
        let doubtful = unclear.saturating_add(miscounted);
        Some(Reach {
            below: doubtful.saturating_add(people(unseen.out())),
            above: doubtful.saturating_add(people(unseen.into())),
        })
    }

    /// So many are inside at least: there were not less than none at any time of the last days, and
    /// who came since then and has not left is there.
    pub(super) fn at_least(&self, since: Wall) -> i64 {
        let Basis {
            lanes, hours, now, ..
        } = self.basis;
        let from = since.max(now.plus_micros(-LOOKED_BACK_US));
        let edges = hour_edges(from, *now);
        let mut counts = Counts::default();
        let mut least = 0;
        for (begins, hour) in edges.iter().zip(hours.sums(lanes, &edges)).rev() {
            if *begins < from {
                break;
            }
            counts = counts.plus(hour);
            if let Some(reach) = self.of(&counts, *begins) {
                least = least.max(counts.balance().saturating_sub(reach.below));
            }
        }
        least
    }
}

/// A week has a night, and a day of rest, in which nearly everybody is gone.
const LOOKED_BACK_US: i64 = 7 * 24 * 3_600_000_000;

/// Whole people, from a sum of shares of them.
fn people(share: f64) -> i64 {
    // A small surplus of rounding must not make a whole person.
    (share - 1e-6).ceil().max(0.0) as i64
}

/// How many of those who passed one way are miscounted at most, if each is with the probability
/// `error`: the mean, and twice the deviation of a binomial (95 % of a normal distribution lies
/// within 1.96 of them).
///
/// The errors of the two ways need not make up for each other: people walk abreast on their way out,
/// and come one by one.
pub(super) fn miscounted(counted: u64, error: f64) -> i64 {
    let counted = counted as f64;
    people(error * counted + 2.0 * (error * (1.0 - error) * counted).sqrt())
}

/// When a lane was not watched since the anchor, but for the tail that is only lag.
fn unwatched(lane: &LaneId, since: Wall, basis: &Basis<'_>) -> Vec<Range> {
    let mut stretches = basis
        .sight
        .unseen(&Subject::Lane(lane.clone()), since, basis.now);
    if let Some((from, to)) = stretches.last()
        && *to == basis.now
        && to.micros_since(*from) <= basis.lag_us
    {
        stretches.pop();
    }
    stretches
}
