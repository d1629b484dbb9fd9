//! `[[channel]]`: the ways to people, each with its address and its secret.

use std::{collections::BTreeSet, fmt, time::Duration};

use gatepost_model::recipient::Recipient;
use serde::Deserialize;

use super::{Mistakes, reader::Section};
use crate::{
    notify::{Template, Templates, http::is_here},
    site_file::{NAMED_TWICE, twice},
};

/// One way to people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Channel {
    /// Its name; recipients of sites name it.
    pub name: String,
    /// What it is.
    pub kind: ChannelKind,
    /// How it says an alert, where not in the hub's own words.
    pub templates: Templates,
}

/// What a channel is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChannelKind {
    /// A mail server.
    Email(Email),
    /// Any program that takes HTTP.
    Webhook {
        /// Where it listens.
        url: String,
        /// What messages are signed with.
        secret: Option<Secret>,
    },
    /// 企业微信 robot of a group.
    WeCom {
        /// Its webhook address.
        url: Secret,
    },
    /// 钉钉 robot of a group.
    DingTalk {
        /// Its webhook address.
        url: Secret,
        /// What messages are signed with (加签).
        secret: Option<Secret>,
    },
    /// 飞书 robot of a group.
    Feishu {
        /// Its webhook address.
        url: Secret,
        /// What messages are signed with (签名校验).
        secret: Option<Secret>,
    },
}

/// A mail server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Email {
    /// Its host.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the way there is kept from others.
    pub tls: Tls,
    /// A certificate authority in PEM, where the machine's own do not know the server's.
    pub ca: Option<String>,
    /// Who logs in, and with what.
    pub login: Option<(String, Secret)>,
    /// Who the messages are from.
    pub from: String,
}

/// How the way to a mail server is kept from others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tls {
    /// From the first byte on, usually at port 465.
    Always,
    /// After asking for it, usually at port 587; without it nothing is sent.
    StartTls,
    /// Not at all: on this machine only.
    Never,
}

/// `[watchdog]`: an address outside that calls somebody when it hears nothing any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Watchdog {
    /// What is asked for; the address often is its key.
    pub url: Secret,
    /// How often. Default 60 s.
    pub every: Duration,
}

pub(super) fn watchdog(mut section: Section<'_>, mistakes: &mut Mistakes) -> Option<Watchdog> {
    let every = section.number("every_s", 60.0, 0.05..=86_400.0, mistakes);
    let was_there = section.has("every_s") || section.has("url");
    let url = was_there.then(|| url(&mut section, mistakes)).flatten();
    section.forget(&["url"]);
    section.finish(mistakes);
    Some(Watchdog {
        url: Secret(url?),
        every: Duration::from_secs_f64(every),
    })
}

/// What must not be shown: a key, or an address that is one.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

pub(super) fn channels(root: &mut Section<'_>, mistakes: &mut Mistakes) -> Vec<Channel> {
    let mut names = BTreeSet::new();
    let mut channels = Vec::new();
    for mut section in root.tables("channel") {
        let name = needed(&mut section, "name", "wecom-site", mistakes);
        if let Some(name) = &name
            && !names.insert(name.clone())
        {
            let what = format!("the channel `{name}` is there twice");
            section.wrong("name", what, "give each a name of its own", mistakes);
        }
        let kind = kind(&mut section, mistakes);
        let templates = templates(section.section("line"), mistakes);
        section.finish(mistakes);
        let channel = name.zip(kind).map(|(name, kind)| Channel {
            name,
            kind,
            templates,
        });
        channels.extend(channel);
    }
    channels
}

fn templates(mut lines: Section<'_>, mistakes: &mut Mistakes) -> Templates {
    let mut template = |key: &'static str| {
        let source = lines.text(key, mistakes)?;
        let read = Template::parse(&source);
        read.inspect_err(|error| {
            let what = format!("the template `{key}`: {error}");
            let cure = "correct it; docs/messages.md has an example";
            lines.wrong(key, what, cure, mistakes);
        })
        .ok()
    };
    let templates = Templates {
        zh: template("zh"),
        en: template("en"),
    };
    lines.finish(mistakes);
    templates
}

/// Those who are told of trouble of the hub itself, as a site names its own.
pub(super) fn recipients(
    text: &str,
    root: &mut Section<'_>,
    mistakes: &mut Mistakes,
) -> Vec<Recipient> {
    #[derive(Deserialize)]
    struct Named {
        #[serde(default)]
        recipient: Vec<Recipient>,
    }
    // Their types say what is wrong with them; that they are tables is looked at with the rest.
    drop(root.tables("recipient"));
    match toml::from_str::<Named>(text) {
        Ok(named) => {
            for name in twice(&named.recipient) {
                let at = text.find("[[recipient]]").unwrap_or(0);
                let what = format!("the recipient `{name}` is there twice");
                mistakes.add(at, what, NAMED_TWICE);
            }
            named.recipient
        }
        Err(error) if mistakes.is_empty() => {
            let at = error.span().map_or(0, |span| span.start);
            let cure = "correct it; docs/messages.md has an example";
            mistakes.add(at, error.message(), cure);
            Vec::new()
        }
        Err(_) => Vec::new(),
    }
}

