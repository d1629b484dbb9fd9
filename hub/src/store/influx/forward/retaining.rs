//! The forwarder's turns for what sites do not keep any longer: between two requests, and never while one
//! of which there was no answer may still be under way.

use tracing::warn;

use super::{super::retain::Slice, ForwardError, Forwarder};
use crate::{clock::Stopwatch, engine::chain};

impl Forwarder {
    /// A slice of what sites do not keep any longer, if this may be done now.
    pub fn retain(&mut self) -> Result<Slice, ForwardError> {
        let is_settled = |since: &Stopwatch| since.elapsed() >= self.pace.settle;
        let in_doubt = "SELECT 1 FROM influx_mark WHERE sending > confirmed";
        if self.batch.is_some()
            || !self.unanswered.iter().all(is_settled)
            || !self.resting.iter().all(is_settled)
            || self.connection.prepare_cached(in_doubt)?.exists([])?
        {
            return Ok(Slice::Nothing);
        }
        let slice = self.retainer.slice(&self.clock);
        Ok(self.rests(slice))
    }

    /// Takes out what is marked, if this may be done now.
    pub(super) fn finish(&mut self) -> Slice {
        let is_settled = |since: &Stopwatch| since.elapsed() >= self.pace.settle;
        if !self.resting.iter().all(is_settled) {
            let why = self.why_resting.clone();
            return Slice::Wait { why };
        }
        let slice = self.retainer.finish();
        self.rests(slice)
    }

    /// What failed is left alone for a while: without an answer it may still be under way.
    fn rests(&mut self, slice: Slice) -> Slice {
        if let Slice::Wait { why } = &slice {
            if self.why_resting != *why {
                warn!(
                    why,
                    "what sites do not keep any longer cannot be taken out of InfluxDB; it stays"
                );
                self.why_resting.clone_from(why);
            }
            self.resting = Some(self.clock.stopwatch());
        } else {
            self.resting = None;
        }
        slice
    }

    /// Answers whether there was a slice.
    pub(super) fn retains(&mut self) -> bool {
        match self.retain() {
            Ok(slice) => slice == Slice::Done,
            Err(error) => {
                warn!(error = chain(&error), "what sites keep cannot be looked at");
                false
            }
        }
    }
}
