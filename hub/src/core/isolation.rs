//! The isolation register: people without names, in and out by the day's balances.

use gatepost_dashboard::{
    ports::{Answer, CommandError},
    view::{EntryCounts, EpisodeState, EpisodeView, IsolationView},
};
use gatepost_model::Wall;

use super::{people::balance_of, state::Part};

/// What the balances come to.
pub fn register<'s>(
    days: impl Iterator<Item = &'s EntryCounts>,
    episodes: impl Iterator<Item = &'s EpisodeView>,
) -> IsolationView {
    let mut days: Vec<EntryCounts> = days
        .filter(|day| day.isolated + day.released > 0)
        .cloned()
        .collect();
    days.sort_by(|one, other| other.date.cmp(&one.date));
    let into = days.iter().map(|day| day.isolated).sum();
    let released = days.iter().map(|day| day.released).sum();
    let isolated = episodes.filter(|episode| episode.state == EpisodeState::Isolated);
    IsolationView {
        into,
        released,
        present: u64::saturating_sub(into, released),
        episodes: isolated.map(|episode| episode.id.clone()).collect(),
        days,
    }
}

/// People were let out.
pub(super) fn release(
    part: &mut Part<'_, '_>,
    now: Wall,
    count: u64,
) -> Result<(Answer, bool), CommandError> {
    let known = register(part.site.entries.iter(), part.site.episodes.iter());
    if count == 0 || count > known.present {
        return Err(CommandError::Refused(format!(
            "`count` must be 1 to {}, those who are in isolation",
            known.present
        )));
    }
    balance_of(part, now).released += count;
    let known = register(part.site.entries.iter(), part.site.episodes.iter());
    Ok((Answer::Isolation(Box::new(known)), true))
}
