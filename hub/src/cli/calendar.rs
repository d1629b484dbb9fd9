//! `site calendar`: public holidays and make-up work days into sites' settings.

use std::{
    fs,
    io::{self, Write},
    path::Path,
};

use anyhow::Context;
use gatepost_model::{Site, Wall};

use crate::{
    clock::Clock,
    config::Config,
    holidays::{self, Change, Holidays, Kind, Unmarked},
    store::journal::{self, Journal},
};

/// The word for all sites of the hub.
pub(super) const ALL: &str = "all";

/// Takes a calendar in for a site, or for all; tells what changes. Nothing is taken in if anything of
/// the file is wrong, or there is no such site.
pub(super) fn run(
    config: &Config,
    file: &Path,
    which: &str,
    unmarked: Unmarked,
) -> anyhow::Result<bool> {
    let bytes = fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    let Some(text) = holidays::decode(&bytes) else {
        eprintln!("{}: not a text in UTF-8, UTF-16 or GB18030", file.display());
        return Ok(false);
    };
    let holidays = match holidays::parse(&text, unmarked) {
        Ok(holidays) => holidays,
        Err(mistakes) => {
            super::tell(&mistakes, file, io::stderr());
            return Ok(false);
        }
    };
    for (line, name) in &holidays.left_out {
        eprintln!("{}:{line}: left out: {name}", file.display());
    }
    if !config.data.join(journal::FILE).exists() {
        eprintln!("gatepost-hub: there are no sites; take them in with `site import`");
        return Ok(false);
    }
    let mut journal = Journal::open(&config.data)?;
    let now = Clock.now();
    // What is told has happened.
    let told = journal.change_sites(|sites| {
        sites.retain(|site| which == ALL || site.id.as_str() == which);
        let of_site = |site: &mut Site| {
            let changes = holidays.merge_into(site);
            lines(site, &holidays, &changes, now)
        };
        sites.iter_mut().map(of_site).collect::<Vec<_>>()
    })?;
    if told.is_empty() {
        eprintln!("gatepost-hub: there is no site `{which}`");
        return Ok(false);
    }
    io::stdout().lock().write_all(told.concat().as_bytes())?;
    Ok(true)
}

/// What a calendar changes on a site: a line for the site, and one for each day.
fn lines(site: &Site, holidays: &Holidays, changes: &[Change], now: Wall) -> String {
    let id = &site.id;
    let of = |kind| {
        let of_kind = holidays.days.values().filter(|(it, _)| *it == kind);
        of_kind.count()
    };
    let (off, work) = (of(Kind::Holiday), of(Kind::Work));
    let mut lines = format!("{id}: {off} holidays and {work} work days; ");
    if changes.is_empty() {
        lines.push_str("nothing changes\n");
        return lines;
    }
    let from = holidays::hold_from(site, now);
    lines.push_str(&format!("planned so from {from} on\n"));
    for change in changes {
        let Change { date, comes, kind } = change;
        let name = holidays.name_of(change);
        let sign = if *comes { '+' } else { '-' };
        let line = format!("{id}: {sign} {date} {} {name}", kind.as_str());
        lines.push_str(line.trim_end());
        lines.push_str(if *date < from {
            " (its plan stays)\n"
        } else {
            "\n"
        });
    }
    lines
}
