//! `gatepost-edge.toml`: what is wired where.
//!
//! [`Config::parse`] reads the whole file and lists *all* its mistakes at once, each with its line
//! and a cure, instead of stopping at the first. What comes out cannot be wrong: names are ids,
//! inputs and outputs are places in tables, spans are within their ranges.
//!
//! On the simulated board `[[input]]` and `[[output]]` may be left out: the names that lanes and
//! stations use are then pins themselves. As soon as one is written, every pin must be.

mod bodies;
mod gate;
mod lane;
mod mistakes;
mod pins;
mod reader;

use std::{path::PathBuf, time::Duration};

use gatepost_model::{Chain, SiteId, UnitId};

pub use bodies::Bodies;
pub use gate::{Barrier, Button, EntryBox, Flow, Gate, Output, Sensor, Station, Thermometer};
pub use lane::{Beam, Lane};
pub use mistakes::{Mistake, Mistakes};
pub use pins::{Bias, InputPin, OutputPin, Pin, Probe, Wiring};
use reader::Section;

/// A unit's configuration, free of mistakes.
#[derive(Debug, Clone)]
pub struct Config {
    /// Whose it is.
    pub unit: Unit,
    /// Where the broker is.
    pub mqtt: Mqtt,
    /// Where the pins are.
    pub board: Board,
    /// What is wired: all that the core needs.
    pub gate: Gate,
    /// Where it is wired: all that a board with a kernel behind it needs.
    pub wiring: Wiring,
    /// Timers outside the core.
    pub timers: Timers,
    /// The spool's room.
    pub spool: SpoolRoom,
}

/// `[unit]`
#[derive(Debug, Clone)]
pub struct Unit {
    /// The site.
    pub site: SiteId,
    /// The unit on it.
    pub id: UnitId,
    /// Where the spool and the lock are.
    pub data: PathBuf,
}

/// `[mqtt]`
#[derive(Debug, Clone)]
pub struct Mqtt {
    /// The broker's host.
    pub host: String,
    /// The broker's port.
    pub port: u16,
    /// Stable over restarts, so that a new session replaces the old one. Default `gatepost-SITE-UNIT`.
    pub client_id: String,
    /// Encrypted, if that is wanted.
    pub tls: Option<Tls>,
}

/// TLS of `[mqtt]`: PEM files, read when they are needed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tls {
    /// Whose certificate a broker must have.
    pub ca: PathBuf,
    /// What the unit shows the broker.
    pub own: Option<OwnCertificate>,
}

/// The unit's own certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnCertificate {
    /// It, and those between it and the authority.
    pub certificate: PathBuf,
    /// Its key.
    pub key: PathBuf,
}

/// `[board]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Board {
    /// Simulated pins on a Unix stream.
    Sim {
        /// Where to listen.
        socket: PathBuf,
    },
    /// A Raspberry Pi's registers, in a build that has them.
    #[cfg(feature = "pi")]
    Pi,
    /// The kernel's GPIO character device.
    Cdev,
}

/// `[timers]`, in host time.
#[derive(Debug, Clone, Copy)]
pub struct Timers {
    /// Between two `alive` messages. Default 10 s.
    pub alive: Duration,
    /// Without any progress for this long the uplink begins again at the last ack. Default 10 s.
    pub ack_timeout: Duration,
    /// The first wait before connecting again. Default 1 s.
    pub reconnect_min: Duration,
    /// The longest wait before connecting again. Default 60 s.
    pub reconnect_max: Duration,
    /// Between two commits of the spool. Default 200 ms.
    pub commit: Duration,
    /// A configuration that the hub wants is taken back unless the unit is well with it within this.
    /// Default 90 s: more than the longest wait before connecting.
    pub trial: Duration,
}

/// `[spool]`
#[derive(Debug, Clone, Copy)]
pub struct SpoolRoom {
    /// The most bytes on disk. Default 256 MiB, at least 4 segments.
    pub max_bytes: u64,
    /// A segment is closed at this size. Default 1 MiB.
    pub segment_bytes: u64,
}

