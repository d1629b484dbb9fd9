//! Judgement: what follows from the record, as functions of it and of the time.
//!
//! [`Core::decide`] takes what came in one turn and answers what is to be committed and what is to
//! be done then; it changes nothing. [`Core::apply`] takes over what was committed. So a write that
//! fails leaves the core as it was, and the state is the sum of the commits.
//!
//! What is absent, on purpose: no sockets, no files, no clock, no threads.

pub mod alerts;
mod capacity;
pub mod certificate;
pub mod coverage;
pub mod dedupe;
pub mod downtime;
pub mod fever;
mod hand_over;
pub mod headcount;
pub mod input;
mod intake;
pub mod isolation;
#[cfg(test)]
mod killed;
pub mod liveness;
pub mod measured;
pub mod paging;
pub mod people;
pub mod placement;
mod prune;
pub mod quarantine;
mod remote;
mod retry;
pub mod rounds;
#[cfg(test)]
mod same_day;
pub(crate) mod settings;
pub mod state;
#[cfg(test)]
pub(crate) mod testing;
pub mod throughput;
pub mod trouble;
pub mod verdicts;
#[cfg(test)]
mod year;

use std::{collections::BTreeMap, sync::Arc};

use chrono::TimeDelta;
use gatepost_model::{LogId, SiteId, UnitId, Wall, wire::Ack};

use crate::store::event::StoredEvent;
use dedupe::Mark;
use input::{Effect, Input};
use state::{Change, Draft, SiteState, State};

/// What a hub has settled.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Which record: minted once with the database.
    pub store: String,
    /// A cause that is older than this when it is first seen calls nobody, microseconds.
    pub old_news_us: i64,
    /// A cause that can go away must stay away for this long, microseconds.
    pub hold_us: i64,
    /// How long after a slot's end the record may take to arrive.
    pub slot_grace: TimeDelta,
    /// How soon after a message the same address gets another.
    pub pace: paging::Pace,
    /// The hub as a site of its own, with those who are told of its own trouble: how a core begins,
    /// [`State::hub`] is how it goes on.
    pub hub: Arc<SiteState>,
}

impl Settings {
    /// The defaults, for one record.
    pub fn new(store: String) -> Self {
        Self {
            store,
            old_news_us: 900_000_000,
            hold_us: 120_000_000,
            slot_grace: TimeDelta::seconds(180),
            pace: paging::Pace::default(),
            hub: Arc::new(SiteState::new(trouble::site("UTC".to_owned(), Vec::new()))),
        }
    }
}

/// The judging part of the hub.
#[derive(Debug, Clone)]
pub struct Core {
    settings: Settings,
    state: State,
}

/// What a turn came to.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Decision {
    /// To be made durable at once, or not at all.
    pub commit: Commit,
    /// To be done after that.
    pub effects: Vec<Effect>,
    /// What was counted.
    pub seen: Seen,
}

/// What becomes durable in one transaction.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Commit {
    /// New events, in the order of their logs.
    pub events: Vec<StoredEvent>,
    /// Changes of the state, in order.
    pub changes: Vec<Change>,
}

impl Commit {
    /// Whether there is anything to be stored.
    pub fn is_durable(&self) -> bool {
        !self.events.is_empty() || self.changes.iter().any(Change::is_durable)
    }

    /// Whether nothing changes at all.
    pub fn is_empty(&self) -> bool {
        self.events.is_empty() && self.changes.is_empty()
    }
}

/// What a turn saw, for the metrics.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Seen {
    /// Batches that could be read as a whole.
    pub batches: u64,
    /// Of them, those that brought nothing new.
    pub duplicates: u64,
    /// Of them, those that came before one that is missing.
    pub ahead: u64,
    /// Of them, those that contradicted the record.
    pub forks: u64,
    /// Messages that failed as a whole.
    pub refused: u64,
    /// Lines that were set aside.
    pub broken_lines: u64,
}

impl Core {
    /// A core that knows nothing yet.
    pub fn new(settings: Settings) -> Self {
        let state = State {
            hub: settings.hub.clone(),
            ..State::default()
        };
        Self { settings, state }
    }

