//! A lane with two beams, A outside and B inside: who passed, and which way.
//!
//! A passage opens with the first beam broken and closes when both are clear again (on lanes for
//! vehicles: for longer than a gap between cab and trailer). It is judged by the first and the last
//! state in which a single beam was broken, and by whether both ever were: A first and B last is
//! `in`, B first and A last is `out`, the same one twice is a U-turn and nothing. So a hesitation in
//! the middle does no harm. On a people's lane two bodies at once show themselves. If the nearer beam alone
//! is broken again after the farther one was, and then both (a hand is too thin for both beams), one passed
//! and another may have followed: one is counted, the other `unclear`. If a U-turn is quicker than anybody
//! turns, that is one in and one out, and `unclear` alone. Where the beams' distance is known
//! the body's pace and depth tell more ([`figure`]); somebody too deep for one is counted once, and what may
//! have passed beside them is `unclear`. What cannot be told is `unclear` and never a guess: lost edges, a
//! passage that does not end, both beams changing at one instant, a restart in the middle.

use gatepost_model::{
    Direction, Happening, LaneKind,
    event::{FaultCode, Passage, UnclearReason},
};

use open::{Judgement, Open};

use super::{
    SYNC_WINDOW,
    debounce::{Change, Debounce},
    earliest,
    noise::Noise,
    out::Out,
};
use crate::{
    config::{self, Beam},
    time::BoardTime,
};

/// One of a lane's two beams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The outer beam.
    A,
    /// The inner beam.
    B,
}

impl Side {
    /// Where somebody goes who comes by this beam.
    fn leads(self) -> Direction {
        match self {
            Self::A => Direction::In,
            Self::B => Direction::Out,
        }
    }
}

/// Bodies, hands and bouncing contacts give a beam fewer edges a second.
const MOST_EDGES: u32 = 200;

/// So many in a row who broke one beam and never the other show that the other one is dead: nobody's
/// people all turn round at the same place.
const ONE_SIDED: u32 = 10;

/// The machine of one lane.
#[derive(Debug)]
pub struct Lane {
    config: config::Lane,
    a: BeamState,
    b: BeamState,
    state: State,
    /// Who broke only this beam, so many in a row.
    one_sided: (Side, u32),
    /// The sprayer's meter, once it was heard.
    sprayer_level: Option<bool>,
    /// While the beams are noisy one movement that cannot be told is enough.
    noise_told: bool,
    /// A vehicle's part that broke one beam only.
    between: Option<Between>,
}

/// A cab shorter than the beams' distance may stand between them, light falling through before and
/// behind it: neither beam shows that a lorry is there.
#[derive(Debug, Clone, Copy)]
struct Between {
    came_by: Side,
    since: BoardTime,
    cleared: BoardTime,
}

#[derive(Debug)]
struct BeamState {
    beam: Beam,
    debounce: Debounce,
    noise: Noise,
    /// When it was broken, while it is and no fault says so yet.
    unreported_since: Option<BoardTime>,
    /// No level was heard yet since the watch began at this time.
    unheard_since: Option<BoardTime>,
    /// A fault of an earlier watch says that it is blocked: to be taken back at this time if it is
    /// not.
    doubted_until: Option<BoardTime>,
    /// Edges before the next level are lost and were told: the level may be the one before.
    loss_told: bool,
}

#[derive(Debug)]
enum State {
    Clear,
    Open(Open),
    /// Its passage timed out: nothing more is said until both beams are clear.
    Stalled,
}

impl Lane {
    /// The lane with nobody in it.
    pub fn new(config: config::Lane) -> Self {
        let beam = |beam: &Beam| BeamState {
            beam: beam.clone(),
            debounce: Debounce::new(config.min_on, config.min_off),
            noise: Noise::new(MOST_EDGES),
            unreported_since: None,
            unheard_since: None,
            doubted_until: None,
            loss_told: false,
        };
        Self {
            a: beam(&config.beam_a),
            b: beam(&config.beam_b),
            state: State::Clear,
            one_sided: (Side::A, 0),
            sprayer_level: None,
            noise_told: false,
            between: None,
            config,
        }
    }

