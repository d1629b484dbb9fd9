use std::path::Path;

use super::*;

const GOOD: &str = r#"
[unit]
site = "binjiang"
id = "gate-1"
data = "/tmp/x"
[mqtt]
address = "127.0.0.1:1883"
[board]
kind = "sim"
socket = "/tmp/x.sock"
[[lane]]
name = "people"
kind = "people"
leads_to = "site"
beam_a = "people-a"
beam_b = "people-b"
lamp = "people-lamp"
[[thermometer]]
name = "people-ir"
lane = "people"
[[round_station]]
zone = "living"
start = "living-start"
stop = "living-stop"
flow = "living-flow"
pulses_per_litre = 450
[[entry_box]]
lane = "people"
admitted = "ok"
refused = "no"
isolated = "apart"
[[sensor]]
name = "yard-env"
zone = "management"
interval_s = 0.5
"#;

#[test]
fn a_plain_file_on_the_simulated_board_needs_no_pins() {
    let config = Config::parse(GOOD).unwrap();
    assert_eq!(config.mqtt.client_id, "gatepost-binjiang-gate-1");
    assert_eq!(config.gate.lanes[0].min_off, Duration::from_millis(30));
    assert_eq!(config.gate.outputs[0].name, "people-lamp");
    assert_eq!(config.gate.inputs.len(), 10);
    assert_eq!(config.gate.sensors[0].interval, Duration::from_millis(500));
    assert_eq!(config.timers.commit, Duration::from_millis(200));
}

#[test]
fn every_mistake_is_told_at_once_with_line_and_cure() {
    let text = r#"[unit]
site = "Binjiang"
id = "lanes"
colour = "red"
[mqtt]
address = "nowhere"
[board]
kind = "sim"
[[lane]]
name = "people"
kind = "bicycle"
beam_a = "a"
[[lane]]
name = "people"
kind = "people"
beam_a = "a"
beam_b = "b"
min_on_ms = 5000
[[thermometer]]
name = "ir"
lane = "nobody"
[timers]
commit_ms = "fast"
[spool]
max_bytes = 20000
[extra]
"#;
    let mistakes = Config::parse(text).unwrap_err();
    let lines: Vec<usize> = mistakes.iter().map(|mistake| mistake.line).collect();
    let told = mistakes.to_string();
    for part in [
        "line 2: `site` of [unit]: `Binjiang` has `B`",
        "line 3: `id` of [unit]: `lanes` is reserved",
        "line 4: [unit] has no key `colour`; remove it, or write one of site, id, data",
        "line 1: [unit] has no `data`",
        "line 6: `nowhere` is no address",
        "line 7: [board] has no `socket`",
        "line 9: [[lane]] has no `beam_b`",
        "line 11: there is no kind of lane `bicycle`",
        "line 16: input `a` is used twice, before in line 12",
        "line 18: `min_on_ms` of [[lane]] is 5000; write 0 to 1000",
        "line 21: there is no lane `nobody`",
        "line 23: `commit_ms` of [timers] is a string; write a whole number",
        "line 25: max_bytes holds fewer than 4 segments",
        "line 26: the file has no key `extra`",
    ] {
        assert!(told.contains(part), "{part}\nis not in\n{told}");
    }
    assert!(lines.is_sorted());
}

#[test]
fn real_boards_need_their_pins_declared() {
    let text = GOOD
        .replace("kind = \"sim\"", "kind = \"cdev\"")
        .replace("socket = \"/tmp/x.sock\"\n", "");
    let told = Config::parse(&text).unwrap_err().to_string();
    assert!(told.contains("there is no input `people-a`"), "{told}");
    assert!(told.contains("there is no output `people-lamp`"), "{told}");
}

const KERNEL: &str = r#"
unit = { site = "s", id = "u", data = "d" }
mqtt = { address = "h:1" }
board = { kind = "cdev" }
lane = [{ name = "people", kind = "people", beam_a = "a", beam_b = "b", lamp = "lamp" }]
thermometer = [{ name = "ir", lane = "people", address = 0x5a }]
round_station = [{ zone = "living", start = "start", stop = "stop" }]
input = [
    { name = "a", line = 17, active_low = true, bias = "pull-up" },
    { name = "b", line = 27 },
    { name = "start", line = 5 },
    { name = "stop", line = 6, debounce_ms = 20 },
    { name = "spare", line = 7 },
]
output = [{ name = "lamp", chip = "gpiochip1", line = 22, safe = 1 }]
"#;