    /// What the core knows.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// The state to be filled with what was stored, at the start.
    pub fn state_mut(&mut self) -> &mut State {
        &mut self.state
    }

    /// What is settled.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Decides one turn: all that came, in order, at `now`.
    pub fn decide(&self, now: Wall, inputs: impl IntoIterator<Item = Input>) -> Decision {
        let inputs: Vec<Input> = inputs.into_iter().collect();
        let mut draft = Draft::new(&self.state, self.settings.hold_us);
        let mut turn = Turn {
            settings: &self.settings,
            now,
            // Nearly always all are new. Events are large: making room little by little moves them often.
            events: Vec::with_capacity(inputs.iter().map(Input::lines).sum()),
            acks: BTreeMap::new(),
            effects: Vec::new(),
            seen: Seen::default(),
        };
        for input in inputs {
            take(&mut draft, &mut turn, input);
        }
        turn.decision(draft.into_changes())
    }

    /// Takes over what was committed.
    pub fn apply(&mut self, commit: &Commit) {
        for change in &commit.changes {
            self.state.apply(change);
        }
    }
}

/// One turn under way.
struct Turn<'s> {
    settings: &'s Settings,
    now: Wall,
    events: Vec<StoredEvent>,
    /// One ack a log: the newest says all that those before it would.
    acks: BTreeMap<(SiteId, UnitId, LogId), Mark>,
    effects: Vec<Effect>,
    seen: Seen,
}

impl Turn<'_> {
    /// Whether what happened then is old news.
    fn is_old(&self, at: Wall) -> bool {
        self.now.micros_since(at) > self.settings.old_news_us
    }

    fn ack(&mut self, site: &SiteId, (unit, log): (UnitId, LogId), mark: Mark) {
        self.acks.insert((site.clone(), unit, log), mark);
    }

    fn decision(self, changes: Vec<Change>) -> Decision {
        let mut effects = self.effects;
        let acks = self.acks.into_iter();
        effects.extend(acks.map(|((site, unit, log), mark)| Effect::Ack {
            site,
            unit,
            ack: Ack {
                store: self.settings.store.clone(),
                log,
                through: mark.through,
                chain: mark.chain,
                time: self.now,
            },
        }));
        Decision {
            commit: Commit {
                events: self.events,
                changes,
            },
            effects,
            seen: self.seen,
        }
    }
}

fn take(draft: &mut Draft<'_>, turn: &mut Turn<'_>, input: Input) {
    match input {
        Input::Batch(batch) => {
            turn.seen.batches += 1;
            intake::batch(draft, turn, *batch);
        }
        Input::Refused(refused) => intake::refused(draft, turn, &refused),
        Input::Alive {
            site,
            unit,
            alive,
            received,
        } => {
            let Some(mut part) = draft.part(&site) else {
                return;
            };
            liveness::heard(&mut part, &unit, received, turn.now);
            let row = part.site.unit(&unit);
            row.interval_s = alive.interval_s;
            row.clock = Some(alive.clock);
            part.site.presence(&unit).alive = Some(alive);
        }
        Input::Status {
            site,
            unit,
            status,
            retained,
            received,
        } => {
            let Some(mut part) = draft.part(&site) else {
                return;
            };
            if !status.online {
                part.site.presence(&unit).last_will = true;
                return;
            }
            if !retained {
                liveness::heard(&mut part, &unit, received, turn.now);
                if !status.version.is_empty() {
                    part.site.unit(&unit).version = Some(status.version);
                }
            }
            if let Some(log) = status.log {
                let known = part.site.logs.get(&(unit.clone(), log.clone()));
                let mark = known.map_or(Mark::START, |row| Mark {
                    through: row.through,
                    chain: row.chain,
                });
                turn.ack(&site, (unit, log), mark);
            }
        }
        Input::Reply {
            site,
            unit,
            reply,
            received,
        } => {
            if let Some(mut part) = draft.part(&site) {
                remote::heard(turn, &mut part, &unit, reply, received);
            }
        }
        Input::Site(site) => {
            let known = draft.base().sites.get(&site.id);
            if known.is_some_and(|known| known.site == site) {
                return;
            }
            match draft.part(&site.id) {
                Some(part) => part.site.read_settings(site),
                None => draft.more.push(Change::StoredSite(site)),
            }
        }
        Input::Command { ticket, command } => {
            let answer = people::act(draft, turn, command);
            if let Ok(answer) = &answer {
                remote::said(turn, answer);
            }
            turn.effects.push(Effect::Answer { ticket, answer });
        }
        Input::Retry {
            ticket,
            command,
            aside,
        } => {
            let answer = retry::retry(draft, turn, command, aside);
            turn.effects.push(Effect::Answer { ticket, answer });
        }
        Input::StoreRefused(points) => retry::set_aside(draft, turn.now, points),
        Input::Listening(listening) => listen(draft, turn, listening),
        Input::Started => {
            paging::start(draft);
            downtime::start(draft, turn.now);
        }
        Input::Sent { dispatch, result } => paging::sent(draft, turn.now, dispatch, &result),
        Input::Trouble { part, wrong } => trouble::take(draft, part, wrong, turn.now),
        Input::Tick => tick(draft, turn),
    }
}

