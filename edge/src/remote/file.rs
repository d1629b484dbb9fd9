//! Keeps what is known of wanted configurations in the data directory: whole or not at all.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

use super::{Choice, Remote};

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

    /// What to begin with; that it was begun with is on disk before it is.
    pub fn choose(&mut self, own: &str) -> io::Result<Choice> {
        let before = self.remote.clone();
        let choice = self.remote.choose(own);
        if self.remote != before {
            self.save()?;
        }
        Ok(choice)
    }

    /// Writes what is known, and waits for the disk.
    pub fn save(&self) -> io::Result<()> {
        let (new, path) = (
            self.directory.join(format!("{NAME}.new")),
            self.directory.join(NAME),
        );
        let mut file = File::create(&new)?;
        file.write_all(&serde_json::to_vec(&self.remote)?)?;
        file.sync_all()?;
        fs::rename(&new, &path)?;
        File::open(&self.directory)?.sync_all()
    }
}
