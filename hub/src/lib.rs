//! The hub: takes events from MQTT into the record, judges, and serves what is known.

pub mod calendar;
pub mod clock;
pub mod core;
pub mod ingest;
pub mod series;
pub mod store;
