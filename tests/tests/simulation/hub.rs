//! The hub: decode and core as they are, the journal as a list of commits.

use bytes::Bytes;
use e2e::world::dice::Dice;
use gatepost_hub::{
    core::{
        Commit, Core, Decision, Seen, Settings,
        input::{Effect, Input},
        quarantine::{Aside, ShelfChange},
        state::Change,
    },
    ingest::decode::{Message, decode},
    store::event::StoredEvent,
};
use gatepost_model::{Site, Topic, UnitId, Wall, wire::Ack};

/// The hub with its journal.
pub(crate) struct Hub {
    site: Site,
    core: Core,
    stores: u32,
    /// What outlives the process: whole turns, in order.
    journal: Vec<Commit>,
    /// Not there before.
    pub(crate) down_until: u64,
    /// What was counted.
    pub(crate) seen: Seen,
}

impl Hub {
    pub(crate) fn new(site: Site) -> Self {
        let mut hub = Self {
            core: Core::new(settings(1)),
            site,
            stores: 1,
            journal: Vec::new(),
            down_until: 0,
            seen: Seen::default(),
        };
        // As the command line stores it.
        let commit = Commit {
            events: Vec::new(),
            changes: vec![Change::Site(hub.site.clone())],
        };
        hub.core.apply(&commit);
        hub.journal.push(commit);
        hub
    }

    /// Begins to listen; what units are told then.
    pub(crate) fn start(&mut self, now: Wall) -> Vec<(UnitId, Ack)> {
        self.turn(now, vec![Input::Listening(true)])
    }

    /// Takes messages in one turn; what units are told.
    pub(crate) fn take(
        &mut self,
        now: Wall,
        messages: Vec<(Topic, Vec<u8>)>,
    ) -> Vec<(UnitId, Ack)> {
        let inputs = messages.into_iter().map(|(topic, payload)| {
            decode(Message {
                topic: Bytes::from(topic.to_string()),
                payload: Bytes::from(payload),
                retained: false,
                received: now,
            })
        });
        self.turn(now, inputs.collect())
    }

    /// Time passes.
    pub(crate) fn tick(&mut self, now: Wall) {
        self.turn(now, vec![Input::Tick]);
    }

    /// The process dies in the middle of a turn with these messages: before its commit, or between
    /// commit and effects. Then it is there again, as its journal has it.
    pub(crate) fn dies(&mut self, now: Wall, messages: Vec<(Topic, Vec<u8>)>, dice: &mut Dice) {
        if dice.chance(0.5) {
            // Committed, but nobody is told.
            self.take(now, messages);
        }
        let mut again = Core::new(self.core.settings().clone());
        for commit in &self.journal {
            again.apply(&durable(commit));
        }
        // State is the sum of the commits, whatever a restart forgets aside. Each turn is read again one
        // by one, so more may be due at once than of the rows as they are now.
        assert_eq!(
            again.state().after_a_restart(),
            self.core.state().after_a_restart(),
            "a restart changes what is known"
        );
        self.core = again;
    }

    /// A backup is put in place: the last turns are gone, and the record has a new name.
    pub(crate) fn is_restored(&mut self, dice: &mut Dice) {
        let keep = dice.whole(1, self.journal.len() as u64 + 1) as usize;
        self.journal.truncate(keep);
        self.stores += 1;
        self.core = Core::new(settings(self.stores));
        for commit in &self.journal {
            self.core.apply(&durable(commit));
        }
    }

    /// The record, in the order in which it was committed.
    pub(crate) fn record(&self) -> impl Iterator<Item = &StoredEvent> {
        self.journal.iter().flat_map(|commit| &commit.events)
    }

    /// Lines and messages that were set aside.
    pub(crate) fn aside(&self) -> impl Iterator<Item = &Aside> {
        let changes = self.journal.iter().flat_map(|commit| &commit.changes);
        changes.filter_map(|change| match change {
            Change::Shelf(ShelfChange::Put(aside)) => Some(aside),
            _ => None,
        })
    }

    pub(crate) fn core(&self) -> &Core {
        &self.core
    }

    fn turn(&mut self, now: Wall, inputs: Vec<Input>) -> Vec<(UnitId, Ack)> {
        let decision = self.core.decide(now, inputs);
        let seen = decision.seen;
        self.seen.batches += seen.batches;
        self.seen.duplicates += seen.duplicates;
        self.seen.ahead += seen.ahead;
        self.seen.forks += seen.forks;
        self.seen.refused += seen.refused;
        self.seen.broken_lines += seen.broken_lines;
        self.commit(&decision);
        let acks = decision
            .effects
            .into_iter()
            .filter_map(|effect| match effect {
                Effect::Ack { unit, ack, .. } => Some((unit, ack)),
                Effect::Answer { .. } | Effect::Say { .. } | Effect::Send(_) => None,
            });
        acks.collect()
    }

    fn commit(&mut self, decision: &Decision) {
        self.core.apply(&decision.commit);
        if decision.commit.is_durable() {
            self.journal.push(decision.commit.clone());
        }
    }
}

fn settings(store: u32) -> Settings {
    Settings::new(format!("store-{store}"))
}

fn durable(commit: &Commit) -> Commit {
    let changes = commit.changes.iter().filter(|change| change.is_durable());
    Commit {
        events: Vec::new(),
        changes: changes.cloned().collect(),
    }
}
