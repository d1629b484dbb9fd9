//! The hub killed at every step of an alert's life, on a journal on disk: raised, told, shelved, back and
//! told again, acknowledged, assigned, commented, resolved, raised anew and told. Whoever got no answer asks
//! again as they do: the unit sends what is not acknowledged, the page the same key.

use std::collections::BTreeMap;

use bytes::Bytes;
use gatepost_dashboard::{
    ports::{Act, AlertAct, Command},
    view::AlertView,
};
use gatepost_model::{Site, Wall};
use serde_json::json;

use super::{
    Core, Settings,
    input::{Effect, Input},
    paging::{Dispatch, Said},
    testing::{Log, site, wall},
};
use crate::{
    ingest::decode::{Message, decode},
    store::journal::Journal,
};

/// Where in a turn the process dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Dies {
    /// Nothing of it is stored.
    BeforeCommit,
    /// It is stored, and nobody is told.
    BeforeEffects,
    /// Everybody is told, and no answer is heard.
    AfterEffects,
}

/// A hub on a disk, and the world around it.
struct Hub {
    folder: tempfile::TempDir,
    running: Option<(Journal, Core)>,
    /// Turns so far.
    turns: usize,
    /// Those of them that stored or told something: to die in another is to be started again.
    steps: Vec<usize>,
    dies: Option<(usize, Dies)>,
    /// What reached people.
    arrived: Vec<Dispatch>,
}

fn at(seconds: i64) -> Wall {
    wall("2026-11-23T07:31:00Z").plus_micros(seconds * 1_000_000)
}

fn settings() -> Site {
    let guard = toml::from_str("name = \"guard\"\nchannel = \"robot\"").unwrap();
    Site {
        recipients: vec![guard],
        ..site()
    }
}

impl Hub {
    fn new(dies: Option<(usize, Dies)>) -> Self {
        let mut hub = Self {
            folder: tempfile::tempdir().unwrap(),
            running: None,
            turns: 0,
            steps: Vec::new(),
            dies,
            arrived: Vec::new(),
        };
        // As the command line does it.
        let mut journal = Journal::open(hub.folder.path()).unwrap();
        journal.put_sites(&[settings()]).unwrap();
        drop(journal);
        hub.begins(0);
        hub
    }

    /// The process begins, by what is on the disk.
    fn begins(&mut self, seconds: i64) {
        self.running = None;
        let journal = Journal::open(self.folder.path()).unwrap();
        let mut core = Core::new(Settings::new(journal.store().to_owned()));
        journal.load(core.state_mut()).unwrap();
        self.running = Some((journal, core));
        self.turn(seconds, &Input::Started);
        self.turn(seconds, &Input::Listening(true));
    }

    /// One turn, and what follows from it.
    fn turn(&mut self, seconds: i64, input: &Input) {
        self.turns += 1;
        let dies = self
            .dies
            .take_if(|(turn, _)| *turn == self.turns)
            .map(|(_, dies)| dies);
        let (journal, core) = self.running.as_mut().unwrap();
        let decision = core.decide(at(seconds), [input.clone()]);
        if decision.commit.is_durable() || !decision.effects.is_empty() {
            self.steps.push(self.turns);
        }
        if dies != Some(Dies::BeforeCommit) {
            journal.commit(&decision.commit).unwrap();
            core.apply(&decision.commit);
        }
        let is_told = matches!(dies, None | Some(Dies::AfterEffects));
        let sent: Vec<Dispatch> = decision
            .effects
            .into_iter()
            .filter(|_| is_told)
            .filter_map(|effect| match effect {
                Effect::Send(dispatch) => Some(*dispatch),
                _ => None,
            })
            .collect();
        self.arrived.extend(sent.iter().cloned());
        if dies.is_some() {
            self.begins(seconds);
            // The unit has no ack, whoever acts no answer, and the new process looks at the clock. What a
            // channel said nobody tells again.
            if !matches!(input, Input::Sent { .. }) {
                self.turn(seconds, input);
            }
            return;
        }
        for dispatch in sent {
            let result = Ok("ok".to_owned());
            let dispatch = dispatch.id;
            self.turn(seconds, &Input::Sent { dispatch, result });
        }
    }

