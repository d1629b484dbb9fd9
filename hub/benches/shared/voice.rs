//! What a unit says, one event a batch, as bytes under a topic.

use gatepost_model::{Chain, Wall, wire::encode};
use serde_json::{Value, json};

/// A unit's voice.
pub(crate) struct Voice {
    site: String,
    unit: String,
    through: u64,
    chain: Chain,
}

impl Voice {
    /// One that has said nothing.
    pub(crate) fn new(site: &str, unit: &str) -> Self {
        Self {
            site: site.to_owned(),
            unit: unit.to_owned(),
            through: 0,
            chain: Chain::START,
        }
    }

    /// An event, so many seconds after the boot.
    pub(crate) fn says(
        &mut self,
        now: Wall,
        second: i64,
        kind: &str,
        fields: Value,
    ) -> (String, Vec<u8>) {
        let mono_us = second * 1_000_000;
        let mut line = json!({ "mono_us": mono_us, "at": now, "err_ms": 5, "kind": kind });
        let fields = fields.as_object().unwrap().clone();
        line.as_object_mut().unwrap().extend(fields);
        let line = line.to_string();
        let header = json!({ "v": 1, "unit": self.unit, "log": "l1", "first": self.through + 1,
            "count": 1, "chain": self.chain, "boot": "b1",
            "sent": { "boot": "b1", "mono_us": mono_us, "wall": now, "clock": "synced" } });
        let header = serde_json::from_value(header).unwrap();
        self.through += 1;
        self.chain = self.chain.then(line.as_bytes());
        (self.topic("events"), encode(&header, [line.as_bytes()]))
    }

    /// That it is there.
    pub(crate) fn alive(&self, second: i64) -> (String, Vec<u8>) {
        let said = json!({ "log": "l1", "last": self.through, "waiting": 0,
            "mono_us": second * 1_000_000, "clock": "synced", "interval_s": 10 });
        (self.topic("alive"), said.to_string().into_bytes())
    }

    fn topic(&self, channel: &str) -> String {
        format!("gatepost/v1/{}/{}/{channel}", self.site, self.unit)
    }
}
