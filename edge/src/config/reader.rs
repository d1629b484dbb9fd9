//! Reads tables key by key, noting every mistake and going on.

use std::{ops::RangeInclusive, str::FromStr, time::Duration};

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::Mistakes;

type Value<'a> = Spanned<DeValue<'a>>;

/// The whole file. With a broken syntax it is what could be read of it.
pub(super) fn parse<'a>(text: &'a str, mistakes: &mut Mistakes) -> Section<'a> {
    let (table, errors) = DeTable::parse_recoverable(text);
    for error in errors {
        let at = error.span().map_or(0, |span| span.start);
        mistakes.add(at, error.message(), "correct the TOML syntax");
    }
    let at = table.span().start;
    Section::new("the file", at, table.into_inner())
}

/// One table of the file. Keys are taken out one by one; [`Section::finish`] reports what is left.
#[derive(Debug, Default)]
pub(super) struct Section<'a> {
    name: String,
    at: usize,
    entries: Vec<Entry<'a>>,
    known: Vec<&'static str>,
}

#[derive(Debug)]
struct Entry<'a> {
    key: String,
    at: usize,
    value: Option<Value<'a>>,
}

impl<'a> Section<'a> {
    fn new(name: &str, at: usize, table: DeTable<'a>) -> Self {
        let entries = table
            .into_iter()
            .map(|(key, value)| Entry {
                at: key.span().start,
                key: key.into_inner().into_owned(),
                value: Some(value),
            })
            .collect();
        Self {
            name: name.to_owned(),
            at,
            entries,
            known: Vec::new(),
        }
    }

    fn take(&mut self, key: &'static str) -> Option<Value<'a>> {
        self.known.push(key);
        self.entries
            .iter_mut()
            .find(|entry| entry.key == key)
            .and_then(|entry| entry.value.take())
    }

    /// Where a key stands, or else its table.
    pub(super) fn place(&self, key: &str) -> usize {
        self.entries
            .iter()
            .find(|entry| entry.key == key)
            .map_or(self.at, |entry| entry.at)
    }

    /// The text of a key that was not read yet, whatever is wrong with it.
    pub(super) fn peek(&self, key: &str) -> Option<String> {
        let entry = self.entries.iter().find(|entry| entry.key == key)?;
        let text = entry.value.as_ref()?.get_ref().as_str()?;
        Some(text.to_owned())
    }

    /// Notes a mistake at a key.
    pub(super) fn wrong(
        &self,
        key: &str,
        what: impl Into<String>,
        cure: impl Into<String>,
        mistakes: &mut Mistakes,
    ) {
        mistakes.add(self.place(key), what, cure);
    }

    fn mistyped(&self, key: &str, value: &Value<'_>, wanted: &str, mistakes: &mut Mistakes) {
        let found = value.get_ref().type_str();
        let what = format!("`{key}` of {} is a {found}", self.name);
        self.wrong(key, what, format!("write {wanted}"), mistakes);
    }

    /// A table that must be there.
    pub(super) fn section(
        &mut self,
        key: &'static str,
        mistakes: &mut Mistakes,
    ) -> Option<Section<'a>> {
        let found = self.known_section(key, mistakes);
        if found.is_none() && self.entries.iter().all(|entry| entry.key != key) {
            mistakes.add(self.at, format!("[{key}] is missing"), "add it");
        }
        found
    }

