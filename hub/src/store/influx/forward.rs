//! The forwarder: what waits in the journal goes to InfluxDB, in order, one request at a time.
//!
//! A batch is marked as sent before it is, and as confirmed once each of its points is stored or known
//! to be refused. Whatever happens between (no answer, half an answer, the end of the process), it is
//! sent again: a point that is there already is written over by itself.

mod batch;
mod delivery;
mod retaining;
mod tidy;

use std::{
    path::Path,
    sync::{Arc, PoisonError},
    time::Duration,
};

use gatepost_model::{SiteId, Wall};
use rusqlite::{Connection, TransactionBehavior, params};
use tokio::{runtime::Handle, time::timeout};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use super::{
    Client, Retention, SetupError,
    answer::Answer,
    damage, gone,
    packed::{self, Waiting},
    retain::{Retainer, Slice},
    waiting::Shared,
};
use crate::{
    clock::{Clock, Stopwatch},
    engine::chain,
    health::Health,
};
use batch::Batch;
use delivery::{Delivery, Step};

/// The part's name in `/readyz`.
pub const PART: &str = "influxdb";

/// How long the forwarder waits for what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// A request that is not full waits for so long for more events.
    pub linger: Duration,
    /// Before the second try; doubled with each further one.
    pub first: Duration,
    /// The longest time between two tries.
    pub longest: Duration,
    /// Between two tries where somebody has to put something right.
    pub misconfigured: Duration,
    /// So long after it got no answer a request may still be under way in the server.
    pub settle: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            linger: Duration::from_secs(1),
            first: Duration::from_millis(500),
            longest: Duration::from_secs(60),
            misconfigured: Duration::from_secs(30),
            settle: Duration::from_secs(300),
        }
    }
}

/// Brings what waits to InfluxDB.
#[derive(Debug)]
pub struct Forwarder {
    client: Arc<Client>,
    shared: Arc<Shared>,
    connection: Connection,
    clock: Clock,
    pace: Pace,
    batch: Option<Batch>,
    /// Tries in a row that failed.
    failures: u32,
    /// The last failure, and how often in a row it was this one.
    same: (String, u32),
    /// When confirmed rows were last looked through.
    tidied: Option<Wall>,
    retainer: Retainer,
    /// A request got no answer: what it asked for may still be under way.
    unanswered: Option<Stopwatch>,
    /// Adding up or taking out failed, and is left alone for a while.
    resting: Option<Stopwatch>,
    /// Why that failed last.
    why_resting: String,
}

/// What became of a try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Round {
    /// Nothing waits.
    Idle,
    /// So many events are in InfluxDB now, or refused.
    Sent(usize),
    /// Nothing came of it; the same again after so long.
    Wait {
        /// Why, in words.
        why: String,
        /// How long.
        pause: Duration,
    },
}

/// Why what waits cannot be looked at. Nothing of it is lost.
#[derive(Debug, thiserror::Error)]
#[error("the journal cannot be used by the forwarder")]
pub struct ForwardError(
    /// Why.
    #[from]
    pub rusqlite::Error,
);

impl Forwarder {
    pub(super) fn new(
        client: Arc<Client>,
        shared: Arc<Shared>,
        file: &Path,
        clock: Clock,
        pace: Pace,
    ) -> rusqlite::Result<Self> {
        let connection = Connection::open(file)?;
        connection.busy_timeout(BUSY)?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        let retainer = Retainer::new(Arc::clone(&client), Arc::clone(&shared), gone::open(file)?)?;
        Ok(Self {
            client,
            shared,
            connection,
            clock,
            pace,
            batch: None,
            failures: 0,
            same: (String::new(), 0),
            tidied: None,
            retainer,
            unanswered: None,
            resting: None,
            why_resting: String::new(),
        })
    }

