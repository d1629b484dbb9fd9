//! Query parameters, taken one by one, each refused by name.
//!
//! A parameter that a path does not know is refused as well: a typing error must not silently ask
//! for more than was meant.

use std::{fmt::Display, str::FromStr};

use gatepost_model::Wall;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::error::Problem;

/// Longest text taken for a free word: kinds, metrics, cursors.
const MAX_WORD: usize = 512;

/// The parameters of one request that nobody has taken yet.
#[derive(Debug)]
pub(crate) struct Params(Vec<(String, String)>);

impl Params {
    /// Refuses a parameter that is there twice. An empty one counts as not there.
    pub(crate) fn new(pairs: Vec<(String, String)>) -> Result<Self, Problem> {
        for (at, (name, _)) in pairs.iter().enumerate() {
            if pairs[..at].iter().any(|(earlier, _)| earlier == name) {
                return Err(Problem::invalid_parameter(name, "it is there twice"));
            }
        }
        Ok(Self(pairs))
    }

    /// A free word.
    pub(crate) fn text(&mut self, name: &str) -> Result<Option<String>, Problem> {
        let Some(at) = self.0.iter().position(|(known, _)| known == name) else {
            return Ok(None);
        };
        let (_, text) = self.0.swap_remove(at);
        if text.len() > MAX_WORD {
            return Err(Problem::invalid_parameter(
                name,
                format!("at most {MAX_WORD} bytes are taken"),
            ));
        }
        Ok(Some(text).filter(|text| !text.is_empty()))
    }

    /// Anything that says itself what is wrong with a text: ids, zones.
    pub(crate) fn parse<T>(&mut self, name: &str) -> Result<Option<T>, Problem>
    where
        T: FromStr,
        T::Err: Display,
    {
        self.text(name)?
            .map(|text| text.parse())
            .transpose()
            .map_err(|error: T::Err| Problem::invalid_parameter(name, error.to_string()))
    }

    /// One of a fixed list of words, as JSON spells them.
    pub(crate) fn word<T: DeserializeOwned>(
        &mut self,
        name: &str,
        words: &str,
    ) -> Result<Option<T>, Problem> {
        self.text(name)?
            .map(|text| serde_json::from_value(Value::String(text.clone())).map_err(|_| text))
            .transpose()
            .map_err(|text| {
                Problem::invalid_parameter(name, format!("`{text}` is none of {words}"))
            })
    }

    /// A time, RFC 3339.
    pub(crate) fn time(&mut self, name: &str) -> Result<Option<Wall>, Problem> {
        self.text(name)?
            .map(|text| Wall::parse(&text).map_err(|_| text))
            .transpose()
            .map_err(|text| {
                Problem::invalid_parameter(
                    name,
                    format!(
                        "`{text}` is no RFC 3339 time like 2026-11-23T07:30:00Z (a + in it is %2B)"
                    ),
                )
            })
    }

    /// `true` or `false`; false if it is not there.
    pub(crate) fn flag(&mut self, name: &str) -> Result<bool, Problem> {
        Ok(self.word(name, "true, false")?.unwrap_or(Flag::False) == Flag::True)
    }

    /// How many at most, 1 to `max`.
    pub(crate) fn limit(&mut self, usual: usize, max: usize) -> Result<usize, Problem> {
        let Some(text) = self.text("limit")? else {
            return Ok(usual);
        };
        text.parse()
            .ok()
            .filter(|limit| (1..=max).contains(limit))
            .ok_or_else(|| {
                Problem::invalid_parameter(
                    "limit",
                    format!("`{text}` is no number from 1 to {max}"),
                )
            })
    }

    /// Refuses what is left.
    pub(crate) fn end(self) -> Result<(), Problem> {
        match self.0.first() {
            None => Ok(()),
            Some((name, _)) => Err(Problem::invalid_parameter(
                &name.chars().take(64).collect::<String>(),
                "there is no such parameter here",
            )),
        }
    }
}

#[derive(PartialEq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
enum Flag {
    True,
    False,
}
