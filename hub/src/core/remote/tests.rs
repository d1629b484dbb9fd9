use gatepost_dashboard::ports::{self, Act};
use gatepost_model::{
    Site,
    remote::{CommandReply, ConfigReply, ConfigResult},
};

use super::*;
use crate::core::{
    Core, Decision, Settings,
    input::Input,
    state::SiteState,
    testing::{site, wall},
};

struct Desk {
    core: Core,
    minutes: i64,
}

impl Desk {
    fn new() -> Self {
        let core = Core::new(Settings::new("0123456789abcdef".to_owned()));
        let mut desk = Self { core, minutes: 0 };
        let units = vec![unit()];
        desk.turn(Input::Site(Site { units, ..site() }));
        desk
    }

    fn now(&self) -> Wall {
        wall("2026-11-23T07:31:00Z").plus_micros(self.minutes * 60_000_000)
    }

    fn turn(&mut self, input: Input) -> Decision {
        self.minutes += 1;
        let decision = self.core.decide(self.now(), [input]);
        self.core.apply(&decision.commit);
        decision
    }

    /// What it came to, and what is said to the unit as topic and text.
    fn ask(&mut self, act: Act) -> (Result<Answer, CommandError>, Vec<String>) {
        let command = ports::Command {
            by: "li".to_owned(),
            key: None,
            act,
        };
        let decision = self.turn(Input::Command { ticket: 1, command });
        let said = said_in(&decision);
        let answer = decision
            .effects
            .into_iter()
            .find_map(|effect| match effect {
                Effect::Answer { answer, .. } => Some(answer),
                _ => None,
            });
        (answer.unwrap(), said)
    }

    fn configure(
        &mut self,
        version: Option<u64>,
        text: &str,
    ) -> (Result<Answer, CommandError>, Vec<String>) {
        self.ask(Act::Configure {
            site: "s".parse().unwrap(),
            unit: unit(),
            version,
            text: Some(text.to_owned()),
        })
    }

    fn hears(&mut self, reply: Reply) -> Vec<String> {
        let received = self.now();
        let decision = self.turn(Input::Reply {
            site: "s".parse().unwrap(),
            unit: unit(),
            reply,
            received,
        });
        said_in(&decision)
    }

    fn site(&self) -> &SiteState {
        &self.core.state().sites["s"]
    }

    fn config(&self) -> &UnitConfig {
        &self.site().configs[&unit()]
    }
}

fn said_in(decision: &Decision) -> Vec<String> {
    let said = decision.effects.iter().filter_map(|effect| match effect {
        Effect::Say {
            topic,
            payload,
            retain,
        } => {
            let kept = if *retain { "retained " } else { "" };
            let text = String::from_utf8_lossy(payload);
            Some(format!("{kept}{} {text}", topic.channel.as_str()))
        }
        _ => None,
    });
    said.collect()
}

fn unit() -> UnitId {
    "gate-1".parse().unwrap()
}

fn applied(version: u64, result: ConfigResult, applied: u64) -> Reply {
    Reply::Config(ConfigReply {
        version,
        result,
        applied,
        detail: String::new(),
    })
}

