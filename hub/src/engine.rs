//! The loop: inputs, decide, commit, apply, effects.
//!
//! It runs on a thread of its own, because a commit waits for the disk. One turn takes all that is
//! queued, up to [`MAX_EVENTS`]; what follows from the new record (verdicts, silence) is decided in
//! turns of their own, at most every `delta` and at least every `tick`. A turn that cannot be stored
//! is tried again as it is: nothing was acknowledged, the queue fills, and units wait. If it is only
//! the room before a store that is away which is used up, events alone have to wait ([`room`]).

mod gather;
mod housekeeping;
mod room;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::Duration,
};

use gatepost_dashboard::ports::{self, Act, CommandError};
use gatepost_model::Wall;
use tokio::{
    runtime::Handle,
    sync::{mpsc, oneshot},
    time::timeout,
};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use gather::Gathering;
use housekeeping::Housekeeping;

use crate::{
    clock::Clock,
    core::{
        Core, Decision,
        input::{Effect, Input},
    },
    health::Health,
    live::Live,
    metrics::Metrics,
    notify::ToSend,
    outbox::Outbox,
    store::{
        influx::AppendError,
        journal::{Journal, LoadError, StoreError},
    },
};

/// The part's name in `/readyz`.
pub const PART: &str = "store";

/// The most events of one turn: what a commit holds up is bounded by it.
pub const MAX_EVENTS: usize = 5000;
/// Inputs that wait for the engine; batches of at most 64 KiB, so 4 MiB at most.
pub const QUEUE: usize = 64;
/// The most refused points of one turn.
const MAX_REFUSED: usize = 500;

const FIRST_WAIT: Duration = Duration::from_millis(100);
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// Answers that people wait for, by ticket.
#[derive(Debug, Default)]
pub struct Answers {
    waiting: Mutex<HashMap<u64, Answer>>,
}

type Answer = oneshot::Sender<Result<ports::Answer, CommandError>>;

impl Answers {
    /// Waits for an answer under a ticket that nobody else has.
    pub fn wait(&self, ticket: u64) -> oneshot::Receiver<Result<ports::Answer, CommandError>> {
        let (answer, waiting) = oneshot::channel();
        self.lock().insert(ticket, answer);
        waiting
    }

    /// Nobody waits any more.
    pub fn forget(&self, ticket: u64) {
        self.lock().remove(&ticket);
    }

    fn give(&self, ticket: u64, answer: Result<ports::Answer, CommandError>) {
        if let Some(waiting) = self.lock().remove(&ticket) {
            // Whoever gave up waiting finds what became of it in the alert.
            drop(waiting.send(answer));
        }
    }

    /// A map is whole whatever panicked while it was held.
    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<u64, Answer>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the loop works with.
#[derive(Debug)]
pub struct Engine {
    /// What is known; readers share it.
    pub core: Arc<RwLock<Core>>,
    /// Where a turn becomes durable.
    pub journal: Journal,
    /// What comes.
    pub queue: mpsc::Receiver<Input>,
    /// Where acks go.
    pub outbox: Arc<Outbox>,
    /// Where messages to people go.
    pub to_send: Arc<ToSend>,
    /// Who waits for an answer.
    pub answers: Arc<Answers>,
    /// Who is told what changed.
    pub live: Arc<Live>,
    /// Where it is said whether it works.
    pub health: Arc<Health>,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// Time.
    pub clock: Clock,
    /// Between two looks at what time alone changes.
    pub tick: Duration,
    /// The least time between two looks at what the record changes.
    pub delta: Duration,
}

impl Engine {
    /// Runs until it is told to stop and the queue is empty.
    pub fn run(mut self, runtime: &Handle, stop: &CancellationToken) {
        self.health.works(PART);
        if !self.turn(vec![Input::Started], runtime, stop) {
            return;
        }
        let mut last_tick = self.clock.stopwatch();
        let mut housekeeping = Housekeeping::new(&self.clock);
        let mut gathering = Gathering::new(self.clock);
        let mut is_left = false;
        loop {
            self.look_for_room();
            let until_tick = match (is_left, self.is_due()) {
                (true, _) => Duration::ZERO,
                (false, true) => self.delta,
                (false, false) => self.tick,
            };
            let wait = until_tick.saturating_sub(last_tick.elapsed());
            let inputs = gathering.next(&mut self.queue, runtime, stop, wait);
            let is_stopping = stop.is_cancelled() && inputs.is_empty();
            // Who changes settings changes those that the command line has left.
            let sites = match inputs.iter().any(is_of_settings) {
                true => self.changed_sites().unwrap_or_default(),
                false => Vec::new(),
            };
            if !self.turn(sites, runtime, stop) || !self.turn(inputs, runtime, stop) {
                return;
            }
            if last_tick.elapsed() >= until_tick && !is_stopping {
                last_tick = self.clock.stopwatch();
                let mut sites = self.changed_sites().unwrap_or_default();
                sites.extend(self.refused_points());
                if !self.turn(sites, runtime, stop) || !self.turn(vec![Input::Tick], runtime, stop)
                {
                    return;
                }
                // One tick looks at so many sites only; between two, what came is taken.
                is_left = self.is_due();
            }
            if is_stopping {
                return;
            }
            housekeeping.work(&mut self.journal, &self.core, &self.clock);
        }
    }

