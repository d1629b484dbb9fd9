//! The few things that the spool asks of a file system, the real one, and a fake that can crash.

mod fake;
mod real;

use std::io;

pub use fake::Fake;
pub use real::{Locked, Real};

/// The files of one log. Names are plain file names.
pub trait Fs {
    /// A file that is open for appending.
    type File;

    /// All files of the log with their sizes, in any order.
    fn list(&self) -> io::Result<Vec<(String, u64)>>;

    /// Up to `max` bytes of a file from an offset on.
    fn read(&self, name: &str, offset: u64, max: u64) -> io::Result<Vec<u8>>;

    /// Makes a file with this content, or replaces it, at once: after a crash there is the old state
    /// or the new one. When it returns the new one is on disk.
    fn replace(&self, name: &str, content: &[u8]) -> io::Result<()>;

    /// Opens a file for appending.
    fn open(&self, name: &str) -> io::Result<Self::File>;

    /// Appends; after a crash any part of it may be there until [`Fs::sync`] has returned.
    fn append(&self, file: &mut Self::File, bytes: &[u8]) -> io::Result<()>;

    /// Brings what was appended onto the disk.
    fn sync(&self, file: &mut Self::File) -> io::Result<()>;

    /// Cuts a file off, on disk too.
    fn truncate(&self, file: &mut Self::File, length: u64) -> io::Result<()>;

    /// Removes a file; after a crash it may be back.
    fn remove(&self, name: &str) -> io::Result<()>;

    /// Puts the whole log aside under a name and leaves none in its place.
    fn set_aside(&self, name: &str) -> io::Result<()>;

    /// Free bytes on the disk, if that is known.
    fn free(&self) -> Option<u64>;
}

/// Whether an error says that the disk is full.
pub fn is_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
    )
}
