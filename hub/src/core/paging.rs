//! Who is told what, when: messages to people, from an alert to the channel's word that it was sent.
//!
//! - An alert that calls (nobody has answered, it is on no shelf, no other explains it) makes one
//!   message for each recipient of its site whose turn it is: once when it is raised, once when it
//!   becomes critical, and reminders while what is critical has no answer or when it calls anew. Which messages there are is in the state, so none is made twice.
//! - Whoever is not on duty gets none; what is not critical waits for the end of quiet hours; the
//!   escalation chain is the time after which a recipient is told if nobody has answered.
//! - Messages wait by address. An address gets one at once, then at most one in its pace
//!   ([`Pace`]), in which all that wait are put together: a storm makes one message and a digest.
//! - That a message is being sent is durable before it is. After a crash what was under way may have
//!   arrived: it is sent again, once, and says so.
//! - What could not be sent is tried again, ever later; what is refused, or too old, has failed, and
//!   that is an alert of its own.

mod message;
mod post;
mod queue;
mod turns;

use chrono::TimeDelta;

pub use message::{Address, Failure, MessageRow, MessageState, Said};
pub use post::{Dispatch, Post, PostDraft};
pub(super) use post::{send, sent, start};
pub(super) use turns::{calls, look, test};

/// The least time between two messages to one address. Robots' makers allow 20 a minute and ban who
/// floods; a person reads no faster than that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// While something critical waits.
    pub urgent: TimeDelta,
    /// Else.
    pub usual: TimeDelta,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            urgent: TimeDelta::seconds(6),
            usual: TimeDelta::seconds(60),
        }
    }
}

#[cfg(test)]
mod tests;
