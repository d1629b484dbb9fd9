//! `doctor`: looks at what is wired and says what is wrong, as a table that a technician can read.
//!
//! Where an agent runs it holds the lines, and is asked what it sees; else the lines are taken hold of
//! here. Meanwhile somebody walks in through the lanes, presses each button and lets the pump run.

mod speed;
mod through;
mod watched;

use std::{
    collections::BTreeSet,
    io::{self, Write},
    path::Path,
    time::Duration,
};

use gatepost_model::Happening;
use rumqttc::AsyncClient;
use tokio::net::TcpStream;

use crate::{
    clock::{HostClock, UnitClock},
    config::{Board as BoardKind, Config, Mqtt, Tls},
    core::{Checkpoint, Core, Effects},
    hal::{
        Board,
        cdev::{CdevBoard, CdevError},
        thermometer::{self, word::WordError},
    },
    mqtt,
    tls::{self, BrokerEnds, Own},
};
use through::Through;
use watched::Watched;

/// A broker on the site's network answers at once.
const BROKER_ANSWERS: Duration = Duration::from_secs(3);
/// Below this the spool has no room for a week without network.
const DISK_LOW: u64 = 512 * 1024 * 1024;

/// How one thing that was looked at is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Fine,
    /// Works, but somebody should know.
    Note,
    Wrong,
}

/// One line of the table.
#[derive(Debug)]
struct Finding {
    what: String,
    state: State,
    seen: String,
}

impl Finding {
    fn new(what: impl Into<String>, state: State, seen: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            state,
            seen: seen.into(),
        }
    }
}

/// Tells findings as they come and remembers whether one was wrong.
struct Table<'a> {
    out: &'a mut dyn Write,
    wrong: bool,
}

impl Table<'_> {
    fn tell(&mut self, finding: &Finding) -> io::Result<()> {
        let mark = match finding.state {
            State::Fine => "ok   ",
            State::Note => "note ",
            State::Wrong => "WRONG",
        };
        self.wrong |= finding.state == State::Wrong;
        writeln!(self.out, "{mark}  {:<22} {}", finding.what, finding.seen)
    }
}

/// Looks at everything, watches the inputs for a while, and tells it. False if something is wrong.
pub async fn doctor(config: &Config, watch: Duration, out: &mut dyn Write) -> io::Result<bool> {
    let mut table = Table { out, wrong: false };
    table.tell(&clock())?;
    table.tell(&disk(&config.unit.data))?;
    table.tell(&broker(config).await)?;
    if let Some(tls) = &config.mqtt.tls {
        table.tell(&certificate(tls))?;
    }
    let through = Through::connect(&config.unit.data, &config.gate.inputs).await;
    table.tell(&agent(&through))?;
    let is_simulated = matches!(config.board, BoardKind::Sim { .. });
    let probes = config.wiring.probes.iter().filter(|_| !is_simulated);
    let buses: BTreeSet<u8> = probes.clone().map(|probe| probe.bus).collect();
    for finding in buses.into_iter().filter_map(speed::speed) {
        table.tell(&finding)?;
    }
    for probe in probes {
        let what = format!("thermometer {}", probe.name);
        let finding = match thermometer::look(probe) {
            Ok(sample) => Finding::new(
                what,
                State::Fine,
                format!(
                    "{:.2} degC, ambient {:.2} degC",
                    sample.object_c, sample.ambient_c
                ),
            ),
            Err(error) => {
                let (bus, address) = (probe.bus, probe.address);
                let cure = match error {
                    // A line that is held low acknowledges everything and reads as zeroes.
                    WordError::Pec => {
                        "wrong checksums: a data line held low (with power on it must rest at 3.3 V), a poor or long wire, a bus above 100 kHz"
                    }
                    _ => "look at its four wires, `bus` and `address`",
                };
                let seen = format!("bus {bus}, address 0x{address:02x}: {error}; {cure}");
                Finding::new(what, State::Wrong, seen)
            }
        };
        table.tell(&finding)?;
    }
    match through {
        // Whose the lines are is not known.
        Err(_) => {}
        Ok(Some(board)) => watch_inputs(config, board, watch, &mut table).await?,
        Ok(None) if is_simulated => table.tell(&Finding::new(
            "pins",
            State::Note,
            "simulated: without an agent nothing is to be seen",
        ))?,
        Ok(None) => match CdevBoard::open(&config.wiring, UnitClock) {
            Ok(board) => watch_inputs(config, board, watch, &mut table).await?,
            Err(error) => table.tell(&not_open(&error))?,
        },
    }
    Ok(!table.wrong)
}