/// The most sites that one tick looks at; those that are left are due at once.
const MAX_LOOKS: usize = 5;

/// What time alone changes.
fn tick(draft: &mut Draft<'_>, turn: &mut Turn<'_>) {
    let base = draft.base();
    let context = verdicts::Context {
        settings: turn.settings,
        lived: &base.lived,
    };
    for id in base.due.until(turn.now).take(MAX_LOOKS) {
        let Some(mut part) = draft.part(id) else {
            continue;
        };
        if part.site.base.judged.next.is_none() {
            capacity::look_anew(&mut part, turn.now);
        }
        let next = [
            liveness::tick(&mut part, base.listening_since, turn.now),
            verdicts::tick(&mut part, context, turn.now),
            people::forget(&mut part, turn.now),
        ];
        prune::tick(&mut part, turn.now);
        let latest = turn.now.plus(LONGEST_UNSEEN);
        part.site.next_look = Some(next.into_iter().flatten().fold(latest, Wall::min));
    }
    if !base.hub.said.is_empty() {
        people::forget(&mut draft.hub(), turn.now);
    }
    downtime::tick(draft, turn.now);
    draft.alerts.settle(turn.now);
    // Of what changes in this very turn it is looked in the next, when it is known.
    draft.alerts.relink();
    for id in base.calls.until(turn.now).take(MAX_CALLS) {
        if draft.alerts.is_touched(*id) {
            continue;
        }
        let known = draft.alerts.get(*id).cloned();
        let site = known.as_ref().map(|alert| {
            let site = base.sites.get(&alert.site);
            site.unwrap_or(&base.hub)
        });
        let next = known
            .as_ref()
            .zip(site)
            .and_then(|(alert, site)| paging::look(&mut draft.post, site, alert, turn.now));
        draft.more.push(Change::Called(*id, next));
    }
    paging::send(draft, turn);
}

/// The most alerts of which one tick looks whose turn it is; those that are left are due at once.
const MAX_CALLS: usize = 20;

/// However quiet it is, a site is looked at this often.
const LONGEST_UNSEEN: TimeDelta = TimeDelta::hours(1);

/// Units learn at once what is stored, so that each begins where the record ends.
fn listen(draft: &mut Draft<'_>, turn: &mut Turn<'_>, listening: bool) {
    draft
        .more
        .push(Change::Listening(listening.then_some(turn.now)));
    if !listening {
        return;
    }
    for (id, site) in &draft.base().sites {
        for (key, row) in &site.logs {
            let mark = Mark {
                through: row.through,
                chain: row.chain,
            };
            turn.ack(id, key.clone(), mark);
        }
        remote::again(turn, site);
    }
}

#[cfg(test)]
mod tests;
