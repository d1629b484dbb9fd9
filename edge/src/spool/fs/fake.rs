use std::{
    collections::BTreeMap,
    io,
    sync::{Arc, Mutex, MutexGuard},
};

use super::Fs;

/// A file system in memory that can run full, fail, and lose power.
///
/// What was appended and not synced survives a [`Fake::crash`] up to a point that the crash's seed
/// chooses, and may be bent there; a removed file may be back. Clones are the same file system.
#[derive(Debug, Clone, Default)]
pub struct Fake(Arc<Mutex<Disk>>);

#[derive(Debug, Default)]
struct Disk {
    files: BTreeMap<String, Content>,
    /// Removed, but not yet for good.
    removed: BTreeMap<String, Content>,
    aside: Vec<(String, BTreeMap<String, Content>)>,
    capacity: Option<u64>,
    /// Operations until everything fails, as a machine without power does.
    lives: Option<u64>,
}

#[derive(Debug, Clone, Default)]
struct Content {
    bytes: Vec<u8>,
    synced: usize,
}

impl Fake {
    fn disk(&self) -> MutexGuard<'_, Disk> {
        self.0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// No more bytes than these fit; none for no limit.
    pub fn set_capacity(&self, capacity: Option<u64>) {
        self.disk().capacity = capacity;
    }

    /// After this many more changes the power is gone and every operation fails.
    pub fn set_lives(&self, lives: Option<u64>) {
        self.disk().lives = lives;
    }

    /// The power comes back: what was not synced is lost from a point on that `seed` chooses.
    pub fn crash(&self, seed: u64) {
        let mut random = Random(seed | 1);
        let mut disk = self.disk();
        disk.lives = None;
        for (name, content) in std::mem::take(&mut disk.removed) {
            if random.below(2) == 0 {
                disk.files.entry(name).or_insert(content);
            }
        }
        for content in disk.files.values_mut() {
            let loose = content.bytes.len() - content.synced;
            content
                .bytes
                .truncate(content.synced + random.below(loose + 1));
            if content.bytes.len() > content.synced && random.below(3) == 0 {
                let at = content.synced + random.below(content.bytes.len() - content.synced);
                content.bytes[at] ^= 1 << random.below(8);
            }
            content.synced = content.bytes.len();
        }
    }

    /// A file's bytes, to look at or to damage.
    pub fn with_file<T>(&self, name: &str, change: impl FnOnce(&mut Vec<u8>) -> T) -> Option<T> {
        let mut disk = self.disk();
        let content = disk.files.get_mut(name)?;
        let result = change(&mut content.bytes);
        content.synced = content.bytes.len();
        Some(result)
    }

    /// The names under which logs were put aside.
    pub fn aside(&self) -> Vec<String> {
        self.disk()
            .aside
            .iter()
            .map(|(name, _)| name.clone())
            .collect()
    }

    fn change(&self) -> io::Result<MutexGuard<'_, Disk>> {
        let mut disk = self.disk();
        if let Some(lives) = &mut disk.lives {
            if *lives == 0 {
                return Err(io::Error::other("no power"));
            }
            *lives -= 1;
        }
        Ok(disk)
    }
}

impl Disk {
    fn used(&self) -> u64 {
        self.files
            .values()
            .map(|file| file.bytes.len() as u64)
            .sum()
    }

    fn fits(&self, more: usize) -> usize {
        let room = self
            .capacity
            .map_or(u64::MAX, |capacity| capacity.saturating_sub(self.used()));
        usize::try_from(room).unwrap_or(usize::MAX).min(more)
    }

    fn file(&mut self, name: &str) -> io::Result<&mut Content> {
        self.files
            .get_mut(name)
            .ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
    }
}

impl Fs for Fake {
    type File = String;

    fn list(&self) -> io::Result<Vec<(String, u64)>> {
        let disk = self.disk();
        let sizes = disk.files.iter();
        Ok(sizes
            .map(|(name, file)| (name.clone(), file.bytes.len() as u64))
            .collect())
    }

    fn read(&self, name: &str, offset: u64, max: u64) -> io::Result<Vec<u8>> {
        let mut disk = self.disk();
        let bytes = &disk.file(name)?.bytes;
        let clamp = |at: u64| usize::try_from(at).unwrap_or(usize::MAX).min(bytes.len());
        Ok(bytes[clamp(offset)..clamp(offset.saturating_add(max))].to_vec())
    }

    fn replace(&self, name: &str, content: &[u8]) -> io::Result<()> {
        let mut disk = self.change()?;
        if disk.fits(content.len()) < content.len() {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let content = Content {
            bytes: content.to_vec(),
            synced: content.len(),
        };
        disk.removed.remove(name);
        disk.files.insert(name.to_owned(), content);
        Ok(())
    }

    fn open(&self, name: &str) -> io::Result<String> {
        self.disk().file(name)?;
        Ok(name.to_owned())
    }

    fn append(&self, file: &mut String, bytes: &[u8]) -> io::Result<()> {
        let mut disk = self.change()?;
        let fits = disk.fits(bytes.len());
        disk.file(file)?.bytes.extend_from_slice(&bytes[..fits]);
        if fits < bytes.len() {
            return Err(io::ErrorKind::StorageFull.into());
        }
        Ok(())
    }

    fn sync(&self, file: &mut String) -> io::Result<()> {
        let mut disk = self.change()?;
        let content = disk.file(file)?;
        content.synced = content.bytes.len();
        Ok(())
    }

    fn truncate(&self, file: &mut String, length: u64) -> io::Result<()> {
        let mut disk = self.change()?;
        let content = disk.file(file)?;
        content
            .bytes
            .truncate(usize::try_from(length).unwrap_or(usize::MAX));
        content.synced = content.bytes.len();
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut disk = self.change()?;
        if let Some(content) = disk.files.remove(name) {
            disk.removed.insert(name.to_owned(), content);
        }
        Ok(())
    }

    fn set_aside(&self, name: &str) -> io::Result<()> {
        let mut disk = self.change()?;
        let files = std::mem::take(&mut disk.files);
        disk.removed.clear();
        disk.aside.push((name.to_owned(), files));
        Ok(())
    }

    fn free(&self) -> Option<u64> {
        let disk = self.disk();
        disk.capacity
            .map(|capacity| capacity.saturating_sub(disk.used()))
    }
}

/// Enough chance for a fake, without a dependency: xorshift.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % (limit.max(1) as u64)).unwrap_or(0)
    }
}
