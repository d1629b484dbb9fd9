//! What a restart forgets: all that is not stored ([`Change::is_durable`]).

use std::sync::Arc;

use super::{Change, Judged, State};

impl State {
    /// The state as a restart at this moment would find it: nobody was heard, nothing was looked at,
    /// and each site and each alert that calls is to be looked at at once.
    ///
    /// Tests hold what is read back against it.
    pub fn after_a_restart(&self) -> Self {
        let mut state = self.clone();
        state.listening_since = None;
        for site in state.sites.values_mut() {
            let site = Arc::make_mut(site);
            site.presence.clear();
            site.judged = Judged::default();
            site.pruned_at = None;
        }
        let mut fresh = Self::default();
        for site in state.sites.values() {
            fresh.apply(&Change::Site(site.site.clone()));
        }
        for alert in state.alerts.all() {
            fresh.apply(&Change::Alert(alert.clone()));
        }
        state.due = fresh.due;
        state.calls = fresh.calls;
        state
    }
}
