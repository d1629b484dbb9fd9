//! `from` and `to`, and the site's day where they are not said.

use gatepost_model::{SiteId, Wall};

use crate::ports::{ReadError, SiteRead};

/// The stretch `[from, to)`; what is not said is the beginning or the end of the site's day.
pub(crate) fn or_today(
    read: &dyn SiteRead,
    site: &SiteId,
    from: Option<Wall>,
    to: Option<Wall>,
) -> Result<(Wall, Wall), ReadError> {
    let (from, to) = match (from, to) {
        (Some(from), Some(to)) => (from, to),
        (from, to) => {
            let today = read.site(site)?;
            (from.unwrap_or(today.day_start), to.unwrap_or(today.day_end))
        }
    };
    forward(from, to)?;
    Ok((from, to))
}

/// Refuses a stretch that does not go forward.
pub(crate) fn forward(from: Wall, to: Wall) -> Result<(), ReadError> {
    if from < to {
        return Ok(());
    }
    Err(ReadError::Invalid {
        parameter: "from",
        reason: format!("{from} is not before `to`, {to}"),
    })
}
