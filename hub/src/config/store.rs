//! `[store]`: where the history is kept.

use std::path::Path;

use super::{Mistakes, reader::Section};
use crate::store::influx::{Place, Retention};

/// Where the history is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Store {
    /// In the journal's own file.
    Embedded,
    /// In InfluxDB 2.
    Influx(InfluxSettings),
}

/// How InfluxDB is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InfluxSettings {
    /// Where it is.
    pub place: Place,
    /// How long the bucket keeps what is in it; none to leave it as it is, and forever for one that
    /// the hub makes.
    pub retention: Option<Retention>,
    /// So many bytes of events may wait in the journal while InfluxDB takes none. Default 2,000 MB.
    pub journal_max: u64,
}

pub(super) fn store(
    mut section: Section<'_>,
    folder: &Path,
    mistakes: &mut Mistakes,
) -> Option<Store> {
    let store = match section.text("kind", mistakes).as_deref() {
        None | Some("embedded") => Some(Store::Embedded),
        Some("influx") => influx(&mut section, folder, mistakes).map(Store::Influx),
        Some(other) => {
            section.wrong(
                "kind",
                format!("`kind` of [store] is `{other}`"),
                "write \"embedded\" or \"influx\"",
                mistakes,
            );
            section.forget(&KEYS);
            None
        }
    };
    section.finish(mistakes);
    store
}

const KEYS: [&str; 7] = [
    "url",
    "org",
    "bucket",
    "token_file",
    "ca_file",
    "retention",
    "journal_max_mb",
];

fn influx(
    section: &mut Section<'_>,
    folder: &Path,
    mistakes: &mut Mistakes,
) -> Option<InfluxSettings> {
    let mut needed = |key: &'static str, example: &str, is_right: fn(&str) -> bool| {
        let text = section.text(key, mistakes);
        if text.as_deref().is_some_and(is_right) {
            return text;
        }
        let what = match &text {
            Some(text) => format!("`{key}` of [store] is `{text}`"),
            None if section.has(key) => return None,
            None => format!("[store] has no `{key}`"),
        };
        section.wrong(
            key,
            what,
            format!("write it like `{key} = \"{example}\"`"),
            mistakes,
        );
        None
    };
    let url = needed("url", "http://127.0.0.1:8086", is_url);
    let org = needed("org", "gatepost", is_name);
    let bucket = needed("bucket", "gatepost", is_name);
    let token_file = needed("token_file", "influx.token", |_| true);
    let ca_file = section.text("ca_file", mistakes);
    let retention = section.text("retention", mistakes);
    let retention = retention.and_then(|text| {
        let read = retention_of(&text);
        if read.is_none() {
            section.wrong(
                "retention",
                format!("`retention` of [store] is `{text}`"),
                "write \"forever\", or days like \"400d\"",
                mistakes,
            );
        }
        read
    });
    let most = section.number("journal_max_mb", 2000.0, 1.0..=10_000_000.0, mistakes);
    Some(InfluxSettings {
        place: Place {
            url: url?.trim_end_matches('/').to_owned(),
            org: org?,
            bucket: bucket?,
            token_file: folder.join(token_file?),
            ca_file: ca_file.map(|file| folder.join(file)),
        },
        retention,
        journal_max: (most * 1e6) as u64,
    })
}

/// An address without a path's question.
fn is_url(text: &str) -> bool {
    let rest = text
        .strip_prefix("http://")
        .or_else(|| text.strip_prefix("https://"));
    let is_plain = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'?' | b'#' | b'@');
    rest.is_some_and(|rest| !rest.is_empty() && rest.bytes().all(is_plain))
}

/// A name that stands in a question as it is.
fn is_name(text: &str) -> bool {
    !text.contains(['"', '\\', '$']) && !text.chars().any(char::is_control)
}

fn retention_of(text: &str) -> Option<Retention> {
    match text {
        "forever" => Some(Retention::Forever),
        days => {
            let days = days.strip_suffix('d')?.parse().ok()?;
            (1..=36_500)
                .contains(&days)
                .then_some(Retention::Days(days))
        }
    }
}