impl Default for SpoolRoom {
    fn default() -> Self {
        Self {
            max_bytes: 256 * MIB,
            segment_bytes: MIB,
        }
    }
}

const MIB: u64 = 1024 * 1024;

impl Config {
    /// Reads a configuration, or says everything that is wrong with it.
    pub fn parse(text: &str) -> Result<Self, Mistakes> {
        let mut mistakes = Mistakes::of(text);
        let mut root = reader::parse(text, &mut mistakes);
        let unit = unit(root.section("unit", &mut mistakes), &mut mistakes);
        let mqtt = mqtt(
            root.section("mqtt", &mut mistakes),
            unit.as_ref(),
            &mut mistakes,
        );
        let board = board(root.section("board", &mut mistakes), &mut mistakes);
        let simulated = matches!(board, Some(Board::Sim { .. }) | None);
        let (timers, heartbeat) = timers(root.optional("timers", &mut mistakes), &mut mistakes);
        let spool = spool(root.optional("spool", &mut mistakes), &mut mistakes);
        let (mut gate, wiring) = gate::read(&mut root, simulated, &mut mistakes);
        gate.heartbeat = heartbeat;
        gate.fingerprint = Chain::START.then(text.as_bytes()).to_string();
        root.finish(&mut mistakes);
        match (unit, mqtt, board) {
            (Some(unit), Some(mqtt), Some(board)) if mistakes.is_empty() => Ok(Self {
                unit,
                mqtt,
                board,
                gate,
                wiring,
                timers,
                spool,
            }),
            _ => Err(mistakes),
        }
    }
}

fn unit(section: Option<Section<'_>>, mistakes: &mut Mistakes) -> Option<Unit> {
    let mut section = section?;
    let site = section.id("site", mistakes);
    let id = section.id("id", mistakes);
    let data = section.text("data", mistakes).map(PathBuf::from);
    section.finish(mistakes);
    Some(Unit {
        site: site?,
        id: id?,
        data: data?,
    })
}

fn mqtt(
    section: Option<Section<'_>>,
    unit: Option<&Unit>,
    mistakes: &mut Mistakes,
) -> Option<Mqtt> {
    let mut section = section?;
    let address = section.text("address", mistakes).and_then(|address| {
        let parsed = host_and_port(&address);
        if parsed.is_none() {
            section.wrong(
                "address",
                format!("`{address}` is no address"),
                "write HOST:PORT, for instance \"127.0.0.1:1883\"",
                mistakes,
            );
        }
        parsed
    });
    let client_id = section.optional_text("client_id", mistakes);
    if client_id.as_ref().is_some_and(|id| !is_client_id(id)) {
        section.wrong(
            "client_id",
            "a client id has 1 to 64 letters, digits, `-`, `_` or `.`",
            "leave it out to take gatepost-SITE-UNIT",
            mistakes,
        );
    }
    let tls = tls(&mut section, mistakes);
    section.finish(mistakes);
    let (host, port) = address?;
    let unit = unit?;
    let client_id = client_id.unwrap_or_else(|| format!("gatepost-{}-{}", unit.site, unit.id));
    Some(Mqtt {
        host,
        port,
        client_id,
        tls,
    })
}

fn tls(section: &mut Section<'_>, mistakes: &mut Mistakes) -> Option<Tls> {
    let [ca, certificate, key] =
        ["ca", "certificate", "key"].map(|key| section.optional_text(key, mistakes));
    let own = match (certificate, key) {
        (Some(certificate), Some(key)) => Some(OwnCertificate {
            certificate: certificate.into(),
            key: key.into(),
        }),
        (None, None) => None,
        (one, _) => {
            let (there, missing) = if one.is_some() {
                ("certificate", "key")
            } else {
                ("key", "certificate")
            };
            let cure = format!("add `{missing} = …`, or leave both out");
            section.wrong(
                there,
                format!("there is no `{missing}` to it"),
                cure,
                mistakes,
            );
            None
        }
    };
    if ca.is_none() && own.is_some() {
        let cure = "add `ca = …`, the authority of the broker's certificate";
        section.wrong(
            "certificate",
            "without `ca` nothing is encrypted",
            cure,
            mistakes,
        );
    }
    Some(Tls {
        ca: ca?.into(),
        own,
    })
}

