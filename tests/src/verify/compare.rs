//! The judgement: the truth on one side, the record on the other.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet, HashMap},
};

use gatepost_model::Wall;

use super::{
    report::Report,
    seen::{Key, Seen},
};
use crate::world::truth::{Truth, What};

/// The record's times are rounded to milliseconds.
const ROUNDING_US: i64 = 1_000;

/// What a world has not told, and how far it has told everything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Told {
    /// Of a world that was killed: up to which moment of a boot everything was told, in
    /// microseconds after it; by unit and boot.
    pub through: BTreeMap<(String, String), u64>,
    /// Rounds that were under way, by unit, boot, and the moment of their start: a round is told
    /// when it is over.
    pub under_way: BTreeSet<(String, String, u64)>,
}

/// Compares the record with the truth. Of a world that is still running, events beyond the last
/// truth of their boot are not judged; of one that was killed, events from when on it had not yet
/// told everything; of none, the rounds that were under way.
pub fn compare(truths: &[Truth], seen: &[Seen], running: bool, told: &Told) -> Report {
    let mut report = Report::default();
    let starts = starts(seen);
    let mut by_key: HashMap<Cow<'_, Key>, Vec<&Seen>> = HashMap::with_capacity(seen.len());
    for event in seen {
        let key = event.found_by(&starts);
        by_key.entry(key).or_default().push(event);
    }
    let mut known: BTreeSet<Key> = BTreeSet::new();
    let mut horizon: BTreeMap<(String, String), u64> = BTreeMap::new();
    for truth in truths {
        let unit = format!("{}/{}", truth.site, truth.unit);
        let latest = horizon.entry((unit, truth.boot.to_string())).or_default();
        *latest = (*latest).max(truth.end_mono_us.unwrap_or(truth.mono_us));
        let expected = expected(truth);
        if expected.is_empty() {
            continue;
        }
        let found = expected
            .iter()
            .map(|expected| judge(truth, expected, &by_key, &mut report))
            .fold(Found::Right, Found::worse);
        known.extend(expected.into_iter().map(|expected| expected.key));
        match (truth.durable, found) {
            (true, found) => {
                report.durable += 1;
                report.matched += usize::from(found == Found::Right);
            }
            (false, found) => {
                report.uncertain += 1;
                report.recorded += usize::from(found != Found::Missing);
            }
        }
    }
    for event in seen {
        if event.key.kind == "unclear" {
            report.unclear += 1;
            continue;
        }
        // A round's end is judged with its start: it may be given up in a later boot.
        let key = event.found_by(&starts);
        if !known.contains(&*key) {
            let place = (key.unit.clone(), key.boot.clone());
            let (unit, boot) = place.clone();
            if told.under_way.contains(&(unit, boot, key.mono_us)) {
                continue;
            }
            let judged = match told.through.get(&place) {
                Some(told) => key.mono_us < *told,
                None => {
                    !running
                        || horizon
                            .get(&place)
                            .is_some_and(|latest| key.mono_us <= *latest)
                }
            };
            if judged {
                report.invented.push(event.describe());
            }
        }
    }
    order(seen, &mut report);
    report
}

/// Starts of rounds by unit and round.
fn starts(seen: &[Seen]) -> HashMap<(&str, &str), &Key> {
    let starts = seen
        .iter()
        .filter(|event| event.key.kind == "round started");
    starts
        .filter_map(|event| {
            let round = event.round.as_deref()?;
            Some(((event.key.unit.as_str(), round), &event.key))
        })
        .collect()
}

