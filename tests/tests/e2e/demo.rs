//! `gatepost-demo` as somebody uses it who tries it for the first time.

use std::{collections::BTreeSet, path::Path, process::Stdio, time::Duration};

use anyhow::{Context, bail, ensure};
use e2e::{
    api::Api,
    clock::{self, Deadline},
    fleet::{free_port, read_demo},
    journal::read_truths,
    wait::wait_for,
};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStdout, Command},
};

use crate::{program, run};

pub(crate) struct Demo {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    http: String,
}

impl Demo {
    /// Starts one and waits for its address.
    pub(crate) async fn start(dir: &Path, flags: &[&str]) -> anyhow::Result<Self> {
        let (http, mqtt) = (free_port()?, free_port()?);
        let mut child = Command::new(program())
            .arg("--data")
            .arg(dir)
            .args(["--http", &format!("127.0.0.1:{http}")])
            .args(["--mqtt", &format!("127.0.0.1:{mqtt}")])
            .args(flags)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let stdout = child.stdout.take().context("its stdout")?;
        let mut lines = BufReader::new(stdout).lines();
        let first = tokio::time::timeout(Duration::from_secs(30), lines.next_line()).await;
        let first = first
            .context("no first line")??
            .context("it said nothing")?;
        let http = format!("127.0.0.1:{http}");
        ensure!(first == format!("Gatepost: http://{http}/"), "{first}");
        Ok(Self { child, lines, http })
    }

    /// `HOST:PORT` of its page.
    pub(crate) fn http(&self) -> &str {
        &self.http
    }

    /// As Ctrl-C does.
    pub(crate) fn interrupt(&self) -> anyhow::Result<()> {
        self.signal(Signal::INT)
    }

    fn signal(&self, signal: Signal) -> anyhow::Result<()> {
        let pid = self.child.id().context("it has ended")?;
        let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
        Ok(kill_process(pid.context("a pid")?, signal)?)
    }

    /// Waits for its end; what it said meanwhile.
    pub(crate) async fn ended(mut self) -> anyhow::Result<(std::process::ExitStatus, Vec<String>)> {
        let mut said = Vec::new();
        let deadline = Deadline::after(Duration::from_secs(60));
        loop {
            match tokio::time::timeout(deadline.left(), self.lines.next_line()).await {
                Ok(Ok(Some(line))) => said.push(line),
                Ok(_) => break,
                Err(_) => bail!("it does not end: {said:?}"),
            }
        }
        Ok((self.child.wait().await?, said))
    }
}

/// Processes whose command line names a folder.
fn processes_of(dir: &Path) -> Vec<String> {
    let dir = dir.display().to_string();
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    processes
        .filter_map(|process| {
            let words = std::fs::read(process.path().join("cmdline")).ok()?;
            let words = String::from_utf8_lossy(&words).replace('\0', " ");
            words.contains(&dir).then_some(words)
        })
        .collect()
}

async fn nothing_left(dir: &Path, within: Duration) -> anyhow::Result<()> {
    wait_for("no process left", within, async || {
        let left = processes_of(dir);
        if left.is_empty() { Ok(()) } else { Err(left) }
    })
    .await
}

pub(crate) async fn verify(dir: &Path) -> anyhow::Result<String> {
    let done = Command::new(program())
        .arg("verify")
        .arg(dir)
        .output()
        .await?;
    let said = String::from_utf8_lossy(&done.stdout).into_owned();
    ensure!(
        done.status.success(),
        "verify says:\n{said}{}",
        String::from_utf8_lossy(&done.stderr)
    );
    Ok(said)
}

