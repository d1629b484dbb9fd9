//! A batch into the draft of a turn: what is new of it, when it happened, and what that changes.

mod event;

use std::sync::Arc;

use bytes::Bytes;
use gatepost_dashboard::view::Subject;
use gatepost_model::{
    SiteId, UnitId, Wall,
    alert::AlertKind,
    event::{Class, Event, Form, Gap, GapCause, Line, LineError},
    time::Clock,
};

use super::{
    Turn,
    alerts::{Cause, Occurrence},
    capacity,
    coverage::{Blind, BlindCause, Blinded, BootKey, Watch},
    dedupe::{Mark, News, news},
    input::{Batch, BatchLine, Content, Refused},
    liveness,
    placement::{Placed, Placer, mono_of, span_of},
    quarantine::{Again, Aside, LineAgain, print_of},
    state::{BatchAge, Draft, LogRow, Part, Prompt},
};
use crate::store::event::StoredEvent;

/// Takes a batch.
pub(super) fn batch(draft: &mut Draft<'_>, turn: &mut Turn<'_>, mut batch: Batch) {
    let Some(mut part) = draft.part(&batch.site) else {
        refuse_batch(draft, turn, &batch, "unknown_site");
        return;
    };
    liveness::heard(&mut part, &batch.unit, batch.received, turn.now);
    let is_disputed = check_clock(&mut part, turn, &batch);
    let key = (batch.unit.clone(), batch.header.log.clone());
    let known = part.site.logs.get(&key);
    let mark = known.map_or(Mark::START, |log| Mark {
        through: log.through,
        chain: log.chain,
    });
    // A new log goes on where the unit's earlier ones ended.
    let unit = part.site.units.get(&batch.unit);
    let last_at = known
        .and_then(|log| log.last_at)
        .or(unit.and_then(|unit| unit.data_at));
    let mark = match news(mark, &batch) {
        News::Lines(lines) => {
            part.site.unit(&batch.unit).heard_at = Some(batch.received);
            let held = batch.lines.len() - lines.len();
            let mut lines = std::mem::take(&mut batch.lines);
            let mut taking =
                Taking::new(&mut part, turn, &batch, &lines, mark, last_at, is_disputed);
            lines.drain(..held);
            taking.lines(lines);
            taking.mark
        }
        News::Held => {
            turn.seen.duplicates += 1;
            mark
        }
        News::Ahead => {
            turn.seen.ahead += 1;
            mark
        }
        News::Fork { .. } => {
            turn.seen.forks += 1;
            fork(&mut part, turn, &batch);
            mark
        }
    };
    turn.ack(&batch.site, key, mark);
}

/// Whether the unit's clock contradicts the hub's at sending. Time that the message spent in a
/// queue is not held against it: how promptly others came tells when it was sent. A clock that is
/// ahead is so at once; one that is behind could be a message that was late, until others have told.
fn check_clock(part: &mut Part<'_, '_>, turn: &Turn<'_>, batch: &Batch) -> bool {
    let sent = &batch.header.sent;
    let presence = part.site.presence(&batch.unit);
    let prompt = match &mut presence.prompt {
        Some(prompt) if prompt.boot == sent.boot => {
            prompt.update(sent.mono_us, batch.received);
            prompt
        }
        other => other.insert(Prompt::new(sent.boot.clone(), sent.mono_us, batch.received)),
    };
    let Some(wall) = sent.wall.filter(|_| sent.clock == Clock::Synced) else {
        return false;
    };
    let ahead_us = wall.micros_since(prompt.at(sent.mono_us));
    let is_settled = prompt.is_settled(batch.received);
    let unit = part.site.unit(&batch.unit);
    let was_disputed = unit.disputed;
    let is_behind = ahead_us < -DISPUTED_US && (was_disputed || is_settled);
    let is_disputed = ahead_us > DISPUTED_US || is_behind;
    unit.disputed = is_disputed;
    let cause = unit_cause(part, AlertKind::ClockDisputed, batch);
    if is_disputed && !was_disputed {
        let ahead_s = serde_json::json!(ahead_us as f64 / 1e6);
        let occurrence = Occurrence {
            happened_at: batch.received,
            params: [("ahead_s".to_owned(), ahead_s)].into(),
            is_old: false,
        };
        part.raise(&cause, occurrence, turn.now);
    } else if was_disputed && !is_disputed {
        part.alerts.clear(&cause, batch.received, turn.now);
    }
    is_disputed
}

/// Clocks that differ by more than this contradict each other, microseconds.
const DISPUTED_US: i64 = 5_000_000;