#[test]
fn the_wiring_says_where_everything_that_is_used_hangs() {
    let Wiring {
        inputs,
        outputs,
        probes,
    } = Config::parse(KERNEL).unwrap().wiring;
    let told: Vec<String> = inputs
        .iter()
        .map(|input| {
            let Pin {
                chip,
                line,
                active_low,
            } = &input.pin;
            let (name, debounce) = (&input.name, input.debounce.as_millis());
            format!(
                "{name} {chip} {line} {active_low} {:?} {debounce}",
                input.bias
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            "a gpiochip0 17 true PullUp 0",
            "b gpiochip0 27 false AsIs 0",
            "start gpiochip0 5 false AsIs 8",
            "stop gpiochip0 6 false AsIs 20",
        ]
    );
    assert_eq!((outputs[0].pin.line, outputs[0].safe), (22, true));
    assert_eq!((probes[0].bus, probes[0].address), (1, 0x5a));
    assert_eq!(probes[0].triggers, [inputs[0].input, inputs[1].input]);
}

#[test]
fn mistakes_of_the_wiring_are_told() {
    let text = KERNEL
        .replace("line = 27", "line = 17")
        .replace("line = 5 }", "chip = \"/dev/gpiochip0\" }")
        .replace(
            ", address = 0x5a }",
            ", address = 0x5a, trigger = \"mat\" }, { name = \"ir2\", lane = \"people\" }",
        );
    let told = Config::parse(&text).unwrap_err().to_string();
    for part in [
        "line 17 of gpiochip0 is `a` already",
        "`/dev/gpiochip0` is a path",
        "the pin has no `line`",
        "there is no input `mat`",
        "the thermometer has no `address`",
    ] {
        assert!(told.contains(part), "{part}\nis not in\n{told}");
    }
}

#[test]
fn bodies_are_of_people_and_need_the_beams_distance() {
    let lane = |kind: &str, keys: &str| {
        let lane = format!("kind = \"{kind}\"\n{keys}");
        Config::parse(&GOOD.replace("kind = \"people\"", &lane))
    };
    assert_eq!(lane("people", "").unwrap().gate.lanes[0].bodies, None);
    let bodies = lane("people", "spacing_mm = 120").unwrap().gate.lanes[0].bodies;
    assert_eq!(
        bodies,
        Some(Bodies {
            spacing_m: 0.12,
            depth_m: 0.25
        })
    );
    for (kind, keys, told) in [
        ("people", "body_mm = 400", "add spacing_mm"),
        ("people", "spacing_mm = 20", "write 50 to 500"),
        ("goods", "spacing_mm = 200", "`spacing_mm` is of people"),
    ] {
        let mistakes = lane(kind, keys).unwrap_err().to_string();
        assert!(mistakes.contains(told), "{keys}: {mistakes}");
    }
}

#[test]
fn tls_is_whole_or_not_there() {
    let mqtt = |keys: &str| GOOD.replace("[mqtt]\n", &format!("[mqtt]\n{keys}\n"));
    assert_eq!(Config::parse(GOOD).unwrap().mqtt.tls, None);
    let tls = Config::parse(&mqtt("ca = \"c\""))
        .unwrap()
        .mqtt
        .tls
        .unwrap();
    assert_eq!((tls.ca.as_path(), tls.own), (Path::new("c"), None));
    let whole = mqtt("ca = \"c\"\ncertificate = \"u\"\nkey = \"k\"");
    let own = Config::parse(&whole)
        .unwrap()
        .mqtt
        .tls
        .unwrap()
        .own
        .unwrap();
    assert_eq!(own.key, Path::new("k"));
    for (keys, told) in [
        ("ca = \"c\"\nkey = \"k\"", "there is no `certificate` to it"),
        ("ca = \"c\"\ncertificate = \"u\"", "there is no `key` to it"),
        (
            "certificate = \"u\"\nkey = \"k\"",
            "without `ca` nothing is encrypted",
        ),
    ] {
        let mistakes = Config::parse(&mqtt(keys)).unwrap_err().to_string();
        assert!(mistakes.contains(told), "{mistakes}");
    }
}

#[test]
fn a_barrier_has_an_output_of_its_own() {
    let entry_box = |keys: &str| {
        GOOD.replace(
            "isolated = \"apart\"\n",
            &format!("isolated = \"apart\"\n{keys}\n"),
        )
    };
    let config = Config::parse(&entry_box("barrier = \"boom\"")).unwrap();
    let barrier = config.gate.boxes[0].barrier.unwrap();
    assert_eq!(config.gate.outputs[barrier.output].name, "boom");
    assert_eq!(barrier.pulse, Duration::from_secs(3));
    for (keys, told) in [
        (
            "barrier = \"people-lamp\"",
            "this output is something else already",
        ),
        ("barrier = \"boom\"\nbarrier_s = 31", "barrier_s"),
    ] {
        let mistakes = Config::parse(&entry_box(keys)).unwrap_err().to_string();
        assert!(mistakes.contains(told), "{mistakes}");
    }
}

#[test]
fn broken_syntax_is_told_with_its_line() {
    let told = Config::parse("[unit]\nsite = \n").unwrap_err().to_string();
    assert!(told.contains("line 2:"), "{told}");
}

proptest::proptest! {
    #[test]
    fn hostile_text_never_panics(text in "(\\[{1,2}(unit|lane|board|timers)\\]{1,2}\n|[a-z_]{1,8} = [-\"0-9a-f_.]{0,9}\n|\\PC{0,12}\n){0,12}") {
        let _ = Config::parse(&text);
    }
}
