//! A unit's life: its boots, what its board was shown, and what of it the unit has confirmed.
//!
//! The life of a unit is one line through time, played in order and never twice. While its agent is
//! away, the world goes on and the board shows nothing to anybody: what falls into such a stretch
//! is not durable. Time of the world is wall time; the board's monotonic time counts from the
//! boot's beginning.

mod line;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use chrono::NaiveDate;
use gatepost_model::{BootId, LaneId, Micros, SiteId, UnitId, Wall};
use serde::{Deserialize, Serialize};

use super::{
    day::{HOUR, Happening, Signal, Stimulus, WallUs},
    dice::Dice,
    timeline::{HappeningId, Source, Timeline},
    truth::{Truth, What},
};

/// Whose life it is.
#[derive(Debug, Clone)]
pub struct Who {
    /// The site.
    pub site: SiteId,
    /// The unit.
    pub unit: UnitId,
    /// Every pin of its board.
    pub pins: Vec<&'static str>,
    /// Whether a time server tells it the time.
    pub synced: bool,
    /// The world's seed.
    pub seed: u64,
}

/// What must be known to go on after the world was stopped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// The boot that ran.
    pub boot: BootId,
    /// When it began.
    pub boot_at: WallUs,
    /// How many boots there were.
    pub boots: u64,
    /// What happened before is in the file of truths.
    pub settled: WallUs,
    /// Nothing at or after this was played.
    pub reserved: WallUs,
    /// Rounds whose start was shown, and which will be told when they are over.
    #[serde(default)]
    pub under_way: Vec<Start>,
}

/// The boot in which a happening began, and when in it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Start {
    /// The boot.
    pub boot: BootId,
    /// The board's time.
    pub mono_us: Micros,
}

/// A unit's life.
#[derive(Debug)]
pub struct Life {
    who: Who,
    timeline: Timeline,
    injected: VecDeque<(Stimulus, HappeningId, Happening)>,
    injections: u32,
    skipped: BTreeSet<HappeningId>,
    boot: BootId,
    boot_at: WallUs,
    boots: u64,
    position: WallUs,
    watched: bool,
    durable: Micros,
    next_clock: WallUs,
    levels: BTreeMap<&'static str, bool>,
    open: BTreeMap<HappeningId, Open>,
    pending: Vec<Pending>,
}

/// A happening of which not all inputs were played.
#[derive(Debug)]
struct Open {
    happening: Happening,
    /// The boot in which it began: a round may be over in a later one.
    boot: BootId,
    boot_at: WallUs,
    first: WallUs,
    seen: u32,
    /// Some input was not shown to the agent, or the agent was away in between.
    broken: bool,
    /// The same of a round's pulses: its litres cannot be known, but its start and end can.
    disturbed: bool,
}

/// A happening whose inputs were all shown, but not confirmed.
#[derive(Debug)]
struct Pending {
    first: WallUs,
    last: Micros,
    truths: Vec<Truth>,
}

/// How far [`Life::play`] came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Played {
    /// To where it should.
    All,
    /// The buffer is full.
    Full,
    /// To a power cut that ends at this time.
    PowerCut(WallUs),
}

impl Open {
    /// The board's time of a moment, in the boot in which it began.
    fn mono(&self, at: WallUs) -> Micros {
        mono(self.boot_at, at)
    }
}

impl Life {
    /// A life that begins with a boot at `start`.
    pub fn begin(who: Who, source: Source, start: WallUs) -> Self {
        let kept = Kept {
            boot: boot_id(&who, 0),
            boot_at: start,
            boots: 1,
            settled: start,
            reserved: start,
            under_way: Vec::new(),
        };
        Self::resume(who, source, &kept)
    }

    /// A life that goes on. What lies between `settled` and `reserved` is played to nobody, so that
    /// its truths are told.
    pub fn resume(who: Who, source: Source, kept: &Kept) -> Self {
        Self {
            timeline: Timeline::from(source, kept.settled),
            injected: VecDeque::new(),
            injections: 0,
            skipped: BTreeSet::new(),
            boot: kept.boot.clone(),
            boot_at: kept.boot_at,
            boots: kept.boots,
            position: kept.settled,
            watched: false,
            durable: 0,
            next_clock: kept.settled,
            levels: who.pins.iter().map(|pin| (*pin, false)).collect(),
            open: BTreeMap::new(),
            pending: Vec::new(),
            who,
        }
    }

    /// What must be kept to go on from here, if nothing at or after `reserved` is played before it
    /// is kept again.
    pub fn kept(&self, reserved: WallUs) -> Kept {
        let open = self.open.values().map(|open| open.first);
        let rounds = self
            .open
            .values()
            .filter(|open| open.happening.what == What::Round);
        let pending = self.pending.iter().map(|pending| pending.first);
        Kept {
            boot: self.boot.clone(),
            boot_at: self.boot_at,
            boots: self.boots,
            settled: open
                .chain(pending)
                .min()
                .map_or(self.position, |first| first.min(self.position)),
            reserved,
            under_way: rounds
                .map(|open| Start {
                    boot: open.boot.clone(),
                    mono_us: open.mono(open.happening.at),
                })
                .collect(),
        }
    }

