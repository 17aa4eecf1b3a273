//! What is said of an error to programs.

use serde_json::{Value, json};

use crate::model::side::Side;

/// What a program can do with an error, beside its words.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ErrorFacts {
    /// What it is, in one word.
    pub kind: &'static str,
    /// The end that it came from.
    pub side: Option<Side>,
    /// The status of that end's answer.
    pub status: Option<u16>,
    /// What to do about it, where that is known.
    pub cure: Option<String>,
}

impl ErrorFacts {
    pub(super) fn body(&self) -> Value {
        json!({
            "kind": self.kind,
            "side": self.side.map(|side| side.to_string()),
            "status": self.status,
            "cure": self.cure,
        })
    }
}
