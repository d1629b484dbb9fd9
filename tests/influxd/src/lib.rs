//! A real InfluxDB 2 server for tests and benches, with a folder of its own.
//!
//! `GATEPOST_INFLUXD` names its program; `tests/influxd/binary` builds it and says where it is. Whatever
//! goes wrong here is the end of a test: so it panics.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::missing_panics_doc,
    reason = "only tests and benches use it"
)]

use std::{
    fs::{self, File},
    io::{BufRead, BufReader, Write},
    net::TcpListener,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Arc,
    time::Duration,
};

use serde_json::{Value, json};
use tempfile::TempDir;

/// The organisation that the server has from the beginning.
pub const ORG: &str = "gatepost";
/// The token of who owns all.
pub const TOKEN: &str = "a-token-of-the-tests";

/// A running server. It ends when this is dropped, and with the process, in whatever way that ends.
#[derive(Debug)]
pub struct Influxd {
    url: String,
    org: String,
    token: String,
    folder: TempDir,
    shell: Child,
    pid: u32,
    _port: Port,
}

impl Influxd {
    /// Starts a server; none where there is no program to run, which is noted for the list of what was
    /// skipped (`GATEPOST_SKIPS`).
    pub fn start() -> Option<Self> {
        Self::start_at(&Port::reserve())
    }

    /// Starts a server on a port.
    pub fn start_at(port: &Port) -> Option<Self> {
        Self::start_as(port, ORG, "first", TOKEN)
    }

    /// Starts a server with an organisation and a bucket, whose owner has this token.
    pub fn start_as(port: &Port, org: &str, bucket: &str, token: &str) -> Option<Self> {
        let server = Self::launch(port, (org, token), &[])?;
        server.set_up(bucket);
        Some(server)
    }

    /// Starts a server with options of its own.
    pub fn start_with(options: &[&str]) -> Option<Self> {
        let server = Self::start_without_setup(options)?;
        server.set_up("first");
        Some(server)
    }

    /// Starts a server that nobody has set up.
    pub fn start_without_setup(options: &[&str]) -> Option<Self> {
        Self::launch(&Port::reserve(), (ORG, TOKEN), options)
    }

    fn launch(port: &Port, (org, token): (&str, &str), options: &[&str]) -> Option<Self> {
        let Ok(program) = std::env::var("GATEPOST_INFLUXD") else {
            note("what needs InfluxDB: GATEPOST_INFLUXD names no influxd");
            return None;
        };
        let reserved = port.clone();
        let port = port.number();
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name).display().to_string();
        // The shell ends the server when this process ends: its input does then.
        let script = r#"log=$1; shift; "$@" >"$log" 2>&1 & echo $!; cat >/dev/null; kill -9 $!"#;
        let mut shell = Command::new("sh")
            .args(["-c", script, "sh", &at("log"), &program])
            .arg(format!("--http-bind-address=127.0.0.1:{port}"))
            .arg(format!("--bolt-path={}", at("bolt")))
            .arg(format!("--sqlite-path={}", at("sqlite")))
            .arg(format!("--engine-path={}", at("engine")))
            // What is written is packed on the disk soon, so that its size can be told.
            .arg("--storage-cache-snapshot-write-cold-duration=5s")
            .args(["--reporting-disabled", "--log-level=error"])
            .args(options)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = String::new();
        BufReader::new(shell.stdout.take().unwrap())
            .read_line(&mut said)
            .unwrap();
        Some(Self {
            url: format!("http://127.0.0.1:{port}"),
            org: org.to_owned(),
            token: token.to_owned(),
            folder,
            shell,
            pid: said.trim().parse().unwrap(),
            _port: reserved,
        })
    }

    fn set_up(&self, bucket: &str) {
        let wanted = json!({"username": "tests", "password": "tests-tests", "org": self.org, "bucket": bucket, "token": self.token});
        let mut last = String::new();
        for _ in 0..600 {
            let said = ureq::post(self.path("setup"))
                .content_type("application/json")
                .send(wanted.to_string());
            match said {
                Ok(_) => return,
                Err(error) => last = error.to_string(),
            }
            std::thread::park_timeout(Duration::from_millis(100));
        }
        let log = fs::read_to_string(self.folder().join("log")).unwrap();
        panic!("influxd does not start: {last}\n{log}");
    }

    /// Its address, without a slash at the end.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What it keeps is in `engine` of this folder.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// A file with a token.
    pub fn token_file(&self, name: &str, token: &str) -> PathBuf {
        let path = self.folder().join(name);
        fs::write(&path, format!("{token}\n")).unwrap();
        path
    }

    /// Asks the interface as the owner of all.
    pub fn get(&self, path: &str) -> Value {
        let mut said = ureq::get(self.path(path))
            .header("Authorization", format!("Token {}", self.token))
            .call()
            .unwrap();
        serde_json::from_str(&said.body_mut().read_to_string().unwrap()).unwrap()
    }

    /// Posts to the interface as the owner of all.
    pub fn post(&self, path: &str, wanted: &Value) -> Value {
        let said = self.send(path, "application/json", &wanted.to_string());
        serde_json::from_str(&said).unwrap()
    }

    /// What a question in Flux answers, as CSV.
    pub fn ask(&self, flux: &str) -> String {
        let path = format!("query?org={}", self.org);
        self.send(&path, "application/vnd.flux", flux)
    }

    /// Posts to the interface as the owner of all. Answers what it says.
    pub fn send(&self, path: &str, kind: &str, body: &str) -> String {
        let said = ureq::post(self.path(path))
            .header("Authorization", format!("Token {}", self.token))
            .content_type(kind)
            .send(body);
        said.unwrap().body_mut().read_to_string().unwrap()
    }

    fn path(&self, path: &str) -> String {
        format!("{}/api/v2/{path}", self.url)
    }
}

impl Drop for Influxd {
    fn drop(&mut self) {
        drop(self.shell.stdin.take());
        drop(self.shell.wait());
    }
}

/// A port of the loopback address that is kept for whoever holds this, also while nobody listens on it.
///
/// It is none of those that the system hands out by itself, so that no other socket comes by it, and a
/// locked file keeps it from others who reserve one.
#[derive(Debug, Clone)]
pub struct Port {
    number: u16,
    _lock: Arc<File>,
}

impl Port {
    /// Takes one that nobody listens on and nobody has reserved.
    pub fn reserve() -> Self {
        let handed_out = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap();
        let first = handed_out.split_whitespace().next().unwrap();
        let first: u16 = first.parse().unwrap();
        let user = fs::metadata("/proc/self").unwrap().uid();
        let locks = std::env::temp_dir().join(format!("gatepost-ports-{user}"));
        fs::create_dir_all(&locks).unwrap();
        for number in (first.saturating_sub(RESERVED)..first).rev() {
            let lock = File::create(locks.join(number.to_string())).unwrap();
            if lock.try_lock().is_ok() && TcpListener::bind(("127.0.0.1", number)).is_ok() {
                return Self {
                    number,
                    _lock: Arc::new(lock),
                };
            }
        }
        panic!("no port below {first} is free");
    }

    /// Its number.
    pub fn number(&self) -> u16 {
        self.number
    }
}

/// So many ports below those that the system hands out may be reserved.
const RESERVED: u16 = 8_000;

/// Notes what could not run, for the list of what was skipped.
pub fn note(what: &str) {
    if let Ok(path) = std::env::var("GATEPOST_SKIPS") {
        let file = fs::OpenOptions::new().append(true).create(true).open(path);
        writeln!(file.unwrap(), "{what}").unwrap();
    }
    println!("skipped: {what}");
}
