//! The hub and the units as processes, with their files in one folder.
//!
//! ```text
//! DIR/demo.json                    addresses and processes, rewritten whenever one is started
//! DIR/hub/gatepost-hub.toml        and DIR/hub/data, DIR/hub/sites/SITE.toml
//! DIR/units/SITE/UNIT/             gatepost-edge.toml, spool
//! DIR/logs/NAME.log
//! ```

use std::{
    ffi::OsString,
    fs,
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    str::FromStr,
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, bail};
use gatepost_model::Site;
use serde::{Deserialize, Serialize};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    api::Api,
    clock::Deadline,
    process::{Process, Spec},
    world::sites::{Plan, Post, UnitFiles},
};

/// The argument that makes the demo's binary an edge.
pub const AS_EDGE: &str = "__edge";
/// The argument that makes the demo's binary a hub.
pub const AS_HUB: &str = "__hub";

/// What to run.
#[derive(Debug, Clone)]
pub struct Setup {
    /// The demo's binary, for the import of sites.
    pub program: PathBuf,
    /// Where everything is.
    pub dir: PathBuf,
    /// `HOST:PORT` of the hub's HTTP.
    pub http: String,
    /// `HOST:PORT` of the hub's broker.
    pub mqtt: String,
    /// `HOST:PORT` that units are told, where something stands between.
    pub mqtt_for_units: Option<String>,
    /// Asked for by the hub where it is reachable from outside.
    pub token: Option<String>,
    /// Where the hub keeps its history.
    pub history: History,
    /// Further tables of the hub's configuration.
    pub hub_extra: String,
    /// Further tables of the units' configurations.
    pub unit_extra: String,
    /// Sites with their units.
    pub sites: Vec<(Site, Vec<(Plan, Post)>)>,
}

/// Where a hub keeps its history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum History {
    /// In the record's own file.
    Embedded,
    /// In InfluxDB.
    Influx {
        /// Its address.
        url: String,
        /// The organisation.
        org: String,
        /// The bucket.
        bucket: String,
        /// A token that may read and write it.
        token: String,
    },
}

impl FromStr for History {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "embedded" {
            return Ok(Self::Embedded);
        }
        let parts = text.strip_prefix("influx=").unwrap_or_default();
        match parts.split(',').map(str::to_owned).collect::<Vec<_>>() {
            parts if parts.len() == 4 && parts.iter().all(|part| !part.is_empty()) => {
                let mut parts = parts.into_iter();
                let mut part = || parts.next().unwrap_or_default();
                Ok(Self::Influx {
                    url: part(),
                    org: part(),
                    bucket: part(),
                    token: part(),
                })
            }
            _ => Err(format!(
                "`{text}` is neither embedded nor like influx=http://127.0.0.1:8086,ORG,BUCKET,TOKEN"
            )),
        }
    }
}

impl History {
    /// The hub's table for it; a token goes into a file beside.
    fn table(&self, dir: &Path) -> anyhow::Result<String> {
        let Self::Influx {
            url,
            org,
            bucket,
            token,
        } = self
        else {
            return Ok("[store]\nkind = \"embedded\"\n".to_owned());
        };
        write(&dir.join("influx.token"), token)?;
        Ok(format!(
            "[store]\nkind = \"influx\"\nurl = {url:?}\norg = {org:?}\nbucket = {bucket:?}\n\
             token_file = \"influx.token\"\n"
        ))
    }
}

/// `demo.json`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DemoFile {
    /// `HOST:PORT` of the page and the API.
    pub http: String,
    /// `HOST:PORT` of the broker.
    pub mqtt: String,
    /// The token that the API asks for, if it does.
    pub token: Option<String>,
    /// The hub's process, if it runs.
    pub hub_pid: Option<u32>,
    /// The units.
    pub units: Vec<DemoUnit>,
}

/// A unit in `demo.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DemoUnit {
    /// Its site.
    pub site: String,
    /// Its id.
    pub unit: String,
    /// Its process, if it runs.
    pub pid: Option<u32>,
    /// The simulated board's socket.
    pub socket: PathBuf,
    /// Its configuration.
    pub config: PathBuf,
    /// Its data directory.
    pub spool: PathBuf,
}

/// Where `demo.json` is.
pub fn demo_path(dir: &Path) -> PathBuf {
    dir.join("demo.json")
}

/// Reads `demo.json`.
pub fn read_demo(dir: &Path) -> anyhow::Result<DemoFile> {
    let path = demo_path(dir);
    let bytes = fs::read(&path).with_context(|| path.display().to_string())?;
    serde_json::from_slice(&bytes).with_context(|| path.display().to_string())
}

