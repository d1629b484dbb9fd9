//! The words of Gatepost, and the form in which they travel.
//!
//! Sites with their gates, lanes and four zones; what a gate unit saw ([`event`]); how it is
//! numbered, chained and batched ([`wire`]); where it is published ([`topic`]).
//!
//! What is absent, on purpose: no I/O, no clock, no threads, no MQTT, no database, no time zones.
//! Everything here is a value or a function of its arguments, so that the unit, the hub, the page
//! and the tests can share one meaning.

#![warn(missing_docs)]

pub mod alert;
pub mod event;
pub mod id;
pub mod plan;
pub mod recipient;
pub mod remote;
pub mod retention;
pub mod site;
pub mod time;
pub mod topic;
pub mod unit;
pub mod wire;

pub use event::{Event, Happening};
pub use id::{BootId, LaneId, LogId, SensorId, SiteId, UnitId};
pub use site::{Direction, LaneKind, LeadsTo, Site, Zone};
pub use time::{Micros, Wall};
pub use topic::Topic;
pub use wire::Chain;
