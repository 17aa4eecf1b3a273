//! The tokens that this program has seen, struck out of every text that leaves it. InfluxDB OSS takes any text for a token,
//! so none can be known by its form.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::limits::{SECRET_CHARS_MIN, SECRETS_KNOWN_MAX};

static KNOWN: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Strikes this token out of every text from now on. A shorter one than [`SECRET_CHARS_MIN`] could be any word.
pub(crate) fn learn(token: &str) {
    let token = token.trim();
    if token.len() < SECRET_CHARS_MIN {
        return;
    }
    let mut known = known();
    if known.iter().any(|known| known == token) {
        return;
    }
    if known.len() == SECRETS_KNOWN_MAX {
        known.remove(0);
    }
    known.push(token.to_owned());
}

/// The text without any token that was learnt.
pub(crate) fn redact(mut text: String) -> String {
    let known = known();
    let mut found: Vec<&String> = known.iter().filter(|token| text.contains(*token)).collect();
    // One may be the beginning of another.
    found.sort_by_key(|token| std::cmp::Reverse(token.len()));
    for token in found {
        text = text.replace(token, "(token)");
    }
    text
}

fn known() -> MutexGuard<'static, Vec<String>> {
    KNOWN.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_was_learnt_is_struck_out() {
        learn("  secrets-test-word \n");
        learn("secrets-test-word-and-more");
        learn("word");
        let text = "a secrets-test-word, secrets-test-word-and-more; a word".to_owned();
        assert_eq!(redact(text), "a (token), (token); a word");
    }
}
