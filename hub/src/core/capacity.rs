//! Too many people inside: by the headcount as it is now, so what arrives late calls only if it makes
//! too many of those who are there.

use gatepost_dashboard::view::Subject;
use gatepost_model::{Wall, Zone, alert::AlertKind};

use super::{
    alerts::{Cause, Occurrence},
    state::Part,
};

/// Looks at the headcounts that a batch changed.
pub(super) fn look(part: &mut Part<'_, '_>, at: Wall, now: Wall) {
    let site = &part.site.base.site;
    let allowed = |of: Option<Zone>| of.map_or(site.capacity, |zone| site.zone(zone).capacity);
    let counted: Vec<(Option<Zone>, i64, i64)> = part
        .site
        .tallies
        .changed_rows()
        .filter_map(|row| Some((row.of, row.tally.raw(), i64::from(allowed(row.of)?))))
        .collect();
    for (zone, inside, most) in counted {
        let cause = Cause {
            site: part.id.clone(),
            kind: AlertKind::Capacity,
            subject: Subject {
                zone,
                ..Subject::default()
            },
        };
        if inside <= most {
            part.alerts.clear(&cause, at, now);
        } else if part.alerts.open_of(&cause).is_none_or(|open| open.cleared) {
            let occurrence = Occurrence {
                happened_at: at,
                params: [
                    ("n".to_owned(), inside.into()),
                    ("most".to_owned(), most.into()),
                ]
                .into(),
                is_old: false,
            };
            part.raise(&cause, occurrence, now);
        }
    }
}