fn kind(section: &mut Section<'_>, mistakes: &mut Mistakes) -> Option<ChannelKind> {
    let kind = needed(section, "kind", "email", mistakes)?;
    let secret = |section: &mut Section<'_>, mistakes: &mut Mistakes| {
        section.text("secret", mistakes).map(Secret)
    };
    match kind.as_str() {
        "email" => email(section, mistakes).map(ChannelKind::Email),
        "webhook" => {
            let secret = secret(section, mistakes);
            let url = url(section, mistakes)?;
            Some(ChannelKind::Webhook { url, secret })
        }
        "wecom" => Some(ChannelKind::WeCom {
            url: Secret(url(section, mistakes)?),
        }),
        "dingtalk" => {
            let secret = secret(section, mistakes);
            let url = Secret(url(section, mistakes)?);
            Some(ChannelKind::DingTalk { url, secret })
        }
        "feishu" => {
            let secret = secret(section, mistakes);
            let url = Secret(url(section, mistakes)?);
            Some(ChannelKind::Feishu { url, secret })
        }
        other => {
            let what = format!("`kind` of [[channel]] is `{other}`");
            let cure = "write email, webhook, wecom, dingtalk or feishu";
            section.wrong("kind", what, cure, mistakes);
            section.forget(&[
                "url", "secret", "server", "tls", "ca", "user", "password", "from",
            ]);
            None
        }
    }
}

fn email(section: &mut Section<'_>, mistakes: &mut Mistakes) -> Option<Email> {
    let server = needed(section, "server", "smtp.example:587", mistakes);
    let from = needed(section, "from", "gatepost@example.org", mistakes);
    let tls = match section.text("tls", mistakes).as_deref() {
        None | Some("starttls") => Some(Tls::StartTls),
        Some("always") => Some(Tls::Always),
        Some("never") => Some(Tls::Never),
        Some(other) => {
            let what = format!("`tls` of [[channel]] is `{other}`");
            section.wrong("tls", what, "write starttls, always or never", mistakes);
            None
        }
    };
    let ca = section.text("ca", mistakes);
    let user = section.text("user", mistakes);
    let password = section.text("password", mistakes).map(Secret);
    if user.is_some() != password.is_some() {
        let what = "[[channel]] has one of `user` and `password`";
        section.wrong("user", what, "write both, or none", mistakes);
    }
    let (server, from, tls) = (server?, from?, tls?);
    let Some((host, port)) = host_and_port(&server) else {
        let what = format!("`server` of [[channel]] is `{server}`");
        section.wrong("server", what, "write it as host:port", mistakes);
        return None;
    };
    if tls == Tls::Never && !matches!(host.as_str(), "127.0.0.1" | "::1" | "localhost") {
        let what = format!("without TLS everybody on the way to {host} can read along");
        section.wrong(
            "tls",
            what,
            "write tls = \"starttls\" or \"always\"",
            mistakes,
        );
        return None;
    }
    if from.parse::<lettre::message::Mailbox>().is_err() {
        let what = format!("`from` of [[channel]] is `{from}`");
        let cure = "write an address like \"Gatepost <gatepost@example.org>\"";
        section.wrong("from", what, cure, mistakes);
        return None;
    }
    Some(Email {
        host,
        port,
        tls,
        ca,
        login: user.zip(password),
        from,
    })
}

fn host_and_port(text: &str) -> Option<(String, u16)> {
    let (host, port) = text.rsplit_once(':')?;
    let host = host.trim_matches(['[', ']']);
    let port = port.parse().ok().filter(|port| *port > 0)?;
    (!host.is_empty()).then(|| (host.to_owned(), port))
}

fn url(section: &mut Section<'_>, mistakes: &mut Mistakes) -> Option<String> {
    let url = needed(section, "url", "https://example.org/hook", mistakes)?;
    let is_url = url.parse::<ureq::http::Uri>().is_ok();
    if is_url && (url.starts_with("https://") || is_here(&url)) {
        return Some(url);
    }
    // The address of a robot is its key: it is not repeated.
    let what = "`url` is no https address";
    section.wrong(
        "url",
        what,
        "write https://…; http only on this machine",
        mistakes,
    );
    None
}

fn needed(
    section: &mut Section<'_>,
    key: &'static str,
    example: &str,
    mistakes: &mut Mistakes,
) -> Option<String> {
    let was_there = section.has(key);
    let text = section.text(key, mistakes);
    if text.is_none() && !was_there {
        let what = format!("there is no `{key}`");
        section.wrong(key, what, format!("add `{key} = \"{example}\"`"), mistakes);
    }
    text
}
