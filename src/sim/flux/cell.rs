//! What tables are made of: columns, and runs of rows that share everything but time and value.

use std::cmp::Ordering;
use std::ops::Range;
use std::sync::Arc;

use crate::model::frame::FieldType;
use crate::sim::data::chunk::{Chunk, Value};

/// The type of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum DatumKind {
    Boolean,
    Integer,
    Unsigned,
    Float,
    String,
    Time,
}

impl DatumKind {
    /// As the datatype annotation names it.
    pub(super) const fn annotation(self) -> &'static str {
        match self {
            Self::Boolean => "boolean",
            Self::Integer => "long",
            Self::Unsigned => "unsignedLong",
            Self::Float => "double",
            Self::String => "string",
            Self::Time => "dateTime:RFC3339",
        }
    }

    /// As error messages name it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Boolean => "bool",
            Self::Integer => "int",
            Self::Unsigned => "uint",
            Self::Float => "float",
            Self::String => "string",
            Self::Time => "time",
        }
    }
}

impl From<FieldType> for DatumKind {
    fn from(field_type: FieldType) -> Self {
        match field_type {
            FieldType::Float => Self::Float,
            FieldType::Integer => Self::Integer,
            FieldType::Unsigned => Self::Unsigned,
            FieldType::Boolean => Self::Boolean,
            FieldType::String => Self::String,
        }
    }
}

/// One cell.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Datum {
    Null,
    Boolean(bool),
    Integer(i64),
    Unsigned(u64),
    Float(f64),
    String(Arc<[u8]>),
    Time(i64),
}

impl Datum {
    pub(super) fn text(bytes: &[u8]) -> Self {
        Self::String(bytes.into())
    }

    /// The order inside one column; null comes last.
    pub(super) fn order(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Null, Self::Null) => Ordering::Equal,
            (Self::Null, _) => Ordering::Greater,
            (_, Self::Null) => Ordering::Less,
            (Self::Boolean(a), Self::Boolean(b)) => a.cmp(b),
            (Self::Integer(a), Self::Integer(b)) | (Self::Time(a), Self::Time(b)) => a.cmp(b),
            (Self::Unsigned(a), Self::Unsigned(b)) => a.cmp(b),
            (Self::Float(a), Self::Float(b)) => a.total_cmp(b),
            (Self::String(a), Self::String(b)) => a.cmp(b),
            _ => Ordering::Equal,
        }
    }
}

impl From<Value> for Datum {
    fn from(value: Value) -> Self {
        match value {
            Value::Float(v) => Self::Float(v),
            Value::Integer(v) => Self::Integer(v),
            Value::Unsigned(v) => Self::Unsigned(v),
            Value::Boolean(v) => Self::Boolean(v),
            Value::String(v) => Self::String(v),
        }
    }
}

/// Label, type, and whether the column is part of the group key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FluxColumn {
    pub(super) label: Arc<[u8]>,
    pub(super) kind: DatumKind,
    pub(super) key: bool,
}

impl FluxColumn {
    pub(super) fn new(label: &[u8], kind: DatumKind, key: bool) -> Self {
        Self { label: label.into(), kind, key }
    }
}

/// What a run of rows holds in one column.
#[derive(Debug, Clone)]
pub(super) enum RunCell {
    /// The same in every row.
    Same(Datum),
    /// The times of the chunk.
    Time,
    /// The values of the chunk.
    Value,
    /// The values of another chunk, whose rows are this far behind.
    Beside(Arc<Chunk>, isize),
    /// Rows of other chunks.
    Picked(Arc<Picked>),
}

/// A column put together from rows of several chunks.
#[derive(Debug)]
pub(super) struct Picked {
    pub(super) chunks: Vec<Arc<Chunk>>,
    /// For each row the chunk and its row; nothing for null.
    pub(super) rows: Vec<Option<(usize, usize)>>,
}

impl Picked {
    /// The chunk that holds the value of a row, and where.
    pub(super) fn place(&self, row: usize) -> Option<(&Chunk, usize)> {
        let (chunk, row) = self.rows[row]?;
        Some((&*self.chunks[chunk], row))
    }
}

/// Rows of one chunk.
#[derive(Debug, Clone)]
pub(super) struct Segment {
    pub(super) cells: Vec<RunCell>,
    pub(super) chunk: Arc<Chunk>,
    pub(super) rows: Range<usize>,
}

impl Segment {
    /// One row.
    pub(super) fn row(cells: impl IntoIterator<Item = Datum>) -> Self {
        let chunk = Arc::new(Chunk::empty(FieldType::Integer));
        Self { cells: cells.into_iter().map(RunCell::Same).collect(), chunk, rows: 0..1 }
    }

    pub(super) fn datum(&self, column: usize, row: usize) -> Datum {
        match &self.cells[column] {
            RunCell::Same(datum) => datum.clone(),
            RunCell::Time => Datum::Time(self.chunk.times[row]),
            RunCell::Value => self.chunk.values.get(row).into(),
            RunCell::Beside(chunk, behind) => {
                chunk.values.get(row.wrapping_add_signed(*behind)).into()
            }
            RunCell::Picked(picked) => {
                picked.place(row).map_or(Datum::Null, |(chunk, row)| chunk.values.get(row).into())
            }
        }
    }
}
