//! Planned rounds: the slots of a site, and the verdict on each.
//!
//! A verdict is a function of the slot, the rounds that the record has of its zone, whether the
//! record watched the window, and the time. Nothing is remembered here: when late proof arrives the
//! same function gives the right verdict, and whoever asks keeps the history of the answers.

mod compliance;
mod judge;
mod plans;
mod seen;
mod slots;

pub use compliance::compliance;
pub use judge::{Case, MAX_OPEN, UNSEEN_TOLERANCE_US, judge};
pub(super) use plans::keep as keep_plan;
pub use plans::{PlanRow, Plans};
pub use seen::{Least, SeenRound};
pub use slots::{Slot, next_start, slots_between};
