//! The wire's golden files: what was valid stays valid, byte for byte, and what is refused stays
//! refused with the same code.
//!
//! `valid/NAME.jsonl` is what this version writes: reading and writing it again gives the same
//! bytes. `valid/NAME.reader.jsonl` is what it must be able to read from others: newer units, and
//! batches with a broken line. `invalid/CODE.NAME.jsonl` is refused as a whole with that code.

#![expect(clippy::unwrap_used, reason = "a test may panic, helpers included")]

use std::{fs, path::PathBuf};

use gatepost_model::{
    event::Line,
    wire::{self, Chain, Content},
};
use proptest::prelude::*;

fn golden(kind: &str) -> Vec<(String, Vec<u8>)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden/v1")
        .join(kind);
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            (
                path.file_name().unwrap().to_string_lossy().into_owned(),
                fs::read(&path).unwrap(),
            )
        })
        .collect();
    files.sort();
    assert!(!files.is_empty());
    files
}

#[test]
fn valid_files_are_read() {
    for (name, bytes) in golden("valid") {
        let batch = wire::decode(&"gate-1".parse().unwrap(), &bytes)
            .unwrap_or_else(|e| panic!("{name}: {e}"));
        let said = batch.header.count;
        assert_eq!(
            batch.lines.iter().map(|line| line.n).sum::<u64>(),
            said,
            "{name}"
        );
        if !name.ends_with(".reader.jsonl") {
            let lines = batch.lines.iter().map(|line| match &line.content {
                Content::Line(Line::Event(event), _) => event.to_line(),
                Content::Line(Line::Gap(gap), _) => gap.to_line(),
                Content::Broken(error) => panic!("{name}: {error}"),
            });
            let lines: Vec<String> = lines.collect();
            let again = wire::encode(&batch.header, lines.iter().map(String::as_bytes));
            assert_eq!(
                String::from_utf8(again).unwrap(),
                String::from_utf8(bytes.clone()).unwrap(),
                "{name}"
            );
        }
    }
}

#[test]
fn invalid_files_are_refused_with_their_code() {
    for (name, bytes) in golden("invalid") {
        let error = wire::decode(&"gate-1".parse().unwrap(), &bytes).expect_err(&name);
        assert_eq!(
            Some(error.code()),
            name.split('.').next(),
            "{name}: {error}"
        );
    }
}

#[test]
fn a_broken_line_is_alone_and_the_chain_goes_on() {
    let (_, bytes) = golden("valid")
        .into_iter()
        .find(|(name, _)| name.starts_with("broken_line"))
        .unwrap();
    let batch = wire::decode(&"gate-1".parse().unwrap(), &bytes).unwrap();
    let broken: Vec<bool> = batch
        .lines
        .iter()
        .map(|line| matches!(line.content, Content::Broken(_)))
        .collect();
    assert_eq!(broken, [false, true, false]);
    let end = batch
        .lines
        .iter()
        .fold(Chain::START, |chain, line| chain.then(line.bytes));
    assert_eq!(batch.lines[2].chain, end);
}

#[test]
fn limits_are_where_the_wire_says() {
    let unit = "gate-1".parse().unwrap();
    let header = |count: usize| {
        format!(
            r#"{{"v":1,"unit":"gate-1","log":"a","first":1,"count":{count},"chain":"0000000000000000","boot":"b","sent":{{"boot":"b","mono_us":1,"clock":"unset"}}}}"#
        )
    };
    let line = r#"{"mono_us":1,"kind":"x"}"#;
    let batch = |count: usize| {
        format!("{}{}", header(count), format!("\n{line}").repeat(count)).into_bytes()
    };
    assert_eq!(wire::decode(&unit, &batch(500)).unwrap().lines.len(), 500);
    assert_eq!(
        wire::decode(&unit, &batch(501)).unwrap_err().code(),
        "too_many_lines"
    );

    let filler = r#"{"mono_us":1,"kind":"x","f":""}"#.len() + 1;
    let room = 65_536 - header(2).len() - 1 - line.len() - filler;
    let mut full = format!(
        "{}\n{line}\n{}",
        header(2),
        format_args!(r#"{{"mono_us":1,"kind":"x","f":"{}"}}"#, "a".repeat(room))
    )
    .into_bytes();
    assert_eq!(full.len(), 65_536);
    assert!(wire::decode(&unit, &full).is_ok());
    full.push(b'\n');
    assert_eq!(wire::decode(&unit, &full).unwrap_err().code(), "too_large");
}

proptest! {
    #[test]
    fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
        let _ = wire::decode(&"gate-1".parse().unwrap(), &bytes);
        let _ = Line::from_bytes(&bytes);
    }

    #[test]
    fn a_damaged_batch_is_refused_or_stands_for_what_it_says(
        file in 0_usize..10, at in any::<prop::sample::Index>(), with in any::<u8>(), cut in any::<prop::sample::Index>(),
    ) {
        let files = golden("valid");
        let mut bytes = files[file % files.len()].1.clone();
        let at = at.index(bytes.len());
        bytes[at] = with;
        bytes.truncate(cut.index(bytes.len()) + 1);
        if let Ok(batch) = wire::decode(&"gate-1".parse().unwrap(), &bytes) {
            let mut next = batch.header.first;
            for line in &batch.lines {
                prop_assert_eq!(line.seq, next);
                next = line.last() + 1;
            }
            prop_assert_eq!(next - batch.header.first, batch.header.count);
        }
    }
}
