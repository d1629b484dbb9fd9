use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use super::Fs;
use crate::whole::{sync_directory, write_whole};

/// A directory: the log in `log/`, logs put aside in `closed/NAME/`.
#[derive(Debug, Clone)]
pub struct Real {
    root: PathBuf,
}

/// Why a data directory cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum Locked {
    /// Another agent has it.
    #[error("another agent runs on {}", .0.display())]
    InUse(PathBuf),
    /// It cannot be made or opened.
    #[error("cannot open {}", .path.display())]
    Io {
        /// What was to be opened.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
}

impl Real {
    /// The data directory for writing, made if it is not there, with the lock that keeps a second
    /// agent off it for as long as the file lives.
    pub fn lock(root: &Path) -> Result<(Self, File), Locked> {
        let io = |path: &Path| {
            let path = path.to_owned();
            move |source| Locked::Io { path, source }
        };
        let log = root.join("log");
        fs::create_dir_all(&log).map_err(io(&log))?;
        let path = root.join("lock");
        let lock = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(io(&path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(Locked::InUse(root.to_owned())),
            Err(TryLockError::Error(error)) => return Err(io(&path)(error)),
        }
        sync_directory(root).map_err(io(root))?;
        Ok((Self::at(root), lock))
    }

    /// The data directory for looking at.
    pub fn at(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
        }
    }

    fn log(&self) -> PathBuf {
        self.root.join("log")
    }

    fn path(&self, name: &str) -> PathBuf {
        self.log().join(name)
    }
}

impl Fs for Real {
    type File = File;

    fn list(&self) -> io::Result<Vec<(String, u64)>> {
        let mut found = Vec::new();
        for entry in fs::read_dir(self.log())? {
            let entry = entry?;
            if let Ok(name) = entry.file_name().into_string() {
                found.push((name, entry.metadata()?.len()));
            }
        }
        Ok(found)
    }

    fn read(&self, name: &str, offset: u64, max: u64) -> io::Result<Vec<u8>> {
        let mut file = File::open(self.path(name))?;
        file.seek(SeekFrom::Start(offset))?;
        let mut bytes = Vec::new();
        file.take(max).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn replace(&self, name: &str, content: &[u8]) -> io::Result<()> {
        write_whole(&self.path(name), content)
    }

    fn open(&self, name: &str) -> io::Result<File> {
        OpenOptions::new().append(true).open(self.path(name))
    }

    fn append(&self, file: &mut File, bytes: &[u8]) -> io::Result<()> {
        file.write_all(bytes)
    }

    fn sync(&self, file: &mut File) -> io::Result<()> {
        file.sync_data()
    }

    fn truncate(&self, file: &mut File, length: u64) -> io::Result<()> {
        file.set_len(length)?;
        file.sync_all()
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        fs::remove_file(self.path(name))
    }

    fn set_aside(&self, name: &str) -> io::Result<()> {
        let closed = self.root.join("closed");
        fs::create_dir_all(&closed)?;
        let mut target = closed.join(name);
        let mut number = 2;
        while target.exists() {
            target = closed.join(format!("{name}-{number}"));
            number += 1;
        }
        fs::rename(self.log(), target)?;
        fs::create_dir_all(self.log())?;
        sync_directory(&closed)?;
        sync_directory(&self.root)
    }

    fn free(&self) -> Option<u64> {
        let found = rustix::fs::statvfs(&self.root).ok()?;
        found.f_bavail.checked_mul(found.f_frsize)
    }
}
