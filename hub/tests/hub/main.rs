//! The real binary: its broker, its record, its API, with units that speak MQTT to it.

#![expect(clippy::unwrap_used, reason = "a test may panic, helpers included")]

mod acts;
mod broken;
mod commands;
mod influx;
mod live;
mod paging;
mod process;
mod record;
mod trouble;
mod unit;
mod wiring;