    /// A table that may be left out.
    pub(super) fn optional(
        &mut self,
        key: &'static str,
        mistakes: &mut Mistakes,
    ) -> Option<Section<'a>> {
        self.known_section(key, mistakes)
    }

    fn known_section(&mut self, key: &'static str, mistakes: &mut Mistakes) -> Option<Section<'a>> {
        let value = self.take(key)?;
        let at = value.span().start;
        if !value.get_ref().is_table() {
            self.mistyped(key, &value, &format!("it as a table [{key}]"), mistakes);
            return None;
        }
        match value.into_inner() {
            DeValue::Table(table) => Some(Section::new(&format!("[{key}]"), at, table)),
            _ => None,
        }
    }

    /// The tables of an array like `[[lane]]`.
    pub(super) fn sections(
        &mut self,
        key: &'static str,
        mistakes: &mut Mistakes,
    ) -> Vec<Section<'a>> {
        let Some(value) = self.take(key) else {
            return Vec::new();
        };
        let name = format!("[[{key}]]");
        let tables = matches!(value.get_ref(), DeValue::Array(items) if items.iter().all(|item| item.get_ref().is_table()));
        if !tables {
            self.mistyped(key, &value, &format!("it as tables {name}"), mistakes);
            return Vec::new();
        }
        let DeValue::Array(items) = value.into_inner() else {
            return Vec::new();
        };
        items
            .into_iter()
            .filter_map(|item| {
                let at = item.span().start;
                match item.into_inner() {
                    DeValue::Table(table) => Some(Section::new(&name, at, table)),
                    _ => None,
                }
            })
            .collect()
    }

    fn missing(&self, key: &str, mistakes: &mut Mistakes) {
        mistakes.add(
            self.at,
            format!("{} has no `{key}`", self.name),
            format!("add `{key} = …`"),
        );
    }

    /// Whether a key is written.
    pub(super) fn has(&self, key: &str) -> bool {
        self.entries.iter().any(|entry| entry.key == key)
    }

    /// A text that must be there.
    pub(super) fn text(&mut self, key: &'static str, mistakes: &mut Mistakes) -> Option<String> {
        if !self.has(key) {
            self.known.push(key);
            self.missing(key, mistakes);
            return None;
        }
        self.optional_text(key, mistakes)
    }

    /// A text that may be left out.
    pub(super) fn optional_text(
        &mut self,
        key: &'static str,
        mistakes: &mut Mistakes,
    ) -> Option<String> {
        let value = self.take(key)?;
        match value.get_ref().as_str() {
            Some("") => {
                let what = format!("`{key}` of {} is empty", self.name);
                self.wrong(key, what, "write a text between the quotes", mistakes);
                None
            }
            Some(text) => Some(text.to_owned()),
            None => {
                self.mistyped(key, &value, "a text in quotes", mistakes);
                None
            }
        }
    }

    /// A list of texts that may be left out.
    pub(super) fn texts(&mut self, key: &'static str, mistakes: &mut Mistakes) -> Vec<String> {
        let Some(value) = self.take(key) else {
            return Vec::new();
        };
        let texts: Option<Vec<String>> = value.get_ref().as_array().and_then(|items| {
            items
                .iter()
                .map(|item| item.get_ref().as_str().map(str::to_owned))
                .collect()
        });
        texts.unwrap_or_else(|| {
            self.mistyped(key, &value, "a list of texts [\"…\"]", mistakes);
            Vec::new()
        })
    }

    /// An id or a word that must be there.
    pub(super) fn id<T: FromStr<Err: ToString>>(
        &mut self,
        key: &'static str,
        mistakes: &mut Mistakes,
    ) -> Option<T> {
        let text = self.text(key, mistakes)?;
        match text.parse() {
            Ok(id) => Some(id),
            Err(error) => {
                let what = format!("`{key}` of {}: {}", self.name, error.to_string());
                self.wrong(key, what, "choose another", mistakes);
                None
            }
        }
    }

    /// A yes or no.
    pub(super) fn flag(
        &mut self,
        key: &'static str,
        default: bool,
        mistakes: &mut Mistakes,
    ) -> bool {
        let Some(value) = self.take(key) else {
            return default;
        };
        value.get_ref().as_bool().unwrap_or_else(|| {
            self.mistyped(key, &value, "true or false", mistakes);
            default
        })
    }

    /// A whole number within a range.
    pub(super) fn whole(
        &mut self,
        key: &'static str,
        default: u64,
        range: RangeInclusive<u64>,
        mistakes: &mut Mistakes,
    ) -> u64 {
        let Some(value) = self.take(key) else {
            return default;
        };
        let Some(number) = value.get_ref().as_integer() else {
            self.mistyped(key, &value, "a whole number", mistakes);
            return default;
        };
        let text = number.as_str().replace('_', "");
        match u64::from_str_radix(&text, number.radix()) {
            Ok(number) if range.contains(&number) => number,
            _ => {
                self.outside(key, &text, range.start(), range.end(), mistakes);
                default
            }
        }
    }

    /// A number within a range.
    pub(super) fn number(
        &mut self,
        key: &'static str,
        default: f64,
        range: RangeInclusive<f64>,
        mistakes: &mut Mistakes,
    ) -> f64 {
        let Some(value) = self.take(key) else {
            return default;
        };
        let text = match value.get_ref() {
            DeValue::Float(number) => number.as_str(),
            DeValue::Integer(number) if number.radix() == 10 => number.as_str(),
            _ => {
                self.mistyped(key, &value, "a number", mistakes);
                return default;
            }
        }
        .replace('_', "");
        match text.parse() {
            Ok(number) if range.contains(&number) => number,
            _ => {
                self.outside(key, &text, range.start(), range.end(), mistakes);
                default
            }
        }
    }

    /// A number that must be there.
    pub(super) fn required_number(
        &mut self,
        key: &'static str,
        range: RangeInclusive<f64>,
        mistakes: &mut Mistakes,
    ) -> f64 {
        if !self.has(key) {
            self.missing(key, mistakes);
        }
        self.number(key, *range.start(), range, mistakes)
    }

    /// A span in seconds.
    pub(super) fn seconds(
        &mut self,
        key: &'static str,
        default: f64,
        range: RangeInclusive<f64>,
        mistakes: &mut Mistakes,
    ) -> Duration {
        Duration::from_secs_f64(self.number(key, default, range, mistakes))
    }

    /// A span in milliseconds.
    pub(super) fn millis(
        &mut self,
        key: &'static str,
        default: u64,
        range: RangeInclusive<u64>,
        mistakes: &mut Mistakes,
    ) -> Duration {
        Duration::from_millis(self.whole(key, default, range, mistakes))
    }

    fn outside(
        &self,
        key: &str,
        value: &str,
        from: &dyn std::fmt::Display,
        to: &dyn std::fmt::Display,
        mistakes: &mut Mistakes,
    ) {
        let what = format!("`{key}` of {} is {value}", self.name);
        self.wrong(key, what, format!("write {from} to {to}"), mistakes);
    }

    /// Reports the keys that nobody asked for.
    pub(super) fn finish(self, mistakes: &mut Mistakes) {
        let known = self.known;
        for entry in self.entries {
            if !known.contains(&entry.key.as_str()) {
                let what = format!("{} has no key `{}`", self.name, entry.key);
                let cure = format!("remove it, or write one of {}", known.join(", "));
                mistakes.add(entry.at, what, cure);
            }
        }
    }
}
