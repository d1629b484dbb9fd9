//! A site's settings, changed by people while the hub serves.

use gatepost_dashboard::{
    ports::{Answer, CommandError},
    view::{CalendarDay, CalendarView, LeftOut, SettingsView},
};
use gatepost_model::{Site, Wall};

use super::{people::hex, state::Part};
use crate::{
    holidays::{self, Unmarked},
    site_file,
};

/// A site's settings as they are shown. What was read as a file can be written as one.
pub(crate) fn view(site: &Site) -> Result<SettingsView, toml::ser::Error> {
    Ok(SettingsView {
        site: site.id.clone(),
        version: version_of(site),
        text: site_file::one(site)?,
    })
}

/// A name of what settings say: the first 16 hex digits of their SHA-256.
fn version_of(site: &Site) -> String {
    let said = serde_json::to_vec(site).unwrap_or_default();
    let mut version = hex(&said);
    version.truncate(16);
    version
}

/// The site is to have the settings of a file.
pub(super) fn change(
    part: &mut Part<'_, '_>,
    seen: Option<&str>,
    text: &str,
) -> Result<(Answer, bool), CommandError> {
    let known = part.site.settings();
    if seen.is_some_and(|seen| seen != version_of(known)) {
        return Err(CommandError::Conflict(Box::new(answer(known)?)));
    }
    let sites = site_file::parse(text).map_err(refused)?;
    let [site] = <[Site; 1]>::try_from(sites)
        .map_err(|sites| refused(format!("the file has {} sites instead of one", sites.len())))?;
    if site.id != known.id {
        let what = format!("the file is of site `{}`, not `{}`", site.id, known.id);
        return Err(refused(what));
    }
    let is_new = site != *known;
    let answer = answer(&site)?;
    if is_new {
        part.site.change_settings(site);
    }
    Ok((answer, is_new))
}

/// The holidays and work days of a published calendar are the site's.
pub(super) fn calendar(
    part: &mut Part<'_, '_>,
    now: Wall,
    text: &str,
    unmarked: Unmarked,
) -> Result<(Answer, bool), CommandError> {
    let holidays = holidays::parse(text, unmarked).map_err(refused)?;
    let mut site = part.site.settings().clone();
    let changes = holidays.merge_into(&mut site);
    let days = changes.iter().map(|change| CalendarDay {
        date: change.date,
        kind: change.kind.as_str().to_owned(),
        comes: change.comes,
        name: holidays.name_of(change).to_owned(),
    });
    let left_out = holidays.left_out.iter().map(|(line, name)| LeftOut {
        line: *line,
        name: name.clone(),
    });
    let view = CalendarView {
        site: site.id.clone(),
        version: version_of(&site),
        holds_from: holidays::hold_from(&site, now),
        changes: days.collect(),
        left_out: left_out.collect(),
    };
    if !changes.is_empty() {
        part.site.change_settings(site);
    }
    Ok((Answer::Calendar(Box::new(view)), !changes.is_empty()))
}

fn answer(site: &Site) -> Result<Answer, CommandError> {
    let view = view(site).map_err(refused)?;
    Ok(Answer::Settings(Box::new(view)))
}

fn refused(why: impl ToString) -> CommandError {
    CommandError::Refused(why.to_string())
}

#[cfg(test)]
mod tests;
