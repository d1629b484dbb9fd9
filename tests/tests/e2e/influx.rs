//! The demo with its history in a real InfluxDB.

use std::time::Duration;

use anyhow::{Context, ensure};
use e2e::{api::Api, wait::wait_for};
use influxd::{Influxd, ORG, TOKEN};
use serde_json::Value;

use crate::{
    demo::{Demo, verify},
    run,
};

/// The same page, the same series, and the record holds against what really happened.
#[test]
fn the_demo_keeps_its_history_in_influxdb() {
    let Some(influxd) = Influxd::start() else {
        return;
    };
    run(async {
        let dir = tempfile::Builder::new()
            .prefix("gatepost-demo-test-")
            .tempdir()?;
        let store = format!("influx={},{ORG},gatepost,{TOKEN}", influxd.url());
        let flags = ["--sites", "1", "--history", "2d", "--store", &store];
        let demo = Demo::start(dir.path(), &flags).await?;
        let api = Api::new(demo.http(), None)?;
        let counted = async || -> anyhow::Result<u64> {
            let now = gatepost_model::Wall::from_micros(e2e::clock::wall()).context("now")?;
            let from = now.plus_micros(-3 * 86_400_000_000);
            let path =
                format!("sites/binjiang/series?metric=passages&from={from}&to={now}&step=1h");
            let rows: Value = api.json(&path).await?;
            let rows = rows["rows"].as_array().context("rows")?;
            Ok(rows.iter().filter_map(|row| row[1].as_u64()).sum())
        };
        wait_for("the history", Duration::from_secs(170), async || {
            let units = api.units().await.map_err(|error| format!("{error:#}"))?;
            let people = counted().await.map_err(|error| format!("{error:#}"))?;
            let is_there = |unit: &e2e::api::UnitRow| {
                let is_new = unit.data_age_s.is_some_and(|age| age < 300.0);
                unit.state == "online" && unit.waiting == 0 && !unit.catching_up && is_new
            };
            match people > 100 && units.len() == 2 && units.iter().all(is_there) {
                true => Ok(()),
                false => Err(format!("{people} passages, {units:?}")),
            }
        })
        .await?;
        let counted = counted().await?;
        println!("{}", verify(dir.path()).await?.trim());

        let flux = "from(bucket: \"gatepost\") |> range(start: -3d) \
                    |> filter(fn: (r) => r._measurement == \"passage\" and r._field == \"seq\") \
                    |> group() |> count()";
        wait_for(
            "passages in InfluxDB",
            Duration::from_secs(30),
            async || {
                let said = influxd.ask(flux);
                let count = said.lines().nth(1).and_then(|row| row.rsplit(',').next());
                let count: u64 = count
                    .and_then(|count| count.trim().parse().ok())
                    .unwrap_or(0);
                if count >= counted {
                    Ok(())
                } else {
                    Err(format!("{counted} and {said}"))
                }
            },
        )
        .await?;
        demo.interrupt()?;
        let (status, said) = demo.ended().await?;
        ensure!(status.success(), "{status}: {said:?}");
        Ok(())
    });
}
