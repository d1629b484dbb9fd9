//! What goes into one turn.
//!
//! A turn takes all that is queued. Each one costs a commit, and a commit of three readings writes as
//! much to a card as one of three hundred: so a trickle of readings, for which nobody waits, is gathered
//! for half a second. Whatever else comes goes at once and takes along what was gathered.

use std::time::Duration;

use gatepost_model::{
    event::{Class, Line},
    wire::MAX_BATCH_LINES,
};
use tokio::{runtime::Handle, sync::mpsc, time::timeout};
use tokio_util::sync::CancellationToken;

use super::MAX_EVENTS;
use crate::{
    clock::{Clock, Stopwatch},
    core::input::{Content, Input},
};

/// Between two turns of a trickle of readings.
const CALM: Duration = Duration::from_millis(500);
/// More events than this are no trickle but a backlog, which waits for its acks.
const TRICKLE: usize = 100;

/// What goes on from turn to turn.
#[derive(Debug)]
pub(super) struct Gathering {
    clock: Clock,
    /// Since a turn was gathered last.
    since: Stopwatch,
    /// [`CALM`]
    calm: Duration,
}

impl Gathering {
    pub(super) fn new(clock: Clock) -> Self {
        Self {
            since: clock.stopwatch(),
            clock,
            calm: CALM,
        }
    }

    /// The inputs of the next turn; waits so long for the first. Nothing if there was none.
    pub(super) fn next(
        &mut self,
        queue: &mut mpsc::Receiver<Input>,
        runtime: &Handle,
        stop: &CancellationToken,
        wait: Duration,
    ) -> Vec<Input> {
        let mut receive = |wait: Duration, is_stopped: bool| {
            if is_stopped {
                return queue.try_recv().ok();
            }
            runtime.block_on(async {
                tokio::select! {
                    biased;
                    input = timeout(wait, queue.recv()) => input.ok().flatten(),
                    () = stop.cancelled() => None,
                }
            })
        };
        let first = receive(wait, false);
        // Told to stop: what is queued already is still taken.
        let Some(first) = first.or_else(|| receive(Duration::ZERO, true)) else {
            return Vec::new();
        };
        let mut events = first.lines();
        let mut is_calm = is_calm_input(&first);
        let mut inputs = vec![first];
        while events + MAX_BATCH_LINES <= MAX_EVENTS {
            let rest = self.calm.saturating_sub(self.since.elapsed());
            let waits = is_calm && events <= TRICKLE && !rest.is_zero() && !stop.is_cancelled();
            let Some(input) = receive(rest, !waits) else {
                break;
            };
            events += input.lines();
            is_calm &= is_calm_input(&input);
            inputs.push(input);
        }
        self.since = self.clock.stopwatch();
        inputs
    }
}

/// Whether nobody waits for it.
fn is_calm_input(input: &Input) -> bool {
    match input {
        Input::Alive { .. } => true,
        Input::Batch(batch) => batch.lines.iter().all(|line| match &line.content {
            Content::Line(_, read, _) => match &**read {
                Line::Event(event) => event.happening.class() == Class::Telemetry,
                Line::Gap(_) => false,
            },
            Content::Broken(..) => false,
        }),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::core::testing::Log;

    #[test]
    fn readings_wait_for_what_comes_and_go_along_with_a_passage() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap();
        let mut log = Log::new("gate-1", "log-1");
        log.event(
            1,
            "reading",
            json!({"sensor": "yard-env", "quantity": "ambient_c", "value": 18.5}),
        );
        log.passage(2);
        let received = gatepost_model::Wall::parse("2026-11-23T07:31:00Z").unwrap();
        let input = |at| log.input(at..at + 1, received);
        let (sender, mut queue) = mpsc::channel(10);
        let (clock, stop) = (Clock, CancellationToken::new());
        let mut gathering = Gathering {
            calm: Duration::from_secs(600),
            ..Gathering::new(clock)
        };
        let later = input(1);
        sender.try_send(input(0)).unwrap();
        let inputs = std::thread::scope(|scope| {
            scope.spawn(|| {
                // Until the reading was taken out of the queue.
                while sender.capacity() < sender.max_capacity() {
                    std::thread::yield_now();
                }
                sender.try_send(later).unwrap();
            });
            gathering.next(&mut queue, runtime.handle(), &stop, Duration::ZERO)
        });
        assert_eq!(inputs.len(), 2);
        assert!(is_calm_input(&inputs[0]) && !is_calm_input(&inputs[1]));
    }
}
