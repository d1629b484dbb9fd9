//! The one loop: inputs, broker, deadlines and the end, into the core, and its effects out.
//!
//! A turn is: take what came; set outputs at once; spool events; commit if it is time; tell the
//! board what is durable; send what is on disk. Everything is decided in this task, so an input is
//! never between two queues.

mod certificates;
mod hub;
mod recording;
mod remote;
pub mod tap;

use std::{collections::VecDeque, io, time::Duration};

use gatepost_model::{
    Happening, LogId, Wall,
    event::{Fault, FaultCode},
    remote::WantedConfig,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    clock::HostClock,
    config::Config,
    core::{Checkpoint, Core, Effects, SPOOL, SUPPLY, heartbeat::Health},
    flight::Recorder,
    hal::Board,
    input::{Input, What},
    mqtt::{Link, LinkEvent, LinkHandle, Session},
    remote::file::RemoteFile,
    service::ServiceManager,
    spool::{Spool, fs::Real},
    time::{BoardTime, HostTime},
};
use certificates::Certificates;
use hub::{Hub, Word};
use tap::Tap;

/// The checkpoint is written with the events; on its own at most once in this many commits, so that
/// a running pump does not wear the card.
const COMMITS_PER_CHECKPOINT: u32 = 5;

/// A disk that takes nothing is tried again this often.
const RETRY_COMMIT: Duration = Duration::from_secs(1);

/// A board that said nothing for this long cannot be told the time.
const MAX_QUIET: Duration = Duration::from_secs(1);

/// How long the link may take to say goodbye.
const GOODBYE: Duration = Duration::from_secs(4);

/// Why an agent could not run, or had to stop.
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    /// The spool cannot be opened.
    #[error("the spool cannot be opened")]
    Spool(#[source] io::Error),
    /// The board is gone.
    #[error("the board is gone")]
    Board(#[source] io::Error),
}

/// How a run ended well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// It was told to stop.
    Told,
    /// The configuration is another one now: to be begun anew.
    Reconfigured,
}

/// The configuration that an agent runs with, and what the hub wanted before.
#[derive(Debug)]
pub struct Run<'r> {
    /// What it runs with.
    pub config: Config,
    /// It is being tried.
    pub is_trial: bool,
    /// What the hub wanted.
    pub remote: &'r mut RemoteFile,
}

/// Runs an agent on its locked data directory and a board until it is told to stop, or is to begin
/// anew; then drains and returns.
pub async fn run<B: Board>(
    Run {
        config,
        is_trial,
        remote,
    }: Run<'_>,
    fs: Real,
    board: B,
    clock: HostClock,
    stop: CancellationToken,
) -> Result<Ended, AgentError> {
    let (spool, opened) = Spool::open(fs, config.spool, new_log_id).map_err(AgentError::Spool)?;
    if opened.damaged {
        tracing::error!("the log had no end to go on from: it was put aside, a new one begins");
    }
    if opened.torn > 0 {
        tracing::warn!(bytes = opened.torn, "a torn tail was cut off the spool");
    }
    let mut core = Core::new(config.gate.clone(), checkpoint(&opened.state));
    if let Some((boot, mono)) = &opened.last_event {
        core.handle_recovered(boot, *mono);
    }
    tracing::info!(
        log = %spool.log(), last = spool.last(), acked = spool.acked(), waiting = spool.waiting(),
        "the spool is open"
    );
    let (link, handle) = Link::new(&config, clock);
    let tasks = TaskTracker::new();
    tasks.spawn(link.run());
    tasks.close();
    let mut agent = Agent {
        hub: Hub::new(&config),
        certificates: Certificates::new(config.mqtt.tls.clone()),
        commit_every: config.timers.commit,
        clock,
        core,
        spool,
        board,
        link: handle,
        effects: Effects::default(),
        last_turn: None,
        last_state: HostTime(0),
        unsettled: false,
        failing: false,
        confirmed: BoardTime(0),
        refused: 0,
        last_input: HostTime(0),
        service: ServiceManager::from_env(),
        feed_due: HostTime(0),
        sags: false,
        trial_until: is_trial.then(|| clock.now().plus(config.timers.trial)),
        reconfigured: false,
        commands: VecDeque::new(),
        wanted: None,
        recorder: Recorder::default(),
        recorded_at: None,
        tap: Tap::listen(&config.unit.data),
        config,
        remote,
    };
    let ended = agent.run(&stop).await;
    agent.close();
    if tokio::time::timeout(GOODBYE, tasks.wait()).await.is_err() {
        tracing::warn!("the link to the broker did not end in time");
    }
    ended
}