fn host_and_port(address: &str) -> Option<(String, u16)> {
    let (host, port) = address.rsplit_once(':')?;
    let host = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .unwrap_or(host);
    let port = port.parse().ok().filter(|port| *port > 0)?;
    let is_host = !host.is_empty() && !host.contains(|c: char| c.is_whitespace() || c == '/');
    is_host.then(|| (host.to_owned(), port))
}

/// Characters that every broker takes in a client id.
fn is_client_id(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
}

fn board(section: Option<Section<'_>>, mistakes: &mut Mistakes) -> Option<Board> {
    let mut section = section?;
    let kind = section.text("kind", mistakes);
    let board = match kind.as_deref() {
        Some("sim") => section.text("socket", mistakes).map(|socket| Board::Sim {
            socket: socket.into(),
        }),
        Some("cdev") => Some(Board::Cdev),
        #[cfg(feature = "pi")]
        Some("pi") => Some(Board::Pi),
        #[cfg(not(feature = "pi"))]
        Some("pi") => {
            section.wrong(
                "kind",
                "this build reads no pins through the Pi's registers",
                "write cdev: the kernel's pins are the same ones, with lost edges counted",
                mistakes,
            );
            None
        }
        Some(other) => {
            section.wrong(
                "kind",
                format!("there is no board `{other}`"),
                "write cdev or sim",
                mistakes,
            );
            // Its other keys belong to a board that is not known: one mistake is enough.
            section.optional_text("socket", mistakes);
            None
        }
        None => {
            section.optional_text("socket", mistakes);
            None
        }
    };
    section.finish(mistakes);
    board
}

fn timers(section: Option<Section<'_>>, mistakes: &mut Mistakes) -> (Timers, Duration) {
    let mut section = section.unwrap_or_default();
    let heartbeat = section.seconds("heartbeat_s", 60.0, 0.1..=3600.0, mistakes);
    let timers = Timers {
        alive: section.seconds("alive_s", 10.0, 0.05..=3600.0, mistakes),
        ack_timeout: section.millis("ack_timeout_ms", 10_000, 10..=600_000, mistakes),
        reconnect_min: section.millis("reconnect_min_ms", 1000, 1..=600_000, mistakes),
        reconnect_max: section.millis("reconnect_max_ms", 60_000, 1..=3_600_000, mistakes),
        commit: section.millis("commit_ms", 200, 0..=60_000, mistakes),
        trial: section.seconds("trial_s", 90.0, 0.1..=3600.0, mistakes),
    };
    if timers.reconnect_max < timers.reconnect_min {
        section.wrong(
            "reconnect_max_ms",
            "reconnect_max_ms is below reconnect_min_ms",
            "raise it, or lower reconnect_min_ms",
            mistakes,
        );
    }
    section.finish(mistakes);
    (timers, heartbeat)
}

fn spool(section: Option<Section<'_>>, mistakes: &mut Mistakes) -> SpoolRoom {
    let mut section = section.unwrap_or_default();
    let default = SpoolRoom::default();
    let room = SpoolRoom {
        max_bytes: section.whole(
            "max_bytes",
            default.max_bytes,
            16 * 1024..=1 << 40,
            mistakes,
        ),
        segment_bytes: section.whole(
            "segment_bytes",
            default.segment_bytes,
            4096..=64 * MIB,
            mistakes,
        ),
    };
    if room.max_bytes < 4 * room.segment_bytes {
        section.wrong(
            "max_bytes",
            "max_bytes holds fewer than 4 segments",
            "raise max_bytes, or lower segment_bytes",
            mistakes,
        );
    }
    section.finish(mistakes);
    room
}

#[cfg(test)]
mod tests;
