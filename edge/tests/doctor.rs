//! `doctor` through a running agent: what a technician did wrong, what the doctor says of it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so")]

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    net::TcpListener,
    os::unix::net::UnixStream,
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::Duration,
};

use tempfile::TempDir;

const EDGE: &str = env!("CARGO_BIN_EXE_gatepost-edge");
/// Longer than anything takes on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(20);
const S: u64 = 1_000_000;

/// A unit whose agent runs on the simulated board.
struct Unit {
    dir: TempDir,
    agent: Child,
    board: UnixStream,
}

impl Drop for Unit {
    fn drop(&mut self) {
        let _ = self.agent.kill();
        let _ = self.agent.wait();
    }
}

fn config(dir: &TempDir, broker: u16) -> PathBuf {
    let path = |name: &str| dir.path().join(name).display().to_string();
    let text = format!(
        r#"
        unit = {{ site = "s", id = "u", data = "{}" }}
        mqtt = {{ address = "127.0.0.1:{broker}" }}
        board = {{ kind = "sim", socket = "{}" }}
        lane = [{{ name = "people", kind = "people", beam_a = "people-a", beam_b = "people-b" }}]
        thermometer = [{{ name = "people-ir", lane = "people" }}]
        round_station = [{{ zone = "living", start = "start", stop = "stop", flow = "flow", pulses_per_litre = 450 }}]
        "#,
        path("data"),
        path("board.sock"),
    );
    let file = dir.path().join("unit.toml");
    fs::write(&file, text).unwrap();
    file
}

