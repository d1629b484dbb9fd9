//! What one event changes.

use std::collections::BTreeMap;

use gatepost_dashboard::view::Subject;
use gatepost_model::{
    LaneId, LaneKind, LeadsTo, Wall, Zone,
    alert::AlertKind,
    event::{
        Boot, Event, Fault, FaultCode, Happening, Heartbeat, Reading, Round, Screening,
        ScreeningVerdict,
    },
};

use super::Taking;
use crate::core::{
    alerts::{Cause, Occurrence},
    certificate,
    coverage::{Blind, BlindCause, Blinded, Watching},
    fever,
    headcount::{Anchor, Counts, HourTable, Movement, Tally},
    people,
    placement::Placed,
    rounds::SeenRound,
    state::{FaultRow, LaneRow, QuarterRow, ReadingRow, RoundRow, Row, SiteDraft, TallyRow},
};

/// Takes one event. Those made in test mode are kept and change nothing; only what a boot says of
/// its configuration holds all the same.
pub(super) fn take(taking: &mut Taking<'_, '_, '_, '_>, event: &Event, placed: Placed) {
    if event.test && !matches!(event.happening, Happening::Boot(_)) {
        return;
    }
    match &event.happening {
        Happening::Boot(boot) => take_boot(taking, boot, event.mono_us, placed),
        Happening::Heartbeat(heartbeat) => take_heartbeat(taking, heartbeat, event.mono_us, placed),
        Happening::Passage(_) | Happening::Unclear(_) => {
            if let Some((lane, movement)) = Movement::of(&event.happening) {
                take_movement(taking.part.site, lane, movement, placed.time);
            }
        }
        Happening::Screening(screening) => take_screening(taking, screening, placed),
        Happening::Reading(reading) => take_reading(taking, reading, placed),
        Happening::Round(round) => take_round(taking, round, event.mono_us, placed),
        Happening::Fault(fault) => take_fault(taking, fault, event.mono_us, placed),
        Happening::Cleared(fault) => {
            let key = (taking.batch.unit.clone(), fault.sensor.clone(), fault.code);
            if let Some(row) = taking.part.site.faults.get(&key).cloned() {
                end_fault(taking, &row, placed.time);
            }
        }
        Happening::Entry(entry) => {
            let reason = entry.reason.as_deref();
            people::count_entry(taking.part, placed.time, entry.outcome, reason);
        }
        Happening::Calibration(_) | Happening::Unknown(_) => {}
    }
}

/// The agent knows nothing of faults before it started; those that last it will find again.
fn take_boot(taking: &mut Taking<'_, '_, '_, '_>, boot: &Boot, mono_us: u64, placed: Placed) {
    let unit = &taking.batch.unit;
    let site = &mut *taking.part.site;
    site.watchings
        .push(Watching::new(taking.boot.clone(), mono_us, boot));
    let row = site.unit(unit);
    if row.said_at.is_none_or(|at| at <= placed.time) {
        row.said_at = Some(placed.time);
        row.version = Some(boot.version.clone());
        row.lanes.clone_from(&boot.lanes);
        row.sensors.clone_from(&boot.sensors);
        row.zones.clone_from(&boot.zones);
    }
    begin_record(site, placed.time);
    if !boot.zones.is_empty() {
        // From now on a round may be seen by one unit more: what was watched must be by it, too.
        site.judged
            .mark(placed.time, taking.turn.now.max(placed.time));
    }
    let open: Vec<FaultRow> = site
        .faults
        .iter()
        .filter(|fault| fault.unit == *unit && fault.since <= placed.time)
        .cloned()
        .collect();
    for fault in open {
        end_fault(taking, &fault, placed.time);
    }
}

fn take_heartbeat(
    taking: &mut Taking<'_, '_, '_, '_>,
    heartbeat: &Heartbeat,
    mono_us: u64,
    placed: Placed,
) {
    taking.watched(heartbeat.watched_from_mono_us, mono_us, placed);
    let unit = &taking.batch.unit;
    taking.part.site.unit(unit).clock = Some(heartbeat.clock);
    if let Some(certificate) = heartbeat.certificate {
        certificate::told(taking.part, taking.turn, unit, certificate, placed.time);
    }
}

