//! A hub as a process with a folder of its own.

use std::{
    fs,
    path::PathBuf,
    process::{Command, Output, Stdio},
    time::Duration,
};

use serde_json::Value;
use tokio::{
    process::{Child, Command as Spawned},
    time::{Instant, sleep, timeout},
};

/// Everything that a test waits for comes within this, or never.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

const BINARY: &str = env!("CARGO_BIN_EXE_gatepost-hub");

pub(crate) const SITE: &str = r#"
    id = "s"
    time_zone = "Asia/Shanghai"
    name = { zh = "一号", en = "One" }
    units = ["gate-1"]

    [[lane]]
    id = "people"
    kind = "people"
"#;

/// A hub.
pub(crate) struct Hub {
    folder: tempfile::TempDir,
    child: Option<Child>,
    http: String,
    pub(crate) mqtt: String,
    /// What its configuration wants of who asks.
    pub(crate) token: Option<String>,
    client: reqwest::Client,
}

impl Hub {
    /// Serves a site `s`.
    pub(crate) async fn start() -> Self {
        Self::with(&[SITE]).await
    }

    /// Serves these sites.
    pub(crate) async fn with(sites: &[&str]) -> Self {
        let mut hub = Self::new(sites, "listen = \"127.0.0.1:0\"");
        hub.serve().await;
        hub
    }

    /// Serves a site `s` by way of another's broker.
    pub(crate) async fn at_the_broker_of(other: &Self) -> Self {
        let address = &other.mqtt;
        let broker = format!("kind = \"external\"\naddress = {address:?}\nclient_id = \"another\"");
        let mut hub = Self::new(&[SITE], &broker);
        hub.serve().await;
        hub
    }

    /// A hub that is not started, with more tables in its configuration.
    pub(crate) fn new(sites: &[&str], broker: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let client = reqwest::Client::builder()
            .no_proxy()
            .timeout(PATIENCE)
            .build()
            .unwrap();
        let hub = Self {
            folder,
            child: None,
            http: String::new(),
            mqtt: String::new(),
            token: None,
            client,
        };
        hub.configure(broker);
        for site in sites {
            let done = hub.import(site);
            assert!(done.status.success(), "{done:?}");
        }
        hub
    }

    /// Writes the configuration, for the next start.
    pub(crate) fn configure(&self, broker: &str) {
        let config = format!(
            "[hub]\ndata = \"data\"\n[http]\nlisten = \"127.0.0.1:0\"\n[broker]\n{broker}\n\
             [timers]\ncanary_s = 0.5\ntick_ms = 50\ndelta_ms = 20\nhold_s = 0\npace_s = 0\nurgent_pace_s = 0\n"
        );
        fs::write(self.config(), config).unwrap();
    }

    /// A hub that serves these sites and has one more table in its configuration.
    pub(crate) async fn configured(sites: &[&str], more: &str) -> Self {
        let mut hub = Self::new(sites, &format!("listen = \"127.0.0.1:0\"\n{more}"));
        hub.serve().await;
        hub
    }

    /// Starts the process, and waits until it works.
    pub(crate) async fn serve(&mut self) {
        self.serve_as_it_is().await;
        self.wait("/readyz", |ready| ready["ready"] == true).await;
    }

