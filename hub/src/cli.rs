//! The commands of `gatepost-hub`.
//!
//! Exit codes: 0 fine, 1 the thing looked at is wrong (a file with mistakes, a hub that cannot go
//! on), 2 wrong use. Logs go to stderr, data to stdout.

mod calendar;
mod copy;
mod quarantine;
mod serve;

use std::{
    ffi::OsString,
    fs::{self, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context;
use clap::{Parser, Subcommand};
use gatepost_model::{Site, SiteId};

use crate::{
    config::{BrokerKind, Config, InfluxSettings, Mistakes, Store, TEMPLATE},
    engine::chain,
    holidays::Unmarked,
    site_file,
    store::{
        copy::Way,
        embedded,
        influx::{self, Client},
        journal::{self, Journal},
    },
};

#[derive(Debug, Parser)]
#[command(
    name = "gatepost-hub",
    version,
    about = "The hub: record, judgement, API and page."
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Write a configuration with comments; overwrites nothing.
    Init {
        /// Where.
        dir: PathBuf,
    },
    /// Serve until SIGTERM or SIGINT.
    Serve {
        /// The hub's configuration.
        #[arg(long)]
        config: PathBuf,
    },
    /// Name every mistake of a configuration.
    Check {
        /// The configuration.
        file: PathBuf,
    },
    /// Sites that the hub knows; also while it serves.
    #[command(subcommand)]
    Site(SiteCommand),
    /// What was set aside; while the hub serves.
    #[command(subcommand)]
    Quarantine(QuarantineCommand),
    /// The record's store; also while the hub serves.
    #[command(subcommand)]
    Store(StoreCommand),
}

#[derive(Debug, Subcommand)]
enum QuarantineCommand {
    /// One line each: id, when it came, site, unit, code, reason; newest first.
    List {
        /// The hub's configuration.
        #[arg(long)]
        config: PathBuf,
    },
    /// Bring lines and refused points again: those named, or all.
    Retry {
        /// Which.
        #[arg(required_unless_present = "all")]
        ids: Vec<u64>,
        /// Every line and refused point that there is.
        #[arg(long, conflicts_with = "ids")]
        all: bool,
        /// The hub's configuration.
        #[arg(long)]
        config: PathBuf,
    },
}

#[derive(Debug, Subcommand)]
enum StoreCommand {
    /// See that InfluxDB can be used; makes the bucket where it is missing and this may be done.
    Check {
        /// The hub's configuration.
        #[arg(long)]
        config: PathBuf,
    },
    /// Bring the history of one store to the other, while no hub serves; goes on where it was cut off,
    /// and compares both at the end. Needs the place of InfluxDB in the configuration.
    Copy {
        /// Where it is.
        #[arg(long)]
        from: Home,
        /// Where it is to be.
        #[arg(long)]
        to: Home,
        /// The hub's configuration.
        #[arg(long)]
        config: PathBuf,
    },
    /// Read everything and say what is damaged; changes nothing.
    Verify {
        /// The hub's configuration.
        #[arg(long)]
        config: PathBuf,
    },
}

/// Where a history is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Home {
    Embedded,
    Influx,
}

impl Home {
    /// The way there.
    fn way(self) -> Way {
        match self {
            Self::Embedded => Way::ToEmbedded,
            Self::Influx => Way::ToInflux,
        }
    }
}

#[derive(Debug, Subcommand)]
enum SiteCommand {
    /// Take sites in, or change them: all files, or none if one has a mistake.
    Import {
        /// A site each, or a list of `[[site]]`.
        #[arg(required = true)]
        files: Vec<PathBuf>,
        /// The hub's configuration.
        #[arg(long)]
        config: PathBuf,
    },
    /// Write a site, or all of them, as TOML.
    Export {
        /// Only this site.
        site: Option<SiteId>,
        /// The hub's configuration.
        #[arg(long)]
        config: PathBuf,
    },
    /// Take public holidays and make-up work days in: days of the years that the file has replace
    /// those of before. All of the file, or nothing if it has a mistake; says what changes.
    Calendar {
        /// iCalendar, or a table with a first line `date,kind,name` (kind: holiday or work).
        file: PathBuf,
        /// Which site, or `all`.
        #[arg(long, default_value = calendar::ALL)]
        site: SiteId,
        /// Take each event without a mark for a public holiday.
        #[arg(long)]
        all_holidays: bool,
        /// The hub's configuration.
        #[arg(long)]
        config: PathBuf,
    },
    /// One line a site: id, time zone, names.
    List {
        /// The hub's configuration.
        #[arg(long)]
        config: PathBuf,
    },
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
        Command::Init { dir } => init(&dir),
        Command::Serve { config } => serve::run(&config),
        Command::Check { file } => check(&file),
        Command::Site(SiteCommand::Import { files, config }) => import(&files, &config),
        Command::Site(SiteCommand::Export { site, config }) => export(site.as_ref(), &config),
        Command::Site(SiteCommand::Calendar {
            file,
            site,
            all_holidays,
            config,
        }) => {
            let unmarked = Unmarked::of(all_holidays);
            with_config(&config, |config| {
                calendar::run(config, &file, site.as_str(), unmarked)
            })
        }
        Command::Site(SiteCommand::List { config }) => list(&config),
        Command::Quarantine(QuarantineCommand::List { config }) => {
            with_config(&config, quarantine::list)
        }
        Command::Quarantine(QuarantineCommand::Retry { ids, all, config }) => {
            with_config(&config, |config| quarantine::retry(config, &ids, all))
        }
        Command::Store(StoreCommand::Check { config }) => check_store(&config),
        Command::Store(StoreCommand::Copy { from, to, .. }) if from == to => {
            eprintln!("gatepost-hub: --from and --to are the same");
            Ok(Outcome::WrongUse)
        }
        Command::Store(StoreCommand::Copy { to, config, .. }) => {
            with_config(&config, |config| copy::run(config, to.way()))
        }
        Command::Store(StoreCommand::Verify { config }) => verify(&config),
    };
    match result {
        Ok(Outcome::Fine) => ExitCode::SUCCESS,
        Ok(Outcome::Wrong) => ExitCode::from(1),
        Ok(Outcome::WrongUse) => ExitCode::from(2),
        Err(error) => {
            eprintln!("gatepost-hub: {error:#}");
            ExitCode::from(1)
        }
    }
}

