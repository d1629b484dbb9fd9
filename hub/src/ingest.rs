//! From MQTT to what the core is told.

pub mod client;
pub mod decode;