struct Expected {
    key: Key,
    /// None where the truth does not know.
    detail: Option<String>,
    at: Wall,
    /// Must be there if the truth is durable.
    required: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Found {
    Right,
    Wrong,
    Missing,
}

impl Found {
    fn worse(self, other: Self) -> Self {
        self.max(other)
    }
}

/// The events that a happening must make.
fn expected(truth: &Truth) -> Vec<Expected> {
    let one = |kind: &str, detail: Option<String>| Expected {
        key: Key {
            unit: format!("{}/{}", truth.site, truth.unit),
            boot: truth.boot.to_string(),
            kind: kind.to_owned(),
            place: truth
                .lane
                .as_ref()
                .map(ToString::to_string)
                .or_else(|| truth.zone.map(|zone| zone.to_string()))
                .unwrap_or_default(),
            mono_us: truth.mono_us,
        },
        detail,
        at: truth.t,
        required: true,
    };
    match truth.what {
        What::Passage => vec![one("passage", truth.dir.map(|dir| dir.as_str().to_owned()))],
        What::Screening => vec![one(
            "screening",
            truth.skin_c.map(|skin| format!("{skin:.2}")),
        )],
        What::Entry => vec![one("entry", truth.outcome.clone())],
        What::Round => {
            let ended = truth
                .end_mono_us
                .zip(truth.litres)
                .map(|(end, litres)| format!("{end} {litres:.1} l"));
            vec![
                one("round started", Some(String::new())),
                Expected {
                    at: truth.t_end.unwrap_or(truth.t),
                    required: truth.end_mono_us.is_some(),
                    ..one("round ended", ended)
                },
                // A round that is forgotten, or whose end the unit did not see, is given up some time.
                Expected {
                    required: false,
                    ..one("round abandoned", None)
                },
            ]
        }
        What::Uturn | What::Unclear => Vec::new(),
    }
}

fn judge(
    truth: &Truth,
    expected: &Expected,
    by_key: &HashMap<Cow<'_, Key>, Vec<&Seen>>,
    report: &mut Report,
) -> Found {
    let found = by_key
        .get(&expected.key)
        .map(Vec::as_slice)
        .unwrap_or_default();
    let Some(event) = found.first() else {
        if !expected.required {
            return Found::Right;
        }
        if truth.durable {
            let Key {
                unit,
                boot,
                kind,
                place,
                mono_us,
            } = &expected.key;
            report.missing.push(format!(
                "{unit} {kind} {place} at {mono_us} of boot {boot}, {}",
                expected.at
            ));
        }
        return Found::Missing;
    };
    if found.len() > 1 {
        report
            .doubled
            .push(format!("{} times: {}", found.len(), event.describe()));
        return Found::Wrong;
    }
    // Of a round that was broken off, only that it is there at most once can be said.
    if !truth.durable && truth.what == What::Round {
        return Found::Right;
    }
    if let Some(detail) = expected
        .detail
        .as_ref()
        .filter(|detail| **detail != event.detail)
    {
        report
            .wrong
            .push(format!("{}, but it was {detail}", event.describe()));
        return Found::Wrong;
    }
    let off = event.time.micros_since(expected.at).abs();
    let error = i64::try_from(event.time_error_ms).unwrap_or(i64::MAX / 1000) * 1000 + ROUNDING_US;
    if expected.detail.is_some() && off > error {
        report.wrong.push(format!(
            "{} has the time {} ± {} ms, but it was {}",
            event.describe(),
            event.time,
            event.time_error_ms,
            expected.at
        ));
        return Found::Wrong;
    }
    Found::Right
}

/// Order within a log is the sequence: what happened at one place later has a later sequence.
fn order(seen: &[Seen], report: &mut Report) {
    let mut by_place: BTreeMap<[&str; 5], Vec<&Seen>> = BTreeMap::new();
    let mut sequences: BTreeMap<(&(String, String), u64), usize> = BTreeMap::new();
    for event in seen {
        let Key {
            boot, kind, place, ..
        } = &event.key;
        let (unit, log) = &event.log;
        by_place
            .entry([unit, log, boot, kind, place])
            .or_default()
            .push(event);
        *sequences.entry((&event.log, event.seq)).or_default() += 1;
    }
    for events in by_place.values_mut() {
        events.sort_by_key(|event| event.seq);
        for pair in events.windows(2) {
            if pair[0].key.mono_us > pair[1].key.mono_us {
                report.disordered.push(format!(
                    "{} before {}",
                    pair[0].describe(),
                    pair[1].describe()
                ));
            }
        }
    }
    for ((log, seq), n) in sequences {
        if n > 1 {
            report
                .doubled
                .push(format!("sequence {seq} of {log:?} {n} times"));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn truth(mono_us: u64, dir: &str, durable: bool) -> Truth {
        serde_json::from_value(json!({
            "t": "2026-11-23T07:00:00Z", "site": "s", "unit": "u", "boot": "b", "mono_us": mono_us,
            "what": "passage", "lane": "people", "dir": dir, "durable": durable,
        }))
        .unwrap()
    }

    fn seen(seq: u64, mono_us: u64, dir: &str) -> Seen {
        let event = json!({
            "unit": "u", "boot": "b", "log": "l", "seq": seq, "mono_us": mono_us, "kind": "passage",
            "time": "2026-11-23T07:00:00.003Z", "time_error_ms": 10, "time_source": "unit",
            "lane": "people", "dir": dir, "duration_ms": 300,
        });
        Seen::read("s", &event).unwrap()
    }

    fn truths() -> Vec<Truth> {
        vec![
            truth(1, "in", true),
            truth(2, "out", true),
            truth(3, "in", false),
        ]
    }

    #[test]
    fn a_record_that_agrees_is_clean() {
        for more in [vec![], vec![seen(3, 3, "in")]] {
            let mut record = vec![seen(1, 1, "in"), seen(2, 2, "out")];
            let recorded = more.len();
            record.extend(more);
            let report = compare(&truths(), &record, false, &Told::default());
            assert!(report.is_clean(), "{report:?}");
            assert_eq!(report.lines()[0], "2 of 2 happenings matched");
            assert_eq!((report.uncertain, report.recorded), (1, recorded));
        }
    }

    #[test]
    fn each_fault_is_found_and_named() {
        let cases: [(&str, Vec<Seen>); 6] = [
            ("missing", vec![seen(1, 1, "in")]),
            (
                "doubled",
                vec![seen(1, 1, "in"), seen(2, 2, "out"), seen(3, 2, "out")],
            ),
            ("wrong", vec![seen(1, 1, "out"), seen(2, 2, "out")]),
            (
                "invented",
                vec![seen(1, 1, "in"), seen(2, 2, "out"), seen(3, 9, "in")],
            ),
            ("out of order", vec![seen(2, 1, "in"), seen(1, 2, "out")]),
            ("doubled", vec![seen(1, 1, "in"), seen(1, 2, "out")]),
        ];
        for (word, record) in cases {
            let report = compare(&truths(), &record, false, &Told::default());
            assert!(!report.is_clean(), "{word}");
            assert!(
                report.lines().iter().any(|line| line.starts_with(word)),
                "{word}: {report:?}"
            );
        }
        let mut late = vec![seen(1, 1, "in"), seen(2, 2, "out")];
        late[0].time = Wall::parse("2026-11-23T07:00:00.012Z").unwrap();
        assert!(
            !compare(&truths(), &late, false, &Told::default()).is_clean(),
            "beyond its own error"
        );
    }

    #[test]
    fn a_round_that_was_under_way_when_the_world_ended_was_not_invented() {
        let round = |boot: &str, mono_us: u64, seq: u64, started: Option<u64>| {
            let event = json!({
                "unit": "u", "boot": boot, "log": "l", "seq": seq, "mono_us": mono_us,
                "kind": "round", "time": "2026-11-23T07:00:00Z", "time_error_ms": 10,
                "time_source": "unit", "zone": "isolation", "round": format!("r{boot}"),
                "phase": if started.is_some() { "abandoned" } else { "started" },
                "started_mono_us": started,
            });
            Seen::read("s", &event).unwrap()
        };
        // Given up in the boot that only drains the spool.
        let mut given_up = round("c", 0, 4, Some(5));
        given_up.round = Some("rb".to_owned());
        let record = vec![
            seen(1, 1, "in"),
            seen(2, 2, "out"),
            round("b", 5, 3, None),
            given_up,
        ];
        let under_way = |mono_us| Told {
            under_way: BTreeSet::from([("s/u".to_owned(), "b".to_owned(), mono_us)]),
            ..Told::default()
        };
        let report = compare(&truths(), &record, false, &under_way(5));
        assert!(report.is_clean(), "{report:?}");
        let report = compare(&truths(), &record, false, &under_way(6));
        assert_eq!(report.invented.len(), 2, "{report:?}");
    }

    #[test]
    fn of_a_running_world_the_newest_is_not_judged() {
        let record = vec![seen(1, 1, "in"), seen(2, 2, "out"), seen(4, 9, "in")];
        assert!(compare(&truths(), &record, true, &Told::default()).is_clean());
        assert!(!compare(&truths(), &record, false, &Told::default()).is_clean());
    }
}
