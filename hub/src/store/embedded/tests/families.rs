//! Series that share blocks: which ones, beside blocks of older hubs, and where names are lost.

use std::collections::BTreeSet;

use super::*;
use crate::store::embedded::{
    block::{Block, MOST_KIN, seal_former},
    catalog::Run,
    point::SeriesId,
};

/// Keys of all blocks with their forms.
fn forms(connection: &Connection) -> Vec<(i64, u8)> {
    let mut statement = connection
        .prepare("SELECT key, data FROM reading_block ORDER BY key")
        .unwrap();
    let blocks = statement.query_map([], |row| {
        let data: Vec<u8> = row.get(1)?;
        Ok((row.get(0)?, data[0]))
    });
    blocks.unwrap().collect::<rusqlite::Result<_>>().unwrap()
}

fn families(file: &File) -> BTreeSet<SeriesId> {
    let (memory, site) = (file.store.shared.read(), contract::site());
    let of_site = memory.catalog.of_site(&site);
    of_site.map(|(_, series)| series.family).collect()
}

/// Makes of a file what an older hub would have left, which knew no families.
fn as_an_older_hub_left_it(file: &File) {
    let writing = file.writing.lock().unwrap();
    let connection = &writing.0;
    for (key, _) in forms(connection) {
        let (hour, _) = block::parts(key);
        let select = "SELECT data FROM reading_block WHERE key = ?1";
        let data: Vec<u8> = connection
            .query_row(select, [key], |row| row.get(0))
            .unwrap();
        let members = Block::open(key, &data).unwrap().points().unwrap();
        connection
            .execute("DELETE FROM reading_block WHERE key = ?1", [key])
            .unwrap();
        for (series, points) in members {
            let key = block::key(hour, series);
            connection
                .execute(
                    "INSERT INTO reading_block (key, data) VALUES (?1, ?2)",
                    (key, seal_former(key, &points)),
                )
                .unwrap();
        }
    }
    for (id, series) in file.store.shared.read().catalog.of_site(&contract::site()) {
        let run = Run {
            site: series.site.clone(),
            unit: series.unit.clone(),
            log: series.log.clone(),
            boot: series.boot.clone(),
        };
        connection
            .execute(
                "UPDATE reading_series SET check32 = ?2 WHERE id = ?1",
                (id, run.check(id, None, &series.reading())),
            )
            .unwrap();
    }
    connection
        .execute_batch("ALTER TABLE reading_series DROP COLUMN family")
        .unwrap();
}

#[test]
fn a_family_has_so_many_series_of_one_run_as_a_block_may_have() {
    let file = File::empty();
    file.append(&many_readings());
    assert_eq!(families(&file).len(), 60_usize.div_ceil(MOST_KIN));
    let expected = families(&file);
    let file = file.reopened();
    assert_eq!(families(&file), expected);
    // The next series of the run joins the last family, one of another run none of them.
    let mut more = [
        contract::reading(20_000, 0, "more", 1.0),
        contract::reading(20_001, 0, "other", 1.0),
    ];
    more[1].boot = "boot-2".parse().unwrap();
    file.append(&more);
    let all = families(&file);
    assert_eq!(all.difference(&expected).collect::<Vec<_>>(), [&61]);
}

#[test]
fn blocks_of_an_older_hub_are_read_and_written_anew_when_something_comes_late() {
    let file = File::empty();
    let events = many_readings();
    file.append(&events);
    file.seal();
    let site = contract::site();
    let expected = contract::answers(&file.store, &site);
    as_an_older_hub_left_it(&file);
    let verified = verify(&file.writing.lock().unwrap().0).unwrap();
    assert_eq!(verified.wrong, [""; 0]);
    schema(&file.writing.lock().unwrap().0).unwrap();
    let file = file.reopened();
    let before = forms(&file.writing.lock().unwrap().0);
    assert!(before.len() >= 120 && before.iter().all(|(_, form)| *form == 1));
    assert_eq!(contract::answers(&file.store, &site), expected);
    assert_eq!(file.append(&events), 0);

    // A late one of a series that was there, and one of a new sensor of the same run.
    let late = [
        contract::reading(20_000, 7, "s-7", -4.5),
        contract::reading(20_001, 7, "more", 1.5),
        contract::reading(20_002, 7, "still-more", 1.5),
    ];
    assert_eq!(file.append(&late), 3);
    let expected = contract::answers(&file.store, &site);
    file.seal();
    assert_eq!(contract::answers(&file.store, &site), expected);
    let after = forms(&file.writing.lock().unwrap().0);
    let anew: Vec<SeriesId> = after
        .iter()
        .filter(|(_, form)| *form == 2)
        .map(|(key, _)| block::parts(*key).1)
        .collect();
    assert_eq!(anew, [7, 60]);
    assert_eq!(after.len(), before.len() + 1);
    let file = file.reopened();
    assert_eq!(contract::answers(&file.store, &site), expected);
    assert_eq!(file.append(&late), 0);
    let verified = verify(&file.writing.lock().unwrap().0).unwrap();
    assert_eq!(verified.wrong, [""; 0]);
    assert_eq!(verified.sealed, 12_003);
}

#[test]
fn kin_of_lost_names_are_served_and_a_wrong_family_is_found() {
    let file = File::empty();
    file.append(&many_readings());
    file.seal();
    let site = contract::site();
    let of = |file: &File, sensor: &str| {
        let which = StatsFilter::Readings {
            quantity: "ambient_c".to_owned(),
            sensor: Some(sensor.parse().unwrap()),
            zone: None,
        };
        let begin = contract::wall("2026-11-23T20:00:00Z");
        let edges: Vec<Wall> = (0..=4)
            .map(|n| begin.plus_micros(n * 3_600_000_000))
            .collect();
        let stats = file.store.stats(&site, &which, &edges).unwrap();
        let untold = file.store.untold(&site, Question::Stats(&which), &edges);
        (stats, untold.unwrap().len())
    };
    let (first, second) = (of(&file, "s-0"), of(&file, "s-1"));
    assert_eq!((first.1, second.1), (0, 0));
    {
        // The first of its family: the others bear its number.
        let writing = file.writing.lock().unwrap();
        let sql = "UPDATE reading_series SET family = family + 1 WHERE id = 0";
        assert_eq!(writing.0.execute(sql, []).unwrap(), 1);
    }
    let file = file.reopened();
    assert_eq!(of(&file, "s-1"), (second.0, 2), "two hours are not whole");
    assert_eq!(of(&file, "s-0"), (vec![None; 4], 2));
    let verified = verify(&file.writing.lock().unwrap().0).unwrap();
    assert_eq!(verified.wrong, ["the names of series 0 are damaged"]);
}
