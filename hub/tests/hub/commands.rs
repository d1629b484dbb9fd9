//! The command line.

use std::process::Command;

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