fn unit_cause(part: &Part<'_, '_>, kind: AlertKind, batch: &Batch) -> Cause {
    Cause {
        site: part.id.clone(),
        kind,
        subject: Subject {
            unit: Some(batch.unit.clone()),
            ..Subject::default()
        },
    }
}

fn fork(part: &mut Part<'_, '_>, turn: &Turn<'_>, batch: &Batch) {
    let reason = format!(
        "the chain of log `{}` contradicts the record",
        batch.header.log
    );
    // The same sent again is nothing new to a person.
    if !part.shelf.put(aside_batch(batch, "fork", reason)) {
        return;
    }
    let mut cause = unit_cause(part, AlertKind::Fork, batch);
    cause.subject.id = Some(batch.header.log.to_string());
    let params = [("first".to_owned(), batch.header.first.into())].into();
    let occurrence = Occurrence {
        happened_at: batch.received,
        params,
        is_old: false,
    };
    part.raise(&cause, occurrence, turn.now);
}

/// Takes a line that was no event when it came, as it would have been taken then.
pub(super) fn again(
    part: &mut Part<'_, '_>,
    turn: &mut Turn<'_>,
    aside: &Aside,
    line: &LineAgain,
    text: &str,
    (event, form): (Event, Form),
) {
    let (Some(site), Some(unit), Some((_, seq))) = (&aside.site, &aside.unit, &aside.place) else {
        return;
    };
    let read = Line::Event(event);
    let batch = Batch {
        site: site.clone(),
        unit: unit.clone(),
        received: aside.received,
        header: line.header.clone(),
        lines: vec![BatchLine {
            seq: *seq,
            n: 1,
            chain: line.header.chain,
            content: Content::Line(text.into(), Box::new(read.clone()), form),
        }],
        payload: Bytes::new(),
    };
    let mark = Mark::START;
    let lines = &batch.lines;
    let mut taking = Taking::new(part, turn, &batch, lines, mark, line.last_at, line.disputed);
    taking.line(*seq, 1, text.into(), (read, form));
}

/// Sets a batch aside that could be read.
fn refuse_batch(draft: &mut Draft<'_>, turn: &mut Turn<'_>, batch: &Batch, code: &'static str) {
    let reason = format!("there is no site `{}` on this hub", batch.site);
    let aside = aside_batch(batch, code, reason);
    turn.seen.refused += 1;
    set_aside(draft, turn.now, aside);
}

/// Sets a message aside that could not be read.
pub(super) fn refused(draft: &mut Draft<'_>, turn: &mut Turn<'_>, refused: &Refused) {
    turn.seen.refused += 1;
    let aside = Aside {
        id: 0,
        received: refused.received,
        topic: refused.topic.clone(),
        site: refused.site.clone(),
        unit: refused.unit.clone(),
        place: None,
        code: refused.code.to_owned(),
        reason: refused.reason.clone(),
        bytes: refused.payload.to_vec(),
        print: Some(refused.print),
        count: 0,
        again: None,
    };
    set_aside(draft, turn.now, aside);
}

/// A message goes to quarantine; if it is a new one, somebody should look at it. Of all that belongs
/// to no known site there is one alert, the hub's: whoever can publish can name any number of sites.
pub(super) fn set_aside(draft: &mut Draft<'_>, now: Wall, aside: Aside) {
    let sites = &draft.base().sites;
    let known = aside.site.clone().filter(|site| sites.contains_key(site));
    let (site, subject) = match known {
        Some(site) => {
            let unit = aside.unit.clone();
            let subject = Subject {
                unit,
                ..Subject::default()
            };
            (site, subject)
        }
        None => {
            let subject = Subject {
                id: Some(NO_SITE.to_owned()),
                ..Subject::default()
            };
            (draft.base().hub.site.id.clone(), subject)
        }
    };
    let cause = Cause {
        site,
        kind: AlertKind::Quarantine,
        subject,
    };
    let occurrence = quarantined(&aside.code, &aside.reason, aside.received);
    if draft.shelf.put(aside) {
        draft.raise(&cause, occurrence, now);
    }
}

/// What an alert about messages of no known site is about.
const NO_SITE: &str = "no_site";

fn quarantined(code: &str, reason: &str, at: Wall) -> Occurrence {
    Occurrence {
        happened_at: at,
        params: [
            ("code".to_owned(), code.into()),
            ("reason".to_owned(), reason.into()),
        ]
        .into(),
        is_old: false,
    }
}

