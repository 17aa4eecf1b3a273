//! What can be wrong with an answer.

use std::fmt;

use crate::model::series::{Name, Readable};
use crate::wire::frames::series_of::{KeyNotUnique, UnknownSeries};
use crate::wire::frames::suspect::SuspectPlace;

/// Where a row begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Position {
    /// Bytes of the answer before the row.
    pub byte: u64,
    /// Rows before the row, of every kind.
    pub row: u64,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "row {} (byte {})", self.row + 1, self.byte)
    }
}

/// Why an answer cannot be used. What was decoded before it must not be committed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The query failed while its answer was under way.
    #[error("the query failed: {message}")]
    Query {
        /// The server's words.
        message: String,
        /// The server's reference, nearly always empty.
        reference: String,
    },
    /// The server broke down while its answer was under way and appended its JSON error to the rows.
    #[error("the server failed while it answered: {message}")]
    GluedError {
        /// The server's words.
        message: String,
    },
    /// The answer stops too early.
    #[error("the answer is incomplete: {what} at {position}")]
    Incomplete {
        /// Where it stops.
        position: Position,
        /// What is missing.
        what: &'static str,
    },
    /// The answer is not the annotated CSV that this program asks for.
    #[error("unexpected CSV at {position}: {what}")]
    Malformed {
        /// The row.
        position: Position,
        /// What is wrong with it.
        what: String,
    },
    /// A row is longer than any that InfluxDB can store.
    #[error("the row at {position} is longer than {bytes_max} bytes")]
    TooLong {
        /// The row.
        position: Position,
        /// The bound.
        bytes_max: usize,
    },
    /// Two columns of one label: a tag shares its name with a column of Flux and cannot be read.
    #[error("{} has a tag called {}, which Flux cannot read", Owner(measurement.as_deref()), Readable(label))]
    DuplicateColumn {
        /// The label.
        label: Name,
        /// The measurement, if a row tells it.
        measurement: Option<Name>,
    },
    /// A column of a type that no field has.
    #[error("column {} has the type {datatype}, which no field has", Readable(label))]
    UnsupportedType {
        /// The column.
        label: Name,
        /// Its type as the server names it.
        datatype: String,
    },
    /// NaN or infinity, which InfluxDB cannot store.
    #[error("the value at {position} is {text}, which InfluxDB cannot store")]
    NotFinite {
        /// The row.
        position: Position,
        /// The value.
        text: String,
    },
    /// A key that the catalogue does not know; the slice is to be read in a form without keys.
    #[error(transparent)]
    UnknownSeries(#[from] UnknownSeries),
    /// A key that stands for several series; the slice is to be read in a form without keys.
    #[error(transparent)]
    KeyNotUnique(#[from] KeyNotUnique),
    /// A name lost a carriage return, in a form that cannot set the values under it aside.
    #[error("{} has {place} that holds a carriage return, which this form of Flux cannot carry", Owner(measurement.as_deref()))]
    LostName {
        /// The measurement as it came, if it is known.
        measurement: Option<Name>,
        /// The name.
        place: SuspectPlace,
    },
    /// A field of strings in a pivoted answer, where an empty string looks like a missing one.
    #[error("field {} holds strings, which a pivoted answer cannot carry", Readable(label))]
    StringUnderPivot {
        /// The field.
        label: Name,
    },
    /// The answer holds another number of results than the query has yields.
    #[error("the answer holds {found} results instead of 1")]
    Results {
        /// How many there are.
        found: u64,
    },
}

impl Error {
    /// True for what is no annotated CSV, or not what was asked for: damaged on the way, or by somebody else than InfluxDB.
    /// What the rows tell is no damage.
    pub(crate) fn is_damage(&self) -> bool {
        matches!(
            self,
            Self::Malformed { .. }
                | Self::Incomplete { .. }
                | Self::TooLong { .. }
                | Self::UnsupportedType { .. }
        )
    }

    pub(super) fn malformed(position: Position, what: impl Into<String>) -> Self {
        Self::Malformed { position, what: what.into() }
    }
}

struct Owner<'a>(Option<&'a [u8]>);

impl fmt::Display for Owner<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(measurement) => write!(f, "measurement {}", Readable(measurement)),
            None => f.write_str("a measurement"),
        }
    }
}
