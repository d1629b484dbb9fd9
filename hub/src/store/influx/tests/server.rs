//! A real InfluxDB 2 for tests: one process for all of them, a bucket for each.

use std::{
    fs,
    io::Write,
    net::TcpListener,
    process::{Command, Stdio},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::store::influx::{Client, Place};

/// The server; none where there is no program to run, which is noted for the list of what was skipped.
pub(super) fn server() -> Option<&'static Server> {
    static SERVER: OnceLock<Option<Server>> = OnceLock::new();
    SERVER.get_or_init(Server::start).as_ref()
}

pub(super) struct Server {
    pub(super) url: String,
    pub(super) folder: TempDir,
    buckets: AtomicU64,
}

const ORG: &str = "gatepost";
const TOKEN: &str = "a-token-of-the-tests";

impl Server {
    fn start() -> Option<Self> {
        let Ok(program) = std::env::var("GATEPOST_INFLUXD") else {
            note("the store tests on InfluxDB: GATEPOST_INFLUXD names no influxd");
            return None;
        };
        let folder = tempfile::tempdir().unwrap();
        let port = {
            let free = TcpListener::bind("127.0.0.1:0").unwrap();
            free.local_addr().unwrap().port()
        };
        let at = folder.path();
        // The shell ends the server when this process ends, in whatever way: its input does then.
        let script = r#""$@" & pid=$!; cat >/dev/null; kill -9 $pid"#;
        let log = fs::File::create(at.join("log")).unwrap();
        let child = Command::new("sh")
            .args(["-c", script, "sh", &program])
            .arg(format!("--http-bind-address=127.0.0.1:{port}"))
            .arg(format!("--bolt-path={}", at.join("bolt").display()))
            .arg(format!("--sqlite-path={}", at.join("sqlite").display()))
            .arg(format!("--engine-path={}", at.join("engine").display()))
            // What is written is packed on the disk soon, so that its size can be told.
            .arg("--storage-cache-snapshot-write-cold-duration=5s")
            .args(["--reporting-disabled", "--log-level=error"])
            .stdin(Stdio::piped())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        std::mem::forget(child);
        let server = Self {
            url: format!("http://127.0.0.1:{port}"),
            folder,
            buckets: AtomicU64::new(0),
        };
        server.set_up();
        Some(server)
    }

    fn set_up(&self) {
        let wanted = json!({"username": "tests", "password": "tests-tests", "org": ORG, "bucket": "first", "token": TOKEN});
        let mut last = String::new();
        for _ in 0..600 {
            let said = ureq::post(format!("{}/api/v2/setup", self.url))
                .content_type("application/json")
                .send(wanted.to_string());
            match said {
                Ok(_) => return,
                Err(error) => last = error.to_string(),
            }
            std::thread::park_timeout(Duration::from_millis(100));
        }
        let log = fs::read_to_string(self.folder.path().join("log")).unwrap();
        panic!("influxd does not start: {last}\n{log}");
    }

    /// A place of its own, whose bucket is not made yet.
    pub(super) fn place(&self) -> Place {
        let number = self.buckets.fetch_add(1, Ordering::Relaxed);
        Place {
            url: self.url.clone(),
            org: ORG.to_owned(),
            bucket: format!("bucket {number}"),
            token_file: self.token_file(&format!("token-{number}"), TOKEN),
            ca_file: None,
        }
    }

    /// A file with a token.
    pub(super) fn token_file(&self, name: &str, token: &str) -> std::path::PathBuf {
        let path = self.folder.path().join(name);
        fs::File::create(&path)
            .unwrap()
            .write_all(format!("{token}\n").as_bytes())
            .unwrap();
        path
    }

    /// A client with an empty bucket of its own.
    pub(super) fn client(&self) -> Arc<Client> {
        let client = Client::new(self.place()).unwrap();
        client.set_up(None).unwrap();
        Arc::new(client)
    }

    /// Asks the interface as the owner of all.
    pub(super) fn get(&self, path: &str) -> Value {
        let mut said = ureq::get(format!("{}/api/v2/{path}", self.url))
            .header("Authorization", format!("Token {TOKEN}"))
            .call()
            .unwrap();
        serde_json::from_str(&said.body_mut().read_to_string().unwrap()).unwrap()
    }

    /// Posts to the interface as the owner of all.
    pub(super) fn post(&self, path: &str, wanted: &Value) -> Value {
        let mut said = ureq::post(format!("{}/api/v2/{path}", self.url))
            .header("Authorization", format!("Token {TOKEN}"))
            .content_type("application/json")
            .send(wanted.to_string())
            .unwrap();
        serde_json::from_str(&said.body_mut().read_to_string().unwrap()).unwrap()
    }
}

/// Notes what could not run.
fn note(what: &str) {
    if let Ok(path) = std::env::var("GATEPOST_SKIPS") {
        let file = fs::OpenOptions::new().append(true).create(true).open(path);
        writeln!(file.unwrap(), "{what}").unwrap();
    }
    println!("skipped: {what}");
}
