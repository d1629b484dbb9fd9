//! The world's files: `world.jsonl`, what really happened, and `world.json`, how far the world is.
//!
//! The world never sends an input again. So before it plays on, it writes down to where it will
//! ([`Kept::reserved`]); killed in the middle, it goes on from there, and what lies between is told
//! as not durable.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File, OpenOptions},
    io::{self, BufRead, BufReader, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use anyhow::Context;
use gatepost_edge::core::screening::rule::Place;
use serde::{Deserialize, Serialize};

use crate::world::{
    day::WallUs,
    life::Kept,
    truth::{Truth, What},
};

/// How far the world is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// Its seed.
    pub seed: u64,
    /// How many sites it has.
    pub sites: usize,
    /// It plays a file's counts.
    pub counts: bool,
    /// Its people have a file's temperatures of that place.
    #[serde(default)]
    pub faces: Option<Place>,
    /// When it began.
    pub started: WallUs,
    /// It is being played; one that nobody plays was killed in the middle, before it told all.
    #[serde(default)]
    pub playing: bool,
    /// Each unit's life, by `site/unit`.
    pub units: BTreeMap<String, Kept>,
}

/// Both files, open.
#[derive(Debug)]
pub struct Journal {
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    dir: PathBuf,
    truths: File,
    state: State,
    /// Truths that were told before the world was stopped, of the stretches that are played again.
    told: BTreeSet<Told>,
    written: u64,
}

type Told = (String, String, u64, What, Option<String>);

fn told(truth: &Truth) -> Told {
    (
        unit_key(truth.site.as_str(), truth.unit.as_str()),
        truth.boot.to_string(),
        truth.mono_us,
        truth.what,
        truth.person.clone(),
    )
}

/// A unit's key in [`State::units`].
pub fn unit_key(site: &str, unit: &str) -> String {
    format!("{site}/{unit}")
}

/// Where the truths are.
pub fn truths_path(dir: &Path) -> PathBuf {
    dir.join("world.jsonl")
}

fn state_path(dir: &Path) -> PathBuf {
    dir.join("world.json")
}

/// The state of a world that was there before, if there was one.
pub fn read_state(dir: &Path) -> anyhow::Result<Option<State>> {
    match fs::read(state_path(dir)) {
        Ok(bytes) => serde_json::from_slice(&bytes)
            .map(Some)
            .with_context(|| format!("{} cannot be read", state_path(dir).display())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| state_path(dir).display().to_string()),
    }
}

/// Every complete line of `world.jsonl`, in order.
pub fn read_truths(dir: &Path) -> anyhow::Result<Vec<Truth>> {
    let mut truths = Vec::new();
    for_each_truth(dir, |truth| truths.push(truth))?;
    Ok(truths)
}

/// Gives each complete line; says where the last one ends.
fn for_each_truth(dir: &Path, mut take: impl FnMut(Truth)) -> anyhow::Result<u64> {
    let path = truths_path(dir);
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        Err(error) => return Err(error).with_context(|| path.display().to_string()),
    };
    let mut reader = BufReader::new(file);
    let (mut line, mut end, mut number) = (Vec::new(), 0, 0);
    loop {
        line.clear();
        number += 1;
        let read = reader.read_until(b'\n', &mut line)?;
        if line.last() != Some(&b'\n') {
            return Ok(end);
        }
        let truth = serde_json::from_slice(&line)
            .with_context(|| format!("{}, line {number}", path.display()))?;
        take(truth);
        end += read as u64;
    }
}

impl Journal {
    /// Opens the files of a world in `dir`: a new one, or the one that was there.
    pub fn open(dir: &Path, mut state: State) -> anyhow::Result<Self> {
        state.playing = true;
        let mut known = BTreeSet::new();
        let end = for_each_truth(dir, |truth| {
            let key = unit_key(truth.site.as_str(), truth.unit.as_str());
            // A happening may last some hours before it is told.
            let settled = state
                .units
                .get(&key)
                .map_or(WallUs::MAX, |kept| kept.settled);
            if truth.t_end.unwrap_or(truth.t).micros() >= settled - AGAIN {
                known.insert(told(&truth));
            }
        })?;
        let path = truths_path(dir);
        let mut truths = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .with_context(|| path.display().to_string())?;
        // What a killed world had half written.
        truths.set_len(end)?;
        truths.seek(SeekFrom::Start(end))?;
        let journal = Self {
            inner: Mutex::new(Inner {
                dir: dir.to_owned(),
                truths,
                state,
                told: known,
                written: 0,
            }),
        };
        journal.lock().save()?;
        Ok(journal)
    }

