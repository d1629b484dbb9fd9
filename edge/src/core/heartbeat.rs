//! The proof that the inputs were watched: stretches that join without holes.

use std::time::Duration;

use gatepost_model::{
    Happening,
    event::{Certificate, Heartbeat},
    time::Clock,
};

use super::out::Out;
use crate::time::BoardTime;

/// What a heartbeat tells besides, as the shell last knew it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Health {
    /// Events that the hub has not confirmed.
    pub waiting: u64,
    /// Free bytes where the spool is.
    pub disk_free: Option<u64>,
    /// The processor's temperature, degC.
    pub cpu_c: Option<f64>,
    /// The supply fell too low since power on.
    pub undervoltage: Option<bool>,
    /// Of the certificates of the link, the one that ends first.
    pub certificate: Option<Certificate>,
}

/// The machine that says when, and from when.
#[derive(Debug)]
pub struct Pulse {
    every: Duration,
    started: BoardTime,
    watched_from: BoardTime,
    due: Option<BoardTime>,
}

impl Pulse {
    /// No watch has begun.
    pub fn new(every: Duration) -> Self {
        Self {
            every,
            started: BoardTime(0),
            watched_from: BoardTime(0),
            due: None,
        }
    }

    /// The agent begins to watch; what was before was not watched.
    pub fn begin(&mut self, now: BoardTime) {
        self.started = now;
        self.watched_from = now;
        self.due = Some(now.plus(self.every));
    }

    /// When the next one is due.
    pub fn deadline(&self) -> Option<BoardTime> {
        self.due
    }

    /// Says that the inputs were watched until `now`.
    pub fn beat(
        &mut self,
        now: BoardTime,
        clock: Clock,
        lost_edges: u64,
        health: &Health,
        out: &mut Out,
    ) {
        let heartbeat = Heartbeat {
            watched_from_mono_us: self.watched_from.0,
            uptime_s: now.since(self.started).as_secs(),
            clock,
            waiting: health.waiting,
            disk_free: health.disk_free,
            cpu_c: health.cpu_c,
            undervoltage: health.undervoltage,
            lost_edges,
            certificate: health.certificate,
        };
        self.watched_from = now;
        self.due = Some(now.plus(self.every));
        out.happened(now, Happening::Heartbeat(heartbeat));
    }

    /// Until when the watch is proved.
    pub fn watched_until(&self) -> BoardTime {
        self.watched_from
    }
}
