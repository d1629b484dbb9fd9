//! The verdict on a slot.

use chrono::TimeDelta;
use gatepost_dashboard::view::Verdict;
use gatepost_model::{Wall, event::RoundPhase};

use super::{Least, SeenRound, Slot};

/// A round that is open for longer than this is not running any more, even if the unit could not say
/// that it was abandoned.
pub const MAX_OPEN: TimeDelta = TimeDelta::hours(4);

/// So many microseconds of a window may be unwatched in all for it to be watched throughout: no
/// round is that short, so none can hide there.
pub const UNSEEN_TOLERANCE_US: i64 = 10_000_000;

/// What the verdict on one slot rests on.
#[derive(Debug, Clone, Copy)]
pub struct Case<'a> {
    /// The slot.
    pub slot: &'a Slot,
    /// When the zone's next window opens.
    pub next_start: Option<Wall>,
    /// Rounds of the site; those of other zones are ignored.
    pub rounds: &'a [SeenRound],
    /// What a round in the zone must be.
    pub least: Least,
    /// The record has passed the window's end and watched the zone throughout: what
    /// [`Sight::throughout`](crate::core::coverage::Sight::throughout) says of the window, with
    /// [`UNSEEN_TOLERANCE_US`].
    pub watched: bool,
    /// A person excused it.
    pub excused: bool,
    /// The hub's time.
    pub now: Wall,
    /// How long after the end the record may take to arrive.
    pub grace: TimeDelta,
}

/// The verdict on a slot, and the round that it rests on. The first of these that holds:
///
/// | verdict | holds when |
/// |---|---|
/// | done | a round that ended and is enough has its start or its end in the window |
/// | late | such a round came after the window's end and was over before the next window |
/// | excused | a person said so; what was done all the same is said first |
/// | running | a round that may count for the window is open, and not for too long |
/// | short | a round in the window ended and is not enough, or was never stopped |
/// | upcoming, due | before the window; in it, and in the grace after it |
/// | unknown | the window was not watched throughout, a round's time error crosses a border, or the end of a round in the window never came |
/// | missed | else |
///
/// A round's time counts as inside or after only if it is so over the whole of its error. Of several
/// rounds the one that started first is the proof.
pub fn judge<'a>(case: &Case<'a>) -> (Verdict, Option<&'a SeenRound>) {
    let slot = case.slot;
    let mut rounds: Vec<(&SeenRound, Place)> = case
        .rounds
        .iter()
        .filter(|round| round.zone == slot.zone)
        .map(|round| (round, place(case, round)))
        .filter(|(_, place)| *place != Place::Elsewhere)
        .collect();
    rounds.sort_by(|(a, _), (b, _)| (a.started, &a.round).cmp(&(b.started, &b.round)));
    let first = |wanted: &dyn Fn(&SeenRound, Place) -> bool| {
        rounds
            .iter()
            .find(|(round, place)| wanted(round, *place))
            .map(|(round, _)| *round)
    };
    let is_complete =
        |round: &SeenRound| round.phase == RoundPhase::Ended && round.is_enough(case.least);

    if let Some(done) = first(&|round, place| place == Place::Inside && is_complete(round)) {
        return (Verdict::Done, Some(done));
    }
    if let Some(late) = first(&|round, place| place == Place::After && is_complete(round)) {
        return (Verdict::Late, Some(late));
    }
    if case.excused {
        return (Verdict::Excused, None);
    }
    if case.now < slot.start {
        return (Verdict::Upcoming, None);
    }
    let is_running = |round: &SeenRound, place| {
        // One that did not surely begin in the window counts only if it ends in it.
        let may_count = match place {
            Place::Inside => true,
            Place::Before | Place::Unsure => case.now < slot.end,
            Place::After | Place::UnsureAfter | Place::Elsewhere => false,
        };
        let is_open = round.phase == RoundPhase::Started;
        is_open && may_count && case.now < round.started.plus(MAX_OPEN)
    };
    if let Some(running) = first(&is_running) {
        return (Verdict::Running, Some(running));
    }
    let is_short = |round: &SeenRound, place| {
        let is_over = match round.phase {
            RoundPhase::Ended => !is_complete(round),
            RoundPhase::Abandoned => true,
            RoundPhase::Started => false,
        };
        place == Place::Inside && is_over
    };
    if let Some(short) = first(&is_short) {
        return (Verdict::Short, Some(short));
    }
    if case.now < slot.end.plus(case.grace) {
        return (Verdict::Due, None);
    }
    let is_unsure = |round: &SeenRound, place| match place {
        Place::Unsure => true,
        Place::UnsureAfter => is_complete(round),
        Place::Inside => round.phase == RoundPhase::Started,
        Place::Before | Place::After | Place::Elsewhere => false,
    };
    if let Some(unsure) = first(&is_unsure) {
        return (Verdict::Unknown, Some(unsure));
    }
    if !case.watched {
        return (Verdict::Unknown, None);
    }
    (Verdict::Missed, None)
}

/// Where a round is, seen from a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Its start or its end is in the window.
    Inside,
    /// It is open, and started before the window.
    Before,
    /// It ended after the window and before the next.
    After,
    /// It may be inside: its time error crosses a border of the window.
    Unsure,
    /// It is not inside, but may be after: its time error crosses the beginning of the next.
    UnsureAfter,
    /// It does not concern the slot.
    Elsewhere,
}

fn place(case: &Case<'_>, round: &SeenRound) -> Place {
    let slot = case.slot;
    let error = i64::try_from(round.error_ms.saturating_mul(1000)).unwrap_or(i64::MAX);
    let earliest = |at: Wall| at.plus_micros(-error);
    let latest = |at: Wall| at.plus_micros(error);
    let surely_in = |at: Wall| earliest(at) >= slot.start && latest(at) < slot.end;
    let maybe_in = |at: Wall| latest(at) >= slot.start && earliest(at) < slot.end;
    let is_over = round.phase == RoundPhase::Ended;

    // One that was given up has no end: its second time is only when the unit stopped waiting.
    let end = round.ended.filter(|_| is_over);
    if surely_in(round.started) || end.is_some_and(surely_in) {
        return Place::Inside;
    }
    if round.phase == RoundPhase::Started && latest(round.started) < slot.start {
        return Place::Before;
    }
    if maybe_in(round.started) || end.is_some_and(maybe_in) {
        return Place::Unsure;
    }
    let Some(end) = end else {
        return Place::Elsewhere;
    };
    // A window may follow at once, or overlap this one: then nothing is late.
    let before_next = |at: Wall| case.next_start.is_none_or(|next| at < next);
    if earliest(end) >= slot.end && before_next(latest(end)) {
        Place::After
    } else if earliest(end) >= slot.end && before_next(earliest(end)) {
        Place::UnsureAfter
    } else {
        Place::Elsewhere
    }
}

#[cfg(test)]
mod tests;
