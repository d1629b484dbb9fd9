//! What people change, act by act.

use gatepost_dashboard::ports::{Act, Answer, Command, CommandError};

use super::{Turn, alerts::Person, state::Draft};

/// Carries a command out in the draft of a turn, or says why not.
pub(super) fn act(
    draft: &mut Draft<'_>,
    turn: &Turn<'_>,
    command: Command,
) -> Result<Answer, CommandError> {
    let Command { by, act } = command;
    match act {
        Act::Alert {
            alert,
            version,
            note,
            act,
        } => {
            let person = Person { by, note, version };
            let alert = draft.alerts.act(alert, &act, person, turn.now)?;
            Ok(Answer::Alert(Box::new(alert)))
        }
    }
}
