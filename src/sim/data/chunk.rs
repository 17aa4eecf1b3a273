//! The values of one field of one series inside one shard group, in columns.

use std::sync::Arc;

use crate::model::frame::FieldType;

/// One value.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// See [`FieldType::Float`].
    Float(f64),
    /// See [`FieldType::Integer`].
    Integer(i64),
    /// See [`FieldType::Unsigned`].
    Unsigned(u64),
    /// See [`FieldType::Boolean`].
    Boolean(bool),
    /// See [`FieldType::String`].
    String(Arc<[u8]>),
}

impl Value {
    /// Its type.
    pub const fn field_type(&self) -> FieldType {
        match self {
            Self::Float(_) => FieldType::Float,
            Self::Integer(_) => FieldType::Integer,
            Self::Unsigned(_) => FieldType::Unsigned,
            Self::Boolean(_) => FieldType::Boolean,
            Self::String(_) => FieldType::String,
        }
    }
}

/// What the engine says to a value of another type than the index told it.
pub(crate) fn type_panic(stored: FieldType, wanted: FieldType) -> String {
    let name = |field_type| match field_type {
        FieldType::Float => "FloatValue",
        FieldType::Integer => "IntegerValue",
        FieldType::Unsigned => "UnsignedValue",
        FieldType::Boolean => "BooleanValue",
        FieldType::String => "StringValue",
    };
    format!("interface conversion: tsm1.Value is tsm1.{}, not tsm1.{}", name(stored), name(wanted))
}

/// Values of one type.
#[derive(Debug, Clone, PartialEq)]
pub enum ColumnValues {
    /// See [`FieldType::Float`].
    Float(Vec<f64>),
    /// See [`FieldType::Integer`].
    Integer(Vec<i64>),
    /// See [`FieldType::Unsigned`].
    Unsigned(Vec<u64>),
    /// See [`FieldType::Boolean`].
    Boolean(Vec<bool>),
    /// See [`FieldType::String`].
    String(Vec<Arc<[u8]>>),
}

impl ColumnValues {
    /// No values of this type yet.
    pub const fn empty(field_type: FieldType) -> Self {
        match field_type {
            FieldType::Float => Self::Float(Vec::new()),
            FieldType::Integer => Self::Integer(Vec::new()),
            FieldType::Unsigned => Self::Unsigned(Vec::new()),
            FieldType::Boolean => Self::Boolean(Vec::new()),
            FieldType::String => Self::String(Vec::new()),
        }
    }

    /// The type of all values.
    pub const fn field_type(&self) -> FieldType {
        match self {
            Self::Float(_) => FieldType::Float,
            Self::Integer(_) => FieldType::Integer,
            Self::Unsigned(_) => FieldType::Unsigned,
            Self::Boolean(_) => FieldType::Boolean,
            Self::String(_) => FieldType::String,
        }
    }

    /// The value at `row`.
    pub fn get(&self, row: usize) -> Value {
        match self {
            Self::Float(v) => Value::Float(v[row]),
            Self::Integer(v) => Value::Integer(v[row]),
            Self::Unsigned(v) => Value::Unsigned(v[row]),
            Self::Boolean(v) => Value::Boolean(v[row]),
            Self::String(v) => Value::String(Arc::clone(&v[row])),
        }
    }

    /// A part of the column.
    pub(crate) fn slice(&self, rows: std::ops::Range<usize>) -> Self {
        match self {
            Self::Float(v) => Self::Float(v[rows].to_vec()),
            Self::Integer(v) => Self::Integer(v[rows].to_vec()),
            Self::Unsigned(v) => Self::Unsigned(v[rows].to_vec()),
            Self::Boolean(v) => Self::Boolean(v[rows].to_vec()),
            Self::String(v) => Self::String(v[rows].to_vec()),
        }
    }

    fn remove(&mut self, rows: std::ops::Range<usize>) {
        match self {
            Self::Float(v) => drop(v.drain(rows)),
            Self::Integer(v) => drop(v.drain(rows)),
            Self::Unsigned(v) => drop(v.drain(rows)),
            Self::Boolean(v) => drop(v.drain(rows)),
            Self::String(v) => drop(v.drain(rows)),
        }
    }

    /// Puts `value` at `row`, over the old one if `replace`. False if it has another type.
    fn put(&mut self, row: usize, value: Value, replace: bool) -> bool {
        fn at<T>(column: &mut Vec<T>, row: usize, value: T, replace: bool) -> bool {
            if replace {
                column[row] = value;
            } else {
                column.insert(row, value);
            }
            true
        }
        match (self, value) {
            (Self::Float(v), Value::Float(x)) => at(v, row, x, replace),
            (Self::Integer(v), Value::Integer(x)) => at(v, row, x, replace),
            (Self::Unsigned(v), Value::Unsigned(x)) => at(v, row, x, replace),
            (Self::Boolean(v), Value::Boolean(x)) => at(v, row, x, replace),
            (Self::String(v), Value::String(x)) => at(v, row, x, replace),
            _ => false,
        }
    }
}

/// Times, strictly ascending, and their values.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Chunk {
    pub(crate) times: Vec<i64>,
    pub(crate) values: ColumnValues,
}

impl Chunk {
    pub(crate) const fn empty(field_type: FieldType) -> Self {
        Self { times: Vec::new(), values: ColumnValues::empty(field_type) }
    }

    /// Sets the value at `time`; a later write of the same time wins. False if the type is another one.
    pub(crate) fn set(&mut self, time: i64, value: Value) -> bool {
        let (row, replace) = match self.times.last() {
            Some(&last) if time <= last => match self.times.binary_search(&time) {
                Ok(row) => (row, true),
                Err(row) => (row, false),
            },
            _ => (self.times.len(), false),
        };
        let fits = self.values.put(row, value, replace);
        if fits && !replace {
            self.times.insert(row, time);
        }
        fits
    }

    /// Forgets some rows.
    pub(crate) fn remove(&mut self, rows: std::ops::Range<usize>) {
        self.times.drain(rows.clone());
        self.values.remove(rows);
    }

    /// The rows with `start <= time < stop`.
    pub(crate) fn rows(&self, start: i64, stop: i64) -> std::ops::Range<usize> {
        let first = self.times.partition_point(|&time| time < start);
        first..self.times.partition_point(|&time| time < stop).max(first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_times_ascending_and_the_last_write() {
        let mut chunk = Chunk::empty(FieldType::Integer);
        for (time, value) in [(5, 1), (7, 2), (1, 3), (6, 4), (5, 9)] {
            assert!(chunk.set(time, Value::Integer(value)));
        }
        assert!(
            !chunk.set(8, Value::Float(1.0)),
            "another type is refused and leaves no time behind"
        );
        assert_eq!(chunk.times, [1, 5, 6, 7]);
        assert_eq!(chunk.values, ColumnValues::Integer(vec![3, 9, 4, 2]));
        assert_eq!(chunk.rows(5, 7), 1..3);
        assert_eq!(chunk.rows(8, 2), 4..4);
    }
}
