//! Nothing lost, nothing twice, while everything is killed, cut and stalled again and again.

use std::time::Duration;

use anyhow::ensure;
use chrono::{NaiveTime, TimeDelta};
use e2e::{
    chaos_proxy::Fault,
    clock::{self, WorldClock},
    stream::{Follower, comparable},
    wait::wait_for,
    world::{
        day::{instant, local_date},
        dice::Dice,
        sites::PLANS,
    },
};
use serde_json::Value;

use crate::{run, script, wants};

/// More than the forty that are asked for.
const FAULTS: usize = 45;
/// How much faster than life: half a working day in the time that the faults take.
const PACE: f64 = 120.0;

/// `CHAOS_SEED=NUMBER` is another sequence of faults.
fn seed() -> u64 {
    let seed = std::env::var("CHAOS_SEED").ok();
    seed.and_then(|seed| seed.parse().ok()).unwrap_or(1)
}

#[test]
fn kills_cuts_stalls_and_drops_lose_nothing_and_double_nothing() {
    run(async {
        let seed = seed();
        let mut dice = Dice::new(seed, &["faults"]);
        // Yesterday, when people come to work.
        let zone = PLANS[0].zone;
        let yesterday = local_date(zone, clock::wall()) - TimeDelta::days(1);
        let morning = NaiveTime::from_hms_opt(6, 20, 0).unwrap_or_default();
        let clock = WorldClock::at(instant(zone, yesterday, morning), PACE);
        let mut wants = wants(script(seed, 2, clock));
        (wants.play, wants.proxy) = (true, true);
        let site = wants.prepare().await?.launch().await?;
        site.caught_up(Duration::from_secs(30)).await?;
        let mut page = Follower::start(site.api.clone(), "site:binjiang");
        page.wait_for("a snapshot", Duration::from_secs(10), |page| {
            page.snapshots > 0
        })
        .await?;

        let mut kinds = std::collections::BTreeMap::new();
        for _ in 0..FAULTS {
            tokio::time::sleep(Duration::from_secs_f64(dice.between(0.05, 0.7))).await;
            let kind = inflict(&site, &mut dice).await;
            *kinds.entry(kind).or_insert(0) += 1;
        }
        println!("faults of seed {seed}: {kinds:?}");
        site.caught_up(Duration::from_secs(60)).await?;
        let report = site.end_and_verify().await?;
        println!("{}", report.join("; "));
        let matched = report[0].split(' ').next().unwrap_or_default();
        ensure!(
            matched.parse::<u64>()? > 200,
            "too little happened: {report:?}"
        );

        // What the page shows is what a fresh load shows.
        wait_for(
            "the page is as a fresh load",
            Duration::from_secs(10),
            async || {
                let fresh: Value = match site.api.json("sites/binjiang").await {
                    Ok(fresh) => fresh,
                    Err(error) => return Err(format!("{error:#}")),
                };
                let (fresh, page) = (comparable(fresh), comparable(page.page().data));
                if fresh == page {
                    return Ok(());
                }
                Err(differences("", &fresh, &page).join("\n"))
            },
        )
        .await?;
        let page = page.page();
        println!(
            "the page took {} snapshots and {} deltas",
            page.snapshots, page.deltas
        );
        ensure!(
            page.snapshots > 1 && page.deltas > 10,
            "the page was hardly live"
        );
        site.stop().await;
        Ok(())
    });
}

/// Where two JSON values differ: paths, with both sides.
fn differences(path: &str, fresh: &Value, page: &Value) -> Vec<String> {
    match (fresh, page) {
        (Value::Object(fresh), Value::Object(page)) => {
            let keys: std::collections::BTreeSet<_> = fresh.keys().chain(page.keys()).collect();
            let nothing = Value::Null;
            let of = |side: &serde_json::Map<String, Value>, key: &str| {
                side.get(key).unwrap_or(&nothing).clone()
            };
            keys.into_iter()
                .flat_map(|key| {
                    differences(&format!("{path}/{key}"), &of(fresh, key), &of(page, key))
                })
                .collect()
        }
        (Value::Array(fresh), Value::Array(page)) if fresh.len() == page.len() => fresh
            .iter()
            .zip(page)
            .enumerate()
            .flat_map(|(n, (fresh, page))| differences(&format!("{path}/{n}"), fresh, page))
            .collect(),
        _ if fresh == page => Vec::new(),
        _ => vec![format!("{path}: {fresh} fresh, {page} on the page")],
    }
}

async fn inflict(site: &e2e::harness::TestSite, dice: &mut Dice) -> &'static str {
    let proxy = site.proxy.as_ref().expect("it was wanted");
    let span = Duration::from_secs_f64(dice.between(0.2, 2.0));
    match dice.whole(0, 10) {
        0..=2 => {
            let unit = dice.whole(0, site.fleet.units.len() as u64) as usize;
            site.fleet.units[unit].process.kill();
            "edge killed"
        }
        3..=4 => {
            site.fleet.hub.kill();
            "hub killed"
        }
        5 => {
            proxy.inflict(Fault::Cut).await;
            "connections cut"
        }
        6 => {
            proxy.inflict(Fault::Stall(span)).await;
            "stalled"
        }
        7 => {
            proxy.inflict(Fault::HalfOpen(span)).await;
            "half open"
        }
        8 => {
            proxy.inflict(Fault::Refuse(span)).await;
            "refused"
        }
        _ => {
            let bytes = dice.whole(1, 3000) as usize;
            let to_broker = dice.chance(0.7);
            proxy.inflict(Fault::Drop { bytes, to_broker }).await;
            "bytes dropped"
        }
    }
}
