//! Sets the stage: which sites and units there are, when their lives begin, and who plays them.

use std::{path::Path, sync::Arc, time::Duration};

use anyhow::{Context, bail};
use chrono::TimeDelta;
use gatepost_model::Site;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    clock::WorldClock,
    fleet::Fleet,
    journal::{self, Journal, State, unit_key},
    player::{Command, Player, Remote},
    world::{
        counts::Counts,
        day::{MINUTE, SECOND, Span, WallUs, local_date},
        faces::Faces,
        life::{Life, Who},
        sites::{PLANS, Plan, Post},
        timeline::Source,
    },
};

/// What is played.
#[derive(Debug, Clone)]
pub struct Script {
    /// The world's seed.
    pub seed: u64,
    /// How many sites, 1 to 12.
    pub sites: usize,
    /// Days that the units live through before the present.
    pub history_days: i64,
    /// Instead of life: a file's counts at the first site's people lane.
    pub counts: Option<Arc<Counts>>,
    /// Whose temperatures people have, if not anybody's.
    pub faces: Option<Arc<Faces>>,
    /// The world's time.
    pub clock: WorldClock,
}

/// A life begins so long before a file's first row, so that the row is watched from its beginning.
const LEAD_IN: i64 = 2 * MINUTE;
/// The present is so long after a file's last row, so that the row is watched to its end.
const LEAD_OUT: i64 = 3 * MINUTE;

impl Script {
    /// The world's time for a file: its rows are history.
    pub fn clock_of(counts: &Counts) -> WorldClock {
        WorldClock::at(counts.end() + LEAD_OUT, 1.0)
    }

    /// Sites with their units.
    pub fn cast(&self) -> Vec<(Plan, Vec<Post>)> {
        match &self.counts {
            Some(counts) => {
                vec![(PLANS[0].in_zone(counts.zone), vec![Post::Gate])]
            }
            None => PLANS[..self.sites.clamp(1, PLANS.len())]
                .iter()
                .map(|plan| (self.with_faces(*plan), Post::ALL.to_vec()))
                .collect(),
        }
    }

    fn with_faces(&self, plan: Plan) -> Plan {
        match &self.faces {
            Some(faces) => plan.looking_at(faces.place()),
            None => plan,
        }
    }

    /// What the hub is to know: plans of rounds begin with the history.
    pub fn sites(&self, started: WallUs) -> Vec<(Site, Vec<(Plan, Post)>)> {
        let cast = self.cast().into_iter();
        cast.map(|(plan, posts)| {
            let plan_from = self
                .counts
                .is_none()
                .then(|| local_date(plan.zone, started));
            let site = plan.site(plan_from, &posts);
            (site, posts.into_iter().map(|post| (plan, post)).collect())
        })
        .collect()
    }

    /// When lives begin: with the first local day of the history, or now.
    fn start(&self, plan: &Plan) -> WallUs {
        if let Some(counts) = &self.counts {
            return counts.start() - LEAD_IN;
        }
        let now = self.clock.now();
        if self.history_days == 0 {
            return now;
        }
        let first = local_date(plan.zone, now) - TimeDelta::days(self.history_days);
        Span::of(plan.zone, first).from
    }

    /// The state of the world in `dir`: a new one, or the one that was there, which then says what
    /// is played.
    pub fn state(&mut self, dir: &Path) -> anyhow::Result<State> {
        if let Some(state) = journal::read_state(dir)? {
            let place = self.faces.as_ref().map(|faces| faces.place());
            if state.counts != self.counts.is_some() || state.faces != place {
                bail!(
                    "{} has a world of another kind; choose another --data",
                    dir.display()
                );
            }
            self.seed = state.seed;
            self.sites = state.sites;
            if let Some(latest) = state.units.values().map(|kept| kept.reserved).max()
                && latest > self.clock.now()
            {
                // A world that runs faster than life, or a file's, goes on where it was.
                self.clock = self.clock.moved_to(latest + SECOND);
            }
            return Ok(state);
        }
        Ok(State {
            seed: self.seed,
            sites: self.sites,
            counts: self.counts.is_some(),
            faces: self.faces.as_ref().map(|faces| faces.place()),
            started: self.start(&self.cast()[0].0),
            playing: false,
            units: std::collections::BTreeMap::new(),
        })
    }
}

