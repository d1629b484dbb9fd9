//! The agent on a gate unit: pins to events, events to disk, disk to MQTT.
//!
//! Follow one input: [`hal`] brings it with its time, [`core`] judges it and says events and
//! outputs, [`agent`] sets the outputs and gives the events to the [`spool`], which numbers, chains
//! and syncs them; `core::uplink` says what to send, [`mqtt`] sends it, and the hub's ack comes the
//! same way back. [`core`], [`spool`] (over its file system trait), [`batch`], [`input`] and [`config`] know no
//! clock, no socket and no task: they can be driven in one thread on a virtual clock.
//!
//! What is absent, on purpose: no judgement that needs the hub, no local time, no queue between an
//! input and its event, no library of the hub's. What is absent still: barriers, TLS.

#![warn(missing_docs)]

pub mod agent;
pub mod batch;
pub mod cli;
pub mod clock;
pub mod config;
pub mod core;
pub mod doctor;
pub mod flight;
pub mod hal;
pub mod input;
pub mod mqtt;
pub mod remote;
pub mod replay;
pub mod service;
pub mod spool;
pub mod telemetry;
pub mod time;
pub mod tls;
mod whole;
