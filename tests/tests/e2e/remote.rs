//! A unit that is told something from the hub: another configuration, and commands.

use std::time::Duration;

use anyhow::{Context, ensure};
use e2e::{board::Board, clock::WorldClock, harness::TestSite, wait::wait_for};
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    run, script,
    units::{SITE, board, boot, passage, recorded, tick},
    wants,
};

const S: u64 = 1_000_000;
const SOON: Duration = Duration::from_secs(20);
const CONFIG: &str = "sites/binjiang/units/gate-1/config";
const COMMANDS: &str = "sites/binjiang/units/gate-1/commands";

/// Waits until the unit has said of a version what became of it.
async fn answered(site: &TestSite, version: u64) -> anyhow::Result<Value> {
    wait_for(
        &format!("an answer on version {version}"),
        SOON,
        async || {
            let config: Value = site
                .api
                .json(CONFIG)
                .await
                .map_err(|error| format!("{error:#}"))?;
            if config["answered"] == version {
                Ok(config)
            } else {
                Err(config.to_string())
            }
        },
    )
    .await
}

/// Tells the unit something, and waits until it says what came of it.
async fn told(site: &TestSite, command: Value) -> anyhow::Result<Value> {
    let body = json!({ "by": "li", "command": command });
    let given = site.api.send(Method::POST, COMMANDS, &body).await?;
    wait_for(&format!("an answer to {command}"), SOON, async || {
        let all: Value = site
            .api
            .json(COMMANDS)
            .await
            .map_err(|error| format!("{error:#}"))?;
        let mut commands = all["commands"].as_array().into_iter().flatten();
        let mine = commands.find(|it| it["id"] == given["id"]).cloned();
        mine.filter(|it| !it["done"].is_null())
            .ok_or_else(|| all.to_string())
    })
    .await
}

async fn want(site: &TestSite, text: Option<&str>) -> anyhow::Result<u64> {
    let body = json!({ "by": "li", "text": text });
    let config = site.api.send(Method::PUT, CONFIG, &body).await?;
    config["version"].as_u64().context("a version")
}

/// What the unit was installed with.
fn own_config(site: &TestSite) -> anyhow::Result<String> {
    let demo = site.demo()?;
    let mut units = demo.units.iter();
    let unit = units.find(|it| it.site == SITE && it.unit == "gate-1");
    Ok(std::fs::read_to_string(&unit.context("the unit")?.config)?)
}

/// The unit begins anew with each configuration: its board is there again.
async fn begin(site: &TestSite, mono_us: u64) -> anyhow::Result<Board> {
    let mut gate = board(site, "gate-1").await?;
    let lines = boot("remote").replace("\"mono_us\":0", &format!("\"mono_us\":{mono_us}"));
    gate.show(&lines).await?;
    Ok(gate)
}

#[test]
fn a_configuration_is_tried_kept_refused_or_taken_back() {
    run(async {
        let mut wants = wants(script(1, 1, WorldClock::real()));
        wants.unit_extra.push_str("trial_s = 3.0\n");
        let site = wants.prepare().await?.launch().await?;
        let own = own_config(&site)?;
        let mut gate = begin(&site, 0).await?;
        gate.confirmed(0, SOON).await?;

        // Kept: from now on nobody is as slow as that.
        let slow = own.replace("commit_ms = 50", "commit_ms = 60");
        ensure!(slow != own, "{own}");
        let version = want(&site, Some(&slow)).await?;
        gate.ended(SOON).await?;
        let mut gate = begin(&site, S).await?;
        let config = answered(&site, version).await?;
        ensure!(
            config["result"] == "applied" && config["applied"] == version,
            "{config}"
        );
        gate.show(&(passage("people", 2 * S) + &tick(4 * S)))
            .await?;
        recorded(&site, "passage", 1).await?;

        // Refused: with every mistake.
        let version = want(
            &site,
            Some(&slow.replace("kind = \"people\"", "kind = \"horse\"")),
        )
        .await?;
        let config = answered(&site, version).await?;
        ensure!(
            config["result"] == "refused" && config["applied"] == 1,
            "{config}"
        );
        ensure!(
            config["detail"]
                .as_str()
                .is_some_and(|it| it.contains("horse")),
            "{config}"
        );

        // Taken back: there is no broker. The unit goes on with what it had.
        let version = want(
            &site,
            Some(&slow.replace(&site.demo()?.mqtt, "127.0.0.1:9")),
        )
        .await?;
        gate.ended(SOON).await?;
        let mut trial = begin(&site, 5 * S).await?;
        trial.show(&tick(6 * S)).await?;
        trial.ended(SOON).await?;
        let mut gate = begin(&site, 10 * S).await?;
        let config = answered(&site, version).await?;
        ensure!(
            config["result"] == "rolled_back" && config["applied"] == 1,
            "{config}"
        );
        gate.show(&(passage("people", 12 * S) + &tick(14 * S)))
            .await?;
        recorded(&site, "passage", 2).await?;

        // Nothing wanted: the unit's own file.
        let version = want(&site, None).await?;
        gate.ended(SOON).await?;
        begin(&site, 20 * S).await?.confirmed(20 * S, SOON).await?;
        let config = answered(&site, version).await?;
        ensure!(
            config["result"] == "applied" && config["applied"] == 0,
            "{config}"
        );
        let unit: Value = site.api.json("sites/binjiang/units/gate-1").await?;
        ensure!(unit["config"]["wanted"] == version, "{unit}");
        site.stop().await;
        Ok(())
    });
}

