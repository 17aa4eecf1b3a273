//! A value in which both ends differ, and what removes it where only the destination has it.

use std::sync::Arc;

use crate::model::held_value::HeldValue;
use crate::model::series::{Name, Series};
use crate::model::time::Timestamp;

/// A value in which both ends differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValueDifference {
    /// Measurement and tags.
    pub series: Series,
    /// The field.
    pub field: Name,
    /// When.
    pub time: Timestamp,
    /// What the source holds, if anything.
    pub source: Option<HeldValue>,
    /// What the destination holds, if anything.
    pub destination: Option<HeldValue>,
    /// What removes it, if it is extra.
    pub delete: Deletion,
}

/// A delete that removes extra values alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExactDelete {
    /// The first time that goes.
    pub first: Timestamp,
    /// The last time that goes: InfluxDB takes the stop of a delete as a time that goes too.
    pub last: Timestamp,
    /// Which series.
    pub predicate: String,
}

/// Why there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum NoDelete {
    /// What else is there was not read, or not all of it.
    Unread,
    /// The names cannot stand in a predicate.
    Names,
    /// The series holds other values at that time.
    Fields,
    /// Other series hold values there, and have its tags too.
    Series,
}

impl NoDelete {
    /// For people.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Unread => "not all that is there was read",
            Self::Names => "no predicate has their names",
            Self::Fields => "other fields stand there at the same time",
            Self::Series => "series with more tags hold values there",
        }
    }
}

/// How a value is removed, if it is extra.
pub(crate) type Deletion = Option<Result<Arc<ExactDelete>, NoDelete>>;
