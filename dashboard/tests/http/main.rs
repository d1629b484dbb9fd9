//! The router as others see it: requests in, answers out, with a hub that is made up.

#![expect(clippy::unwrap_used, reason = "a test may panic, helpers included")]

mod access;
mod api;
mod described;
mod fake;
mod live;
mod pages;
mod query;
mod request;