#[test]
fn a_configuration_is_wanted_said_and_answered() {
    let mut desk = Desk::new();
    let (answer, said) = desk.configure(None, "one");
    assert!(matches!(answer, Ok(Answer::Config(config)) if config.version == 1));
    assert_eq!(said, [r#"retained config {"version":1,"text":"one"}"#]);
    // The same again is nothing new.
    let (answer, _) = desk.configure(Some(1), "one");
    assert!(matches!(answer, Ok(Answer::Config(config)) if config.version == 1));
    let (answer, said) = desk.configure(Some(7), "two");
    assert!(matches!(answer, Err(CommandError::Conflict(_))));
    assert!(said.is_empty());
    desk.hears(applied(1, ConfigResult::Applied, 1));
    assert_eq!(desk.config().applied, Some(1));
    assert_eq!(desk.site().audit.as_ref().map(|entry| entry.n), Some(1));
    let again = desk.turn(Input::Listening(true));
    assert_eq!(
        said_in(&again),
        [r#"retained config {"version":1,"text":"one"}"#]
    );
}

#[test]
fn what_a_unit_took_back_can_be_tried_again() {
    let mut desk = Desk::new();
    desk.configure(None, "one").0.unwrap();
    let failures = [
        ConfigResult::Refused,
        ConfigResult::RolledBack,
        ConfigResult::Overruled,
    ];
    for (version, result) in (1..).zip(failures) {
        desk.configure(None, "one").0.unwrap();
        assert_eq!(desk.config().version, version, "it may be on its way");
        desk.hears(applied(version, result, 0));
        let (_, said) = desk.configure(None, "one");
        let next = version + 1;
        let again = format!(r#"retained config {{"version":{next},"text":"one"}}"#);
        assert_eq!(said, [again]);
    }
    desk.hears(applied(4, ConfigResult::Applied, 4));
    desk.configure(None, "one").0.unwrap();
    assert_eq!(desk.config().version, 4);
}

#[test]
fn a_restored_hub_wants_again_what_it_knows() {
    let mut desk = Desk::new();
    let (answer, _) = desk.configure(None, "one");
    assert!(answer.is_ok());
    let said = desk.hears(applied(5, ConfigResult::Applied, 5));
    assert_eq!(said, [r#"retained config {"version":6,"text":"one"}"#]);
    // One that knows of nothing leaves the unit alone, and goes on above.
    let mut desk = Desk::new();
    assert!(desk.hears(applied(5, ConfigResult::Applied, 5)).is_empty());
    let (_, said) = desk.configure(None, "two");
    assert_eq!(said, [r#"retained config {"version":6,"text":"two"}"#]);
}

#[test]
fn a_command_is_said_once_and_its_answer_is_kept() {
    let mut desk = Desk::new();
    let tell = |desk: &mut Desk| {
        desk.ask(Act::Tell {
            site: "s".parse().unwrap(),
            unit: unit(),
            command: Order::Identify { seconds: 10 },
        })
    };
    let (answer, said) = tell(&mut desk);
    let Ok(Answer::Command(first)) = answer else {
        panic!("{answer:?}");
    };
    assert_eq!(said.len(), 1);
    assert!(
        said[0].starts_with("command ") && said[0].contains(&first.id),
        "{said:?}"
    );
    let (answer, _) = tell(&mut desk);
    assert!(matches!(answer, Ok(Answer::Command(second)) if second.id != first.id));
    for id in [&first.id, "of nobody"] {
        desk.hears(Reply::Command(CommandReply {
            id: id.to_owned(),
            done: true,
            detail: "1 lamps blink for 10 s".to_owned(),
        }));
    }
    let done: Vec<Option<bool>> = desk.site().commands[&unit()]
        .newest
        .iter()
        .map(|view| view.done)
        .collect();
    assert_eq!(done, [None, Some(true)]);
    assert!(said_in(&desk.turn(Input::Listening(true))).is_empty());
}

#[test]
fn what_nobody_has_is_not_there() {
    let mut desk = Desk::new();
    let (answer, said) = desk.ask(Act::Tell {
        site: "s".parse().unwrap(),
        unit: "gate-9".parse().unwrap(),
        command: Order::Record,
    });
    assert!(matches!(
        answer,
        Err(CommandError::NotFound { what: "unit", .. })
    ));
    assert!(said.is_empty());
}

#[test]
fn a_units_nonsense_takes_no_numbers_away() {
    let mut desk = Desk::new();
    desk.configure(None, "one").0.unwrap();
    for version in [u64::MAX, MAX_CONFIG_VERSION + 1] {
        let said = desk.hears(applied(version, ConfigResult::Applied, version));
        assert_eq!(said, [""; 0]);
        let said = desk.hears(applied(1, ConfigResult::Applied, version));
        assert_eq!(said, [""; 0]);
    }
    let config = desk.config();
    assert_eq!((config.version, config.answered), (1, None));
    // The highest that is taken leaves room for more, and what was wanted is answered.
    desk.hears(applied(MAX_CONFIG_VERSION, ConfigResult::Applied, 0));
    assert_eq!(desk.config().version, MAX_CONFIG_VERSION + 1);
    let next = MAX_CONFIG_VERSION + 2;
    let (answer, _) = desk.configure(None, "two");
    assert!(matches!(answer, Ok(Answer::Config(config)) if config.version == next));
    desk.hears(applied(next, ConfigResult::Applied, next));
    assert_eq!(desk.config().answered, Some(next));
}