fn aside_batch(batch: &Batch, code: &str, reason: String) -> Aside {
    let topic = topic_of(&batch.site, &batch.unit);
    Aside {
        id: 0,
        received: batch.received,
        site: Some(batch.site.clone()),
        unit: Some(batch.unit.clone()),
        place: None,
        code: code.to_owned(),
        reason,
        bytes: batch.payload.to_vec(),
        print: Some(print_of(&topic, code, &batch.payload)),
        topic,
        count: 0,
        again: None,
    }
}

/// The topic that a unit's events come on.
pub(super) fn topic_of(site: &SiteId, unit: &UnitId) -> String {
    let channel = gatepost_model::topic::Channel::Events;
    gatepost_model::Topic::new(site.clone(), unit.clone(), channel).to_string()
}

/// The new lines of one batch, taken out of it, on their way into the draft.
struct Taking<'t, 'd, 'a, 's> {
    part: &'t mut Part<'d, 'a>,
    turn: &'t mut Turn<'s>,
    batch: &'t Batch,
    boot: BootKey,
    placer: Placer<'t>,
    mark: Mark,
    /// The unit's clock contradicts the hub's.
    is_disputed: bool,
    /// Time of the last line that had one.
    last_at: Option<Wall>,
    newest: Option<Wall>,
}

impl<'t, 'd, 'a, 's> Taking<'t, 'd, 'a, 's> {
    fn new(
        part: &'t mut Part<'d, 'a>,
        turn: &'t mut Turn<'s>,
        batch: &'t Batch,
        lines: &[BatchLine],
        mark: Mark,
        last_at: Option<Wall>,
        is_disputed: bool,
    ) -> Self {
        let lines = lines.iter().filter_map(line_of);
        let span = span_of(lines).unwrap_or((batch.header.sent.mono_us, batch.header.sent.mono_us));
        let placer = Placer::new(&batch.header, span, batch.received, last_at, is_disputed);
        let boot = BootKey {
            unit: batch.unit.clone(),
            log: batch.header.log.clone(),
            boot: batch.header.boot.clone(),
        };
        Self {
            part,
            turn,
            batch,
            boot,
            placer,
            mark,
            is_disputed,
            last_at,
            newest: None,
        }
    }

    fn lines(&mut self, lines: Vec<BatchLine>) {
        let mut lost = 0;
        let mut lines = lines.into_iter();
        while let Some(line) = lines.next() {
            // Of a gap that reaches into what is held, only the rest is new.
            let seq = line.seq.max(self.mark.through + 1);
            let n = line.last() - seq + 1;
            let mark = Mark {
                through: line.last(),
                chain: line.chain,
            };
            match line.content {
                Content::Broken(bytes, error) => {
                    let next = lines.as_slice().iter().find_map(line_of);
                    self.broken(seq, &bytes, &error, next);
                }
                Content::Line(text, read, form) => {
                    if let Line::Gap(_) = *read {
                        lost += n;
                    }
                    self.line(seq, n, text, (*read, form));
                }
            }
            self.mark = mark;
        }
        self.close(lost);
    }

    /// A line that is an event, or a gap.
    fn line(&mut self, seq: u64, n: u64, text: Arc<str>, (read, form): (Line, Form)) {
        let stamp = match &read {
            Line::Event(event) => event.at,
            Line::Gap(_) => None,
        };
        let mono_us = mono_of(&read);
        let placed = self.placer.place(mono_us, stamp);
        self.last_at = Some(placed.time);
        let seen = placed.time.min(self.batch.received);
        self.newest = Some(self.newest.map_or(seen, |newest| newest.max(seen)));
        match &read {
            Line::Event(event) => event::take(self, event, placed),
            Line::Gap(gap) => self.gap(gap, n, placed),
        }
        let (text, entry) = match read {
            // In the record it says how many numbers it stands for there.
            Line::Gap(gap) if gap.n != n => {
                let rest = Gap { n, ..gap };
                (Arc::from(rest.to_line()), Line::Gap(rest))
            }
            read => (text, read),
        };
        self.turn.events.push(StoredEvent {
            site: self.batch.site.clone(),
            unit: self.batch.unit.clone(),
            log: self.batch.header.log.clone(),
            seq,
            n,
            boot: self.batch.header.boot.clone(),
            mono_us,
            time: placed.time,
            time_error_ms: placed.error_ms,
            source: placed.source,
            received: self.batch.received,
            line: text,
            entry,
            form,
        });
    }