    /// The watch begins, at a boot or in the middle of one. Beams that are known to be blocked or
    /// noisy stay in doubt until their level is known, and until they have been calm.
    pub fn begin(
        &mut self,
        now: BoardTime,
        restart: bool,
        is_known: impl Fn(&Beam, FaultCode) -> bool,
    ) {
        let was_open = matches!(self.state, State::Open(_));
        for beam in [&mut self.a, &mut self.b] {
            beam.debounce.reset(false);
            beam.noise
                .begin(now, is_known(&beam.beam, FaultCode::OutOfRange));
            beam.unreported_since = None;
            beam.unheard_since = Some(now);
            beam.loss_told = false;
            beam.doubted_until =
                is_known(&beam.beam, FaultCode::Blocked).then(|| now.plus(SYNC_WINDOW));
        }
        self.sprayer_level = None;
        self.between = None;
        self.state = if was_open && restart {
            let mut open = Open::begun(now);
            open.taint = Some(UnclearReason::Restart);
            open.clear_since = Some(now);
            State::Open(open)
        } else {
            State::Clear
        };
    }

    /// A passage half seen will never end, or what is left of it counts for nothing: the power is
    /// gone, or a test begins or ends.
    pub fn cut(&mut self, now: BoardTime, out: &mut Out) {
        if let State::Open(_) = self.state {
            out.unclear(now, &self.config.id, UnclearReason::Restart);
        }
        self.state = if self.a.debounce.level() || self.b.debounce.level() {
            State::Stalled
        } else {
            State::Clear
        };
    }

    /// A beam's level, raw. Returns false if an edge before it was lost.
    pub fn handle_level(
        &mut self,
        side: Side,
        now: BoardTime,
        level: bool,
        found: bool,
        out: &mut Out,
    ) -> bool {
        let beam = self.beam_mut(side);
        let first_heard = beam.unheard_since.take();
        match first_heard {
            // The first word says how things stand; it is no edge.
            Some(_) if !level => return true,
            Some(since) if found && now.since(since) < SYNC_WINDOW => {
                self.found_broken(side, now);
                return true;
            }
            _ => {}
        }
        if beam.noise.handle_edge(now) {
            let (sensor, detail) = (&beam.beam.sensor, beam.noise.detail());
            out.fault(now, sensor, FaultCode::OutOfRange, detail);
        }
        let was_told = std::mem::take(&mut beam.loss_told);
        if beam.debounce.handle_edge(now, level).is_ok() || was_told {
            return true;
        }
        self.taint(now, out);
        false
    }

    /// The board knows that edges of a beam before its next level are lost.
    pub fn handle_lost(&mut self, side: Side, now: BoardTime, out: &mut Out) {
        self.beam_mut(side).loss_told = true;
        self.taint(now, out);
    }

    /// The sprayer's meter: its pulses are for whatever stands in the lane. False if an edge before
    /// it was lost.
    pub fn handle_sprayer(&mut self, level: bool, syncs: bool) -> bool {
        let before = self.sprayer_level.replace(level);
        if let State::Open(open) = &mut self.state
            && level
            && before != Some(true)
            && !syncs
        {
            open.pulses += 1;
        }
        before != Some(level)
    }

    /// Edges are lost: what passes now cannot be told any more.
    fn taint(&mut self, now: BoardTime, out: &mut Out) {
        match &mut self.state {
            State::Open(open) => {
                open.taint.get_or_insert(UnclearReason::LostEdges);
            }
            State::Clear => out.unclear(now, &self.config.id, UnclearReason::LostEdges),
            State::Stalled => {}
        }
    }

    /// After a restart in the middle of a boot a beam is broken: by whom, and since when, nobody
    /// knows.
    fn found_broken(&mut self, side: Side, now: BoardTime) {
        let beam = self.beam_mut(side);
        beam.debounce.reset(true);
        beam.unreported_since = Some(now);
        match &mut self.state {
            State::Open(open) => open.clear_since = None,
            _ => {
                let mut open = Open::begun(now);
                open.taint = Some(UnclearReason::Restart);
                self.state = State::Open(open);
            }
        }
    }

