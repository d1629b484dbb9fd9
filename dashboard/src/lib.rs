//! HTTP: the API, the live stream and the page.
//!
//! [`router()`] is the table of contents. A request passes `middleware` (headers, who may ask,
//! limits), a file of `routes` (parameters in, one question to a port, JSON out), and leaves as a
//! type of [`view`] or as a problem of `error`. `stream` is the live stream, `assets` the page.
//!
//! What is absent, on purpose: no database, no MQTT, no rules, no clock. Everything is asked through
//! the [`ports`]; this crate turns answers into JSON, events of a stream, and a page.

mod assets;
mod docs;
mod error;
mod extract;
mod middleware;
mod params;
pub mod ports;
mod router;
mod routes;
mod schema;
mod state;
mod stream;
pub mod view;

pub use assets::build_id;
pub use router::router;
pub use state::{Options, Services};
