//! Tables of a query: columns, and runs of rows that share everything but time and value.

use std::cmp::Ordering;
use std::ops::Range;
use std::sync::Arc;

use super::super::chunk::{Chunk, FieldType, Value};
use super::pivot::Pivot;

/// The type of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Boolean,
    Integer,
    Unsigned,
    Float,
    String,
    Time,
}

impl Kind {
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

impl From<FieldType> for Kind {
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
pub(super) struct Column {
    pub(super) label: Arc<[u8]>,
    pub(super) kind: Kind,
    pub(super) key: bool,
}

impl Column {
    pub(super) fn new(label: &[u8], kind: Kind, key: bool) -> Self {
        Self { label: label.into(), kind, key }
    }
}

/// What a run of rows holds in one column.
#[derive(Debug, Clone)]
pub(super) enum Cell {
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
    pub(super) cells: Vec<Cell>,
    pub(super) chunk: Arc<Chunk>,
    pub(super) rows: Range<usize>,
}

impl Segment {
    /// One row.
    pub(super) fn row(cells: impl IntoIterator<Item = Datum>) -> Self {
        let chunk = Arc::new(Chunk::empty(FieldType::Integer));
        Self { cells: cells.into_iter().map(Cell::Same).collect(), chunk, rows: 0..1 }
    }

    pub(super) fn datum(&self, column: usize, row: usize) -> Datum {
        match &self.cells[column] {
            Cell::Same(datum) => datum.clone(),
            Cell::Time => Datum::Time(self.chunk.times[row]),
            Cell::Value => self.chunk.values.get(row).into(),
            Cell::Beside(chunk, behind) => {
                chunk.values.get(row.wrapping_add_signed(*behind)).into()
            }
            Cell::Picked(picked) => {
                picked.place(row).map_or(Datum::Null, |(chunk, row)| chunk.values.get(row).into())
            }
        }
    }
}

#[derive(Debug, Clone)]
pub(super) struct Table {
    pub(super) columns: Vec<Column>,
    pub(super) segments: Vec<Segment>,
    /// What the rows are made of once the table is written; until then it has no segments.
    pub(super) pivot: Option<Arc<Pivot>>,
}

/// A group key, sorted by label.
pub(super) type Key = Vec<(Arc<[u8]>, Kind, Datum)>;

impl Table {
    pub(super) const fn new(columns: Vec<Column>, segments: Vec<Segment>) -> Self {
        Self { columns, segments, pivot: None }
    }

    /// The table with its rows.
    pub(super) fn built(&self) -> Option<Self> {
        let segments = self.pivot.as_ref()?.segments(&self.columns);
        Some(Self::new(self.columns.clone(), segments))
    }

    pub(super) fn column(&self, label: &[u8]) -> Option<usize> {
        self.columns.iter().position(|column| &*column.label == label)
    }

    pub(super) fn rows(&self) -> u64 {
        self.segments.iter().map(|segment| segment.rows.len() as u64).sum()
    }

    /// Every row as (segment, row).
    pub(super) fn each_row(&self) -> impl Iterator<Item = (&Segment, usize)> {
        self.segments.iter().flat_map(|segment| segment.rows.clone().map(move |row| (segment, row)))
    }

    /// A table of one of this table's rows.
    pub(super) fn only_row(&self, segment: &Segment, row: usize) -> Self {
        let cells: Vec<_> =
            (0..self.columns.len()).map(|column| segment.datum(column, row)).collect();
        Self::new(self.columns.clone(), vec![Segment::row(cells)])
    }

    /// The columns at these places, in this order.
    pub(super) fn select(&self, places: &[usize]) -> Self {
        let pick = |segment: &Segment| Segment {
            cells: places.iter().map(|&place| segment.cells[place].clone()).collect(),
            chunk: Arc::clone(&segment.chunk),
            rows: segment.rows.clone(),
        };
        Self::new(
            places.iter().map(|&place| self.columns[place].clone()).collect(),
            self.segments.iter().map(pick).collect(),
        )
    }

    /// The group key, sorted by label.
    pub(super) fn key(&self) -> Key {
        let mut key: Vec<_> = (0..self.columns.len())
            .filter(|&place| self.columns[place].key)
            .filter_map(|place| {
                let column = &self.columns[place];
                let first = self.segments.first()?;
                Some((Arc::clone(&column.label), column.kind, first.datum(place, first.rows.start)))
            })
            .collect();
        key.sort_by(|a, b| a.0.cmp(&b.0));
        key
    }

    /// Appends the rows of `other`; columns that one side lacks are null there.
    fn append(&mut self, other: Self) -> Result<(), String> {
        if self.columns == other.columns {
            self.segments.extend(other.segments);
            return Ok(());
        }
        for column in &other.columns {
            match self.columns.iter().find(|known| known.label == column.label) {
                Some(known) if known.kind != column.kind => {
                    return Err(format!(
                        "schema collision detected: column \"{}\" is both of type {} and {}",
                        String::from_utf8_lossy(&column.label),
                        column.kind.name(),
                        known.kind.name()
                    ));
                }
                Some(_) => {}
                None => {
                    self.columns.push(column.clone());
                    self.segments
                        .iter_mut()
                        .for_each(|segment| segment.cells.push(Cell::Same(Datum::Null)));
                }
            }
        }
        let places: Vec<_> =
            self.columns.iter().map(|column| other.column(&column.label)).collect();
        self.segments.extend(other.segments.into_iter().map(|segment| {
            let cell = |place: &Option<usize>| {
                place.map_or(Cell::Same(Datum::Null), |place| segment.cells[place].clone())
            };
            Segment {
                cells: places.iter().map(cell).collect(),
                chunk: segment.chunk,
                rows: segment.rows,
            }
        }));
        Ok(())
    }
}

/// Sorts tables by group key and joins those whose keys are equal.
pub(super) fn merge_by_key(tables: Vec<Table>) -> Result<Vec<Table>, String> {
    let mut keyed: Vec<_> = tables.into_iter().map(|table| (table.key(), table)).collect();
    keyed.sort_by(|a, b| compare_keys(&a.0, &b.0));
    let mut merged: Vec<(Vec<_>, Table)> = Vec::with_capacity(keyed.len());
    for (key, table) in keyed {
        match merged.last_mut() {
            Some((last, into)) if compare_keys(last, &key).is_eq() => into.append(table)?,
            _ => merged.push((key, table)),
        }
    }
    Ok(merged.into_iter().map(|(_, table)| table).collect())
}

pub(super) fn compare_keys(
    a: &[(Arc<[u8]>, Kind, Datum)],
    b: &[(Arc<[u8]>, Kind, Datum)],
) -> Ordering {
    a.iter()
        .zip(b)
        // A key that lacks the first label in which two differ comes first: null is less than all.
        .map(|(x, y)| y.0.cmp(&x.0).then(x.1.cmp(&y.1)).then_with(|| x.2.order(&y.2)))
        .find(|order| order.is_ne())
        .unwrap_or_else(|| a.len().cmp(&b.len()))
}

/// What flows between two operations: tables, then perhaps the error that ends the stream.
#[derive(Debug, Default)]
pub(super) struct Stream {
    pub(super) tables: Vec<Table>,
    pub(super) error: Option<StreamError>,
}

/// An error in mid-stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum StreamError {
    /// Ends the stream with an error table.
    Fails { message: String, internal: bool },
    /// The encoder itself breaks down, and the HTTP handler notices.
    Panics {
        text: String,
        /// Of the table whose rows could not be read.
        columns: Vec<Column>,
    },
}
