//! Records on disk, a bounded number of them.

use std::{
    fs::{self, File},
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

/// In the data directory.
const FOLDER: &str = "flight";
/// So many are kept; the oldest goes.
const KEPT: usize = 8;

/// Writes a record's lines under a name of its own; where it is. It is a help and no record of the
/// site: nobody waits for the disk.
pub fn write(data: &Path, name: &str, lines: impl Iterator<Item = String>) -> io::Result<PathBuf> {
    let folder = data.join(FOLDER);
    fs::create_dir_all(&folder)?;
    let path = folder.join(format!("{name}.jsonl"));
    let new = folder.join(format!("{name}.new"));
    // First, so that there is never room taken for one more.
    forget_oldest(&folder)?;
    if let Err(error) = write_lines(&new, lines) {
        // It takes room from a disk that may be full; that it cannot be removed changes nothing.
        let _ = fs::remove_file(&new);
        return Err(error);
    }
    fs::rename(&new, &path)?;
    Ok(path)
}

fn write_lines(path: &Path, lines: impl Iterator<Item = String>) -> io::Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    for line in lines {
        writeln!(file, "{line}")?;
    }
    file.flush()
}

/// Makes room for one more.
fn forget_oldest(folder: &Path) -> io::Result<()> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        found.push((entry.metadata()?.modified()?, entry.path()));
    }
    found.sort();
    let extra = (found.len() + 1).saturating_sub(KEPT);
    for (_, path) in found.into_iter().take(extra) {
        fs::remove_file(path)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_records_are_kept() {
        let data = tempfile::tempdir().unwrap();
        for n in 0..KEPT + 3 {
            let path = write(
                data.path(),
                &format!("b1-{n:03}"),
                ["{}".to_owned()].into_iter(),
            );
            assert_eq!(fs::read_to_string(path.unwrap()).unwrap(), "{}\n");
        }
        let left = fs::read_dir(data.path().join(FOLDER)).unwrap().count();
        assert_eq!(left, KEPT);
        assert!(
            data.path()
                .join(format!("{FOLDER}/b1-{:03}.jsonl", KEPT + 2))
                .is_file()
        );
    }
}
