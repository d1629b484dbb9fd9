//! What came of a comparison.

/// What came of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Durable happenings.
    pub durable: usize,
    /// Of them, in the record as they should be.
    pub matched: usize,
    /// Happenings that the units had not confirmed.
    pub uncertain: usize,
    /// Of them, in the record all the same.
    pub recorded: usize,
    /// Movements that the record calls unclear.
    pub unclear: usize,
    /// Durable, but not in the record.
    pub missing: Vec<String>,
    /// More than once in the record.
    pub doubled: Vec<String>,
    /// In the record with something else about them.
    pub wrong: Vec<String>,
    /// In the record, but never happened.
    pub invented: Vec<String>,
    /// Not in the order in which they happened.
    pub disordered: Vec<String>,
}

/// More lines of one sort than this help nobody.
const SHOWN: usize = 10;

impl Report {
    /// Whether the record is what it must be.
    pub fn is_clean(&self) -> bool {
        self.matched == self.durable && self.faults().iter().all(|(_, lines)| lines.is_empty())
    }

    fn faults(&self) -> [(&'static str, &Vec<String>); 5] {
        [
            ("missing", &self.missing),
            ("doubled", &self.doubled),
            ("wrong", &self.wrong),
            ("invented", &self.invented),
            ("out of order", &self.disordered),
        ]
    }

    /// For people.
    pub fn lines(&self) -> Vec<String> {
        let mut lines = vec![format!(
            "{} of {} happenings matched",
            self.matched, self.durable
        )];
        if self.uncertain > 0 {
            lines.push(format!(
                "{} more happened while their unit could not confirm them; {} of them are in the record",
                self.uncertain, self.recorded
            ));
        }
        if self.unclear > 0 {
            lines.push(format!(
                "{} movements are in the record as unclear",
                self.unclear
            ));
        }
        for (word, faults) in self.faults() {
            if !faults.is_empty() {
                lines.push(format!("{word}: {}", faults.len()));
                lines.extend(faults.iter().take(SHOWN).map(|fault| format!("  {fault}")));
            }
        }
        lines
    }
}