    /// The next time at which something is decided without an input.
    pub fn deadline(&self) -> Option<BoardTime> {
        let beams = [&self.a, &self.b].into_iter().filter_map(|beam| {
            earliest([
                beam.debounce.deadline(),
                self.blocked_at(beam),
                beam.doubted_until,
                beam.noise.deadline(),
            ])
        });
        let passage = match &self.state {
            State::Open(open) => Some(self.close_at(open)),
            State::Clear | State::Stalled => None,
        };
        beams.chain(passage).min()
    }

    fn blocked_at(&self, beam: &BeamState) -> Option<BoardTime> {
        beam.unreported_since
            .map(|since| since.plus(self.config.blocked))
    }

    /// When an open passage is judged: after the gap that may still belong to it, or when it has
    /// taken too long.
    fn close_at(&self, open: &Open) -> BoardTime {
        match (open.clear_since, open.taint) {
            (Some(since), Some(UnclearReason::Restart)) => since.plus(SYNC_WINDOW),
            (Some(since), _) => since.plus(self.config.merge).plus(self.config.min_on),
            (None, _) => open.since.plus(self.config.timeout),
        }
    }

    /// Decides what is due at `now`.
    pub fn handle_deadline(&mut self, now: BoardTime, out: &mut Out) {
        for side in [Side::A, Side::B] {
            if let Some(change) = self.beam_mut(side).debounce.poll_change(now) {
                self.changed(side, change, out);
            }
            let blocked_at = self.blocked_at(self.beam(side));
            let beam = self.beam_mut(side);
            if blocked_at.is_some_and(|at| at <= now) {
                beam.unreported_since = None;
                beam.doubted_until = None;
                let sensor = beam.beam.sensor.clone();
                let detail = format!("broken for {} s", self.config.blocked.as_secs());
                out.fault(now, &sensor, FaultCode::Blocked, detail);
            }
            let beam = self.beam_mut(side);
            if beam.noise.poll_calm(now) {
                out.cleared(now, &beam.beam.sensor, FaultCode::OutOfRange);
                self.noise_told = self.is_noisy();
            }
            let beam = self.beam_mut(side);
            if beam.doubted_until.is_some_and(|until| until <= now) {
                beam.doubted_until = None;
                if !beam.debounce.raw() {
                    out.cleared(now, &beam.beam.sensor, FaultCode::Blocked);
                }
            }
        }
        if let State::Open(open) = &self.state
            && self.close_at(open) <= now
        {
            self.close(now, out);
        }
    }

    fn changed(&mut self, side: Side, change: Change, out: &mut Out) {
        let Change { at, level } = change;
        let beam = self.beam_mut(side);
        beam.unreported_since = level.then_some(at);
        if level {
            let sensor = beam.beam.sensor.clone();
            out.cleared(at, &sensor, FaultCode::Stuck);
        } else {
            let sensor = beam.beam.sensor.clone();
            out.cleared(at, &sensor, FaultCode::Blocked);
        }
        if let State::Open(open) = &self.state
            && level
            && open
                .clear_since
                .is_some_and(|since| at > since.plus(self.config.merge))
        {
            self.close(at, out);
        }
        let broken = (self.a.debounce.level(), self.b.debounce.level());
        let is_noisy = self.is_noisy();
        match &mut self.state {
            State::Clear if broken == (false, false) => {}
            State::Clear => {
                let mut open = Open::begun(at);
                open.taint = is_noisy.then_some(UnclearReason::LostEdges);
                open.changed_to(at, broken);
                self.state = State::Open(open);
            }
            State::Open(open) => {
                if is_noisy {
                    open.taint.get_or_insert(UnclearReason::LostEdges);
                }
                open.changed_to(at, broken);
                if open.clear_since.is_some() && self.config.merge.is_zero() {
                    self.close(at, out);
                }
            }
            State::Stalled => {
                if broken == (false, false) {
                    self.state = State::Clear;
                }
            }
        }
    }

