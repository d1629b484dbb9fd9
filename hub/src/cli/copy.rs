//! `gatepost-hub store copy`.

use std::{io, io::Write, sync::Arc};

use anyhow::{Context, bail};

use crate::{
    app,
    config::{Config, Store},
    store::{
        copy::{Copy, Way},
        influx::{Client, Pace},
    },
};

/// Copies and compares; answers whether all came over.
pub(super) fn run(config: &Config, way: Way) -> anyhow::Result<bool> {
    let Store::Influx(settings) = &config.store else {
        bail!(
            "the configuration names no InfluxDB; give [store] kind = \"influx\" with its place, also to \
             copy from there"
        );
    };
    // Whoever serves would write to one of both meanwhile.
    let _lock = app::lock(&config.data)?;
    let client = Arc::new(Client::new(settings.place.clone())?);
    let mut out = io::stdout().lock();
    for note in client.set_up(settings.retention)? {
        writeln!(out, "{note}")?;
    }
    let mut copy = Copy::open(&config.data, client, Pace::default(), way)?;
    let copied = copy
        .run(|site, done| eprint!("\r{site}: {done} events "))
        .context("begin the copy again to go on where it was cut off")?;
    eprintln!();
    for site in &copied {
        let (events, checksum) = site.found;
        writeln!(
            out,
            "{}: {} events with checksum {:016x} there, {events} with {checksum:016x} here: {}",
            site.site,
            site.events,
            site.checksum,
            if site.is_whole() {
                "the same"
            } else {
                "NOT the same"
            },
        )?;
        for (kind, end) in &site.added_up {
            writeln!(
                out,
                "{}: before {end} one of both has `{kind}` only added up: none of it was copied",
                site.site
            )?;
        }
    }
    Ok(copied.iter().all(|site| site.is_whole()))
}
