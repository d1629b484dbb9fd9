//! Too many people inside: by the headcount as it is now, so what arrives late calls only if it makes
//! too many of those who are there. While a backlog arrives the sum passes through its past, which is
//! old news; whether there are too many still is asked again when the record has caught up.

use std::collections::BTreeSet;

use gatepost_dashboard::view::{AlertView, Subject};
use gatepost_model::{Wall, Zone, alert::AlertKind};

use super::{
    Turn,
    alerts::{Cause, Occurrence, is_untold},
    state::Part,
};

/// Looks at the headcounts that a batch changed whose newest event was at `at`.
pub(super) fn look(part: &mut Part<'_, '_>, turn: &Turn<'_>, at: Wall) {
    let is_old = turn.is_old(at);
    let changed: BTreeSet<Option<Zone>> =
        part.site.tallies.changed_rows().map(|row| row.of).collect();
    for count in counts(part) {
        let waits = newest(part, &count).is_some_and(is_untold);
        if changed.contains(&count.of) || (waits && !is_old) {
            judge(part, &count, (at, is_old), turn.now);
        }
    }
}

/// Looks at one headcount that people have just set right.
pub(super) fn look_at(part: &mut Part<'_, '_>, of: Option<Zone>, now: Wall) {
    for count in counts(part).into_iter().filter(|count| count.of == of) {
        judge(part, &count, (now, false), now);
    }
}

/// Looks at all headcounts after a start, or by new settings. What was told of the same limit, and
/// perhaps resolved by somebody who knows, is not told anew.
pub(super) fn look_anew(part: &mut Part<'_, '_>, now: Wall) {
    for count in counts(part) {
        let known = newest(part, &count).filter(|alert| alert.gone_at.is_none());
        let is_told = known.is_some_and(|alert| alert.params.get(MOST) == Some(&count.most.into()));
        if count.inside <= count.most || !is_told {
            judge(part, &count, (now, false), now);
        }
    }
}

/// How many are allowed, in an alert's figures.
const MOST: &str = "most";

/// How many are inside the site, or a zone, and how many are allowed.
struct Count {
    of: Option<Zone>,
    inside: i64,
    most: i64,
}

fn counts(part: &Part<'_, '_>) -> Vec<Count> {
    let site = &part.site.base.site;
    let allowed = |of: Option<Zone>| of.map_or(site.capacity, |zone| site.zone(zone).capacity);
    let tallies = part.site.tallies.iter();
    tallies
        .map(|row| Count {
            of: row.of,
            inside: row.tally.raw(),
            // Where there is no limit any more, what was over it is over.
            most: allowed(row.of).map_or(i64::MAX, i64::from),
        })
        .collect()
}

fn cause(part: &Part<'_, '_>, count: &Count) -> Cause {
    Cause {
        site: part.id.clone(),
        kind: AlertKind::Capacity,
        subject: Subject {
            zone: count.of,
            ..Subject::default()
        },
    }
}

fn newest<'p>(part: &'p Part<'_, '_>, count: &Count) -> Option<&'p AlertView> {
    part.alerts.newest_of(&cause(part, count))
}

fn judge(part: &mut Part<'_, '_>, count: &Count, (at, is_old): (Wall, bool), now: Wall) {
    let cause = cause(part, count);
    let newest = part.alerts.newest_of(&cause);
    // A headcount is of now, whatever order the record comes in.
    let said = newest.and_then(|alert| alert.gone_at.max(alert.seen_at));
    let at = said.map_or(at, |said| said.max(at));
    if count.inside <= count.most {
        return part.alerts.clear(&cause, at, now);
    }
    let is_known = newest.is_some_and(|alert| is_old && is_untold(alert));
    let is_open = part.alerts.open_of(&cause);
    if is_known || is_open.is_some_and(|open| !open.cleared) {
        return;
    }
    let occurrence = Occurrence {
        happened_at: at,
        params: [
            ("n".to_owned(), count.inside.into()),
            (MOST.to_owned(), count.most.into()),
        ]
        .into(),
        is_old,
    };
    part.raise(&cause, occurrence, now);
}

#[cfg(test)]
mod tests {
    use gatepost_dashboard::ports::{Act, Command};
    use gatepost_model::{Site, alert::AlertState};