    fn close(&mut self, now: BoardTime, out: &mut Out) {
        let State::Open(open) = std::mem::replace(&mut self.state, State::Clear) else {
            return;
        };
        let Some(cleared) = open.clear_since else {
            self.state = State::Stalled;
            let reason = open.taint.unwrap_or(UnclearReason::Timeout);
            out.unclear(now, &self.config.id, reason);
            return;
        };
        self.look_for_a_dead_beam(cleared, &open, out);
        let (judgement, since) = self.judge(cleared, &open);
        match judgement {
            Judgement::Nothing => {}
            Judgement::Unclear(_) if self.is_noisy() && self.noise_told => {}
            Judgement::Unclear(reason) => {
                self.noise_told = self.is_noisy();
                out.unclear(cleared, &self.config.id, reason);
            }
            Judgement::Passed(dir) | Judgement::PassedPerhapsTwo(dir) => {
                let duration = cleared.since(since).as_millis();
                let sprayed = self.config.sprayer.as_ref().map(|sprayer| {
                    let litres = open.pulses as f64 / sprayer.pulses_per_litre;
                    (
                        (litres * 1000.0).round() / 1000.0,
                        litres >= sprayer.min_litres,
                    )
                });
                let passage = Passage {
                    lane: self.config.id.clone(),
                    dir,
                    duration_ms: u64::try_from(duration).unwrap_or(u64::MAX),
                    disinfected: sprayed.map(|(litres, enough)| litres > 0.0 && enough),
                    litres: sprayed.map(|(litres, _)| litres),
                };
                out.happened(cleared, Happening::Passage(passage));
                if let Judgement::PassedPerhapsTwo(_) = judgement {
                    out.unclear(cleared, &self.config.id, UnclearReason::Overlap);
                }
            }
        }
    }

    /// What passed, and since when. Of a lorry that stood with its cab between the beams the rest comes
    /// and goes by the beam that the cab had not reached: with the cab it is one lorry.
    fn judge(&mut self, cleared: BoardTime, open: &Open) -> (Judgement, BoardTime) {
        let judgement = open.judge(&self.config);
        let before = self.between.take();
        let (Judgement::Nothing, Some(side)) = (judgement, open.first) else {
            return (judgement, open.since);
        };
        if self.config.kind == LaneKind::People {
            return (judgement, open.since);
        }
        if !open.both {
            self.between = Some(Between {
                came_by: side,
                since: open.since,
                cleared,
            });
            return (judgement, open.since);
        }
        match before {
            Some(before)
                if before.came_by != side
                    && open.since.since(before.cleared) <= self.config.timeout =>
            {
                (Judgement::Passed(before.came_by.leads()), before.since)
            }
            _ => (judgement, open.since),
        }
    }

    fn is_noisy(&self) -> bool {
        self.a.noise.is_noisy() || self.b.noise.is_noisy()
    }

    /// A beam that nobody breaks any more, while many break the other one.
    fn look_for_a_dead_beam(&mut self, now: BoardTime, open: &Open, out: &mut Out) {
        let Some(side) = open.first.filter(|_| !open.both && open.taint.is_none()) else {
            self.one_sided.1 = 0;
            return;
        };
        let (before, times) = self.one_sided;
        let times = if before == side { times + 1 } else { 1 };
        self.one_sided = (side, times);
        if times == ONE_SIDED {
            let silent = match side {
                Side::A => &self.b,
                Side::B => &self.a,
            };
            let detail = format!("silent while {ONE_SIDED} in a row broke the other beam");
            out.fault(now, &silent.beam.sensor, FaultCode::Stuck, detail);
        }
    }

    /// The first input of a passage that is not decided yet.
    pub fn open_since(&self) -> Option<BoardTime> {
        match &self.state {
            State::Open(open) => Some(open.since),
            State::Clear => earliest([
                self.a.debounce.pending_since(),
                self.b.debounce.pending_since(),
            ]),
            State::Stalled => None,
        }
    }

    fn beam(&self, side: Side) -> &BeamState {
        match side {
            Side::A => &self.a,
            Side::B => &self.b,
        }
    }

    fn beam_mut(&mut self, side: Side) -> &mut BeamState {
        match side {
            Side::A => &mut self.a,
            Side::B => &mut self.b,
        }
    }
}

mod figure;
mod open;
#[cfg(test)]
mod tests;