fn init(dir: &Path) -> anyhow::Result<Outcome> {
    let path = dir.join("gatepost-hub.toml");
    fs::create_dir_all(dir).with_context(|| dir.display().to_string())?;
    let file = OpenOptions::new().write(true).create_new(true).open(&path);
    let mut file = match file {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            eprintln!("gatepost-hub: {} is there already", path.display());
            return Ok(Outcome::Wrong);
        }
        file => file.with_context(|| path.display().to_string())?,
    };
    file.write_all(TEMPLATE.as_bytes())
        .with_context(|| path.display().to_string())?;
    writeln!(io::stdout(), "{}", path.display())?;
    Ok(Outcome::Fine)
}

/// Reads a file of settings; tells its mistakes on `out` and returns how that ends the command.
fn read<T>(
    path: &Path,
    mut out: impl Write,
    parse: impl FnOnce(&str) -> Result<T, Mistakes>,
) -> Result<T, Outcome> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) => {
            eprintln!("gatepost-hub: cannot read {}: {error}", path.display());
            return Err(Outcome::WrongUse);
        }
    };
    parse(&text).map_err(|mistakes| {
        tell(&mistakes, path, &mut out);
        Outcome::Wrong
    })
}

/// Tells the mistakes of a file, each with its line.
fn tell(mistakes: &Mistakes, path: &Path, mut out: impl Write) {
    for mistake in mistakes.iter() {
        let place = format!("{}:{}", path.display(), mistake.line);
        // A closed pipe is the reader's wish.
        let _ = writeln!(out, "{place}: {}; {}", mistake.what, mistake.cure);
    }
}

fn read_config(path: &Path, out: impl Write) -> Result<Config, Outcome> {
    let folder = path.parent().unwrap_or(Path::new(""));
    read(path, out, |text| Config::parse(text, folder))
}

fn check(path: &Path) -> anyhow::Result<Outcome> {
    let config = match read_config(path, io::stdout()) {
        Ok(config) => config,
        Err(outcome) => return Ok(outcome),
    };
    let broker = match &config.broker.kind {
        BrokerKind::Embedded { listen } => format!("its own broker on {listen}"),
        BrokerKind::External { host, port } => format!("the broker at {host}:{port}"),
    };
    let history = match &config.store {
        Store::Embedded => "history beside it".to_owned(),
        Store::Influx(InfluxSettings { place, .. }) => {
            if let Err(error) = Client::new(place.clone()) {
                writeln!(io::stdout(), "{}: {}", path.display(), chain(&error))?;
                return Ok(Outcome::Wrong);
            }
            format!("history in bucket `{}` at {}", place.bucket, place.url)
        }
    };
    writeln!(
        io::stdout(),
        "{}: fine: record in {}, {history}, HTTP on {}, {broker}",
        path.display(),
        config.data.display(),
        config.http.listen,
    )?;
    Ok(Outcome::Fine)
}

fn import(files: &[PathBuf], config: &Path) -> anyhow::Result<Outcome> {
    let config = match read_config(config, io::stderr()) {
        Ok(config) => config,
        Err(outcome) => return Ok(outcome),
    };
    let mut sites: Vec<Site> = Vec::new();
    let mut wrong = None;
    for file in files {
        match read(file, io::stderr(), site_file::parse) {
            Ok(more) => sites.extend(more),
            Err(outcome) => wrong = Some(outcome),
        }
    }
    if let Some(outcome) = wrong {
        return Ok(outcome);
    }
    fs::create_dir_all(&config.data).with_context(|| config.data.display().to_string())?;
    let mut journal = Journal::open(&config.data)?;
    journal.put_sites(&sites)?;
    for site in &sites {
        writeln!(io::stdout(), "{}", site.id)?;
    }
    Ok(Outcome::Fine)
}