    /// Sees that InfluxDB can be used, makes the bucket where it is missing, and brings over what waits
    /// until it is told to stop.
    pub fn run(
        mut self,
        retention: Option<Retention>,
        runtime: &Handle,
        health: &Health,
        stop: &CancellationToken,
    ) {
        while let Err(error) = self.set_up(retention) {
            if health.fails(PART, chain(&error)) {
                warn!(
                    error = chain(&error),
                    "InfluxDB cannot be used yet; the journal keeps what waits"
                );
            }
            self.client.reload_token();
            pause(runtime, stop, self.pace.misconfigured.min(SET_UP_AGAIN));
            if stop.is_cancelled() {
                return;
            }
        }
        health.works(PART);
        while !stop.is_cancelled() {
            let shared = Arc::clone(&self.shared);
            match self.round() {
                Ok(Round::Idle) => {
                    health.works(PART);
                    if self.retains() {
                        continue;
                    }
                    runtime.block_on(async {
                        tokio::select! {
                            () = stop.cancelled() => {}
                            // What the notice tells is looked at all the same once in a while.
                            _ = timeout(IDLE, shared.wake.notified()) => {}
                        }
                    });
                    pause(runtime, stop, self.pace.linger);
                }
                Ok(Round::Sent(_)) => {
                    if health.works(PART) {
                        info!("InfluxDB takes what waits");
                    }
                    if shared.pending() < MANY && !self.retains() {
                        pause(runtime, stop, self.pace.linger);
                    }
                }
                Ok(Round::Wait { why, pause: span }) => {
                    let pending = shared.pending();
                    let detail = format!("{why}; {} kB wait in the journal", pending / 1000);
                    if health.fails(PART, detail) {
                        warn!(
                            why,
                            "InfluxDB does not take what waits; the journal keeps it"
                        );
                    }
                    pause(runtime, stop, span);
                }
                Err(error) => {
                    let error = chain(&error);
                    if health.fails(PART, error.clone()) {
                        error!(error, "what waits for InfluxDB cannot be looked at");
                    }
                    pause(runtime, stop, self.pace.longest);
                }
            }
        }
    }

    fn set_up(&self, retention: Option<Retention>) -> Result<(), SetupError> {
        for note in self.client.set_up(retention)? {
            warn!(note, "InfluxDB is not quite as configured");
        }
        let place = self.client.place();
        info!(
            url = place.url,
            bucket = place.bucket,
            "InfluxDB can be used"
        );
        Ok(())
    }

    /// One request or a few, or none where nothing waits.
    pub fn round(&mut self) -> Result<Round, ForwardError> {
        // On a hub where something always waits as well.
        self.tidy();
        let mut batch = match self.batch.take() {
            Some(batch) => batch,
            None => match self.next_batch()? {
                Some(batch) => batch,
                None => return Ok(Round::Idle),
            },
        };
        if let Some(going) = self.retainer.going()
            && batch.events.iter().any(|it| going.has(&it.event))
            && let Slice::Wait { why } = self.finish()
        {
            // What comes now would go with what is added up already.
            self.batch = Some(batch);
            let pause = self.pace.misconfigured;
            return Ok(Round::Wait { why, pause });
        }
        let shared = Arc::clone(&self.shared);
        // Nothing moves while somebody reads; whoever reads between two steps finds each event once, in
        // the journal.
        let hold = || shared.gate.write().unwrap_or_else(PoisonError::into_inner);
        {
            let _gate = hold();
            self.mark_sending(batch.rows.1)?;
        }
        while let Some(range) = batch.delivery.next() {
            let lines = &batch.lines[batch.begins[range.start]..batch.begins[range.end]];
            let answer = {
                let _gate = hold();
                self.client.write(lines, batch.is_packed)
            };
            match batch.delivery.answered(&answer) {
                Step::Next => self.failures = 0,
                Step::Suspect(reason) if self.client.takes_requests() => {
                    batch.delivery.refuse(reason);
                }
                Step::Suspect(reason) => {
                    self.batch = Some(batch);
                    return Ok(self.wait(&Answer::Misconfigured {
                        reason,
                        cure: "see that `org` and `bucket` of [store] are those of InfluxDB",
                    }));
                }
                Step::Later => {
                    self.unanswered = Some(self.clock.stopwatch());
                    let round = self.wait(&answer);
                    let is_its_fault = self.same.0.starts_with("HTTP 500");
                    if is_its_fault && self.same.1 == EQUAL_FAILURES {
                        // What never gets better with this request may with another one.
                        batch.is_packed = false;
                        if range.len() > FEW_LINES {
                            batch.delivery.halve();
                        }
                        self.same.1 = 0;
                    }
                    self.batch = Some(batch);
                    return Ok(round);
                }
            }
        }
        let sent = batch.events.len();
        let _gate = hold();
        self.confirm(batch)?;
        Ok(Round::Sent(sent))
    }

