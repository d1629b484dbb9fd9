use proptest::prelude::*;

use super::*;
use crate::core::testing::{Log, wall};

const AT: &str = "2026-11-23T07:31:00Z";

fn log(n: u64) -> Log {
    let mut log = Log::new("gate-1", "l");
    for at in 1..=n {
        log.passage(at * 1000);
    }
    log
}

fn mark(log: &Log, lines: usize) -> Mark {
    Mark {
        through: log.before(lines),
        chain: log.chains[lines],
    }
}

/// What a batch of these lines brings to a record that has the first `held` lines.
fn brought(
    log: &Log,
    held: usize,
    lines: std::ops::Range<usize>,
) -> Result<Vec<u64>, &'static str> {
    match news(mark(log, held), &log.batch(lines, wall(AT))) {
        News::Lines(lines) => Ok(lines.iter().map(BatchLine::last).collect()),
        News::Held => Err("held"),
        News::Ahead => Err("ahead"),
        News::Fork { .. } => Err("fork"),
    }
}

#[test]
fn what_is_new_begins_after_the_watermark() {
    let log = log(6);
    assert_eq!(brought(&log, 0, 0..2), Ok(vec![1, 2]));
    assert_eq!(brought(&log, 2, 2..4), Ok(vec![3, 4]));
    assert_eq!(brought(&log, 2, 0..4), Ok(vec![3, 4]));
    assert_eq!(brought(&log, 4, 1..4), Err("held"));
    assert_eq!(brought(&log, 4, 0..2), Err("held"));
    assert_eq!(brought(&log, 2, 3..5), Err("ahead"));
    assert_eq!(brought(&log, 0, 1..2), Err("ahead"));
}

#[test]
fn the_record_may_end_within_a_gap() {
    let mut shed = log(6);
    shed.shed(1, 2000, 6000);
    shed.passage(7000);
    let whole = log(6);
    // Held through 3; the unit has since shed 2 to 6.
    let batch = shed.batch(0..3, wall(AT));
    let News::Lines(lines) = news(mark(&whole, 3), &batch) else {
        panic!("the rest of the gap is new");
    };
    assert_eq!(lines[0].last(), 6);
    assert_eq!(lines[1].last(), 7);
    // All of the gap is held: the chains must agree at its end.
    assert!(matches!(news(mark(&whole, 6), &batch), News::Lines([_])));
}

#[test]
fn another_history_is_a_fork_wherever_it_can_be_seen() {
    let whole = log(6);
    let mut other = log(2);
    for at in 10..14 {
        other.passage(at * 1000);
    }
    let at = wall(AT);
    let held = mark(&whole, 4);
    // Beginning at the watermark, across it, and ending at it.
    for lines in [4..6, 1..6, 2..4] {
        let batch = other.batch(lines, at);
        assert!(matches!(news(held, &batch), News::Fork { .. }), "{batch:?}");
    }
    // Where the histories are still one, nothing tells them apart.
    assert!(matches!(news(held, &other.batch(0..2, at)), News::Held));
    // A log that claims to begin otherwise.
    let mut header = whole.header(0..1);
    header.chain = Chain::from_bits(7);
    let batch = whole.batch_with(&header, 0..1, at);
    assert!(matches!(news(Mark::START, &batch), News::Fork { .. }));
}

proptest! {
    /// However a log is cut into batches, repeated and shuffled: the record is always a beginning of
    /// it, each number once, and with the chain of the log.
    #[test]
    fn the_record_is_a_beginning_of_the_log(
        sends in prop::collection::vec((0_usize..20, 1_usize..6), 1..60),
    ) {
        let log = log(20);
        let mut held = Mark::START;
        let mut record = Vec::new();
        for (start, n) in sends {
            let end = (start + n).min(20);
            let batch = log.batch(start..end, wall(AT));
            match news(held, &batch) {
                News::Lines(lines) => {
                    record.extend(lines.iter().map(|line| line.seq));
                    let last = lines.last().unwrap();
                    held = Mark { through: last.last(), chain: last.chain };
                }
                News::Held => prop_assert!(end as u64 <= held.through),
                News::Ahead => prop_assert!(start as u64 > held.through),
                News::Fork { .. } => prop_assert!(false, "there is one history"),
            }
            prop_assert_eq!(held, mark(&log, record.len()));
        }
        let beginning: Vec<u64> = (1..=record.len() as u64).collect();
        prop_assert_eq!(record, beginning);
    }
}
