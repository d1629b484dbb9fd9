//! Where the record is kept.

pub mod embedded;
pub mod event;
pub mod port;