    /// The boot that runs.
    pub fn boot(&self) -> &BootId {
        &self.boot
    }

    /// Everything before was played.
    pub fn position(&self) -> WallUs {
        self.position
    }

    /// The board's time of a moment, in the boot that runs.
    pub fn mono(&self, at: WallUs) -> Micros {
        mono(self.boot_at, at)
    }

    /// Whether everything played so far is confirmed.
    pub fn is_confirmed(&self) -> bool {
        self.durable >= self.mono(self.position)
    }

    /// An agent is there from `at` on: tells it the boot and how the pins stand.
    pub fn attach(&mut self, at: WallUs, out: &mut Vec<u8>, truths: &mut Vec<Truth>) {
        self.lose(truths);
        self.play(at, usize::MAX, None, out, truths);
        self.watched = true;
        self.durable = 0;
        let mono = self.mono(self.position);
        line::boot(out, mono, &self.boot);
        for (pin, level) in &self.levels {
            // At a boot's beginning pins are low unless they are not.
            if mono > 0 || *level {
                line::signal(out, mono, Signal::Level(pin, *level));
            }
        }
        self.next_clock = self.position;
        self.tell_clock(out);
    }

    /// The agent is gone; what it had not confirmed may be lost.
    pub fn lose(&mut self, truths: &mut Vec<Truth>) {
        self.watched = false;
        for pending in self.pending.drain(..) {
            truths.extend(pending.truths);
        }
        for open in self.open.values_mut() {
            let started = open.mono(open.happening.at);
            if open.happening.what == What::Round && self.durable >= started && open.seen > 0 {
                open.disturbed = true;
            } else {
                open.broken = true;
            }
        }
    }

    /// The world ends here. The unit may make something of what has begun, so that is told as well: once,
    /// also by a world that goes on ([`Kept::settled`]). A round is told when it is over; until then
    /// [`Kept::under_way`] names it.
    pub fn leave(&mut self, truths: &mut Vec<Truth>) {
        self.lose(truths);
        let open = self.open.values();
        let begun = open.filter(|open| open.happening.what != What::Round);
        truths.extend(begun.flat_map(|open| self.truths_of(open)));
    }

    /// The power is gone, and with it the agent.
    pub fn cut_power(&mut self, truths: &mut Vec<Truth>) {
        self.lose(truths);
        for open in self.open.values_mut() {
            open.broken = true;
        }
    }

    /// The power is back: a new boot begins at `at`.
    pub fn restore_power(&mut self, at: WallUs, truths: &mut Vec<Truth>) {
        self.play(at, usize::MAX, None, &mut Vec::new(), truths);
        self.boot = boot_id(&self.who, self.boots);
        self.boots += 1;
        self.boot_at = self.position;
        self.durable = 0;
    }

    /// Plays on to `until`: lines for the board into `out` (at most about `room` bytes), and what
    /// is known of happenings that ended unseen. Power cuts of the script that are over by `cuts`
    /// stop it.
    pub fn play(
        &mut self,
        until: WallUs,
        room: usize,
        cuts: Option<WallUs>,
        out: &mut Vec<u8>,
        truths: &mut Vec<Truth>,
    ) -> Played {
        if until <= self.position {
            return Played::All;
        }
        let cut = |timeline: &Timeline, position: WallUs| {
            timeline
                .power_cut()
                .filter(|(from, to)| position < *from && cuts.is_some_and(|by| *to <= by))
        };
        loop {
            if out.len() >= room {
                return Played::Full;
            }
            let next = self.timeline.peek(until);
            let injected = self
                .injected
                .front()
                .map(|(stimulus, ..)| stimulus.at)
                .filter(|at| *at < until);
            let at = [next, injected]
                .into_iter()
                .flatten()
                .min()
                .unwrap_or(until);
            if let Some((from, to)) = cut(&self.timeline, self.position)
                && from <= at
            {
                self.move_to(from, out);
                self.tick(out);
                return Played::PowerCut(to);
            }
            self.move_to(at, out);
            if injected == Some(at)
                && let Some((stimulus, id, happening)) = self.injected.pop_front()
            {
                self.show(stimulus, Some((id, &happening)), out, truths);
            } else if next == Some(at) {
                let Some((stimulus, part)) = self.timeline.take() else {
                    continue;
                };
                let part = part.map(|(id, happening)| (id, happening.clone()));
                self.show(
                    stimulus,
                    part.as_ref().map(|(id, happening)| (*id, happening)),
                    out,
                    truths,
                );
            } else {
                self.tick(out);
                return Played::All;
            }
        }
    }

    fn move_to(&mut self, at: WallUs, out: &mut Vec<u8>) {
        while self.watched && self.next_clock <= at {
            self.position = self.position.max(self.next_clock);
            self.tell_clock(out);
        }
        self.position = self.position.max(at);
    }

    fn tick(&self, out: &mut Vec<u8>) {
        if self.watched {
            line::tick(out, self.mono(self.position));
        }
    }

