//! What such a table cannot carry.

use std::sync::Arc;

use crate::model::series::{Name, Series};
use crate::model::time::Timestamp;
use crate::wire::line::carry;

/// Labels that the reader takes for its own, whatever the column is said to be.
pub(crate) const RESERVED: [&[u8]; 4] = [b"_measurement", b"_time", b"_field", b"_value"];

/// Why `influx write --format csv` cannot carry something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum CsvUncarried {
    /// Line protocol cannot.
    #[error(transparent)]
    Line(carry::Uncarried),
    /// The reader of the CSV cuts its requests there.
    #[error("a line feed, which influx write does not pass on")]
    LineFeed,
    /// One of [`RESERVED`], or nothing but spaces.
    #[error("a tag key that influx write takes for its own")]
    TagLabel,
    /// The reader has no escape for it.
    #[error("the field key holds a backslash before a quote")]
    FieldKeyQuote,
}

impl From<carry::Uncarried> for CsvUncarried {
    fn from(reason: carry::Uncarried) -> Self {
        Self::Line(reason)
    }
}

/// Values that are not carried, all for one reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CsvRejected {
    /// Their series.
    pub series: Arc<Series>,
    /// Their field; `None` if series or time are the reason.
    pub field: Option<Name>,
    /// Time of the first of them.
    pub time: Timestamp,
    /// How many.
    pub values: u64,
    /// Why.
    pub reason: CsvUncarried,
}

/// True for a label that the reader takes for its own, or for none.
pub(super) fn is_taken(label: &[u8]) -> bool {
    RESERVED.contains(&label) || String::from_utf8_lossy(label).trim().is_empty()
}
