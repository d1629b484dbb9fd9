//! Both stores give the same answers, in whatever order a day arrives and however often.

use proptest::{prelude::*, sample::Index, test_runner::Config};
use serde_json::json;

use super::*;
use crate::{core::Commit, store::journal::Journal};

/// A day with two units and three logs, numbers that are no decimals, and texts that are no words.
fn a_day() -> Vec<StoredEvent> {
    let mut day = contract::a_day();
    for (n, event) in day.iter_mut().enumerate() {
        if n % 7 == 0 {
            event.log = "log-2".parse().unwrap();
        }
    }
    let mut more = contract::every_kind();
    let odd = [
        json!(1.0 / 3.0),
        json!(-1e300),
        json!(5e-324),
        json!(9_000_000.25),
    ];
    let quantities = ["ambient_c", "a,b=c d\n\"e\\", "", "門 🚧", "${x}"];
    for (n, value) in (0_u64..).zip(odd.iter().cycle().take(40)) {
        let quantity = quantities[n as usize % quantities.len()];
        more.push(contract::event(
            n + 100,
            (n * 1913 % 80_000).cast_signed(),
            json!({"kind": "reading", "sensor": "odd", "quantity": quantity, "value": value, "note": quantity}),
        ));
    }
    for event in &mut more {
        event.log = "log-3".parse().unwrap();
    }
    day.extend(more);
    day
}

fn text(answers: &contract::Answers) -> String {
    let (events, counts, stats, latest) = answers;
    let events = serde_json::to_string(events).unwrap();
    format!("{events}\n{counts:?}\n{stats:?}\n{latest}")
}

proptest! {
    #![proptest_config(Config { cases: 8, ..Config::default() })]

    #[test]
    fn any_order_and_repetition_of_a_day_gives_the_same_from_both_stores(
        order in Just((0..a_day().len()).collect::<Vec<_>>()).prop_shuffle(),
        again in prop::collection::vec((any::<Index>(), any::<Index>()), 0..60),
        size in 20..400_usize,
        when in prop::sample::select(vec![When::Always, When::Sometimes, When::Never, When::InDoubt]),
    ) {
        let Some(server) = server() else { return Ok(()) };
        let day = a_day();
        let mut arrivals: Vec<StoredEvent> = order.iter().map(|at| day[*at].clone()).collect();
        for (which, place) in again {
            let event = arrivals[which.index(arrivals.len())].clone();
            arrivals.insert(place.index(arrivals.len() + 1), event);
        }
        let folder = tempfile::tempdir().unwrap();
        let mut journal = Journal::open(folder.path()).unwrap();
        let influx = Stage::new(server, when);
        for chunk in arrivals.chunks(size) {
            journal.commit(&Commit { events: chunk.to_vec(), changes: Vec::new() }).unwrap();
            influx.append(chunk);
        }
        let embedded = journal.history().unwrap();
        let site = contract::site();
        let expected = text(&contract::answers(&embedded, &site));
        prop_assert_eq!(text(&contract::answers(influx.store(), &site)), expected);
    }
}
