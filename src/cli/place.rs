//! The place of a spool as it is typed, and what is typed there by mistake.

use std::path::Path;

use crate::config::shown::looks_like_token;

/// A folder or an address. A file of settings is none.
pub(super) fn read_place(word: &str) -> Result<String, String> {
    match is_settings_file(word) {
        Some(file) if Path::new(file).is_file() => {
            Err(format!("it is a file of settings, and no spool: did you mean --config {file}?"))
        }
        _ => Ok(word.to_owned()),
    }
}

/// A word that can only be a file of settings: no token ends so.
pub(super) fn is_settings_file(word: &str) -> Option<&str> {
    let is_plain = |c: char| c.is_alphanumeric() || "._-/~ ".contains(c);
    let path = Path::new(word);
    let is_toml = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("toml"));
    (is_toml && word.chars().all(is_plain) && !looks_like_token(word)).then_some(word)
}
