//! The commands of `gatepost-edge`.
//!
//! Exit codes: 0 fine, 1 the thing looked at is wrong (a configuration with mistakes, a spool with
//! holes, an agent that cannot go on), 2 wrong use. Logs go to stderr, data to stdout.

use std::{
    ffi::OsString,
    fs::{self, File},
    io::{self, BufReader, BufWriter, Write},
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use anyhow::Context;
use clap::{Parser, Subcommand};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

#[cfg(feature = "pi")]
use crate::hal::pi::PiBoard;
use crate::{
    agent::{self, Ended, Run},
    clock::{HostClock, UnitClock},
    config::{Board, Config},
    doctor::doctor,
    hal::{cdev::CdevBoard, sim::SimBoard},
    remote::file::RemoteFile,
    replay,
    spool::{
        fs::Real,
        survey::{Survey, survey},
    },
    telemetry,
};

#[derive(Debug, Parser)]
#[command(name = "gatepost-edge", version, about = "The agent on a gate unit.")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the agent until SIGTERM or SIGINT.
    Run {
        /// The unit's configuration.
        #[arg(long)]
        config: PathBuf,
    },
    /// Name every mistake of a configuration.
    Check {
        /// The configuration.
        file: PathBuf,
    },
    /// Look at the wiring: clock, disk, broker, thermometers, every input live; exit 1 if something is
    /// wrong.
    Doctor {
        /// The unit's configuration.
        #[arg(long)]
        config: PathBuf,
        /// How long to watch the inputs, seconds.
        #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=3600))]
        seconds: u64,
    },
    /// Put recorded inputs through the same core: events on stdout, nothing else touched.
    Replay {
        /// The unit's configuration.
        #[arg(long)]
        config: PathBuf,
        /// Recorded inputs; stdin without it.
        file: Option<PathBuf>,
    },
    /// Look at a spool.
    #[command(subcommand)]
    Spool(SpoolCommand),
}

#[derive(Debug, Subcommand)]
enum SpoolCommand {
    /// What waits, which log, how large.
    Show(SpoolArgs),
    /// Read every record; exit 1 if something is damaged or was lost.
    Verify(SpoolArgs),
}

#[derive(Debug, clap::Args)]
struct SpoolArgs {
    /// The unit's data directory.
    dir: PathBuf,
    /// One JSON object instead of text.
    #[arg(long)]
    json: bool,
}

/// How a command ended.
enum Outcome {
    Fine,
    Wrong,
    WrongUse,
}

/// Everything that the binary does; `args` begin with the program's name.
pub fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) => {
            let code = if error.use_stderr() { 2 } else { 0 };
            // Nobody is left to be told that the message could not be written.
            let _ = error.print();
            return ExitCode::from(code);
        }
    };
    let result = match cli.command {
        Command::Run { config } => run(&config),
        Command::Check { file } => check(&file),
        Command::Doctor { config, seconds } => look(&config, seconds),
        Command::Replay { config, file } => replay_file(&config, file.as_deref()),
        Command::Spool(SpoolCommand::Show(args)) => spool(&args, show),
        Command::Spool(SpoolCommand::Verify(args)) => spool(&args, verify),
    };
    match result {
        Ok(Outcome::Fine) => ExitCode::SUCCESS,
        Ok(Outcome::Wrong) => ExitCode::from(1),
        Ok(Outcome::WrongUse) => ExitCode::from(2),
        Err(error) => {
            eprintln!("gatepost-edge: {error:#}");
            ExitCode::from(1)
        }
    }
}

/// Reads a configuration; tells its mistakes on `out` and returns how that ends the command.
fn read_config(path: &Path, out: impl Write) -> Result<Config, Outcome> {
    read_own(path, out).map(|(_, config)| config)
}

/// Likewise, with its text.
fn read_own(path: &Path, mut out: impl Write) -> Result<(String, Config), Outcome> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) => {
            eprintln!("gatepost-edge: cannot read {}: {error}", path.display());
            return Err(Outcome::WrongUse);
        }
    };
    match Config::parse(&text) {
        Ok(config) => Ok((text, config)),
        Err(mistakes) => {
            for mistake in mistakes.iter() {
                // A closed pipe is the reader's wish.
                let _ = writeln!(out, "{}:{}: {mistake}", path.display(), mistake.line);
            }
            Err(Outcome::Wrong)
        }
    }
}

