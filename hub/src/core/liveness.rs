//! Who is there: by the `alive` messages alone, and whatever else a unit says while it is there.

use chrono::{Days, TimeDelta};
use gatepost_dashboard::view::Subject;
use gatepost_model::{SiteId, UnitId, Wall, alert::AlertKind, unit::UnitState};

use super::{
    alerts::{Cause, Occurrence, link_lost},
    state::{Part, SiteState},
};

/// A unit was heard.
pub(super) fn heard(part: &mut Part<'_, '_>, unit: &UnitId, received: Wall, now: Wall) {
    let presence = part.site.presence(unit);
    presence.contact_at = presence.contact_at.max(Some(received));
    presence.last_will = false;
    let row = part.site.unit(unit);
    if row.offline {
        row.offline = false;
        part.alerts.clear(&offline_cause(part.id, unit), now, now);
        part.alerts.clear(&link_lost(part.id), now, now);
    }
}

/// Looks which units have been silent for too long. Answers when the next may be.
pub(super) fn tick(
    part: &mut Part<'_, '_>,
    listening_since: Option<Wall>,
    now: Wall,
) -> Option<Wall> {
    // Nobody can be heard: silence says nothing.
    let since = listening_since?;
    // Nor while the site has no power by plan, until its units had time to start again.
    if let Some(until) = switched_off_until(part.site.base, now) {
        return Some(until);
    }
    let base = part.site.base;
    let (mut is_new, mut next) = (false, None);
    for unit in base.units.keys() {
        if part.site.unit(unit).offline {
            continue;
        }
        let Some(silence) = silence(base, unit, Some(since), now) else {
            continue;
        };
        let is_heard_now = part.site.presence.contains_key(unit);
        if silence.state() != UnitState::Offline || is_heard_now {
            next = Some(next.map_or(silence.over_at(now), |next: Wall| {
                next.min(silence.over_at(now))
            }));
            continue;
        }
        part.site.unit(unit).offline = true;
        is_new = true;
        let last = base
            .presence
            .get(unit)
            .and_then(|presence| presence.contact_at)
            .or(base.units.get(unit).and_then(|row| row.heard_at));
        let params = last.map(|at| ("contact_at".to_owned(), at.to_string().into()));
        let occurrence = Occurrence {
            happened_at: now,
            params: params.into_iter().collect(),
            is_old: false,
        };
        let cause = offline_cause(part.id, unit);
        part.raise(&cause, occurrence, now);
    }
    let units = part.site.units.iter();
    let offline = units.filter(|row| row.offline).count();
    // One unit alone may be just that: a unit.
    if is_new && offline > 1 && offline == base.units.len() {
        let occurrence = Occurrence {
            happened_at: now,
            params: [("units".to_owned(), offline.into())].into(),
            is_old: false,
        };
        part.raise(&link_lost(part.id), occurrence, now);
    }
    next
}

/// So long units may take to start and to be heard once there is power again.
const STARTING: TimeDelta = TimeDelta::minutes(10);

/// Until when silence says nothing, because the site is switched off by plan.
fn switched_off_until(site: &SiteState, now: Wall) -> Option<Wall> {
    let today = site.zone.day_of(now);
    let dates = [today.checked_sub_days(Days::new(1)), Some(today)];
    let all = site.site.switched_off.iter();
    all.flat_map(|off| dates.into_iter().flatten().map(move |date| (off, date)))
        .filter(|(off, date)| site.site.holds_on(off.on, *date))
        .map(|(off, date)| site.zone.span(date, off.start, off.end))
        .map(|(start, end)| (start, end.plus(STARTING)))
        .filter(|(start, end)| (*start..*end).contains(&now))
        .map(|(_, end)| end)
        .max()
}

/// What is known of a unit's presence now.
pub fn state(
    site: &SiteState,
    unit: &UnitId,
    listening_since: Option<Wall>,
    now: Wall,
) -> UnitState {
    if site.units.get(unit).is_some_and(|row| row.offline) {
        return UnitState::Offline;
    }
    silence(site, unit, listening_since, now)
        .map_or(UnitState::NoDataYet, |silence| silence.state())
}

struct Silence {
    silent_us: u64,
    interval_us: u64,
    last_will: bool,
}

impl Silence {
    fn state(&self) -> UnitState {
        UnitState::after_silence(self.silent_us, self.interval_us, self.last_will)
    }

    /// When it will have lasted too long, if nothing is heard until then; in a moment if it has.
    fn over_at(&self, now: Wall) -> Wall {
        let patience_us = self.interval_us.saturating_mul(UnitState::OFFLINE_AFTER);
        let left_us = patience_us.saturating_sub(self.silent_us);
        now.plus_micros(i64::try_from(left_us).unwrap_or(i64::MAX).max(0) + 1)
    }
}

/// How long a unit has been silent while it could have been heard, or while nobody can be heard at
/// all; none if it never spoke.
fn silence(site: &SiteState, unit: &UnitId, since: Option<Wall>, now: Wall) -> Option<Silence> {
    let row = site.units.get(unit)?;
    let presence = site.presence.get(unit);
    let contact = presence.and_then(|presence| presence.contact_at);
    let from = contact.max(since).or(row.heard_at).unwrap_or(now);
    let interval_s = presence
        .and_then(|presence| presence.alive.as_ref())
        .map_or(row.interval_s, |alive| alive.interval_s);
    Some(Silence {
        silent_us: u64::try_from(now.micros_since(from)).unwrap_or(0),
        interval_us: interval_s.saturating_mul(1_000_000),
        last_will: presence.is_some_and(|presence| presence.last_will),
    })
}

fn offline_cause(site: &SiteId, unit: &UnitId) -> Cause {
    Cause {
        site: site.clone(),
        kind: AlertKind::UnitOffline,
        subject: Subject {
            unit: Some(unit.clone()),
            ..Subject::default()
        },
    }
}
