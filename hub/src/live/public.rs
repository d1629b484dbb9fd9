//! The retained topics for everybody: counts and verdicts, nothing of a person.

use std::collections::{BTreeMap, BTreeSet};

use gatepost_model::{SiteId, Wall, topic::PREFIX};
use serde_json::{Value, json};

use crate::{core::Core, outbox::Outbox, read_model};

/// What was published, so that only what differs is published again.
#[derive(Debug, Default)]
pub(super) struct Public {
    /// Sites that changed since.
    pub(super) touched: BTreeSet<SiteId>,
    said: BTreeMap<String, Value>,
}

impl Public {
    /// Everything of these sites is published again.
    pub(super) fn forget<'s>(&mut self, sites: impl Iterator<Item = &'s SiteId>) {
        self.touched.extend(sites.cloned());
        self.said.clear();
    }

    /// Publishes what is new of the sites that changed.
    pub(super) fn publish(&mut self, core: &Core, now: Wall, outbox: &Outbox) {
        let (state, grace) = (core.state(), core.settings().slot_grace);
        for id in std::mem::take(&mut self.touched) {
            let Some(site) = state.sites.get(&id) else {
                continue;
            };
            for lane in read_model::fleet::lanes(site, state.listening_since, now) {
                let said = json!({ "kind": lane.kind, "in": lane.into, "out": lane.out, "state": lane.state });
                self.say(format!("{PREFIX}/{id}/lanes/{}", lane.id), said, outbox);
            }
            for zone in read_model::fleet::zones(site, grace, now) {
                let said = json!({ "used": zone.used, "verdicts": zone.verdicts });
                self.say(format!("{PREFIX}/{id}/zones/{}", zone.id), said, outbox);
            }
            let counts = read_model::alerts::counts(state.open_alerts(&id));
            self.say(format!("{PREFIX}/{id}/alerts"), json!(counts), outbox);
        }
    }

    fn say(&mut self, topic: String, said: Value, outbox: &Outbox) {
        if self.said.get(&topic) != Some(&said) {
            outbox.retain(topic.clone(), said.to_string().into_bytes());
            self.said.insert(topic, said);
        }
    }
}
