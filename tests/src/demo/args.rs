use std::{ffi::OsString, net::SocketAddr, path::PathBuf, str::FromStr, time::Duration};

use anyhow::Context;
use chrono_tz::Tz;
use clap::{Parser, Subcommand};

use gatepost_edge::core::screening::rule::Place;

use crate::{fleet::History as Home, world::faces::Faces};

/// Gatepost on one machine, with simulated gate units driving the real software from the pins up.
#[derive(Debug, Clone, Parser)]
#[command(
    name = "gatepost-demo",
    version,
    args_conflicts_with_subcommands = true
)]
pub struct Args {
    /// Something else than running it.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// How many sites, 1 to 12.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=12))]
    pub sites: u64,
    /// Days that the units live through, without a link, before the present; for instance 14d.
    #[arg(long, default_value = "14d")]
    pub history: History,
    /// Where the page is.
    #[arg(long, default_value = "127.0.0.1:8080")]
    pub http: Address,
    /// Where the broker is; on this machine only.
    #[arg(long, default_value = "127.0.0.1:1883")]
    pub mqtt: Address,
    /// The folder of everything; one that was used before goes on where it was. Without it, one
    /// that is removed in the end.
    #[arg(long)]
    pub data: Option<PathBuf>,
    /// Another number is another world.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Stop after so long; for instance 60s.
    #[arg(long = "for", value_parser = span)]
    pub until: Option<Duration>,
    /// Where the hub keeps its history: embedded, or influx=URL,ORG,BUCKET,TOKEN.
    #[arg(long, default_value = "embedded")]
    pub store: Home,
    /// People through the first site's lane `people`, from a file of rows `slot_start_local,in,out`
    /// a half hour each. Only that site is there then, and its clock runs through the file's dates.
    #[arg(long, requires = "site_zone")]
    pub counts: Option<PathBuf>,
    /// Real people at the gates: a file of rows `subject,forehead_1..4,canthus_1..4,oral` and which of
    /// the two its thermometers see, as FILE.csv:canthus or FILE.csv:forehead. Without a file those
    /// that come with it.
    #[arg(long, num_args = 0..=1, default_missing_value = "canthus", conflicts_with = "counts")]
    pub faces: Option<People>,
    /// The time zone of that file and of the first site.
    #[arg(long, requires = "counts")]
    pub site_zone: Option<Tz>,
}

impl Args {
    /// Reads a command line. `cargo demo` ends with `--` of its own, and who is used to cargo writes
    /// one more: both are heard.
    pub fn read(mut words: Vec<OsString>) -> Result<Self, clap::Error> {
        if words.get(1).is_some_and(|word| word == "--") {
            words.remove(1);
        }
        Self::try_parse_from(words)
    }
}

/// What else the demo can do.
#[derive(Debug, Clone, Subcommand)]
pub enum Command {
    /// Hold the hub's record against what really happened; exit 0 or 1.
    Verify {
        /// The folder of a demo.
        dir: PathBuf,
    },
}

/// Whose faces are seen, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct People {
    /// Those that come with the demo, if none is named.
    file: Option<PathBuf>,
    place: Place,
}

impl FromStr for People {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (file, place) = match text.rsplit_once(':') {
            Some((file, place)) if !file.is_empty() => (Some(PathBuf::from(file)), place),
            _ => (None, text),
        };
        let place = match place {
            "canthus" => Place::Canthus,
            "forehead" => Place::Forehead,
            _ => {
                return Err(format!(
                    "`{text}` is not like FILE.csv:canthus or FILE.csv:forehead"
                ));
            }
        };
        Ok(Self { file, place })
    }
}

impl People {
    /// Reads them.
    pub fn read(&self) -> anyhow::Result<Faces> {
        let Some(path) = &self.file else {
            return Ok(Faces::bundled(self.place)?);
        };
        let name = || path.display().to_string();
        let text = std::fs::read_to_string(path).with_context(name)?;
        Faces::parse(&text, self.place).with_context(name)
    }
}

/// A number of days.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct History(i64);

impl History {
    /// How many.
    pub fn days(self) -> i64 {
        self.0
    }
}

impl FromStr for History {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let days = text.strip_suffix('d').unwrap_or(text).parse::<u16>();
        days.ok()
            .filter(|days| *days <= 366)
            .map(|days| Self(i64::from(days)))
            .ok_or_else(|| format!("`{text}` is no number of days like 14d, at most 366d"))
    }
}

/// `HOST:PORT`, the host as a number; port 0 takes a free one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Address(SocketAddr);

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.replace("localhost:", "127.0.0.1:");
        text.parse()
            .map(Self)
            .map_err(|_| format!("`{text}` is no address like 127.0.0.1:8080"))
    }
}

impl Address {
    /// The address, with a port that is free now if none was asked for.
    pub fn address(self) -> anyhow::Result<String> {
        super::with_port(&self.0.to_string())
    }