    fn tell_clock(&mut self, out: &mut Vec<u8>) {
        if self.who.synced {
            line::clock(out, self.mono(self.position), self.position);
        }
        self.next_clock = self.position + HOUR;
    }

    fn show(
        &mut self,
        stimulus: Stimulus,
        part: Option<(HappeningId, &Happening)>,
        out: &mut Vec<u8>,
        truths: &mut Vec<Truth>,
    ) {
        if part
            .as_ref()
            .is_some_and(|(id, _)| self.skipped.contains(id))
        {
            return;
        }
        if let Signal::Level(pin, level) = stimulus.signal {
            self.levels.insert(pin, level);
        }
        if self.watched {
            line::signal(out, self.mono(stimulus.at), stimulus.signal);
        }
        let Some((id, happening)) = part else { return };
        let open = self.open.entry(id).or_insert_with(|| Open {
            happening: happening.clone(),
            boot: self.boot.clone(),
            boot_at: self.boot_at,
            first: stimulus.at,
            seen: 0,
            broken: false,
            disturbed: false,
        });
        open.seen += 1;
        if !self.watched {
            let is_pulse =
                matches!(stimulus.signal, Signal::Level(pin, _) if pin.ends_with("-flow"));
            if is_pulse {
                open.disturbed = true;
            } else {
                open.broken = true;
            }
        }
        if open.seen == open.happening.inputs
            && let Some(open) = self.open.remove(&id)
        {
            self.over(open, stimulus.at, truths);
        }
    }

    fn over(&mut self, open: Open, last: WallUs, truths: &mut Vec<Truth>) {
        let told = self.truths_of(&open);
        if open.broken || !self.watched {
            truths.extend(told);
        } else {
            self.pending.push(Pending {
                first: open.first,
                last: self.mono(last),
                truths: told,
            });
        }
    }

    fn truths_of(&self, open: &Open) -> Vec<Truth> {
        let happening = &open.happening;
        let whole = !open.broken && !open.disturbed;
        let truth = Truth {
            t: wall(happening.at),
            t_end: happening.end.map(wall),
            site: self.who.site.clone(),
            unit: self.who.unit.clone(),
            boot: open.boot.clone(),
            mono_us: open.mono(happening.at),
            what: happening.what,
            lane: happening.lane.and_then(|lane| lane.parse::<LaneId>().ok()),
            zone: happening.zone,
            dir: happening.dir,
            person: happening.person.clone(),
            body_c: happening.body_c,
            skin_c: happening.skin_c,
            outcome: happening.outcome.map(str::to_owned),
            litres: happening.litres.filter(|_| whole),
            end_mono_us: happening.end.map(|end| open.mono(end)),
            durable: false,
        };
        let beside = happening.beside.as_ref().map(|beside| Truth {
            what: What::Unclear,
            person: Some(beside.clone()),
            ..truth.clone()
        });
        [Some(truth), beside].into_iter().flatten().collect()
    }

    /// The agent has confirmed what was decided from inputs up to `mono`.
    pub fn confirmed(&mut self, mono: Micros, truths: &mut Vec<Truth>) {
        self.durable = self.durable.max(mono);
        let durable = self.durable;
        for pending in self
            .pending
            .extract_if(.., |pending| pending.last <= durable)
        {
            truths.extend(pending.truths.into_iter().map(|truth| Truth {
                durable: true,
                ..truth
            }));
        }
    }

    /// Tells the board whether its link to the broker holds.
    pub fn link(&self, up: bool, out: &mut Vec<u8>) {
        if self.watched {
            line::link(out, self.mono(self.position), up);
        }
    }

    /// Something happens besides the script: signals in order, all after what was played.
    pub fn inject(&mut self, mut happening: Happening, signals: Vec<(WallUs, Signal)>) {
        happening.inputs = signals.len() as u32;
        self.injections += 1;
        let id = HappeningId {
            date: NaiveDate::MIN,
            place: self.injections,
        };
        for (at, signal) in signals {
            let stimulus = Stimulus {
                at: at.max(self.position),
                signal,
                happening: None,
            };
            let place = self
                .injected
                .partition_point(|(other, ..)| other.at <= stimulus.at);
            self.injected
                .insert(place, (stimulus, id, happening.clone()));
        }
    }

    /// The next round of the script will not happen; says when it would have begun.
    pub fn skip_round(&mut self) -> Option<WallUs> {
        let mut from = self.position;
        loop {
            let (id, at) = self.timeline.next_round(from)?;
            if self.skipped.insert(id) {
                return Some(at);
            }
            from = at + 1;
        }
    }
}

fn mono(boot_at: WallUs, at: WallUs) -> Micros {
    Micros::try_from(at - boot_at).unwrap_or(0)
}

fn wall(at: WallUs) -> Wall {
    Wall::EPOCH.plus_micros(at)
}

fn boot_id(who: &Who, number: u64) -> BootId {
    let mut dice = Dice::new(
        who.seed,
        &[
            "boot",
            who.site.as_str(),
            who.unit.as_str(),
            &number.to_string(),
        ],
    );
    format!("{:016x}{:016x}", dice.next(), dice.next())
        .parse()
        .expect("hexadecimal digits are a boot id")
}
