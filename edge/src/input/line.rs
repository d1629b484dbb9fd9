//! An input as its recorded line: the inverse of [`InputNames::read`].

use super::{Input, InputNames, What};

impl InputNames {
    /// The recorded line of an input, without a line end. A measured number that is none is left out.
    pub fn write(&self, input: &Input) -> String {
        let mono = input.mono.0;
        let of = |input| format!("{{\"mono_us\":{mono},\"input\":\"{}\"", self.name(input));
        match &input.what {
            What::Boot(boot) => format!("{{\"mono_us\":{mono},\"boot\":\"{boot}\"}}"),
            What::Clock {
                wall,
                synced,
                err_ms,
            } => {
                let bound = err_ms.map_or(String::new(), |ms| format!(",\"err_ms\":{ms}"));
                format!("{{\"mono_us\":{mono},\"clock\":\"{wall}\",\"synced\":{synced}{bound}}}")
            }
            What::Lost { input, edges } => format!("{},\"lost\":{edges}}}", of(*input)),
            What::Level { input, level } => {
                format!("{},\"level\":{}}}", of(*input), u8::from(*level))
            }
            What::Measured { input, values } => {
                let mut line = of(*input);
                for (quantity, value) in values.iter().filter(|(_, value)| value.is_finite()) {
                    line.push_str(&format!(",\"{quantity}\":{value:?}"));
                }
                line.push('}');
                line
            }
            What::Failed { input, error } => {
                let error = serde_json::Value::from(error.as_str());
                format!("{},\"error\":{error}}}", of(*input))
            }
            What::Link(up) => {
                let word = if *up { "up" } else { "down" };
                format!("{{\"mono_us\":{mono},\"link\":\"{word}\"}}")
            }
            What::Tick => format!("{{\"mono_us\":{mono},\"tick\":true}}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use gatepost_model::{Wall, time::MAX_MICROS};
    use proptest::prelude::*;

    use crate::{input::*, time::BoardTime};

    fn names() -> InputNames {
        let mut names = InputNames::default();
        names.intern("people-a");
        names.intern("people-ir");
        names
    }

    fn what() -> impl Strategy<Value = What> {
        let input = (0usize..2).prop_map(InputIx);
        let text = "[ -~äß浜\"\\\\]{0,40}";
        // Numbers of sensors have hundredths; the reader is not exact in the last bit of a double.
        let value = (
            "[a-z_]{1,8}_c",
            (-40_000i32..110_000).prop_map(|hundredths| f64::from(hundredths) / 100.0),
        );
        prop_oneof![
            "[a-z0-9-]{1,36}".prop_filter_map("an id", |id| id.parse().ok().map(What::Boot)),
            (
                0i64..4_000_000_000_000,
                any::<bool>(),
                prop::option::of(0u64..100_000)
            )
                .prop_map(|(ms, synced, err_ms)| What::Clock {
                    wall: Wall::from_micros(ms * 1000).unwrap(),
                    synced,
                    err_ms,
                }),
            (input.clone(), any::<u32>()).prop_map(|(input, edges)| What::Lost { input, edges }),
            (input.clone(), any::<bool>()).prop_map(|(input, level)| What::Level { input, level }),
            (input.clone(), text).prop_map(|(input, error)| What::Failed { input, error }),
            (input, prop::collection::vec(value, 1..4))
                .prop_map(|(input, values)| { What::Measured { input, values } }),
            any::<bool>().prop_map(What::Link),
            Just(What::Tick),
        ]
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(mono in 0..=MAX_MICROS, what in what()) {
            let input = Input { mono: BoardTime(mono), what };
            let line = names().write(&input);
            prop_assert_eq!(names().read(line.as_bytes()).expect(&line), input, "{}", line);
        }
    }
}
