//! `gatepost-hub quarantine`: asks the hub that serves, which alone may change the record.

use std::{
    fs, io,
    io::Write,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};

use anyhow::{Context, bail};
use serde_json::Value;
use ureq::Agent;

use crate::config::Config;

/// The hub that serves from a data directory.
struct Serving {
    agent: Agent,
    url: String,
    token: Option<String>,
}

impl Serving {
    fn find(config: &Config) -> anyhow::Result<Self> {
        let file = config.data.join("hub.json");
        let said = fs::read_to_string(&file)
            .with_context(|| format!("no hub serves: there is no {}", file.display()))?;
        let said: Value = serde_json::from_str(&said)?;
        let http = said["http"].as_str().context("hub.json has no `http`")?;
        let http = within_reach(http.parse().context("`http` of hub.json is no address")?);
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .proxy(None)
            .timeout_global(Some(Duration::from_secs(30)))
            .build()
            .new_agent();
        Ok(Self {
            agent,
            url: format!("http://{http}/api/v1"),
            token: config.http.token.clone(),
        })
    }

    fn get(&self, path: &str) -> anyhow::Result<Value> {
        let mut request = self.agent.get(format!("{}/{path}", self.url));
        if let Some(token) = &self.token {
            request = request.header("Authorization", format!("Bearer {token}"));
        }
        let mut said = request.call().context("the hub does not answer")?;
        let body = said.body_mut().read_to_string()?;
        if !said.status().is_success() {
            bail!("the hub says {}: {body}", said.status());
        }
        Ok(serde_json::from_str(&body)?)
    }

    /// What came of it, or why nothing did.
    fn retry(&self, id: u64) -> anyhow::Result<Result<Value, String>> {
        let url = format!("{}/quarantine/{id}/retry", self.url);
        let mut request = self.agent.post(url);
        if let Some(token) = &self.token {
            request = request.header("Authorization", format!("Bearer {token}"));
        }
        let sent = request.content_type("application/json").send("{}");
        let mut said = sent.context("the hub does not answer")?;
        let body: Value = serde_json::from_str(&said.body_mut().read_to_string()?)?;
        if said.status().is_success() {
            return Ok(Ok(body));
        }
        let why = body["detail"].as_str().or_else(|| body["title"].as_str());
        Ok(Err(why.unwrap_or_default().to_owned()))
    }

    /// Everything in quarantine, newest first.
    fn quarantine(&self) -> anyhow::Result<Vec<Value>> {
        let mut all = Vec::new();
        let mut path = "quarantine?limit=1000".to_owned();
        loop {
            let page = self.get(&path)?;
            all.extend(page["quarantine"].as_array().cloned().unwrap_or_default());
            match page["next"].as_str() {
                Some(next) => path = format!("quarantine?limit=1000&cursor={next}"),
                None => return Ok(all),
            }
        }
    }
}

/// An address that means all of them is reached by loopback.
fn within_reach(mut http: SocketAddr) -> SocketAddr {
    match http {
        SocketAddr::V4(v4) if v4.ip().is_unspecified() => http.set_ip(Ipv4Addr::LOCALHOST.into()),
        SocketAddr::V6(v6) if v6.ip().is_unspecified() => http.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    http
}

/// Writes one line each.
pub(super) fn list(config: &Config) -> anyhow::Result<bool> {
    let mut out = io::stdout().lock();
    for item in Serving::find(config)?.quarantine()? {
        let text = |name: &str| item[name].as_str().unwrap_or("-").to_owned();
        writeln!(
            out,
            "{}\t{}\t{}\t{}\t{}\t{}",
            item["id"],
            text("received"),
            text("site"),
            text("unit"),
            text("code"),
            text("reason"),
        )?;
    }
    Ok(true)
}

/// Brings some again; answers whether all of them could be.
pub(super) fn retry(config: &Config, ids: &[u64], all: bool) -> anyhow::Result<bool> {
    let hub = Serving::find(config)?;
    let mut ids = ids.to_vec();
    if all {
        let items = hub.quarantine()?;
        let lines = items.iter().filter(|item| item["scope"] == "line");
        ids = lines.filter_map(|item| item["id"].as_u64()).collect();
        // As they came.
        ids.reverse();
    }
    let mut out = io::stdout().lock();
    let mut is_fine = true;
    for id in ids {
        match hub.retry(id)? {
            Ok(said) => {
                let part = |name: &str| said[name].to_string().replace('"', "");
                writeln!(
                    out,
                    "{id}: {} {} {}",
                    part("unit"),
                    part("log"),
                    part("seq")
                )?;
            }
            Err(why) => {
                is_fine = false;
                writeln!(out, "{id}: {why}")?;
            }
        }
    }
    Ok(is_fine)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_of_all_is_reached_by_loopback() {
        for (listens, reached) in [
            ("0.0.0.0:80", "127.0.0.1:80"),
            ("[::]:80", "[::1]:80"),
            ("192.0.2.7:80", "192.0.2.7:80"),
        ] {
            let reach = within_reach(listens.parse().unwrap());
            assert_eq!(reach.to_string(), reached);
        }
    }
}