/// A button held for 150 ms.
fn press(input: &str, at: u64) -> String {
    let edge = |at: u64, level: u8| {
        format!("{{\"mono_us\":{at},\"input\":\"{input}\",\"level\":{level}}}\n")
    };
    edge(at, 1) + &edge(at + 150_000, 0)
}

#[test]
fn a_zone_gets_check_points_and_a_round_by_them_is_in_the_record() {
    const KNAPSACK: &str = "\n[[round_station]]\nzone = \"living\"\nstart = \"go\"\nstop = \"done\"\npoints = [\"stairs\", \"roof\"]\n";
    run(async {
        let site = wants(script(1, 1, WorldClock::real()));
        let site = site.prepare().await?.launch().await?;
        let own = own_config(&site)?;
        let mut gate = begin(&site, 0).await?;
        gate.confirmed(0, SOON).await?;
        let version = want(&site, Some(&(own + KNAPSACK))).await?;
        gate.ended(SOON).await?;
        let mut gate = begin(&site, S).await?;
        let config = answered(&site, version).await?;
        ensure!(config["result"] == "applied", "{config}");

        let walk = [("go", 2), ("roof", 10), ("stairs", 20), ("roof", 30)];
        let walked: String = walk.map(|(pin, at)| press(pin, at * S)).concat();
        gate.show(&(walked + &press("done", 60 * S) + &tick(62 * S)))
            .await?;
        let rounds = recorded(&site, "round", 2).await?;
        let ended = rounds.iter().find(|it| it["phase"] == "ended");
        let ended = ended.context("a round that ended")?;
        ensure!(
            ended["points"] == json!(["roof", "stairs"]) && ended["evidence"] == "button+points",
            "{ended}"
        );
        site.stop().await;
        Ok(())
    });
}

#[test]
fn commands_are_carried_out_and_answered() {
    run(async {
        let site = wants(script(1, 1, WorldClock::real()));
        let site = site.prepare().await?.launch().await?;
        let mut gate = begin(&site, 0).await?;
        gate.confirmed(0, SOON).await?;
        let fine = told(&site, json!({"do": "test_mode", "on": true})).await?;
        ensure!(fine["done"] == true && fine["by"] == "li", "{fine}");
        gate.show(&(passage("people", 2 * S) + &tick(4 * S)))
            .await?;
        recorded(&site, "passage", 1).await?;
        let over = told(&site, json!({"do": "test_mode", "on": false})).await?;
        ensure!(over["done"] == true, "{over}");
        gate.show(&(passage("people", 5 * S) + &tick(7 * S)))
            .await?;
        let passages = recorded(&site, "passage", 2).await?;
        let tests: Vec<&Value> = passages.iter().map(|it| &it["test"]).collect();
        ensure!(
            tests.iter().filter(|it| **it == true).count() == 1,
            "{passages:?}"
        );
        let snapshot: Value = site.api.json("sites/binjiang").await?;
        ensure!(snapshot["today"]["in"] == 1, "{}", snapshot["today"]);
        let nothing = told(
            &site,
            json!({"do": "test_output", "output": "roof", "seconds": 2}),
        )
        .await?;
        ensure!(
            nothing["done"] == false && nothing["detail"] == "there is no output `roof`",
            "{nothing}"
        );
        site.stop().await;
        Ok(())
    });
}
