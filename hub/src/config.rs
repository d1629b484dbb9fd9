//! `gatepost-hub.toml`: where the hub keeps its data, and what it listens on.
//!
//! [`Config::parse`] reads the whole file and lists *all* its mistakes at once, each with its line
//! and a cure. What comes out cannot be wrong.

mod channel;
mod mistakes;
mod reader;
mod store;

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use chrono::TimeDelta;

pub use channel::{Channel, ChannelKind, Email, Secret, Tls, Watchdog};
pub use mistakes::{Mistake, Mistakes};
use reader::Section;
pub use store::{InfluxSettings, Store};

use gatepost_model::recipient::Recipient;

use crate::{calendar::SiteZone, core::paging::Pace};

/// What `init` writes.
pub const TEMPLATE: &str = include_str!("config/template.toml");

/// A hub's configuration, free of mistakes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// `[hub]`: where the journal is.
    pub data: PathBuf,
    /// `[http]`
    pub http: Http,
    /// `[broker]`
    pub broker: Broker,
    /// `[store]`
    pub store: Store,
    /// `[timers]`
    pub timers: Timers,
    /// `[[channel]]`: the ways to people.
    pub channels: Vec<Channel>,
    /// `[watchdog]`
    pub watchdog: Option<Watchdog>,
    /// `[hub]`: the IANA name of the time zone of those who look after the hub. Default UTC.
    pub time_zone: String,
    /// `[[recipient]]`: who is told of trouble of the hub itself.
    pub recipients: Vec<Recipient>,
}

/// `[http]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Http {
    /// Where to listen; port 0 for any that is free. Default 127.0.0.1:8080.
    pub listen: SocketAddr,
    /// Asked of every request. Needed where `listen` can be reached from other machines.
    pub token: Option<String>,
}

/// `[broker]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broker {
    /// The hub's own, or another.
    pub kind: BrokerKind,
    /// The hub's name at the broker. Default `gatepost-hub`.
    pub client_id: String,
}

/// Which broker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BrokerKind {
    /// The hub's own.
    Embedded {
        /// Where it listens: loopback only; port 0 for any that is free. Default 127.0.0.1:1883.
        listen: SocketAddr,
    },
    /// Any other MQTT 3.1.1 broker.
    External {
        /// Its host.
        host: String,
        /// Its port.
        port: u16,
    },
}

/// `[timers]`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timers {
    /// Between two trials of the embedded broker. Default 30 s.
    pub canary: Duration,
    /// Between two looks at what time alone changes. Default 1 s.
    pub tick: Duration,
    /// The least time between two deltas of one stream. Default 250 ms.
    pub delta: Duration,
    /// How long after a slot's end the record may take to arrive. Default 180 s.
    pub slot_grace: TimeDelta,
    /// A cause older than this when first seen calls nobody. Default 900 s.
    pub old_news: Duration,
    /// How long a cause must stay away before its alert is resolved by itself. Default 120 s.
    pub hold: Duration,
    /// Between two looks at the hub itself. Default 10 s.
    pub watch: Duration,
    /// How soon after a message the same address gets another. Default 60 s, 6 s while something
    /// critical waits.
    pub pace: Pace,
}

impl Config {
    /// Reads a configuration, or says everything that is wrong with it. A data directory that is not
    /// absolute is beside the file, in `folder`.
    pub fn parse(text: &str, folder: &Path) -> Result<Self, Mistakes> {
        let mut mistakes = Mistakes::of(text);
        let mut root = reader::parse(text, &mut mistakes);
        let (data, time_zone) = hub(&mut root, &mut mistakes);
        let recipients = channel::recipients(text, &mut root, &mut mistakes);
        let http = http(root.section("http"), &mut mistakes);
        let broker = broker(root.section("broker"), &mut mistakes);
        let store = store::store(root.section("store"), folder, &mut mistakes);
        let timers = timers(root.section("timers"), &mut mistakes);
        let channels = channel::channels(&mut root, &mut mistakes);
        let watchdog = channel::watchdog(root.section("watchdog"), &mut mistakes);
        root.finish(&mut mistakes);
        match (data, http, broker, store) {
            (Some(data), Some(http), Some(broker), Some(store)) if mistakes.is_empty() => {
                Ok(Self {
                    data: folder.join(data),
                    http,
                    broker,
                    store,
                    timers,
                    channels,
                    watchdog,
                    time_zone,
                    recipients,
                })
            }
            _ => Err(mistakes),
        }
    }
}

fn hub(root: &mut Section<'_>, mistakes: &mut Mistakes) -> (Option<PathBuf>, String) {
    let mut section = root.section("hub");
    let data = section.text("data", mistakes);
    if data.is_none() && !section.has("data") {
        section.wrong(
            "data",
            "[hub] has no `data`",
            "add `data = \"/var/lib/gatepost-hub\"` under [hub]",
            mistakes,
        );
    }
    let time_zone = section.text("time_zone", mistakes);
    let time_zone = time_zone.unwrap_or_else(|| "UTC".to_owned());
    if let Err(error) = SiteZone::parse(&time_zone) {
        let cure = "write an IANA name like \"Asia/Shanghai\"";
        section.wrong("time_zone", error.to_string(), cure, mistakes);
    }
    section.finish(mistakes);
    (data.map(PathBuf::from), time_zone)
}

