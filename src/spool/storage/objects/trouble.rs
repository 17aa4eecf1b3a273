//! What the errors of an object store mean, and how they are told.

use std::error::Error as StdError;

use crate::limits::ERROR_SHOWN_CHARS_MAX;
use crate::spool::error::Error;

/// Texts that must not be shown.
#[derive(Clone, Default)]
pub(crate) struct Secrets(Vec<String>);

/// Shorter ones would be found in every other word.
const SECRET_CHARS_MIN: usize = 4;

impl Secrets {
    pub(crate) fn new(mut texts: Vec<String>) -> Self {
        texts.retain(|text| text.len() >= SECRET_CHARS_MIN);
        // The longest first: one may be a part of another.
        texts.sort_by_key(|text| std::cmp::Reverse(text.len()));
        Self(texts)
    }

    /// An error with all that is known of its causes, in one line without secrets.
    pub(crate) fn told(&self, error: &dyn StdError) -> String {
        let mut text = error.to_string();
        let mut cause = error.source();
        while let Some(below) = cause {
            let own = below.to_string();
            // Most errors repeat their cause.
            if !text.contains(&own) {
                text = format!("{text}: {own}");
            }
            cause = below.source();
        }
        for secret in &self.0 {
            text = text.replace(secret, "***");
        }
        let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
        line.chars().take(ERROR_SHOWN_CHARS_MAX).collect()
    }

    /// An error at an object.
    pub(super) fn error(&self, name: &str, error: &object_store::Error) -> Error {
        let (file, what) = (name.to_owned(), self.told(error));
        if may_pass(error) { Error::Objects { file, what } } else { Error::Refused { file, what } }
    }
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} secrets", self.0.len())
    }
}

/// True if the same may work a little later: all but what the store has judged.
pub(super) fn may_pass(error: &object_store::Error) -> bool {
    use object_store::Error as Failure;
    matches!(error, Failure::Generic { .. } | Failure::JoinError { .. })
}

/// True if something stands where nothing should, or something else than was expected.
pub(super) fn is_condition(error: &object_store::Error) -> bool {
    use object_store::Error as Failure;
    matches!(
        error,
        Failure::AlreadyExists { .. } | Failure::Precondition { .. } | Failure::NotModified { .. }
    )
}
