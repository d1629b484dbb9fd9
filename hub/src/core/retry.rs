//! What was set aside and is brought again.
//!
//! Below the watermark of its log an event is new exactly if its key lies in quarantine: it is taken out
//! of there in the same commit that takes it in, so that asking twice brings it once.

use gatepost_dashboard::ports::{Answer, Command, CommandError, Retried};
use gatepost_model::{Wall, event::Line};

use super::{
    Turn,
    coverage::{Blind, BlindCause, Blinded},
    intake, people,
    quarantine::{Again, Aside},
    state::{Change, Draft},
};
use crate::store::influx;

/// Points that the store refused go to quarantine, with its own reason.
pub(super) fn set_aside(draft: &mut Draft<'_>, now: Wall, points: Vec<influx::Refused>) {
    for point in points {
        let event = &point.event;
        if let Some(part) = draft.part(&event.site) {
            // It counts nowhere while it is set aside: its moment was not seen whole.
            let error_us = i64::try_from(event.time_error_ms.saturating_mul(1000));
            let error_us = error_us.unwrap_or(i64::MAX).max(MOMENT_US);
            let (from, to) = (
                event.time.plus_micros(-error_us),
                event.time.plus_micros(error_us),
            );
            part.site.judged.mark(from, to);
            part.site.blinds.push(Blind {
                unit: event.unit.clone(),
                what: Blinded::Class(event.class()),
                from,
                to: Some(to),
                why: BlindCause::SetAside,
            });
        }
        let aside = Aside {
            id: 0,
            received: event.received,
            topic: intake::topic_of(&event.site, &event.unit),
            site: Some(event.site.clone()),
            unit: Some(event.unit.clone()),
            place: Some((event.log.clone(), event.seq)),
            code: "store_refused".to_owned(),
            reason: point.reason.clone(),
            bytes: event.line.as_bytes().to_vec(),
            print: None,
            count: 0,
            again: Some(Again::Event(Box::new(event.clone()))),
        };
        intake::set_aside(draft, now, aside);
        draft.more.push(Change::Withdrawn(Box::new(point)));
    }
}

/// So much of the time around a point that was refused is not known at least, either way, microseconds.
const MOMENT_US: i64 = 1_000_000;

/// Brings something again, or says why it cannot be.
pub(super) fn retry(
    draft: &mut Draft<'_>,
    turn: &mut Turn<'_>,
    command: Command,
    aside: Option<Box<Aside>>,
) -> Result<Answer, CommandError> {
    let gone = || CommandError::NotFound {
        what: "item in quarantine",
        id: command.act.quarantine().to_string(),
    };
    let aside = aside.filter(|aside| !draft.shelf.is_taken_out(aside.id));
    let aside = aside.ok_or_else(gone)?;
    let refused = |why: String| Err(CommandError::Refused(why));
    let (Some(site), Some(unit), Some((log, seq))) = (&aside.site, &aside.unit, &aside.place)
    else {
        return refused(
            "a message as a whole was never acknowledged: its unit sends it again by itself"
                .to_owned(),
        );
    };
    let retried = Retried {
        quarantine: aside.id,
        site: site.clone(),
        unit: unit.clone(),
        log: log.clone(),
        seq: *seq,
    };
    let Some(mut part) = draft.part(site) else {
        return refused(format!("there is no site `{site}` on this hub any more"));
    };
    match &aside.again {
        Some(Again::Event(event)) => turn.events.push((**event).clone()),
        Some(Again::Line(line)) => match Line::with_form(&aside.bytes) {
            Ok((Line::Event(event), form)) => {
                let Ok(text) = std::str::from_utf8(&aside.bytes) else {
                    return refused("it still is no text".to_owned());
                };
                intake::again(&mut part, turn, &aside, line, text, (event, form));
            }
            Ok((Line::Gap(_), _)) => {
                return refused("a gap stands for lines that are gone".to_owned());
            }
            Err(error) => return refused(format!("it still is no event: {error}")),
        },
        None => {
            return refused(
                "an older hub set it aside and did not keep what tells its time".to_owned(),
            );
        }
    }
    people::audit(&mut part, &command, turn.now);
    part.shelf.take_out(aside.id);
    Ok(Answer::Retried(retried))
}

#[cfg(test)]
mod tests;
