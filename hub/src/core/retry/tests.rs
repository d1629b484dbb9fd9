use gatepost_dashboard::ports::Act;
use gatepost_model::event::Happening;
use serde_json::json;

use super::*;
use crate::{
    core::{
        Core, Decision, Settings,
        input::{Effect, Input},
        quarantine::ShelfChange,
        state::AnyRow,
        testing::{Log, site, wall},
    },
    store::journal::Journal,
};

const CAME: &str = "2026-11-23T07:31:00Z";
const LATER: &str = "2026-11-30T07:31:00Z";

fn turn(core: &mut Core, now: &str, input: Input) -> Decision {
    let decision = core.decide(wall(now), [input]);
    core.apply(&decision.commit);
    decision
}

fn command(quarantine: u64) -> Command {
    Command {
        by: "wang".to_owned(),
        key: None,
        act: Act::Retry { quarantine },
    }
}

fn again(aside: Option<&Aside>) -> Input {
    Input::Retry {
        ticket: 1,
        command: command(aside.map_or(9, |aside| aside.id)),
        aside: aside.cloned().map(Box::new),
    }
}

fn answer(decision: &Decision) -> &Result<Answer, CommandError> {
    match &decision.effects[..] {
        [Effect::Answer { answer, .. }] => answer,
        other => panic!("{other:?}"),
    }
}

fn why(decision: &Decision) -> String {
    answer(decision).as_ref().unwrap_err().to_string()
}

/// A core with a log whose second line is no event, and that line as the journal has it.
fn with_poison() -> (Core, Log, Aside, tempfile::TempDir, Journal) {
    let folder = tempfile::tempdir().unwrap();
    let mut journal = Journal::open(folder.path()).unwrap();
    let mut core = Core::new(Settings::new(journal.store().to_owned()));
    let mut log = Log::new("gate-1", "log-1");
    log.passage(1_000_000);
    log.push("{\"mono_us\":2000000,\"kind\":\"passage\",\"lane\":\"people\",\"dir\":\"up\",\"duration_ms\":1}");
    log.passage(3_000_000);
    for input in [Input::Site(site()), log.input(0..3, wall(CAME))] {
        let decision = turn(&mut core, CAME, input);
        journal.commit(&decision.commit).unwrap();
    }
    let aside = journal.aside(1).unwrap().unwrap();
    (core, log, aside, folder, journal)
}

#[test]
fn a_line_that_can_be_read_by_now_is_in_the_record_once() {
    let (mut core, log, mut aside, _folder, mut journal) = with_poison();
    assert_eq!(aside.place, Some(("log-1".parse().unwrap(), 2)));
    let still = turn(&mut core, LATER, again(Some(&aside)));
    assert!(why(&still).starts_with("it still is no event"), "{still:?}");
    assert!(still.commit.is_empty());

    // A newer hub knows what the word means.
    let text = String::from_utf8(aside.bytes).unwrap().replace("up", "in");
    aside.bytes = text.clone().into_bytes();
    let twice = core.decide(wall(LATER), [again(Some(&aside)), again(Some(&aside))]);
    let [event] = &twice.commit.events[..] else {
        panic!("{:?}", twice.commit.events);
    };
    let live = {
        let mut core = Core::new(Settings::new("0123456789abcdef".to_owned()));
        turn(&mut core, CAME, Input::Site(site()));
        let mut whole = Log::new("gate-1", "log-1");
        whole.push(log.lines[0].0.clone());
        whole.push(text);
        whole.push(log.lines[2].0.clone());
        turn(&mut core, CAME, whole.input(0..3, wall(CAME)))
            .commit
            .events
    };
    assert_eq!(*event, live[1], "as if it had been read when it came");
    assert_eq!(event.received, wall(CAME));
    assert!(matches!(event.happening(), Some(Happening::Passage(_))));
    let answers: Vec<bool> = twice
        .effects
        .iter()
        .map(|effect| matches!(effect, Effect::Answer { answer: Ok(_), .. }))
        .collect();
    assert_eq!(answers, [true, false]);

    // Counted, out of quarantine and in the trail, in one commit.
    let inside = |core: &Core| core.state().sites[&site().id].tally(None).unwrap().raw();
    assert_eq!(inside(&core), 2);
    core.apply(&twice.commit);
    assert_eq!(inside(&core), 3);
    let dropped = Change::Shelf(ShelfChange::Drop(aside.id));
    assert!(twice.commit.changes.contains(&dropped));
    let acts = twice
        .commit
        .changes
        .iter()
        .filter_map(|change| match change {
            Change::Put(_, AnyRow::Audit(entry)) => entry.act.clone(),
            _ => None,
        });
    assert_eq!(
        acts.collect::<Vec<_>>(),
        [json!({"retry": {"quarantine": aside.id}})]
    );
    journal.commit(&twice.commit).unwrap();
    assert_eq!(journal.aside(aside.id).unwrap(), None);
    let query = gatepost_dashboard::ports::EventQuery {
        limit: 10,
        ..Default::default()
    };
    let history = journal.history().unwrap();
    let page = crate::store::port::EventStore::events(&history, &site().id, &query).unwrap();
    let seqs: Vec<_> = page
        .events
        .iter()
        .map(|event| event["seq"].clone())
        .collect();
    assert_eq!(seqs, [1, 2, 3]);
}

#[test]
fn what_cannot_be_brought_again_is_told_why() {
    let (mut core, _, aside, ..) = with_poison();
    let none = turn(&mut core, LATER, again(None));
    assert_eq!(why(&none), "there is no item in quarantine `9`");
    let mut message = aside.clone();
    message.place = None;
    let whole = turn(&mut core, LATER, again(Some(&message)));
    assert!(why(&whole).contains("sends it again by itself"));
    let mut old = aside;
    old.again = None;
    let old = turn(&mut core, LATER, again(Some(&old)));
    assert!(why(&old).contains("an older hub"));
}