/// The processes, running.
#[derive(Debug)]
pub struct Fleet {
    /// The hub.
    pub hub: Process,
    /// The units.
    pub units: Vec<Unit>,
    /// Asks the hub.
    pub api: Api,
    tasks: TaskTracker,
    stop: CancellationToken,
}

/// A unit, running.
#[derive(Debug)]
pub struct Unit {
    /// Its site.
    pub site: String,
    /// Its id.
    pub unit: String,
    /// Its process.
    pub process: Process,
    /// The simulated board's socket.
    pub socket: PathBuf,
    /// Its data directory.
    pub spool: PathBuf,
}

impl Setup {
    /// Writes every configuration, makes the sites known to the hub, and says where everything is.
    pub fn write(&self) -> anyhow::Result<DemoFile> {
        let hub = self.dir.join("hub");
        fs::create_dir_all(&hub).with_context(|| hub.display().to_string())?;
        write_hub(self)?;
        let mut units = Vec::new();
        for (site, posts) in &self.sites {
            for (plan, post) in posts {
                units.push(write_unit(self, site, plan, *post)?);
            }
        }
        let demo = DemoFile {
            http: self.http.clone(),
            mqtt: self.mqtt.clone(),
            token: self.token.clone(),
            hub_pid: None,
            units,
        };
        write_demo(&self.dir, &demo)?;
        Ok(demo)
    }
}