fn check(path: &Path) -> anyhow::Result<Outcome> {
    let config = match read_config(path, io::stdout()) {
        Ok(config) => config,
        Err(outcome) => return Ok(outcome),
    };
    let gate = &config.gate;
    writeln!(
        io::stdout(),
        "{}: fine: unit {}/{}, {} lanes, {} thermometers, {} round stations, {} entry boxes, {} sensors",
        path.display(),
        config.unit.site,
        config.unit.id,
        gate.lanes.len(),
        gate.thermometers.len(),
        gate.stations.len(),
        gate.boxes.len(),
        gate.sensors.len(),
    )?;
    Ok(Outcome::Fine)
}

/// One thread does everything: a unit has few, and its order of things is plain.
fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("no runtime")
}

fn look(path: &Path, seconds: u64) -> anyhow::Result<Outcome> {
    let config = match read_config(path, io::stdout()) {
        Ok(config) => config,
        Err(outcome) => return Ok(outcome),
    };
    let watch = Duration::from_secs(seconds);
    let fine = runtime()?.block_on(doctor(&config, watch, &mut io::stdout().lock()))?;
    Ok(if fine { Outcome::Fine } else { Outcome::Wrong })
}

fn run(path: &Path) -> anyhow::Result<Outcome> {
    telemetry::start();
    let (own, config) = match read_own(path, io::stderr()) {
        Ok(read) => read,
        Err(outcome) => return Ok(outcome),
    };
    runtime()?.block_on(async {
        let clock = HostClock::start();
        // First the lock: the socket of an agent that runs is not to be taken from it.
        let (fs, _lock) = Real::lock(&config.unit.data)?;
        let mut remote = RemoteFile::open(&config.unit.data).context("what the hub wants")?;
        let stop = CancellationToken::new();
        let mut terminate = signal(SignalKind::terminate()).context("no SIGTERM")?;
        let mut interrupt = signal(SignalKind::interrupt()).context("no SIGINT")?;
        let stopping = stop.clone();
        let told = async move {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            stopping.cancel();
            std::future::pending::<()>().await;
        };
        let runs = async {
            while run_once(&own, &mut remote, fs.clone(), clock, stop.clone()).await?
                == Ended::Reconfigured
            {}
            anyhow::Ok(())
        };
        tokio::select! {
            ended = runs => ended?,
            () = told => {}
        }
        Ok(Outcome::Fine)
    })
}

/// Runs the agent once, with what the hub wants or else the unit's own file. What cannot even begin
/// is taken back.
async fn run_once(
    own: &str,
    remote: &mut RemoteFile,
    fs: Real,
    clock: HostClock,
    stop: CancellationToken,
) -> anyhow::Result<Ended> {
    let choice = remote.choose(own);
    let is_trial = choice.is_trial;
    let config = match Config::parse(&choice.text) {
        Ok(config) => config,
        // It was free of them before this version of the agent.
        Err(mistakes) => {
            tracing::error!(mistakes = %mistakes, "what the hub wanted has mistakes: the unit's own file counts");
            Config::parse(own)?
        }
    };
    let run = Run {
        config,
        is_trial,
        remote: &mut *remote,
    };
    match on_board(run, fs, clock, stop).await {
        Err(error) if is_trial => {
            tracing::warn!(
                error = format!("{error:#}"),
                "the configuration is taken back"
            );
            remote.remote.roll_back(&format!("{error:#}"));
            // It is taken back at the next start, too, for it was begun with.
            let _ = remote.save();
            Ok(Ended::Reconfigured)
        }
        ended => ended,
    }
}

