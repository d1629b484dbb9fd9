//! What goes on while as many events wait for a store as may.
//!
//! Events are left out of a turn then. Nobody is told that they are stored, so their units send them
//! again. Time, people, channels and who is there go on, and so do the alerts that follow from them.

use gatepost_dashboard::ports::CommandError;
use tracing::{error, info};

use super::{Engine, PART, chain};
use crate::{core::input::Input, store::journal::StoreError};

impl Engine {
    /// There is no room for the events of a turn.
    pub(super) fn say_full(&self, why: &StoreError) {
        let (error, cure) = (chain(why), why.cure());
        if self.health.fails(PART, format!("{error}; {cure}")) {
            error!(error, "events are not taken; units keep what they see");
        }
    }

    /// Looks whether there is room again.
    pub(super) fn look_for_room(&mut self) {
        if self.journal.finds_room() && self.health.works(PART) {
            info!("events are taken again");
        }
    }

    /// What of a turn brings no events. Whoever waits for some of what does is told that it cannot be.
    pub(super) fn without_events(&self, inputs: Vec<Input>) -> Vec<Input> {
        let keep = |input: Input| match input {
            Input::Batch(_) => None,
            Input::Retry { ticket, .. } => {
                let why = "the store takes no events now; see /readyz";
                let answer = Err(CommandError::Unavailable(why.to_owned()));
                self.answers.give(ticket, answer);
                None
            }
            other => Some(other),
        };
        inputs.into_iter().filter_map(keep).collect()
    }
}

/// A second copy of what is no batch, for a turn that is decided again.
pub(super) fn beside_batches(inputs: &[Input]) -> Vec<Input> {
    let is_batch = |input: &&Input| matches!(input, Input::Batch(_));
    inputs.iter().filter(|it| !is_batch(it)).cloned().collect()
}
