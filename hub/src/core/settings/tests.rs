use gatepost_dashboard::{
    ports::{Act, Command},
    view::AuditEntry,
};

use super::*;
use crate::core::{
    Core, Settings,
    input::{Effect, Input},
    state::{AnyRow, Change},
    testing::{site, wall},
};

/// 15:31 on the site.
const NOW: &str = "2026-11-23T07:31:00Z";

struct Desk {
    core: Core,
    trail: Vec<AuditEntry>,
}

type Asked = Result<Answer, CommandError>;

impl Desk {
    fn new() -> Self {
        let core = Core::new(Settings::new("0123456789abcdef".to_owned()));
        let trail = Vec::new();
        let mut desk = Self { core, trail };
        desk.turn([Input::Site(site())]);
        desk.turn([Input::Tick]);
        desk
    }

    /// The answers to the commands, in order.
    fn turn(&mut self, inputs: impl IntoIterator<Item = Input>) -> Vec<Asked> {
        let decision = self.core.decide(wall(NOW), inputs);
        self.core.apply(&decision.commit);
        for change in &decision.commit.changes {
            if let Change::Put(_, AnyRow::Audit(entry)) = change {
                self.trail.push(entry.clone());
            }
        }
        let effects = decision.effects.into_iter();
        let answers = effects.filter_map(|effect| match effect {
            Effect::Answer { answer, .. } => Some(answer),
            Effect::Ack { .. } | Effect::Say { .. } | Effect::Send(_) => None,
        });
        answers.collect()
    }

    fn ask(&mut self, act: Act) -> Asked {
        let mut answers = self.turn([command(None, act)]);
        assert_eq!(answers.len(), 1);
        answers.remove(0)
    }

    fn site(&self) -> &Site {
        &self.core.state().sites["s"].site
    }
}

fn command(key: Option<&str>, act: Act) -> Input {
    let command = Command {
        by: "wang".to_owned(),
        key: key.map(str::to_owned),
        act,
    };
    Input::Command { ticket: 1, command }
}

fn wanted(version: Option<&str>, text: &str) -> Act {
    Act::Settings {
        site: "s".parse().unwrap(),
        version: version.map(str::to_owned),
        text: text.to_owned(),
    }
}

fn calendar_of(text: &str) -> Act {
    Act::Calendar {
        site: "s".parse().unwrap(),
        text: text.to_owned(),
        all_holidays: false,
    }
}

fn settings_in(answer: Asked) -> SettingsView {
    match answer {
        Ok(Answer::Settings(view)) => *view,
        other => panic!("{other:?}"),
    }
}

#[test]
fn settings_go_out_as_a_file_and_come_back_changed() {
    let mut desk = Desk::new();
    let shown = view(desk.site()).unwrap();
    let text = format!("capacity = 120\n{}", shown.text);
    let changed = settings_in(desk.ask(wanted(Some(&shown.version), &text)));
    assert_eq!(desk.site().capacity, Some(120));
    assert_eq!(changed, view(desk.site()).unwrap());
    assert_ne!(changed.version, shown.version);
    assert_eq!(desk.trail.len(), 1);
    // The same again changes nothing and is no act.
    assert_eq!(settings_in(desk.ask(wanted(None, &text))), changed);
    assert_eq!(desk.trail.len(), 1);

    // Who saw an older version is told what is.
    let late = desk.ask(wanted(Some(&shown.version), &shown.text));
    let Err(CommandError::Conflict(now)) = late else {
        panic!("{late:?}");
    };
    assert_eq!(settings_in(Ok(*now)), changed);
    assert_eq!(desk.site().capacity, Some(120));
}

#[test]
fn every_mistake_of_a_file_is_told_with_its_line_and_nothing_is_changed() {
    let mut desk = Desk::new();
    let before = desk.site().clone();
    let text = view(&before).unwrap().text;
    for (text, says) in [
        ("id = \"s\"\ntime_zone = 8\n".to_owned(), "line 2: "),
        (
            format!("count_error = 2.0\n{text}").replace("Asia/Shanghai", "Shanghai"),
            "`time_zone` of site `s` is `Shanghai`",
        ),
        (text.replace("\"s\"", "\"t\""), "of site `t`, not `s`"),
        ("site = []\n".to_owned(), "0 sites instead of one"),
    ] {
        let answer = desk.ask(wanted(None, &text));
        let Err(CommandError::Refused(why)) = answer else {
            panic!("{text}: {answer:?}");
        };
        assert!(why.contains(says), "{why}");
    }
    assert_eq!(*desk.site(), before);
    assert!(desk.trail.is_empty());
}

#[test]
fn a_calendar_is_taken_in_and_tells_what_it_changes_and_from_when() {
    let mut desk = Desk::new();
    let table =
        "date,kind,name\n2026-11-23,holiday,today\n2027-01-01,holiday,元旦\n2027-01-09,work,\n";
    let Ok(Answer::Calendar(told)) = desk.ask(calendar_of(table)) else {
        panic!();
    };
    assert_eq!(told.version, version_of(desk.site()));
    assert_eq!(told.holds_from.to_string(), "2026-11-24");
    let days: Vec<_> = told
        .changes
        .iter()
        .map(|day| (day.date.to_string(), day.kind.as_str(), day.name.as_str()))
        .collect();
    assert_eq!(
        days,
        [
            ("2026-11-23".to_owned(), "holiday", "today"),
            ("2027-01-01".to_owned(), "holiday", "元旦"),
            ("2027-01-09".to_owned(), "work", ""),
        ]
    );
    assert_eq!(desk.site().holidays.len(), 2);
    assert_eq!(desk.site().work_days.len(), 1);
    // What is today is planned as it was.
    desk.turn([Input::Tick]);
    let state = &desk.core.state().sites["s"];
    let newest = state.plans.values().next_back().unwrap();
    assert_eq!(newest.from, told.holds_from);

    let Ok(Answer::Calendar(again)) = desk.ask(calendar_of(table)) else {
        panic!();
    };
    assert!(again.changes.is_empty());
    assert_eq!(desk.trail.len(), 1);
    let wrong = desk.ask(calendar_of("date,kind\n2027-13-01,holiday\n"));
    assert!(
        matches!(&wrong, Err(CommandError::Refused(why)) if why.starts_with("line 2: ")),
        "{wrong:?}"
    );
}

#[test]
fn two_who_change_settings_in_one_turn_change_them_one_after_the_other() {
    let mut desk = Desk::new();
    let shown = view(desk.site()).unwrap();
    let text = format!("capacity = 120\n{}", shown.text);
    let year = |year| calendar_of(&format!("date,kind\n{year}-01-01,holiday\n"));
    let answers = desk.turn([
        command(Some("a"), year(2027)),
        command(Some("b"), year(2028)),
        command(Some("c"), wanted(Some(&shown.version), &text)),
        command(Some("a"), year(2027)),
    ]);
    assert!(
        matches!(
            answers[..],
            [
                Ok(_),
                Ok(_),
                Err(CommandError::Conflict(_)),
                Ok(Answer::Again(_))
            ]
        ),
        "{answers:?}"
    );
    assert_eq!(desk.site().holidays.len(), 2);
    assert_eq!(desk.site().capacity, None);
    assert_eq!(desk.trail.len(), 2);
}
