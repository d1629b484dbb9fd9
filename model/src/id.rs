//! Names that cannot be wrong: parsed once at the border, then carried as cheap clones.

use std::{borrow::Borrow, fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Why a text is no id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// Nothing there.
    #[error("an id must not be empty")]
    Empty,
    /// Longer than the kind of id allows.
    #[error("`{text}` has {length} characters, at most {max} are allowed")]
    TooLong {
        /// The beginning of the text.
        text: String,
        /// Its length in bytes.
        length: usize,
        /// The limit in bytes.
        max: usize,
    },
    /// A character outside the alphabet.
    #[error("`{text}` has `{character}`: only {allowed} are allowed")]
    Character {
        /// The text.
        text: String,
        /// The first character that does not belong.
        character: char,
        /// The alphabet in words.
        allowed: &'static str,
    },
    /// A word that topics need for themselves.
    #[error("`{text}` is reserved")]
    Reserved {
        /// The text.
        text: String,
    },
}

fn check(
    text: &str,
    max: usize,
    allowed: &'static str,
    belongs: fn(char) -> bool,
) -> Result<(), IdError> {
    if text.is_empty() {
        return Err(IdError::Empty);
    }
    if let Some(character) = text.chars().find(|c| !belongs(*c)) {
        let text = text.chars().take(max).collect();
        return Err(IdError::Character {
            text,
            character,
            allowed,
        });
    }
    if text.len() > max {
        let length = text.len();
        let text = text.chars().take(max).collect();
        return Err(IdError::TooLong { text, length, max });
    }
    Ok(())
}

fn is_name(c: char) -> bool {
    c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'
}

fn is_token(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')
}

const NAME: &str = "a-z, 0-9 and -";
const TOKEN: &str = "A-Z, a-z, 0-9, -, _ and .";

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $max:expr, $allowed:expr, $belongs:expr, $reserved:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                check(text, $max, $allowed, $belongs)?;
                let reserved: &[&str] = &$reserved;
                if reserved.contains(&text) {
                    return Err(IdError::Reserved { text: text.to_owned() });
                }
                Ok(Self(Arc::from(text)))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Visitor;
                impl de::Visitor<'_> for Visitor {
                    type Value = $name;
                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        write!(f, "an id of {}, at most {} characters", $allowed, $max)
                    }
                    fn visit_str<E: de::Error>(self, text: &str) -> Result<$name, E> {
                        text.parse().map_err(E::custom)
                    }
                }
                deserializer.deserialize_str(Visitor)
            }
        }
    };
}

id!(
    /// A site, unique on its hub.
    SiteId, 32, NAME, is_name, []
);
id!(
    /// A unit, unique on its site. `zones`, `lanes` and `alerts` are topic words and no unit ids.
    UnitId, 32, NAME, is_name, ["zones", "lanes", "alerts"]
);
id!(
    /// A lane, unique on its site.
    LaneId, 32, NAME, is_name, []
);
id!(
    /// A sensor, unique on its unit.
    SensorId, 32, NAME, is_name, []
);
id!(
    /// A unit's log: made at random when its spool directory is created, so that a swapped card is
    /// a new log and never a duplicate.
    LogId, 64, TOKEN, is_token, []
);
id!(
    /// One run of a unit's kernel: monotonic times are comparable only within it.
    BootId, 64, TOKEN, is_token, []
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_hold_their_limits() {
        assert!("gate-1".parse::<UnitId>().is_ok());
        assert!("a".repeat(32).parse::<UnitId>().is_ok());
        assert!(matches!(
            "a".repeat(33).parse::<UnitId>(),
            Err(IdError::TooLong { length: 33, .. })
        ));
        assert_eq!("".parse::<SiteId>(), Err(IdError::Empty));
        for bad in ["Gate", "gate 1", "gate/1", "gate+", "门", "gate\n"] {
            assert!(
                matches!(bad.parse::<UnitId>(), Err(IdError::Character { .. })),
                "{bad}"
            );
        }
        assert!(matches!(
            "alerts".parse::<UnitId>(),
            Err(IdError::Reserved { .. })
        ));
        assert!("alerts".parse::<SiteId>().is_ok());
    }
}
