//! Watches the hub itself: parts that do not work for a while, and the room on its disk. What is found
//! becomes an alert like any other.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use tokio::{
    sync::mpsc,
    time::{MissedTickBehavior, interval},
};
use tokio_util::sync::CancellationToken;

use crate::{core::input::Input, health::Health};

/// The disk's name among the parts.
pub const DISK: &str = "disk";
/// What is wrong for so many looks is no hiccup.
const LOOKS: u32 = 3;
/// Less room than this, bytes, or than a twentieth of the disk, is too little: the journal needs it
/// while it is pressed.
const LEAST_FREE: u64 = 512 * 1024 * 1024;

/// What looks after the hub.
#[derive(Debug)]
pub struct Watch {
    /// What the parts say of themselves.
    pub health: Arc<Health>,
    /// Where the journal is.
    pub data: PathBuf,
    /// Where the core is told.
    pub queue: mpsc::Sender<Input>,
    /// Between two looks.
    pub every: Duration,
}

impl Watch {
    /// Looks until the hub stops.
    pub async fn run(self, stop: CancellationToken) {
        let mut look = interval(self.every);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut wrong_for = BTreeMap::<&'static str, u32>::new();
        let mut told = BTreeSet::new();
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = look.tick() => {}
            }
            for (part, wrong) in self.parts() {
                let looks = wrong_for.entry(part).or_default();
                *looks = if wrong.is_some() { *looks + 1 } else { 0 };
                let is_news = match wrong {
                    Some(_) => *looks >= LOOKS && told.insert(part),
                    None => told.remove(part),
                };
                let input = Input::Trouble { part, wrong };
                // While the store is what does not work the queue may be full: it is told later.
                let said = async { is_news && self.queue.send(input).await.is_ok() };
                tokio::select! {
                    () = stop.cancelled() => return,
                    _ = said => {}
                }
            }
        }
    }

    fn parts(&self) -> Vec<(&'static str, Option<String>)> {
        let parts = self.health.readiness().into_iter();
        let parts = parts.map(|part| (part.name, (!part.ready).then_some(part.detail)));
        parts.chain([(DISK, short_of_room(&self.data))]).collect()
    }
}

fn short_of_room(data: &Path) -> Option<String> {
    let disk = rustix::fs::statvfs(data).ok()?;
    let (free, size) = (disk.f_bavail * disk.f_frsize, disk.f_blocks * disk.f_frsize);
    let is_short = free < LEAST_FREE.min(size / 20);
    is_short.then(|| {
        let mib = |bytes: u64| bytes / (1024 * 1024);
        format!(
            "{} MiB of {} MiB are free where {} is; make room, or keep less",
            mib(free),
            mib(size),
            data.display()
        )
    })
}
