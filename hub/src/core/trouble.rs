//! Trouble of the hub itself, as an alert of a site that is none: `hub`. Its recipients are in the hub's
//! own configuration.

use gatepost_dashboard::view::Subject;
use gatepost_model::{Site, SiteId, Wall, alert::AlertKind, recipient::Recipient, site::Name};

use super::{
    alerts::{Cause, Occurrence},
    state::Draft,
};

/// What no site may be called.
pub const HUB: &str = "hub";

/// The hub as a site: its time zone, and who is told.
pub fn site(time_zone: String, recipients: Vec<Recipient>) -> Site {
    let name = Name {
        zh: "中心".to_owned(),
        en: "Hub".to_owned(),
    };
    Site {
        recipients,
        ..Site::new(id(), time_zone, name)
    }
}

fn id() -> SiteId {
    // A word that every id may be.
    HUB.parse()
        .unwrap_or_else(|_| unreachable!("`{HUB}` is an id"))
}

/// A part of the hub does not work since, in words; or works again.
pub(super) fn take(draft: &mut Draft<'_>, part: &str, wrong: Option<String>, now: Wall) {
    let cause = Cause {
        site: id(),
        kind: AlertKind::HubTrouble,
        subject: Subject {
            id: Some(part.to_owned()),
            ..Subject::default()
        },
    };
    let Some(wrong) = wrong else {
        return draft.alerts.clear(&cause, now, now);
    };
    let occurrence = Occurrence {
        happened_at: now,
        params: [("detail".to_owned(), wrong.into())].into(),
        is_old: false,
    };
    draft.raise(&cause, occurrence, now);
}

#[cfg(test)]
mod tests {
    use gatepost_dashboard::{
        ports::{Act, AlertAct, Answer, Command, CommandError},
        view::{AlertView, AuditEntry},
    };
    use gatepost_model::{
        Wall,
        alert::{AlertKind, AlertState},
    };

    use crate::core::{
        Core, Settings,
        input::{Effect, Input},
        people::verify,
        state::{AnyRow, Change},
        testing::{Log, wall},
    };

    struct Desk {
        core: Core,
        now: Wall,
        trail: Vec<AuditEntry>,
    }

    impl Desk {
        fn new() -> Self {
            Self {
                core: Core::new(Settings::new("0123456789abcdef".to_owned())),
                now: wall("2026-11-23T07:31:00Z"),
                trail: Vec::new(),
            }
        }

        fn turn(&mut self, input: Input) -> Vec<Effect> {
            let decision = self.core.decide(self.now, [input]);
            self.core.apply(&decision.commit);
            for change in &decision.commit.changes {
                if let Change::Put(site, AnyRow::Audit(entry)) = change {
                    assert_eq!(site.as_str(), super::HUB);
                    self.trail.push(entry.clone());
                }
            }
            decision.effects
        }

        fn alerts(&self) -> Vec<AlertView> {
            self.core.state().alerts.open().cloned().collect()
        }

        fn act(&mut self, key: &str, alert: u64, act: AlertAct) -> Result<Answer, CommandError> {
            let command = Command {
                by: "wang".to_owned(),
                key: Some(key.to_owned()),
                act: Act::Alert {
                    alert,
                    version: None,
                    note: Some("the spare disk is on its way".to_owned()),
                    act,
                },
            };
            let effects = self.turn(Input::Command { ticket: 1, command });
            let mut answers = effects.into_iter().filter_map(|effect| match effect {
                Effect::Answer { answer, .. } => Some(answer),
                _ => None,
            });
            answers.next().unwrap()
        }
    }

    #[test]
    fn trouble_of_the_hub_is_answered_by_people_and_its_trail_is_kept() {
        let mut desk = Desk::new();
        desk.turn(Input::Trouble {
            part: "store",
            wrong: Some("no room".to_owned()),
        });
        let alert = desk.alerts()[0].id;
        assert_eq!(desk.alerts()[0].kind, AlertKind::HubTrouble);
        desk.act("a", alert, AlertAct::Acknowledge).unwrap();
        assert_eq!(desk.alerts()[0].state, AlertState::Acknowledged);
        let until = desk.now.plus_micros(3_600_000_000);
        desk.act("b", alert, AlertAct::Shelve { until }).unwrap();
        let again = desk.act("b", alert, AlertAct::Shelve { until });
        assert!(matches!(again, Ok(Answer::Again(_))), "{again:?}");
        let resolve = AlertAct::Resolve { outcome: None };
        desk.act("c", alert, resolve).unwrap();
        assert!(desk.alerts().is_empty());
        assert_eq!(desk.trail.len(), 3);
        assert!(verify(&desk.trail), "{:?}", desk.trail);
        // Keys are kept for a day.
        assert_eq!(desk.core.state().hub.said.len(), 3);
        desk.now = desk.now.plus_micros(2 * 86_400_000_000);
        desk.turn(Input::Tick);
        assert!(desk.core.state().hub.said.is_empty());
    }

    #[test]
    fn whoever_names_sites_that_are_none_makes_one_alert_that_can_be_answered() {
        let mut desk = Desk::new();
        let stray = |desk: &mut Desk, unit: &str| {
            let mut log = Log::new(unit, "a");
            log.passage(1_000_000);
            let now = desk.now;
            desk.turn(log.input(0..1, now));
        };
        for unit in ["gate-1", "gate-2", "gate-3"] {
            stray(&mut desk, unit);
        }
        let open = desk.alerts();
        assert_eq!(open.len(), 1, "{open:?}");
        assert_eq!((open[0].site.as_str(), open[0].count), (super::HUB, 3));
        assert_eq!(open[0].params["code"], "unknown_site");
        desk.act("a", open[0].id, AlertAct::Acknowledge).unwrap();
        let resolve = AlertAct::Resolve { outcome: None };
        desk.act("b", open[0].id, resolve).unwrap();
        assert!(desk.alerts().is_empty());
        // Another one after that is news.
        stray(&mut desk, "gate-4");
        assert_eq!(desk.alerts().len(), 1);
    }
}
