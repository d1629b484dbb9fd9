//! Killed writers and damaged files: 20 trials each, or as many as `GATEPOST_TRIALS` says.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::PathBuf,
    process::{Command, Stdio},
};

use super::*;
use crate::store::event::StoredEvent;

fn trials() -> usize {
    let asked = std::env::var("GATEPOST_TRIALS").ok();
    asked.map_or(20, |text| text.parse().unwrap())
}

/// Dice that fall alike in every run.
fn dice() -> impl FnMut(usize) -> usize {
    let mut dice = 0x2545_f491_4f6c_dd1d_u64;
    move |sides| {
        dice ^= dice << 13;
        dice ^= dice >> 7;
        dice ^= dice << 17;
        (dice % sides as u64) as usize
    }
}

const FOLDER: &str = "GATEPOST_KILLED_IN";
const FROM: &str = "GATEPOST_KILLED_FROM";
const BATCH: usize = 20;

fn batch(n: usize) -> Vec<StoredEvent> {
    (n * BATCH..(n + 1) * BATCH)
        .map(|at| {
            let seq = at as u64 + 1;
            let sensor = format!("s-{}", at % 7);
            contract::reading(seq, at as i64 * 11, &sensor, (at % 97) as f64 / 4.0)
        })
        .collect()
}

/// Appends batches and seals in between, and says of each batch when it is durable.
#[test]
#[ignore = "run by the test that kills it"]
fn a_writer_to_be_killed() {
    let Some(folder) = std::env::var_os(FOLDER).map(PathBuf::from) else {
        return;
    };
    let file = File::within(folder);
    let from = std::env::var(FROM).unwrap().parse().unwrap();
    for n in from.. {
        let events = batch(n);
        // What a killed one had written is there already.
        file.append(&events);
        println!("durable {n}");
        file.slices(1);
    }
}

fn all_seqs(store: &Embedded) -> Vec<u64> {
    let mut seqs = Vec::new();
    let mut query = EventQuery {
        limit: 10_000,
        ..EventQuery::default()
    };
    loop {
        let page = store.events(&contract::site(), &query).unwrap();
        seqs.extend(
            page.events
                .iter()
                .map(|event| event["seq"].as_u64().unwrap()),
        );
        query.cursor = page.next;
        if query.cursor.is_none() {
            return seqs;
        }
    }
}

#[test]
fn a_killed_writer_has_lost_nothing_that_it_called_durable() {
    let mut roll = dice();
    let folder = tempfile::tempdir().unwrap();
    let mut known = 0_usize;
    for trial in 0..trials() {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--ignored", "--exact", "--nocapture"])
            .arg("store::embedded::tests::trials::a_writer_to_be_killed")
            .env(FOLDER, folder.path())
            // Some of it again, as units send what was not acknowledged.
            .env(FROM, known.saturating_sub(2).to_string())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let durable = lines.filter_map(|line| {
            let line = line.unwrap();
            line.split_once("durable ")?.1.parse::<usize>().ok()
        });
        let until = known + 1 + roll(30);
        for n in durable {
            known = known.max(n + 1);
            if n >= until {
                break;
            }
        }
        child.kill().unwrap();
        child.wait().unwrap();

        let file = File::within(folder.path().to_owned());
        let seqs = all_seqs(&file.store);
        // Whole batches, in order, once each, and at least those that were said to be durable.
        let written = seqs.len() / BATCH;
        assert!(written >= known, "trial {trial}: {written} of {known}");
        assert!(
            seqs.iter().copied().eq(1..=(written * BATCH) as u64),
            "trial {trial}"
        );
        let verified = verify(&file.writing.lock().unwrap().0).unwrap();
        assert_eq!(verified.wrong, [""; 0], "trial {trial}");
    }
}

/// A sealed file with some of it still open, as bytes.
fn sound() -> Vec<u8> {
    let file = File::empty();
    file.append(&many_readings());
    file.seal();
    let mut late = contract::a_day();
    for event in &mut late {
        event.log = "late".parse().unwrap();
    }
    file.append(&late);
    let path = file.path.join("hub.sqlite");
    drop((file.writing, file.store));
    let connection = Connection::open(&path).unwrap();
    connection
        .pragma_update(None, "wal_checkpoint", "TRUNCATE")
        .unwrap();
    drop(connection);
    fs::read(path).unwrap()
}

fn of_bytes(bytes: &[u8]) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("hub.sqlite");
    fs::write(&path, bytes).unwrap();
    (folder, path)
}

fn hours(store: &Embedded, sensor: &str) -> Result<Vec<Option<Stats>>, ReadError> {
    let begin = contract::wall("2026-11-23T20:00:00Z");
    let edges: Vec<Wall> = (0..=30)
        .map(|n| begin.plus_micros(n * 3_600_000_000))
        .collect();
    let which = StatsFilter::Readings {
        quantity: "ambient_c".to_owned(),
        sensor: Some(sensor.parse().unwrap()),
        zone: None,
    };
    store.stats(&contract::site(), &which, &edges)
}