fn agent(through: &io::Result<Option<Through>>) -> Finding {
    let (state, seen) = match through {
        Ok(Some(_)) => (
            State::Fine,
            "runs: the inputs are looked at through it".to_owned(),
        ),
        Ok(None) => (
            State::Fine,
            "does not run: the inputs are looked at from here".to_owned(),
        ),
        Err(error) => (
            State::Wrong,
            format!("cannot be asked: {error}; look with sudo"),
        ),
    };
    Finding::new("agent", state, seen)
}

fn not_open(error: &CdevError) -> Finding {
    let mut seen = error.to_string();
    if error.is_held_by_agent() {
        "an agent holds the lines and does not answer; start it anew: systemctl restart gatepost-edge"
            .clone_into(&mut seen);
    } else if let Some(source) = std::error::Error::source(error) {
        seen = format!("{seen}: {source}");
    }
    Finding::new("pins", State::Wrong, seen)
}

fn clock() -> Finding {
    match UnitClock.wall() {
        Ok(Some(reading)) => match reading.synced_err_ms {
            Some(err_ms) => {
                let seen = format!("a time server keeps it within {err_ms} ms");
                Finding::new("clock", State::Fine, seen)
            }
            None => {
                let seen = "no time server keeps it: times come from the hub; look at timedatectl";
                Finding::new("clock", State::Note, seen)
            }
        },
        Ok(None) => Finding::new("clock", State::Wrong, "shows a year that cannot be"),
        Err(error) => Finding::new("clock", State::Wrong, error.to_string()),
    }
}

fn disk(data: &Path) -> Finding {
    let what = "disk";
    // The folder itself may only be made by the agent.
    let Some(there) = data.ancestors().find(|path| path.is_dir()) else {
        return Finding::new(
            what,
            State::Wrong,
            format!("{} is not there", data.display()),
        );
    };
    match rustix::fs::statvfs(there) {
        Ok(room) => {
            let free = room.f_bavail.saturating_mul(room.f_frsize);
            let state = if free < DISK_LOW {
                State::Note
            } else {
                State::Fine
            };
            let seen = format!("{} MiB free at {}", free / 1024 / 1024, there.display());
            Finding::new(what, state, seen)
        }
        Err(error) => Finding::new(what, State::Wrong, error.to_string()),
    }
}

async fn broker(config: &Config) -> Finding {
    let (host, port) = (&config.mqtt.host, config.mqtt.port);
    let answers = async {
        // An address that does not answer is told as such.
        let reached = TcpStream::connect((host.as_str(), port)).await;
        reached.map_err(|error| error.to_string())?;
        match &config.mqtt.tls {
            Some(_) => session(&config.mqtt).await,
            None => Ok("answers"),
        }
    };
    let why = match tokio::time::timeout(BROKER_ANSWERS, answers).await {
        Ok(Ok(answers)) => {
            return Finding::new("broker", State::Fine, format!("{host}:{port} {answers}"));
        }
        Ok(Err(error)) => error,
        Err(_) => format!("no answer within {} s", BROKER_ANSWERS.as_secs()),
    };
    let seen = format!("{host}:{port}: {why}; look at the network and `address` of [mqtt]");
    Finding::new("broker", State::Wrong, seen)
}

