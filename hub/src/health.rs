//! Whether the parts of the hub work: what `/readyz` says.

use std::sync::{Mutex, MutexGuard, PoisonError};

use gatepost_dashboard::ports::Readiness;

/// What is wrong with each part, if anything.
#[derive(Debug)]
pub struct Health {
    parts: Mutex<Vec<Part>>,
}

#[derive(Debug)]
struct Part {
    name: &'static str,
    wrong: Option<String>,
    is_known: bool,
}

impl Health {
    /// Parts that are not known to work yet.
    pub fn of(names: &[&'static str]) -> Self {
        let part = |name: &&'static str| Part {
            name,
            wrong: Some("not started yet".to_owned()),
            is_known: false,
        };
        Self {
            parts: Mutex::new(names.iter().map(part).collect()),
        }
    }

    /// A part works. Answers whether that is news.
    pub fn works(&self, name: &str) -> bool {
        self.set(name, None)
    }

    /// A part does not work, with what is wrong and what to do. Answers whether that is news.
    pub fn fails(&self, name: &str, wrong: String) -> bool {
        self.set(name, Some(wrong))
    }

    fn set(&self, name: &str, wrong: Option<String>) -> bool {
        let mut parts = self.lock();
        let Some(part) = parts.iter_mut().find(|part| part.name == name) else {
            return false;
        };
        let is_news = !part.is_known || part.wrong.is_some() != wrong.is_some();
        part.wrong = wrong;
        part.is_known = true;
        is_news
    }

    /// Every part by name.
    pub fn readiness(&self) -> Vec<Readiness> {
        self.lock()
            .iter()
            .map(|part| Readiness {
                name: part.name,
                ready: part.wrong.is_none(),
                detail: part.wrong.clone().unwrap_or_default(),
            })
            .collect()
    }

    /// The parts that do not work.
    pub fn troubles(&self) -> Vec<String> {
        let parts = self.lock();
        let broken = parts.iter().filter(|part| part.wrong.is_some());
        broken.map(|part| part.name.to_owned()).collect()
    }

    /// A list of words is whole whatever panicked while it was held.
    fn lock(&self) -> MutexGuard<'_, Vec<Part>> {
        self.parts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
