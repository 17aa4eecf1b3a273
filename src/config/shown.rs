//! Values in messages: nothing of them is a secret, and nothing of them does anything to a terminal.

use std::fmt;

use crate::model::series::Readable;

/// Shorter runs of letters are names; tokens of InfluxDB have 86 before their `==`.
const TOKEN_LETTERS_MIN: usize = 40;

/// Letters of a value that a message shows.
const SHOWN_CHARS_MAX: usize = 80;

/// A value in a message: quoted, control characters escaped, cut after 80 letters, and not shown at all if it looks
/// like a token or holds a password, or parameters of an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownValue(String);

impl ShownValue {
    /// Makes a value fit to be shown.
    pub fn new(value: &str) -> Self {
        let is_address = value.contains("://") && value.contains(['?', '#', '@']);
        if looks_like_token(value) || is_address || value.contains('@') && value.contains(':') {
            return Self("(not shown: it may hold a secret)".to_owned());
        }
        let cut: String = value.chars().take(SHOWN_CHARS_MAX).collect();
        let dots = if cut.len() < value.len() { "..." } else { "" };
        Self(format!("\"{}{dots}\"", Readable(cut.as_bytes())))
    }
}

impl fmt::Display for ShownValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// True for a text that holds a long run of base64 letters ending in `==`.
pub(crate) fn looks_like_token(text: &str) -> bool {
    let bytes = text.as_bytes();
    let mut letters = 0;
    for (at, &byte) in bytes.iter().enumerate() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_') {
            letters += 1;
            continue;
        }
        if letters >= TOKEN_LETTERS_MIN && bytes[at..].starts_with(b"==") {
            return true;
        }
        letters = 0;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_hold_a_secret_is_not_shown() {
        for text in [
            "http://user:canary@h",
            "user:canary@h",
            "http://h/?u=me&p=canary",
            "https://h:1/path#canary",
        ] {
            assert!(!ShownValue::new(text).to_string().contains("canary"), "{text}");
        }
        assert_eq!(ShownValue::new("http:/h:8086").to_string(), "\"http:/h:8086\"");
    }

    #[test]
    fn knows_tokens_from_names() {
        let token = format!("{}==", "aB3_-".repeat(17));
        for text in [
            token.clone(),
            format!("x={token}"),
            format!("Token {token}, please"),
            format!("\"{token}\""),
        ] {
            assert!(looks_like_token(&text), "{text}");
        }
        let long_name = "a".repeat(200);
        for text in [
            "",
            "==",
            "plant",
            "r.host == \"a\"",
            "https://eu-central-1-1.aws.cloud2.influxdata.com",
            &long_name,
            "c2hvcnQ==",
        ] {
            assert!(!looks_like_token(text), "{text}");
        }
    }
}