    /// Starts the process, and waits until it answers, whether all of it works or not.
    pub(crate) async fn serve_as_it_is(&mut self) {
        let said = self.path("data/hub.json");
        drop(fs::remove_file(&said));
        let log = fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.path("log"))
            .unwrap();
        // A file that may not grow is an error of a write, and no signal that ends the process.
        let child = Spawned::new("sh")
            .args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\"", BINARY])
            .args(["serve", "--config"])
            .arg(self.config())
            .stderr(Stdio::from(log))
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        self.child = Some(child);
        let deadline = Instant::now() + PATIENCE;
        let said: Value = loop {
            if let Ok(text) = fs::read_to_string(&said) {
                break serde_json::from_str(&text).unwrap();
            }
            assert!(Instant::now() < deadline, "{}", self.log());
            sleep(Duration::from_millis(5)).await;
        };
        self.http = said["http"].as_str().unwrap().to_owned();
        self.mqtt = said["mqtt"].as_str().unwrap().to_owned();
    }

    /// Bytes that the process has in memory.
    pub(crate) fn resident(&self) -> u64 {
        let pid = self.child.as_ref().unwrap().id().unwrap();
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:"));
        let kib: u64 = line
            .unwrap()
            .split_whitespace()
            .nth(1)
            .unwrap()
            .parse()
            .unwrap();
        kib * 1024
    }

    /// No file of the process may be larger than so many bytes, as on a disk that is full.
    pub(crate) fn limit_files(&self, bytes: &str) {
        let pid = self.child.as_ref().unwrap().id().unwrap().to_string();
        let limit = format!("--fsize={bytes}:");
        let set = Command::new("prlimit")
            .args(["--pid", &pid, &limit])
            .status();
        assert!(set.unwrap().success());
    }

    /// The process dies at once.
    pub(crate) async fn kill(&mut self) {
        let mut child = self.child.take().unwrap();
        child.kill().await.unwrap();
    }

    /// The process is told to stop. Answers its exit code.
    pub(crate) async fn stop(&mut self) -> Option<i32> {
        let pid = self.child.as_ref().unwrap().id().unwrap().to_string();
        let told = Command::new("kill").args(["-TERM", &pid]).status().unwrap();
        assert!(told.success());
        self.ended(PATIENCE).await
    }

    /// Waits until the process ends by itself. Answers its exit code.
    pub(crate) async fn ended(&mut self, patience: Duration) -> Option<i32> {
        let mut child = self.child.take().unwrap();
        let ended = timeout(patience, child.wait()).await;
        ended
            .unwrap_or_else(|_| panic!("{}", self.log()))
            .unwrap()
            .code()
    }

    /// `site import` of a text.
    pub(crate) fn import(&self, site: &str) -> Output {
        let file = self.path("site.toml");
        fs::write(&file, site).unwrap();
        self.run(&["site", "import", file.to_str().unwrap(), "--config"])
    }

    /// A command whose last argument is the configuration.
    pub(crate) fn run(&self, words: &[&str]) -> Output {
        let mut command = Command::new(BINARY);
        command.args(words).arg(self.config()).output().unwrap()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The configuration's file.
    pub(crate) fn config(&self) -> PathBuf {
        self.path("gatepost-hub.toml")
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.path("log")).unwrap_or_default()
    }

    /// JSON of a path, whatever the status.
    pub(crate) async fn get(&self, path: &str) -> Value {
        self.ask(self.client.get(format!("http://{}{path}", self.http)))
            .await
            .1
    }

    /// Status and JSON of a change.
    pub(crate) async fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        let request = self.client.post(format!("http://{}{path}", self.http));
        let request = request.header("content-type", "application/json");
        self.ask(request.body(body.to_string())).await
    }

    /// Status and JSON of a change by a key of its own; none if the hub died before it had answered.
    pub(crate) fn asked(
        &self,
        path: &str,
        key: &str,
        body: &Value,
    ) -> impl Future<Output = Option<(u16, Value)>> + use<> {
        let request = self.client.post(format!("http://{}{path}", self.http));
        let request = request.header("content-type", "application/json");
        let request = request
            .header("idempotency-key", key)
            .body(body.to_string());
        async move {
            let answer = request.send().await.ok()?;
            let status = answer.status().as_u16();
            let body = answer.bytes().await.ok()?;
            Some((status, serde_json::from_slice(&body).unwrap_or_default()))
        }
    }

    /// A path whose answer does not end.
    pub(crate) async fn open(&self, path: &str) -> reqwest::Response {
        let request = reqwest::Client::builder().no_proxy().build().unwrap();
        let request = request.get(format!("http://{}{path}", self.http));
        request.send().await.unwrap()
    }

    /// The text of a path.
    pub(crate) async fn text(&self, path: &str) -> String {
        let request = self.client.get(format!("http://{}{path}", self.http));
        request.send().await.unwrap().text().await.unwrap()
    }

    async fn ask(&self, mut request: reqwest::RequestBuilder) -> (u16, Value) {
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        let answer = request.send().await;
        let answer = answer.unwrap_or_else(|error| panic!("{error}\n{}", self.log()));
        let status = answer.status().as_u16();
        let body = answer.bytes().await.unwrap();
        (status, serde_json::from_slice(&body).unwrap_or_default())
    }

    /// Asks until the answer is as it should be.
    #[track_caller]
    pub(crate) fn wait<'h>(
        &'h self,
        path: &'h str,
        is_right: impl Fn(&Value) -> bool + 'h,
    ) -> impl Future<Output = Value> + 'h {
        let caller = std::panic::Location::caller();
        async move {
            let deadline = Instant::now() + PATIENCE;
            loop {
                let answer = self.get(path).await;
                if is_right(&answer) {
                    return answer;
                }
                assert!(
                    Instant::now() < deadline,
                    "{caller}: {path} is {answer:#}\n{}",
                    self.log()
                );
                sleep(Duration::from_millis(20)).await;
            }
        }
    }

    /// The sequences of a log in the record.
    pub(crate) async fn sequences(&self, log: &str) -> Vec<u64> {
        let events = self.get("/api/v1/sites/s/events?limit=10000").await;
        let events = events["events"].as_array().unwrap();
        let mut seqs: Vec<u64> = events
            .iter()
            .filter(|event| event["log"] == log)
            .map(|event| event["seq"].as_u64().unwrap())
            .collect();
        seqs.sort_unstable();
        seqs
    }

    /// What is set aside with a code.
    pub(crate) async fn aside(&self, code: &str) -> Value {
        let is_it = |item: &&Value| item["code"] == code;
        let path = "/api/v1/quarantine";
        let items = self
            .wait(path, |said| {
                said["quarantine"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .any(|item| is_it(&item))
            })
            .await;
        items["quarantine"]
            .as_array()
            .unwrap()
            .iter()
            .find(is_it)
            .cloned()
            .unwrap()
    }
}
