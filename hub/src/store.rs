//! Where the record is kept.

#[cfg(test)]
pub(crate) mod contract;
pub mod embedded;
pub mod event;
pub mod port;
