use std::{fmt, str::FromStr};

use ring::digest::{Context, SHA256};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The hash chain of a log: the first 8 bytes of SHA-256 over the previous 8 bytes and the line's
/// bytes (without its line end). Before the first event it is zero. Written as 16 hex digits.
///
/// Eight bytes suffice: the chain is there to notice a card that went back in time or was cloned,
/// not to withstand an attacker, who is kept out by the unit's certificate.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Chain([u8; 8]);

impl Chain {
    /// Before the first event of a log.
    pub const START: Self = Self([0; 8]);

    /// The chain after one more line.
    pub fn then(self, line: &[u8]) -> Self {
        let mut hash = Context::new(&SHA256);
        hash.update(&self.0);
        hash.update(line);
        let mut next = [0; 8];
        next.copy_from_slice(&hash.finish().as_ref()[..8]);
        Self(next)
    }

    /// As a number, for stores that have no bytes.
    pub fn to_bits(self) -> u64 {
        u64::from_be_bytes(self.0)
    }

    /// The inverse of [`Chain::to_bits`].
    pub fn from_bits(bits: u64) -> Self {
        Self(bits.to_be_bytes())
    }
}

/// Not 16 hex digits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a chain is 16 hex digits, not `{0}`")]
pub struct NoChain(String);

impl FromStr for Chain {
    type Err = NoChain;

    fn from_str(text: &str) -> Result<Self, NoChain> {
        let no = || NoChain(text.chars().take(40).collect());
        if text.len() != 16 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(no());
        }
        u64::from_str_radix(text, 16)
            .map(Self::from_bits)
            .map_err(|_| no())
    }
}

impl fmt::Display for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.to_bits())
    }
}

impl fmt::Debug for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Chain {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Chain {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = Chain;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("16 hex digits")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Chain, E> {
                text.parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Visitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chain_is_what_the_wire_says() {
        // sha256(00 * 8 || "a"), first 8 bytes, computed with coreutils' sha256sum.
        assert_eq!(Chain::START.then(b"a").to_string(), "d7fe8b5c4a504869");
        assert_eq!(Chain::START.to_string(), "0000000000000000");
        assert_eq!("d7fe8b5c4a504869".parse(), Ok(Chain::START.then(b"a")));
        assert!("0".parse::<Chain>().is_err());
        assert!("+000000000000000".parse::<Chain>().is_err());
    }
}