fn take_movement(site: &mut SiteDraft<'_>, lane: &LaneId, movement: Movement, at: Wall) {
    quarter(site, lane, at).counts.add(movement);
    if let Movement::Passage(_) = movement {
        let row = lane_row(site, lane);
        row.last_at = row.last_at.max(Some(at));
    }
    let Some(of) = counted_in(site, lane) else {
        return;
    };
    begin_record(site, at);
    let tally = &mut site.tallies.edit(of, || new_tally(of, at)).tally;
    if at < tally.anchor.at {
        correct_roll_call(site, of, at, movement);
    } else {
        tally.add(at, movement);
    }
}

/// What was counted by heads does not change with a movement before it that arrives late; what the
/// sum had been then does.
fn correct_roll_call(site: &mut SiteDraft<'_>, of: Option<Zone>, at: Wall, movement: Movement) {
    let Movement::Passage(dir) = movement else {
        return;
    };
    let calls = site.roll_calls.iter();
    let next = calls
        .filter(|call| call.zone == of && call.at > at)
        .min_by_key(|call| call.at);
    if let Some(mut call) = next.cloned() {
        call.passed(dir);
        site.roll_calls.put(call);
    }
}

/// The headcount that a lane's movements belong to.
fn counted_in(site: &SiteDraft<'_>, lane: &LaneId) -> Option<Option<Zone>> {
    let lane = site
        .base
        .site
        .lanes
        .iter()
        .find(|known| known.id == *lane)?;
    (lane.kind == LaneKind::People).then_some(match lane.leads_to {
        LeadsTo::Site => None,
        LeadsTo::Zone(zone) => Some(zone),
    })
}

fn new_tally(of: Option<Zone>, at: Wall) -> TallyRow {
    TallyRow {
        of,
        tally: Tally::new(Anchor {
            at,
            count: 0,
            called: false,
        }),
    }
}

/// Without a roll-call the headcounts begin with the record: with the earliest that it has, in
/// whatever order it comes.
fn begin_record(site: &mut SiteDraft<'_>, at: Wall) {
    let kept: Vec<Option<Zone>> = site
        .base
        .site
        .lanes
        .iter()
        .filter_map(|lane| counted_in(site, &lane.id))
        .collect();
    for of in kept {
        let is_earlier = site
            .tallies
            .get(&of)
            .is_none_or(|row| !row.tally.anchor.called && at < row.tally.anchor.at);
        if is_earlier {
            site.tallies.edit(of, || new_tally(of, at)).tally.anchor.at = at;
        }
    }
}

fn take_screening(taking: &mut Taking<'_, '_, '_, '_>, screening: &Screening, placed: Placed) {
    let site = &mut *taking.part.site;
    let row = lane_row(site, &screening.lane);
    if row.screened_at.is_none_or(|at| at <= placed.time) {
        row.screened_at = Some(placed.time);
        row.baseline_c = screening.baseline_c;
        row.warming_up = screening.verdict == ScreeningVerdict::WarmingUp;
    }
    if screening.attempt <= 1 {
        quarter(site, &screening.lane, placed.time).screened += 1;
    }
    let unit = &taking.batch.unit;
    let log = &taking.batch.header.log;
    if fever::take(taking.part, taking.turn, (unit, log), screening, placed) {
        quarter(taking.part.site, &screening.lane, placed.time).fevers += 1;
    }
}

fn take_reading(taking: &mut Taking<'_, '_, '_, '_>, reading: &Reading, placed: Placed) {
    let new = ReadingRow {
        unit: taking.batch.unit.clone(),
        sensor: reading.sensor.clone(),
        quantity: reading.quantity.clone(),
        zone: reading.zone,
        value: reading.value,
        at: placed.time,
        error_ms: placed.error_ms,
        interval_us: None,
    };
    let row = taking.part.site.readings.edit(new.key(), || new.clone());
    if placed.time <= row.at {
        return;
    }
    let since_last = placed.time.micros_since(row.at);
    // A pause is an outage, not a new rhythm.
    let interval_us = match row.interval_us {
        Some(usual) if since_last > usual.saturating_mul(2) => Some(usual),
        _ => Some(since_last),
    };
    *row = ReadingRow { interval_us, ..new };
}

fn take_round(taking: &mut Taking<'_, '_, '_, '_>, round: &Round, mono_us: u64, placed: Placed) {
    let unit = taking.batch.unit.clone();
    let seen = SeenRound::new(unit.clone(), round, mono_us, placed.time, placed.error_ms);
    let site = &mut *taking.part.site;
    let row = site
        .rounds
        .edit((unit.clone(), seen.round.clone()), || RoundRow {
            unit,
            seen: seen.clone(),
        });
    row.seen.absorb(&seen);
    let error_us = i64::try_from(row.seen.error_ms.saturating_mul(1000)).unwrap_or(i64::MAX);
    let from = row.seen.started.plus_micros(-LATE_REACH_US);
    let to = row.seen.ended.unwrap_or(row.seen.started);
    site.judged
        .mark(from.plus_micros(-error_us), to.plus_micros(error_us));
}

