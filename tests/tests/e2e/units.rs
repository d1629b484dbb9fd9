//! One unit played by hand: equal times, and a spool directory that is replaced.

use std::{collections::BTreeSet, fmt::Write, time::Duration};

use anyhow::{Context, ensure};
use e2e::{board::Board, clock::WorldClock, harness::TestSite, wait::wait_for};
use serde_json::Value;

use crate::{run, script, wants};

const S: u64 = 1_000_000;
const SOON: Duration = Duration::from_secs(20);

pub(crate) const SITE: &str = "binjiang";

/// Recorded inputs of a boot, with the time right from its beginning.
pub(crate) fn boot(boot: &str) -> String {
    let wall = gatepost_model::Wall::from_micros(e2e::clock::wall()).expect("now");
    format!(
        "{{\"mono_us\":0,\"boot\":\"{boot}\"}}\n{{\"mono_us\":0,\"clock\":\"{wall}\",\"synced\":true}}\n"
    )
}

/// The edges of one passage in, from `at` on; it is over half a second later, and decided after a
/// second.
pub(crate) fn passage(lane: &str, at: u64) -> String {
    let edges = [("a", 0, 1), ("b", 150, 1), ("a", 300, 0), ("b", 450, 0)];
    let mut lines = String::new();
    for (side, after_ms, level) in edges {
        let mono = at + after_ms * 1000;
        let _ = writeln!(
            lines,
            r#"{{"mono_us":{mono},"input":"{lane}-{side}","level":{level}}}"#
        );
    }
    lines
}

pub(crate) fn tick(at: u64) -> String {
    format!("{{\"mono_us\":{at},\"tick\":true}}\n")
}

/// The board of one of the site's units.
pub(crate) async fn board(site: &TestSite, unit: &str) -> anyhow::Result<Board> {
    let unit = site.fleet.unit(SITE, unit).context("no such unit")?;
    Board::connect(&unit.socket).await
}

/// Waits until so many events of a kind are in the record.
pub(crate) async fn recorded(site: &TestSite, kind: &str, n: usize) -> anyhow::Result<Vec<Value>> {
    let what = format!("{n} events of kind {kind}");
    wait_for(&what, SOON, async || {
        let events = site.api.events(SITE, kind).await;
        match events.map_err(|error| format!("{error:#}"))? {
            events if events.len() >= n => Ok(events),
            events => Err(format!("{} {:?}", events.len(), events.last())),
        }
    })
    .await
}

#[test]
fn events_at_one_and_the_same_time_all_survive() {
    run(async {
        let site = wants(script(1, 1, WorldClock::real()));
        let site = site.prepare().await?.launch().await?;
        let mut gate = board(&site, "gate-1").await?;
        let at = 10 * S;
        let mut lines = boot("equal");
        // Both lanes' last beams clear in the same microsecond.
        let both = passage("people", at) + &passage("car", at);
        let mut edges: Vec<&str> = both.lines().collect();
        let mono = |line: &&str| {
            line.bytes()
                .filter(u8::is_ascii_digit)
                .take(8)
                .collect::<Vec<_>>()
        };
        edges.sort_by_key(mono);
        lines.push_str(&edges.join("\n"));
        lines.push('\n');
        lines.push_str(&tick(at + 10 * S));
        gate.show(&lines).await?;
        gate.confirmed(at + 5 * S, SOON).await?;
        let mut yard = board(&site, "yard-1").await?;
        let mut lines = boot("equal-yard");
        for zone in ["management", "construction", "living", "isolation"] {
            let _ = writeln!(
                lines,
                r#"{{"mono_us":{at},"input":"{zone}-env","ambient_c":18.5}}"#
            );
        }
        yard.show(&(lines + &tick(at + S))).await?;
        yard.confirmed(at + S, SOON).await?;
        for (kind, n) in [("passage", 2), ("reading", 4)] {
            let events = recorded(&site, kind, n).await?;
            let times: BTreeSet<&str> =
                events.iter().filter_map(|it| it["time"].as_str()).collect();
            ensure!(events.len() == n && times.len() == 1, "{kind}: {events:#?}");
        }
        site.stop().await;
        Ok(())
    });
}

#[test]
fn a_replaced_spool_directory_is_a_new_log_and_no_duplicate() {
    run(async {
        let site = wants(script(1, 1, WorldClock::real()));
        let site = site.prepare().await?.launch().await?;
        let unit = site.fleet.unit(SITE, "gate-1").context("the unit")?;
        for card in 1..=2 {
            let mut gate = board(&site, "gate-1").await?;
            let mut lines = boot(&format!("card-{card}"));
            for n in 1..=5 {
                lines.push_str(&passage("people", n * 2 * S));
            }
            gate.show(&(lines + &tick(20 * S))).await?;
            gate.confirmed(20 * S, SOON).await?;
            recorded(&site, "passage", card * 5).await?;
            if card == 1 {
                unit.process.down();
                unit.process
                    .pids()
                    .wait_for(Option::is_none)
                    .await
                    .context("its supervisor")?;
                std::fs::remove_dir_all(&unit.spool)?;
                unit.process.up();
            }
        }
        let events = site.api.events(SITE, "passage").await?;
        let text =
            |event: &Value, field: &str| event[field].as_str().unwrap_or_default().to_owned();
        let logs: BTreeSet<String> = events.iter().map(|event| text(event, "log")).collect();
        let mut found: Vec<(String, u64)> = events
            .iter()
            .map(|event| (text(event, "boot"), event["mono_us"].as_u64().unwrap_or(0)))
            .collect();
        found.sort();
        found.dedup();
        ensure!(events.len() == 10 && found.len() == 10, "{events:#?}");
        ensure!(logs.len() == 2, "{logs:?}");
        site.stop().await;
        Ok(())
    });
}