/// Runs the agent on the board that the configuration names.
async fn on_board(
    run: Run<'_>,
    fs: Real,
    clock: HostClock,
    stop: CancellationToken,
) -> anyhow::Result<Ended> {
    Ok(match run.config.board.clone() {
        Board::Sim { socket } => {
            let board = SimBoard::listen(&socket, &run.config.gate)
                .with_context(|| format!("cannot listen on {}", socket.display()))?;
            agent::run(run, fs, board, clock, stop).await?
        }
        #[cfg(feature = "pi")]
        Board::Pi => {
            let board = PiBoard::open(&run.config.wiring, UnitClock)?;
            agent::run(run, fs, board, clock, stop).await?
        }
        Board::Cdev => {
            let board = CdevBoard::open(&run.config.wiring, UnitClock)?;
            agent::run(run, fs, board, clock, stop).await?
        }
    })
}

fn replay_file(config: &Path, file: Option<&Path>) -> anyhow::Result<Outcome> {
    let config = match read_config(config, io::stderr()) {
        Ok(config) => config,
        Err(outcome) => return Ok(outcome),
    };
    let mut outcome = Outcome::Fine;
    let name = file.map_or("stdin".to_owned(), |file| file.display().to_string());
    let bad = |line: replay::BadLine| {
        eprintln!("{name}:{}: {}", line.line, line.why);
        outcome = Outcome::Wrong;
    };
    let out = BufWriter::new(io::stdout().lock());
    match file {
        Some(path) => {
            let file = match File::open(path) {
                Ok(file) => file,
                Err(error) => {
                    eprintln!("gatepost-edge: cannot read {}: {error}", path.display());
                    return Ok(Outcome::WrongUse);
                }
            };
            replay::replay(config.gate, BufReader::new(file), out, bad)
        }
        None => replay::replay(config.gate, io::stdin().lock(), out, bad),
    }
    .context("replay")?;
    Ok(outcome)
}

fn spool(
    args: &SpoolArgs,
    tell: fn(&Survey, &mut dyn Write) -> io::Result<Outcome>,
) -> anyhow::Result<Outcome> {
    let log = args.dir.join("log");
    if !log.is_dir() {
        eprintln!("gatepost-edge: {} has no spool", args.dir.display());
        return Ok(Outcome::WrongUse);
    }
    let seen = survey(&Real::at(&args.dir)).context("the spool cannot be read")?;
    let mut out = BufWriter::new(io::stdout().lock());
    let outcome = if args.json {
        writeln!(out, "{}", serde_json::to_string(&seen)?)?;
        tell(&seen, &mut io::sink())?
    } else {
        tell(&seen, &mut out)?
    };
    out.flush()?;
    Ok(outcome)
}

fn show(seen: &Survey, out: &mut dyn Write) -> io::Result<Outcome> {
    let log = seen
        .log
        .as_ref()
        .map_or("none".to_owned(), ToString::to_string);
    writeln!(out, "log       {log}")?;
    writeln!(out, "first     {}", seen.first)?;
    writeln!(out, "last      {}", seen.last)?;
    writeln!(out, "acked     {}", seen.acked)?;
    writeln!(out, "waiting   {}", seen.waiting)?;
    writeln!(out, "chain     {}", seen.chain)?;
    writeln!(out, "segments  {}", seen.segments)?;
    writeln!(out, "bytes     {}", seen.bytes)?;
    writeln!(out, "events    {}", seen.events)?;
    let lost: u64 = seen.gaps.iter().map(|gap| gap.n).sum();
    writeln!(out, "gaps      {} for {lost} events", seen.gaps.len())?;
    for gap in &seen.gaps {
        let (from, to) = (gap.seq, gap.seq + gap.n - 1);
        writeln!(out, "  {from} to {to}: {:?}, {:?}", gap.cause, gap.class)?;
    }
    for damage in &seen.damage {
        writeln!(out, "damage    {damage}")?;
    }
    Ok(Outcome::Fine)
}

fn verify(seen: &Survey, out: &mut dyn Write) -> io::Result<Outcome> {
    show(seen, out)?;
    if seen.is_sound() {
        writeln!(out, "sound")?;
        Ok(Outcome::Fine)
    } else {
        writeln!(out, "NOT SOUND: events are damaged or were lost")?;
        Ok(Outcome::Wrong)
    }
}
