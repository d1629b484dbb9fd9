//! The simulated world, the demo that it drives, and the tools of every test that sees more than
//! one crate.
//!
//! [`world`] is what happens (pure); [`player`] shows it to the units' simulated boards; [`fleet`]
//! runs the hub and the units as processes; [`verify`] holds the hub's record against the truth.
//! No part of the product knows of any of it.

pub mod api;
pub mod board;
pub mod chaos_proxy;
pub mod clock;
pub mod demo;
pub mod fleet;
pub mod harness;
pub mod journal;
pub mod player;
pub mod process;
pub mod stage;
pub mod stream;
pub mod verify;
pub mod wait;
pub mod world;
