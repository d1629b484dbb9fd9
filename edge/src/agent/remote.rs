//! The agent's part in what the hub wants: configurations tried and kept, commands carried out once.

use gatepost_model::remote::{Command, CommandReply, MAX_COMMAND_ID, Order, Reply, WantedConfig};

use super::Agent;
use crate::{hal::Board, remote::Offer};

/// Commands that are known again: more than a broker repeats.
const REMEMBERED: usize = 32;

impl<B: Board> Agent<'_, B> {
    pub(super) fn handle_wanted(&mut self, wanted: WantedConfig) {
        if self.trial_until.is_some() {
            self.wanted = Some(wanted);
            return;
        }
        let version = wanted.version;
        match self.remote.offer(wanted, &self.config) {
            Offer::Known(reply) => self.hub.reply(&Reply::Config(reply)),
            Offer::Try => {
                tracing::info!(
                    version,
                    "a configuration is wanted: beginning anew to try it"
                );
                self.reconfigured = true;
            }
        }
    }

    /// What became of the last wanted configuration, once there was one.
    pub(super) fn say_config(&self) {
        if let Some(last) = self.remote.remote.last() {
            self.hub.reply(&Reply::Config(last.clone()));
        }
    }

    /// Ends a trial: well once the inputs are watched and the broker is linked, badly if that takes
    /// too long.
    pub(super) fn look_at_trial(&mut self) {
        let Some(until) = self.trial_until else {
            return;
        };
        let (watches, linked) = (self.core.boot().is_some(), self.hub.is_up());
        if watches && linked {
            self.trial_until = None;
            if let Some(reply) = self.remote.remote.keep() {
                // On a disk that takes nothing it is taken back at the next start, as a trial that did
                // not end well; the unit goes on with it until then.
                let _ = self.remote.save();
                tracing::info!(version = reply.version, "the configuration is kept");
                self.hub.reply(&Reply::Config(reply));
            }
            if let Some(wanted) = self.wanted.take() {
                self.handle_wanted(wanted);
            }
        } else if self.clock.now() >= until {
            let why = if watches {
                "no link to the broker"
            } else {
                "the inputs say nothing"
            };
            let span = self.config.timers.trial.as_secs_f64();
            let why = format!("{why} within {span} s");
            tracing::warn!(why, "the configuration is taken back");
            self.remote.remote.roll_back(&why);
            // It is taken back at the next start, too, for it was begun with.
            let _ = self.remote.save();
            self.reconfigured = true;
        }
    }

    pub(super) fn handle_command(&mut self, command: &Command) {
        let id = &command.id;
        if id.is_empty() || id.chars().count() > MAX_COMMAND_ID {
            tracing::warn!("a command without a good id");
            return;
        }
        if self.commands.contains(id) {
            return;
        }
        self.commands.push_back(id.clone());
        if self.commands.len() > REMEMBERED {
            self.commands.pop_front();
        }
        let outcome = match &command.order {
            Order::Record => self
                .write_record()
                .map(|path| path.display().to_string())
                .map_err(|error| error.to_string()),
            order => self.core.handle_order(order, &mut self.effects),
        };
        if let (Ok(_), Order::Remeasure { lane }) = (&outcome, &command.order) {
            self.measure_at(lane.as_str());
        }
        self.take_effects();
        self.unsettled = true;
        let done = outcome.is_ok();
        let (Ok(detail) | Err(detail)) = outcome;
        tracing::info!(id = %id, done, detail, "a command");
        self.hub.reply(&Reply::Command(CommandReply {
            id: id.clone(),
            done,
            detail,
        }));
    }

    /// The lane's thermometers look at once.
    fn measure_at(&mut self, lane: &str) {
        let gate = &self.config.gate;
        for thermometer in &gate.thermometers {
            let of = gate.lanes.get(thermometer.lane);
            if of.is_some_and(|it| it.id.as_str() == lane) {
                self.board.measure(thermometer.input);
            }
        }
    }
}