/// So many units have no backlog and are live.
async fn is_complete(api: &Api, of: usize) -> Result<(), String> {
    let sites: Value = api
        .json("sites")
        .await
        .map_err(|error| format!("{error:#}"))?;
    let units = api.units().await.map_err(|error| format!("{error:#}"))?;
    let is_there = |unit: &e2e::api::UnitRow| {
        let is_new = unit.data_age_s.is_some_and(|age| age < 300.0);
        unit.state == "online" && unit.waiting == 0 && !unit.catching_up && is_new
    };
    if units.len() == of && units.iter().all(is_there) {
        return Ok(());
    }
    let waiting = sites["sites"].as_array().map(|sites| {
        let of = |site: &Value| site["waiting"].clone();
        sites.iter().map(of).collect::<Vec<_>>()
    });
    Err(format!("{units:?}, waiting by site {waiting:?}"))
}

#[test]
fn a_fortnight_is_complete_clean_goes_on_and_leaves_nothing_behind() {
    run(async {
        let dir = tempfile::Builder::new()
            .prefix("gatepost-demo-test-")
            .tempdir()?;
        let began = clock::now();
        let demo = Demo::start(dir.path(), &["--sites", "3", "--history", "14d"]).await?;
        println!("address after {:.2?} (to be: 2 s)", began.elapsed());
        let api = Api::new(&demo.http, None)?;
        let within = Duration::from_secs(60);
        wait_for("six units on the page", within, async || {
            match api.units().await {
                Ok(units) if units.iter().filter(|unit| unit.state == "online").count() == 6 => {
                    Ok(())
                }
                other => Err(format!("{other:?}")),
            }
        })
        .await?;
        println!(
            "units on the page after {:.2?} (to be: 5 s after the address)",
            began.elapsed()
        );
        wait_for("the history", Duration::from_secs(170), async || {
            is_complete(&api, 6).await
        })
        .await?;
        println!(
            "14 days of 3 sites complete after {:.1?} (to be: 60 s)",
            began.elapsed()
        );

        // Past slots have verdicts, and people came every day.
        for site in ["binjiang", "donghu", "gaoxin"] {
            let now = gatepost_model::Wall::from_micros(clock::wall()).context("now")?;
            let from = now.plus_micros(-13 * 86_400_000_000);
            let slots: Value = api
                .json(&format!("sites/{site}/slots?from={from}&to={now}"))
                .await?;
            let slots = slots["slots"].as_array().context("slots")?;
            let verdict = |slot: &Value| slot["verdict"].as_str().map(str::to_owned);
            let of = |word: &str| {
                slots
                    .iter()
                    .filter(|slot| verdict(slot).as_deref() == Some(word))
                    .count()
            };
            println!(
                "{site}: {} slots, {} done, {} missed, {} unknown",
                slots.len(),
                of("done"),
                of("missed"),
                of("unknown")
            );
            ensure!(
                of("done") * 10 > slots.len() * 7,
                "few rounds were done: {slots:?}"
            );
            let days: Value = api
                .json(&format!(
                    "sites/{site}/series?metric=passages&lane=people&from={from}&to={now}&step=1d"
                ))
                .await?;
            let days = days["rows"].as_array().context("rows")?;
            ensure!(days.len() >= 13, "{} days", days.len());
            for day in &days[1..days.len() - 1] {
                ensure!(
                    day[1].as_u64().is_some_and(|n| n > 100),
                    "a day without people: {day}"
                );
            }
        }
        println!("{}", verify(dir.path()).await?.trim());
        let events = read_demo(dir.path())?;
        ensure!(
            events.units.iter().all(|unit| unit.pid.is_some()),
            "{events:?}"
        );

        demo.signal(Signal::INT)?;
        let (status, said) = demo.ended().await?;
        ensure!(status.success(), "{status}: {said:?}");
        nothing_left(dir.path(), Duration::from_secs(5)).await?;

        // The same folder goes on where it was, and ends by itself.
        let demo = Demo::start(dir.path(), &["--for", "8s"]).await?;
        let (status, said) = demo.ended().await?;
        ensure!(status.success(), "{status}: {said:?}");
        println!("went on, then: {}", verify(dir.path()).await?.trim());
        nothing_left(dir.path(), Duration::from_secs(5)).await
    });
}

