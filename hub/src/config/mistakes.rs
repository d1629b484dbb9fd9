use std::fmt;

/// Everything that is wrong with a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistakes {
    line_starts: Vec<usize>,
    found: Vec<Mistake>,
}

/// One mistake with its place and its cure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// The line, counted from 1.
    pub line: usize,
    /// What is wrong.
    pub what: String,
    /// What to do about it.
    pub cure: String,
}

impl Mistakes {
    pub(crate) fn of(text: &str) -> Self {
        let after_breaks = text.match_indices('\n').map(|(at, _)| at + 1);
        Self {
            line_starts: std::iter::once(0).chain(after_breaks).collect(),
            found: Vec::new(),
        }
    }

    /// Notes a mistake at a byte of the text.
    pub(crate) fn add(&mut self, at: usize, what: impl Into<String>, cure: impl Into<String>) {
        self.found.push(Mistake {
            line: self.line_of(at),
            what: what.into(),
            cure: cure.into(),
        });
        self.found.sort_by_key(|mistake| mistake.line);
    }

    /// The line that a byte of the text is in, counted from 1.
    pub(crate) fn line_of(&self, at: usize) -> usize {
        self.line_starts.partition_point(|start| *start <= at)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// All of them, in the order of their lines.
    pub fn iter(&self) -> impl Iterator<Item = &Mistake> {
        self.found.iter()
    }
}

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, mistake) in self.found.iter().enumerate() {
            let separator = if index > 0 { "\n" } else { "" };
            let Mistake { line, what, cure } = mistake;
            write!(f, "{separator}line {line}: {what}; {cure}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Mistakes {}
