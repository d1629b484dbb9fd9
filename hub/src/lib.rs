//! The hub: takes events from MQTT into the record, judges, and serves what is known.

use mimalloc::MiMalloc;

/// A batch is many small texts, made on one thread and dropped on another: with the system's allocator
/// that was a fifth of a backlog's time (`cargo bench -p gatepost-hub --bench ingest`).
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

pub mod app;
pub mod broker;
pub mod calendar;
pub mod cli;
pub mod clock;
pub mod commands;
pub mod config;
pub mod core;
pub mod engine;
pub mod health;
pub mod holidays;
pub mod ingest;
pub mod live;
pub mod metrics;
pub mod notify;
pub mod outbox;
pub mod read_model;
pub mod series;
pub mod site_file;
pub mod store;
pub mod telemetry;
pub mod watch;
