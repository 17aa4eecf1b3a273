//! Frames: what flows from the decoder to the encoder.

use std::sync::Arc;

use arrow::array::RecordBatch;

use super::series::{Name, Series};

/// The five field types of InfluxDB.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FieldType {
    /// 64-bit IEEE float; NaN and infinities cannot be stored.
    Float,
    /// Signed 64-bit.
    Integer,
    /// Unsigned 64-bit.
    Unsigned,
    /// Bytes, nearly always UTF-8.
    String,
    /// True or false.
    Boolean,
}

impl FieldType {
    /// All of them, in a fixed order that settles ties.
    pub const ALL: [Self; 5] =
        [Self::Float, Self::Integer, Self::Unsigned, Self::String, Self::Boolean];

    /// The name that InfluxDB gives it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Float => "float",
            Self::Integer => "integer",
            Self::Unsigned => "unsigned",
            Self::String => "string",
            Self::Boolean => "boolean",
        }
    }

    /// The one of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// One Arrow [`RecordBatch`] of one measurement and one type set: many series, each contiguous, with the fields
/// of one series and time merged into one row.
///
/// Column 0 is `time`: Timestamp(ns, UTC), not null. Column `1 + i` is `fields[i]`, nullable: Float64, Int64,
/// UInt64, Boolean, Utf8 (Binary where a value is not UTF-8). Tags are not repeated row by row: they are the same
/// for a whole run, so `runs` holds them once.
#[derive(Debug, Clone)]
pub struct Frame {
    /// The measurement of every row.
    pub measurement: Name,
    /// Name and type of each field column, in column order.
    pub fields: Vec<(Name, FieldType)>,
    /// Time and field columns.
    pub batch: RecordBatch,
    /// The series of the rows: run i covers the rows from the end of run i - 1 to its own end.
    pub runs: Vec<Run>,
    /// Field values in the frame: cells that are not null.
    pub values: u64,
}

/// Consecutive rows of one series, ascending in time.
#[derive(Debug, Clone)]
pub struct Run {
    /// First row after the run.
    pub end_row: usize,
    /// Whose rows they are.
    pub series: Arc<Series>,
}

impl Frame {
    /// Rows, which become lines.
    pub fn rows(&self) -> usize {
        self.batch.num_rows()
    }

    /// Bytes that it takes while it is held, its series among them.
    pub fn memory_bytes(&self) -> usize {
        let series: usize = self.runs.iter().map(|run| run.series.memory_bytes()).sum();
        self.batch.get_array_memory_size() + self.runs.len() * size_of::<Run>() + series
    }
}
