//! What can be wrong with an answer.

use crate::model::frame::FieldType;
use crate::model::series::{Name, Readable};
use crate::wire::frames::series_of::{KeyNotUnique, UnknownSeries};
use crate::wire::frames::suspect::SuspectPlace;

/// Why an answer cannot be used. What was decoded before it must not be committed. Bytes are counted from the start of the
/// answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A statement failed, or the whole query.
    #[error("the query failed: {message}")]
    Query {
        /// The server's words.
        message: String,
    },
    /// The answer stops too early.
    #[error("the answer is incomplete: {what} at byte {byte}")]
    Incomplete {
        /// Where it stops.
        byte: u64,
        /// What is missing.
        what: &'static str,
    },
    /// The answer is not what `/query` sends for the statements.
    #[error("unexpected InfluxQL answer at byte {byte}: {what}")]
    Malformed {
        /// Where.
        byte: u64,
        /// What is wrong.
        what: String,
    },
    /// A value is longer than any that InfluxDB can store.
    #[error("the value at byte {byte} is longer than {bytes_max} bytes")]
    TooLong {
        /// Where it begins.
        byte: u64,
        /// The bound.
        bytes_max: usize,
    },
    /// The answer is about another measurement than the statement.
    #[error(
        "a statement about measurement {} was answered with measurement {}",
        Readable(expected),
        Readable(found)
    )]
    WrongMeasurement {
        /// The statement's.
        expected: Name,
        /// The answer's.
        found: Name,
    },
    /// A column that is no known field of the measurement: it was added after the fields were listed.
    #[error(
        "measurement {} has a field that was not there when the fields were listed: {}",
        Readable(measurement),
        Readable(column)
    )]
    UnknownColumn {
        /// The measurement.
        measurement: Name,
        /// The column.
        column: Name,
    },
    /// A value that cannot be of its field's type: the field has another type here.
    #[error(
        "field {} of measurement {} holds {found} at byte {byte}, but its type is {expected:?}",
        Readable(column),
        Readable(measurement)
    )]
    WrongType {
        /// The measurement.
        measurement: Name,
        /// The field.
        column: Name,
        /// The type that the statement gives it.
        expected: FieldType,
        /// What came.
        found: String,
        /// Where.
        byte: u64,
    },
    /// NaN or infinity, which InfluxDB cannot store.
    #[error(
        "field {} of measurement {} is not finite at byte {byte}",
        Readable(column),
        Readable(measurement)
    )]
    NotFinite {
        /// The measurement.
        measurement: Name,
        /// The field.
        column: Name,
        /// Where.
        byte: u64,
    },
    /// A text that JSON may have changed: bytes that are not UTF-8 come as U+FFFD. Such a slice is to be read in another
    /// format.
    #[error(
        "measurement {} has {place} that holds U+FFFD, which JSON puts for bytes that are not UTF-8",
        Readable(measurement)
    )]
    NotExact {
        /// The measurement.
        measurement: Name,
        /// The text.
        place: SuspectPlace,
    },
    /// A key that the catalogue does not know; the slice is to be read in a form without keys.
    #[error(transparent)]
    UnknownSeries(#[from] UnknownSeries),
    /// A key that stands for several series; the slice is to be read in a form without keys.
    #[error(transparent)]
    KeyNotUnique(#[from] KeyNotUnique),
}

impl Error {
    pub(super) fn malformed(byte: u64, what: impl Into<String>) -> Self {
        Self::Malformed { byte, what: what.into() }
    }
}
