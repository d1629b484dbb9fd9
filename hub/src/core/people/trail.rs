//! The audit trail of a site: a chain of hashes over what people did.
//!
//! Each entry's hash is over the hash before it and its own fields, with the act as its hash: so what
//! an act says can be erased later and the chain still holds, while nothing can be changed, left out
//! or put in between.

use std::fmt::Write;

use gatepost_dashboard::{ports::Act, view::AuditEntry};
use gatepost_model::Wall;
use sha2::{Digest, Sha256};

use crate::core::state::{Part, Row};

impl Row for AuditEntry {
    type Key = u64;

    fn key(&self) -> u64 {
        self.n
    }
}

pub(super) fn write(part: &mut Part<'_, '_>, by: &str, act: &Act, now: Wall) {
    let before = part.site.last_audit();
    let act = serde_json::to_value(act).unwrap_or_default();
    let mut entry = AuditEntry {
        site: part.id.clone(),
        n: before.map_or(1, |entry| entry.n + 1),
        at: now,
        by: by.to_owned(),
        act_hash: hex(act.to_string().as_bytes()),
        act: Some(act),
        before: before.map(|it| it.hash.clone()).unwrap_or_default(),
        hash: String::new(),
    };
    entry.hash = hash_of(&entry);
    part.site.audit.push(entry);
}

/// Whether entries, in order, are a piece of one chain that nobody changed.
pub fn verify(entries: &[AuditEntry]) -> bool {
    let is_whole = |entry: &AuditEntry| {
        let act = entry.act.as_ref();
        entry.hash == hash_of(entry)
            && act.is_none_or(|act| entry.act_hash == hex(act.to_string().as_bytes()))
    };
    let follows =
        |pair: &[AuditEntry]| pair[1].n == pair[0].n + 1 && pair[1].before == pair[0].hash;
    entries.iter().all(is_whole) && entries.windows(2).all(follows)
}

fn hash_of(entry: &AuditEntry) -> String {
    let AuditEntry {
        site, n, at, by, ..
    } = entry;
    let said = serde_json::json!([entry.before, site, n, at, by, entry.act_hash]);
    hex(said.to_string().as_bytes())
}

/// What is the same when the same is asked again.
pub(super) fn print_of(by: &str, act: &Act) -> String {
    let said = serde_json::json!([by, act]);
    hex(said.to_string().as_bytes())
}

/// The SHA-256 of bytes, in hex digits.
pub(in crate::core) fn hex(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    digest
        .iter()
        .fold(String::with_capacity(64), |mut text, byte| {
            // Writing to a String cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
}
