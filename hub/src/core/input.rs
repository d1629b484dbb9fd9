//! What the core is told, and what it wants done.

use std::sync::Arc;

use super::paging::{Dispatch, Failure};
use bytes::Bytes;
use gatepost_dashboard::ports::{Answer, Command, CommandError};
use gatepost_model::{
    Chain, Site, SiteId, Topic, UnitId, Wall,
    event::{Form, Line, LineError},
    remote::Reply,
    wire::{Ack, Alive, Header, Status},
};

use super::quarantine::Aside;
use crate::store::influx;

/// One thing that the core is told.
#[derive(Debug, Clone)]
pub enum Input {
    /// A batch that could be read as a whole.
    Batch(Box<Batch>),
    /// A message that could not.
    Refused(Refused),
    /// A unit is there.
    Alive {
        /// Its site.
        site: SiteId,
        /// The unit.
        unit: UnitId,
        /// What it says.
        alive: Alive,
        /// When it came.
        received: Wall,
    },
    /// A unit's birth or last will.
    Status {
        /// Its site.
        site: SiteId,
        /// The unit.
        unit: UnitId,
        /// What it says.
        status: Status,
        /// The broker had kept it: it says nothing of now.
        retained: bool,
        /// When it came.
        received: Wall,
    },
    /// A unit answers what it was told.
    Reply {
        /// Its site.
        site: SiteId,
        /// The unit.
        unit: UnitId,
        /// What it says.
        reply: Reply,
        /// When it came.
        received: Wall,
    },
    /// A site's settings are new or changed.
    Site(Site),
    /// A person changes something.
    Command {
        /// Returned with the answer.
        ticket: u64,
        /// What.
        command: Command,
    },
    /// Somebody wants what is in quarantine to be brought again.
    Retry {
        /// Returned with the answer.
        ticket: u64,
        /// Who wants it, and what.
        command: Command,
        /// What there is under that id.
        aside: Option<Box<Aside>>,
    },
    /// Points that the store refused.
    StoreRefused(Vec<influx::Refused>),
    /// Messages can come from here on, or cannot.
    Listening(bool),
    /// The hub started: what it was doing when it stopped may have happened or not.
    Started,
    /// A channel answered.
    Sent {
        /// Which dispatch.
        dispatch: u64,
        /// Its receipt, or why it did not take it.
        result: Result<String, Failure>,
    },
    /// A part of the hub does not work, or works again.
    Trouble {
        /// Which.
        part: &'static str,
        /// What is wrong, and what to do; nothing any more if it is none.
        wrong: Option<String>,
    },
    /// Time passed.
    Tick,
}

impl Input {
    /// How many lines it brings.
    pub fn lines(&self) -> usize {
        match self {
            Self::Batch(batch) => batch.lines.len(),
            _ => 0,
        }
    }
}

/// A batch that could be read as a whole; single lines may be broken all the same.
#[derive(Debug, Clone)]
pub struct Batch {
    /// The site by its topic.
    pub site: SiteId,
    /// The unit by its topic, and by its header.
    pub unit: UnitId,
    /// When it came.
    pub received: Wall,
    /// Line 1.
    pub header: Header,
    /// The other lines.
    pub lines: Vec<BatchLine>,
    /// All its bytes.
    pub payload: Bytes,
}

/// One line of a batch with its place in the log.
#[derive(Debug, Clone)]
pub struct BatchLine {
    /// Its sequence; of a gap the first one.
    pub seq: u64,
    /// How many sequences it stands for.
    pub n: u64,
    /// The chain after it.
    pub chain: Chain,
    /// What it says.
    pub content: Content,
}

/// What a line says.
#[derive(Debug, Clone)]
pub enum Content {
    /// An event, or a gap, with its text and how that is written.
    Line(Arc<str>, Box<Line>, Form),
    /// No event.
    Broken(Bytes, LineError),
}

impl BatchLine {
    /// The last sequence that it stands for.
    pub fn last(&self) -> u64 {
        self.seq + self.n - 1
    }
}

/// A message that fails as a whole.
#[derive(Debug, Clone)]
pub struct Refused {
    /// When it came.
    pub received: Wall,
    /// The topic that it came on.
    pub topic: String,
    /// The site, if the topic tells one.
    pub site: Option<SiteId>,
    /// The unit, if the topic tells one.
    pub unit: Option<UnitId>,
    /// A stable code.
    pub code: &'static str,
    /// In words.
    pub reason: String,
    /// Its bytes.
    pub payload: Bytes,
    /// What is the same when the same comes again.
    pub print: u64,
}

/// What is to be done once the commit is durable.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Tell a unit what is stored.
    Ack {
        /// Its site.
        site: SiteId,
        /// The unit.
        unit: UnitId,
        /// What it is told.
        ack: Ack,
    },
    /// Send something to people.
    Send(Box<Dispatch>),
    /// Say something to a unit.
    Say {
        /// Where.
        topic: Topic,
        /// What.
        payload: Vec<u8>,
        /// The broker keeps it for a unit that is away.
        retain: bool,
    },
    /// Answer a person.
    Answer {
        /// As it came with the command.
        ticket: u64,
        /// What it came to, or why nothing was changed.
        answer: Result<Answer, CommandError>,
    },
}
