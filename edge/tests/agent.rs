//! The real binary on a socket, without a broker: what it says is durable survives `kill -9`.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so")]

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    os::unix::net::{UnixDatagram, UnixStream},
    path::PathBuf,
    process::{Child, Command, ExitStatus, Output, Stdio},
    time::Duration,
};

use serde_json::Value;
use tempfile::TempDir;

const EDGE: &str = env!("CARGO_BIN_EXE_gatepost-edge");

/// Longer than anything takes on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(20);

struct Unit {
    dir: TempDir,
}

impl Unit {
    fn new() -> Self {
        let unit = Self {
            dir: TempDir::new().unwrap(),
        };
        let config = format!(
            r#"
            [unit]
            site = "binjiang"
            id = "gate-1"
            data = "{data}"
            [mqtt]
            address = "127.0.0.1:1"
            [board]
            kind = "sim"
            socket = "{socket}"
            [[lane]]
            name = "people"
            kind = "people"
            beam_a = "people-a"
            beam_b = "people-b"
            lamp = "people-lamp"
            [[thermometer]]
            name = "people-ir"
            lane = "people"
            [[round_station]]
            zone = "living"
            start = "living-start"
            stop = "living-stop"
            flow = "living-flow"
            pulses_per_litre = 10
            [[entry_box]]
            lane = "people"
            admitted = "people-ok"
            refused = "people-no"
            isolated = "people-apart"
            barrier = "people-boom"
            barrier_s = 5
            [timers]
            commit_ms = 20
            "#,
            data = unit.path("data").display(),
            socket = unit.path("board.sock").display(),
        );
        fs::write(unit.path("unit.toml"), config).unwrap();
        unit
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn start(&self) -> Agent {
        self.start_with(&[])
    }

    /// With words in its environment.
    fn start_with(&self, words: &[(&str, &str)]) -> Agent {
        // The agent is there once it listens; until then the old socket must not be taken for it.
        let _ = fs::remove_file(self.path("board.sock"));
        let mut agent = Agent(
            Command::new(EDGE)
                .args(["run", "--config"])
                .arg(self.path("unit.toml"))
                .envs(words.iter().copied())
                .stderr(Stdio::null())
                .spawn()
                .unwrap(),
        );
        wait_until("the agent listens", || {
            assert_eq!(agent.0.try_wait().unwrap(), None, "the agent ended");
            self.path("board.sock").exists()
        });
        agent
    }

    fn board(&self) -> BoardClient {
        let mut stream = None;
        wait_until("the board takes a client", || {
            stream = UnixStream::connect(self.path("board.sock")).ok();
            stream.is_some()
        });
        let stream = stream.unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        BoardClient {
            answers: BufReader::new(stream.try_clone().unwrap()),
            stream,
        }
    }

    fn spool(&self, command: &str) -> (Output, Value) {
        let output = Command::new(EDGE)
            .args(["spool", command, "--json"])
            .arg(self.path("data"))
            .output()
            .unwrap();
        let seen = serde_json::from_slice(&output.stdout).unwrap();
        (output, seen)
    }
}

struct Agent(Child);

impl Agent {
    fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }

