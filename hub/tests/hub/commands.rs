//! The command line.

use std::process::{Command, Stdio};

use serde_json::json;

use crate::{
    process::Hub,
    unit::{Log, Unit, passage},
};

fn run(words: &[&str]) -> (i32, String, String) {
    let done = Command::new(env!("CARGO_BIN_EXE_gatepost-hub"))
        .args(words)
        .output()
        .unwrap();
    (
        done.status.code().unwrap(),
        String::from_utf8(done.stdout).unwrap(),
        String::from_utf8(done.stderr).unwrap(),
    )
}

#[test]
fn init_writes_once_and_check_names_every_mistake() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().to_str().unwrap();
    let (code, said, _) = run(&["init", dir]);
    assert_eq!(code, 0);
    let file = said.trim();
    let (code, said, _) = run(&["check", file]);
    assert_eq!((code, said.contains("fine")), (0, true), "{said}");
    let (code, _, why) = run(&["init", dir]);
    assert_eq!((code, why.contains("is there already")), (1, true), "{why}");

    std::fs::write(file, "[hub]\nx = 1\n[http]\nlisten = \"0.0.0.0:1\"\n").unwrap();
    let (code, said, _) = run(&["check", file]);
    assert_eq!(code, 1);
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines.len(), 3, "{said}");
    assert!(lines[2].starts_with(&format!("{file}:4: ")), "{said}");
    assert_eq!(run(&["serve", "--config", file]).0, 1);
    assert_eq!(run(&["check", "/nowhere"]).0, 2);
    assert_eq!(run(&["frobnicate"]).0, 2);
    assert_eq!(run(&["--help"]).0, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn sites_are_imported_listed_and_exported_while_the_hub_serves() {
    let hub = Hub::start().await;
    let listed = hub.run(&["site", "list", "--config"]);
    let listed = String::from_utf8(listed.stdout).unwrap();
    assert_eq!(listed, "s\tAsia/Shanghai\t一号\tOne\n");
    let exported = hub.run(&["site", "export", "s", "--config"]).stdout;
    let exported = String::from_utf8(exported).unwrap();
    let changed = exported.replace("\"One\"", "\"Two\"");
    assert_ne!(changed, exported);
    assert!(hub.import(&changed).status.success());
    hub.wait("/api/v1/sites", |said| {
        said["sites"][0]["name"]["en"] == "Two"
    })
    .await;
    let wrong = hub.import(&exported.replace("Shanghai", "Shanghai2"));
    assert_eq!(wrong.status.code(), Some(1));
    assert!(String::from_utf8(wrong.stderr).unwrap().contains("IANA"));
    let missing = hub.run(&["site", "export", "nowhere", "--config"]);
    assert_eq!(missing.status.code(), Some(1));
}

/// Whatever is between the hub's look at what the command line has stored and its own commit.
#[tokio::test(flavor = "multi_thread")]
async fn calendars_from_both_sides_at_once_undo_nothing_of_each_other() {
    let hub = Hub::start().await;
    // A calendar changes the days of its own year alone. As many as a calendar may name: how often the
    // page gets its turn while one command runs is up to the machine.
    let mut days = (2030..2200).map(|year| format!("{year}-01-01"));
    let mut taken = Vec::new();
    let mut commands = 0;
    while let Some(day) = days.next() {
        let file = hub.path("year.csv");
        std::fs::write(&file, format!("date,kind\n{day},holiday\n")).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_gatepost-hub"));
        command.args(["site", "calendar"]).arg(&file);
        command.args(["--site", "s", "--config"]).arg(hub.config());
        let mut beside = command.stdout(Stdio::null()).spawn().unwrap();
        taken.push(day);
        commands += 1;
        while beside.try_wait().unwrap().is_none() {
            let Some(day) = days.next() else { break };
            let body = json!({ "by": "wang", "text": format!("date,kind\n{day},holiday\n") });
            let (status, told) = hub.post("/api/v1/sites/s/calendar", &body).await;
            assert_eq!(status, 200, "{told}");
            taken.push(day);
        }
        assert!(beside.wait().unwrap().success());
    }
    assert!(taken.len() > commands, "none were at once");
    let exported = hub.run(&["site", "export", "s", "--config"]).stdout;
    let exported = String::from_utf8(exported).unwrap();
    let gone = taken.iter().filter(|day| !exported.contains(*day));
    assert_eq!(gone.collect::<Vec<_>>(), [""; 0], "of {}", taken.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_calendar_is_taken_in_while_the_hub_serves() {
    let hub = Hub::start().await;
    let folder = tempfile::tempdir().unwrap();
    let calendar = |name: &str, text: &str, site: &str| {
        let file = folder.path().join(name);
        std::fs::write(&file, text).unwrap();
        let file = file.to_str().unwrap();
        let done = hub.run(&["site", "calendar", file, "--site", site, "--config"]);
        let said = [done.stdout, done.stderr].map(|it| String::from_utf8(it).unwrap());
        (done.status.code().unwrap(), said.concat())
    };
    let events = "BEGIN:VEVENT\nDTSTART:20990101\nSUMMARY:元旦（休）\nEND:VEVENT\n\
        BEGIN:VEVENT\nDTSTART:20990103\nSUMMARY:元旦（班）\nEND:VEVENT\n";
    let decree = format!("BEGIN:VCALENDAR\n{events}END:VCALENDAR\n");
    let (code, said) = calendar("2099.ics", &decree, "all");
    assert_eq!(code, 0, "{said}");
    let lines: Vec<&str> = said.lines().collect();
    let begin = "s: 1 holidays and 1 work days; planned so from ";
    assert!(lines[0].starts_with(begin), "{said}");
    let days = [
        "s: + 2099-01-01 holiday 元旦（休）",
        "s: + 2099-01-03 work 元旦（班）",
    ];
    assert_eq!(lines[1..], days);
    let (_, said) = calendar("2099.ics", &decree, "s");
    assert!(said.contains("nothing changes"), "{said}");

    // What is exported has them, and is taken in again as it is.
    let exported = hub.run(&["site", "export", "s", "--config"]).stdout;
    let exported = String::from_utf8(exported).unwrap();
    for line in [
        "holidays = [\"2099-01-01\"]",
        "work_days = [\"2099-01-03\"]",
    ] {
        assert!(exported.contains(line), "{exported}");
    }
    assert!(hub.import(&exported).status.success());

    // A file with a mistake changes nothing, and neither does a site that is not there.
    let (code, said) = calendar(
        "wrong.csv",
        "date,kind\n2099-02-01,holiday\n2099-02-30,off\n",
        "s",
    );
    assert_eq!(
        (code, said.matches("wrong.csv:3: ").count()),
        (1, 2),
        "{said}"
    );
    let (code, said) = calendar("2099.csv", "date,kind\n2099-02-01,holiday\n", "t");
    assert_eq!((code, said.contains("no site `t`")), (1, true), "{said}");
    let again = hub.run(&["site", "export", "s", "--config"]).stdout;
    assert_eq!(String::from_utf8(again).unwrap(), exported);
    let (code, said) = calendar("2099.csv", "date,kind\n2099-02-01,holiday\n", "s");
    assert_eq!(code, 0, "{said}");
    assert_eq!(said.matches("s: - 2099-01").count(), 2, "{said}");

    // Over HTTP right after it: one does not undo the other.
    let body = json!({ "by": "wang", "text": "date,kind\n2100-01-01,holiday\n" });
    let (status, told) = hub.post("/api/v1/sites/s/calendar", &body).await;
    assert_eq!(status, 200, "{told}");
    assert_eq!(told["changes"][0]["date"], "2100-01-01", "{told}");
    let shown = hub.get("/api/v1/sites/s/settings").await;
    assert_eq!(shown["version"], told["version"]);
    let text = shown["text"].as_str().unwrap();
    let both = "holidays = [\"2099-02-01\", \"2100-01-01\"]";
    assert!(text.contains(both), "{text}");
    let exported = hub.run(&["site", "export", "s", "--config"]).stdout;
    assert_eq!(String::from_utf8(exported).unwrap(), text);
    let (status, told) = hub
        .post("/api/v1/sites/s/calendar", &json!({ "text": "date\n" }))
        .await;
    assert_eq!((status, &told["code"]), (422, &json!("not_allowed")));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hubs_do_not_serve_one_record() {
    let hub = Hub::start().await;
    let second = hub.run(&["serve", "--config"]);
    assert_eq!(second.status.code(), Some(1));
    let why = String::from_utf8(second.stderr).unwrap();
    assert!(why.contains("another hub"), "{why}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_set_aside_is_listed_and_brought_again() {
    let hub = Hub::start().await;
    let mut unit = Unit::connect(&hub).await;
    let mut log = Log::new("l");
    // A line that nobody will ever read.
    log.push(passage(1_000_000));
    log.push("{\"mono_us\":".to_owned());
    unit.say("events", log.batch(1, 2)).await;
    unit.acked(&log, 2).await;
    let item = hub.aside("bad_line").await;
    let listed = hub.run(&["quarantine", "list", "--config"]);
    assert!(listed.status.success(), "{listed:?}");
    let listed = String::from_utf8(listed.stdout).unwrap();
    let line: Vec<&str> = listed.trim_end().split('\t').collect();
    assert_eq!(line[0], item["id"].to_string(), "{listed}");
    assert_eq!(line[2..5], ["s", "gate-1", "bad_line"], "{listed}");
    let again = hub.run(&["quarantine", "retry", "--all", "--config"]);
    let said = String::from_utf8(again.stdout).unwrap();
    assert_eq!(again.status.code(), Some(1), "{said}");
    assert!(said.starts_with(&format!("{}: ", line[0])), "{said}");
    hub.aside("bad_line").await;
    let nobody = hub.run(&["quarantine", "retry", "999", "--config"]);
    assert_eq!(nobody.status.code(), Some(1), "{nobody:?}");
}