    /// Whether time, or what came, may have changed something that was not looked at yet.
    fn is_due(&self) -> bool {
        let core = self.core.read().unwrap_or_else(PoisonError::into_inner);
        let (state, now) = (core.state(), self.clock.now());
        state.due.is_due(now) || state.calls.is_due(now)
    }

    /// Points that the store refused since the last look.
    fn refused_points(&mut self) -> Option<Input> {
        match self.journal.refused(MAX_REFUSED) {
            Ok(points) if points.is_empty() => None,
            Ok(points) => Some(Input::StoreRefused(points)),
            Err(error) => {
                warn!(error = chain(&error), "refused points cannot be read");
                None
            }
        }
    }

    /// With what the journal has of it, where something set aside is to be brought again.
    fn with_aside(&self, input: Input) -> Option<Input> {
        let (ticket, command) = match input {
            Input::Command { ticket, command } if matches!(command.act, Act::Retry { .. }) => {
                (ticket, command)
            }
            other => return Some(other),
        };
        match self.journal.aside(command.act.quarantine()) {
            Ok(aside) => Some(Input::Retry {
                ticket,
                command,
                aside: aside.map(Box::new),
            }),
            Err(error) => {
                let why = CommandError::Unavailable(error.to_string());
                self.answers.give(ticket, Err(why));
                None
            }
        }
    }

    /// Sites that the command line changed beside the hub.
    fn changed_sites(&mut self) -> Result<Vec<Input>, LoadError> {
        let read = self.journal.changed_sites();
        if let Err(error) = &read {
            warn!(error = chain(error), "sites cannot be read again");
        }
        let sites = read?.unwrap_or_default();
        Ok(sites.into_iter().map(Input::Site).collect())
    }

    /// Once more, with the settings as somebody else has stored them. If those cannot be read, who
    /// changes settings is told so, and all else goes on.
    fn decide_anew(
        &mut self,
        mut inputs: Vec<Input>,
        runtime: &Handle,
        stop: &CancellationToken,
    ) -> bool {
        let sites = self.changed_sites().unwrap_or_else(|error| {
            inputs.retain(|input| match input {
                Input::Command { ticket, command } if command.act.is_of_settings() => {
                    let why = CommandError::Unavailable(error.to_string());
                    self.answers.give(*ticket, Err(why));
                    false
                }
                _ => true,
            });
            Vec::new()
        });
        self.turn(sites, runtime, stop) && self.turn(inputs, runtime, stop)
    }