impl Unit {
    /// Starts the agent and shows it the beginning of a boot.
    fn start(broker: u16) -> Self {
        let dir = TempDir::new().unwrap();
        let file = config(&dir, broker);
        let agent = Command::new(EDGE)
            .args(["run", "--config"])
            .arg(&file)
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // It takes the board's client before those who look on.
        let watch = dir.path().join("data/watch.sock");
        wait_until("the agent is looked at", || watch.exists());
        let mut board = None;
        wait_until("the agent listens", || {
            board = UnixStream::connect(dir.path().join("board.sock")).ok();
            board.is_some()
        });
        let mut unit = Self {
            dir,
            agent,
            board: board.unwrap(),
        };
        unit.show(r#"{"mono_us":1000000,"boot":"6f1c"}"#);
        for pin in ["people-a", "people-b", "start", "stop", "flow"] {
            unit.pin(S, pin, 0);
        }
        unit
    }

    fn show(&mut self, line: &str) {
        writeln!(self.board, "{line}").unwrap();
    }

    fn pin(&mut self, at: u64, pin: &str, level: u8) {
        self.show(&format!(
            r#"{{"mono_us":{at},"input":"{pin}","level":{level}}}"#
        ));
    }

    /// The doctor's table, while `happens` at the pins once he watches; and whether all was well.
    fn doctor(&mut self, happens: impl FnOnce(&mut Self)) -> (Vec<String>, bool) {
        let mut doctor = Command::new(EDGE)
            .args(["doctor", "--seconds", "2", "--config"])
            .arg(self.dir.path().join("unit.toml"))
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(doctor.stdout.take().unwrap()).lines();
        let mut told = Vec::new();
        while let Some(Ok(line)) = lines.next() {
            let watches = line.starts_with("watching");
            told.push(line);
            if watches {
                break;
            }
        }
        happens(self);
        told.extend(lines.map(Result::unwrap));
        (told, doctor.wait().unwrap().success())
    }

    /// Somebody walks through: first the one beam, then the other.
    fn walk(&mut self, at: u64, first: &str, then: &str) {
        for (after, pin, level) in [(0, first, 1), (1, then, 1), (3, first, 0), (4, then, 0)] {
            self.pin(at + after * S / 10, pin, level);
        }
        self.show(&format!(r#"{{"mono_us":{},"tick":true}}"#, at + S));
    }
}

fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    for _ in 0..PATIENCE.as_millis() / 10 {
        if is_so() {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("{what}: not within {PATIENCE:?}");
}

#[track_caller]
fn says(told: &[String], words: &str) {
    assert!(
        told.iter().any(|line| line.contains(words)),
        "nobody says {words:?}:\n{}",
        told.join("\n")
    );
}

#[test]
fn what_is_wired_well_is_told_so() {
    let broker = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut unit = Unit::start(broker.local_addr().unwrap().port());
    let (told, fine) = unit.doctor(|unit| {
        unit.walk(10 * S, "people-a", "people-b");
        unit.show(r#"{"mono_us":12000000,"input":"people-ir","skin_c":34.6,"ambient_c":18.0}"#);
        for pin in ["start", "flow", "stop"] {
            unit.pin(13 * S, pin, 1);
            unit.pin(13 * S + 200_000, pin, 0);
            unit.show(r#"{"mono_us":14000000,"tick":true}"#);
        }
    });
    says(&told, "agent                  runs");
    says(&told, "people  A then B: in");
    says(&told, "1 in, 0 out, 0 unclear");
    says(&told, "34.60 degC");
    assert!(fine, "{}", told.join("\n"));
}

#[test]
fn each_mistake_has_a_verdict_and_a_cure() {
    // Nobody listens on this port any more.
    let gone = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = gone.local_addr().unwrap().port();
    drop(gone);
    let mut unit = Unit::start(port);
    // Inverted: *start* reads pressed from the beginning.
    unit.pin(2 * S, "start", 1);
    let (told, fine) = unit.doctor(|unit| {
        unit.walk(10 * S, "people-b", "people-a");
        for edge in 0..800 {
            let level = u8::try_from(edge % 2).unwrap();
            unit.pin(12 * S + edge * 5000, "stop", 1 - level);
        }
        unit.show(
            r#"{"mono_us":17000000,"input":"people-ir","error":"nothing answers at this address"}"#,
        );
        unit.show(r#"{"mono_us":18000000,"tick":true}"#);
    });
    assert!(!fine);
    for words in [
        "beam_a and beam_b are swapped",
        "never off: active_low is the wrong way round, or the contact is stuck",
        "it floats: no pull resistor, or a loose wire",
        "silent: did the pump run? a 5 V meter needs an opto-coupler",
        "nothing answers at this address; look at its four wires, `bus` and `address`",
        "look at the network and `address` of [mqtt]",
    ] {
        says(&told, words);
    }
}

/// What the doctor says in a folder where no agent runs, and its exit code.
fn doctor_alone(dir: &TempDir) -> (String, Option<i32>) {
    let output = Command::new(EDGE)
        .args(["doctor", "--seconds", "1", "--config"])
        .arg(config(dir, 1))
        .output()
        .unwrap();
    let told = String::from_utf8(output.stdout).unwrap();
    (told, output.status.code())
}

#[test]
fn who_may_not_ask_the_agent_is_told_how_he_may() {
    let dir = TempDir::new().unwrap();
    // Stands for a folder that another user may not enter: root may enter all.
    fs::write(dir.path().join("data"), "").unwrap();
    let (told, code) = doctor_alone(&dir);
    assert!(
        told.contains("WRONG  agent                  cannot be asked: "),
        "{told}"
    );
    assert!(told.contains("; look with sudo"), "{told}");
    assert!(!told.contains("pins"), "{told}");
    assert_eq!(code, Some(1));
}

#[test]
fn without_an_agent_the_doctor_says_so() {
    let dir = TempDir::new().unwrap();
    let (told, code) = doctor_alone(&dir);
    assert!(
        told.contains("agent                  does not run"),
        "{told}"
    );
    assert!(
        told.contains("without an agent nothing is to be seen"),
        "{told}"
    );
    // Nobody listens at its broker's address.
    assert_eq!(code, Some(1), "{told}");
}