    use super::*;
    use crate::core::{
        Core, Settings,
        input::Input,
        testing::{Log, site, wall},
    };

    struct Desk {
        core: Core,
        log: Log,
    }

    fn at(seconds: i64) -> Wall {
        wall("2026-11-23T07:31:00Z").plus_micros(seconds * 1_000_000)
    }

    impl Desk {
        fn new(capacity: Option<u32>) -> Self {
            let mut desk = Self {
                core: Core::new(Settings::new("0123456789abcdef".to_owned())),
                log: Log::new("gate-1", "a"),
            };
            desk.settle_on(0, capacity);
            desk
        }

        fn turn(&mut self, seconds: i64, input: Input) {
            let decision = self.core.decide(at(seconds), [input]);
            self.core.apply(&decision.commit);
        }

        fn settle_on(&mut self, seconds: i64, capacity: Option<u32>) {
            let site = Site { capacity, ..site() };
            self.turn(seconds, Input::Site(site));
            self.turn(seconds, Input::Tick);
        }

        /// The batch is sent 600 s after its unit's boot.
        fn people(&mut self, seconds: i64, n: u64, booted_s: u64) {
            let from = self.log.lines.len();
            for person in 0..n {
                self.log.passage(booted_s * 1_000_000 + person);
            }
            let batch = self.log.input(from..self.log.lines.len(), at(seconds));
            self.turn(seconds, batch);
        }

        fn call(&mut self, seconds: i64, count: u64) {
            let command = Command {
                by: "wang".to_owned(),
                key: None,
                act: Act::RollCall {
                    site: "s".parse().unwrap(),
                    zone: None,
                    count,
                },
            };
            self.turn(seconds, Input::Command { ticket: 1, command });
        }

        /// The states of its alerts, and whether the cause is gone.
        fn alerts(&self) -> Vec<(AlertState, bool)> {
            let all = self.core.state().alerts.all();
            let ours = all.filter(|alert| alert.kind == AlertKind::Capacity);
            ours.map(|alert| (alert.state, alert.gone_at.is_some()))
                .collect()
        }
    }

    #[test]
    fn a_backlog_calls_nobody_until_it_has_arrived() {
        let mut desk = Desk::new(Some(2));
        // 3,000 s ago.
        let sent = |desk: &mut Desk, n, ago_s: u64| {
            let from = desk.log.lines.len();
            for person in 0..n {
                desk.log.passage(10_000_000 + person);
            }
            let mut header = desk.log.header(from..desk.log.lines.len());
            header.sent.mono_us = 10_000_000 + ago_s * 1_000_000;
            let lines = from..desk.log.lines.len();
            let batch = desk.log.input_with(&header, lines, at(1));
            desk.turn(1, batch);
        };
        sent(&mut desk, 3, 3_000);
        assert_eq!(desk.alerts(), [(AlertState::Resolved, false)]);
        sent(&mut desk, 1, 2_000);
        assert_eq!(desk.alerts(), [(AlertState::Resolved, false)]);
        // It goes on into the present: there are four of two.
        let from = desk.log.lines.len();
        let watched = serde_json::json!({ "watched_from_mono_us": 0, "clock": "unset" });
        desk.log.event(600_000_000, "heartbeat", watched);
        let batch = desk.log.input(from..from + 1, at(600));
        desk.turn(600, batch);
        assert_eq!(desk.alerts(), [(AlertState::Raised, false)]);
    }

    #[test]
    fn a_roll_call_ends_it_and_begins_it() {
        let mut desk = Desk::new(Some(2));
        desk.people(0, 3, 599);
        assert_eq!(desk.alerts(), [(AlertState::Raised, false)]);
        desk.call(10, 2);
        assert_eq!(desk.alerts(), [(AlertState::Raised, true)]);
        desk.call(20, 7);
        assert_eq!(desk.alerts(), [(AlertState::Raised, false)]);
    }

    #[test]
    fn new_settings_are_looked_at_by_themselves() {
        let mut desk = Desk::new(None);
        desk.people(0, 3, 599);
        assert_eq!(desk.alerts(), []);
        desk.settle_on(10, Some(2));
        assert_eq!(desk.alerts(), [(AlertState::Raised, false)]);
        desk.settle_on(20, None);
        assert_eq!(desk.alerts(), [(AlertState::Raised, true)]);
    }
}
