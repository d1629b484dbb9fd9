//! Reads tables key by key, noting every mistake and going on.

use std::{net::SocketAddr, ops::RangeInclusive};

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::Mistakes;

/// The whole file. With a broken syntax it is what could be read of it.
pub(super) fn parse<'a>(text: &'a str, mistakes: &mut Mistakes) -> Section<'a> {
    let (table, errors) = DeTable::parse_recoverable(text);
    for error in errors {
        let at = error.span().map_or(0, |span| span.start);
        mistakes.add(at, error.message(), "correct the TOML syntax");
    }
    Section::new("the file", 0, table.into_inner())
}

/// One table of the file. Keys are taken out one by one; [`Section::finish`] reports what is left.
#[derive(Debug)]
pub(super) struct Section<'a> {
    name: String,
    at: usize,
    entries: Vec<(String, usize, Option<Spanned<DeValue<'a>>>)>,
    known: Vec<&'static str>,
}

impl<'a> Section<'a> {
    fn new(name: &str, at: usize, table: DeTable<'a>) -> Self {
        let entries = table.into_iter().map(|(key, value)| {
            let at = key.span().start;
            (key.into_inner().into_owned(), at, Some(value))
        });
        Self {
            name: name.to_owned(),
            at,
            entries: entries.collect(),
            known: Vec::new(),
        }
    }

    fn take(&mut self, key: &'static str) -> Option<Spanned<DeValue<'a>>> {
        self.known.push(key);
        let entry = self.entries.iter_mut().find(|(known, ..)| known == key)?;
        entry.2.take()
    }

    /// Whether the key is there.
    pub(super) fn has(&self, key: &str) -> bool {
        self.entries.iter().any(|(known, ..)| known == key)
    }

    /// Keys that may be there and are not looked at.
    pub(super) fn forget(&mut self, keys: &[&'static str]) {
        self.known.extend(keys);
    }

    /// Notes a mistake at a key, or at the table if it does not have the key.
    pub(super) fn wrong(
        &self,
        key: &str,
        what: impl Into<String>,
        cure: impl Into<String>,
        mistakes: &mut Mistakes,
    ) {
        let entry = self.entries.iter().find(|(known, ..)| known == key);
        mistakes.add(entry.map_or(self.at, |(_, at, _)| *at), what, cure);
    }

    fn mistyped(&self, key: &str, found: &str, wanted: &str, mistakes: &mut Mistakes) {
        let what = format!("`{key}` of {} is a {found}", self.name);
        self.wrong(key, what, format!("write {wanted}"), mistakes);
    }

    /// A table; an empty one if it is not there or is something else, which [`Self::finish`] reports.
    pub(super) fn section(&mut self, key: &'static str) -> Section<'a> {
        self.known.push(key);
        let name = format!("[{key}]");
        let Some((_, at, value)) = self.entries.iter_mut().find(|(known, ..)| known == key) else {
            return Section::new(&name, self.at, DeTable::new());
        };
        let at = *at;
        match value.take().map(Spanned::into_inner) {
            Some(DeValue::Table(table)) => Section::new(&name, at, table),
            other => {
                *value = other.map(|other| Spanned::new(at..at, other));
                Section::new(&name, at, DeTable::new())
            }
        }
    }

    /// A list of tables; none if it is not there or is something else, which [`Self::finish`] reports.
    pub(super) fn tables(&mut self, key: &'static str) -> Vec<Section<'a>> {
        self.known.push(key);
        let Some((_, at, value)) = self.entries.iter_mut().find(|(known, ..)| known == key) else {
            return Vec::new();
        };
        let (at, name) = (*at, format!("[[{key}]]"));
        let is_list = |value: &Spanned<DeValue<'_>>| {
            let list = value.get_ref().as_array();
            list.is_some_and(|list| list.iter().all(|it| it.get_ref().as_table().is_some()))
        };
        if !value.as_ref().is_some_and(is_list) {
            return Vec::new();
        }
        let Some(DeValue::Array(list)) = value.take().map(Spanned::into_inner) else {
            return Vec::new();
        };
        list.into_iter()
            .filter_map(|table| {
                let begins = table.span().start.max(at);
                match table.into_inner() {
                    DeValue::Table(table) => Some(Section::new(&name, begins, table)),
                    _ => None,
                }
            })
            .collect()
    }

    /// A text that may be left out.
    pub(super) fn text(&mut self, key: &'static str, mistakes: &mut Mistakes) -> Option<String> {
        let value = self.take(key)?;
        match value.get_ref().as_str() {
            Some("") => {
                let what = format!("`{key}` of {} is empty", self.name);
                self.wrong(key, what, "write a text between the quotes", mistakes);
                None
            }
            Some(text) => Some(text.to_owned()),
            None => {
                let found = value.get_ref().type_str();
                self.mistyped(key, found, "a text in quotes", mistakes);
                None
            }
        }
    }

    /// An address with its port.
    pub(super) fn address(
        &mut self,
        key: &'static str,
        default: &str,
        mistakes: &mut Mistakes,
    ) -> Option<SocketAddr> {
        let was_there = self.has(key);
        let text = match self.text(key, mistakes) {
            Some(text) => text,
            None if was_there => return None,
            None => default.to_owned(),
        };
        let read = text.parse().ok();
        if read.is_none() {
            let what = format!("`{key}` of {} is `{text}`", self.name);
            self.wrong(key, what, format!("write it like \"{default}\""), mistakes);
        }
        read
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
            other => {
                self.mistyped(key, other.type_str(), "a number", mistakes);
                return default;
            }
        }
        .replace('_', "");
        match text.parse() {
            Ok(number) if range.contains(&number) => number,
            _ => {
                let what = format!("`{key}` of {} is {text}", self.name);
                let cure = format!("write {} to {}", range.start(), range.end());
                self.wrong(key, what, cure, mistakes);
                default
            }
        }
    }

    /// Reports tables that are none, and keys that nobody asked for.
    pub(super) fn finish(self, mistakes: &mut Mistakes) {
        for (key, at, value) in self.entries {
            if !self.known.contains(&key.as_str()) {
                let what = format!("{} has no key `{key}`", self.name);
                let cure = format!("remove it, or write one of {}", self.known.join(", "));
                mistakes.add(at, what, cure);
            } else if let Some(value) = value {
                let found = value.get_ref().type_str();
                let what = format!("`{key}` of {} is a {found}", self.name);
                mistakes.add(at, what, format!("write it as a table [{key}]"));
            }
        }
    }
}
