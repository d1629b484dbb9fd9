//! How planned rounds went, by month and zone. What is not known is neither good nor bad, and what
//! need not be done is not counted.

use std::collections::BTreeMap;

use gatepost_dashboard::view::{ComplianceView, Verdict};
use gatepost_model::Zone;

use super::Slot;

/// Figures by month, then of the site and of each zone that had slots.
pub fn compliance<'s>(slots: impl Iterator<Item = (&'s Slot, Verdict)>) -> Vec<ComplianceView> {
    let mut figures: BTreeMap<(String, Option<Zone>), ComplianceView> = BTreeMap::new();
    for (slot, verdict) in slots {
        let month = slot.date.format("%Y-%m").to_string();
        for zone in [None, Some(slot.zone)] {
            let key = (month.clone(), zone);
            let row = figures.entry(key).or_insert_with(|| nothing(&month, zone));
            let Some(count) = count_of(row, verdict) else {
                continue;
            };
            *count += 1;
        }
    }
    figures.into_values().map(with_shares).collect()
}

fn nothing(month: &str, zone: Option<Zone>) -> ComplianceView {
    ComplianceView {
        month: month.to_owned(),
        zone,
        done: 0,
        late: 0,
        short: 0,
        missed: 0,
        unknown: 0,
        excused: 0,
        in_time: None,
        made: None,
    }
}

fn count_of(row: &mut ComplianceView, verdict: Verdict) -> Option<&mut u64> {
    match verdict {
        Verdict::Done => Some(&mut row.done),
        Verdict::Late => Some(&mut row.late),
        Verdict::Short => Some(&mut row.short),
        Verdict::Missed => Some(&mut row.missed),
        Verdict::Unknown => Some(&mut row.unknown),
        Verdict::Excused => Some(&mut row.excused),
        Verdict::Upcoming | Verdict::Due | Verdict::Running => None,
    }
}

fn with_shares(mut row: ComplianceView) -> ComplianceView {
    let known = row.done + row.late + row.short + row.missed;
    let share = |part: u64| (known > 0).then(|| part as f64 / known as f64);
    row.in_time = share(row.done);
    row.made = share(row.done + row.late);
    row
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::testing::wall;

    fn slot(zone: Zone, date: &str) -> Slot {
        Slot {
            id: String::new(),
            zone,
            date: date.parse().unwrap(),
            number: 1,
            start: wall("2026-11-23T00:00:00Z"),
            end: wall("2026-11-23T03:00:00Z"),
        }
    }

    #[test]
    fn what_is_unknown_is_neither_good_nor_bad() {
        use Verdict::*;
        let november = slot(Zone::Living, "2026-11-30");
        let december = slot(Zone::Management, "2026-12-01");
        let said = [
            (&november, Done),
            (&november, Unknown),
            (&november, Excused),
            (&november, Due),
            (&november, Missed),
            (&november, Late),
            (&november, Short),
            (&december, Unknown),
        ];
        let rows = compliance(said.into_iter());
        let brief: Vec<_> = rows
            .iter()
            .map(|row| (row.month.as_str(), row.zone, row.in_time, row.made))
            .collect();
        assert_eq!(
            brief,
            [
                ("2026-11", None, Some(0.25), Some(0.5)),
                ("2026-11", Some(Zone::Living), Some(0.25), Some(0.5)),
                ("2026-12", None, None, None),
                ("2026-12", Some(Zone::Management), None, None),
            ]
        );
        assert_eq!((rows[0].unknown, rows[0].excused), (1, 1));
    }
}