    /// Time passes, and the unit says that it is there.
    fn ticks(&mut self, seconds: std::ops::Range<i64>) {
        for second in seconds.step_by(10) {
            let alive = json!({ "log": "a", "last": 1, "waiting": 0, "mono_us": 600_000_000,
                "clock": "unset", "interval_s": 10 });
            let alive = decode(Message {
                topic: Bytes::from("gatepost/v1/s/gate-1/alive"),
                payload: Bytes::from(alive.to_string()),
                retained: false,
                received: at(second),
            });
            self.turn(second, &alive);
            self.turn(second, &Input::Tick);
        }
    }

    fn acts(&mut self, seconds: i64, alert: u64, act: AlertAct) {
        let command = Command {
            by: "wang".to_owned(),
            key: Some(format!("key-{seconds}")),
            act: Act::Alert {
                alert,
                version: None,
                note: Some("looked at it".to_owned()),
                act,
            },
        };
        self.turn(seconds, &Input::Command { ticket: 1, command });
        self.ticks(seconds..seconds + 20);
    }

    fn alerts(&self) -> Vec<AlertView> {
        let (_, core) = self.running.as_ref().unwrap();
        core.state().alerts.all().cloned().collect()
    }

    /// How often something was said of each alert, and how often of that with a mark.
    fn said(&self) -> BTreeMap<(u64, Said), (usize, usize)> {
        let mut said = BTreeMap::new();
        for dispatch in &self.arrived {
            for row in &dispatch.messages {
                let times: &mut (usize, usize) =
                    said.entry((row.alert.unwrap(), row.said)).or_default();
                times.0 += 1;
                times.1 += usize::from(dispatch.repeated);
            }
        }
        said
    }
}

/// The life of an alert, told by a hub that dies once, or never.
fn life(dies: Option<(usize, Dies)>) -> Hub {
    let mut hub = Hub::new(dies);
    let mut log = Log::new("gate-1", "a");
    let broken = json!({ "sensor": "people-ir", "code": "stuck", "detail": "" });
    log.event(590_000_000, "fault", broken.clone());
    hub.turn(1, &log.input(0..1, at(1)));
    hub.ticks(1..20);
    let until = at(100);
    hub.acts(30, 1, AlertAct::Shelve { until });
    hub.ticks(50..120);
    hub.acts(120, 1, AlertAct::Acknowledge);
    let to = "li".to_owned();
    hub.acts(140, 1, AlertAct::Assign { to });
    hub.acts(160, 1, AlertAct::Comment);
    hub.acts(180, 1, AlertAct::Resolve { outcome: None });
    log.event(591_000_000, "cleared", broken.clone());
    log.event(592_000_000, "fault", broken);
    for n in 1..3 {
        let seconds = 180 + i64::try_from(n).unwrap() * 20;
        hub.turn(seconds, &log.input(n..n + 1, at(seconds)));
        hub.ticks(seconds..seconds + 20);
    }
    hub.ticks(240..340);
    hub
}

#[test]
fn a_hub_that_is_killed_at_any_step_of_an_alerts_life_loses_and_doubles_nothing() {
    let whole = life(None);
    let alerts = whole.alerts();
    let happened: Vec<Vec<&str>> = alerts
        .iter()
        .map(|it| it.history.iter().map(|entry| entry.what.as_str()).collect())
        .collect();
    let lived = [
        "raised",
        "shelved",
        "unshelved",
        "acknowledged",
        "assigned",
        "commented",
        "resolved",
    ];
    assert_eq!(happened, [lived.to_vec(), vec!["raised"]]);
    let said = whole.said();
    let words: Vec<(u64, Said)> = said.keys().copied().collect();
    let expected = [(1, Said::Raised), (1, Said::Reminded(1)), (2, Said::Raised)];
    assert_eq!(words, expected);
    assert!(said.values().all(|times| *times == (1, 0)), "{said:?}");

    for turn in whole.steps {
        for dies in [Dies::BeforeCommit, Dies::BeforeEffects, Dies::AfterEffects] {
            let hub = life(Some((turn, dies)));
            assert_eq!(hub.dies, None, "turn {turn}");
            assert_eq!(hub.alerts(), alerts, "{dies:?} in turn {turn}");
            let found = hub.said();
            let words: Vec<(u64, Said)> = found.keys().copied().collect();
            assert_eq!(words, expected, "{dies:?} in turn {turn}");
            // What came twice did so once in all, and the second time says that it may be a repetition.
            let more: Vec<_> = found.values().filter(|times| times.0 > 1).collect();
            assert!(more.len() <= 1, "{dies:?} in turn {turn}: {found:?}");
            assert!(
                more.iter().all(|times| **times == (2, 1)),
                "{dies:?} in turn {turn}: {found:?}"
            );
        }
    }
}
