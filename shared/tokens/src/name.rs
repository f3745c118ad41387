//! Ids and names. A value exists only if its text obeys the vendor's rule.

use thiserror::Error;

/// The rule for one type of name. The vendors count lengths in bytes.
pub(crate) struct Rule {
    /// What the name is, in the vendor's words.
    pub(crate) what: &'static str,
    pub(crate) max_bytes: usize,
    /// The allowed characters, for people.
    pub(crate) characters: &'static str,
    /// The allowed characters, for machines. All of them are ASCII.
    pub(crate) allows: fn(u8) -> bool,
    /// Whether the vendor reads `*` here as "anything". If so, the error calls it a wildcard, and not a wrong
    /// character.
    pub(crate) star_is_wildcard: bool,
    /// One more rule, about the whole text. Gives the flaw, or `None`.
    pub(crate) also: fn(&str) -> Option<NameFlaw>,
}

impl Rule {
    pub(crate) fn check(&self, text: &str) -> Result<(), NameError> {
        let refuse = |flaw| Err(NameError { what: self.what, flaw });
        if text.is_empty() {
            return refuse(NameFlaw::Empty);
        }
        // Wildcards first, so that the error says "wildcard" and not only "wrong character".
        if self.star_is_wildcard && text.contains('*') {
            return refuse(NameFlaw::Wildcard("must not contain '*': the vendor reads it as a wildcard"));
        }
        if text.len() > self.max_bytes {
            return refuse(NameFlaw::TooLong { max_bytes: self.max_bytes, bytes: text.len() });
        }
        // All allowed characters are ASCII.
        let allowed = |character: char| character.is_ascii() && (self.allows)(character as u8);
        if let Some((at, character)) = text.char_indices().find(|(_, character)| !allowed(*character)) {
            return refuse(NameFlaw::Character { at, character, characters: self.characters });
        }
        match (self.also)(text) {
            Some(flaw) => refuse(flaw),
            None => Ok(()),
        }
    }
}

/// No rule but length and characters.
pub(crate) fn no_further_rule(_: &str) -> Option<NameFlaw> {
    None
}

/// `A-Z`, `a-z`, `0-9`, punctuation and the space: ASCII without its control characters.
pub(crate) fn printable_ascii(byte: u8) -> bool {
    matches!(byte, b' '..=b'~')
}

/// Why a text is not a valid name. Repeats at most one character of the text, because the text can be a secret.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{what} {flaw}")]
pub struct NameError {
    what: &'static str,
    flaw: NameFlaw,
}

impl NameError {
    pub(crate) fn new(what: &'static str, flaw: NameFlaw) -> NameError {
        NameError { what, flaw }
    }

    /// Which part of the rule was broken.
    pub fn flaw(&self) -> &NameFlaw {
        &self.flaw
    }
}

/// The part of a name's rule that a text breaks.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NameFlaw {
    /// The name is empty. To Agora and ZEGO an empty name often means "any", so it is never allowed.
    #[error("must not be empty")]
    Empty,
    /// The vendor reads it as "any", or as a pattern.
    #[error("{0}")]
    Wildcard(&'static str),
    /// It has more bytes than the vendor takes.
    #[error("must be at most {max_bytes} bytes long; this one has {bytes}")]
    TooLong {
        /// The vendor's limit.
        max_bytes: usize,
        /// What was given.
        bytes: usize,
    },
    /// It has a character that the vendor does not take.
    #[error("may only contain {characters}; the character at byte {at} is {}", named(*character))]
    Character {
        /// Where the first such character begins, counted in bytes from 0.
        at: usize,
        /// The first such character.
        character: char,
        /// The allowed characters in words.
        characters: &'static str,
    },
    /// Each character is right, but the whole text is not.
    #[error("{0}")]
    Form(&'static str),
}

/// A printable ASCII character in quotes. Any other as `U+00E9`: it could control a terminal, or look like another
/// character.
fn named(character: char) -> String {
    match character {
        ' '..='~' => format!("'{character}'"),
        _ => format!("U+{:04X}", u32::from(character)),
    }
}

/// Defines a name type: a `String` that was checked against its [`Rule`] when it was made.
macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $rule:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            const RULE: crate::name::Rule = $rule;

            /// Checks `text` against the vendor's rule.
            ///
            /// # Errors
            /// Says which part of the rule is broken.
            pub fn new(text: impl Into<String>) -> Result<Self, crate::NameError> {
                let text = text.into();
                Self::RULE.check(&text)?;
                Ok(Self(text))
            }

            /// The text, as it goes into the token.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}
pub(crate) use name;

#[cfg(test)]
#[allow(unreachable_pub, reason = "the macro makes public types")]
mod tests {
    use super::*;

    name!(
        /// For these tests only.
        Sample,
        Rule {
            what: "a sample",
            max_bytes: 4,
            characters: "a-z",
            allows: |byte| byte.is_ascii_lowercase(),
            star_is_wildcard: true,
            also: |text| (text == "null").then_some(NameFlaw::Form("must not be the word null")),
        }
    );

    fn refusal(text: &str) -> String {
        Sample::new(text).expect_err("refused").to_string()
    }

    #[test]
    fn says_which_rule_a_name_breaks_and_which_character() {
        assert_eq!(Sample::new("abcd").expect("valid").as_str(), "abcd");
        assert_eq!(refusal(""), "a sample must not be empty");
        assert_eq!(refusal("abcde"), "a sample must be at most 4 bytes long; this one has 5");
        for (text, at, named) in [
            ("ab1", 2, "'1'"),
            ("a b", 1, "' '"),
            ("a'b", 1, "'''"),
            ("é", 0, "U+00E9"),
            ("ab\u{7f}", 2, "U+007F"),
            ("a\n", 1, "U+000A"),
            ("a\u{202e}", 1, "U+202E"),
            ("\u{e0041}", 0, "U+E0041"),
        ] {
            let says = format!("a sample may only contain a-z; the character at byte {at} is {named}");
            assert_eq!(refusal(text), says);
        }
        assert_eq!(refusal("null"), "a sample must not be the word null");
        assert_eq!(refusal("1*a*2"), "a sample must not contain '*': the vendor reads it as a wildcard");
    }
}
