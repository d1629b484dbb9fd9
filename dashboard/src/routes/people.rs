//! Who does something, and why, as every change says it.

use axum::http::HeaderMap;

use crate::error::Problem;

/// Who acts, until there are users.
const NOBODY_IN_PARTICULAR: &str = "operator";
/// Longest name, in characters.
const MAX_NAME: usize = 64;
/// Longest note, in characters.
const MAX_NOTE: usize = 2_000;
/// Longest idempotency key, in characters.
const MAX_KEY: usize = 128;

/// A name; of nobody in particular if none is said.
pub(super) fn name(by: Option<String>) -> Result<String, Problem> {
    let by = tidy("by", by, MAX_NAME)?;
    Ok(by.unwrap_or_else(|| NOBODY_IN_PARTICULAR.to_owned()))
}

/// Words, if there are any.
pub(super) fn words(note: Option<String>) -> Result<Option<String>, Problem> {
    tidy("note", note, MAX_NOTE)
}

/// Words that must be there.
pub(super) fn reason(reason: String) -> Result<String, Problem> {
    let said = tidy("reason", Some(reason), MAX_NOTE)?;
    said.ok_or_else(|| Problem::invalid_body("say why in `reason`"))
}

/// The `Idempotency-Key` of a request: the same key again is the same command again.
pub(super) fn key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(key) = headers.get("idempotency-key") else {
        return Ok(None);
    };
    match key.to_str() {
        Ok(key) if !key.is_empty() && key.len() <= MAX_KEY => Ok(Some(key.to_owned())),
        _ => Err(Problem::invalid_parameter(
            "Idempotency-Key",
            format!("1 to {MAX_KEY} visible ASCII characters"),
        )),
    }
}

fn tidy(field: &str, text: Option<String>, max: usize) -> Result<Option<String>, Problem> {
    let text = text
        .map(|text| text.trim().to_owned())
        .filter(|text| !text.is_empty());
    match &text {
        Some(long) if long.chars().count() > max => Err(Problem::invalid_body(format!(
            "`{field}` is longer than {max} characters"
        ))),
        _ => Ok(text),
    }
}