fn http(mut section: Section<'_>, mistakes: &mut Mistakes) -> Option<Http> {
    let listen = section.address("listen", "127.0.0.1:8080", mistakes);
    let token = section.text("token", mistakes);
    if let Some(listen) = listen
        && !listen.ip().is_loopback()
        && token.is_none()
    {
        section.wrong(
            "listen",
            format!(
                "`listen` = {listen} can be reached from other machines, and there is no token"
            ),
            "add `token = \"…\"` under [http], or listen on 127.0.0.1",
            mistakes,
        );
    }
    if token.as_ref().is_some_and(|token| token.len() < MIN_TOKEN) {
        section.wrong(
            "token",
            "`token` of [http] can be guessed",
            format!("write one of at least {MIN_TOKEN} characters"),
            mistakes,
        );
    }
    section.finish(mistakes);
    Some(Http {
        listen: listen?,
        token,
    })
}

/// The shortest token, bytes.
const MIN_TOKEN: usize = 16;

fn broker(mut section: Section<'_>, mistakes: &mut Mistakes) -> Option<Broker> {
    let kind = match section.text("kind", mistakes).as_deref() {
        None | Some("embedded") => embedded(&mut section, mistakes),
        Some("external") => external(&mut section, mistakes),
        Some(other) => {
            section.wrong(
                "kind",
                format!("`kind` of [broker] is `{other}`"),
                "write \"embedded\" or \"external\"",
                mistakes,
            );
            section.forget(&["listen", "address"]);
            None
        }
    };
    let client_id = section.text("client_id", mistakes);
    section.finish(mistakes);
    Some(Broker {
        kind: kind?,
        client_id: client_id.unwrap_or_else(|| "gatepost-hub".to_owned()),
    })
}

fn embedded(section: &mut Section<'_>, mistakes: &mut Mistakes) -> Option<BrokerKind> {
    let listen = section.address("listen", "127.0.0.1:1883", mistakes)?;
    if listen.ip().is_loopback() {
        return Some(BrokerKind::Embedded { listen });
    }
    section.wrong(
        "listen",
        format!(
            "the embedded broker cannot listen on {listen}: it knows no users and can be stopped \
             from the network"
        ),
        "listen on 127.0.0.1, or name a broker that is made for networks with kind = \"external\"",
        mistakes,
    );
    None
}

fn external(section: &mut Section<'_>, mistakes: &mut Mistakes) -> Option<BrokerKind> {
    let Some(address) = section.text("address", mistakes) else {
        if !section.has("address") {
            section.wrong(
                "address",
                "[broker] has no `address`",
                "add `address = \"host:1883\"`",
                mistakes,
            );
        }
        return None;
    };
    let parts = address.rsplit_once(':');
    let read = parts.and_then(|(host, port)| Some((host, port.parse::<u16>().ok()?)));
    match read {
        Some((host, port)) if !host.is_empty() && port > 0 => Some(BrokerKind::External {
            host: host.trim_matches(['[', ']']).to_owned(),
            port,
        }),
        _ => {
            section.wrong(
                "address",
                format!("`address` of [broker] is `{address}`"),
                "write it as host:port",
                mistakes,
            );
            None
        }
    }
}

fn timers(mut section: Section<'_>, mistakes: &mut Mistakes) -> Timers {
    let mut seconds = |key, default: f64, least: f64, most: f64| {
        let read = section.number(key, default, least..=most, mistakes);
        Duration::from_secs_f64(read)
    };
    let canary = seconds("canary_s", 30.0, 0.1, 3600.0);
    let grace = seconds("slot_grace_s", 180.0, 0.0, 86_400.0);
    let old_news = seconds("old_news_s", 900.0, 1.0, 86_400.0);
    let hold = seconds("hold_s", 120.0, 0.0, 86_400.0);
    let watch = seconds("watch_s", 10.0, 0.01, 3600.0);
    let usual = seconds("pace_s", 60.0, 0.0, 86_400.0);
    let urgent = seconds("urgent_pace_s", 6.0, 0.0, 86_400.0);
    let mut millis = |key, default: f64, least: f64, most: f64| {
        let read = section.number(key, default, least..=most, mistakes);
        Duration::from_secs_f64(read / 1000.0)
    };
    let tick = millis("tick_ms", 1000.0, 10.0, 60_000.0);
    let span = |time| TimeDelta::from_std(time).unwrap_or(TimeDelta::zero());
    let delta = millis("delta_ms", 250.0, 10.0, 60_000.0);
    section.finish(mistakes);
    Timers {
        canary,
        tick,
        delta,
        watch,
        slot_grace: span(grace),
        pace: Pace {
            urgent: span(urgent),
            usual: span(usual),
        },
        old_news,
        hold,
    }
}

#[cfg(test)]
mod tests;