    /// A new token, where the address can be reached from outside.
    pub fn token(self) -> anyhow::Result<Option<String>> {
        if self.0.ip().is_loopback() {
            return Ok(None);
        }
        let mut random = [0; 16];
        let mut source = std::fs::File::open("/dev/urandom")?;
        std::io::Read::read_exact(&mut source, &mut random)?;
        Ok(Some(format!("{:032x}", u128::from_be_bytes(random))))
    }
}

fn span(text: &str) -> Result<Duration, String> {
    let no = || format!("`{text}` is no span like 60s, 5m or 2h");
    let split = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let factor = match unit {
        "ms" => 0.001,
        "" | "s" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        "d" => 86_400.0,
        _ => return Err(no()),
    };
    let seconds: f64 = number.parse().map_err(|_| no())?;
    Duration::try_from_secs_f64(seconds * factor).map_err(|_| no())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(words: &[&str]) -> Result<Args, clap::Error> {
        let words = ["gatepost-demo"].iter().chain(words);
        Args::read(words.map(OsString::from).collect())
    }

    /// Every `cargo demo` of the README as cargo hands it over.
    #[test]
    fn the_readmes_commands_are_read() {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let text = |path: &str| std::fs::read_to_string(root.join(path)).unwrap();
        let config: toml::Table = text(".cargo/config.toml").parse().unwrap();
        let alias = config["alias"]["demo"].as_str().unwrap().to_owned();
        let readme = text("README.md");
        let commands: Vec<&str> = readme
            .lines()
            .filter_map(|line| line.strip_prefix("cargo demo"))
            .map(|rest| rest.split('#').next().unwrap_or_default())
            .collect();
        assert!(commands.len() >= 3, "{commands:?}");
        for rest in commands {
            let line = format!("{alias} {rest}");
            // What stands behind the first `--` is the program's.
            let ours = line.split_whitespace().skip_while(|word| *word != "--");
            let words: Vec<&str> = ours.skip(1).collect();
            assert!(parse(&words).is_ok(), "cargo demo{rest}: {words:?}");
        }
    }

    #[test]
    fn the_documented_commands_are_read() {
        let args = parse(&[
            "--sites",
            "3",
            "--history",
            "14d",
            "--http",
            "127.0.0.1:8080",
            "--seed",
            "7",
            "--for",
            "60s",
        ])
        .unwrap();
        assert_eq!((args.sites, args.history.days(), args.seed), (3, 14, 7));
        assert_eq!(args.until, Some(Duration::from_secs(60)));
        let args = parse(&["--counts", "f.csv", "--site-zone", "America/Los_Angeles"]).unwrap();
        assert_eq!(args.site_zone, Some(Tz::America__Los_Angeles));
        let bundled = |place| People { file: None, place };
        let faces = |words: &[&str]| parse(words).unwrap().faces;
        assert_eq!(faces(&[]), None);
        assert_eq!(faces(&["--faces"]), Some(bundled(Place::Canthus)));
        assert_eq!(
            faces(&["--faces", "--sites", "1"]),
            Some(bundled(Place::Canthus))
        );
        assert_eq!(
            faces(&["--faces", "forehead"]),
            Some(bundled(Place::Forehead))
        );
        let file = Some(PathBuf::from("a:b.csv"));
        let place = Place::Forehead;
        assert_eq!(
            faces(&["--faces", "a:b.csv:forehead"]),
            Some(People { file, place })
        );
        let influx = parse(&[
            "--store",
            "influx=http://127.0.0.1:8086,town,gatepost,secret",
        ]);
        assert_eq!(
            influx.unwrap().store,
            Home::Influx {
                url: "http://127.0.0.1:8086".to_owned(),
                org: "town".to_owned(),
                bucket: "gatepost".to_owned(),
                token: "secret".to_owned(),
            }
        );
        assert!(parse(&["--store", "influx=http://127.0.0.1:8086,town"]).is_err());
        assert_eq!(parse(&[]).unwrap().store, Home::Embedded);
        assert!(matches!(
            parse(&["verify", "d"]).unwrap().command,
            Some(Command::Verify { .. })
        ));
        assert_eq!(parse(&[]).unwrap().history.days(), 14);
    }

    #[test]
    fn wrong_use_is_refused() {
        for words in [
            &["--sites", "0"][..],
            &["--sites", "13"],
            &["--history", "long"],
            &["--counts", "f.csv"],
            &["--faces", "f.csv"],
            &["--faces", "f.csv:nose"],
            &[
                "--faces",
                "--counts",
                "f.csv",
                "--site-zone",
                "Asia/Shanghai",
            ],
            &["--site-zone", "Asia/Shanghai"],
            &["--http", "nowhere"],
            &["--for", "-1s"],
            &["verify"],
        ] {
            assert!(parse(words).is_err(), "{words:?}");
        }
    }
}