#[test]
fn a_damaged_block_is_set_aside_and_the_rest_is_served() {
    let mut roll = dice();
    let sound = sound();
    let (_folder, path) = of_bytes(&sound);
    let whole = Embedded::open(&path).unwrap();
    for trial in 0..trials() {
        let (folder, path) = of_bytes(&sound);
        let connection = Connection::open(&path).unwrap();
        let blocks: i64 = connection
            .query_row("SELECT count(*) FROM reading_block", [], |row| row.get(0))
            .unwrap();
        let (key, mut data): (i64, Vec<u8>) = connection
            .query_row(
                "SELECT key, data FROM reading_block LIMIT 1 OFFSET ?1",
                [roll(blocks as usize) as i64],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )
            .unwrap();
        match roll(2) {
            0 => {
                let at = roll(data.len());
                data[at] ^= 1 << roll(8);
            }
            _ => data.truncate(roll(data.len())),
        }
        connection
            .execute(
                "UPDATE reading_block SET data = ?2 WHERE key = ?1",
                (key, data),
            )
            .unwrap();
        assert_eq!(verify(&connection).unwrap().wrong.len(), 1, "trial {trial}");
        drop(connection);

        let file = File::within(folder.path().to_owned());
        let site = contract::site();
        let mut differ = Vec::new();
        for n in 0..60 {
            let sensor = format!("s-{n}");
            let (expected, given) = (hours(&whole, &sensor), hours(&file.store, &sensor));
            let pairs = expected.unwrap().into_iter().zip(given.unwrap());
            let numbered = pairs.enumerate();
            differ.extend(numbered.filter(|(_, (expected, given))| expected != given));
        }
        // One hour of one family, and of that all.
        let hour = differ[0].0;
        assert!(
            differ.len() <= block::MOST_KIN
                && differ
                    .iter()
                    .all(|it| matches!(it, (at, (Some(_), None)) if *at == hour)),
            "trial {trial}: {differ:?}"
        );
        let which = StatsFilter::Readings {
            quantity: "ambient_c".to_owned(),
            sensor: None,
            zone: None,
        };
        let untold = |file: &File| {
            file.store
                .untold(&site, Question::Stats(&which), &[])
                .unwrap()
        };
        let damaged = untold(&file);
        assert_eq!(damaged.len(), 1, "trial {trial}");
        file.seal();
        let file = file.reopened();
        assert_eq!(untold(&file), damaged, "trial {trial}");
        let verified = verify(&file.writing.lock().unwrap().0).unwrap();
        assert_eq!(
            (verified.aside, verified.wrong.len()),
            (1, 0),
            "trial {trial}"
        );
    }
}

#[test]
fn flipped_and_torn_bytes_anywhere_are_found_or_change_no_answer() {
    let mut roll = dice();
    let sound = sound();
    let (_folder, path) = of_bytes(&sound);
    let whole = Embedded::open(&path).unwrap();
    let site = contract::site();
    let expected = contract::answers(&whole, &site);
    let mut found = 0;
    for trial in 0..trials() {
        let mut bytes = sound.clone();
        let at = roll(bytes.len());
        if roll(2) == 0 {
            bytes[at] ^= 1 << roll(8);
        } else {
            // A sector that was not written.
            let sector = at / 512 * 512;
            bytes[sector..sector + 512].fill(0);
        }
        let (_folder, path) = of_bytes(&bytes);
        let verified = Connection::open(&path).and_then(|connection| verify(&connection));
        if verified.is_err() || verified.is_ok_and(|verified| !verified.wrong.is_empty()) {
            found += 1;
            continue;
        }
        let store = Embedded::open(&path).unwrap();
        assert_eq!(
            contract::answers(&store, &site),
            expected,
            "trial {trial}, byte {at}"
        );
    }
    println!(
        "{found} of {} were found, the others changed nothing",
        trials()
    );
}

#[test]
fn what_comes_late_for_a_damaged_hour_is_kept() {
    let file = File::empty();
    let reading = |seq: u64, value: f64| contract::reading(seq, 60, "yard-env", value);
    file.append(&[reading(1, 1.0), reading(2, 2.0)]);
    file.seal();
    let spoil = |file: &File| {
        let writing = file.writing.lock().unwrap();
        let sql = "UPDATE reading_block SET data = CAST(X'00' || data AS BLOB)
                   WHERE key = (SELECT min(key) FROM reading_block)";
        assert_eq!(writing.0.execute(sql, []).unwrap(), 1);
    };
    let numbers = |file: &File| {
        let hours = hours(&file.store, "yard-env").unwrap();
        hours[0].map(|stats| (stats.n, stats.max))
    };
    for round in 1..=2 {
        spoil(&file);
        let value = f64::from(round) * 10.0;
        file.append(&[reading(10 + u64::try_from(round).unwrap(), value)]);
        file.seal();
        // Whatever sets damaged blocks aside must not take the new one.
        file.append(&[contract::reading(
            20 + u64::try_from(round).unwrap(),
            86_400,
            "other",
            1.0,
        )]);
        file.seal();
        assert_eq!(numbers(&file), Some((1, value)), "round {round}");
    }
    let verified = verify(&file.writing.lock().unwrap().0).unwrap();
    assert_eq!((verified.aside, verified.wrong.len()), (2, 0));
}
