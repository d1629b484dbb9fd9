//! Files that are there whole or not at all.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::Path,
};

/// Makes a file with this content, or replaces it, at once: after a crash there is the old state or
/// the new one. When it returns the new one is on disk.
pub(crate) fn write_whole(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut half = path.as_os_str().to_owned();
    half.push(".new");
    let half = Path::new(&half);
    let written = File::create(half).and_then(|mut file| {
        file.write_all(content)?;
        file.sync_all()
    });
    if let Err(error) = written {
        // It takes room from a disk that may be full; that it cannot be removed changes nothing.
        let _ = fs::remove_file(half);
        return Err(error);
    }
    fs::rename(half, path)?;
    path.parent().map_or(Ok(()), sync_directory)
}

/// Waits until a directory's names are on disk.
pub(crate) fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}
