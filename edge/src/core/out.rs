//! What the machines of the core say, as data.

use gatepost_model::{
    Happening, SensorId,
    event::{FaultCode, Unclear, UnclearReason},
    id::LaneId,
};

use crate::time::BoardTime;

/// Collects what one step of the core says, in order.
#[derive(Debug, Default)]
pub struct Out {
    pub(super) said: Vec<Said>,
    pub(super) outputs: Vec<OutputChange>,
}

/// An output is to have a level from now on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutputChange {
    /// When it was decided.
    pub at: BoardTime,
    /// Which output, as a place in [`crate::config::Gate::outputs`].
    pub output: usize,
    /// Its level.
    pub level: bool,
}

#[derive(Debug)]
pub(super) enum Said {
    Happened {
        at: BoardTime,
        happening: Happening,
    },
    /// A fault begins or ends; it is an event only if that is news.
    Fault {
        at: BoardTime,
        sensor: SensorId,
        code: FaultCode,
        detail: String,
        raised: bool,
    },
    /// The buttons that toggle test mode were held.
    Chord,
}

impl Out {
    pub(super) fn happened(&mut self, at: BoardTime, happening: Happening) {
        self.said.push(Said::Happened { at, happening });
    }

    pub(super) fn unclear(&mut self, at: BoardTime, lane: &LaneId, reason: UnclearReason) {
        let lane = lane.clone();
        self.happened(at, Happening::Unclear(Unclear { lane, reason }));
    }

    pub(super) fn fault(
        &mut self,
        at: BoardTime,
        sensor: &SensorId,
        code: FaultCode,
        detail: impl Into<String>,
    ) {
        self.said.push(Said::Fault {
            at,
            sensor: sensor.clone(),
            code,
            detail: detail.into(),
            raised: true,
        });
    }

    pub(super) fn cleared(&mut self, at: BoardTime, sensor: &SensorId, code: FaultCode) {
        self.said.push(Said::Fault {
            at,
            sensor: sensor.clone(),
            code,
            detail: String::new(),
            raised: false,
        });
    }

    pub(super) fn chord(&mut self) {
        self.said.push(Said::Chord);
    }

    pub(super) fn output(&mut self, at: BoardTime, output: Option<usize>, level: bool) {
        if let Some(output) = output {
            self.outputs.push(OutputChange { at, output, level });
        }
    }
}