    /// Tells what happened.
    pub fn tell(&self, truths: &mut Vec<Truth>) -> io::Result<()> {
        if truths.is_empty() {
            return Ok(());
        }
        let mut inner = self.lock();
        let mut lines = Vec::new();
        for truth in truths.drain(..) {
            if !inner.told.is_empty() && inner.told.remove(&told(&truth)) {
                continue;
            }
            serde_json::to_writer(&mut lines, &truth)?;
            lines.push(b'\n');
            inner.written += 1;
        }
        inner.truths.write_all(&lines)
    }

    /// Writes down how far a unit's life is, before it is played on.
    pub fn keep(&self, key: &str, kept: Kept) -> io::Result<()> {
        let mut inner = self.lock();
        inner.state.units.insert(key.to_owned(), kept);
        inner.save()
    }

    /// Everything is told: the world has ended.
    pub fn close(&self) -> io::Result<()> {
        let mut inner = self.lock();
        inner.state.playing = false;
        inner.save()
    }

    /// Truths told since it was opened.
    pub fn written(&self) -> u64 {
        self.lock().written
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Nothing here leaves a state half changed that the next turn would not overwrite.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Nothing that happens lasts longer.
const AGAIN: i64 = 6 * crate::world::day::HOUR;

impl Inner {
    fn save(&self) -> io::Result<()> {
        let path = state_path(&self.dir);
        let new = path.with_extension("json.new");
        fs::write(&new, serde_json::to_vec(&self.state)?)?;
        fs::rename(new, path)
    }
}

#[cfg(test)]
mod tests {
    use gatepost_model::Wall;

    use super::*;

    fn truth(mono_us: u64) -> Truth {
        serde_json::from_value(serde_json::json!({
            "t": Wall::from_micros(i64::try_from(mono_us).unwrap()).unwrap(),
            "site": "s", "unit": "u", "boot": "b", "mono_us": mono_us, "what": "passage",
            "lane": "people", "dir": "in", "durable": true,
        }))
        .unwrap()
    }

    #[test]
    fn a_torn_line_goes_and_nothing_is_told_twice() {
        let dir = tempfile::tempdir().unwrap();
        let mut state = State {
            seed: 1,
            sites: 1,
            counts: false,
            faces: None,
            started: 0,
            playing: false,
            units: BTreeMap::new(),
        };
        let journal = Journal::open(dir.path(), state.clone()).unwrap();
        journal
            .tell(&mut vec![truth(1_000_000), truth(2_000_000)])
            .unwrap();
        drop(journal);
        let path = truths_path(dir.path());
        let mut bytes = fs::read(&path).unwrap();
        bytes.extend_from_slice(b"{\"t\":\"2026-");
        fs::write(&path, bytes).unwrap();

        let kept = Kept {
            boot: "b".parse().unwrap(),
            boot_at: 0,
            boots: 1,
            settled: 2_000_000,
            reserved: 3_000_000,
            under_way: Vec::new(),
        };
        state.units.insert(unit_key("s", "u"), kept);
        let journal = Journal::open(dir.path(), state.clone()).unwrap();
        journal
            .tell(&mut vec![truth(2_000_000), truth(3_000_000)])
            .unwrap();
        let monos: Vec<u64> = read_truths(dir.path())
            .unwrap()
            .iter()
            .map(|truth| truth.mono_us)
            .collect();
        assert_eq!(monos, [1_000_000, 2_000_000, 3_000_000]);
        state.playing = true;
        assert_eq!(read_state(dir.path()).unwrap(), Some(state.clone()));
        journal.close().unwrap();
        state.playing = false;
        assert_eq!(read_state(dir.path()).unwrap(), Some(state));
    }
}
