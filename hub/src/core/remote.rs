//! What units are told from a distance, and what they answer.
//!
//! A wanted configuration is said retained, and again whenever the broker may have forgotten it. A
//! command is said once: what a unit that was away has not heard is not done later.

use gatepost_dashboard::{
    ports::{Answer, CommandError},
    view::{CommandView, UnitConfig},
};
use gatepost_model::{
    SiteId, Topic, UnitId, Wall,
    remote::{Command, ConfigResult, MAX_CONFIG_VERSION, Order, Reply, WantedConfig},
    topic::Channel,
    wire,
};

use super::{
    Turn,
    input::Effect,
    state::{CommandsRow, Part, SiteState},
};

/// So many commands of a unit are remembered.
const REMEMBERED: usize = 50;

/// A unit that is known or expected.
fn known(part: &Part<'_, '_>, unit: &UnitId) -> Result<(), CommandError> {
    if part.site.base.unit_ids().contains(unit) {
        return Ok(());
    }
    Err(CommandError::NotFound {
        what: "unit",
        id: unit.to_string(),
    })
}

/// A unit is to run with another configuration.
pub(super) fn configure(
    part: &mut Part<'_, '_>,
    now: Wall,
    by: &str,
    unit: &UnitId,
    (seen, text): (Option<u64>, Option<String>),
) -> Result<(Answer, bool), CommandError> {
    known(part, unit)?;
    let site = part.id.clone();
    let none = || UnitConfig::none(site.clone(), unit.clone());
    let config = part.site.configs.edit(unit.clone(), none);
    if seen.is_some_and(|seen| seen != config.version) {
        return Err(CommandError::Conflict(Box::new(Answer::Config(Box::new(
            config.clone(),
        )))));
    }
    // What a unit did not keep may be tried again.
    let failed = config.answered == Some(config.version)
        && config.result.is_some_and(|it| it != ConfigResult::Applied);
    if config.version > 0 && config.text == text && !failed {
        return Ok((Answer::Config(Box::new(config.clone())), false));
    }
    config.version = config.version.saturating_add(1);
    config.text = text;
    config.at = Some(now);
    config.by = Some(by.to_owned());
    Ok((Answer::Config(Box::new(config.clone())), true))
}

/// A unit is told to do something now.
pub(super) fn tell(
    part: &mut Part<'_, '_>,
    now: Wall,
    by: &str,
    unit: &UnitId,
    command: Order,
) -> Result<(Answer, bool), CommandError> {
    known(part, unit)?;
    // The audit trail's numbers are never given twice; another record has other times.
    let number = part.site.last_audit().map_or(1, |entry| entry.n + 1);
    let view = CommandView {
        id: format!("{}-{number}", now.micros()),
        site: part.id.clone(),
        unit: unit.clone(),
        command,
        at: now,
        by: by.to_owned(),
        done: None,
        detail: String::new(),
        answered_at: None,
    };
    let row = part
        .site
        .commands
        .edit(unit.clone(), || CommandsRow::new(unit.clone()));
    row.newest.insert(0, view.clone());
    row.newest.truncate(REMEMBERED);
    Ok((Answer::Command(Box::new(view)), true))
}

/// What is to be said to a unit once it is durable.
pub(super) fn said(turn: &mut Turn<'_>, answer: &Answer) {
    match answer {
        Answer::Config(config) => turn.effects.extend(wanted(config)),
        Answer::Command(view) => turn.effects.push(Effect::Say {
            topic: Topic::new(view.site.clone(), view.unit.clone(), Channel::Command),
            payload: wire::to_bytes(&Command {
                id: view.id.clone(),
                order: view.command.clone(),
            }),
            retain: false,
        }),
        _ => {}
    }
}

/// What is wanted of all units of a site, again.
pub(super) fn again(turn: &mut Turn<'_>, site: &SiteState) {
    turn.effects
        .extend(site.configs.values().filter_map(wanted));
}

fn wanted(config: &UnitConfig) -> Option<Effect> {
    (config.version > 0).then(|| Effect::Say {
        topic: Topic::new(config.site.clone(), config.unit.clone(), Channel::Config),
        payload: wire::to_bytes(&WantedConfig {
            version: config.version,
            text: config.text.clone(),
        }),
        retain: true,
    })
}

/// A unit answers.
pub(super) fn heard(
    turn: &mut Turn<'_>,
    part: &mut Part<'_, '_>,
    unit: &UnitId,
    reply: Reply,
    received: Wall,
) {
    if known(part, unit).is_err() {
        return;
    }
    let site: SiteId = part.id.clone();
    match reply {
        Reply::Config(reply) => {
            let wanted_last = part.site.configs.get(unit).map_or(0, |it| it.version);
            // Nobody wanted that: what a broken unit says does not take the numbers away.
            if reply.version.max(reply.applied) > MAX_CONFIG_VERSION.max(wanted_last) {
                return;
            }
            let none = || UnitConfig::none(site, unit.clone());
            let config = part.site.configs.edit(unit.clone(), none);
            config.applied = Some(reply.applied);
            config.answered = Some(reply.version);
            config.result = Some(reply.result);
            config.detail = reply.detail;
            config.answered_at = Some(received);
            // A hub that was restored to before it wanted that goes on above it, and wants again what
            // it knows to be wanted.
            if reply.version > config.version {
                let wants = config.version > 0;
                config.version = reply.version.saturating_add(u64::from(wants));
                turn.effects
                    .extend(Some(&*config).filter(|_| wants).and_then(wanted));
            }
        }
        Reply::Command(reply) => {
            let Some(row) = part.site.commands.get(unit) else {
                return;
            };
            let Some(place) = row.newest.iter().position(|view| view.id == reply.id) else {
                return;
            };
            let row = part
                .site
                .commands
                .edit(unit.clone(), || CommandsRow::new(unit.clone()));
            if let Some(view) = row.newest.get_mut(place) {
                view.done = Some(reply.done);
                view.detail = reply.detail;
                view.answered_at = Some(received);
            }
        }
    }
}

#[cfg(test)]
mod tests;
