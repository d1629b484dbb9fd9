//! What a hub asks of a unit, and what the unit answers: wanted configuration, commands, replies.
//!
//! A wanted configuration is retained by the broker: a unit that was away finds it when it is back.
//! A command is not: what was asked of a unit that was away is not done hours later.

use serde::{Deserialize, Serialize};

use crate::id::{LaneId, SensorId};

/// The most bytes of a configuration's text.
pub const MAX_CONFIG_BYTES: usize = 64 * 1024;

/// The highest version of a configuration that a hub takes from a unit, if it never wanted it itself:
/// what every reader of JSON can hold, and nobody reaches by counting.
pub const MAX_CONFIG_VERSION: u64 = 1 << 53;

/// The most characters of a command's id.
pub const MAX_COMMAND_ID: usize = 64;

/// The longest time that an output is tested or blinks, seconds.
pub const MAX_TEST_S: u32 = 60;

/// On `config`: what the unit is to run with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WantedConfig {
    /// Rises with every change; from 1.
    pub version: u64,
    /// A whole `gatepost-edge.toml`; none for the unit's own file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// On `command`: something to be done now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Command {
    /// Returned with the reply; the same one again is the same command again.
    pub id: String,
    /// What.
    #[serde(flatten)]
    pub order: Order,
}

/// What a unit can be told to do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum Order {
    /// All lamps blink, so that somebody at the gate finds the unit.
    Identify {
        /// For so long, 1 to [`MAX_TEST_S`].
        seconds: u32,
    },
    /// One output is on, then as it was.
    TestOutput {
        /// Its name in the unit's configuration.
        output: String,
        /// For so long, 1 to [`MAX_TEST_S`].
        seconds: u32,
    },
    /// Who was just measured at a lane is to be measured again.
    Remeasure {
        /// The lane.
        lane: LaneId,
    },
    /// A sensor's factor is set, or found by a known amount.
    Calibrate {
        /// The sensor.
        sensor: SensorId,
        /// By what.
        #[serde(flatten)]
        by: Measure,
        /// Who does it; a hub fills it in.
        #[serde(default)]
        who: String,
    },
    /// Test mode begins or ends: what happens in it is marked, and counted nowhere.
    TestMode {
        /// Begins.
        on: bool,
    },
    /// The last minutes of raw inputs are written to the unit's disk.
    Record,
}

/// How a flow meter's factor is found.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// It is known.
    PulsesPerLitre(f64),
    /// So many litres ran through it last, as a measuring jug says.
    Litres(f64),
}

/// On `reply`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "re", rename_all = "snake_case")]
pub enum Reply {
    /// What became of a wanted configuration; also said at every birth.
    Config(ConfigReply),
    /// What became of a command.
    Command(CommandReply),
}

/// What became of a wanted configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfigReply {
    /// The version that was wanted last.
    pub version: u64,
    /// What became of it.
    pub result: ConfigResult,
    /// The version that runs; 0 for the unit's own file.
    pub applied: u64,
    /// What is wrong with it, one mistake a line, or why it was taken back.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
}

/// What became of a wanted configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConfigResult {
    /// The unit runs with it.
    Applied,
    /// It has mistakes; nothing was changed.
    Refused,
    /// The unit did not come back well with it and runs as before.
    RolledBack,
    /// Somebody changed the unit's own file since: that one counts.
    Overruled,
}

/// What became of a command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandReply {
    /// The command's.
    pub id: String,
    /// It was done.
    pub done: bool,
    /// What came of it, or why it was not done.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documented_messages_are_read_and_written() {
        for text in [
            r#"{"id":"a","do":"identify","seconds":10}"#,
            r#"{"id":"a","do":"test_output","output":"people-lamp","seconds":3}"#,
            r#"{"id":"a","do":"remeasure","lane":"people"}"#,
            r#"{"id":"a","do":"calibrate","sensor":"living-flow","pulses_per_litre":455.5,"who":"li"}"#,
            r#"{"id":"a","do":"calibrate","sensor":"living-flow","litres":10.0,"who":"li"}"#,
            r#"{"id":"a","do":"test_mode","on":true}"#,
            r#"{"id":"a","do":"record"}"#,
        ] {
            let command: Command = serde_json::from_str(text).expect(text);
            assert_eq!(serde_json::to_string(&command).unwrap(), text);
        }
        for text in [
            r#"{"re":"config","version":2,"result":"rolled_back","applied":1,"detail":"no link"}"#,
            r#"{"re":"command","id":"a","done":true}"#,
        ] {
            let reply: Reply = serde_json::from_str(text).expect(text);
            assert_eq!(serde_json::to_string(&reply).unwrap(), text);
        }
        for text in [
            r#"{"id":"a","do":"explode"}"#,
            r#"{"id":"a","do":"calibrate","sensor":"f","who":"li"}"#,
            r#"{"id":"a","do":"identify"}"#,
            r#"{"do":"record"}"#,
        ] {
            assert!(serde_json::from_str::<Command>(text).is_err(), "{text}");
        }
    }
}
