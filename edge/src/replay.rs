//! Recorded inputs through the same core: the wire's event objects out, nothing else touched.

use std::{
    io::{self, BufRead, Write},
    time::Duration,
};

use crate::{
    config::Gate,
    core::{Checkpoint, Core, Effects},
    input::InputError,
};

/// After the last line whatever is decided without further inputs within this time still is: the
/// last beam has just cleared.
const AFTERMATH: Duration = Duration::from_secs(5);

/// A line that could not be taken.
#[derive(Debug)]
pub struct BadLine {
    /// Its number, from 1.
    pub line: u64,
    /// Why not.
    pub why: String,
}

/// Reads recorded inputs and writes events, one a line. Bad lines are left out and told.
pub fn replay(
    gate: Gate,
    mut lines: impl BufRead,
    mut events: impl Write,
    mut bad: impl FnMut(BadLine),
) -> io::Result<()> {
    let names = gate.inputs.clone();
    let mut core = Core::new(gate, Checkpoint::default());
    let mut effects = Effects::default();
    let mut line = Vec::new();
    let mut number = 0;
    loop {
        line.clear();
        if lines.read_until(b'\n', &mut line)? == 0 {
            break;
        }
        number += 1;
        let text = line.trim_ascii();
        if text.is_empty() {
            continue;
        }
        let taken = names
            .read(text)
            .map_err(|error: InputError| error.to_string())
            .and_then(|input| {
                core.handle_input(&input, &mut effects)
                    .map_err(|refused| refused.to_string())
            });
        if let Err(why) = taken {
            bad(BadLine { line: number, why });
        }
        write_events(&mut effects, &mut events)?;
    }
    core.settle_open(AFTERMATH, &mut effects);
    write_events(&mut effects, &mut events)?;
    events.flush()
}

fn write_events(effects: &mut Effects, events: &mut impl Write) -> io::Result<()> {
    effects.outputs.clear();
    for (_, event) in effects.events.drain(..) {
        writeln!(events, "{}", event.to_line())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::config::Config;

    const UNIT: &str = r#"
        unit = { site = "s", id = "u", data = "d" }
        mqtt = { address = "h:1" }
        board = { kind = "sim", socket = "s" }
        lane = [{ name = "people", kind = "people", beam_a = "a", beam_b = "b" }]
        thermometer = [{ name = "ir", lane = "people" }]
        round_station = [{ zone = "living", start = "start", stop = "stop", flow = "flow", pulses_per_litre = 10 }]
        entry_box = [{ lane = "people", admitted = "ok", refused = "no", isolated = "apart" }]
        sensor = [{ name = "env", interval_s = 60 }]
    "#;

    fn run(lines: &[u8]) -> (String, Vec<BadLine>) {
        let gate = Config::parse(UNIT).unwrap().gate;
        let (mut out, mut bad) = (Vec::new(), Vec::new());
        replay(gate, lines, &mut out, |line| bad.push(line)).unwrap();
        (String::from_utf8(out).unwrap(), bad)
    }

    #[test]
    fn the_last_passage_of_a_file_is_told_and_a_bad_line_is_named() {
        let (out, bad) = run(br#"{"mono_us":0,"boot":"b"}
nonsense
{"mono_us":1000000,"input":"a","level":1}
{"mono_us":1100000,"input":"b","level":1}
{"mono_us":1300000,"input":"a","level":0}

{"mono_us":1400000,"input":"b","level":0}"#);
        assert_eq!(
            out.lines().last(),
            Some(
                r#"{"mono_us":1400000,"kind":"passage","lane":"people","dir":"in","duration_ms":400}"#
            )
        );
        assert_eq!(bad.len(), 1);
        assert_eq!(bad[0].line, 2);
    }

    fn line() -> impl Strategy<Value = String> {
        let at = 0u64..5_000_000_000;
        let pin = prop::sample::select(vec![
            "a", "b", "start", "stop", "flow", "ok", "no", "ir", "env", "x",
        ]);
        prop_oneof![
            12 => (at.clone(), pin, 0u8..2).prop_map(|(at, pin, level)| format!(r#"{{"mono_us":{at},"input":"{pin}","level":{level}}}"#)),
            3 => (at.clone(), -300.0f64..1100.0).prop_map(|(at, c)| format!(r#"{{"mono_us":{at},"input":"ir","skin_c":{c},"ambient_c":{c}}}"#)),
            1 => (at.clone(), 0u8..3).prop_map(|(at, boot)| format!(r#"{{"mono_us":{at},"boot":"b{boot}"}}"#)),
            1 => (at.clone(), any::<bool>()).prop_map(|(at, synced)| format!(r#"{{"mono_us":{at},"clock":"2026-11-23T07:31:00Z","synced":{synced}}}"#)),
            1 => at.prop_map(|at| format!(r#"{{"mono_us":{at},"tick":true}}"#)),
            1 => "\\PC{0,40}",
        ]
    }

    proptest! {
        #[test]
        fn hostile_lines_never_panic_and_every_run_is_the_same(
            lines in prop::collection::vec(line(), 0..60),
            sorted in any::<bool>(),
        ) {
            let mut lines = lines;
            if sorted {
                lines.sort_by_key(|line| line.split(&[':', ','][..]).nth(1).and_then(|at| at.parse::<u64>().ok()));
            }
            let text = format!("{{\"mono_us\":0,\"boot\":\"b\"}}\n{}", lines.join("\n"));
            let (first, _) = run(text.as_bytes());
            let (second, _) = run(text.as_bytes());
            prop_assert_eq!(&first, &second);
            for line in first.lines() {
                prop_assert!(gatepost_model::Event::from_line(line.as_bytes()).is_ok(), "{}", line);
            }
        }

        #[test]
        fn hostile_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            run(&bytes);
        }
    }
}
