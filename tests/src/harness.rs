//! A hub and units of their own for one test, with the world before them.

use std::{path::PathBuf, sync::Arc, time::Duration};

use anyhow::{Context, bail};

use crate::{
    api::Api,
    chaos_proxy::ChaosProxy,
    fleet::{DemoFile, Fleet, History, Setup, free_port, read_demo},
    journal::State,
    stage::{Script, Stage},
    verify,
    wait::wait_for,
};

/// Timers of the units, so that nothing waits long: the link's in host time, the rest as in life.
pub const SHORT_UNIT_TIMERS: &str = "[timers]\nalive_s = 0.5\nack_timeout_ms = 1000\n\
    reconnect_min_ms = 30\nreconnect_max_ms = 400\ncommit_ms = 50\n";
/// Timers of the hub likewise.
pub const SHORT_HUB_TIMERS: &str = "[timers]\ntick_ms = 100\ncanary_s = 2.0\nhold_s = 1.0\n";

/// What a test wants.
#[derive(Debug)]
pub struct Wants {
    /// The demo's binary.
    pub program: PathBuf,
    /// Which sites there are, and what is played.
    pub script: Script,
    /// The world is played; else the test plays the boards itself.
    pub play: bool,
    /// A chaos proxy stands between units and broker.
    pub proxy: bool,
    /// Further tables of the hub's configuration.
    pub hub_extra: String,
    /// Further tables of the units' configurations.
    pub unit_extra: String,
}

/// Everything is written, nothing runs.
#[derive(Debug)]
pub struct Prepared {
    wants: Wants,
    state: State,
    proxy: Option<ChaosProxy>,
    /// `demo.json`
    pub demo: DemoFile,
    dir: tempfile::TempDir,
}

/// A hub with its units, and the world before them.
#[derive(Debug)]
pub struct TestSite {
    /// The processes.
    pub fleet: Arc<Fleet>,
    /// The world, if it is played.
    pub stage: Option<Arc<Stage>>,
    /// Between units and broker, if it was wanted.
    pub proxy: Option<ChaosProxy>,
    /// Asks the hub.
    pub api: Api,
    dir: tempfile::TempDir,
}

impl Wants {
    /// Writes everything in a folder of its own, with free ports.
    pub async fn prepare(mut self) -> anyhow::Result<Prepared> {
        let mut dir = tempfile::Builder::new()
            .prefix("gatepost-test-")
            .tempdir()?;
        // It stays if the test fails.
        dir.disable_cleanup(true);
        let mqtt = format!("127.0.0.1:{}", free_port()?);
        let proxy = match self.proxy {
            true => Some(ChaosProxy::start(mqtt.clone()).await?),
            false => None,
        };
        let state = self.script.state(dir.path())?;
        let setup = Setup {
            program: self.program.clone(),
            dir: dir.path().to_owned(),
            http: format!("127.0.0.1:{}", free_port()?),
            mqtt,
            mqtt_for_units: proxy.as_ref().map(|proxy| proxy.address().to_owned()),
            token: None,
            history: History::Embedded,
            hub_extra: self.hub_extra.clone(),
            unit_extra: self.unit_extra.clone(),
            sites: self.script.sites(state.started),
        };
        Ok(Prepared {
            demo: setup.write()?,
            wants: self,
            state,
            proxy,
            dir,
        })
    }
}

impl Prepared {
    /// Starts everything.
    pub async fn launch(self) -> anyhow::Result<TestSite> {
        let Self {
            wants,
            state,
            proxy,
            demo,
            dir,
        } = self;
        let fleet = Arc::new(Fleet::launch(&wants.program, dir.path(), demo).await?);
        let stage = match wants.play {
            true => Some(Arc::new(Stage::begin(
                &wants.script,
                state,
                dir.path(),
                &fleet,
            )?)),
            false => None,
        };
        Ok(TestSite {
            api: fleet.api.clone(),
            fleet,
            stage,
            proxy,
            dir,
        })
    }
}

impl TestSite {
    /// The folder of everything.
    pub fn dir(&self) -> &std::path::Path {
        self.dir.path()
    }

    /// `demo.json`, as it is now.
    pub fn demo(&self) -> anyhow::Result<DemoFile> {
        read_demo(self.dir.path())
    }

    /// Waits until every unit has lived up to the present and holds nothing back.
    pub async fn caught_up(&self, within: Duration) -> anyhow::Result<()> {
        let expected = self.fleet.units.len();
        let what = format!("all units live and drained ({})", self.dir().display());
        wait_for(&what, within, async || {
            if let Some(stage) = self.stage.as_ref().filter(|stage| !stage.is_live()) {
                let players = stage.players.iter();
                let at: Vec<_> = players
                    .map(|(.., remote)| remote.progress().position)
                    .collect();
                return Err(format!("living through {at:?}"));
            }
            let units = self
                .api
                .units()
                .await
                .map_err(|error| format!("{error:#}"))?;
            let is_there = |unit: &crate::api::UnitRow| unit.state == "online" && unit.waiting == 0;
            if units.len() != expected || !units.iter().all(is_there) {
                return Err(format!("{units:?}"));
            }
            let demo = self.demo().map_err(|error| format!("{error:#}"))?;
            verify::drained(&self.api, &demo).await
        })
        .await
    }

    /// Ends the world, then holds the record against it; everything runs on. The report is the error
    /// if it is not clean.
    pub async fn end_and_verify(&self) -> anyhow::Result<Vec<String>> {
        self.end_world().await;
        let mut lines = Vec::new();
        let clean = verify::verify(
            &self.api,
            self.dir.path(),
            &self.demo()?,
            false,
            &mut |line| lines.push(line),
        )
        .await?;
        if !clean {
            bail!("not clean:\n{}\n{}", lines.join("\n"), self.logs()?);
        }
        Ok(lines)
    }

    async fn end_world(&self) {
        if let Some(stage) = &self.stage {
            stage.end().await;
        }
    }

    /// Stops every process and removes the folder.
    pub async fn stop(mut self) {
        self.end_world().await;
        self.fleet.stop().await;
        if let Some(proxy) = &self.proxy {
            proxy.stop().await;
        }
        self.dir.disable_cleanup(false);
    }

    /// The last lines of every log that tell of trouble.
    pub fn logs(&self) -> anyhow::Result<String> {
        const LINES: usize = 15;
        let mut text = String::new();
        for entry in std::fs::read_dir(self.dir.path().join("logs"))? {
            let path = entry?.path();
            let log = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
            let trouble: Vec<&str> = log
                .lines()
                .filter(|line| !line.contains("\"INFO\""))
                .collect();
            let last = &trouble[trouble.len().saturating_sub(LINES)..];
            text.push_str(&format!("{}:\n{}\n", path.display(), last.join("\n")));
        }
        Ok(text)
    }
}