/// Begins an encrypted session beside the agent's: only then has the broker looked at the unit's
/// certificate.
async fn session(mqtt: &Mqtt) -> Result<&'static str, String> {
    let options = mqtt::options(
        mqtt,
        &format!("{}-doctor", mqtt.client_id),
        &BrokerEnds::default(),
    );
    let options = options.map_err(|error| error.to_string())?;
    let built = AsyncClient::builder(options).capacity(1).try_build();
    let (_client, mut connection) = built.map_err(|error| error.to_string())?;
    loop {
        match connection.poll().await {
            Ok(rumqttc::Event::Incoming(rumqttc::Packet::ConnAck(_))) => {
                return Ok("answers, encrypted");
            }
            Ok(_) => {}
            Err(error) => {
                let words = tls::verdict(&error).map(str::to_owned);
                return Err(words.unwrap_or_else(|| error.to_string()));
            }
        }
    }
}

/// The unit's own certificate, by its own clock.
fn certificate(files: &Tls) -> Finding {
    let what = "certificate";
    let days = tls::NEAR.as_secs() / 86_400;
    let now = match UnitClock.wall() {
        Ok(Some(reading)) => u64::try_from(reading.wall.micros()).unwrap_or(0),
        _ => return Finding::new(what, State::Note, "not looked at: the clock is not known"),
    };
    let (state, seen) = match tls::own(files, Duration::from_micros(now)) {
        Ok(None) => (
            State::Note,
            "none: the broker knows the unit by its address only".to_owned(),
        ),
        Ok(Some(Own::Good)) => (State::Fine, format!("good for more than {days} days")),
        Ok(Some(Own::Near)) => (
            State::Note,
            format!("ends within {days} days: it needs a new one"),
        ),
        Ok(Some(Own::Expired)) => (State::Wrong, "has expired: it needs a new one".to_owned()),
        Ok(Some(Own::Early)) => (State::Wrong, "not valid yet: look at the clock".to_owned()),
        Err(error) => (State::Wrong, error.to_string()),
    };
    Finding::new(what, state, seen)
}

/// Tells passages, rounds and presses as they happen, then what each input did.
async fn watch_inputs(
    config: &Config,
    mut board: impl Board,
    watch: Duration,
    table: &mut Table<'_>,
) -> io::Result<()> {
    let clock = HostClock::start();
    let end = clock.now().plus(watch);
    let mut watched = Watched::new(config);
    let mut core = Core::new(config.gate.clone(), Checkpoint::default());
    let (mut inputs, mut effects) = (Vec::new(), Effects::default());
    let seconds = watch.as_secs();
    writeln!(
        table.out,
        "watching for {seconds} s: walk in through each lane, press each button, let the pump run"
    )?;
    while clock.now() < end {
        let decide = core.deadline();
        tokio::select! {
            taken = board.inputs(decide, &mut inputs) => if let Err(error) = taken {
                table.tell(&Finding::new("pins", State::Wrong, error.to_string()))?;
                break;
            },
            () = clock.sleep_until(end) => {}
        }
        for input in inputs.drain(..) {
            watched.handle(&input);
            if core.handle_input(&input, &mut effects).is_err() {
                continue;
            }
            for (_, event) in effects.events.drain(..) {
                watched.hear(&event.happening);
                if let Some(told) = live(&event.happening) {
                    writeln!(table.out, "       {told}")?;
                }
            }
            for change in effects.outputs.drain(..) {
                board.set_output(change);
            }
        }
        table.out.flush()?;
    }
    for finding in watched.findings() {
        table.tell(&finding)?;
    }
    Ok(())
}

fn live(happening: &Happening) -> Option<String> {
    Some(match happening {
        Happening::Passage(passage) => {
            let order = match passage.dir {
                gatepost_model::Direction::In => "A then B: in",
                gatepost_model::Direction::Out => "B then A: out",
            };
            format!("{}  {order}", passage.lane)
        }
        Happening::Unclear(unclear) => format!("{}  unclear: {:?}", unclear.lane, unclear.reason),
        Happening::Screening(screening) => {
            format!(
                "{}  {:.2} degC, {:?}",
                screening.lane, screening.skin_c, screening.verdict
            )
        }
        Happening::Entry(entry) => format!("{}  button {:?}", entry.lane, entry.outcome),
        Happening::Round(round) => {
            format!(
                "{}  round {:?}, {} l",
                round.zone, round.phase, round.litres
            )
        }
        Happening::Fault(fault) => format!("{}  {:?}: {}", fault.sensor, fault.code, fault.detail),
        _ => return None,
    })
}
