//! A unit whose disk is full, and one whose spool has little room.

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context, ensure};
use e2e::{board::Board, clock::WorldClock, harness::TestSite, wait::wait_for};
use serde_json::Value;

use crate::{
    run, script, skip,
    units::{SITE, board, boot, passage, recorded, tick},
    wants,
};

const S: u64 = 1_000_000;
const SOON: Duration = Duration::from_secs(30);

/// A small file system of its own, gone with this value.
struct Tmpfs(PathBuf);

impl Tmpfs {
    fn mount(at: &Path, kib: u32) -> anyhow::Result<Option<Self>> {
        std::fs::create_dir_all(at)?;
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={kib}k"), "gatepost"])
            .arg(at)
            .output();
        let is_mounted = mounted.is_ok_and(|mounted| mounted.status.success());
        Ok(is_mounted.then(|| Self(at.to_owned())))
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        // A lazy one: the unit may still hold it.
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

/// Passages one after the other, each two seconds after the one before, from `from` on.
async fn pass(board: &mut Board, from: u64, n: u64) -> anyhow::Result<u64> {
    let mut lines = String::new();
    for place in 0..n {
        lines.push_str(&passage("people", from + place * 2 * S));
    }
    let end = from + n * 2 * S;
    board.show(&(lines + &tick(end))).await?;
    Ok(end)
}

async fn unit(site: &TestSite) -> anyhow::Result<Value> {
    site.api.json(&format!("sites/{SITE}/units/gate-1")).await
}

#[test]
fn a_full_disk_loses_nothing_that_memory_can_hold_and_recovers_by_itself() {
    run(async {
        let site = wants(script(1, 1, WorldClock::real())).prepare().await?;
        let spool = site.demo.units[0].spool.clone();
        let Some(disk) = Tmpfs::mount(&spool, 512)? else {
            skip("the test of a full disk: a small file system cannot be mounted here");
            return Ok(());
        };
        let site = site.launch().await?;
        let mut gate = board(&site, "gate-1").await?;
        gate.show(&boot("full")).await?;
        let end = pass(&mut gate, S, 20).await?;
        gate.confirmed(end, SOON).await?;
        recorded(&site, "passage", 20).await?;

        // Somebody else fills the disk, to the last byte.
        let ballast = spool.join("ballast");
        fill(&ballast)?;
        let before = gate.durable_us();
        let end = pass(&mut gate, end, 300).await?;
        // The unit goes on deciding, but confirms nothing: it is not on any disk.
        let confirmed = gate.confirmed(end, Duration::from_secs(3)).await;
        ensure!(confirmed.is_err(), "confirmed without a disk");
        ensure!(
            gate.durable_us() < end && gate.durable_us() >= before,
            "{}",
            gate.durable_us()
        );

        std::fs::remove_file(&ballast)?;
        gate.confirmed(end, SOON).await?;
        let passages = recorded(&site, "passage", 320).await?;
        ensure!(passages.len() == 320, "{} of 320 passages", passages.len());
        for kind in ["fault", "cleared"] {
            let faults = recorded(&site, kind, 1).await?;
            let is_low = |event: &Value| event["code"] == "disk_low";
            ensure!(
                faults.iter().any(is_low),
                "no {kind} of the disk: {faults:?}"
            );
        }
        site.stop().await;
        drop(disk);
        Ok(())
    });
}

fn fill(ballast: &Path) -> anyhow::Result<()> {
    use std::io::Write;
    let mut file = std::fs::File::create(ballast).context("ballast")?;
    let mut block = vec![0; 64 * 1024];
    loop {
        match file.write(&block) {
            Ok(0) => return Ok(()),
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::StorageFull && block.len() > 1 => {
                block.truncate(block.len() / 2);
            }
            Err(error) if error.kind() == std::io::ErrorKind::StorageFull => return Ok(()),
            Err(error) => return Err(error.into()),
        }
    }
}

#[test]
fn without_room_telemetry_goes_first_and_the_loss_is_in_the_record_and_on_the_page() {
    run(async {
        let mut wants = wants(script(1, 1, WorldClock::real()));
        wants.proxy = true;
        wants
            .unit_extra
            .push_str("heartbeat_s = 1\n[spool]\nmax_bytes = 65536\nsegment_bytes = 8192\n");
        let site = wants.prepare().await?.launch().await?;
        let proxy = site.proxy.as_ref().context("a proxy")?;
        let mut gate = board(&site, "gate-1").await?;
        gate.show(&boot("room")).await?;
        let end = pass(&mut gate, S, 10).await?;
        gate.confirmed(end, SOON).await?;
        recorded(&site, "passage", 10).await?;

        // A long time without the hub: more than the spool holds, most of it heartbeats; then so
        // much that passages go as well.
        let long = proxy.inflict(e2e::chaos_proxy::Fault::Refuse(Duration::from_secs(6)));
        let live = async {
            let end = pass(&mut gate, end, 150).await?;
            gate.confirmed(end, SOON).await?;
            pass(&mut gate, end, 800).await
        };
        let ((), end) = tokio::join!(long, live);
        // The last one passes when all is well again.
        let end = pass(&mut gate, end?, 1).await?;
        gate.confirmed(end, SOON).await?;
        let last = end - 2 * S;
        wait_for("the newest passage", SOON, async || {
            let events = site.api.events(SITE, "passage").await;
            let newest =
                |events: &Vec<Value>| events.iter().filter_map(|it| it["mono_us"].as_u64()).max();
            match events.map_err(|error| format!("{error:#}"))? {
                events if newest(&events) > Some(last) => Ok(()),
                events => Err(format!("{:?} of {last}", newest(&events))),
            }
        })
        .await?;

        let passages = site.api.events(SITE, "passage").await?.len() as u64;
        let gaps = site.api.events(SITE, "gap").await?;
        let lost_of = |class: &str| -> u64 {
            let of_class = gaps.iter().filter(|gap| gap["class"] == class);
            of_class.filter_map(|gap| gap["n"].as_u64()).sum()
        };
        let (telemetry, record) = (lost_of("telemetry"), lost_of("record"));
        println!(
            "{passages} of 961 passages; gaps for {telemetry} of telemetry, {record} of the rest"
        );
        ensure!(gaps.iter().all(|gap| gap["cause"] == "shed"), "{gaps:?}");
        ensure!(
            passages < 961 && record >= 961 - passages,
            "what is gone is in no gap"
        );
        let found = unit(&site).await?;
        ensure!(
            found["lost"].as_u64() == Some(telemetry + record),
            "{found}"
        );
        let alerts: Value = site
            .api
            .json(&format!("alerts?site={SITE}&kind=loss"))
            .await?;
        ensure!(
            !alerts["alerts"].as_array().is_none_or(Vec::is_empty),
            "{alerts}"
        );

        // And it goes on by itself.
        let before = passages;
        let end = pass(&mut gate, end, 5).await?;
        gate.confirmed(end, SOON).await?;
        let after = recorded(&site, "passage", before as usize + 5).await?.len() as u64;
        ensure!(after == before + 5, "{before}, then {after}");
        site.stop().await;
        Ok(())
    });
}
