//! Topics as a type, with inverse functions.

use std::fmt;

use crate::id::{IdError, SiteId, UnitId};

/// What every topic of this version begins with.
pub const PREFIX: &str = "gatepost/v1";

/// A unit's topic.
///
/// ```
/// use gatepost_model::topic::{Topic, Channel};
/// let topic = Topic::new("binjiang".parse()?, "gate-1".parse()?, Channel::Events);
/// assert_eq!(topic.to_string(), "gatepost/v1/binjiang/gate-1/events");
/// assert_eq!(Topic::parse("gatepost/v1/binjiang/gate-1/events")?, topic);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Topic {
    /// The unit's site.
    pub site: SiteId,
    /// The unit.
    pub unit: UnitId,
    /// What is said there.
    pub channel: Channel,
}

/// What is said on a unit's topic, and by whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Channel {
    /// Unit: batches of events, QoS 1.
    Events,
    /// Unit: presence and backlog, QoS 0; never record.
    Alive,
    /// Unit: birth and last will, QoS 1, retained; a hint only.
    Status,
    /// Hub: what is durably stored, QoS 1.
    Ack,
    /// Hub: wanted configuration, QoS 1, retained.
    Config,
    /// Hub: identify, test an output, re-measure, calibrate; QoS 1.
    Command,
    /// Unit: results, QoS 1.
    Reply,
}

impl Channel {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Events,
        Self::Alive,
        Self::Status,
        Self::Ack,
        Self::Config,
        Self::Command,
        Self::Reply,
    ];

    /// The last word of the topic.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Events => "events",
            Self::Alive => "alive",
            Self::Status => "status",
            Self::Ack => "ack",
            Self::Config => "config",
            Self::Command => "command",
            Self::Reply => "reply",
        }
    }

    /// The filter that matches this channel of every unit: what the hub subscribes to.
    pub fn of_all_units(self) -> String {
        format!("{PREFIX}/+/+/{}", self.as_str())
    }
}

/// Why a text is no topic of a unit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TopicError {
    /// Not `gatepost/v1/{site}/{unit}/{channel}`.
    #[error("`{0}` is not {PREFIX}/SITE/UNIT/CHANNEL")]
    Form(String),
    /// The site or unit is no id.
    #[error("topic `{topic}`")]
    Id {
        /// The topic.
        topic: String,
        /// What is wrong with it.
        #[source]
        source: IdError,
    },
}

impl Topic {
    /// A unit's topic.
    pub fn new(site: SiteId, unit: UnitId, channel: Channel) -> Self {
        Self {
            site,
            unit,
            channel,
        }
    }

    /// The inverse of `Display`.
    pub fn parse(text: &str) -> Result<Self, TopicError> {
        let form = || TopicError::Form(text.chars().take(120).collect());
        let id = |source| TopicError::Id {
            topic: text.chars().take(120).collect(),
            source,
        };
        let rest = text
            .strip_prefix(PREFIX)
            .and_then(|rest| rest.strip_prefix('/'))
            .ok_or_else(form)?;
        let mut words = rest.split('/');
        let (Some(site), Some(unit), Some(channel), None) =
            (words.next(), words.next(), words.next(), words.next())
        else {
            return Err(form());
        };
        let channel = Channel::ALL
            .into_iter()
            .find(|c| c.as_str() == channel)
            .ok_or_else(form)?;
        Ok(Self {
            site: site.parse().map_err(id)?,
            unit: unit.parse().map_err(id)?,
            channel,
        })
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{PREFIX}/{}/{}/{}",
            self.site,
            self.unit,
            self.channel.as_str()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_are_inverse() {
        for channel in Channel::ALL {
            let topic = Topic::new("s-1".parse().unwrap(), "gate-1".parse().unwrap(), channel);
            assert_eq!(Topic::parse(&topic.to_string()), Ok(topic));
        }
    }

    #[test]
    fn foreign_topics_are_refused() {
        for text in [
            "",
            "gatepost/v1",
            "gatepost/v1/",
            "gatepost/v1/s/u",
            "gatepost/v1/s/u/events/x",
            "gatepost/v2/s/u/events",
            "gatepost/v1/s/u/other",
            "gatepost/v1/S/u/events",
            "gatepost/v1/s/zones/events",
            "gatepost/v1//u/events",
        ] {
            assert!(Topic::parse(text).is_err(), "{text}");
        }
    }
}
