//! Rows of the journal as one request: pure.

use super::{
    super::{line, packed::Waiting},
    delivery::Delivery,
};

/// The most lines of a request.
const MOST_LINES: usize = 5000;
/// The most bytes of a request, before it is packed.
const MOST_BYTES: usize = 1024 * 1024;

/// Rows under way.
#[derive(Debug)]
pub(super) struct Batch {
    /// The first row, and the last.
    pub(super) rows: (i64, i64),
    /// What they take in the journal.
    pub(super) bytes: u64,
    pub(super) events: Vec<Waiting>,
    pub(super) lines: String,
    /// Where each line begins; one more at the end.
    pub(super) begins: Vec<usize>,
    /// The event of each line.
    pub(super) of_line: Vec<usize>,
    pub(super) delivery: Delivery,
    /// Events that have no line, or that InfluxDB refused, with the reason.
    pub(super) refused: Vec<(usize, String)>,
    /// Rows that cannot be read.
    pub(super) damaged: Vec<i64>,
    pub(super) is_packed: bool,
}

impl Default for Batch {
    fn default() -> Self {
        Self {
            rows: (0, 0),
            bytes: 0,
            events: Vec::new(),
            lines: String::new(),
            begins: vec![0],
            of_line: Vec::new(),
            delivery: Delivery::of(0),
            refused: Vec::new(),
            damaged: Vec::new(),
            is_packed: true,
        }
    }
}

impl Batch {
    /// Takes a row, unless the request would be too large.
    pub(super) fn take(&mut self, id: i64, waiting: Vec<Waiting>, bytes: usize) -> bool {
        let (before, begins) = (self.lines.len(), self.begins.len());
        let (events, refused) = (self.events.len(), self.refused.len());
        for it in waiting {
            match line::write(&mut self.lines, &it.event, it.twin) {
                Ok(()) => {
                    self.begins.push(self.lines.len());
                    self.of_line.push(self.events.len());
                }
                Err(unfit) => self.refused.push((self.events.len(), unfit.to_string())),
            }
            self.events.push(it);
        }
        let is_too_large = self.of_line.len() > MOST_LINES || self.lines.len() > MOST_BYTES;
        if is_too_large && self.rows.1 > 0 {
            self.lines.truncate(before);
            self.begins.truncate(begins);
            self.of_line.truncate(begins - 1);
            self.events.truncate(events);
            self.refused.truncate(refused);
            return false;
        }
        self.reach(id, bytes);
        true
    }

    /// Takes nothing of a row that cannot be read.
    pub(super) fn pass_over(&mut self, id: i64, bytes: usize) {
        self.damaged.push(id);
        self.reach(id, bytes);
    }

    fn reach(&mut self, id: i64, bytes: usize) {
        if self.rows.0 == 0 {
            self.rows.0 = id;
        }
        self.rows.1 = id;
        self.bytes += bytes as u64;
    }
}
