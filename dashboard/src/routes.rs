//! One file a noun: parameters in, one question to a port, JSON out.

pub(crate) mod alerts;
pub(crate) mod audit;
pub(crate) mod episodes;
pub(crate) mod events;
pub(crate) mod hand_overs;
pub(crate) mod health;
pub(crate) mod latest;
pub(crate) mod outbox;
mod people;
pub(crate) mod quarantine;
pub(crate) mod records;
pub(crate) mod remote;
pub(crate) mod series;
pub(crate) mod settings;
pub(crate) mod sites;
pub(crate) mod slots;
pub(crate) mod stretch;
pub(crate) mod units;
