//! Where the record is kept.
//!
//! The [`journal`] is one SQLite file: events, state and watermarks of a turn are one transaction in
//! it, and what is acknowledged is in it. History is read through the port in [`port`].

#[cfg(test)]
pub(crate) mod contract;
pub mod copy;
pub mod embedded;
pub mod event;
pub mod influx;
pub mod journal;
pub mod port;
mod state;
mod zipped;
