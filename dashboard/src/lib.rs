//! HTTP: the API, the live stream and the page.
//!
//! What is absent, on purpose: no database, no MQTT, no rules. Everything is asked through the
//! [`ports`]; this crate turns answers into JSON, events of a stream, and a page.

pub mod ports;
pub mod view;
