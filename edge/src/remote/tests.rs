use super::*;

const OWN: &str = r#"
    unit = { site = "s", id = "u", data = "d" }
    mqtt = { address = "h:1" }
    board = { kind = "sim", socket = "s" }
    lane = [{ name = "people", kind = "people", beam_a = "a", beam_b = "b" }]
"#;

fn running() -> Config {
    Config::parse(OWN).unwrap()
}

fn wanted(version: u64, text: &str) -> WantedConfig {
    WantedConfig {
        version,
        text: Some(text.to_owned()),
    }
}

fn faster() -> String {
    OWN.replace("beam_b = \"b\"", "beam_b = \"b\", merge_ms = 80")
}

fn result(remote: &Remote) -> (u64, ConfigResult, u64) {
    let last = remote.last().unwrap();
    (last.version, last.result, last.applied)
}

/// As if the agent had ended and begun again.
fn again(remote: &Remote) -> Remote {
    serde_json::from_slice(&serde_json::to_vec(remote).unwrap()).unwrap()
}

#[test]
fn a_good_one_is_tried_and_kept() {
    let mut remote = Remote::default();
    assert_eq!(remote.choose(OWN).text, OWN);
    assert_eq!(remote.offer(wanted(1, &faster()), &running()), Offer::Try);
    let mut remote = again(&remote);
    let choice = remote.choose(OWN);
    assert_eq!((choice.text, choice.is_trial), (faster(), true));
    assert!(remote.keep().is_some());
    assert_eq!(result(&remote), (1, ConfigResult::Applied, 1));
    let mut remote = again(&remote);
    let choice = remote.choose(OWN);
    assert_eq!((choice.text, choice.is_trial), (faster(), false));
    // The broker says it again at every session.
    let known = remote.offer(wanted(1, &faster()), &running());
    assert!(matches!(known, Offer::Known(reply) if reply.result == ConfigResult::Applied));
}

#[test]
fn one_that_does_not_come_up_is_taken_back_and_not_tried_again() {
    let mut remote = Remote::default();
    remote.choose(OWN);
    remote.offer(wanted(1, &faster()), &running());
    remote.choose(OWN);
    remote.keep();
    let slower = OWN.replace("h:1", "elsewhere:1");
    assert_eq!(remote.offer(wanted(2, &slower), &running()), Offer::Try);
    assert!(remote.choose(OWN).is_trial);
    remote.roll_back("no link to the broker");
    let choice = remote.choose(OWN);
    assert_eq!((choice.text, choice.is_trial), (faster(), false));
    assert_eq!(result(&remote), (2, ConfigResult::RolledBack, 1));
    let known = remote.offer(wanted(2, &slower), &running());
    assert!(matches!(known, Offer::Known(reply) if reply.detail == "no link to the broker"));
}

#[test]
fn a_trial_that_kills_the_agent_is_taken_back_at_the_next_start() {
    let mut remote = Remote::default();
    remote.choose(OWN);
    remote.offer(wanted(1, &faster()), &running());
    assert!(remote.choose(OWN).is_trial);
    let mut remote = again(&remote);
    let choice = remote.choose(OWN);
    assert_eq!((choice.text.as_str(), choice.is_trial), (OWN, false));
    assert_eq!(result(&remote), (1, ConfigResult::RolledBack, 0));
}

#[test]
fn mistakes_and_another_unit_are_refused_with_their_reasons() {
    let mut remote = Remote::default();
    remote.choose(OWN);
    let mut refused = |version, text: &str| match remote.offer(wanted(version, text), &running()) {
        Offer::Known(reply) if reply.result == ConfigResult::Refused => reply.detail,
        other => panic!("{other:?}"),
    };
    let detail = refused(1, &OWN.replace("\"people\", beam_a", "\"horse\", beam_a"));
    assert!(
        detail.contains("line 5") && detail.contains("horse"),
        "{detail}"
    );
    let detail = refused(2, &OWN.replace("id = \"u\"", "id = \"v\""));
    assert_eq!(detail, "`id` of [unit] is `v`; it stays `u`");
    let detail = refused(3, &OWN.replace("socket = \"s\"", "socket = \"t\""));
    assert_eq!(detail, "[board] cannot be changed from a distance");
    refused(4, &"#".repeat(MAX_CONFIG_BYTES + 1));
    assert_eq!(remote.choose(OWN).text, OWN);
}

#[test]
fn whoever_changes_the_units_own_file_has_the_last_word() {
    let mut remote = Remote::default();
    remote.choose(OWN);
    remote.offer(wanted(1, &faster()), &running());
    remote.choose(OWN);
    remote.keep();
    let by_hand = OWN.replace("\"h:1\"", "\"h:2\"");
    assert_eq!(remote.choose(&by_hand).text, by_hand);
    assert_eq!(result(&remote), (1, ConfigResult::Overruled, 0));
    // The next one that is wanted counts again, and none at all is the unit's own.
    assert_eq!(remote.offer(wanted(2, &faster()), &running()), Offer::Try);
    remote.choose(&by_hand);
    remote.keep();
    let none = WantedConfig {
        version: 3,
        text: None,
    };
    assert_eq!(remote.offer(none, &running()), Offer::Try);
    assert_eq!(remote.choose(&by_hand).text, by_hand);
    remote.keep();
    assert_eq!(result(&remote), (3, ConfigResult::Applied, 0));
}

#[test]
fn what_was_taken_back_is_not_tried_over_a_file_changed_by_hand() {
    let mut remote = Remote::default();
    remote.choose(OWN);
    remote.offer(wanted(3, &faster()), &running());
    remote.choose(OWN);
    remote.keep();
    let slower = OWN.replace("h:1", "elsewhere:1");
    assert_eq!(remote.offer(wanted(4, &slower), &running()), Offer::Try);
    remote.choose(OWN);
    remote.roll_back("no link to the broker");
    let by_hand = OWN.replace("\"h:1\"", "\"h:2\"");
    assert_eq!(remote.choose(&by_hand).text, by_hand);
    assert_eq!(result(&remote), (4, ConfigResult::Overruled, 0));
    // The broker still has it.
    let known = remote.offer(wanted(4, &slower), &running());
    assert!(matches!(known, Offer::Known(reply) if reply.result == ConfigResult::Overruled));
}