    fn terminate(&mut self) -> ExitStatus {
        let pid = self.0.id().to_string();
        let sent = Command::new("kill").args(["-TERM", &pid]).status().unwrap();
        assert!(sent.success());
        let mut ended = None;
        wait_until("the agent ends", || {
            ended = self.0.try_wait().unwrap();
            ended.is_some()
        });
        ended.unwrap()
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

struct BoardClient {
    stream: UnixStream,
    answers: BufReader<UnixStream>,
}

impl BoardClient {
    fn say(&mut self, lines: &str) {
        let lines: Vec<&str> = lines.lines().map(str::trim).collect();
        self.stream
            .write_all((lines.join("\n") + "\n").as_bytes())
            .unwrap();
    }

    /// Reads answers until inputs up to `us` are durable. Gives the last time that was.
    fn wait_durable(&mut self, us: u64) -> u64 {
        loop {
            let answer = self.answer();
            if let Some(durable) = answer["durable_us"].as_u64()
                && durable >= us
            {
                assert!(answer["boot"].is_string());
                return durable;
            }
        }
    }

    /// The next level of an output.
    fn moved(&mut self, output: &str) -> Value {
        loop {
            let answer = self.answer();
            if answer["output"] == output {
                return answer;
            }
        }
    }

    fn answer(&mut self) -> Value {
        let mut line = String::new();
        let read = self.answers.read_line(&mut line);
        assert!(read.is_ok_and(|n| n > 0), "no answer from the agent");
        serde_json::from_str(&line).unwrap()
    }
}

fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let steps = PATIENCE.as_millis() / 10;
    for _ in 0..steps {
        if is_so() {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("{what}: not within {PATIENCE:?}");
}

const PASSAGE: &str = r#"{"mono_us":1000000,"input":"people-a","level":1}
    {"mono_us":1100000,"input":"people-b","level":1}
    {"mono_us":1300000,"input":"people-a","level":0}
    {"mono_us":1400000,"input":"people-b","level":0}
    {"mono_us":1500000,"tick":true}"#;

#[test]
fn what_is_durable_survives_kill_and_what_is_half_seen_is_not_durable() {
    let unit = Unit::new();
    let agent = unit.start();
    let mut board = unit.board();
    board.say(r#"{"mono_us":0,"boot":"6f1c"}"#);
    board.say(PASSAGE);
    assert_eq!(board.wait_durable(1_500_000), 1_500_000);
    board.say(
        r#"{"mono_us":2000000,"input":"living-start","level":1}
        {"mono_us":2100000,"input":"living-start","level":0}
        {"mono_us":2500000,"input":"living-flow","level":1}
        {"mono_us":3000000,"input":"people-a","level":1}
        {"mono_us":3200000,"tick":true}"#,
    );
    assert_eq!(board.wait_durable(2_500_000), 2_999_999);
    agent.kill();

    let (output, seen) = unit.spool("verify");
    assert!(output.status.success(), "{seen}");
    // Boot, passage, round started.
    assert_eq!(
        (seen["last"].as_u64(), seen["waiting"].as_u64()),
        (Some(3), Some(3))
    );

    let mut agent = unit.start();
    let mut board = unit.board();
    board.say(
        r#"{"mono_us":4000000,"boot":"6f1c"}
        {"mono_us":4000000,"input":"people-a","level":1}
        {"mono_us":4000000,"input":"people-b","level":0}
        {"mono_us":4000000,"input":"living-flow","level":1}
        {"mono_us":4500000,"input":"people-a","level":0}
        {"mono_us":5000000,"input":"living-stop","level":1}
        {"mono_us":6000000,"tick":true}"#,
    );
    board.wait_durable(6_000_000);
    assert!(agent.terminate().success());
    // Boot, unclear, round ended, and the heartbeat at the end.
    let (output, seen) = unit.spool("show");
    assert!(output.status.success());
    assert_eq!(seen["last"].as_u64(), Some(7), "{seen}");
    let lines = fs::read(unit.path("data/log/00000000000000000001.seg")).unwrap();
    let text = String::from_utf8_lossy(&lines);
    for part in [
        r#""mono_us":4500000,"kind":"unclear","lane":"people","reason":"restart""#,
        r#""phase":"ended","started_mono_us":2000000,"litres":0.1"#,
        r#""mono_us":6000000,"kind":"heartbeat","watched_from_mono_us":4000000"#,
    ] {
        assert!(text.contains(part), "{part}");
    }
}

#[test]
fn a_fever_lights_the_lamp_at_once_and_a_second_agent_is_kept_off() {
    let unit = Unit::new();
    let mut agent = unit.start();
    let mut board = unit.board();
    board.say(r#"{"mono_us":0,"boot":"6f1c"}"#);
    for person in 1..=30u64 {
        let (at, skin) = (person * 1_000_000, 34.0 + (person % 9) as f64 / 10.0);
        board.say(&format!(
            r#"{{"mono_us":{at},"input":"people-ir","skin_c":{skin}}}"#
        ));
    }
    board.say(r#"{"mono_us":40000000,"input":"people-ir","skin_c":36.9}"#);
    let lamp = loop {
        let answer = board.answer();
        if answer["output"] == "people-lamp" && answer["level"] == 1 {
            break answer;
        }
    };
    assert_eq!(lamp["mono_us"], 40_000_000);

    let second = Command::new(EDGE)
        .args(["run", "--config"])
        .arg(unit.path("unit.toml"))
        .output()
        .unwrap();
    assert_eq!(second.status.code(), Some(1));
    let told = String::from_utf8_lossy(&second.stderr);
    assert!(told.contains("another agent runs on"), "{told}");
    board.say(r#"{"mono_us":41000000,"tick":true}"#);
    board.wait_durable(41_000_000);
    drop(board);
    let mut board = unit.board();
    board.say(r#"{"mono_us":42000000,"tick":true}"#);
    board.wait_durable(42_000_000);
    assert!(agent.terminate().success());
}

#[test]
fn a_barrier_is_let_go_when_its_pulse_ends_and_when_the_agent_does() {
    let unit = Unit::new();
    let begin = |boot: &str| {
        let agent = unit.start();
        let mut board = unit.board();
        board.say(boot);
        // Nothing is held open from before.
        assert_eq!(board.moved("people-boom")["level"], 0);
        (agent, board)
    };
    let admit = |board: &mut BoardClient, s: u64| {
        for (ms, level) in [(0, 1), (300, 0)] {
            let at = s * 1000 + ms;
            board.say(&format!(
                r#"{{"mono_us":{at}000,"input":"people-ok","level":{level}}}"#
            ));
        }
        let opened = board.moved("people-boom");
        assert_eq!(
            (&opened["level"], &opened["mono_us"]),
            (&1.into(), &(s * 1_000_000 + 20_000).into())
        );
    };

    let (agent, mut board) = begin(r#"{"mono_us":0,"boot":"6f1c"}"#);
    admit(&mut board, 10);
    board.say(r#"{"mono_us":20000000,"tick":true}"#);
    let ended = board.moved("people-boom");
    assert_eq!(
        (&ended["level"], &ended["mono_us"]),
        (&0.into(), &15_020_000.into())
    );
    admit(&mut board, 30);
    agent.kill();

    let (mut agent, mut board) = begin(r#"{"mono_us":31000000,"boot":"6f1c"}"#);
    admit(&mut board, 40);
    assert!(agent.terminate().success());
    assert_eq!(board.moved("people-boom")["level"], 0);
}

#[test]
fn commands_end_with_their_codes() {
    let unit = Unit::new();
    let code = |args: &[&str]| Command::new(EDGE).args(args).output().unwrap();
    let good = unit.path("unit.toml").display().to_string();
    let check = code(&["check", &good]);
    assert_eq!(check.status.code(), Some(0));

    let bad = unit.path("bad.toml").display().to_string();
    fs::write(&bad, "[unit]\nsite = \"X\"\n[extra]\n").unwrap();
    let check = code(&["check", &bad]);
    assert_eq!(check.status.code(), Some(1));
    let told = String::from_utf8(check.stdout).unwrap();
    assert!(
        told.contains("bad.toml:2:") && told.contains("bad.toml:3:"),
        "{told}"
    );

    assert_eq!(code(&["check", "/nowhere"]).status.code(), Some(2));
    assert_eq!(code(&["fly"]).status.code(), Some(2));
    assert_eq!(code(&["--help"]).status.code(), Some(0));
    assert_eq!(code(&["spool", "show", "/nowhere"]).status.code(), Some(2));

    let inputs = unit.path("inputs.jsonl").display().to_string();
    fs::write(
        &inputs,
        format!("{{\"mono_us\":0,\"boot\":\"b\"}}\n{PASSAGE}\n"),
    )
    .unwrap();
    let replay = || code(&["replay", "--config", &good, &inputs]);
    let first = replay();
    assert_eq!(first.status.code(), Some(0));
    assert_eq!(String::from_utf8_lossy(&first.stdout).lines().count(), 2);
    assert_eq!(first.stdout, replay().stdout);
}

/// The loop is held in the middle of its work while all other threads are well, as by a card that does
/// not come back; nobody feeds the watchdog in its place.
#[test]
fn a_loop_that_hangs_does_not_feed_the_watchdog() {
    let unit = Unit::new();
    let manager = UnixDatagram::bind(unit.path("notify")).unwrap();
    let hears = |patience| {
        let mut word = [0; 32];
        manager.set_read_timeout(Some(patience)).unwrap();
        let length = manager.recv(&mut word).ok()?;
        Some(String::from_utf8_lossy(&word[..length]).into_owned())
    };
    let _agent = unit.start_with(&[
        ("NOTIFY_SOCKET", unit.path("notify").to_str().unwrap()),
        ("WATCHDOG_USEC", "200000"),
    ]);
    assert_eq!(hears(PATIENCE).as_deref(), Some("READY=1"));
    assert_eq!(hears(PATIENCE).as_deref(), Some("WATCHDOG=1"));

    // A fault has the last inputs written; where they go is a pipe that nobody reads.
    fs::create_dir_all(unit.path("data/flight")).unwrap();
    let pipe = unit.path("data/flight/6f1c-62000000.new");
    assert!(
        Command::new("mkfifo")
            .arg(&pipe)
            .status()
            .unwrap()
            .success()
    );
    let mut board = unit.board();
    board.say(
        r#"{"mono_us":0,"boot":"6f1c"}
        {"mono_us":500000,"tick":true}"#,
    );
    board.wait_durable(500_000);
    board.say(
        r#"{"mono_us":1000000,"input":"people-a","level":1}
        {"mono_us":62000000,"tick":true}"#,
    );
    // Twenty times as long as a loop that turns is silent.
    let silence = Duration::from_secs(2);
    let still = (0..200).find(|_| hears(silence).is_none());
    assert!(still.is_some(), "somebody feeds the watchdog for ever");

    let record = fs::read_to_string(&pipe).unwrap();
    assert!(record.contains("people-a"), "{record}");
    assert_eq!(hears(PATIENCE).as_deref(), Some("WATCHDOG=1"));
}