/// The world, playing.
#[derive(Debug)]
pub struct Stage {
    /// Every unit's player, by site and unit.
    pub players: Vec<(String, String, Remote)>,
    /// Its files.
    pub journal: Arc<Journal>,
    /// Its time.
    pub clock: WorldClock,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Stage {
    /// Begins, or goes on, before the units of a fleet.
    pub fn begin(script: &Script, state: State, dir: &Path, fleet: &Fleet) -> anyhow::Result<Self> {
        let kept = state.units.clone();
        let journal = Arc::new(Journal::open(dir, state)?);
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        let mut players = Vec::new();
        for (plan, posts) in script.cast() {
            for post in posts {
                let unit = fleet
                    .unit(plan.id, post.unit())
                    .with_context(|| format!("there is no unit {}/{}", plan.id, post.unit()))?;
                let key = unit_key(plan.id, post.unit());
                let source = match &script.counts {
                    Some(counts) => Source::Counts {
                        counts: Arc::clone(counts),
                        seed: script.seed,
                    },
                    None => Source::Life {
                        plan,
                        post,
                        seed: script.seed,
                        faces: script.faces.clone(),
                    },
                };
                let who = Who {
                    site: plan.id.parse()?,
                    unit: post.unit().parse()?,
                    pins: plan.pins(post),
                    synced: true,
                    seed: script.seed,
                };
                let (life, from) = match kept.get(&key) {
                    Some(kept) => (Life::resume(who, source, kept), kept.reserved),
                    None => {
                        let start = script.start(&plan);
                        (Life::begin(who, source, start), start)
                    }
                };
                let (player, remote) = Player::new(
                    life,
                    from,
                    key.clone(),
                    unit.socket.clone(),
                    script.clock,
                    Arc::clone(&journal),
                );
                let stop = stop.clone();
                tasks.spawn(async move {
                    if let Err(error) = player.run(stop).await {
                        tracing::error!(unit = %key, error = %error, "the world before this unit stands still");
                    }
                });
                players.push((plan.id.to_owned(), post.unit().to_owned(), remote));
            }
        }
        tasks.close();
        Ok(Self {
            players,
            journal,
            clock: script.clock,
            tasks,
            stop,
        })
    }

    /// A unit's player.
    pub fn player(&self, site: &str, unit: &str) -> Option<&Remote> {
        let mut players = self.players.iter();
        players
            .find(|(s, u, _)| s == site && u == unit)
            .map(|(.., remote)| remote)
    }

    /// Takes a unit's power away, or gives it back.
    pub async fn power(&self, fleet: &Fleet, site: &str, unit: &str, on: bool) {
        let (Some(player), Some(process)) = (self.player(site, unit), fleet.unit(site, unit))
        else {
            return;
        };
        if on {
            process.process.up();
            player.ask(Command::Replug).await;
        } else {
            player.ask(Command::Unplug).await;
            process.process.down();
        }
    }

    /// Whether every unit has lived up to the present.
    pub fn is_live(&self) -> bool {
        self.players
            .iter()
            .all(|(.., remote)| remote.progress().live)
    }

    /// Ends the world: what the units confirm in the next seconds is still heard.
    pub async fn end(&self) {
        self.stop.cancel();
        // A player may wait for an agent that never comes.
        if tokio::time::timeout(Duration::from_secs(10), self.tasks.wait())
            .await
            .is_err()
        {
            tracing::warn!("the world did not end in time");
        } else if let Err(error) = self.journal.close() {
            tracing::warn!(error = %error, "the world's end cannot be written down");
        }
    }
}
