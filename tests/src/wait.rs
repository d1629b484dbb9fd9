//! Waiting for a state, never for a time.

use std::{fmt::Debug, future::Future, time::Duration};

use anyhow::bail;

use crate::clock::Deadline;

/// Between two looks.
const EVERY: Duration = Duration::from_millis(50);

/// Looks until `look` gives what is waited for; the error says what it saw last. `look` answers
/// `Ok` with the result, or `Err` with what it sees instead.
pub async fn wait_for<T, S, F>(
    what: &str,
    within: Duration,
    mut look: impl FnMut() -> F,
) -> anyhow::Result<T>
where
    S: Debug,
    F: Future<Output = Result<T, S>>,
{
    let deadline = Deadline::after(within);
    loop {
        match look().await {
            Ok(found) => return Ok(found),
            Err(seen) if deadline.is_over() => {
                bail!("{what}: not within {within:?}; last seen: {seen:?}")
            }
            Err(_) => tokio::time::sleep(EVERY).await,
        }
    }
}
