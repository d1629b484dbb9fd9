//! Any text as a word that needs no escaping, neither in line protocol nor in Flux, and back: pure.
//!
//! Ids of Gatepost pass as they are. A quantity or a kind may be any text that a unit sent: line
//! protocol has no way to carry a line end or an empty value in a tag, and a word that is escaped in two
//! languages is an invitation. So all but letters, digits, a few signs and what is not ASCII is written
//! as `%` and two hex digits.

use std::borrow::Cow;

/// The word for a text.
pub(super) fn encode(text: &str) -> Cow<'_, str> {
    if text.is_empty() {
        return Cow::Borrowed(EMPTY);
    }
    if text.bytes().all(is_plain) {
        return Cow::Borrowed(text);
    }
    let mut word = String::with_capacity(text.len() + 8);
    for letter in text.chars() {
        match u8::try_from(letter) {
            Ok(byte) if letter.is_ascii() && !is_plain(byte) => {
                word.push('%');
                word.push(char::from(HEX[usize::from(byte >> 4)]));
                word.push(char::from(HEX[usize::from(byte & 15)]));
            }
            _ => word.push(letter),
        }
    }
    Cow::Owned(word)
}

/// The text of a word; nothing if it is none.
pub(super) fn decode(word: &str) -> Option<Cow<'_, str>> {
    if word == EMPTY {
        return Some(Cow::Borrowed(""));
    }
    if !word.contains('%') {
        return Some(Cow::Borrowed(word));
    }
    let mut text = String::with_capacity(word.len());
    let mut rest = word;
    while let Some((before, after)) = rest.split_once('%') {
        text.push_str(before);
        let hex = after.get(..2)?;
        text.push(char::from(u8::from_str_radix(hex, 16).ok()?));
        rest = &after[2..];
    }
    text.push_str(rest);
    Some(Cow::Owned(text))
}

/// The word of the empty text; elsewhere `%` has digits behind it.
const EMPTY: &str = "%";

const HEX: &[u8; 16] = b"0123456789abcdef";

fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || !byte.is_ascii() || matches!(byte, b'-' | b'_' | b'.' | b'/')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_text_comes_back(text in any::<String>()) {
            let word = encode(&text);
            prop_assert!(word.bytes().all(|byte| is_plain(byte) || byte == b'%'));
            prop_assert_eq!(decode(&word), Some(Cow::Owned(text.clone())));
        }
    }

    #[test]
    fn words_are_what_they_say() {
        for (text, word) in [
            ("ambient_c", "ambient_c"),
            ("", "%"),
            ("%", "%25"),
            ("a b\n", "a%20b%0a"),
            ("門 🚧", "門%20🚧"),
            ("\"${x}\\", "%22%24%7bx%7d%5c"),
        ] {
            assert_eq!(encode(text), word);
            assert_eq!(decode(word).unwrap(), text);
        }
        assert_eq!(decode("%zz"), None);
        assert_eq!(decode("a%4"), None);
    }
}
