//! What a row of preflight speaks of, as fields for programs: numbers and names, each under one name in all rows.

use serde_json::{Map, Value};

/// Names and values, in the order in which they were given.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RowFacts(Vec<(&'static str, Value)>);

impl RowFacts {
    /// One more.
    pub(crate) fn add(&mut self, name: &'static str, value: impl Into<Value>) {
        self.0.push((name, value.into()));
    }

    /// What one of them holds.
    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        self.0.iter().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    /// As JSON.
    pub(super) fn object(&self) -> Value {
        let pairs = self.0.iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
        Value::Object(pairs.collect::<Map<_, _>>())
    }
}