    /// After how long to try again.
    fn wait(&mut self, answer: &Answer) -> Round {
        self.failures = self.failures.saturating_add(1);
        let (why, pause) = match answer {
            Answer::Misconfigured { reason, cure } => {
                let pause = if self.client.reload_token() {
                    self.pace.first
                } else {
                    self.pace.misconfigured
                };
                (format!("{reason}; {cure}"), pause)
            }
            Answer::Later { reason, after } => {
                let doubled = self
                    .pace
                    .first
                    .saturating_mul(1_u32.checked_shl(self.failures - 1).unwrap_or(u32::MAX));
                let back_off = doubled.min(self.pace.longest);
                (reason.clone(), after.unwrap_or_default().max(back_off))
            }
            other => (format!("{other:?}"), self.pace.longest),
        };
        if self.same.0 == why {
            self.same.1 += 1;
        } else {
            self.same = (why.clone(), 1);
        }
        Round::Wait { why, pause }
    }

    /// The next rows that are not confirmed, up to a request's worth.
    fn next_batch(&self) -> rusqlite::Result<Option<Batch>> {
        let mut statement = self.connection.prepare_cached(
            "SELECT id, site, data, first, last FROM influx_row
             WHERE id > (SELECT confirmed FROM influx_mark) ORDER BY id",
        )?;
        let mut found = statement.query([])?;
        let mut batch = Batch::default();
        while let Some(row) = found.next()? {
            let id: i64 = row.get(0)?;
            let site: SiteId = crate::store::embedded::id(row, 1)?;
            let data = row.get_ref(2)?.as_blob().unwrap_or_default();
            let Ok(waiting) = packed::read(&site, data) else {
                // The rest must not wait for what the disk has lost.
                let span = (row.get(3)?, row.get(4)?);
                self.shared.damaged.met(id, &site, span);
                batch.pass_over(id, data.len());
                continue;
            };
            if !batch.take(id, waiting, data.len()) {
                break;
            }
        }
        Ok((batch.rows.1 > 0).then(|| {
            batch.delivery = Delivery::of(batch.of_line.len());
            batch
        }))
    }

    fn mark_sending(&mut self, through: i64) -> rusqlite::Result<()> {
        self.connection
            .prepare_cached("UPDATE influx_mark SET sending = ?1 WHERE sending < ?1")?
            .execute([through])?;
        Ok(())
    }

    /// All of a batch is where it belongs.
    fn confirm(&mut self, mut batch: Batch) -> rusqlite::Result<()> {
        let refused = std::mem::replace(&mut batch.delivery, Delivery::of(0)).into_refused();
        let refused = refused.into_iter();
        let of_line = &batch.of_line;
        let refused = refused.map(|(line, reason)| (of_line[line], reason));
        batch.refused.extend(refused);
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        for (at, reason) in &batch.refused {
            let Waiting { event, twin } = &batch.events[*at];
            warn!(
                site = %event.site, unit = %event.unit, log = %event.log, seq = event.seq, reason,
                "InfluxDB refuses a point; it is set aside"
            );
            let mut text = String::new();
            packed::push(&mut text, event, *twin);
            transaction
                .prepare_cached(
                    "INSERT INTO influx_refused (site, reason, event) VALUES (?1, ?2, ?3)",
                )?
                .execute(params![
                    event.site.as_str(),
                    reason,
                    text.trim_end_matches('\n')
                ])?;
        }
        for id in &batch.damaged {
            damage::set_aside(&transaction, *id)?;
        }
        transaction.execute("UPDATE influx_mark SET confirmed = ?1", [batch.rows.1])?;
        transaction.commit()?;
        self.shared.less(batch.bytes);
        for Waiting { event, .. } in &batch.events {
            self.retainer
                .came(&event.site, event.kind(), event.time.micros());
        }
        Ok(())
    }
}

fn pause(runtime: &Handle, stop: &CancellationToken, span: Duration) {
    // Timers are made within the runtime; being told to stop ends the pause.
    let _ = runtime.block_on(async { timeout(span, stop.cancelled()).await });
}

/// A server that starts beside the hub is there soon.
const SET_UP_AGAIN: Duration = Duration::from_secs(5);
/// The engine commits meanwhile.
const BUSY: Duration = Duration::from_secs(30);
const IDLE: Duration = Duration::from_secs(10);
/// With more than this waiting, nothing is waited for.
const MANY: u64 = 256 * 1024;
/// So often in a row the same failure of the same request makes it another request.
const EQUAL_FAILURES: u32 = 3;
/// Fewer lines than this are no reason for a server to stumble.
const FEW_LINES: usize = 100;
