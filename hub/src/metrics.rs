//! What is counted and measured: `/metrics`.

use std::{
    fmt,
    sync::atomic::{AtomicI64, AtomicU64},
    time::Duration,
};

use gatepost_model::unit::UnitState;
use prometheus_client::{
    encoding::text::encode,
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::{Registry, Unit},
};

use crate::core::Seen;

/// All that the hub counts.
pub struct Metrics {
    registry: Registry,
    events: Counter,
    batches: Counter,
    rejects: Family<Vec<(&'static str, &'static str)>, Counter>,
    turns: Counter,
    commit_seconds: Histogram,
    commit_failures: Counter,
    acks: Counter,
    units: Family<Vec<(&'static str, &'static str)>, Gauge<i64, AtomicI64>>,
    store_bytes: Gauge<i64, AtomicI64>,
    ingest_lag_seconds: Gauge<f64, AtomicU64>,
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metrics")
    }
}

/// From half a millisecond to eight seconds.
const COMMIT_BUCKETS: [f64; 14] = [
    0.0005, 0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.125, 0.25, 0.5, 1.0, 4.0, 8.0,
];

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("gatepost");
        let events = Counter::default();
        let batches = Counter::default();
        let rejects = Family::default();
        let turns = Counter::default();
        let commit_seconds = Histogram::new(COMMIT_BUCKETS);
        let commit_failures = Counter::default();
        let acks = Counter::default();
        let units = Family::default();
        let store_bytes = Gauge::default();
        let ingest_lag_seconds = Gauge::default();
        registry.register("events", "Events that became durable", events.clone());
        registry.register("batches", "Batches that could be read", batches.clone());
        registry.register(
            "not_taken",
            "Batches of which nothing was new, and what was set aside, by reason",
            rejects.clone(),
        );
        registry.register("turns", "Turns of the engine", turns.clone());
        registry.register_with_unit(
            "commit",
            "Time that a turn took to become durable",
            Unit::Seconds,
            commit_seconds.clone(),
        );
        registry.register(
            "commit_failures",
            "Turns that could not be stored and were tried again",
            commit_failures.clone(),
        );
        registry.register("acks", "Acks given to units", acks.clone());
        registry.register("units", "Units by state", units.clone());
        registry.register_with_unit(
            "store",
            "Size of the journal",
            Unit::Bytes,
            store_bytes.clone(),
        );
        registry.register_with_unit(
            "ingest_lag",
            "Time between receipt and durability of the last turn's oldest message",
            Unit::Seconds,
            ingest_lag_seconds.clone(),
        );
        Self {
            registry,
            events,
            batches,
            rejects,
            turns,
            commit_seconds,
            commit_failures,
            acks,
            units,
            store_bytes,
            ingest_lag_seconds,
        }
    }
}

impl Metrics {
    /// A turn that was decided.
    pub fn decided(&self, seen: &Seen) {
        self.batches.inc_by(seen.batches);
        let by_reason = [
            ("duplicate", seen.duplicates),
            ("ahead", seen.ahead),
            ("fork", seen.forks),
            ("refused", seen.refused),
            ("broken_line", seen.broken_lines),
        ];
        for (reason, n) in by_reason.into_iter().filter(|(_, n)| *n > 0) {
            self.rejects
                .get_or_create(&vec![("reason", reason)])
                .inc_by(n);
        }
    }

    /// A turn that is durable.
    pub fn committed(&self, events: u64, took: Duration) {
        self.turns.inc();
        self.events.inc_by(events);
        self.commit_seconds.observe(took.as_secs_f64());
    }

    /// A turn that could not be stored.
    pub fn commit_failed(&self) {
        self.commit_failures.inc();
    }

    /// An ack that goes out.
    pub fn acked(&self) {
        self.acks.inc();
    }

    /// How long the oldest message of a turn had waited.
    pub fn lag(&self, lag: Duration) {
        self.ingest_lag_seconds.set(lag.as_secs_f64());
    }

    /// As text in the OpenMetrics format, with what is only looked up when it is asked for.
    pub fn text(&self, units: impl IntoIterator<Item = UnitState>, store_bytes: u64) -> String {
        let states = [
            ("no_data_yet", UnitState::NoDataYet),
            ("online", UnitState::Online),
            ("late", UnitState::Late),
            ("stale", UnitState::Stale),
            ("offline", UnitState::Offline),
        ];
        let found: Vec<UnitState> = units.into_iter().collect();
        for (word, state) in states {
            let n = found.iter().filter(|it| **it == state).count();
            self.units
                .get_or_create(&vec![("state", word)])
                .set(i64::try_from(n).unwrap_or(i64::MAX));
        }
        self.store_bytes
            .set(i64::try_from(store_bytes).unwrap_or(i64::MAX));
        let mut text = String::new();
        if let Err(error) = encode(&mut text, &self.registry) {
            tracing::warn!(%error, "metrics cannot be written");
        }
        text
    }
}
