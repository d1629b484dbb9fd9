//! The agent on a gate unit: pins to events, events to disk, disk to MQTT.

#![warn(missing_docs)]

pub mod clock;
pub mod config;
pub mod core;
pub mod input;
pub mod spool;
pub mod time;
