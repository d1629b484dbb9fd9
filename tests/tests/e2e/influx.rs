//! The demo with its history in a real InfluxDB.

use std::{path::Path, time::Duration};

use anyhow::{Context, ensure};
use e2e::{api::Api, fleet::free_port, wait::wait_for};
use serde_json::{Value, json};
use tokio::process::{Child, Command};

use crate::{
    demo::{Demo, verify},
    run, skip,
};

const TOKEN: &str = "a-token-of-the-tests";

/// A server with an organisation `town`.
struct Influxd {
    url: String,
    client: reqwest::Client,
    _child: Child,
}

impl Influxd {
    async fn start(program: &str, dir: &Path) -> anyhow::Result<Self> {
        let port = free_port()?;
        let child = Command::new(program)
            .arg(format!("--http-bind-address=127.0.0.1:{port}"))
            .arg(format!("--bolt-path={}", dir.join("bolt").display()))
            .arg(format!("--sqlite-path={}", dir.join("sqlite").display()))
            .arg(format!("--engine-path={}", dir.join("engine").display()))
            .args(["--reporting-disabled", "--log-level=error"])
            .kill_on_drop(true)
            .spawn()?;
        let server = Self {
            url: format!("http://127.0.0.1:{port}"),
            client: reqwest::Client::builder().no_proxy().build()?,
            _child: child,
        };
        let wanted = json!({"username": "tests", "password": "tests-tests", "org": "town", "bucket": "first", "token": TOKEN});
        wait_for("influxd", Duration::from_secs(60), async || {
            let url = format!("{}/api/v2/setup", server.url);
            let said = server.client.post(url).json(&wanted).send().await;
            let said = said.map_err(|error| error.to_string())?;
            match said.status().is_success() {
                true => Ok(()),
                false => Err(said.status().to_string()),
            }
        })
        .await?;
        Ok(server)
    }

    /// What a question in Flux answers, as CSV.
    async fn ask(&self, flux: &str) -> anyhow::Result<String> {
        let asked = self
            .client
            .post(format!("{}/api/v2/query?org=town", self.url))
            .header("Authorization", format!("Token {TOKEN}"))
            .json(&json!({"query": flux, "type": "flux"}));
        Ok(asked.send().await?.error_for_status()?.text().await?)
    }
}

/// The same page, the same series, and the record holds against what really happened.
#[test]
fn the_demo_keeps_its_history_in_influxdb() {
    let Ok(program) = std::env::var("GATEPOST_INFLUXD") else {
        skip("the demo on InfluxDB: GATEPOST_INFLUXD names no influxd");
        return;
    };
    run(async {
        let dir = tempfile::Builder::new()
            .prefix("gatepost-demo-test-")
            .tempdir()?;
        let engine = tempfile::tempdir()?;
        let influxd = Influxd::start(&program, engine.path()).await?;
        let store = format!("influx={},town,gatepost,{TOKEN}", influxd.url);
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
                let said = influxd
                    .ask(flux)
                    .await
                    .map_err(|error| format!("{error:#}"))?;
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
