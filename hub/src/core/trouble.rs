//! Trouble of the hub itself, as an alert of a site that is none: `hub`. Its recipients are in the hub's
//! own configuration.

use gatepost_dashboard::view::Subject;
use gatepost_model::{Site, SiteId, Wall, alert::AlertKind, recipient::Recipient, site::Name};

use super::{
    alerts::{Cause, Occurrence},
    state::Draft,
};

/// What no site may be called.
pub const HUB: &str = "hub";

/// The hub as a site: its time zone, and who is told.
pub fn site(time_zone: String, recipients: Vec<Recipient>) -> Site {
    let name = Name {
        zh: "中心".to_owned(),
        en: "Hub".to_owned(),
    };
    Site {
        recipients,
        ..Site::new(id(), time_zone, name)
    }
}

fn id() -> SiteId {
    // A word that every id may be.
    HUB.parse()
        .unwrap_or_else(|_| unreachable!("`{HUB}` is an id"))
}

/// A part of the hub does not work since, in words; or works again.
pub(super) fn take(draft: &mut Draft<'_>, part: &str, wrong: Option<String>, now: Wall) {
    let cause = Cause {
        site: id(),
        kind: AlertKind::HubTrouble,
        subject: Subject {
            id: Some(part.to_owned()),
            ..Subject::default()
        },
    };
    let Some(wrong) = wrong else {
        return draft.alerts.clear(&cause, now, now);
    };
    let occurrence = Occurrence {
        happened_at: now,
        params: [("detail".to_owned(), wrong.into())].into(),
        is_old: false,
    };
    draft.raise(&cause, occurrence, now);
}