/// A round may be the late one of a slot that ended so long before, microseconds: zones have a round
/// a day at least.
const LATE_REACH_US: i64 = 2 * 24 * 3_600_000_000;

fn take_fault(taking: &mut Taking<'_, '_, '_, '_>, fault: &Fault, mono_us: u64, placed: Placed) {
    let key = (taking.batch.unit.clone(), fault.sensor.clone(), fault.code);
    let site = &mut *taking.part.site;
    if site.faults.get(&key).is_none() {
        let concerns = if is_of_the_unit(fault.code) {
            Vec::new()
        } else {
            site.watching(&taking.boot, mono_us)
                .map(|watching| watching.hidden_by(&fault.sensor))
                .unwrap_or_default()
        };
        let row = FaultRow {
            unit: key.0,
            sensor: key.1,
            code: key.2,
            since: placed.time,
            concerns,
        };
        site.blinds.extend(blinds_of(&row, None));
        site.judged
            .mark(placed.time, taking.turn.now.max(placed.time));
        site.faults.put(row);
    }
    let cause = fault_cause(taking, fault);
    let code = serde_json::to_value(fault.code).unwrap_or_default();
    let mut params = BTreeMap::from([("code".to_owned(), code)]);
    if !fault.detail.is_empty() {
        params.insert("detail".to_owned(), fault.detail.clone().into());
    }
    let occurrence = Occurrence {
        happened_at: placed.time,
        params,
        is_old: taking.turn.is_old(placed.time),
    };
    taking.part.raise(&cause, occurrence, taking.turn.now);
}

/// Faults that are no sensor's.
fn is_of_the_unit(code: FaultCode) -> bool {
    matches!(
        code,
        FaultCode::Undervoltage | FaultCode::ClockStep | FaultCode::DiskLow
    )
}

fn end_fault(taking: &mut Taking<'_, '_, '_, '_>, row: &FaultRow, at: Wall) {
    let site = &mut *taking.part.site;
    site.blinds.extend(blinds_of(row, Some(at.max(row.since))));
    site.judged.mark(row.since, at.max(row.since));
    site.faults.remove(row.key());
    let fault = Fault {
        sensor: row.sensor.clone(),
        code: row.code,
        detail: String::new(),
    };
    let cause = fault_cause(taking, &fault);
    taking.part.alerts.clear(&cause, at, taking.turn.now);
}

fn blinds_of(row: &FaultRow, to: Option<Wall>) -> impl Iterator<Item = Blind> {
    let hides = row.code.blinds();
    row.concerns
        .iter()
        .filter(move |_| hides)
        .map(move |what| Blind {
            unit: row.unit.clone(),
            what: what.clone(),
            from: row.since,
            to,
            why: BlindCause::Fault,
        })
}

fn fault_cause(taking: &Taking<'_, '_, '_, '_>, fault: &Fault) -> Cause {
    let lane = taking
        .part
        .site
        .watching(&taking.boot, u64::MAX)
        .map(|watching| watching.hidden_by(&fault.sensor))
        .and_then(|concerns| match &concerns[..] {
            [Blinded::Lane(lane)] => Some(lane.clone()),
            _ => None,
        })
        .filter(|_| !is_of_the_unit(fault.code));
    let code = serde_json::to_value(fault.code).ok();
    Cause {
        site: taking.part.id.clone(),
        kind: AlertKind::SensorFault,
        subject: Subject {
            unit: Some(taking.batch.unit.clone()),
            lane,
            sensor: Some(fault.sensor.clone()),
            id: code.and_then(|code| code.as_str().map(str::to_owned)),
            ..Subject::default()
        },
    }
}

fn lane_row<'d>(site: &'d mut SiteDraft<'_>, lane: &LaneId) -> &'d mut LaneRow {
    site.lanes.edit(lane.clone(), || LaneRow::new(lane.clone()))
}

fn quarter<'d>(site: &'d mut SiteDraft<'_>, lane: &LaneId, at: Wall) -> &'d mut QuarterRow {
    let start = HourTable::quarter_of(at);
    site.quarters.edit((lane.clone(), start), || QuarterRow {
        lane: lane.clone(),
        start,
        counts: Counts::default(),
        screened: 0,
        fevers: 0,
    })
}
