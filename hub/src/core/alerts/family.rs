//! Alerts that explain others: a lost site hides its silent units, a silent unit its sensors.
//!
//! What is explained stays open and is listed under its parent; it calls nobody while the parent
//! lasts, and comes forward when the parent is over and it is not.

use std::collections::{BTreeMap, BTreeSet};

use gatepost_dashboard::view::{AlertView, Subject};
use gatepost_model::{SiteId, UnitId, alert::AlertKind};

use super::{BookDraft, Cause};

impl BookDraft<'_> {
    /// Finds the parents of a site's open alerts anew, of all sites whose alerts changed.
    pub fn relink(&mut self) {
        let touched: BTreeSet<SiteId> = self
            .changed()
            .filter(|alert| can_be_related(alert.kind))
            .map(|alert| alert.site.clone())
            .collect();
        for site in touched {
            let open: Vec<AlertView> = self
                .open_at(&site)
                .filter(|alert| can_be_related(alert.kind))
                .cloned()
                .collect();
            let parents = Parents::among(&open);
            for mut alert in open {
                let parent = parents.of(&alert);
                if alert.parent != parent {
                    alert.parent = parent;
                    self.put(alert);
                }
            }
        }
    }
}

fn can_be_related(kind: AlertKind) -> bool {
    matches!(
        kind,
        AlertKind::SiteLinkLost
            | AlertKind::UnitOffline
            | AlertKind::SensorFault
            | AlertKind::ClockDisputed
    )
}

/// What explains others, of one site.
#[derive(Debug, Default)]
struct Parents {
    link_lost: Option<u64>,
    offline: BTreeMap<UnitId, u64>,
}

impl Parents {
    fn among(open: &[AlertView]) -> Self {
        let mut parents = Self::default();
        for alert in open.iter().filter(|alert| !alert.cleared) {
            match (alert.kind, &alert.subject.unit) {
                (AlertKind::SiteLinkLost, _) => parents.link_lost = Some(alert.id),
                (AlertKind::UnitOffline, Some(unit)) => {
                    parents.offline.insert(unit.clone(), alert.id);
                }
                _ => {}
            }
        }
        parents
    }

    fn of(&self, alert: &AlertView) -> Option<u64> {
        match alert.kind {
            AlertKind::UnitOffline => self.link_lost,
            AlertKind::SensorFault | AlertKind::ClockDisputed => {
                let unit = alert.subject.unit.as_ref()?;
                self.offline.get(unit).copied()
            }
            _ => None,
        }
    }
}

/// None of a site's units is heard.
pub fn link_lost(site: &SiteId) -> Cause {
    Cause {
        site: site.clone(),
        kind: AlertKind::SiteLinkLost,
        subject: Subject::default(),
    }
}
