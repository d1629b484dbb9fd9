//! Real input: every row of a file of door counts, as pin edges through the whole of Gatepost.

use std::{collections::HashMap, time::Duration};

use anyhow::{Context, ensure};
use e2e::{clock, stage::Script, world::day::MINUTE};
use gatepost_model::Wall;
use serde::Deserialize;

use crate::{door_counts, run, wants};

#[derive(Deserialize)]
struct Series {
    columns: Vec<String>,
    rows: Vec<(Wall, Option<u64>, f64)>,
}

#[test]
fn every_row_of_the_door_counts_is_what_the_series_says() {
    run(async {
        let counts = door_counts();
        ensure!(counts.rows.len() == 5040, "{} rows", counts.rows.len());
        let began = clock::now();
        let script = Script {
            seed: 1,
            sites: 1,
            history_days: 0,
            clock: Script::clock_of(&counts),
            counts: Some(counts.clone()),
            faces: None,
        };
        let mut wants = wants(script);
        wants.play = true;
        let site = wants.prepare().await?.launch().await?;
        site.caught_up(Duration::from_secs(170)).await?;
        println!(
            "5040 half hours through the pins in {:.1?}",
            began.elapsed()
        );

        let wall = |at: i64| Wall::from_micros(at).context("a time");
        let (from, to) = (wall(counts.start())?, wall(counts.end())?);
        // The hour that came twice has two rows more than the file.
        let buckets = ((counts.end() - counts.start()) / (30 * MINUTE)) as usize;
        ensure!(buckets == 5042, "{buckets} half hours");
        for dir in ["in", "out"] {
            let path = format!(
                "sites/binjiang/series?metric=passages&lane=people&dir={dir}&from={from}&to={to}&step=30m"
            );
            let series: Series = site.api.json(&path).await?;
            ensure!(
                series.columns == ["time", "n", "coverage"],
                "{:?}",
                series.columns
            );
            let mut rows: HashMap<i64, (Option<u64>, f64)> = series
                .rows
                .into_iter()
                .map(|(time, n, coverage)| (time.micros(), (n, coverage)))
                .collect();
            ensure!(rows.len() == buckets, "{} rows", rows.len());
            let mut wrong = Vec::new();
            for row in &counts.rows {
                let expected = u64::from(if dir == "in" { row.into } else { row.out });
                let got = rows.remove(&row.start);
                if got != Some((Some(expected), 1.0)) {
                    wrong.push(format!("{}: {got:?}, not {expected}", wall(row.start)?));
                }
            }
            // What is left is the second occurrence: watched, and nobody came.
            for (start, got) in rows {
                if got != (Some(0), 1.0) {
                    wrong.push(format!("{} again: {got:?}", wall(start)?));
                }
            }
            let shown = &wrong[..wrong.len().min(10)];
            ensure!(wrong.is_empty(), "{dir}: {} wrong: {shown:#?}", wrong.len());
        }
        let report = site.end_and_verify().await?;
        println!("{}", report[0]);
        site.stop().await;
        Ok(())
    });
}
