//! One chip's edges, moved from the kernel's queue into the agent's by a thread.

use std::{
    collections::HashMap,
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use gpiocdev::{
    Request,
    line::{EdgeEvent, EdgeKind, Offset, Value, Values},
};

use crate::{
    config::InputPin,
    hal::kernel::{Edge, EdgeSender},
    input::InputIx,
    time::BoardTime,
};

/// Read from the kernel at once.
const AT_ONCE: usize = 64;
/// How soon a thread without edges notices that the agent is gone.
const LOOK_UP: Duration = Duration::from_millis(200);
/// A thread that has not ended by then hangs, and holds its lines on.
const LET_GO: Duration = Duration::from_secs(2);
/// A thread that has not come round for this long hangs.
const HANGS: Duration = Duration::from_secs(30);

/// A chip whose edges are watched.
#[derive(Debug)]
pub(super) struct Edges {
    request: Arc<Request>,
    lines: Vec<(Offset, InputIx)>,
    /// How often the thread came round,
    turns: Arc<AtomicU32>,
    /// and how often when that was last more than before.
    seen: (u32, BoardTime),
    /// It is to end,
    stop: Arc<AtomicBool>,
    /// and nobody is at the other side of this once it has.
    ended: mpsc::Receiver<()>,
}

impl Edges {
    /// Starts the thread; it ends when nobody receives any more, or when this is dropped.
    pub(super) fn start(
        chip: &str,
        request: Request,
        pins: &[&InputPin],
        edges: EdgeSender,
    ) -> io::Result<Self> {
        let request = Arc::new(request);
        let lines: Vec<(Offset, InputIx)> =
            pins.iter().map(|pin| (pin.pin.line, pin.input)).collect();
        let watched = Arc::clone(&request);
        let sequence = Sequence::of(&lines);
        let turns = Arc::new(AtomicU32::new(0));
        let turning = Arc::clone(&turns);
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        // Nothing is ever sent.
        let (runs, ended) = mpsc::sync_channel(0);
        thread::Builder::new()
            .name(format!("edges-{chip}"))
            .spawn(move || {
                let over = || edges.is_closed() || stopped.load(Ordering::Relaxed);
                if let Err(error) = watch(&watched, sequence, &edges, over, &turning) {
                    // The agent is told, and stops; if it has stopped already nobody need know.
                    let _ = edges.blocking_send(Err(error));
                }
                // First the lines, then the word.
                drop(watched);
                drop(runs);
            })?;
        Ok(Self {
            request,
            lines,
            turns,
            seen: (0, BoardTime(0)),
            stop,
            ended,
        })
    }

    /// Whether the thread has not come round for long.
    pub(super) fn hangs(&mut self, now: BoardTime) -> bool {
        let turns = self.turns.load(Ordering::Relaxed);
        if turns != self.seen.0 || self.seen.1 == BoardTime(0) {
            self.seen = (turns, now);
        }
        now.since(self.seen.1) > HANGS
    }

    /// How the pins stand now.
    pub(super) fn levels(&self) -> io::Result<Vec<(InputIx, bool)>> {
        let offsets: Vec<Offset> = self.lines.iter().map(|(line, _)| *line).collect();
        let mut values = Values::from_offsets(&offsets);
        self.request.values(&mut values).map_err(io::Error::other)?;
        let level = |line| values.get(line) == Some(Value::Active);
        Ok(self
            .lines
            .iter()
            .map(|(line, input)| (*input, level(*line)))
            .collect())
    }
}

impl Drop for Edges {
    /// Whoever comes next, in this process too, finds the lines free.
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if self.ended.recv_timeout(LET_GO) == Err(mpsc::RecvTimeoutError::Timeout) {
            tracing::error!("the thread that watches the pins does not end: they stay held");
        }
    }
}

fn watch(
    request: &Request,
    mut sequence: Sequence,
    edges: &EdgeSender,
    over: impl Fn() -> bool,
    turns: &AtomicU32,
) -> io::Result<()> {
    let mut buffer = request.new_edge_event_buffer(AT_ONCE);
    while !over() {
        turns.fetch_add(1, Ordering::Relaxed);
        if !request.wait_edge_event(LOOK_UP).map_err(io::Error::other)? {
            continue;
        }
        loop {
            let event = buffer.read_event().map_err(io::Error::other)?;
            if let Some(edge) = sequence.take(&event)
                && edges.blocking_send(Ok(edge)).is_err()
            {
                return Ok(());
            }
            if !buffer.has_event().map_err(io::Error::other)? {
                break;
            }
        }
    }
    Ok(())
}

/// Numbers each line's edges as the kernel does, so that a hole shows.
#[derive(Debug)]
struct Sequence(HashMap<Offset, (InputIx, u32)>);

impl Sequence {
    /// The kernel counts from 1.
    fn of(lines: &[(Offset, InputIx)]) -> Self {
        Self(
            lines
                .iter()
                .map(|(line, input)| (*line, (*input, 0)))
                .collect(),
        )
    }

    fn take(&mut self, event: &EdgeEvent) -> Option<Edge> {
        let (input, last) = self.0.get_mut(&event.offset)?;
        let lost = event.line_seqno.wrapping_sub(*last).wrapping_sub(1);
        *last = event.line_seqno;
        Some(Edge {
            input: *input,
            at: BoardTime(event.timestamp_ns / 1000),
            level: event.kind == EdgeKind::Rising,
            lost,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hole_in_a_lines_numbers_is_what_was_lost() {
        let mut sequence = Sequence::of(&[(17, InputIx(0)), (27, InputIx(1))]);
        let mut lost = |offset, line_seqno, kind| {
            let event = EdgeEvent {
                timestamp_ns: 5_000,
                kind,
                offset,
                seqno: 0,
                line_seqno,
            };
            sequence.take(&event).map(|edge| (edge.level, edge.lost))
        };
        assert_eq!(lost(17, 1, EdgeKind::Rising), Some((true, 0)));
        assert_eq!(lost(17, 2, EdgeKind::Falling), Some((false, 0)));
        assert_eq!(lost(17, 5, EdgeKind::Rising), Some((true, 2)));
        assert_eq!(lost(27, 3, EdgeKind::Rising), Some((true, 2)));
        assert_eq!(lost(4, 1, EdgeKind::Rising), None);
    }
}