    /// The log's and the unit's rows after the batch.
    fn close(&mut self, lost: u64) {
        let (unit, log) = (&self.batch.unit, &self.batch.header.log);
        let row = self
            .part
            .site
            .logs
            .edit((unit.clone(), log.clone()), || LogRow {
                unit: unit.clone(),
                log: log.clone(),
                through: 0,
                chain: Mark::START.chain,
                last_at: None,
                lost: 0,
            });
        row.through = self.mark.through;
        row.chain = self.mark.chain;
        row.last_at = self.last_at;
        row.lost += lost;
        if let Some(newest) = self.newest {
            capacity::look(self.part, self.turn, newest);
            let unit_row = self.part.site.unit(unit);
            unit_row.data_at = unit_row.data_at.max(Some(newest));
            self.part.site.presence(unit).batch = Some(BatchAge {
                received: self.batch.received,
                newest,
            });
        }
    }

    /// A line that is no event is set aside alone. What it would have told is not known, so between
    /// its neighbours the unit may have seen anything.
    fn broken(&mut self, seq: u64, bytes: &Bytes, error: &LineError, next: Option<&Line>) {
        self.turn.seen.broken_lines += 1;
        let batch = self.batch;
        let from = self.last_at.unwrap_or(batch.received);
        let to = match next {
            Some(next) => self.placer.at(mono_of(next), None).time,
            None => batch.received,
        };
        self.blind(
            Blinded::Class(Class::Record),
            from,
            to.max(from),
            BlindCause::SetAside,
        );
        let reason = error.to_string();
        let occurrence = quarantined(error.code(), &reason, batch.received);
        self.part.shelf.put(Aside {
            id: 0,
            received: batch.received,
            topic: topic_of(&batch.site, &batch.unit),
            site: Some(batch.site.clone()),
            unit: Some(batch.unit.clone()),
            place: Some((batch.header.log.clone(), seq)),
            code: error.code().to_owned(),
            reason,
            bytes: bytes.to_vec(),
            print: None,
            count: 0,
            again: Some(Again::Line(Box::new(LineAgain {
                header: batch.header.clone(),
                last_at: self.last_at,
                disputed: self.is_disputed,
            }))),
        });
        let cause = unit_cause(self.part, AlertKind::Quarantine, batch);
        self.part.raise(&cause, occurrence, self.turn.now);
    }

    /// Events that the unit no longer has and the hub never got: loss, whatever the reason.
    fn gap(&mut self, gap: &Gap, n: u64, placed: Placed) {
        let from = self.placer.at(gap.from_mono_us, None).time.min(placed.time);
        self.blind(
            Blinded::Class(gap.class),
            from,
            placed.time,
            BlindCause::Gap,
        );
        for (from_mono, to_mono) in &gap.watched {
            let to = self.placer.at(*to_mono, None);
            self.watched(*from_mono, *to_mono, to);
        }
        let cause = unit_cause(self.part, AlertKind::Loss, self.batch);
        let class = match gap.class {
            Class::Telemetry => "telemetry",
            Class::Record => "record",
        };
        let by = match gap.cause {
            GapCause::Shed => "shed",
            GapCause::Acked => "acked",
        };
        let occurrence = Occurrence {
            happened_at: placed.time,
            params: [
                ("n".to_owned(), n.into()),
                ("class".to_owned(), class.into()),
                ("cause".to_owned(), by.into()),
            ]
            .into(),
            is_old: self.turn.is_old(placed.time),
        };
        self.part.raise(&cause, occurrence, self.turn.now);
    }

    /// Proof of watching.
    fn watched(&mut self, from_mono: u64, to_mono: u64, to: Placed) {
        let watch = Watch::proven(self.boot.clone(), from_mono, to_mono, to.time, to.error_ms);
        // Whether a window was watched is asked once it is over and the grace has passed: what was
        // watched since then makes no verdict anew.
        let asked = self.turn.now.plus(-self.turn.settings.slot_grace);
        if watch.from_wall < asked {
            self.part.site.judged.mark(watch.from_wall, watch.to_wall);
        }
        self.part.site.proofs.push(watch);
    }

    fn blind(&mut self, what: Blinded, from: Wall, to: Wall, why: BlindCause) {
        self.part.site.judged.mark(from, to);
        self.part.site.blinds.push(Blind {
            unit: self.batch.unit.clone(),
            what,
            from,
            to: Some(to),
            why,
        });
    }
}

fn line_of(line: &BatchLine) -> Option<&Line> {
    match &line.content {
        Content::Line(_, line, _) => Some(line),
        Content::Broken(..) => None,
    }
}