    /// One turn. Answers whether to go on.
    fn turn(&mut self, inputs: Vec<Input>, runtime: &Handle, stop: &CancellationToken) -> bool {
        let mut inputs: Vec<Input> = inputs
            .into_iter()
            .filter_map(|input| self.with_aside(input))
            .collect();
        if self.journal.is_full() {
            inputs = self.without_events(inputs);
        }
        if inputs.is_empty() {
            return true;
        }
        let oldest = inputs.iter().filter_map(received_of).min();
        let spare = self
            .journal
            .is_bounded()
            .then(|| room::beside_batches(&inputs));
        let again = match inputs.iter().any(is_of_settings) {
            true => inputs.clone(),
            false => Vec::new(),
        };
        let decision = {
            let core = self.core.read().unwrap_or_else(PoisonError::into_inner);
            core.decide(self.clock.now(), inputs)
        };
        let had_failed = match self.commit(&decision, runtime, stop) {
            Committed::Durable { had_failed } => had_failed,
            Committed::Full => return self.turn(spare.unwrap_or_default(), runtime, stop),
            Committed::Foreign => return self.decide_anew(again, runtime, stop),
            Committed::Stopped => return false,
        };
        self.metrics.decided(&decision.seen);
        if !decision.commit.is_empty() {
            let mut core = self.core.write().unwrap_or_else(PoisonError::into_inner);
            core.apply(&decision.commit);
        }
        if let Some(oldest) = oldest {
            let lag_us = self.clock.now().micros_since(oldest);
            let lag = Duration::from_micros(u64::try_from(lag_us).unwrap_or(0));
            self.metrics.lag(lag);
        }
        self.live.touch(&decision.commit.changes);
        self.act(decision.effects);
        // Nobody could be taken in while the journal failed: silence in that time says nothing.
        !had_failed || self.listen_again(runtime, stop)
    }

    fn listen_again(&mut self, runtime: &Handle, stop: &CancellationToken) -> bool {
        let is_listening = {
            let core = self.core.read().unwrap_or_else(PoisonError::into_inner);
            core.state().listening_since.is_some()
        };
        !is_listening || self.turn(vec![Input::Listening(true)], runtime, stop)
    }

    /// Makes a turn durable, however often it must be tried.
    fn commit(
        &mut self,
        decision: &Decision,
        runtime: &Handle,
        stop: &CancellationToken,
    ) -> Committed {
        if !decision.commit.is_durable() {
            return Committed::Durable { had_failed: false };
        }
        let mut wait = FIRST_WAIT;
        let mut had_failed = false;
        loop {
            let watch = self.clock.stopwatch();
            match self.journal.commit(&decision.commit) {
                Ok(()) => {
                    let events = decision.commit.events.len() as u64;
                    self.metrics.committed(events, watch.elapsed());
                    if !self.journal.is_full() && self.health.works(PART) {
                        info!("the journal can be written again");
                    }
                    return Committed::Durable { had_failed };
                }
                Err(error @ StoreError::Waiting(AppendError::Full(_))) => {
                    self.say_full(&error);
                    return Committed::Full;
                }
                Err(StoreError::Foreign) => return Committed::Foreign,
                Err(error) => {
                    had_failed = true;
                    self.metrics.commit_failed();
                    let cure = error.cure();
                    let error = chain(&error);
                    let detail = format!("{error}; {cure}");
                    if self.health.fails(PART, detail) {
                        error!(
                            error,
                            "the journal cannot be written; units keep what they see"
                        );
                    }
                    // Timers are made within the runtime.
                    let told = runtime.block_on(async { timeout(wait, stop.cancelled()).await });
                    if told.is_ok() {
                        return Committed::Stopped;
                    }
                    wait = (wait * 2).min(LONGEST_WAIT);
                }
            }
        }
    }

    fn act(&self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Ack { site, unit, ack } => {
                    self.metrics.acked();
                    self.outbox.ack(site, unit, &ack);
                }
                Effect::Send(dispatch) => self.to_send.put(*dispatch),
                Effect::Say {
                    topic,
                    payload,
                    retain,
                } if retain => self.outbox.retain(topic.to_string(), payload),
                Effect::Say { topic, payload, .. } => {
                    self.outbox.once(topic.to_string(), payload);
                }
                Effect::Answer { ticket, answer } => self.answers.give(ticket, answer),
            }
        }
    }
}

/// What became of a turn.
enum Committed {
    /// It is stored, at the first try or not.
    Durable { had_failed: bool },
    /// There is no room for its events: nothing of it is stored.
    Full,
    /// It changes settings that somebody else may have changed: nothing of it is stored.
    Foreign,
    /// The hub was told to stop: nothing of it is stored.
    Stopped,
}

fn received_of(input: &Input) -> Option<Wall> {
    match input {
        Input::Batch(batch) => Some(batch.received),
        _ => None,
    }
}

fn is_of_settings(input: &Input) -> bool {
    matches!(input, Input::Command { command, .. } if command.act.is_of_settings())
}

/// An error with all that caused it, in one line.
pub fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
