//! More edges than anything real makes: a loose wire, or interference.

use std::time::Duration;

use crate::time::BoardTime;

/// Edges are counted over this.
const WINDOW: Duration = Duration::from_secs(1);
/// Calm for this long is the end of it.
const CALM: Duration = Duration::from_secs(10);

/// One input's edges.
#[derive(Debug)]
pub struct Noise {
    /// More than this within a window is noise.
    most: u32,
    since: BoardTime,
    edges: u32,
    until: Option<BoardTime>,
}

impl Noise {
    /// An input that real things give at most so many edges a second.
    pub fn new(most: u32) -> Self {
        Self {
            most,
            since: BoardTime(0),
            edges: 0,
            until: None,
        }
    }

    /// The watch begins; noise that is known from an earlier watch lasts until it has been calm.
    pub fn begin(&mut self, now: BoardTime, known: bool) {
        *self = Self::new(self.most);
        self.until = known.then(|| now.plus(CALM));
    }

    /// An edge; true if noise begins with it.
    pub fn handle_edge(&mut self, now: BoardTime) -> bool {
        if now.since(self.since) >= WINDOW {
            self.since = now;
            self.edges = 0;
        }
        self.edges = self.edges.saturating_add(1);
        if self.edges <= self.most {
            return false;
        }
        self.until.replace(now.plus(CALM)).is_none()
    }

    /// Whether what the input says is to be trusted.
    pub fn is_noisy(&self) -> bool {
        self.until.is_some()
    }

    /// When it will have been calm for long enough.
    pub fn deadline(&self) -> Option<BoardTime> {
        self.until
    }

    /// Whether it ends with `now`.
    pub fn poll_calm(&mut self, now: BoardTime) -> bool {
        self.until.take_if(|until| *until <= now).is_some()
    }

    /// In words.
    pub fn detail(&self) -> String {
        format!(
            "more than {} edges in a second: a loose wire, or interference",
            self.most
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_begins_once_and_ends_after_calm() {
        let mut noise = Noise::new(100);
        let begins = (0..500u64).filter(|edge| noise.handle_edge(BoardTime(edge * 2000)));
        assert_eq!(begins.collect::<Vec<_>>(), [100]);
        assert!(noise.is_noisy());
        let ends = noise.deadline().unwrap();
        assert_eq!(ends, BoardTime(499 * 2000).plus(CALM));
        assert!(!noise.poll_calm(BoardTime(ends.0 - 1)));
        assert!(noise.poll_calm(ends));
        assert!(!noise.is_noisy());
        // A busy lane is no noise.
        let later = ends.0;
        assert!((0..5000u64).all(|edge| !noise.handle_edge(BoardTime(later + edge * 20_000))));
    }

    #[test]
    fn noise_of_an_earlier_watch_ends_after_calm() {
        let mut noise = Noise::new(100);
        noise.begin(BoardTime(7), false);
        assert_eq!(noise.deadline(), None);
        noise.begin(BoardTime(7), true);
        assert!(noise.is_noisy());
        let ends = BoardTime(7).plus(CALM);
        assert_eq!(noise.deadline(), Some(ends));
        assert!(noise.poll_calm(ends));
    }
}