impl Fleet {
    /// Starts everything that `demo.json` names: the hub first, the units once it answers.
    pub async fn launch(program: &Path, dir: &Path, demo: DemoFile) -> anyhow::Result<Self> {
        let logs = dir.join("logs");
        fs::create_dir_all(&logs).with_context(|| logs.display().to_string())?;
        for address in [&demo.http, &demo.mqtt] {
            let address: SocketAddr = address
                .parse()
                .with_context(|| format!("`{address}` is no HOST:PORT"))?;
            TcpListener::bind(address).with_context(|| format!("{address} cannot be used"))?;
        }
        let tasks = TaskTracker::new();
        let start = |name: String, words: &[&str], config: &Path| {
            let spec = Spec {
                log: logs.join(format!("{}.log", name.replace('/', "-"))),
                name,
                program: program.to_owned(),
                args: args(words, config),
            };
            Process::start(spec, &tasks)
        };
        let hub = start(
            "hub".to_owned(),
            &[AS_HUB, "serve", "--config"],
            &hub_config(dir),
        );
        let api = Api::new(&demo.http, demo.token.clone())?;
        let deadline = Deadline::after(Duration::from_secs(30));
        while !api.is_up().await {
            if deadline.is_over() {
                hub.stop().await;
                bail!(
                    "the hub does not answer; see {}",
                    logs.join("hub.log").display()
                );
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let units = demo.units.iter().map(|unit| Unit {
            process: start(
                format!("{}/{}", unit.site, unit.unit),
                &[AS_EDGE, "run", "--config"],
                &unit.config,
            ),
            site: unit.site.clone(),
            unit: unit.unit.clone(),
            socket: unit.socket.clone(),
            spool: unit.spool.clone(),
        });
        let units = units.collect();
        let fleet = Self {
            hub,
            units,
            api,
            tasks,
            stop: CancellationToken::new(),
        };
        fleet.keep_demo_file(dir.to_owned(), demo);
        fleet.tasks.close();
        Ok(fleet)
    }

    /// A unit by its site and id.
    pub fn unit(&self, site: &str, unit: &str) -> Option<&Unit> {
        self.units
            .iter()
            .find(|other| other.site == site && other.unit == unit)
    }

    /// Stops everything, units first, and waits for it.
    pub async fn stop(&self) {
        futures_util::future::join_all(self.units.iter().map(|unit| unit.process.stop())).await;
        self.hub.stop().await;
        self.stop.cancel();
        self.tasks.wait().await;
    }

    /// Rewrites `demo.json` whenever a process was started or has ended.
    fn keep_demo_file(&self, dir: PathBuf, demo: DemoFile) {
        let pids: Vec<_> = std::iter::once(&self.hub)
            .chain(self.units.iter().map(|unit| &unit.process))
            .map(Process::pids)
            .collect();
        let changed = Arc::new(tokio::sync::Notify::new());
        for mut pid in pids.clone() {
            let changed = Arc::clone(&changed);
            self.tasks.spawn(async move {
                changed.notify_one();
                while pid.changed().await.is_ok() {
                    changed.notify_one();
                }
            });
        }
        let stop = self.stop.clone();
        let mut demo = demo;
        self.tasks.spawn(async move {
            loop {
                demo.hub_pid = *pids[0].borrow();
                for (unit, pid) in demo.units.iter_mut().zip(&pids[1..]) {
                    unit.pid = *pid.borrow();
                }
                if let Err(error) = write_demo(&dir, &demo) {
                    tracing::error!(error = format!("{error:#}"), "demo.json cannot be written");
                }
                tokio::select! {
                    () = changed.notified() => {}
                    () = stop.cancelled() => return,
                }
            }
        });
    }
}

fn write_demo(dir: &Path, demo: &DemoFile) -> anyhow::Result<()> {
    write(&demo_path(dir), &serde_json::to_string_pretty(demo)?)
}

/// Whole or not at all.
fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    let mut new = path.as_os_str().to_owned();
    new.push(".new");
    fs::write(&new, text)
        .and_then(|()| fs::rename(&new, path))
        .with_context(|| path.display().to_string())
}

fn args(words: &[&str], config: &Path) -> Vec<OsString> {
    let words = words.iter().map(OsString::from);
    words.chain([config.as_os_str().to_owned()]).collect()
}

/// Writes the hub's configuration and imports the sites.
fn write_hub(setup: &Setup) -> anyhow::Result<()> {
    let dir = setup.dir.join("hub");
    let sites = dir.join("sites");
    fs::create_dir_all(&sites).with_context(|| sites.display().to_string())?;
    let token = setup
        .token
        .as_ref()
        .map(|token| format!("token = \"{token}\"\n"))
        .unwrap_or_default();
    let config = hub_config(&setup.dir);
    let text = format!(
        "[hub]\ndata = {:?}\n\n[http]\nlisten = \"{}\"\n{token}\n[broker]\nkind = \"embedded\"\nlisten = \"{}\"\n\n{}\n{}",
        dir.join("data").display().to_string(),
        setup.http,
        setup.mqtt,
        setup.history.table(&dir)?,
        setup.hub_extra,
    );
    write(&config, &text)?;
    let mut import = std::process::Command::new(&setup.program);
    import.args([AS_HUB, "site", "import"]);
    for (site, _) in &setup.sites {
        let path = sites.join(format!("{}.toml", site.id));
        write(&path, &toml::to_string(site)?)?;
        import.arg(path);
    }
    let done = import
        .arg("--config")
        .arg(&config)
        .stdin(std::process::Stdio::null())
        .output()
        .context("the sites cannot be imported")?;
    if !done.status.success() {
        bail!(
            "the sites cannot be imported: {}",
            String::from_utf8_lossy(&done.stderr)
        );
    }
    Ok(())
}

fn hub_config(dir: &Path) -> PathBuf {
    dir.join("hub").join("gatepost-hub.toml")
}

fn write_unit(setup: &Setup, site: &Site, plan: &Plan, post: Post) -> anyhow::Result<DemoUnit> {
    let dir = setup.dir.join("units").join(plan.id).join(post.unit());
    fs::create_dir_all(&dir).with_context(|| dir.display().to_string())?;
    let unit = DemoUnit {
        site: site.id.to_string(),
        unit: post.unit().to_owned(),
        pid: None,
        socket: socket(&dir, plan, post)?,
        config: dir.join("gatepost-edge.toml"),
        spool: dir.join("spool"),
    };
    let files = UnitFiles {
        data: &unit.spool,
        socket: &unit.socket,
        mqtt: setup.mqtt_for_units.as_ref().unwrap_or(&setup.mqtt),
        extra: &setup.unit_extra,
    };
    write(&unit.config, &plan.unit_config(post, &files))?;
    Ok(unit)
}

/// A Unix socket's path may have 107 bytes; a deep folder's socket goes to the machine's own.
fn socket(dir: &Path, plan: &Plan, post: Post) -> anyhow::Result<PathBuf> {
    let near = dir.join("board.sock");
    if near.as_os_str().len() <= 100 {
        return Ok(near);
    }
    let whole = fs::canonicalize(dir).with_context(|| dir.display().to_string())?;
    let number = crate::world::dice::Dice::new(0, &[&whole.display().to_string()]).next();
    let far = std::env::temp_dir().join(format!("gatepost-{number:016x}"));
    fs::create_dir_all(&far).with_context(|| far.display().to_string())?;
    Ok(far.join(format!("{}-{}.sock", plan.id, post.unit())))
}

/// A port of this machine that nobody uses at the moment.
pub fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}