/// A demo with real people: what the record says of them is the file's, and their fevers are found.
#[test]
fn real_people_walk_through_the_demos_gate() {
    run(async {
        let dir = tempfile::Builder::new()
            .prefix("gatepost-demo-test-")
            .tempdir()?;
        let flags = ["--faces", "--sites", "1", "--history", "2d"];
        let demo = Demo::start(dir.path(), &flags).await?;
        let api = Api::new(&demo.http, None)?;
        wait_for("the history", Duration::from_secs(120), async || {
            is_complete(&api, 2).await
        })
        .await?;

        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/face-temperatures.csv");
        let text = std::fs::read_to_string(file)?;
        let readings: BTreeSet<(u64, String)> = text
            .lines()
            .skip(1)
            .flat_map(|line| {
                let canthus = line.split(',').skip(5).take(3);
                let number = |text: &str| format!("{:.2}", text.parse::<f64>().unwrap_or(0.0));
                (1..).zip(canthus.map(number)).collect::<Vec<_>>()
            })
            .collect();
        let (mut attempts, mut suspected) = ([0; 4], 0);
        let mut next = Some(String::new());
        while let Some(cursor) = next {
            let path = format!("sites/binjiang/events?kind=screening&limit=500{cursor}");
            let page: Value = api.json(&path).await?;
            for event in page["events"].as_array().context("events")? {
                let attempt = event["attempt"].as_u64().context("attempt")?;
                let skin = event["skin_c"].as_f64().context("skin_c")?;
                let reading = (attempt, format!("{skin:.2}"));
                ensure!(readings.contains(&reading), "nobody's: {event}");
                attempts[usize::try_from(attempt)?] += 1;
                suspected += u32::from(event["verdict"] == "fever");
            }
            next = page["next"].as_str().map(|next| format!("&cursor={next}"));
        }
        println!(
            "measured once, again, a third time: {:?}; {suspected} suspected",
            &attempts[1..]
        );
        ensure!(
            attempts[1] > 500 && attempts[2] > 20 && suspected > 10,
            "too few"
        );
        // What the page draws.
        let now = gatepost_model::Wall::from_micros(clock::wall()).context("now")?;
        let from = now.plus_micros(-2 * 86_400_000_000);
        let drawn: Value = api
            .json(&format!(
                "sites/binjiang/series?metric=skin_c&from={from}&to={now}&step=1d"
            ))
            .await?;
        let rows = drawn["rows"].as_array().context("rows")?;
        let n: u64 = rows.iter().filter_map(|row| row[1].as_u64()).sum();
        ensure!(n > 500, "the page has few of them: {drawn}");
        println!("{}", verify(dir.path()).await?.trim());
        demo.interrupt()?;
        let (status, said) = demo.ended().await?;
        ensure!(status.success(), "{status}: {said:?}");
        Ok(())
    });
}

#[test]
fn a_demo_that_is_killed_takes_its_processes_with_it() {
    run(async {
        let dir = tempfile::Builder::new()
            .prefix("gatepost-demo-test-")
            .tempdir()?;
        let demo = Demo::start(dir.path(), &["--sites", "1", "--history", "1d"]).await?;
        let within = Duration::from_secs(20);
        wait_for("hub and units run", within, async || {
            match processes_of(dir.path()) {
                running if running.len() >= 4 => Ok(()),
                running => Err(running),
            }
        })
        .await?;
        wait_for(
            "something has happened",
            within,
            async || match read_truths(dir.path()) {
                Ok(truths) if truths.len() > 500 => Ok(()),
                Ok(truths) => Err(format!("{} truths", truths.len())),
                Err(error) => Err(format!("{error:#}")),
            },
        )
        .await?;
        demo.signal(Signal::KILL)?;
        let (status, _) = demo.ended().await?;
        ensure!(!status.success(), "it was killed");
        nothing_left(dir.path(), within).await?;
        println!("after a kill: {}", verify(dir.path()).await?.trim());
        Ok(())
    });
}