fn export(only: Option<&SiteId>, config: &Path) -> anyhow::Result<Outcome> {
    let sites = match known_sites(config)? {
        Ok(sites) => sites,
        Err(outcome) => return Ok(outcome),
    };
    let text = match only {
        None => site_file::many(&sites)?,
        Some(id) => match sites.iter().find(|site| site.id == *id) {
            Some(site) => site_file::one(site)?,
            None => {
                eprintln!("gatepost-hub: there is no site `{id}`");
                return Ok(Outcome::Wrong);
            }
        },
    };
    io::stdout().write_all(text.as_bytes())?;
    Ok(Outcome::Fine)
}

fn list(config: &Path) -> anyhow::Result<Outcome> {
    let sites = match known_sites(config)? {
        Ok(sites) => sites,
        Err(outcome) => return Ok(outcome),
    };
    let mut out = io::stdout().lock();
    for site in sites {
        let name = &site.name;
        writeln!(
            out,
            "{}\t{}\t{}\t{}",
            site.id, site.time_zone, name.zh, name.en
        )?;
    }
    Ok(Outcome::Fine)
}

/// The sites of a hub; none if it has never served or taken one in.
fn known_sites(config: &Path) -> anyhow::Result<Result<Vec<Site>, Outcome>> {
    let config = match read_config(config, io::stderr()) {
        Ok(config) => config,
        Err(outcome) => return Ok(Err(outcome)),
    };
    if !config.data.join(journal::FILE).exists() {
        return Ok(Ok(Vec::new()));
    }
    Ok(Ok(Journal::open(&config.data)?.sites()?))
}

/// Does something with a configuration that has no mistakes.
fn with_config(
    path: &Path,
    work: impl FnOnce(&Config) -> anyhow::Result<bool>,
) -> anyhow::Result<Outcome> {
    match read_config(path, io::stderr()) {
        Ok(config) if work(&config)? => Ok(Outcome::Fine),
        Ok(_) => Ok(Outcome::Wrong),
        Err(outcome) => Ok(outcome),
    }
}

fn check_store(config: &Path) -> anyhow::Result<Outcome> {
    let config = match read_config(config, io::stderr()) {
        Ok(config) => config,
        Err(outcome) => return Ok(outcome),
    };
    let mut out = io::stdout().lock();
    let Store::Influx(settings) = config.store else {
        writeln!(
            out,
            "the history is in the record's own file; see `store verify`"
        )?;
        return Ok(Outcome::Fine);
    };
    let place = &settings.place;
    let checked = Client::new(place.clone()).and_then(|client| client.set_up(settings.retention));
    match checked {
        Ok(notes) => {
            for note in &notes {
                writeln!(out, "{note}")?;
            }
            let (bucket, url) = (&place.bucket, &place.url);
            writeln!(out, "bucket `{bucket}` at {url} can be written and read")?;
            Ok(Outcome::Fine)
        }
        Err(error) => {
            writeln!(out, "{}", chain(&error))?;
            Ok(Outcome::Wrong)
        }
    }
}

fn verify(config: &Path) -> anyhow::Result<Outcome> {
    let config = match read_config(config, io::stderr()) {
        Ok(config) => config,
        Err(outcome) => return Ok(outcome),
    };
    let connection = journal::open_reader(&config.data)
        .with_context(|| config.data.join(journal::FILE).display().to_string())?;
    let mut found = embedded::verify(&connection)?;
    let sums = influx::verify_sums(&config.data.join(journal::FILE))?;
    found.aggregates += sums.aggregates;
    found.wrong.extend(sums.wrong);
    let waiting = influx::verify(&connection)?;
    let mut out = io::stdout().lock();
    for wrong in found.wrong.iter().chain(&waiting.wrong) {
        writeln!(out, "{wrong}")?;
    }
    writeln!(
        out,
        "{} blocks with {} readings, {} readings not sealed yet, {} other events, {} sums of hours \
         and days; {} damaged, {} set aside before",
        found.blocks,
        found.sealed,
        found.open,
        found.rows,
        found.aggregates,
        found.wrong.len(),
        found.aside,
    )?;
    if waiting.rows > 0 {
        writeln!(
            out,
            "{} rows with {} events that wait for InfluxDB or did within a day; {} damaged, {} set aside before",
            waiting.rows,
            waiting.events,
            waiting.wrong.len(),
            waiting.aside,
        )?;
    }
    Ok(if found.wrong.is_empty() && waiting.wrong.is_empty() {
        Outcome::Fine
    } else {
        Outcome::Wrong
    })
}