fn checkpoint(state: &[u8]) -> Checkpoint {
    if state.is_empty() {
        return Checkpoint::default();
    }
    serde_json::from_slice(state).unwrap_or_else(|error| {
        tracing::error!(error = %error, "the checkpoint cannot be read: baselines and rounds begin anew");
        Checkpoint::default()
    })
}

/// A random id for a new log.
fn new_log_id() -> LogId {
    let mut random = [0; 8];
    if let Err(error) = getrandom::fill(&mut random) {
        tracing::error!(error = %error, "no randomness for a log's id");
    }
    let text = format!("{:016x}", u64::from_be_bytes(random));
    // Sixteen hex digits are a log id.
    text.parse()
        .unwrap_or_else(|_| unreachable!("{text} is a log id"))
}

struct Agent<'r, B: Board> {
    config: Config,
    remote: &'r mut RemoteFile,
    /// The configuration is being tried, until then.
    trial_until: Option<HostTime>,
    /// To be begun anew.
    reconfigured: bool,
    /// Commands that were carried out, the newest last.
    commands: VecDeque<String>,
    /// A configuration that was wanted while another one was being tried.
    wanted: Option<WantedConfig>,
    recorder: Recorder,
    /// When a fault last had the recorder write.
    recorded_at: Option<HostTime>,
    tap: Tap,
    clock: HostClock,
    commit_every: Duration,
    core: Core,
    spool: Spool<Real>,
    board: B,
    link: LinkHandle,
    hub: Hub,
    certificates: Certificates,
    effects: Effects,
    /// When inputs were last settled: committed, and confirmed to the board.
    last_turn: Option<HostTime>,
    last_state: HostTime,
    /// Inputs came since then.
    unsettled: bool,
    /// The disk takes nothing.
    failing: bool,
    confirmed: BoardTime,
    refused: u64,
    last_input: HostTime,
    service: ServiceManager,
    /// When the service manager's watchdog is to be fed.
    feed_due: HostTime,
    /// The supply fell too low, and that was told.
    sags: bool,
}

