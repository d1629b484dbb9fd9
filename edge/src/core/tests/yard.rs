//! A lorry lane, two zones with one pump, a guard's box.

use super::*;

const YARD: &str = r#"
    unit = { site = "s", id = "u", data = "d" }
    mqtt = { address = "h:1" }
    board = { kind = "sim", socket = "s" }
    lane = [{ name = "goods", kind = "goods", beam_a = "a", beam_b = "b", merge_ms = 100, sprayer = "arch", pulses_per_litre = 10, min_litres = 0.5 }]
    entry_box = [{ lane = "goods", admitted = "ok", refused = "no", isolated = "apart" }]
    round_station = [
        { zone = "living", start = "l1", stop = "l0", flow = "pump", pulses_per_litre = 10 },
        { zone = "construction", start = "c1", stop = "c0", flow = "pump", pulses_per_litre = 10 },
    ]
"#;

fn yard() -> Rig {
    let gate = Config::parse(YARD).unwrap().gate;
    Rig {
        core: Core::new(gate, Checkpoint::default()),
        effects: Effects::default(),
    }
}

/// So many pulses of a meter, ten a second, from a second on.
fn pulses(pin: &str, from_s: u64, n: u64) -> String {
    (0..n)
        .map(|pulse| {
            let at = from_s * 1_000_000 + pulse * 100_000;
            format!(
                "{{\"mono_us\":{at},\"input\":\"{pin}\",\"level\":1}}\n{{\"mono_us\":{},\"input\":\"{pin}\",\"level\":0}}\n",
                at + 50_000
            )
        })
        .collect()
}

#[test]
fn a_lorry_says_whether_it_was_disinfected() {
    let mut rig = yard();
    rig.feed(r#"{"mono_us":0,"boot":"b1"}"#);
    for (lorry, n) in [(10, 8), (20, 3), (30, 0)] {
        let second = lorry * 1_000_000;
        rig.feed(&format!(r#"{{"mono_us":{second},"input":"a","level":1}}"#));
        rig.feed(&format!(
            r#"{{"mono_us":{},"input":"b","level":1}}"#,
            second + 600_000
        ));
        rig.feed(&pulses("arch", lorry + 1, n));
        rig.feed(&format!(
            r#"{{"mono_us":{},"input":"a","level":0}}"#,
            second + 3_000_000
        ));
        rig.feed(&format!(
            r#"{{"mono_us":{},"input":"b","level":0}}"#,
            second + 4_000_000
        ));
        rig.feed(&format!(
            r#"{{"mono_us":{},"tick":true}}"#,
            second + 5_000_000
        ));
    }
    // What the pump gives while nobody is there is no vehicle's.
    rig.feed(&pulses("arch", 40, 50));
    let told: Vec<_> = rig
        .effects
        .events
        .drain(..)
        .filter_map(|(_, event)| match event.happening {
            Happening::Passage(passage) => Some((passage.disinfected, passage.litres)),
            _ => None,
        })
        .collect();
    assert_eq!(
        told,
        [
            (Some(true), Some(0.8)),
            (Some(false), Some(0.3)),
            (Some(false), Some(0.0))
        ]
    );
}

#[test]
fn two_zones_of_one_pump_share_what_flows_while_both_run() {
    let mut rig = yard();
    rig.feed(r#"{"mono_us":0,"boot":"b1"}"#);
    let press = |rig: &mut Rig, s: u64, pin: &str| {
        let at = s * 1_000_000;
        rig.feed(&format!(
            "{{\"mono_us\":{at},\"input\":\"{pin}\",\"level\":1}}\n{{\"mono_us\":{},\"input\":\"{pin}\",\"level\":0}}",
            at + 100_000
        ));
    };
    press(&mut rig, 10, "l1");
    rig.feed(&pulses("pump", 11, 20));
    press(&mut rig, 20, "c1");
    rig.feed(&pulses("pump", 21, 30));
    press(&mut rig, 30, "l0");
    rig.feed(&pulses("pump", 31, 10));
    press(&mut rig, 40, "c0");
    rig.feed(&pulses("pump", 41, 7));
    rig.feed(r#"{"mono_us":90000000,"tick":true}"#);
    let told: Vec<String> = rig
        .effects
        .events
        .drain(..)
        .filter_map(|(_, event)| match event.happening {
            Happening::Round(round) if round.phase == gatepost_model::event::RoundPhase::Ended => {
                Some(format!("{} {}", round.zone, round.litres))
            }
            Happening::Reading(reading) => Some(format!("stray {}", reading.value)),
            _ => None,
        })
        .collect();
    assert_eq!(told, ["living 3.5", "construction 2.5", "stray 0.7"]);
}

#[test]
fn the_guards_word_is_tied_to_whom_it_is_about() {
    let mut rig = Rig::new(Checkpoint::default());
    rig.feed(
        r#"{"mono_us":0,"boot":"b1"}
        {"mono_us":5000000,"input":"ir","skin_c":34.6}
        {"mono_us":8000000,"input":"ok","level":1}
        {"mono_us":8200000,"input":"ok","level":0}
        {"mono_us":9000000,"input":"no","level":1}
        {"mono_us":9200000,"input":"no","level":0}
        {"mono_us":20000000,"input":"a","level":1}
        {"mono_us":20100000,"input":"b","level":1}
        {"mono_us":20300000,"input":"a","level":0}
        {"mono_us":20400000,"input":"b","level":0}
        {"mono_us":22000000,"input":"ok","level":1}
        {"mono_us":22200000,"input":"ok","level":0}
        {"mono_us":23000000,"input":"ir","skin_c":34.7}
        {"mono_us":99000000,"input":"ok","level":1}
        {"mono_us":99200000,"tick":true}"#,
    );
    let told: Vec<_> = rig
        .effects
        .events
        .drain(..)
        .filter_map(|(_, event)| match event.happening {
            Happening::Entry(entry) => Some((entry.screening, entry.passage_mono_us)),
            _ => None,
        })
        .collect();
    assert_eq!(
        told,
        [
            (Some("b1-people-5000000".to_owned()), None),
            (None, None),
            (None, Some(20_400_000)),
            (None, None),
        ]
    );
}
