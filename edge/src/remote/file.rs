//! Keeps what is known of wanted configurations in the data directory: whole or not at all.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use gatepost_model::remote::{ConfigReply, WantedConfig};

use super::{Choice, Offer, Remote};
use crate::{config::Config, whole::write_whole};

/// Beside the spool.
const NAME: &str = "remote.json";

/// What is known, and where it is kept.
#[derive(Debug)]
pub struct RemoteFile {
    directory: PathBuf,
    /// What is known.
    pub remote: Remote,
}

impl RemoteFile {
    /// Reads what is kept in a unit's data directory. What cannot be read is as if it were not there:
    /// the unit's own file counts.
    pub fn open(directory: &Path) -> io::Result<Self> {
        let path = directory.join(NAME);
        let remote = match fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes).unwrap_or_else(|error| {
                tracing::error!(path = %path.display(), error = %error, "what the hub wanted cannot be read");
                Remote::default()
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Remote::default(),
            Err(error) => return Err(error),
        };
        Ok(Self {
            directory: directory.to_owned(),
            remote,
        })
    }

    /// What to begin with; that a trial was begun is on disk before it is, or it is not begun.
    pub fn choose(&mut self, own: &str) -> Choice {
        let before = self.remote.clone();
        let choice = self.remote.choose(own);
        match self.save_since(&before) {
            Err(error) if choice.is_trial => {
                self.give_up(&error);
                self.remote.choose(own)
            }
            _ => choice,
        }
    }

    /// A configuration is wanted, by a unit that runs with `running`. What is to be tried is on disk,
    /// or it is not tried.
    pub fn offer(&mut self, wanted: WantedConfig, running: &Config) -> Offer {
        let before = self.remote.clone();
        let offer = self.remote.offer(wanted, running);
        match (self.save_since(&before), offer) {
            (Err(error), Offer::Try) => self.give_up(&error).map_or(Offer::Try, Offer::Known),
            (_, offer) => offer,
        }
    }

    /// Writes what is known, and waits for the disk. A unit works on if it cannot: that is told, and
    /// after the next start what is on disk counts.
    pub fn save(&self) -> io::Result<()> {
        let bytes = serde_json::to_vec(&self.remote)?;
        write_whole(&self.directory.join(NAME), &bytes).inspect_err(
            |error| tracing::error!(error = %error, "what the hub wants is not on disk"),
        )
    }

    fn save_since(&self, before: &Remote) -> io::Result<()> {
        if self.remote == *before {
            return Ok(());
        }
        self.save()
    }

    fn give_up(&mut self, error: &io::Error) -> Option<ConfigReply> {
        self.remote.roll_back(&format!("cannot be kept: {error}"))
    }
}

#[cfg(test)]
mod tests {
    use gatepost_model::remote::ConfigResult;

    use super::*;

    const OWN: &str = r#"
        unit = { site = "s", id = "u", data = "d" }
        mqtt = { address = "h:1" }
        board = { kind = "sim", socket = "s" }
    "#;

    fn wanted() -> WantedConfig {
        WantedConfig {
            version: 1,
            text: Some(OWN.replace("h:1", "h:2")),
        }
    }

    /// A disk that takes nothing: where the new file is to be something stands in the way.
    fn fill(directory: &Path) {
        fs::create_dir(directory.join(format!("{NAME}.new"))).unwrap();
    }

    #[test]
    fn what_cannot_be_kept_is_not_tried_and_the_unit_goes_on() {
        let directory = tempfile::tempdir().unwrap();
        let running = Config::parse(OWN).unwrap();
        let mut file = RemoteFile::open(directory.path()).unwrap();
        fill(directory.path());
        assert_eq!(file.choose(OWN).text, OWN);
        let Offer::Known(reply) = file.offer(wanted(), &running) else {
            panic!("it is tried");
        };
        assert_eq!(reply.result, ConfigResult::RolledBack);
        assert!(reply.detail.starts_with("cannot be kept: "), "{reply:?}");
        // The broker says it again at every session.
        assert_eq!(file.offer(wanted(), &running), Offer::Known(reply));
        assert!(!file.choose(OWN).is_trial);
    }

    #[test]
    fn a_trial_whose_begin_cannot_be_kept_is_not_begun() {
        let directory = tempfile::tempdir().unwrap();
        let running = Config::parse(OWN).unwrap();
        let mut file = RemoteFile::open(directory.path()).unwrap();
        file.choose(OWN);
        assert_eq!(file.offer(wanted(), &running), Offer::Try);
        fill(directory.path());
        let choice = file.choose(OWN);
        assert_eq!((choice.text.as_str(), choice.is_trial), (OWN, false));
        let mut again = RemoteFile::open(directory.path()).unwrap();
        assert!(!again.choose(OWN).is_trial);
    }
}