impl<B: Board> Agent<'_, B> {
    async fn run(&mut self, stop: &CancellationToken) -> Result<Ended, AgentError> {
        let mut inputs = Vec::new();
        self.service.ready();
        loop {
            let deadline = self.deadline();
            let decide = self.core.deadline();
            let wake = async {
                match deadline {
                    Some(deadline) => self.clock.sleep_until(deadline).await,
                    None => std::future::pending().await,
                }
            };
            // Every branch is cancel-safe: the token and the timer keep nothing, the channel, the
            // board and the tap give or keep.
            tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(Ended::Told),
                Some(event) = self.link.events.recv() => self.handle_link(event),
                taken = self.board.inputs(decide, &mut inputs) => {
                    taken.map_err(AgentError::Board)?;
                    self.handle_inputs(&mut inputs);
                }
                Some(stream) = self.tap.accept() => self.show_to(stream),
                () = wake => {}
            }
            self.look_at_trial();
            if self.reconfigured {
                return Ok(Ended::Reconfigured);
            }
            self.settle();
            self.hub.send(self.clock.now(), &mut self.spool, &self.core);
            self.board.flush();
            self.feed();
        }
    }

    fn deadline(&self) -> Option<HostTime> {
        let settle = self.unsettled.then(|| self.settle_at());
        let feed = self.service.feed_every().map(|_| self.feed_due);
        [settle, feed, self.hub.deadline(), self.trial_until]
            .into_iter()
            .flatten()
            .min()
    }

    /// The service manager hears that the loop has come round.
    fn feed(&mut self) {
        let now = self.clock.now();
        if let Some(every) = self.service.feed_every()
            && now >= self.feed_due
        {
            self.feed_due = now.plus(every);
            self.service.alive();
        }
    }

    /// When inputs may next be settled: at once after a pause, else in step.
    fn settle_at(&self) -> HostTime {
        let every = if self.failing {
            self.commit_every.max(RETRY_COMMIT)
        } else {
            self.commit_every
        };
        self.last_turn.map_or(HostTime(0), |last| last.plus(every))
    }

    fn handle_inputs(&mut self, inputs: &mut Vec<Input>) {
        for input in inputs.drain(..) {
            if let What::Link(up) = input.what {
                self.link.permit(up);
                if !up {
                    // What is decided after this moment of the board's time is not sent, however
                    // long the session takes to end.
                    self.hub.handle_down();
                }
            }
            if let What::Boot(boot) = &input.what {
                tracing::info!(boot = %boot, mono_us = input.mono.0, "the board speaks");
                self.confirmed = BoardTime(0);
            }
            self.record(&input);
            if let Err(refused) = self.core.handle_input(&input, &mut self.effects) {
                self.refused += 1;
                if self.refused.is_power_of_two() {
                    tracing::warn!(error = %refused, so_far = self.refused, "an input was not taken");
                }
            }
        }
        self.unsettled = true;
        self.last_input = self.clock.now();
        self.take_effects();
        self.tap.flush();
    }

    /// Outputs first: a lamp does not wait for a disk.
    fn take_effects(&mut self) {
        for change in self.effects.outputs.drain(..) {
            self.board.set_output(change);
        }
        self.board.flush();
        let (mut fault, mut begun) = (None, false);
        for (boot, event) in self.effects.events.drain(..) {
            match &event.happening {
                // A disk that has no room has none for a record.
                Happening::Fault(raised) if !begun && raised.code != FaultCode::DiskLow => {
                    fault.get_or_insert_with(|| raised.sensor.clone());
                }
                // What is told with it lasts since before the watch: no inputs led to it here.
                Happening::Boot(_) => begun = true,
                _ => {}
            }
            if self.spool.push(&boot, &event).is_none() {
                tracing::error!(
                    kind = event.happening.kind(),
                    "an event is too long to be kept"
                );
            }
        }
        if self.spool.is_pending() {
            self.unsettled = true;
        }
        if let Some(sensor) = fault {
            self.record_fault(&sensor);
        }
    }

    /// Commits what there is if it is time, and tells the board what is durable.
    fn settle(&mut self) {
        let now = self.clock.now();
        if !self.unsettled || now < self.settle_at() {
            return;
        }
        self.last_turn = Some(now);
        let state = self.state();
        let state_due = self
            .last_state
            .plus(self.commit_every * COMMITS_PER_CHECKPOINT);
        if self.spool.is_pending() || state != self.spool.state() && now >= state_due {
            self.commit(&state);
            self.last_state = now;
        }
        let machine = self.board.health();
        self.core.set_health(Health {
            waiting: self.spool.waiting(),
            disk_free: self.spool.free(),
            cpu_c: machine.cpu_c,
            undervoltage: machine.undervoltage,
            certificate: self.certificates.first_to_end(now),
        });
        let sags = machine.undervoltage == Some(true);
        if sags != self.sags {
            self.sags = sags;
            let detail = "the supply fell below what the board needs".to_owned();
            self.unit_fault(SUPPLY, FaultCode::Undervoltage, detail, sags);
        }
        if !self.spool.is_pending() && state == self.spool.state() {
            self.unsettled = false;
            self.confirm();
        }
    }

    fn state(&self) -> Vec<u8> {
        // A checkpoint is plain data.
        serde_json::to_vec(&self.core.checkpoint()).unwrap_or_default()
    }

    fn confirm(&mut self) {
        if let (Some(boot), Some(durable)) = (self.core.boot(), self.core.durable())
            && durable > self.confirmed
        {
            self.confirmed = durable;
            self.board.confirm(boot, durable);
        }
    }

    fn commit(&mut self, state: &[u8]) {
        let result = self.spool.commit(state);
        if result.is_ok() {
            // What a power cut after this word must not take away.
            tracing::debug!(
                last = self.spool.last(),
                mono_us = self.spool.last_mono(),
                "on disk"
            );
        }
        if result.is_ok() != self.failing {
            return;
        }
        self.failing = result.is_err();
        let detail = match &result {
            Ok(()) => {
                tracing::warn!(lost = self.spool.lost(), "the disk takes events again");
                String::new()
            }
            Err(error) => {
                tracing::error!(error = %error, "the disk takes no events: they wait in memory");
                error.to_string()
            }
        };
        self.unit_fault(SPOOL, FaultCode::DiskLow, detail, self.failing);
    }

    /// A fault of the unit itself begins or ends.
    fn unit_fault(&mut self, sensor: &str, code: FaultCode, detail: String, raised: bool) {
        let Ok(sensor) = sensor.parse() else { return };
        let fault = Fault {
            sensor,
            code,
            detail,
        };
        self.core
            .handle_unit_fault(&fault, raised, &mut self.effects);
        self.take_effects();
    }

    fn handle_link(&mut self, event: LinkEvent) {
        let now = self.clock.now();
        match event {
            LinkEvent::Up(session) => {
                self.certificates.handle_session(session.broker_ends);
                // Not one that began just before the board cut the link.
                if self.link.is_good(session.permit) {
                    let Session { client, id, .. } = session;
                    self.hub.handle_up(now, client, id, &self.spool);
                    self.say_config();
                }
            }
            LinkEvent::Down => self.hub.handle_down(),
            LinkEvent::Message(channel, payload) => {
                match self
                    .hub
                    .handle_message(now, channel, &payload, &mut self.spool)
                {
                    Word::Nothing => {}
                    Word::Time { wall, err_ms } => self.handle_hub_time(now, wall, err_ms),
                    Word::Fork => self.begin_new_log(),
                    Word::Wanted(wanted) => self.handle_wanted(wanted),
                    Word::Command(command) => self.handle_command(&command),
                }
            }
        }
    }

    /// The hub's time belongs to the board's time of this moment, which is that of its last input; a
    /// board that was quiet for long has none.
    fn handle_hub_time(&mut self, now: HostTime, wall: Wall, err_ms: u64) {
        let quiet = now.since(self.last_input);
        if quiet < MAX_QUIET {
            let quiet_ms = u64::try_from(quiet.as_millis()).unwrap_or(u64::MAX);
            self.core
                .handle_hub_time(wall, err_ms.saturating_add(quiet_ms));
            self.unsettled = true;
        }
    }

    /// The hub's log is not this one: what is here stays as it is, and a new one begins.
    fn begin_new_log(&mut self) {
        let state = self.state();
        self.commit(&state);
        let (log, last, acked) = (
            self.spool.log().clone(),
            self.spool.last(),
            self.spool.acked(),
        );
        if let Err(error) = self.spool.begin_new_log(new_log_id()) {
            tracing::error!(error = %error, "no new log could be made");
        }
        tracing::error!(
            closed = %log, last, acked, new = %self.spool.log(),
            "the hub knows another log by this name: it is put aside, a new one begins"
        );
        self.core.announce_again(&mut self.effects);
        self.take_effects();
        self.hub.handle_new_log(self.clock.now(), &self.spool);
    }

    /// Drains: the last heartbeat, the last commit, safe outputs, goodbye.
    fn close(&mut self) {
        self.service.stopping();
        self.core.handle_stop(&mut self.effects);
        self.take_effects();
        let state = self.state();
        if let Err(error) = self.spool.commit(&state) {
            tracing::error!(error = %error, "the last events are not on disk");
        } else {
            self.confirm();
        }
        for change in self.core.safe_outputs() {
            self.board.set_output(change);
        }
        self.board.flush();
        self.hub.send(self.clock.now(), &mut self.spool, &self.core);
        self.hub.say_goodbye();
        self.link.stop.cancel();
        tracing::info!(
            last = self.spool.last(),
            waiting = self.spool.waiting(),
            "stopped"
        );
    }
}
