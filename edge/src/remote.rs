//! The configuration that the hub wants: tried, kept, or taken back.
//!
//! It lies beside the spool, since the unit's own file belongs to who installed it. A new one is
//! *tried*: the agent begins anew with it, and keeps it once the inputs are watched and the broker is
//! linked. If that does not come about in time, if the agent cannot begin, or if it died in the
//! middle, the one before runs again. Who then changes the unit's own file by hand, on the spot, has
//! the last word.
//!
//! Here are the rules; [`file`] keeps them on disk.

pub mod file;

use gatepost_model::{
    Chain,
    remote::{ConfigReply, ConfigResult, MAX_CONFIG_BYTES, WantedConfig},
};
use serde::{Deserialize, Serialize};

use crate::config::Config;

/// What is known of wanted configurations. Survives everything.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Remote {
    /// The unit's own file as it was when `applied` began to stand for it.
    own: String,
    applied: Option<WantedConfig>,
    trial: Option<Trial>,
    /// What became of the last one that was wanted.
    last: Option<ConfigReply>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Trial {
    wanted: WantedConfig,
    /// The agent has begun with it: found at a start, it did not end well.
    begun: bool,
}

/// What the agent is to run with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// The configuration's text.
    pub text: String,
    /// It is being tried.
    pub is_trial: bool,
}

/// What is to be done with a wanted configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Offer {
    /// Nothing: what became of it is known.
    Known(ConfigReply),
    /// Begin anew, to try it.
    Try,
}

impl Remote {
    /// What to begin with, where the unit's own file has the text `own`. Changes what is kept.
    pub fn choose(&mut self, own: &str) -> Choice {
        let print = Chain::START.then(own.as_bytes()).to_string();
        if self.own != print {
            let trial = self.trial.take().map(|trial| trial.wanted);
            let overruled = [self.applied.take(), trial].into_iter().flatten();
            if let Some(version) = overruled.map(|wanted| wanted.version).max() {
                let why = "the unit's own file was changed since";
                // What was wanted last is known, too, and is not tried over it.
                let last = self.last.as_ref().map_or(0, |last| last.version);
                self.conclude(version.max(last), ConfigResult::Overruled, why);
            }
            self.own = print;
        }
        if self.trial.as_ref().is_some_and(|trial| trial.begun) {
            self.roll_back("the agent ended while it was tried");
        }
        let (wanted, is_trial) = match &mut self.trial {
            Some(trial) => {
                trial.begun = true;
                (Some(&trial.wanted), true)
            }
            None => (self.applied.as_ref(), false),
        };
        let text = wanted.and_then(|wanted| wanted.text.as_deref());
        Choice {
            text: text.unwrap_or(own).to_owned(),
            is_trial,
        }
    }

    /// A configuration is wanted, by a unit that runs with `running`.
    pub fn offer(&mut self, wanted: WantedConfig, running: &Config) -> Offer {
        if let Some(last) = self.last.as_ref().filter(|it| it.version == wanted.version) {
            return Offer::Known(last.clone());
        }
        if let Err(mistakes) = acceptable(&wanted, running) {
            return Offer::Known(self.conclude(wanted.version, ConfigResult::Refused, &mistakes));
        }
        let begun = false;
        self.trial = Some(Trial { wanted, begun });
        Offer::Try
    }

    /// The unit came back well with what it tries.
    pub fn keep(&mut self) -> Option<ConfigReply> {
        let wanted = self.trial.take()?.wanted;
        let version = wanted.version;
        self.applied = wanted.text.is_some().then_some(wanted);
        Some(self.conclude(version, ConfigResult::Applied, ""))
    }

    /// It did not.
    pub fn roll_back(&mut self, why: &str) -> Option<ConfigReply> {
        let version = self.trial.take()?.wanted.version;
        Some(self.conclude(version, ConfigResult::RolledBack, why))
    }

    /// What became of the last one that was wanted.
    pub fn last(&self) -> Option<&ConfigReply> {
        self.last.as_ref()
    }

    fn conclude(&mut self, version: u64, result: ConfigResult, detail: &str) -> ConfigReply {
        let reply = ConfigReply {
            version,
            result,
            applied: self.applied.as_ref().map_or(0, |applied| applied.version),
            detail: detail.to_owned(),
        };
        self.last = Some(reply.clone());
        reply
    }
}

/// Whether a unit may run with it: it is free of mistakes, and the unit stays who it is.
fn acceptable(wanted: &WantedConfig, running: &Config) -> Result<(), String> {
    let Some(text) = &wanted.text else {
        return Ok(());
    };
    if text.len() > MAX_CONFIG_BYTES {
        return Err(format!("{} bytes; at most {MAX_CONFIG_BYTES}", text.len()));
    }
    let config = Config::parse(text).map_err(|mistakes| mistakes.to_string())?;
    let (new, old) = (&config.unit, &running.unit);
    let kept = [
        ("site", new.site.to_string(), old.site.to_string()),
        ("id", new.id.to_string(), old.id.to_string()),
        (
            "data",
            new.data.display().to_string(),
            old.data.display().to_string(),
        ),
    ];
    let mut wrong: Vec<String> = kept
        .iter()
        .filter(|(_, new, old)| new != old)
        .map(|(key, new, old)| format!("`{key}` of [unit] is `{new}`; it stays `{old}`"))
        .collect();
    if config.board != running.board {
        wrong.push("[board] cannot be changed from a distance".to_owned());
    }
    if wrong.is_empty() {
        Ok(())
    } else {
        Err(wrong.join("\n"))
    }
}

#[cfg(test)]
mod tests;
